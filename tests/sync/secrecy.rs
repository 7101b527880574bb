//! The key is nowhere but in its file and in the header.

use crate::harness::Site;
use crate::stand_in::{Fault, Tenant};

#[test]
fn the_key_is_in_nothing_that_is_written() {
    let site = Site::new(Tenant::sample());
    let key = std::fs::read_to_string(site.path("key")).unwrap();
    let key = key.trim();
    let mut written = vec![];
    written.push(site.once_with(&["--log-level", "trace"]).err);
    written.push(String::from_utf8(site.text()).unwrap());
    for fault in [
        Fault::EchoesKey,
        Fault::BadJson,
        Fault::Status(401, None),
        Fault::Redirect,
        Fault::Half,
    ] {
        site.palette.fault("/v1/projects/", fault, 1000);
        let ended = site.once_with(&["--tries", "1", "--log-level", "trace"]);
        assert_eq!(ended.code, 3);
        written.push(ended.err);
        site.palette.mend();
    }
    for text in &written {
        assert!(!text.contains(key), "{text}");
    }
    assert!(
        written
            .iter()
            .any(|text| text.contains("key [key] may not"))
    );
}
