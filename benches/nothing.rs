//! The do-nothing webhooks: the same crates, the same TLS, and an answer of the same size to whatever is asked.
//!
//! They look for the uid alone, since an API server takes no other answer. They have no limits, metrics or log.

use std::borrow::Cow;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::process::{Process, wait_for};

/// How a do-nothing webhook does what it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Least {
    /// It finds the uid among the bytes and copies it into an answer made beforehand: the least there is.
    Copies,
    /// It reads the review and writes the answer with `serde_json`, as the least webhook that anybody would run.
    Reads,
}

/// A do-nothing webhook as a process; dropping it ends it.
pub(crate) struct Nothing {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Nothing {
    /// Starts this program again as the webhook, whose answers have so many bytes.
    pub(crate) fn start(
        least: Least,
        mut command: Command,
        certificates: &Path,
        answer_bytes: usize,
    ) -> Result<Self> {
        command
            .arg(least.argument())
            .arg(certificates)
            .arg(answer_bytes.to_string());
        let log = certificates.join(least.argument()).with_extension("log");
        let process = Process::start(&mut command, &log)?;
        let address = wait_for("the do-nothing webhook", STARTS_WITHIN, || {
            process.output().trim().parse().ok()
        })?;
        Ok(Self { process, address })
    }
}

/// Serves until it is killed, if the arguments of this program ask for that.
pub(crate) fn serve_if_asked(arguments: &[String]) -> Option<Result<()>> {
    let [argument, certificates, bytes] = arguments else {
        return None;
    };
    let least = [Least::Copies, Least::Reads]
        .into_iter()
        .find(|least| argument == least.argument())?;
    let served = bytes
        .parse()
        .map_err(anyhow::Error::from)
        .and_then(|bytes| serve(least, &PathBuf::from(certificates), bytes));
    Some(served)
}

#[tokio::main]
async fn serve(least: Least, certificates: &Path, answer_bytes: usize) -> Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(certificates)?));
    let answer = Arc::new(Answer::new(least, answer_bytes)?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut output = std::io::stdout();
    writeln!(output, "{}", listener.local_addr()?)?;
    output.flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = serve_connection(stream, acceptor.clone(), Arc::clone(&answer));
        #[expect(clippy::disallowed_methods, reason = "it ends by being killed")]
        tokio::spawn(connection);
    }
}

async fn serve_connection(stream: TcpStream, acceptor: TlsAcceptor, answer: Arc<Answer>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| respond(request, &answer));
    // How a connection ends is its client's business.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    answer: &Answer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let mut response = Response::new(Full::from(answer.to(&body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// An admission, made as long as ours by an audit annotation.
struct Answer {
    least: Least,
    made: Vec<u8>,
    filling: String,
}

impl Answer {
    fn new(least: Least, bytes: usize) -> Result<Self> {
        let uid = "0".repeat(UID_BYTES);
        let bare = written(&uid, "")?.len();
        let filling = bytes
            .checked_sub(bare)
            .context("an answer cannot be so short")?;
        let filling = "x".repeat(filling);
        Ok(Self {
            least,
            made: written(&uid, &filling)?,
            filling,
        })
    }

    fn to(&self, body: &[u8]) -> Vec<u8> {
        match self.least {
            Least::Copies => self.with_uid(uid(body).unwrap_or_default()),
            Least::Reads => serde_json::from_slice::<Review<'_>>(body)
                .and_then(|review| written(&review.request.uid, &self.filling))
                .unwrap_or_default(),
        }
    }

    fn with_uid(&self, uid: &[u8]) -> Vec<u8> {
        let mut answer = self.made.clone();
        for (to, from) in answer[BEFORE_UID.len()..].iter_mut().zip(uid) {
            *to = *from;
        }
        answer
    }
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Asked<'a>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Admission<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Admission<'a> {
    uid: &'a str,
    allowed: bool,
    audit_annotations: Annotations<'a>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    nothing: &'a str,
}

fn written(uid: &str, filling: &str) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Answered {
        api_version: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: Admission {
            uid,
            allowed: true,
            audit_annotations: Annotations { nothing: filling },
        },
    })
}

/// The uid of the request, which an API server writes first.
fn uid(body: &[u8]) -> Option<&[u8]> {
    let start = body
        .windows(UID_KEY.len())
        .position(|window| window == UID_KEY)?;
    body.get(start + UID_KEY.len()..)?.get(..UID_BYTES)
}

/// As our own server's, at its defaults.
fn tls(certificates: &Path) -> Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificates.join("tls.crt"))?
        .collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(certificates.join("tls.key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

impl Least {
    const fn argument(self) -> &'static str {
        match self {
            Self::Copies => "do-nothing-webhook",
            Self::Reads => "do-nothing-webhook-that-reads",
        }
    }
}

const STARTS_WITHIN: Duration = Duration::from_secs(10);
const UID_KEY: &[u8] = br#""uid":""#;
const UID_BYTES: usize = 36;
const BEFORE_UID: &str =
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":""#;
