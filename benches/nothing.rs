//! The do-nothing webhook: the same crates, the same TLS, and an answer of the same size to whatever is asked.
//!
//! It reads the body for the uid alone, since an API server takes no other answer. It has no limits, metrics or log.

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
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::process::{Process, wait_for};

/// The do-nothing webhook as a process; dropping it ends it.
pub(crate) struct Nothing {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Nothing {
    /// Starts this program again as the webhook, whose answers have so many bytes.
    pub(crate) fn start(
        mut command: Command,
        certificates: &Path,
        answer_bytes: usize,
    ) -> Result<Self> {
        command
            .arg(ARGUMENT)
            .arg(certificates)
            .arg(answer_bytes.to_string());
        let log = certificates.join("nothing.log");
        let process = Process::start(&mut command, &log)?;
        let address = wait_for("the do-nothing webhook", STARTS_WITHIN, || {
            process.output().trim().parse().ok()
        })?;
        Ok(Self { process, address })
    }
}

/// Serves until it is killed, if the arguments of this program ask for that.
pub(crate) fn serve_if_asked(arguments: &[String]) -> Option<Result<()>> {
    match arguments {
        [argument, certificates, bytes] if argument == ARGUMENT => {
            let served = bytes
                .parse()
                .map_err(anyhow::Error::from)
                .and_then(|bytes| serve(&PathBuf::from(certificates), bytes));
            Some(served)
        }
        _ => None,
    }
}

#[tokio::main]
async fn serve(certificates: &Path, answer_bytes: usize) -> Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(certificates)?));
    let answer: Arc<[u8]> = answer(answer_bytes)?.into();
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

async fn serve_connection(stream: TcpStream, acceptor: TlsAcceptor, answer: Arc<[u8]>) {
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
    answer: &[u8],
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let mut answer = answer.to_vec();
    if let (Some(uid), Some(place)) = (uid(&body), answer.get_mut(BEFORE_UID.len()..)) {
        for (to, from) in place.iter_mut().zip(uid) {
            *to = *from;
        }
    }
    let mut response = Response::new(Full::from(answer));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
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

/// An admission, made as long as ours by an audit annotation.
fn answer(bytes: usize) -> Result<Vec<u8>> {
    let uid = "0".repeat(UID_BYTES);
    let bare = BEFORE_UID.len() + UID_BYTES + AFTER_UID.len() + END.len();
    let filling = bytes
        .checked_sub(bare)
        .context("an answer cannot be so short")?;
    Ok(format!("{BEFORE_UID}{uid}{AFTER_UID}{}{END}", "x".repeat(filling)).into_bytes())
}

const ARGUMENT: &str = "do-nothing-webhook";
const STARTS_WITHIN: Duration = Duration::from_secs(10);
const UID_KEY: &[u8] = br#""uid":""#;
const UID_BYTES: usize = 36;
const BEFORE_UID: &str =
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":""#;
const AFTER_UID: &str = r#"","allowed":true,"auditAnnotations":{"nothing":""#;
const END: &str = r#""}}}"#;
