use rustls::version::TLS13;
use tokio::io::AsyncReadExt;

use crate::client::{Client, binding};
use crate::harness::{Files, Server, serve};
use crate::identity::{Ca, Pair};

/// A server that lets in clients of its CA of these names.
fn strict(clients: &Ca, names: &[&str]) -> Server {
    let files = Files::new();
    files.put("clients.crt", &clients.pem);
    let mut command = serve(&files);
    command.arg("--client-ca").arg(files.path("clients.crt"));
    for name in names {
        command.args(["--client-name", name]);
    }
    Server::run(command, files)
}

fn client(server: &Server, identity: Option<&Pair>) -> Client {
    Client::with(server.webhook, &server.files.ca.pem, identity, &[&TLS13])
}

async fn is_let_in(server: &Server, identity: &Pair) {
    let review = binding("u-1", "view", "a");
    let answer = client(server, Some(identity))
        .review(&review)
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
}

/// In TLS 1.3 a client learns of it only when it reads.
async fn is_kept_out(server: &Server, identity: Option<&Pair>, result: &str) {
    if let Ok(mut stream) = client(server, identity).tls().await {
        let error = stream.read(&mut [0]).await.expect_err("an alert");
        assert!(error.to_string().contains("alert"), "{error}");
    }
    let series = format!("tls_handshakes_total{{result=\"{result}\"}}");
    server.until_metric(&series, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_named_client_of_the_ca_is_let_in() {
    let clients = Ca::new();
    let server = strict(&clients, &["kube-apiserver", "other"]);
    is_let_in(&server, &clients.client("kube-apiserver")).await;
    is_kept_out(&server, None, "no_client_certificate").await;
    let stranger = Ca::new().client("kube-apiserver");
    is_kept_out(&server, Some(&stranger), "bad_client_certificate").await;
    let unnamed = clients.client("kubelet");
    is_kept_out(&server, Some(&unnamed), "client_not_allowed").await;
    server
        .until_metric("tls_handshakes_total{result=\"ok\"}", 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_names_every_client_of_the_ca_is_let_in() {
    let clients = Ca::new();
    let server = strict(&clients, &[]);
    is_let_in(&server, &clients.client("anybody")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_ca_holds_from_the_next_connection_on() {
    let (old, new) = (Ca::new(), Ca::new());
    let server = strict(&old, &["kube-apiserver"]);
    is_let_in(&server, &old.client("kube-apiserver")).await;
    server.files.put("clients.crt", &new.pem);
    let applied = "reloads_total{result=\"applied\",what=\"client_ca\"}";
    server.until_metric(applied, 1.0).await;
    is_let_in(&server, &new.client("kube-apiserver")).await;
    let before = old.client("kube-apiserver");
    is_kept_out(&server, Some(&before), "bad_client_certificate").await;

    server.files.put("clients.crt", "nothing");
    server
        .until_metric("reloads_total{result=\"rejected\",what=\"client_ca\"}", 1.0)
        .await;
    is_let_in(&server, &new.client("kube-apiserver")).await;
}
