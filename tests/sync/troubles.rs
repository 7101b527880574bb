//! What goes wrong with Palette: what passes is no failure, and what stays has a message and takes nothing away.

use std::time::Duration;

use crate::harness::{Ended, Site, held};
use crate::stand_in::{Fault, Tenant};

/// Ends with 3 and these words, and leaves what was there.
fn refused(site: &Site, arguments: &[&str], said: &[&str]) -> Ended {
    let before = std::fs::read(site.path("directory.json")).ok();
    let ended = site.once_with(arguments);
    assert_eq!(ended.code, 3, "{}", ended.err);
    for said in said {
        assert!(
            ended.err.contains(said),
            "{said:?} is not in:\n{}",
            ended.err
        );
    }
    assert_eq!(std::fs::read(site.path("directory.json")).ok(), before);
    ended
}

#[test]
fn what_passes_is_no_failure() {
    for fault in [
        Fault::Status(429, Some(0)),
        Fault::Status(500, None),
        Fault::Status(503, Some(0)),
        Fault::Half,
        Fault::BadJson,
    ] {
        let site = Site::new(Tenant::sample());
        site.palette.fault("/v1/projects/", fault.clone(), 2);
        let ended = site.once();
        assert_eq!(ended.code, 0, "{fault:?}: {}", ended.err);
    }
}

#[test]
fn what_stays_has_a_message() {
    for (fault, said) in [
        (
            Fault::Status(429, Some(0)),
            "too many requests from this address (429) (after 2 tries)",
        ),
        (
            Fault::Status(500, None),
            "Palette failed (500: a fault) (after 2 tries)",
        ),
        (Fault::Half, "cannot be reached"),
        (Fault::BadJson, "the answer is broken"),
        (
            Fault::Status(418, None),
            "not an answer that is documented (418: a fault)",
        ),
        (
            Fault::Status(403, None),
            "give it the tenant role Tenant Viewer",
        ),
        (Fault::Redirect, "where the key is not sent"),
    ] {
        let site = Site::new(Tenant::sample());
        site.synced();
        site.palette.fault("/v1/projects/", fault, 1000);
        refused(&site, &["--tries", "2"], &["GET /v1/projects/", said]);
    }
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for() {
    let site = Site::new(Tenant::sample());
    site.palette
        .fault("/v1/teams", Fault::Slow(Duration::from_mins(1)), 1000);
    refused(
        &site,
        &["--answer-timeout", "200ms", "--tries", "2"],
        &["GET /v1/teams: no answer within 0 s (after 2 tries)"],
    );
    refused(
        &site,
        &["--sync-timeout", "500ms"],
        &["Palette was not read within 0 s (--sync-timeout)"],
    );
}

#[test]
fn a_key_that_is_not_accepted_is_said_with_what_to_do() {
    let site = Site::new(Tenant::sample());
    std::fs::write(site.path("key"), "another-key").unwrap();
    refused(
        &site,
        &[],
        &["does not accept the key (401", "make a new one in Palette"],
    );
    std::fs::write(site.path("key"), "\n").unwrap();
    refused(&site, &[], &["the key file", "is empty"]);
    std::fs::write(site.path("key"), "two words").unwrap();
    refused(&site, &[], &["has more in it than a key"]);
    std::fs::remove_file(site.path("key")).unwrap();
    refused(&site, &[], &["cannot read the key file"]);
}

#[test]
fn weak_rights_end_the_sync() {
    // Fewer rows without an error: the list of users is without the reader itself.
    let site = Site::new(Tenant::sample());
    site.palette.change(|tenant| {
        let reader = tenant.reader.clone();
        tenant.users.remove(&reader);
    });
    refused(&site, &[], &["its own user is not in the list of users"]);
    // A role that may list users and nothing else.
    let mut tenant = Tenant::sample();
    let weak = tenant.add_role(
        "Lister",
        &["user.get", "user.list", "team.get", "team.list"],
    );
    tenant.user_mut("reader@orchard.test").roles = vec![weak];
    refused(
        &Site::new(tenant),
        &[],
        &["its user lacks role.get, role.list, project.get, project.list, cluster.get"],
    );
    // An empty tenant.
    let site = Site::new(Tenant::sample());
    site.synced();
    site.palette.change(|tenant| {
        tenant.users.clear();
        tenant.teams.clear();
    });
    refused(&site, &[], &["does not see all of the tenant"]);
}

#[test]
fn projects_that_do_not_say_who_holds_what_are_found_out() {
    let mut tenant = Tenant::sample();
    for number in 0..30 {
        let name = format!("user-{number}@orchard.test");
        tenant.add_user(&name);
        tenant.grant(&name, "Cluster Viewer", "orchard-prod");
    }
    let site = Site::new(tenant);
    let honest = site.synced();
    site.palette.fault("/v1/projects/", Fault::NoMembers, 1000);
    let ended = site.once();
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.err.contains("each of their members is asked"),
        "{}",
        ended.err
    );
    let found = site.snapshot();
    assert_eq!(found.users, honest.users);
    assert_eq!(found.teams, honest.teams);
}

#[test]
fn a_cluster_that_palette_does_not_know_is_said() {
    let site = Site::new(Tenant::sample());
    let to = format!("file:{}", site.path("directory.json").display());
    let ended = site.run(&[
        "--cluster-uid",
        "70a1b2c3d4e5f60718294001",
        "--to",
        &to,
        "--once",
    ]);
    assert_eq!(ended.code, 3);
    assert!(
        ended
            .err
            .contains("no cluster with uid `70a1b2c3d4e5f60718294001`"),
        "{}",
        ended.err
    );
}

#[test]
fn what_vanishes_between_a_list_and_a_look_is_listed_again() {
    let site = Site::new(Tenant::sample());
    site.palette
        .fault("/v1/projects/", Fault::Status(404, None), 1);
    let snapshot = site.synced();
    assert_eq!(
        held(&snapshot, "omar@orchard.test"),
        ["Cluster Viewer (project orchard-prod)"]
    );
    site.palette
        .fault("/v1/projects/", Fault::Status(404, None), 1000);
    refused(&site, &[], &["GET /v1/projects/", "there is none (404"]);
}

#[test]
fn a_palette_that_is_not_there_and_one_that_is_not_trusted_are_told_apart() {
    let site = Site::new(Tenant::sample());
    let to = format!("file:{}", site.path("directory.json").display());
    let at = |url: &str| site.run(&["--palette-url", url, "--to", &to, "--once", "--tries", "1"]);
    // Nobody listens on the port that was just let go.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gone = at(&format!("https://{free}"));
    assert!(
        gone.code == 3 && gone.err.contains("cannot be reached"),
        "{}",
        gone.err
    );
    let plain = at("http://palette.example.com");
    assert!(
        plain.code == 2 && plain.err.contains("must begin with https://"),
        "{}",
        plain.err
    );
    let no_url = at("palette");
    assert!(
        no_url.code == 2 && no_url.err.contains("is no address"),
        "{}",
        no_url.err
    );
}
