//! A TCP balancer as a Service is one: new connections go to those that say they are ready, and open ones stay.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::harness::{PATIENCE, Server};

/// A balancer that runs until it is dropped.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    backends: Arc<Backends>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Backends {
    all: Mutex<Vec<Arc<Backend>>>,
    connections: AtomicUsize,
}

struct Backend {
    webhook: SocketAddr,
    admin: SocketAddr,
    is_ready: AtomicBool,
}

impl Balancer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backends = Arc::<Backends>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(forward(listener, Arc::clone(&backends)));
        tasks.spawn(probe(Arc::clone(&backends)));
        Self {
            address,
            backends,
            _tasks: tasks,
        }
    }

    /// Adds a server, and waits until it is sent connections.
    pub(crate) async fn add(&self, server: &Server) {
        let backend = Arc::new(Backend {
            webhook: server.webhook,
            admin: server.admin,
            is_ready: AtomicBool::new(false),
        });
        self.backends.all.lock().unwrap().push(Arc::clone(&backend));
        let ready = async {
            while !backend.is_ready.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, ready).await.unwrap();
    }

    /// Forgets a server that has ended.
    pub(crate) fn remove(&self, server: SocketAddr) {
        let mut all = self.backends.all.lock().unwrap();
        all.retain(|backend| backend.webhook != server);
    }
}

impl Backends {
    /// One of those that are ready, in turns.
    fn next(&self) -> Option<SocketAddr> {
        let mut ready = self.all.lock().unwrap().clone();
        ready.retain(|backend| backend.is_ready.load(Ordering::Relaxed));
        let turn = self.connections.fetch_add(1, Ordering::Relaxed);
        let chosen = turn.checked_rem(ready.len())?;
        Some(ready[chosen].webhook)
    }
}

async fn forward(listener: TcpListener, backends: Arc<Backends>) {
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        // Without a backend the client's connection is closed, and its request is lost.
        let Some(backend) = backends.next() else {
            continue;
        };
        connections.spawn(async move {
            let mut server = TcpStream::connect(backend).await?;
            server.set_nodelay(true)?;
            client.set_nodelay(true)?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}

async fn probe(backends: Arc<Backends>) {
    let mut period = interval(PROBE_PERIOD);
    loop {
        period.tick().await;
        let all = backends.all.lock().unwrap().clone();
        for backend in all {
            let is_ready = is_ready(backend.admin).await.unwrap_or(false);
            backend.is_ready.store(is_ready, Ordering::Relaxed);
        }
    }
}

async fn is_ready(admin: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(admin).await?;
    let request = b"GET /readyz HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}

const PROBE_PERIOD: Duration = Duration::from_millis(10);
