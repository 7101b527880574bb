//! `sync --listen`: each cluster's own snapshot, to whoever shows that cluster's token or certificate.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH,
};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::connection::{Connections, FullBody, Handler};
use super::exchange::Exchange;
use super::handshake;
use super::lifecycle::Lifecycle;
use super::listener::Accept;
use super::rejection::plain;
use crate::live::{Tls, names_of_client};
use crate::metrics::{HubResult, SyncMetrics};
use crate::sources::snapshots::{AS_OF_HEADER, Content, Deflated};
use crate::sync::{Published, Uid};

/// What clusters are answered from.
pub struct Hub {
    /// What is in force.
    pub published: watch::Receiver<Option<Arc<Published>>>,
    /// What connections are met with.
    pub tls: Arc<Tls>,
    /// Who may have what.
    pub clients: Arc<ArcSwap<HubClients>>,
    /// How far the process is from its end.
    pub lifecycle: Arc<Lifecycle>,
    /// Where everything is counted.
    pub metrics: Arc<SyncMetrics>,
}

/// Which clusters there are, and their tokens.
#[derive(Debug, Default)]
pub struct HubClients {
    clusters: HashSet<String>,
    /// By the token's SHA-256: a look-up by a digest tells by its time nothing of the token.
    tokens: HashMap<[u8; 32], String>,
}

impl HubClients {
    /// Those of a folder with one file for each cluster, which is called after its uid and has its token in it; and those
    /// named, who have certificates only.
    ///
    /// A token that two clusters have, or that is short, is none.
    pub fn read(folder: Option<&Path>, named: &[String]) -> Result<(Self, Vec<String>), String> {
        let mut clients = Self {
            clusters: named.iter().cloned().collect(),
            tokens: HashMap::new(),
        };
        let mut problems = Vec::new();
        let Some(folder) = folder else {
            return Ok((clients, problems));
        };
        let shown = folder.display();
        let failed = |error: std::io::Error| format!("--cluster-tokens `{shown}`: {error}");
        let mut seen: HashMap<[u8; 32], String> = HashMap::new();
        let mut twice: HashSet<[u8; 32]> = HashSet::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            // The kubelet's own are `..data` and the like.
            if name.starts_with('.') || !path.is_file() {
                continue;
            }
            let token = fs::read_to_string(&path).map_err(failed)?;
            let token = token.trim();
            clients.clusters.insert(name.to_owned());
            if token.len() < SHORTEST_TOKEN {
                problems.push(format!(
                    "--cluster-tokens `{shown}`: the token of cluster {name} has fewer than {SHORTEST_TOKEN} letters: it \
                     opens nothing"
                ));
                continue;
            }
            let digest = digest(token);
            if let Some(other) = seen.insert(digest, name.to_owned()) {
                twice.insert(digest);
                problems.push(format!(
                    "--cluster-tokens `{shown}`: clusters {other} and {name} have the same token: it opens nothing"
                ));
            }
        }
        seen.retain(|digest, _| !twice.contains(digest));
        clients.tokens = seen;
        Ok((clients, problems))
    }

    /// The clusters, sorted.
    pub fn clusters(&self) -> Vec<String> {
        let mut clusters: Vec<String> = self.clusters.iter().cloned().collect();
        clusters.sort();
        clusters
    }

    /// Whether one with that token or that certificate may have what is that cluster's.
    fn may_have(&self, cluster: &str, token: Option<&str>, names: &[String]) -> bool {
        let by_token = token.and_then(|token| self.tokens.get(&digest(token)));
        let is_named = names.iter().any(|name| name == cluster);
        by_token.is_some_and(|own| own == cluster) || (is_named && self.clusters.contains(cluster))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Hub {
    /// Serves until the process ends.
    pub async fn serve(self, listener: TcpListener, tracker: TaskTracker) {
        let connections = Connections::new(MAX_HEADER_BYTES, HEADER_TIMEOUT, &self.lifecycle);
        let accept = Accept::uncounted(listener, tracker, CONNECTIONS, &self.lifecycle);
        let (connections, tls) = (Arc::new(connections), Arc::clone(&self.tls));
        let made = Arc::new(Snapshots {
            hub: self,
            made: Mutex::default(),
        });
        accept
            .each(move |stream, slot| {
                let (connections, snapshots) = (Arc::clone(&connections), Arc::clone(&made));
                let tls = tls.config();
                async move {
                    let observe = |_| {};
                    let accepted =
                        handshake::accept(stream, tls, HANDSHAKE_TIMEOUT, observe, &slot).await;
                    let Some(stream) = accepted else { return };
                    let certificates = stream.get_ref().1.peer_certificates();
                    let leaf = certificates.and_then(|chain| chain.first());
                    let client = Client {
                        names: leaf.map(names_of_client).unwrap_or_default(),
                        snapshots,
                    };
                    let client = Arc::new(client);
                    connections.serve(stream, client, None, &slot).await;
                }
            })
            .await;
    }
}

/// What was made of the reading in force, for the clusters that asked.
struct Snapshots {
    hub: Hub,
    made: Mutex<Option<Arc<OfReading>>>,
}

/// What was made of one reading. Clusters of one project say the same of who holds what there, so that is made once.
struct OfReading {
    reading: Arc<Published>,
    /// The end of the texts of all clusters of one scope.
    shared: Mutex<HashMap<Scope, Arc<OnceLock<Option<Deflated>>>>>,
    clusters: Mutex<HashMap<String, Made>>,
}

/// The project and the workspaces of a cluster.
type Scope = (Option<Uid>, Vec<Uid>);

/// A cluster's snapshot, ready to be sent.
#[derive(Clone)]
struct Made {
    packed: hyper::body::Bytes,
    tag: HeaderValue,
}

/// Whoever is at the other end of one connection.
struct Client {
    names: Vec<String>,
    snapshots: Arc<Snapshots>,
}

impl Snapshots {
    /// Made when it is first asked for, and again when there is a new reading.
    async fn of(&self, cluster: &str) -> Option<(Made, Timestamp)> {
        let reading = self.hub.published.borrow().clone()?;
        let as_of = reading.as_of;
        let made = self.of_reading(reading);
        if let Some(known) = lock(&made.clusters).get(cluster) {
            return Some((known.clone(), as_of));
        }
        let uid = cluster.to_owned();
        let made = tokio::task::spawn_blocking(move || made.make(&uid));
        Some((made.await.ok()??, as_of))
    }

    fn of_reading(&self, reading: Arc<Published>) -> Arc<OfReading> {
        let mut made = lock(&self.made);
        match &*made {
            Some(known) if Arc::ptr_eq(&known.reading, &reading) => Arc::clone(known),
            _ => Arc::clone(made.insert(Arc::new(OfReading {
                reading,
                shared: Mutex::default(),
                clusters: Mutex::default(),
            }))),
        }
    }
}

impl OfReading {
    fn make(&self, cluster: &str) -> Option<Made> {
        let reading = &self.reading.reading;
        let (project, workspaces) = reading.scope_of(cluster)?;
        let scope = (project.cloned(), workspaces.to_vec());
        // Several clusters of a project that ask at once wait for the one that makes it.
        let shared = Arc::clone(lock(&self.shared).entry(scope).or_default());
        let shared = shared.get_or_init(|| {
            let (_, text) = reading
                .joined(Some(cluster))
                .snapshot
                .to_json_parts()
                .ok()?;
            Deflated::new(text).ok()
        });
        let shared = shared.as_ref()?;
        let (mut head, _) = reading.facts_of(cluster).to_json_parts().ok()?;
        if !shared.is_empty() {
            // What follows goes on within the same braces.
            head.pop();
        }
        let content = Content::pack_before(&head, shared).ok()?;
        let made = Made {
            tag: HeaderValue::from_str(&format!("\"{}\"", content.digest)).ok()?,
            packed: content.packed.into(),
        };
        lock(&self.clusters).insert(cluster.to_owned(), made.clone());
        Some(made)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    async fn directory(&self, request: &Request<Incoming>) -> (HubResult, Response<FullBody>) {
        let path = request.uri().path();
        let Some(cluster) = path.strip_prefix(PATH) else {
            let text = "snapshots are at /v1/directories/CLUSTER-UID";
            return (HubResult::NotFound, plain(StatusCode::NOT_FOUND, text));
        };
        let token = request.headers().get(AUTHORIZATION);
        let token = token.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        let clients = self.snapshots.hub.clients.load();
        // The same for a cluster that there is and for one that there is not.
        if !clients.may_have(cluster, token, &self.names) {
            let text = "neither a token nor a certificate of this cluster";
            return (HubResult::Denied, plain(StatusCode::FORBIDDEN, text));
        }
        let Some((made, as_of)) = self.snapshots.of(cluster).await else {
            let text = "no snapshot of this cluster yet";
            return (HubResult::NotFound, plain(StatusCode::NOT_FOUND, text));
        };
        let is_known = request.headers().get(IF_NONE_MATCH) == Some(&made.tag);
        let (result, status, body) = if is_known {
            (
                HubResult::NotModified,
                StatusCode::NOT_MODIFIED,
                FullBody::default(),
            )
        } else {
            (HubResult::Sent, StatusCode::OK, FullBody::new(made.packed))
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(ETAG, made.tag);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if let Ok(as_of) = HeaderValue::from_str(&as_of.to_string()) {
            headers.insert(HeaderName::from_static(AS_OF_HEADER), as_of);
        }
        if !is_known {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        (result, response)
    }
}

impl Handler for Client {
    async fn answer(&self, request: Request<Incoming>, exchange: &Exchange) -> Response<FullBody> {
        exchange.headers_done();
        exchange.body_done();
        let (result, response) = if *request.method() == Method::GET {
            self.directory(&request).await
        } else {
            let text = "nothing here can be changed";
            (
                HubResult::NotFound,
                plain(StatusCode::METHOD_NOT_ALLOWED, text),
            )
        };
        self.snapshots.hub.metrics.hub_answered(result);
        exchange.answer(None);
        response
    }
}

const PATH: &str = "/v1/directories/";

/// 32 letters of hexadecimal digits have 128 bits.
const SHORTEST_TOKEN: usize = 32;

pub(super) const MAX_HEADER_BYTES: usize = 32 * 1024;
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Three replicas of each of some hundred clusters; the others take turns.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
