//! How many requests a reading takes.

use crate::harness::Site;
use crate::stand_in::Tenant;

#[test]
fn a_large_tenant_takes_no_more_requests_than_it_must() {
    let site = Site::new(Tenant::large());
    let snapshot = site.synced();
    let of_cluster = site.requests();
    assert_eq!(snapshot.users.len(), 20_000);
    assert!(of_cluster <= 430, "{of_cluster} requests for one cluster");
    let to = format!("file:{}", site.path("all.json").display());
    let ended = site.run(&["--to", &to, "--once"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let of_all = site.requests();
    assert!(of_all <= 470, "{of_all} requests for all projects");
}
