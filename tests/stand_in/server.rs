//! The stand-in as a server on a port of its own, in a thread of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::faults::{Fault, Faults};
use super::tenant::Tenant;
use super::wire::Asked;

/// A running stand-in; it ends with the test.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    is_tls: bool,
    state: Arc<Mutex<State>>,
    _stop: oneshot::Sender<()>,
}

struct State {
    tenant: Tenant,
    faults: Faults,
    /// `GET /v1/users`, each page for itself.
    asked: Vec<String>,
    /// Requests a second for each resource; 0: as many as come.
    rate: u32,
    buckets: BTreeMap<String, (Instant, f64)>,
    /// Told of each whole answer.
    #[expect(clippy::type_complexity, reason = "one place")]
    check: Option<Box<dyn Fn(&str, &str, &Value) + Send>>,
}

impl StandIn {
    /// With this tenant, and no limit.
    pub(crate) fn start(tenant: Tenant) -> Self {
        Self::start_with(tenant, None)
    }

    /// The same over HTTPS, with a certificate and its key, PEM.
    pub(crate) fn start_tls(tenant: Tenant, certificate: &str, key: &str) -> Self {
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::start_with(tenant, Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn start_with(tenant: Tenant, tls: Option<TlsAcceptor>) -> Self {
        let state = Arc::new(Mutex::new(State {
            tenant,
            faults: Faults::default(),
            asked: Vec::new(),
            rate: 0,
            buckets: BTreeMap::new(),
            check: None,
        }));
        let is_tls = tls.is_some();
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let of_server = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = accept(listener, of_server, tls) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: address.recv().unwrap(),
            is_tls,
            state,
            _stop: stop,
        }
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Something is done in Palette.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Tenant) -> T) -> T {
        change(&mut self.state().tenant)
    }

    pub(crate) fn fault(&self, path: &str, fault: Fault, times: usize) {
        self.state().faults.add(path, fault, times);
    }

    pub(crate) fn mend(&self) {
        self.state().faults.clear();
    }

    pub(crate) fn limit(&self, rate: u32) {
        self.state().rate = rate;
    }

    /// What was asked since this was last asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    pub(crate) fn check(&self, check: impl Fn(&str, &str, &Value) + Send + 'static) {
        self.state().check = Some(Box::new(check));
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>, tls: Option<TlsAcceptor>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (state, tls) = (Arc::clone(&state), tls.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the connection")]
        tokio::spawn(async move {
            match tls {
                None => serve(stream, state).await,
                Some(tls) => {
                    // Who does not trust it is gone by now.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve<S>(stream: S, state: Arc<Mutex<State>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = service_fn(|request| answer(request, Arc::clone(&state)));
    // A client that leaves is none of its business.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

/// Half an answer, which hyper takes for a broken connection.
#[derive(Debug, thiserror::Error)]
#[error("half of it")]
struct Broken;

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Broken> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let path = head.uri.path().to_owned();
    let header = |name: &str| {
        let value = head.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let query = head
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((
                key.to_owned(),
                percent_decode_str(value).decode_utf8_lossy().into_owned(),
            ))
        });
    let (fault, answer) = {
        let mut state = state.lock().unwrap();
        let fault = state.faults.take(&path);
        state.asked.push(format!("{} {path}", head.method));
        let asked = Asked {
            method: head.method.as_str(),
            path: &path,
            query: query.collect(),
            project: header("projectuid"),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            no_members: fault == Some(Fault::NoMembers),
        };
        let answer = if header("apikey").as_ref() != Some(&state.tenant.key) {
            (
                401,
                json!({ "code": "InvalidCredentials", "message": "invalid api key", "ref": "" }),
            )
        } else if state.is_too_fast(&path) {
            (
                429,
                json!({ "code": "TooManyRequests", "message": "too many requests", "ref": "" }),
            )
        } else {
            state.tenant.answer(&asked)
        };
        if let (Some(check), 200) = (&state.check, answer.0) {
            check(asked.method, &path, &answer.1);
        }
        (fault, answer)
    };
    let key = header("apikey").unwrap_or_default();
    with_fault(fault, answer, &key).await
}

async fn with_fault(
    fault: Option<Fault>,
    (status, mut body): (u16, Value),
    key: &str,
) -> Result<Response<Full<Bytes>>, Broken> {
    let rows = |body: &mut Value, change: fn(&mut Vec<Value>)| {
        change(body["items"].as_array_mut().unwrap());
    };
    let text = |status: u16, text: String| {
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status.try_into().unwrap();
        let json = "application/json".try_into().unwrap();
        response.headers_mut().insert("content-type", json);
        response
    };
    match fault {
        None | Some(Fault::NoMembers) => {}
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(Fault::Status(status, after)) => {
            let body = json!({ "code": "Fault", "message": "a fault", "ref": "" });
            let mut response = text(status, body.to_string());
            if let Some(after) = after {
                response.headers_mut().insert("retry-after", after.into());
            }
            return Ok(response);
        }
        Some(Fault::Half) => return Err(Broken),
        Some(Fault::BadJson) => return Ok(text(status, "{\"items\": [{".to_owned())),
        Some(Fault::RowTwice) => rows(&mut body, |rows| {
            let first = rows[0].clone();
            *rows.last_mut().unwrap() = first;
        }),
        Some(Fault::RowMissing) => rows(&mut body, |rows| drop(rows.pop())),
        Some(Fault::OtherCount) => {
            let count = body["listmeta"]["count"].as_u64().unwrap();
            body["listmeta"]["count"] = json!(count + 1);
        }
        Some(Fault::SamePage) => body["listmeta"]["continue"] = json!("offset-50"),
        Some(Fault::EchoesKey) => {
            let body =
                json!({ "code": "Forbidden", "message": format!("key {key} may not"), "ref": "" });
            return Ok(text(403, body.to_string()));
        }
        Some(Fault::Redirect) => {
            let mut response = text(302, String::new());
            let elsewhere = "http://127.0.0.1:9/".try_into().unwrap();
            response.headers_mut().insert("location", elsewhere);
            return Ok(response);
        }
    }
    Ok(text(status, body.to_string()))
}

impl State {
    /// By resource, with a burst of five seconds, as it is documented.
    fn is_too_fast(&mut self, path: &str) -> bool {
        if self.rate == 0 {
            return false;
        }
        let rate = f64::from(self.rate);
        let resource = path.split('/').nth(2).unwrap_or_default().to_owned();
        let now = Instant::now();
        let (since, tokens) = self.buckets.entry(resource).or_insert((now, rate * 5.0));
        *tokens = (*tokens + since.elapsed().as_secs_f64() * rate).min(rate * 5.0);
        *since = now;
        *tokens -= 1.0;
        if *tokens < 0.0 {
            *tokens = 0.0;
            return true;
        }
        false
    }
}
