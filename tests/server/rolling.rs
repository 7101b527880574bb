use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{JoinSet, block_in_place};

use crate::balancer::Balancer;
use crate::client::{Client, binding};
use crate::harness::{Files, Server, serve};
use crate::identity::Ca;

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_two_under_load_loses_no_request() {
    let ca = Ca::new();
    let balancer = Balancer::start().await;
    let mut servers = VecDeque::from([start(&ca), start(&ca)]);
    for server in &servers {
        balancer.add(server).await;
    }
    let mut load = Load::start(&Client::new(balancer.address, &ca.pem));
    for _ in 0..RESTARTS {
        let old = servers.pop_front().unwrap();
        // It has all connections since the other one was restarted.
        load.until_answered_by(&old).await;
        old.signal("TERM");
        let address = old.webhook;
        let (status, log) = old.ended().await;
        assert_eq!(status.code(), Some(0), "{}", log.text());
        balancer.remove(address);
        let new = start(&ca);
        balancer.add(&new).await;
        servers.push_back(new);
    }
    let answered = load.stop().await;
    let least = CLIENTS * RESTARTS;
    assert!(answered > least, "only {answered} requests ran");
}

/// The delay is many times the balancer's look at `/readyz`, as in a cluster.
fn start(ca: &Ca) -> Server {
    let files = Files::new();
    files.put_pair(&ca.serving());
    let mut command = serve(&files);
    command.args(["--shutdown-delay", "400ms"]);
    block_in_place(|| Server::run(command, files))
}

/// Clients that send one review after the other, and open a new connection when they are told to.
struct Load {
    clients: JoinSet<usize>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(ask(client.clone(), number, Arc::clone(&is_over)));
        }
        Self { clients, is_over }
    }

    /// Ends early when a client has: it lost a request.
    async fn until_answered_by(&mut self, server: &Server) {
        while server.metric("admission_duration_seconds_count").await == 0.0 {
            let ended = self.clients.try_join_next();
            assert!(ended.is_none(), "a request is lost: {ended:?}");
            tokio::task::yield_now().await;
        }
    }

    /// How many requests were answered, each by its review.
    async fn stop(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.clients.join_all().await.into_iter().sum()
    }
}

async fn ask(client: Client, number: usize, is_over: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    let mut connection = None;
    while !is_over.load(Ordering::Relaxed) {
        let mut open = match connection.take() {
            Some(open) => open,
            None => client.connect().await.unwrap(),
        };
        let uid = format!("{number}-{answered}");
        let review = binding(&uid, "spectro-vm-user", "ines@orchard.test");
        let answer = open.review(&review).await.unwrap();
        assert_eq!((answer.status, answer.verdict()), (200, (true, uid)));
        answered += 1;
        if answer.header("connection") != Some("close") {
            connection = Some(open);
        }
    }
    answered
}

const CLIENTS: usize = 6;
const RESTARTS: usize = 6;
