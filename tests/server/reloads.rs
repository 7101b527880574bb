use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::client::{Client, binding};
use crate::harness::{Files, Server, policy, serve};
use crate::identity::Pair;

/// Clients that go on asking until told to stop, on new connections and on kept ones; any failure is theirs to tell.
struct Traffic {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Traffic {
    fn start(client: &Client) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let new_connections =
            |client: Client, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>| async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.review(&review()).await.unwrap();
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            };
        let kept_connection =
            |client: Client, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>| async move {
                let mut connection = client.connect().await.unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let answer = connection.review(&review()).await.unwrap();
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            };
        #[expect(clippy::disallowed_methods, reason = "they are joined below")]
        let tasks = vec![
            tokio::spawn(new_connections(
                client.clone(),
                Arc::clone(&stop),
                Arc::clone(&answered),
            )),
            tokio::spawn(kept_connection(
                client.clone(),
                Arc::clone(&stop),
                Arc::clone(&answered),
            )),
        ];
        Self {
            stop,
            answered,
            tasks,
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no request failed");
        }
        assert!(self.answered.load(Ordering::Relaxed) > 0);
    }
}

fn review() -> Value {
    binding("u-1", "spectro-vm-admin", "ines@orchard.test")
}

fn reloads(what: &str, result: &str) -> String {
    format!("reloads_total{{result=\"{result}\",what=\"{what}\"}}")
}

fn last_reload(what: &str) -> String {
    format!("last_reload_successful{{what=\"{what}\"}}")
}

fn leaf(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_swapped_20_times_while_requests_run() {
    let server = Server::start();
    let client = server.client();
    let traffic = Traffic::start(&client);
    for round in 1..=20_u8 {
        let pair = server.files.ca.serving();
        // Between the two files the pair does not fit; a server that looks just then counts it as rejected and goes on.
        let before = server.metric(&reloads("certificate", "applied")).await;
        server.files.put_pair(&pair);
        server
            .until_metric(&reloads("certificate", "applied"), before + 1.0)
            .await;
        assert_eq!(
            client.connect().await.unwrap().certificate,
            leaf(&pair),
            "round {round}"
        );
    }
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_swapped_20_times_while_requests_run() {
    let server = Server::start();
    let client = server.client();
    let traffic = Traffic::start(&client);
    for round in 1..=20_u8 {
        let is_audit = round % 2 == 1;
        server.files.put(
            "policy.yaml",
            &policy(if is_audit { "audit" } else { "enforce" }),
        );
        server
            .until_metric(&reloads("policy", "applied"), f64::from(round))
            .await;
        let (admits, _) = client.review(&review()).await.unwrap().verdict();
        assert_eq!(admits, is_audit, "round {round}");
    }
    traffic.end().await;
    let text = server.admin("/metrics").await.1;
    let live = text
        .lines()
        .filter(|line| line.starts_with("palette_rbac_policy_info{"));
    assert_eq!(live.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_swapped_20_times_while_requests_run() {
    let server = Server::start();
    let client = server.client();
    let traffic = Traffic::start(&client);
    for round in 1..=20_u8 {
        let (role, may) = if round % 2 == 1 {
            ("Virtual Machine Viewer", false)
        } else {
            ("Virtual Machine User", true)
        };
        server
            .files
            .put("directory.yaml", &crate::harness::directory(role));
        server
            .until_metric(&reloads("directory", "applied"), f64::from(round))
            .await;
        let review = binding("u-2", "spectro-vm-user", "ines@orchard.test");
        let (admits, _) = client.review(&review).await.unwrap().verdict();
        assert_eq!(admits, may, "round {round}");
    }
    traffic.end().await;
}

/// A folder as the kubelet makes it: the files are links to `..data`, which links to a folder.
fn put_secret(folder: &Path, version: &str, pair: &Pair) {
    let data = folder.join(version);
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("tls.crt"), &pair.certificate).unwrap();
    std::fs::write(data.join("tls.key"), &pair.key).unwrap();
    let beside = folder.join("..data_tmp");
    symlink(version, &beside).unwrap();
    std::fs::rename(beside, folder.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubelets_swap_of_a_secret_is_seen_each_time() {
    let files = Files::new();
    let secret = files.path("secret");
    std::fs::create_dir(&secret).unwrap();
    put_secret(&secret, "..first", &files.ca.serving());
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), secret.join(name)).unwrap();
        std::fs::remove_file(files.path(name)).unwrap();
        symlink(secret.join(name), files.path(name)).unwrap();
    }
    let server = Server::run(serve(&files), files);
    for (round, version) in (1_u8..).zip(["..second", "..third", "..fourth"]) {
        let pair = server.files.ca.serving();
        put_secret(&server.files.path("secret"), version, &pair);
        server
            .until_metric(&reloads("certificate", "applied"), f64::from(round))
            .await;
        assert_eq!(
            server.client().connect().await.unwrap().certificate,
            leaf(&pair)
        );
    }
    // Both files change at once, so no half of a pair was ever seen.
    assert_eq!(
        server.metric(&reloads("certificate", "rejected")).await,
        0.0
    );
}

/// Two changes of the policy that are seen show that the files were looked at again.
async fn looked_again(server: &Server) {
    let applied = server.metric(&reloads("policy", "applied")).await;
    for (mode, more) in [("warn", 1.0), ("enforce", 2.0)] {
        server.files.put("policy.yaml", &policy(mode));
        server
            .until_metric(&reloads("policy", "applied"), applied + more)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_policy_is_kept_out_and_counted_and_told_once() {
    let server = Server::start();
    server
        .files
        .put("policy.yaml", "kind: Policy\nmode: nonsense\n");
    server
        .until_metric(&reloads("policy", "rejected"), 1.0)
        .await;
    let (admits, _) = server.client().review(&review()).await.unwrap().verdict();
    assert!(!admits, "the last good one stays");
    // The same fault again is no news: two changes of the directory are seen after it, and it still counts once.
    for (role, count) in [
        ("Virtual Machine Viewer", 1.0),
        ("Virtual Machine Admin", 2.0),
    ] {
        server
            .files
            .put("directory.yaml", &crate::harness::directory(role));
        server
            .until_metric(&reloads("directory", "applied"), count)
            .await;
    }
    assert_eq!(server.metric(&reloads("policy", "rejected")).await, 1.0);
    let told = |line: &Value| line["what"] == "policy" && line["result"] == "rejected";
    assert_eq!(server.log.count(told), 1, "{}", server.log.text());
    assert_eq!(server.metric(&last_reload("policy")).await, 0.0);
    assert_eq!(server.metric(&last_reload("directory")).await, 1.0);

    server.files.put("policy.yaml", &policy("audit"));
    server
        .until_metric(&reloads("policy", "applied"), 1.0)
        .await;
    assert_eq!(server.metric(&last_reload("policy")).await, 1.0);
    let (admits, _) = server.client().review(&review()).await.unwrap().verdict();
    assert!(admits);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_serve_is_kept_out() {
    let server = Server::start();
    let before = server.client().connect().await.unwrap().certificate;
    let ca = &server.files.ca;
    let mut rejected = 0.0;
    for bad in [ca.expired(), ca.serving_for(&["other.orchard.test"])] {
        // Replaced in two steps: what is rejected in between is another pair.
        let count = server.metric(&reloads("certificate", "rejected")).await;
        server.files.put("tls.crt", &bad.certificate);
        server
            .until_metric(&reloads("certificate", "rejected"), count + 1.0)
            .await;
        rejected = count + 1.0;
        assert_eq!(server.client().connect().await.unwrap().certificate, before);
    }
    assert_eq!(rejected, 2.0);
    assert_eq!(server.metric(&reloads("certificate", "applied")).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_read_keeps_the_last_one() {
    let server = Server::start();
    let path = server.files.path("directory.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    server
        .until_metric(&reloads("directory", "unreadable"), 1.0)
        .await;
    looked_again(&server).await;
    assert_eq!(
        server.metric(&reloads("directory", "unreadable")).await,
        1.0
    );
    let review = binding("u-1", "spectro-vm-user", "ines@orchard.test");
    let (admits, _) = server.client().review(&review).await.unwrap().verdict();
    assert!(admits, "the last good one stays");
    assert_eq!(server.metric(&last_reload("directory")).await, 0.0);
    // The content that is in force all the same: putting it back is news too.
    server.files.put("directory.yaml", &text);
    server
        .until_metric(&reloads("directory", "applied"), 1.0)
        .await;
    assert_eq!(server.metric(&last_reload("directory")).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_fails_for_longer_than_the_policy_allows_is_stale() {
    let files = Files::new();
    files.put(
        "policy.yaml",
        &format!(
            "{}staleAfter: 1s\nonStaleDirectory: deny\n",
            policy("enforce")
        ),
    );
    let server = Server::run(serve(&files), files);
    assert_eq!(server.metric("directory_stale").await, 0.0);
    server.files.put("directory.yaml", "kind: Nonsense\n");
    server.until_metric("directory_stale", 1.0).await;
    let review = binding("u-1", "spectro-vm-user", "ines@orchard.test");
    let (admits, _) = server.client().review(&review).await.unwrap().verdict();
    assert!(!admits, "a stale directory admits no VM role");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_waits_for_the_directory_that_knows_its_roles() {
    let server = Server::start();
    let operator = "mapping:\n  - { role: orchard-vm, requires: [[Orchard Operator]] }\n";
    server
        .files
        .put("policy.yaml", &format!("{}{operator}", policy("enforce")));
    server
        .until_metric(&reloads("policy", "rejected"), 1.0)
        .await;
    let told = server.log.until(|line| line["what"] == "policy");
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("`Orchard Operator`"),
        "{told}"
    );
    let review = binding("u-1", "orchard-vm", "ines@orchard.test");
    let (admits, _) = server.client().review(&review).await.unwrap().verdict();
    assert!(admits, "the role is not governed yet");

    let directory = crate::harness::directory("Virtual Machine User");
    let role = "roles: [{ name: Orchard Operator, scope: project, permissions: [cluster.get] }]\n";
    server
        .files
        .put("directory.yaml", &format!("{directory}{role}"));
    server
        .until_metric(&reloads("policy", "applied"), 1.0)
        .await;
    let (admits, _) = server.client().review(&review).await.unwrap().verdict();
    assert!(!admits, "it is, and ines does not hold what it asks for");

    // The other way round the directory is applied, since it says what is true.
    server.files.put("directory.yaml", &directory);
    server
        .until_metric(&reloads("directory", "applied"), 2.0)
        .await;
    server
        .log
        .until(|line| line["message"] == "directory" && line["level"] == "WARN");
    let (admits, _) = server.client().review(&review).await.unwrap().verdict();
    assert!(!admits);
    assert_eq!(server.metric(&reloads("policy", "rejected")).await, 1.0);
}
