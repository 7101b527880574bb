use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;

use crate::client::{Client, binding};
use crate::harness::{Files, Server, serve, value_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_answered_with_its_uid_and_the_next_on_the_same_connection() {
    let server = Server::start();
    let mut connection = server.client().connect().await.unwrap();
    let denied = connection
        .review(&binding("u-1", "spectro-vm-admin", "ines@orchard.test"))
        .await;
    let denied = denied.unwrap();
    assert_eq!(denied.status, 200);
    assert_eq!(denied.header("content-type"), Some("application/json"));
    assert_eq!(denied.verdict(), (false, "u-1".to_owned()));
    let admitted = connection
        .review(&binding("u-2", "something-else", "ines@orchard.test"))
        .await;
    assert_eq!(admitted.unwrap().verdict(), (true, "u-2".to_owned()));
    server
        .until_metric("tls_handshakes_total{result=\"ok\"}", 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_transport_is_told_in_order() {
    let server = Server::start();
    let mut connection = server.client().connect().await.unwrap();
    let get = |path: &str| {
        let request = Request::get(path).header(HOST, "webhook");
        request.body(Full::default()).unwrap()
    };
    // Each of these is also wrong in every way that comes later.
    assert_eq!(
        connection.send(get("/elsewhere")).await.unwrap().status,
        404
    );
    let method = connection.send(get("/validate")).await.unwrap();
    assert_eq!((method.status, method.header("allow")), (405, Some("POST")));
    let text = connection
        .post("/validate", "text/plain", "no JSON")
        .await
        .unwrap();
    assert_eq!(text.status, 415);
    let no_uid = connection
        .post("/validate", "application/json; charset=utf-8", "no JSON")
        .await;
    assert_eq!(no_uid.unwrap().status, 400);
    let empty = connection
        .post("/validate", "application/json", "")
        .await
        .unwrap();
    assert_eq!(empty.status, 400);

    let text = server.admin("/metrics").await.1;
    let rejected = |reason| {
        value_of(
            &text,
            &format!("http_rejected_total{{reason=\"{reason}\"}}"),
        )
    };
    let reasons = [
        "path",
        "method",
        "content_type",
        "no_uid",
        "timeout",
        "saturated",
        "draining",
    ];
    assert_eq!(reasons.map(rejected), [1.0, 1.0, 1.0, 2.0, 0.0, 0.0, 0.0]);
    assert_eq!(total(&text, "admission_reviews_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_counted_and_logged_once() {
    let server = Server::start();
    let client = server.client();
    client
        .review(&binding("u-1", "spectro-vm-admin", "ines@orchard.test"))
        .await
        .unwrap();
    let denied = "admission_reviews_total{decision=\"denied\",dry_run=\"false\",\
                  kind=\"RoleBinding\",operation=\"CREATE\"}";
    server.until_metric(denied, 1.0).await;
    let text = server.admin("/metrics").await.1;
    assert_eq!(total(&text, "admission_reviews_total"), 1.0);
    assert_eq!(total(&text, "http_rejected_total"), 0.0);
    assert_eq!(total(&text, "findings_total"), 1.0);
    let finding =
        "findings_total{action=\"deny\",role=\"spectro-vm-admin\",rule=\"vm-role-mapping\"}";
    assert_eq!(value_of(&text, finding), 1.0);
    assert_eq!(value_of(&text, "admission_duration_seconds_count"), 1.0);
    assert_eq!(value_of(&text, "in_flight_requests"), 0.0);

    let line = server.log.until(|line| line["message"] == "reviewed");
    for (field, value) in [
        ("uid", "u-1"),
        ("kind", "RoleBinding"),
        ("namespace", "vms"),
        ("name", "b"),
        ("operation", "CREATE"),
        ("decision", "denied"),
        ("rules", "vm-role-mapping"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(
        (&line["dry_run"], &line["subjects"]),
        (&false.into(), &1.into())
    );
    assert!(line["duration_us"].as_u64().unwrap() > 0);
    assert_eq!(line["revision"].as_str().unwrap().len(), 12);
    assert_eq!(server.log.count(|line| line["message"] == "reviewed"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_before_its_answer_is_counted_as_canceled() {
    use tokio::io::AsyncWriteExt;

    let server = Server::start();
    let mut stream = server.client().tls().await.unwrap();
    stream
        .write_all(&request_head("content-length: 100"))
        .await
        .unwrap();
    stream.flush().await.unwrap();
    server.until_metric("in_flight_requests", 1.0).await;
    drop(stream);
    let canceled = "admission_reviews_total{decision=\"canceled\",dry_run=\"false\",\
                    kind=\"other\",operation=\"other\"}";
    server.until_metric(canceled, 1.0).await;
    let text = server.admin("/metrics").await.1;
    assert_eq!(total(&text, "http_rejected_total"), 0.0);
    assert_eq!(value_of(&text, "in_flight_requests"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_cannot_forge_a_line_of_the_log() {
    let files = Files::new();
    let mut command = serve(&files);
    command.args(["--log-level", "info"]);
    let server = Server::run(command, files);
    let mut review = binding("u-1\n{\"message\":\"forged\"}", "spectro-vm-user", "a");
    review["request"]["name"] = "b\r\n{\"message\":\"forged\"}\u{1b}[2J\u{202e}".into();
    let answer = server.client().review(&review).await.unwrap();
    assert_eq!(answer.status, 200);
    server.log.until(|line| line["message"] == "reviewed");
    assert_eq!(server.log.count(|line| line["message"] == "forged"), 0);
    assert!(
        !server.log.text().contains('\u{1b}'),
        "{}",
        server.log.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_series_are_there_before_the_first_request() {
    let server = Server::start();
    let (status, text) = server.admin("/metrics").await;
    assert_eq!(status, 200);
    let series = |name: &str| {
        let prefix = format!("palette_rbac_{name}{{");
        text.lines()
            .filter(|line| line.starts_with(&prefix))
            .count()
    };
    assert_eq!(series("admission_reviews_total"), 5 * 4 * 2 * 8);
    // Ten roles of the default mapping and `other`.
    assert_eq!(series("findings_total") % (14 * 4), 0);
    assert_eq!(series("http_rejected_total"), 8);
    assert_eq!(series("tls_handshakes_total"), 6);
    assert_eq!(series("reloads_total"), 4 * 3);
    assert_eq!(series("last_reload_successful"), 4);
    assert_eq!(series("exemptions_total"), 2);
    assert_eq!(series("policy_info"), 1);
    for name in ["admission_reviews_total", "findings_total", "reloads_total"] {
        assert_eq!(total(&text, name), 0.0, "{name}");
    }
    assert!(text.contains("process_resident_memory_bytes "));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_endpoint_changes_nothing_and_says_how_it_is() {
    let server = Server::start();
    assert_eq!(server.admin("/healthz").await, (200, "ok\n".to_owned()));
    let (status, ready) = server.admin("/readyz").await;
    assert_eq!(status, 200);
    assert_eq!(ready.lines().next(), Some("ready"));
    assert!(ready.contains("\npolicy: revision "), "{ready}");
    assert!(ready.contains("\ncertificate: good until "), "{ready}");
    assert_eq!(server.admin("/elsewhere").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_spoken_only_when_asked_for() {
    let old = |server: &Server| {
        let versions = [&rustls::version::TLS12];
        Client::with(server.webhook, &server.files.ca.pem, None, &versions)
    };
    let server = Server::start();
    assert!(old(&server).connect().await.is_err());
    server
        .until_metric("tls_handshakes_total{result=\"error\"}", 1.0)
        .await;

    let server = Server::with(&["--tls-min-version", "1.2"]);
    let answer = old(&server).review(&binding("u-1", "view", "a")).await;
    assert_eq!(answer.unwrap().status, 200);
}

/// The head of a review by hand, as far as the test needs it.
pub(crate) fn request_head(header: &str) -> Vec<u8> {
    format!(
        "POST /validate HTTP/1.1\r\nhost: webhook\r\ncontent-type: application/json\r\n{header}\r\n\r\n"
    )
    .into_bytes()
}

/// The sum of all series of a metric.
pub(crate) fn total(text: &str, name: &str) -> f64 {
    let prefix = format!("palette_rbac_{name}{{");
    let lines = text.lines().filter(|line| line.starts_with(&prefix));
    let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    values.sum()
}
