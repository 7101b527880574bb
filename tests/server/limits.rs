use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::answers::request_head;
use crate::client::{Client, binding};
use crate::harness::{Files, PATIENCE, Server, serve};

/// A good client is answered while something else goes on.
async fn is_answered(client: &Client) {
    let answer = client
        .review(&binding("u-good", "view", "ines@orchard.test"))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
}

/// Everything up to the end of a connection.
async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset has ended too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("it is closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_with_its_uid() {
    let server = Server::start();
    let mut review = binding("u-large", "view", "ines@orchard.test").to_string();
    let padding = 9 * 1024 * 1024;
    review.extend(std::iter::repeat_n(' ', padding));
    let mut connection = server.client().connect().await.unwrap();
    let answer = connection
        .post("/validate", "application/json", review)
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.verdict(), (false, "u-large".to_owned()));
    assert_eq!(answer.header("connection"), Some("close"));
    connection.closed().await;
    let invalid = "admission_reviews_total{decision=\"invalid\",dry_run=\"false\",\
                   kind=\"other\",operation=\"other\"}";
    server.until_metric(invalid, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_not_read_to_the_end() {
    let server = Server::with(&["--max-body-bytes", "64KiB"]);
    let mut stream = server.client().tls().await.unwrap();
    let announced = "content-length: 1000000000000";
    stream.write_all(&request_head(announced)).await.unwrap();
    let mut beginning = binding("u-endless", "view", "ines@orchard.test").to_string();
    beginning.extend(std::iter::repeat_n(' ', 64 * 1024));
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("\"uid\":\"u-endless\",\"allowed\":false"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_review_is_judged_and_small_ones_beside_it() {
    let server = Server::start();
    let client = server.client();
    let mut review = binding("u-many", "spectro-vm-user", "ines@orchard.test");
    let subject = review["request"]["object"]["subjects"][0].clone();
    let subjects = review["request"]["object"]["subjects"]
        .as_array_mut()
        .unwrap();
    for index in 0..10_000 {
        let mut another = subject.clone();
        another["name"] = format!("nobody-{index}@orchard.test").into();
        subjects.push(another);
    }
    let mut large = client.connect().await.unwrap();
    let (answer, ()) = tokio::join!(large.review(&review), is_answered(&client));
    let answer = answer.unwrap();
    assert_eq!(answer.verdict(), (false, "u-many".to_owned()));
    let line = server.log.until(|line| line["uid"] == "u-many");
    assert_eq!(line["subjects"], 10_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_gets_408_and_the_connection_ends() {
    let server = Server::with(&["--body-timeout", "200ms"]);
    let mut stream = server.client().tls().await.unwrap();
    stream
        .write_all(&request_head("content-length: 100"))
        .await
        .unwrap();
    stream.write_all(b"{").await.unwrap();
    is_answered(&server.client()).await;
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    server
        .until_metric("http_rejected_total{reason=\"timeout\"}", 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_servers_timeout_is_a_deadline_for_the_body() {
    let server = Server::with(&["--body-timeout", "10m"]);
    let mut stream = server.client().tls().await.unwrap();
    let head = String::from_utf8(request_head("content-length: 100")).unwrap();
    let head = head.replace("/validate", "/validate?timeout=1s");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_trickle_in_end_the_connection() {
    let server = Server::with(&["--header-timeout", "200ms"]);
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = server.client().tls().await.unwrap();
        stream.write_all(b"POST /validate HT").await.unwrap();
        stream.flush().await.unwrap();
        slow.push(stream);
    }
    is_answered(&server.client()).await;
    for stream in &mut slow {
        assert_eq!(until_closed(stream).await, "");
    }
    server
        .until_metric("http_rejected_total{reason=\"timeout\"}", 20.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_may_idle_longer_than_headers_may_take() {
    let server = Server::with(&["--header-timeout", "50ms", "--body-timeout", "50ms"]);
    let mut kept = server.client().connect().await.unwrap();
    let review = binding("u-1", "view", "ines@orchard.test");
    assert_eq!(kept.review(&review).await.unwrap().status, 200);
    // What a slower connection meets shows that the time has passed.
    let mut slow = server.client().tls().await.unwrap();
    slow.write_all(b"POST").await.unwrap();
    until_closed(&mut slow).await;
    assert_eq!(kept.review(&review).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_the_limit_are_refused() {
    let server = Server::with(&["--max-header-bytes", "16KiB"]);
    let mut stream = server.client().tls().await.unwrap();
    let padding = "x".repeat(20 * 1024);
    // It may be closed before all is written.
    let _ = stream
        .write_all(&request_head(&format!("padding: {padding}")))
        .await;
    let answer = until_closed(&mut stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    is_answered(&server.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_begin_is_ended() {
    let server = Server::with(&["--handshake-timeout", "200ms"]);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.webhook).await.unwrap());
    }
    is_answered(&server.client()).await;
    for stream in &mut silent {
        assert_eq!(until_closed(stream).await, "");
    }
    server
        .until_metric("tls_handshakes_total{result=\"timeout\"}", 20.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_awaited_takes_no_place_in_flight() {
    let server = Server::with(&["--max-in-flight", "1"]);
    let mut slow = server.client().tls().await.unwrap();
    let review = binding("u-slow", "view", "ines@orchard.test").to_string();
    let length = format!("content-length: {}\r\nconnection: close", review.len());
    slow.write_all(&request_head(&length)).await.unwrap();
    server.until_metric("in_flight_requests", 1.0).await;
    is_answered(&server.client()).await;
    slow.write_all(review.as_bytes()).await.unwrap();
    let answer = until_closed(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_come_slowly_do_not_keep_others_from_being_judged() {
    let server = Server::with(&["--max-in-flight", "4", "--body-timeout", "10m"]);
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = server.client().tls().await.unwrap();
        let head = request_head("content-length: 4096");
        stream.write_all(&head).await.unwrap();
        stream.write_all(b"{").await.unwrap();
        slow.push(stream);
    }
    server.until_metric("in_flight_requests", 64.0).await;
    for _ in 0..12 {
        is_answered(&server.client()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_that_is_slow_gives_way() {
    let server = Server::with(&[
        "--max-body-bytes",
        "1MiB",
        "--max-buffered-bytes",
        "1MiB",
        "--body-timeout",
        "10m",
    ]);
    let padded = |uid: &str| {
        let mut review = binding(uid, "view", "ines@orchard.test").to_string();
        review.extend(std::iter::repeat_n(' ', 900 * 1024));
        review
    };
    let held = padded("u-held");
    let mut holding = server.client().tls().await.unwrap();
    let length = format!("content-length: {}", held.len() + 1);
    holding.write_all(&request_head(&length)).await.unwrap();
    holding.write_all(held.as_bytes()).await.unwrap();

    // Until all that the first one sent has come, there is room for both.
    let gave_way = async {
        loop {
            let mut other = server.client().connect().await.unwrap();
            let next = padded("u-next");
            let answer = other.post("/validate", "application/json", next).await;
            assert_eq!(answer.unwrap().status, 200);
            let mut first = [0; 12];
            let read = timeout(Duration::from_millis(20), holding.read_exact(&mut first));
            if read.await.is_ok() {
                return first;
            }
        }
    };
    let answer = timeout(PATIENCE, gave_way).await.expect("it gives way");
    assert_eq!(&answer, b"HTTP/1.1 503");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_files_run_out_the_server_waits_and_goes_on() {
    let files = Files::new();
    let serve = serve(&files);
    // As many as the server needs and some connections more.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]);
    command
        .arg(serve.get_program())
        .args(serve.get_args())
        .env_clear();
    let server = Server::run(command, files);
    let mut open = Vec::new();
    for _ in 0..60 {
        open.push(TcpStream::connect(server.webhook).await.unwrap());
    }
    server
        .log
        .until(|line| line["message"] == "cannot accept connections");
    drop(open);
    is_answered(&server.client()).await;
    assert!(server.metric("accept_errors_total").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_make_room_for_new_ones() {
    let server = Server::with(&["--max-connections", "4"]);
    let client = server.client();
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut connection = client.connect().await.unwrap();
        connection
            .review(&binding("u-idle", "view", "a"))
            .await
            .unwrap();
        idle.push(connection);
    }
    timeout(PATIENCE, is_answered(&client))
        .await
        .expect("there is room");
    // The oldest made room, and only that one.
    timeout(PATIENCE, idle[0].closed())
        .await
        .expect("it is closed");
    let last = idle.last_mut().unwrap();
    assert_eq!(
        last.review(&binding("u-last", "view", "a"))
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_do_not_keep_others_out() {
    let server = Server::with(&["--max-connections", "4", "--handshake-timeout", "10m"]);
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(server.webhook).await.unwrap());
    }
    timeout(PATIENCE, is_answered(&server.client()))
        .await
        .expect("there is room");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_no_more_than_its_share_where_others_come() {
    let server = Server::with(&["--max-connections", "8", "--handshake-timeout", "10m"]);
    let mut kept = server.client().connect().await.unwrap();
    let review = binding("u-kept", "view", "ines@orchard.test");
    assert_eq!(kept.review(&review).await.unwrap().status, 200);
    let mut greedy = Vec::new();
    for _ in 0..64 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        greedy.push(socket.connect(server.webhook).await.unwrap());
    }
    server
        .until_metric("tls_handshakes_total{result=\"timeout\"}", 57.0)
        .await;
    assert_eq!(kept.review(&review).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_while_the_admin_port_is_flooded() {
    let server = Server::with(&["--header-timeout", "10m"]);
    let mut flood = Vec::new();
    for index in 0..200 {
        let mut stream = TcpStream::connect(server.admin).await.unwrap();
        if index % 2 == 0 {
            stream.write_all(b"GET /healthz HT").await.unwrap();
        }
        flood.push(stream);
    }
    for path in ["/healthz", "/readyz", "/metrics"].repeat(4) {
        let probe = timeout(PATIENCE, server.admin(path)).await;
        assert_eq!(probe.expect("it is answered").0, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_reads_does_not_stop_others() {
    let server = Server::start();
    let mut greedy = server.client().tls().await.unwrap();
    let review = binding("u-greedy", "view", "ines@orchard.test").to_string();
    let mut request = request_head(&format!("content-length: {}", review.len()));
    request.extend_from_slice(review.as_bytes());
    // Until neither side takes more: answers are not read.
    let full = async {
        loop {
            greedy.write_all(&request).await.unwrap();
        }
    };
    let _: Result<(), _> = timeout(Duration::from_millis(300), full).await;
    is_answered(&server.client()).await;
}
