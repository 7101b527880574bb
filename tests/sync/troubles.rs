//! What goes wrong with Palette: what passes is no failure, and what stays has a message and takes nothing away.

use std::io::{BufRead, BufReader, Write as _};

use std::time::Duration;

use crate::harness::{Ended, Site, held};
use crate::identity::Ca;
use crate::stand_in::{Fault, StandIn, Tenant};

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

#[test]
fn a_private_ca_is_trusted_where_it_is_named_and_nobody_elses() {
    let ca = Ca::new();
    let pair = ca.serving();
    let mut site = Site::new(Tenant::sample());
    site.palette = StandIn::start_tls(Tenant::sample(), &pair.certificate, &pair.key);
    for (name, text) in [
        ("ca.crt", &*ca.pem),
        ("other.crt", &*Ca::new().pem),
        ("no.crt", "no certificate"),
    ] {
        std::fs::write(site.path(name), text).unwrap();
    }
    let named = |name: &str| site.path(name).display().to_string();
    let said = "its certificate is not trusted";
    refused(
        &site,
        &["--tries", "1"],
        &[said, "--palette-ca names the CA"],
    );
    refused(
        &site,
        &["--tries", "1", "--palette-ca", &named("other.crt")],
        &[said],
    );
    let ended = site.once_with(&["--palette-ca", &named("no.crt")]);
    assert!(
        ended.code == 2 && ended.err.contains("no certificate in it"),
        "{}",
        ended.err
    );
    let ended = site.once_with(&["--palette-ca", &named("ca.crt")]);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn a_proxy_is_taken_from_the_usual_variables() {
    let site = Site::new(Tenant::sample());
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        stream
            .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        line
    });
    let to = format!("file:{}", site.path("directory.json").display());
    let arguments = [
        "--palette-url",
        "https://palette.example.com",
        "--to",
        &to,
        "--once",
        "--tries",
        "1",
    ];
    let output = site
        .command(&arguments)
        .env("HTTPS_PROXY", address)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        asked
            .join()
            .unwrap()
            .starts_with("CONNECT palette.example.com:443 ")
    );
}

/// A key that is replaced is used from the next request on, and SIGHUP asks for a sync at once.
#[test]
fn a_key_may_be_replaced_while_it_runs() {
    let site = Site::new(Tenant::sample());
    let cluster = site.palette.change(|tenant| tenant.cluster());
    let to = format!("file:{}", site.path("directory.json").display());
    let arguments = [
        "--cluster-uid",
        &*cluster,
        "--to",
        &to,
        "--admin-listen",
        "127.0.0.1:0",
        "--hint-interval",
        "0s",
    ];
    let mut running = site.command(&arguments).spawn().unwrap();
    until(|| site.path("directory.json").exists());
    site.palette.change(|tenant| {
        tenant.key = "another-key-of-the-orchard".to_owned();
        tenant.grant("omar@orchard.test", "Virtual Machine User", "orchard-prod");
    });
    std::fs::write(site.path("key"), "another-key-of-the-orchard").unwrap();
    until(|| {
        let hangup = std::process::Command::new("sh")
            .args([
                "-c",
                r#"kill -s HUP "$1""#,
                "kill",
                &running.id().to_string(),
            ])
            .status();
        assert!(hangup.unwrap().success());
        let given = "Virtual Machine User (project orchard-prod)".to_owned();
        held(&site.snapshot(), "omar@orchard.test").contains(&given)
    });
    running.kill().unwrap();
    running.wait().unwrap();
}

fn until(condition: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_mins(1), "waited too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// At ten requests a second, Palette's own limit, nothing is told to slow down.
#[test]
fn the_documented_limit_is_never_met() {
    let mut tenant = Tenant::sample();
    for number in 0..900 {
        tenant.add_user(&format!("user-{number}@orchard.test"));
    }
    let site = Site::new(tenant);
    site.palette.limit(10);
    let ended = site.once_with(&["--requests-per-second", "10", "--tries", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
}
