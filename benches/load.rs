//! A load generator that costs less than the servers: one thread, one request written beforehand, no HTTP library.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::http::SERVICE;

/// Trusts one CA.
pub(crate) fn trusting(ca: &str) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The bytes of `POST /validate` with this review.
pub(crate) fn request(review: &[u8]) -> Arc<[u8]> {
    let head = format!(
        "POST /validate?timeout=5s HTTP/1.1\r\nHost: {SERVICE}:443\r\nUser-Agent: kube-apiserver-admission\r\n\
         Content-Length: {}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n\
         Accept-Encoding: gzip\r\n\r\n",
        review.len()
    );
    [head.as_bytes(), review].concat().into()
}

/// Connections that are kept alive.
pub(crate) struct Connections {
    open: Vec<Connection>,
    /// Whether the generator looks for answers without a pause; for a processor of its own.
    pub(crate) awake: bool,
}

impl Connections {
    pub(crate) async fn open(
        config: &Arc<ClientConfig>,
        address: SocketAddr,
        count: usize,
    ) -> Result<Self> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Connection::open(config, address).await?);
        }
        Ok(Self {
            open: connections,
            awake: false,
        })
    }

    /// Sends the request on all of them, each again as soon as it is answered; how many a second were answered.
    pub(crate) async fn rate(&mut self, request: &Arc<[u8]>, during: Duration) -> Result<f64> {
        let began = Instant::now();
        let _awake = self.awake.then(stay_awake);
        let mut running = JoinSet::new();
        for connection in self.open.drain(..) {
            running.spawn(connection.repeat(Arc::clone(request), began + during));
        }
        let mut answered = 0.0;
        while let Some(done) = running.join_next().await {
            let (connection, count) = done??;
            self.open.push(connection);
            answered += f64::from(count);
        }
        Ok(answered / began.elapsed().as_secs_f64())
    }

    /// The body of one answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<String> {
        let connection = self.open.first_mut().context("no connection")?;
        let (head, whole) = connection.exchange(request).await?;
        Ok(String::from_utf8_lossy(&connection.buffer[head..whole]).into_owned())
    }
}

/// Keeps this thread from sleeping until it is dropped: else the slower server pays for waking it up, which on a virtual
/// machine costs as much as a review.
fn stay_awake() -> JoinSet<()> {
    let mut task = JoinSet::new();
    task.spawn(async {
        loop {
            yield_now().await;
        }
    });
    task
}

struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(config: &Arc<ClientConfig>, address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(SERVICE)?;
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await?;
        Ok(Self {
            stream,
            buffer: vec![0; 64 * 1024],
        })
    }

    async fn repeat(mut self, request: Arc<[u8]>, until: Instant) -> Result<(Self, u32)> {
        let mut count = 0;
        while Instant::now() < until {
            self.exchange(&request).await?;
            count += 1;
        }
        Ok((self, count))
    }

    /// Sends the request and reads the whole answer; where its body begins and ends in the buffer.
    async fn exchange(&mut self, request: &[u8]) -> Result<(usize, usize)> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            if let Some((head, whole)) = lengths(&self.buffer[..filled])?
                && filled >= whole
            {
                return Ok((head, whole));
            }
        }
    }
}

/// Where the headers end and where the body does, once the headers are there.
fn lengths(answer: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "answered `{head}`");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .context("no content-length")?
        .parse::<usize>()?;
    Ok(Some((end + 4, end + 4 + length)))
}
