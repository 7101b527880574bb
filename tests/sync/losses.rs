//! What a sync takes away: looked at twice, held back where it is too much, and by uid.

use crate::harness::{Site, held};
use crate::stand_in::{Fault, Tenant};

fn many(users: usize) -> Tenant {
    let mut tenant = Tenant::sample();
    for number in 0..users {
        let name = format!("user-{number}@orchard.test");
        tenant.add_user(&name);
        tenant.grant(&name, "Cluster Viewer", "orchard-prod");
    }
    tenant
}

#[test]
fn what_is_taken_away_in_palette_is_taken_away_here() {
    let site = Site::new(many(3));
    site.synced();
    site.palette
        .change(|tenant| tenant.revoke("user-1@orchard.test", "Cluster Viewer", "orchard-prod"));
    let ended = site.once();
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended
            .err
            .contains("- user user-1@orchard.test loses Cluster Viewer (project orchard-prod)"),
        "{}",
        ended.err
    );
    assert_eq!(held(&site.snapshot(), "user-1@orchard.test"), [""; 0]);
}

#[test]
fn a_project_that_is_short_once_takes_nothing_away() {
    let site = Site::new(many(3));
    let before = site.synced();
    // Twice: by itself it would be found out by its members.
    site.palette.fault("/v1/projects/", Fault::NoMembers, 1);
    site.palette
        .fault("/v1/dashboard/projects", Fault::RowMissing, 1);
    let ended = site.once();
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(site.snapshot().users, before.users);
}

#[test]
fn a_sync_that_takes_too_much_waits_for_a_person() {
    let site = Site::new(many(40));
    let before = site.synced();
    site.palette
        .change(|tenant| tenant.project_mut("orchard-prod").users.clear());
    let ended = site.once();
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(
        ended
            .err
            .contains("held back: 41 of 44 who hold something would lose something"),
        "{}",
        ended.err
    );
    assert!(
        ended
            .err
            .contains("- user user-7@orchard.test loses Cluster Viewer"),
        "{}",
        ended.err
    );
    assert_eq!(site.snapshot().users, before.users);
    let digest = ended
        .err
        .split("--accept-loss ")
        .nth(1)
        .unwrap()
        .split('`')
        .next()
        .unwrap();
    let wrong = site.once_with(&["--accept-loss", "0123456789ab"]);
    assert_eq!(wrong.code, 3);
    let accepted = site.once_with(&["--accept-loss", digest]);
    assert_eq!(accepted.code, 0, "{}", accepted.err);
    assert_eq!(held(&site.snapshot(), "user-7@orchard.test"), [""; 0]);
}

#[test]
fn ten_may_always_lose_something_and_the_part_is_a_flag() {
    let site = Site::new(many(40));
    site.synced();
    let revoke = |range: std::ops::Range<usize>| {
        site.palette.change(|tenant| {
            for number in range {
                let name = format!("user-{number}@orchard.test");
                tenant.revoke(&name, "Cluster Viewer", "orchard-prod");
            }
        });
    };
    revoke(0..10);
    assert_eq!(site.once_with(&["--max-loss", "0"]).code, 0);
    revoke(10..21);
    assert_eq!(site.once_with(&["--max-loss", "20%"]).code, 3);
    assert_eq!(site.once_with(&["--max-loss", "40"]).code, 0);
}

/// Who decommissions a cluster takes nothing away from the others.
#[test]
fn what_nobody_asks_for_any_more_is_no_loss() {
    let mut tenant = many(2);
    let first = tenant.cluster();
    let project = tenant.add_project("elsewhere");
    let second = tenant.add_cluster("press-2", Some(&project));
    for number in 0..40 {
        let name = format!("other-{number}@orchard.test");
        tenant.add_user(&name);
        tenant.grant(&name, "Cluster Viewer", "elsewhere");
    }
    let site = Site::new(tenant);
    let both = site.once_with(&["--cluster-uid", &second]);
    assert_eq!(both.code, 0, "{}", both.err);
    assert_eq!(site.snapshot().clusters.len(), 2);
    site.palette
        .change(|tenant| tenant.revoke("user-1@orchard.test", "Cluster Viewer", "orchard-prod"));
    let one = site.once();
    assert_eq!(one.code, 0, "{}", one.err);
    assert!(one.err.contains("gains=0 losses=1"), "{}", one.err);
    assert_eq!(site.snapshot().clusters[0].uid, first);
}

#[test]
fn another_tenant_is_not_written_over_this_one() {
    let site = Site::new(Tenant::sample());
    site.synced();
    site.palette
        .change(|tenant| tenant.uid = crate::stand_in::uid(0x70, 99));
    let ended = site.once();
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains("another tenant"), "{}", ended.err);
}

#[test]
fn a_new_name_is_a_new_name_and_no_loss() {
    let site = Site::new(Tenant::sample());
    site.synced();
    site.palette.change(|tenant| {
        tenant.user_mut("ines@orchard.test").name = "ines.mbeki@orchard.test".to_owned();
        let team = tenant.team("pickers");
        tenant.teams.get_mut(&team).unwrap().name = "harvesters".to_owned();
    });
    let ended = site.once();
    assert_eq!(ended.code, 0, "{}", ended.err);
    for line in [
        "~ user ines@orchard.test is now ines.mbeki@orchard.test: bindings to the old name bind nobody",
        "~ team pickers is now harvesters",
        "gains=0 losses=0 renamed=2",
    ] {
        assert!(ended.err.contains(line), "{line}\nnot in\n{}", ended.err);
    }
}

#[test]
fn a_file_of_somebody_elses_is_not_written_over() {
    let site = Site::new(Tenant::sample());
    std::fs::write(
        site.path("directory.json"),
        "apiVersion: palette-rbac.io/v1alpha1\nkind: Directory\n",
    )
    .unwrap();
    let ended = site.once();
    assert_eq!(ended.code, 3);
    assert!(
        ended
            .err
            .contains("not a snapshot that `palette-rbac sync` wrote"),
        "{}",
        ended.err
    );
}
