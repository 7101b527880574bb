use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answers::request_head;
use crate::client::binding;
use crate::harness::Server;

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_an_idle_server_with_0_and_its_idle_connections() {
    let server = Server::start();
    let mut idle = server.client().connect().await.unwrap();
    idle.review(&binding("u-1", "view", "a")).await.unwrap();
    server.signal("TERM");
    idle.closed().await;
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", log.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_leaving_it_is_unready_and_answers_and_sends_clients_away() {
    let server = Server::with(&["--shutdown-delay", "10m"]);
    let mut kept = server.client().connect().await.unwrap();
    let review = binding("u-1", "view", "a");
    assert_eq!(
        kept.review(&review).await.unwrap().header("connection"),
        None
    );
    server.signal("TERM");
    server.log.until(|line| line["message"] == "shutting down");
    let (status, text) = server.admin("/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(
        text.lines().next(),
        Some("not ready: the server is shutting down")
    );

    let answer = kept.review(&review).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    let new = server.client().review(&review).await.unwrap();
    assert_eq!(new.status, 200);

    server.signal("TERM");
    let (status, _) = server.ended().await;
    assert_eq!(status.code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_was_begun_is_answered_and_no_new_one() {
    let server = Server::with(&["--drain-timeout", "10m"]);
    let review = binding("u-begun", "view", "a").to_string();
    let head = request_head(&format!("content-length: {}", review.len()));
    let mut begun = server.client().tls().await.unwrap();
    begun.write_all(&head).await.unwrap();
    server.until_metric("in_flight_requests", 1.0).await;
    // Its headers are not complete when draining begins.
    let mut late = server.client().tls().await.unwrap();
    let (first, rest) = head.split_at(20);
    late.write_all(first).await.unwrap();
    until_read(late.get_ref().0).await;

    server.signal("TERM");
    until_refused(&server).await;
    late.write_all(rest).await.unwrap();
    late.write_all(review.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut late).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    let text = server.admin("/metrics").await.1;
    let draining = "http_rejected_total{reason=\"draining\"}";
    assert_eq!(crate::harness::value_of(&text, draining), 1.0);

    begun.write_all(review.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut begun).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.contains("\"uid\":\"u-begun\""), "{answer}");
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", log.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_timeout_ends_what_does_not_end() {
    let server = Server::with(&["--drain-timeout", "100ms", "--body-timeout", "10m"]);
    let mut stuck = server.client().tls().await.unwrap();
    stuck
        .write_all(&request_head("content-length: 10"))
        .await
        .unwrap();
    server.until_metric("in_flight_requests", 1.0).await;
    server.signal("INT");
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", log.text());
    assert_eq!(
        log.count(|line| line["message"] == "drain timeout: connections are cut"),
        1
    );
}

async fn until_refused(server: &Server) {
    while TcpStream::connect(server.webhook).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Waits until the server has taken all bytes that were sent to it.
async fn until_read(stream: &TcpStream) {
    let client = stream.local_addr().unwrap().port();
    let server = stream.peer_addr().unwrap().port();
    let [local, remote] = [server, client].map(|port| format!(":{port:04X}"));
    let is_read = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut fields = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        fields.any(|fields| {
            fields[1].ends_with(&local)
                && fields[2].ends_with(&remote)
                && fields[4].ends_with(":00000000")
        })
    };
    while !is_read() {
        tokio::task::yield_now().await;
    }
}

async fn read_to_end(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
