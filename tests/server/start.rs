use std::process::{Command, Output};

use crate::client::binding;
use crate::harness::{Files, Server, program, serve};

/// Runs to the end, which must come by itself.
fn run(mut command: Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[track_caller]
fn assert_fails(command: Command, code: i32, words: &[&str]) {
    let (status, text) = run(command);
    assert_eq!(status, code, "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in:\n{text}");
    }
}

#[test]
fn what_is_missing_is_a_usage_error_that_says_what_to_do() {
    let mut nothing = program();
    nothing.arg("serve");
    assert_fails(nothing, 2, &["--tls-cert", "palette-rbac certs"]);
    let files = Files::new();
    let mut no_directory = program();
    no_directory.arg("serve");
    no_directory.arg("--tls-cert").arg(files.path("tls.crt"));
    no_directory.arg("--tls-key").arg(files.path("tls.key"));
    assert_fails(no_directory, 2, &["--directory FILE", "--dev"]);
}

#[test]
fn a_policy_with_mistakes_is_refused_with_all_of_them() {
    let files = Files::new();
    let text = "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\nrules:\n  requestor: deny\nmode: enforced\n";
    files.put("policy.yaml", text);
    let words = ["policy.yaml:4:3", "policy.yaml:5:", "requester"];
    assert_fails(serve(&files), 2, &words);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let files = Files::new();
    std::fs::remove_file(files.path("directory.yaml")).unwrap();
    assert_fails(serve(&files), 3, &["directory.yaml", "No such file"]);
}

#[test]
fn a_port_in_use_is_named_with_its_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--admin-listen"] {
        let mut command = program();
        command.args([
            "serve",
            "--dev",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
        // The last one counts.
        command.args([flag, &address]);
        assert_fails(command, 3, &[&address, flag, "in use"]);
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let files = Files::new();
    files.put_pair(&files.ca.expired());
    assert_fails(serve(&files), 2, &["tls.crt", "ran out at 2021-01-01"]);
}

#[test]
fn a_certificate_for_other_names_is_refused() {
    let files = Files::new();
    files.put_pair(&files.ca.serving_for(&["other.orchard.test", "192.0.2.7"]));
    let words = [
        "`palette-rbac.palette-rbac.svc`",
        "--server-name",
        "`other.orchard.test`, `192.0.2.7`",
    ];
    assert_fails(serve(&files), 2, &words);
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let files = Files::new();
    files.put("tls.key", &files.ca.serving().key);
    assert_fails(serve(&files), 2, &["tls.crt", "key"]);
}

#[test]
fn a_chain_with_a_broken_block_is_refused() {
    let files = Files::new();
    let good = files.ca.serving().certificate;
    files.put(
        "tls.crt",
        &format!("{good}-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
    );
    assert_fails(serve(&files), 2, &["tls.crt", "PEM"]);
}

#[test]
fn a_kubeconfig_that_is_named_has_to_be_good() {
    let files = Files::new();
    let serve_with = |name: &str| {
        let mut command = serve(&files);
        command.args(["--cluster", "auto", "--kubeconfig"]);
        command.arg(files.path(name));
        command
    };
    let way_out = "`--cluster off`";
    assert_fails(serve_with("none"), 3, &["none", "No such file", way_out]);
    files.put("broken", "apiVersion: v1\nclusters: 7\n");
    assert_fails(serve_with("broken"), 2, &["broken", "YAML", way_out]);
    files.put("empty", "apiVersion: v1\nkind: Config\n");
    assert_fails(
        serve_with("empty"),
        2,
        &["empty", "current context", way_out],
    );
    files.put("no-ca", &kubeconfig("certificate-authority: gone.crt"));
    assert_fails(serve_with("no-ca"), 2, &["no-ca", "gone.crt", way_out]);
}

#[test]
fn a_kubeconfig_and_no_cluster_exclude_each_other() {
    let mut command = serve(&Files::new());
    command.args(["--cluster", "off", "--kubeconfig", "/dev/null"]);
    assert_fails(command, 2, &["--cluster off", "--kubeconfig"]);
}

#[test]
fn the_kubeconfig_of_kubectl_is_read_where_there_is_no_pod() {
    let files = Files::new();
    let mut command = serve(&files);
    command.args(["--cluster", "auto"]);
    command.env("KUBECONFIG", files.path("none"));
    assert_fails(command, 3, &["none", "No such file"]);
}

/// Liveness is not readiness: a process that waits for its API server must not be restarted for it.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_api_server_it_starts_and_waits() {
    let files = Files::new();
    files.put("kubeconfig", &kubeconfig("insecure-skip-tls-verify: true"));
    let mut command = serve(&files);
    command.args(["--cluster", "auto", "--kubeconfig"]);
    command.arg(files.path("kubeconfig"));
    let server = Server::run(command, files);
    server
        .log
        .until(|line| line["level"] == "WARN" && line["state"] == "syncing");
    let (status, text) = server.admin("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("\ncluster: syncing since "), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    assert_eq!(server.admin("/healthz").await.0, 200);
    // Nor does it judge by name for whoever does not ask whether it is ready.
    let review = binding("u-early", "view", "ines@orchard.test");
    let answer = server.client().review(&review).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    server
        .until_metric(r#"http_rejected_total{reason="not_ready"}"#, 1.0)
        .await;
    assert_eq!(
        server.metric(r#"cluster_state{state="syncing"}"#).await,
        1.0
    );
    server.signal("TERM");
    assert!(server.ended().await.0.success());
}

/// Of a cluster at a port that nobody listens on.
fn kubeconfig(more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: orchard\nclusters:\n  - name: orchard\n    cluster: \
         {{ server: \"https://127.0.0.1:1\", {more} }}\ncontexts:\n  - name: orchard\n    context: {{ cluster: orchard, \
         user: nobody }}\nusers:\n  - name: nobody\n    user: {{ token: none }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_needs_no_file() {
    let mut command = program();
    command.args([
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    command.args(["--log-format", "json"]);
    let server = Server::run(command, Files::new());
    assert_eq!(server.admin("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificates_of_certs_serve_and_their_key_is_private() {
    use std::os::unix::fs::PermissionsExt;

    let files = Files::new();
    let mut command = program();
    command
        .args(["certs", "--force", "--out"])
        .arg(files.folder.path());
    let made = command.output().unwrap();
    assert!(made.status.success());
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(said.contains("palette-rbac serve --tls-cert "), "{said}");
    for key in ["tls.key", "ca.key"] {
        let permissions = files.path(key).metadata().unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600, "{key}");
    }
    let ca = std::fs::read_to_string(files.path("ca.crt")).unwrap();
    let server = Server::run(serve(&files), files);
    let client = crate::client::Client::new(server.webhook, &ca);
    client.connect().await.unwrap();

    let mut again = program();
    again
        .args(["certs", "--out"])
        .arg(server.files.folder.path());
    assert_fails(again, 2, &["ca.crt", "--force"]);
}
