//! The two requests that the tests send by themselves: one of Prometheus, one of the API server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// An answer, and who gave it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The server's own certificate; none without TLS.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

/// `GET` without TLS, as Prometheus scrapes.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    let mut stream = connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    read_answer(stream)
}

/// Posts `AdmissionReviews` over TLS as the API server does: by the Service's name, and trusting one CA.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, ca: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            roots.add(certificate?)?;
        }
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        Ok(Self {
            address,
            config: Arc::new(config),
        })
    }

    /// Posts `review` on a connection of its own.
    pub(crate) fn post(&self, review: &serde_json::Value) -> Result<Answer> {
        let name = ServerName::try_from(SERVICE)?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name)?;
        let mut stream = StreamOwned::new(connection, connect(self.address)?);
        let body = review.to_string();
        write!(
            stream,
            "POST /validate?timeout=5s HTTP/1.1\r\nhost: {SERVICE}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )?;
        stream.flush()?;
        let certificate = stream
            .conn
            .peer_certificates()
            .and_then(<[_]>::first)
            .cloned();
        Ok(Answer {
            certificate: certificate.map(CertificateDer::into_owned),
            ..read_answer(stream)?
        })
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads to the end of the connection: the requests ask for it to be closed.
fn read_answer(mut stream: impl Read) -> Result<Answer> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .with_context(|| format!("no HTTP answer: `{text}`"))?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .context("no status code")?;
    Ok(Answer {
        status,
        body: body.to_owned(),
        certificate: None,
    })
}

/// The name that the API server asks for: the Service's.
pub(crate) const SERVICE: &str = "palette-rbac.palette-rbac.svc";

const PATIENCE: Duration = Duration::from_secs(10);
