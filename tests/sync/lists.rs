//! Lists in pages: every length around a page, and each way in which a list is not whole.

use std::time::Duration;

use crate::harness::Site;
use crate::stand_in::{Fault, Tenant};

fn site_of(users: usize) -> Site {
    let mut tenant = Tenant::sample();
    for number in tenant.users.len()..users {
        tenant.add_user(&format!("user-{number}@orchard.test"));
    }
    Site::new(tenant)
}

#[test]
fn every_length_around_a_page_is_read_whole() {
    for count in [4, 49, 50, 51, 99, 100, 101] {
        assert_eq!(site_of(count).synced().users.len(), count);
    }
}

/// What is wrong once is listed again; what is wrong each time ends the sync.
#[test]
fn a_list_that_is_not_whole_is_read_again_and_never_believed() {
    for (fault, said) in [
        (Fault::RowTwice, "comes twice"),
        (Fault::RowMissing, "rows came where"),
        (Fault::OtherCount, "rows came where"),
        (Fault::SamePage, "the pages do not end"),
    ] {
        let site = site_of(101);
        site.palette.fault("/v1/users", fault.clone(), 1);
        let ended = site.once();
        assert_eq!(ended.code, 0, "{fault:?}: {}", ended.err);
        let before = site.text();
        site.palette.fault("/v1/users", fault.clone(), 1000);
        let ended = site.once();
        assert_eq!(ended.code, 3, "{fault:?}: {}", ended.err);
        let is_said = ended.err.contains(said) || ended.err.contains("comes twice");
        assert!(
            is_said && ended.err.contains("GET /v1/users"),
            "{fault:?}: {}",
            ended.err
        );
        assert_eq!(site.text(), before, "what was there stays");
    }
}

#[test]
fn a_list_that_changes_while_it_is_read_is_read_again() {
    let site = site_of(200);
    site.palette
        .fault("/v1/users", Fault::Slow(Duration::from_millis(20)), 1000);
    let mut running = site
        .command(&[
            "--to",
            &format!("file:{}", site.path("directory.json").display()),
            "--once",
        ])
        .spawn()
        .unwrap();
    let mut added = 0;
    while running.try_wait().unwrap().is_none() {
        if added < 3
            && site
                .palette
                .asked()
                .iter()
                .any(|asked| asked == "GET /v1/users")
        {
            site.palette
                .change(|tenant| tenant.add_user(&format!("new-{added}@orchard.test")));
            added += 1;
        }
        std::thread::yield_now();
    }
    // Added each time it was listed, it may have been too much; half a list never counts.
    if running.wait().unwrap().success() {
        assert_eq!(site.snapshot().users.len(), 200 + added);
    } else {
        assert!(!site.path("directory.json").exists());
    }
}
