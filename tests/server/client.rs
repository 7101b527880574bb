//! A client as the API server is one: HTTP/1.1 over TLS, many requests a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::identity::Pair;

/// What a client trusts and shows.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Response<()>,
    pub(crate) body: Bytes,
}

/// An open connection that requests are sent on.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The leaf that the server showed.
    pub(crate) certificate: CertificateDer<'static>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, ca: &str) -> Self {
        Self::with(address, ca, None, &[&rustls::version::TLS13])
    }

    pub(crate) fn with(
        address: SocketAddr,
        ca: &str,
        identity: Option<&Pair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let chain = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![chain], key).unwrap()
            }
        };
        Self {
            address,
            config: Arc::new(config),
        }
    }

    /// A TLS connection on which nothing is sent yet.
    pub(crate) async fn tls(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("palette-rbac.palette-rbac.svc").unwrap();
        TlsConnector::from(Arc::clone(&self.config))
            .connect(name, stream)
            .await
    }

    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        let stream = self
            .tls()
            .await
            .map_err(|error| format!("connect: {error}"))?;
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| error.to_string())?;
        #[expect(clippy::disallowed_methods, reason = "it ends with the connection")]
        tokio::spawn(connection);
        Ok(Connection {
            sender,
            certificate: shown.into_owned(),
        })
    }

    /// One review on a connection of its own.
    pub(crate) async fn review(&self, body: &Value) -> Result<Answer, String> {
        self.connect().await?.review(body).await
    }
}

impl Connection {
    pub(crate) async fn review(&mut self, body: &Value) -> Result<Answer, String> {
        self.post("/validate?timeout=5s", "application/json", body.to_string())
            .await
    }

    pub(crate) async fn post(
        &mut self,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let request = Request::post(path)
            .header(HOST, "palette-rbac.palette-rbac.svc")
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(body.into()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let say = |error: hyper::Error| format!("{error:?}");
        self.sender.ready().await.map_err(say)?;
        let response = self.sender.send_request(request).await.map_err(say)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(say)?.to_bytes();
        Ok(Answer {
            status: head.status.as_u16(),
            head: Response::from_parts(head, ()),
            body,
        })
    }

    /// Waits until the server has closed it.
    pub(crate) async fn closed(&mut self) {
        while self.sender.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether the review admits, and the uid that it answers to.
    pub(crate) fn verdict(&self) -> (bool, String) {
        let response = &self.json()["response"];
        let uid = response["uid"].as_str().unwrap().to_owned();
        (response["allowed"].as_bool().unwrap(), uid)
    }
}

/// The review of a new `RoleBinding` of `role` to a User.
pub(crate) fn binding(uid: &str, role: &str, user: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "RoleBinding"},
            "resource": {"group": "rbac.authorization.k8s.io", "version": "v1", "resource": "rolebindings"},
            "name": "b", "namespace": "vms", "operation": "CREATE",
            "userInfo": {"username": "root", "groups": ["system:masters"]},
            "object": {
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": "b", "namespace": "vms"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            },
            "oldObject": null, "dryRun": false, "options": null,
        },
    })
}
