//! What a real API server does not do when it is asked to: pages that are few, objects that are odd, histories that end.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::client::binding;
use crate::harness::{Files, Server, serve};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_understood_is_named_once_and_ends_nothing() {
    let api = ApiServer::start(&[cluster_role("first"), odd()]);
    let server = watching(&api).await;
    assert_eq!(known(&server).await, 2.0, "the odd one counts as a role");
    for event in [
        event("MODIFIED", &odd()),
        event("ADDED", &cluster_role("second")),
    ] {
        api.say(&event.to_string());
    }
    server
        .until_metric(r#"cluster_objects{kind="ClusterRole"}"#, 3.0)
        .await;
    let is_named = |line: &Value| line["name"] == "odd" && line["kind"] == "ClusterRole";
    assert_eq!(server.log.count(is_named), 1, "{}", server.log.text());
    assert_eq!(server.metric("cluster_synced").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read_and_all_of_them_again_when_the_history_ends() {
    let api = ApiServer::start(&[cluster_role("first"), cluster_role("second")]);
    let server = watching(&api).await;
    assert_eq!(known(&server).await, 2.0);
    let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "too old", "reason": "Expired", "code": 410});
    for (count, last_words) in [
        (3.0, event("ERROR", &gone).to_string()),
        (4.0, r#"{"type": "NEWS", "object": 7}"#.to_owned()),
    ] {
        // In the lists from now on, and in no watch.
        api.has(&cluster_role(&format!("later-{count}")));
        api.say(&last_words);
        server
            .until_metric(r#"cluster_objects{kind="ClusterRole"}"#, count)
            .await;
    }
    let lost = |line: &Value| line["state"] == "lost";
    assert_eq!(server.log.count(lost), 0, "{}", server.log.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_finds_no_place_in_its_time_gets_503() {
    let api = ApiServer::start(&[cluster_role("first")]);
    let server = watching_with(&api, &["--max-in-flight", "1"]).await;
    let client = server.client();
    let mut connection = client.connect().await.unwrap();
    let waiting = binding("u-next", "silent", "ines@orchard.test").to_string();
    let full = async {
        server.until_metric("in_flight_requests", 3.0).await;
        let answer = connection
            .post("/validate?timeout=1s", "application/json", waiting)
            .await
            .unwrap();
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("1"))
        );
    };
    // One after the other, each for as long as a role may take to be read.
    let held = binding("u-held", "silent", "ines@orchard.test");
    let (first, second, third, ()) = tokio::join!(
        client.review(&held),
        client.review(&held),
        client.review(&held),
        full
    );
    let judged = [first, second, third].map(|answer| answer.unwrap().status);
    assert_eq!(judged[0], 200);
    // The same connection goes on, and there is room again.
    let next = binding("u-again", "first", "ines@orchard.test");
    assert_eq!(connection.review(&next).await.unwrap().status, 200);
    assert!(
        server
            .metric("http_rejected_total{reason=\"saturated\"}")
            .await
            >= 1.0
    );
}

async fn watching(api: &ApiServer) -> Server {
    watching_with(api, &[]).await
}

async fn watching_with(api: &ApiServer, arguments: &[&str]) -> Server {
    let files = Files::new();
    files.put("kubeconfig", &api.kubeconfig());
    let mut command = serve(&files);
    command.args(["--cluster", "auto", "--kubeconfig"]);
    command.arg(files.path("kubeconfig"));
    command.args(arguments);
    let server = Server::run(command, files);
    server.until_metric("cluster_synced", 1.0).await;
    server
}

async fn known(server: &Server) -> f64 {
    server
        .metric(r#"cluster_objects{kind="ClusterRole"}"#)
        .await
}

fn cluster_role(name: &str) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": "7"}, "rules": []})
}

fn odd() -> Value {
    json!({"metadata": {"name": "odd", "resourceVersion": "7"}, "rules": "everything"})
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

/// As much of an API server as a watch needs: `ClusterRole`s in pages of one, and nothing else.
struct ApiServer {
    port: u16,
    state: Arc<State>,
    say: Sender<String>,
}

struct State {
    roles: Mutex<Vec<Value>>,
    /// What the watch of the `ClusterRole`s says, one line after the other.
    lines: Mutex<Receiver<String>>,
}

impl ApiServer {
    fn start(roles: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (say, lines) = channel();
        let state = Arc::new(State {
            roles: Mutex::new(roles.to_vec()),
            lines: Mutex::new(lines),
        });
        let shared = Arc::clone(&state);
        // Ends with the process: nobody connects any more once the server of the test is gone.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || state.answer(stream));
            }
        });
        Self { port, state, say }
    }

    fn say(&self, line: &str) {
        self.say.send(line.to_owned()).unwrap();
    }

    fn has(&self, role: &Value) {
        self.state.roles.lock().unwrap().push(role.clone());
    }

    fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": format!("http://127.0.0.1:{}", self.port)}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "nobody"}}],
            "users": [{"name": "nobody", "user": {}}],
        })
        .to_string()
    }
}

impl State {
    /// One request a connection; a client that has gone ends it.
    fn answer(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let Some(Ok(request)) = lines.next() else {
            return;
        };
        let _headers = lines.map_while(Result::ok).find(String::is_empty);
        if request.contains("/clusterroles/silent") {
            // Says nothing until the client leaves.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
            return;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let is_of_roles = request.contains("/clusterroles?");
        if !request.contains("watch=true") {
            let page = self.page(&request, is_of_roles);
            let _ = stream.write_all(page.to_string().as_bytes());
        } else if is_of_roles {
            let lines = self.lines.lock().unwrap();
            for line in lines.iter() {
                // What is said last ends this watch.
                let is_last = !line.contains(r#""metadata""#);
                if writeln!(stream, "{line}").is_err() || is_last {
                    return;
                }
            }
        } else {
            // Says nothing until the client leaves.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    }

    fn page(&self, request: &str, is_of_roles: bool) -> Value {
        let roles = self.roles.lock().unwrap();
        let all = if is_of_roles { &roles[..] } else { &[] };
        let from = request.split("continue=").nth(1);
        let from = from.and_then(|rest| rest.split(['&', ' ']).next()?.parse().ok());
        let from = from.unwrap_or(0);
        let next = (from + 1 < all.len()).then(|| (from + 1).to_string());
        let metadata = json!({"resourceVersion": "7", "continue": next});
        let items: Vec<_> = all.iter().skip(from).take(1).collect();
        json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items})
    }
}
