//! `sync --listen`: each cluster has its own snapshot, and nobody another's.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Site, held};
use crate::identity::{Ca, Pair};
use crate::stand_in::Tenant;
use palette_rbac::directory::Snapshot;

/// A hub that runs; it ends with the test.
struct Hub {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    ca: Ca,
}

/// What a cluster is answered.
struct Answer {
    status: u16,
    tag: Option<String>,
    as_of: Option<String>,
    body: Vec<u8>,
}

impl Hub {
    fn start(site: &Site, arguments: &[&str]) -> Self {
        let ca = Ca::new();
        let pair = ca.serving();
        std::fs::write(site.path("tls.crt"), pair.certificate).unwrap();
        std::fs::write(site.path("tls.key"), pair.key).unwrap();
        std::fs::write(site.path("ca.crt"), &ca.pem).unwrap();
        let path = |name: &str| site.path(name).display().to_string();
        let (certificate, key, authority, tokens) = (
            path("tls.crt"),
            path("tls.key"),
            path("ca.crt"),
            path("tokens"),
        );
        let mut all = vec!["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        all.extend([
            "--tls-cert",
            &certificate,
            "--tls-key",
            &key,
            "--client-ca",
            &authority,
        ]);
        all.extend([
            "--cluster-tokens",
            &tokens,
            "--log-format",
            "json",
            "--hint-interval",
            "200ms",
        ]);
        all.extend(arguments);
        let mut child = site.command(&all).stderr(Stdio::piped()).spawn().unwrap();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (lines, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut hub = Self {
            child,
            address: "127.0.0.1:0".parse().unwrap(),
            log,
            ca,
        };
        hub.address = until("the hub to listen", || {
            let log = hub.log.lock().unwrap();
            let mut lines = log
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let line = lines.find(|line| line["endpoint"] == "hub")?;
            line["address"].as_str()?.parse().ok()
        });
        hub
    }

    fn ask(
        &self,
        cluster: &str,
        token: Option<&str>,
        tag: Option<&str>,
        pair: Option<&Pair>,
    ) -> Answer {
        let mut builder = reqwest::Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(self.ca.pem.as_bytes()).unwrap());
        if let Some(pair) = pair {
            let pem = format!("{}{}", pair.certificate, pair.key);
            builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        let client = builder.build().unwrap();
        let mut request = client.get(format!("https://{}/v1/directories/{cluster}", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = request.send().await.unwrap();
            let header =
                |name: &str| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
            Answer {
                status: response.status().as_u16(),
                tag: header("etag"),
                as_of: header("palette-rbac-as-of"),
                body: response.bytes().await.unwrap().to_vec(),
            }
        })
    }

    fn until_there(&self, cluster: &str, token: &str) -> Answer {
        until("the snapshot", || {
            let answer = self.ask(cluster, Some(token), None, None);
            (answer.status == 200).then_some(answer)
        })
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // Gone already, or to be gone now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Two clusters in two projects, and a token for each.
fn fleet() -> (Site, [String; 2]) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut tenant = Tenant::sample();
    let first = tenant.cluster();
    let project = tenant.add_project("elsewhere");
    let second = tenant.add_cluster("press-2", Some(&project));
    tenant.add_user("zara@orchard.test");
    tenant.grant("zara@orchard.test", "Cluster Viewer", "elsewhere");
    let site = Site::new(tenant);
    std::fs::create_dir(site.path("tokens")).unwrap();
    std::fs::write(site.path("tokens").join(&first), format!("{}\n", token(1))).unwrap();
    std::fs::write(site.path("tokens").join(&second), token(2)).unwrap();
    (site, [first, second])
}

fn token(number: u8) -> String {
    format!("{number:064x}")
}

#[test]
fn each_cluster_has_its_own_snapshot() {
    let (site, [first, second]) = fleet();
    let hub = Hub::start(&site, &[]);
    let own = hub.until_there(&first, &token(1));
    let others = hub.until_there(&second, &token(2));
    let snapshot = |answer: &Answer| Snapshot::from_json(&answer.body).unwrap();
    let (own, others) = (snapshot(&own), snapshot(&others));
    assert_eq!(own.clusters[0].project.as_deref(), Some("orchard-prod"));
    assert_eq!(others.clusters[0].project.as_deref(), Some("elsewhere"));
    assert_eq!(held(&own, "zara@orchard.test"), [""; 0]);
    assert_eq!(
        held(&others, "zara@orchard.test"),
        ["Cluster Viewer (project elsewhere)"]
    );
}

#[test]
fn a_token_or_a_certificate_opens_its_own_clusters_and_no_other() {
    let (site, [first, second]) = fleet();
    let hub = Hub::start(&site, &[]);
    hub.until_there(&first, &token(1));
    hub.until_there(&second, &token(2));
    let status = |cluster: &str, token: Option<&str>, pair: Option<&Pair>| {
        hub.ask(cluster, token, None, pair).status
    };
    assert_eq!(status(&first, Some(&token(2)), None), 403);
    assert_eq!(status(&second, Some(&token(1)), None), 403);
    assert_eq!(status(&first, None, None), 403);
    assert_eq!(status(&first, Some(""), None), 403);
    assert_eq!(
        status("70a1b2c3d4e5f60718294001", Some(&token(1)), None),
        403
    );
    let certificate = hub.ca.client(&second);
    assert_eq!(status(&second, None, Some(&certificate)), 200);
    assert_eq!(status(&first, None, Some(&certificate)), 403);
    assert_eq!(status("../users", Some(&token(1)), None), 404);
}

#[test]
fn what_has_not_changed_is_not_sent_again_and_says_when_it_was_true() {
    let (site, [first, _]) = fleet();
    let hub = Hub::start(&site, &[]);
    let answer = hub.until_there(&first, &token(1));
    let tag = answer.tag.unwrap();
    let same = hub.ask(&first, Some(&token(1)), Some(&tag), None);
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(same.as_of, answer.as_of);
    site.palette
        .change(|tenant| tenant.grant("omar@orchard.test", "Virtual Machine User", "orchard-prod"));
    let changed = until("the change", || {
        let answer = hub.ask(&first, Some(&token(1)), Some(&tag), None);
        (answer.status == 200).then_some(answer)
    });
    let snapshot = Snapshot::from_json(&changed.body).unwrap();
    assert!(
        held(&snapshot, "omar@orchard.test")
            .contains(&"Virtual Machine User (project orchard-prod)".to_owned())
    );
}

#[test]
fn a_token_that_two_clusters_have_or_that_is_short_opens_nothing() {
    let (site, [first, second]) = fleet();
    std::fs::write(site.path("tokens").join(&second), token(1)).unwrap();
    let hub = Hub::start(&site, &[]);
    until("the warning", || {
        let log = hub.log.lock().unwrap();
        log.iter()
            .any(|line| line.contains("have the same token"))
            .then_some(())
    });
    assert_eq!(hub.ask(&first, Some(&token(1)), None, None).status, 403);
    drop(hub);
    std::fs::write(site.path("tokens").join(&second), "short").unwrap();
    let hub = Hub::start(&site, &[]);
    hub.until_there(&first, &token(1));
    assert_eq!(hub.ask(&second, Some("short"), None, None).status, 403);
}

#[test]
fn a_cluster_comes_to_the_fleet_and_one_that_palette_does_not_know_stops_nobody() {
    let (site, [first, second]) = fleet();
    let tokens = site.path("tokens");
    std::fs::remove_file(tokens.join(&second)).unwrap();
    let unknown = "70a1b2c3d4e5f60718294001";
    std::fs::write(tokens.join(unknown), token(3)).unwrap();
    let hub = Hub::start(&site, &[]);
    hub.until_there(&first, &token(1));
    assert_eq!(hub.ask(unknown, Some(&token(3)), None, None).status, 404);
    let log = hub.log.lock().unwrap().join("\n");
    assert!(log.contains("Palette has no such cluster"), "{log}");
    std::fs::write(tokens.join(&second), token(2)).unwrap();
    hub.until_there(&second, &token(2));
}

/// A replica of a cluster: it is ready with what the hub says, and goes on without the hub.
#[test]
fn a_replica_takes_its_directory_from_the_hub_and_goes_on_without_it() {
    let (site, [first, _]) = fleet();
    let hub = Hub::start(&site, &[]);
    hub.until_there(&first, &token(1));
    std::fs::write(site.path("token"), token(1)).unwrap();
    std::fs::write(site.path("hub-ca.crt"), &hub.ca.pem).unwrap();
    let url = format!("https://{}/v1/directories/{first}", hub.address);
    let replica = Replica::start(&site, &url);
    replica.until_ready();
    let users = || replica.metric("palette_rbac_directory_last_success_timestamp_seconds");
    assert!(users() > 0.0);
    let reloads =
        || replica.metric(r#"palette_rbac_reloads_total{result="applied",what="directory"}"#);
    let before = reloads();
    site.palette
        .change(|tenant| tenant.grant("omar@orchard.test", "Virtual Machine User", "orchard-prod"));
    until("the change to arrive", || {
        (reloads() > before).then_some(())
    });
    // What flags say of the cluster counts more, and is told of where Palette says otherwise.
    let contradicted = |replica: &Replica| {
        replica.metric(r#"palette_rbac_cluster_facts_contradicted{fact="project"}"#)
    };
    assert!(contradicted(&replica) < 0.5);
    let other = Replica::start_with(&site, &url, &["--project", "elsewhere"]);
    other.until_ready();
    assert!(contradicted(&other) > 0.5);
    drop(other);
    drop(hub);
    until("the hub's end to be noticed", || {
        let unreadable = r#"palette_rbac_reloads_total{result="unreadable",what="directory"}"#;
        (replica.metric(unreadable) > 0.0).then_some(())
    });
    assert_eq!(replica.ask("/readyz").0, 200);
    drop(replica);
    // One that starts now has what was kept.
    let replica = Replica::start(&site, &url);
    replica.until_ready();
    assert!(
        replica.ask("/readyz").1.contains("4 users"),
        "{}",
        replica.ask("/readyz").1
    );
}

/// A webhook that follows the hub; it ends with the test.
struct Replica {
    child: Child,
    admin: SocketAddr,
}

impl Replica {
    fn start(site: &Site, url: &str) -> Self {
        Self::start_with(site, url, &[])
    }

    fn start_with(site: &Site, url: &str, arguments: &[&str]) -> Self {
        let path = |name: &str| site.path(name).display().to_string();
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_palette-rbac"))
            .env_clear()
            .args([
                "serve",
                "--dev",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
            ])
            .args([
                "--log-format",
                "json",
                "--directory",
                url,
                "--directory-interval",
                "100ms",
            ])
            .args([
                "--directory-token-file",
                &path("token"),
                "--directory-ca",
                &path("hub-ca.crt"),
            ])
            .args(["--directory-cache", &path("cache")])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let admin = loop {
            let line = lines.next().unwrap().unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["endpoint"] == "admin" {
                break line["address"].as_str().unwrap().parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, admin }
    }

    fn ask(&self, path: &str) -> (u16, String) {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.admin).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn until_ready(&self) {
        until("it to be ready", || {
            (self.ask("/readyz").0 == 200).then_some(())
        });
    }

    fn metric(&self, series: &str) -> f64 {
        let text = self.ask("/metrics").1;
        let value = text.lines().find_map(|line| line.strip_prefix(series));
        value.map_or(0.0, |value| value.trim().parse().unwrap())
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // Gone already, or to be gone now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
