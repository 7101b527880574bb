//! Each case through a server of its own: a real handshake, a real request, and the clock of the case.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use palette_rbac::decide::Context;
use palette_rbac::live::{Live, Tls, TlsOptions, TlsVersion};
use palette_rbac::metrics::Metrics;
use palette_rbac::review::{Reply, review};
use palette_rbac::server::{Lifecycle, Limits, Webhook};
use palette_rbac::sources::{CertificateRequirements, DevelopmentCertificates, ServingCertificate};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

use crate::case::{Case, cluster};

/// What the server answers to the case must be, byte for byte, what the pure path answers.
pub(crate) fn same_bytes(case: &Case) -> Result<(), String> {
    let view = case.view();
    let cluster = cluster(view.as_ref());
    let rulebook = case.rulebook();
    let context = Context::new(&rulebook, cluster, case.now());
    let expected = match review(&case.review(), context) {
        Reply::Review { body, .. } => body,
        Reply::NoUid { reason } => return Err(reason),
        Reply::RoleToRead(role) => return Err(format!("asks for {role:?}")),
    };
    let answer = RUNTIME.block_on(ask(case));
    if answer == expected {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!(
        "{}: `{}` is not `{}`",
        case.name,
        text(&answer),
        text(&expected)
    ))
}

async fn ask(case: &Case) -> Bytes {
    NOW.store(case.now().as_second(), Ordering::SeqCst);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (lifecycle, tracker) = (Arc::new(Lifecycle::default()), TaskTracker::new());
    let served = tracker.spawn(webhook(case, &lifecycle).serve(listener, tracker.clone()));
    let answer = post(TcpStream::connect(address).await.unwrap(), case.review()).await;
    lifecycle.drain();
    tracker.close();
    served.await.unwrap();
    tracker.wait().await;
    answer
}

fn webhook(case: &Case, lifecycle: &Arc<Lifecycle>) -> Webhook {
    let metrics = Arc::new(Metrics::new().unwrap());
    let live = Live::new(case.rulebook(), &metrics, case.now());
    if let Some(view) = case.view() {
        live.publish(view);
    }
    Webhook {
        live: Arc::new(live),
        roles: None,
        tls: Arc::clone(&IDENTITY.tls),
        metrics,
        lifecycle: Arc::clone(lifecycle),
        limits: DefaultLimits::parse_from(["palette-rbac"]).limits,
        lost_after: Duration::MAX,
        clock: || Timestamp::from_second(NOW.load(Ordering::SeqCst)).unwrap(),
    }
}

async fn post(stream: TcpStream, body: Vec<u8>) -> Bytes {
    let connector = TlsConnector::from(Arc::clone(&IDENTITY.client));
    let stream = connector
        .connect(ServerName::try_from(NAME).unwrap(), stream)
        .await
        .unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let request = Request::post("/validate?timeout=5s")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let answered = async {
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().collect().await.unwrap().to_bytes()
    };
    tokio::select! {
        answer = answered => answer,
        ended = connection => panic!("the server ended the connection: {ended:?}"),
    }
}

/// The limits that the server has without a flag.
#[derive(Parser)]
struct DefaultLimits {
    #[command(flatten)]
    limits: Limits,
}

struct Identity {
    tls: Arc<Tls>,
    client: Arc<ClientConfig>,
}

impl Identity {
    fn make() -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let now = Timestamp::now();
        let made = DevelopmentCertificates::make(&[NAME.to_owned()], 1, now).unwrap();
        let rules = CertificateRequirements {
            server_names: Vec::new(),
            provider: Arc::clone(&provider),
        };
        let certificate =
            ServingCertificate::from_pem(&made.leaf.certificate, &made.leaf.key, &rules, now)
                .unwrap();
        let rules = TlsOptions {
            may_be_nobody: false,
            min_version: TlsVersion::V1_3,
            client_names: Vec::new(),
            provider: Arc::clone(&provider),
        };
        Self {
            tls: Arc::new(Tls::new(&certificate, None, rules).unwrap()),
            client: Arc::new(trusting(&made.authority.certificate, provider)),
        }
    }
}

fn trusting(ca: &str, provider: Arc<CryptoProvider>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The time of the case that runs; cases run one after another.
static NOW: AtomicI64 = AtomicI64::new(0);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

static IDENTITY: LazyLock<Identity> = LazyLock::new(Identity::make);

const NAME: &str = "palette-rbac.palette-rbac.svc";
