//! Which replica does what only one may do: the one that holds the Lease.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use rustls::crypto::ring;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::metrics::LeaderObserver;
use crate::sources::cluster::describe;

/// What only one replica does.
#[derive(Debug, Clone, Copy)]
pub struct LeaderTask {
    /// The Lease.
    pub lease: &'static str,
    /// What the leader does: `writes the reports of the audit`.
    pub does: &'static str,
}

/// Agrees with the other replicas, by a Lease, which of them is the leader.
///
/// As client-go does it: the Lease is renewed long before it runs out, and written only where nobody else has written
/// it meanwhile. When another's runs out is measured from when we saw it change, so that clocks need not agree: the crates
/// that fit kube compare the time that is written in the Lease with their own.
pub struct Leader {
    leases: Api<Lease>,
    task: LeaderTask,
    identity: String,
    duration: Duration,
    observer: Arc<dyn LeaderObserver>,
    leads: watch::Sender<bool>,
    /// The Lease as we wrote it last.
    own: Option<Lease>,
    /// The version of another's Lease, and when we saw it first.
    others: Option<(String, Instant)>,
    is_failing: bool,
}

impl Leader {
    /// Nobody leads yet; the Lease is in this namespace and holds for this long.
    pub fn new(
        client: Client,
        namespace: &str,
        task: LeaderTask,
        duration: Duration,
        observer: Arc<dyn LeaderObserver>,
    ) -> Self {
        Self {
            task,
            leases: Api::namespaced(client, namespace),
            identity: identity(),
            duration,
            observer,
            leads: watch::Sender::new(false),
            own: None,
            others: None,
            is_failing: false,
        }
    }

    /// Tells whether we lead.
    pub fn leads(&self) -> watch::Receiver<bool> {
        self.leads.subscribe()
    }

    /// Takes part until told to stop, and then leaves the Lease to the others.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.take_part()).await;
        if *self.leads.borrow() {
            self.tell(false);
            self.release().await;
        }
    }

    async fn take_part(&mut self) {
        loop {
            let since = self.acquire().await;
            self.tell(true);
            self.hold(since).await;
            self.tell(false);
        }
    }

    /// Waits until the Lease is ours; answers when it was asked for.
    async fn acquire(&mut self) -> Instant {
        loop {
            let began = Instant::now();
            if self.attempt().await == Some(true) {
                return began;
            }
            sleep(self.period()).await;
        }
    }

    /// Renews the Lease until somebody else has it, or could have it before long.
    async fn hold(&mut self, mut since: Instant) {
        let longest = self.duration * 2 / 3;
        while let Ok(Some(renewed)) = timeout_at(since + longest, self.renew()).await {
            since = renewed;
        }
    }

    /// Answers when the renewal was asked for; nothing where somebody else has the Lease.
    async fn renew(&mut self) -> Option<Instant> {
        loop {
            sleep(self.period()).await;
            let began = Instant::now();
            match self.attempt().await {
                Some(true) => return Some(began),
                Some(false) => return None,
                None => {}
            }
        }
    }

    /// Whether the Lease is ours; nothing where the API server does not say.
    async fn attempt(&mut self) -> Option<bool> {
        let answer = timeout(self.duration / 3, self.claim()).await;
        let error = match answer {
            Ok(Ok(is_ours)) => {
                if std::mem::take(&mut self.is_failing) {
                    info!("the Lease can be had again");
                }
                return Some(is_ours);
            }
            Ok(Err(error)) => describe(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        self.observer.failed();
        if !std::mem::replace(&mut self.is_failing, true) {
            warn!(
                error,
                lease = self.task.lease,
                "the Lease by which replicas agree who leads cannot be had"
            );
        }
        None
    }

    /// Makes, renews or takes over the Lease, if it is to be had.
    async fn claim(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = self.leases.get_opt(self.task.lease).await? else {
            let made = self.leases.create(&params(), &self.lease(None)).await;
            return self.written(made);
        };
        if !self.is_to_be_had(&lease) {
            return Ok(false);
        }
        let taken = self.lease(Some(lease));
        let written = self
            .leases
            .replace(self.task.lease, &params(), &taken)
            .await;
        self.written(written)
    }

    /// A Lease that somebody else wrote first is theirs.
    fn written(&mut self, answer: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
        match answer {
            Ok(lease) => {
                self.own = Some(lease);
                self.others = None;
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == CONFLICT => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the Lease is ours, nobody's, or was not renewed for as long as it holds.
    fn is_to_be_had(&mut self, lease: &Lease) -> bool {
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
        if holder.is_none_or(|holder| holder.is_empty() || holder == self.identity) {
            return true;
        }
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
        let holds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let holds = holds.map_or(self.duration, Duration::from_secs);
        match &self.others {
            Some((seen, since)) if *seen == version => since.elapsed() >= holds,
            _ => {
                self.others = Some((version, Instant::now()));
                false
            }
        }
    }

    /// The Lease as we want it; with the version that we saw, so that nobody else's is written over.
    fn lease(&self, before: Option<Lease>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let (metadata, spec) = match before {
            Some(lease) => (lease.metadata, lease.spec.unwrap_or_default()),
            None => (self.named(), LeaseSpec::default()),
        };
        let is_ours = spec.holder_identity.as_ref() == Some(&self.identity);
        let acquired = spec.acquire_time.clone().filter(|_| is_ours);
        let transitions = spec.lease_transitions.map(|it| it.saturating_add(1));
        let spec = LeaseSpec {
            acquire_time: acquired.or_else(|| Some(now.clone())),
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs().max(1)).ok(),
            lease_transitions: if is_ours {
                spec.lease_transitions
            } else {
                transitions.or(Some(0))
            },
            renew_time: Some(now),
            ..spec
        };
        Lease {
            metadata,
            spec: Some(spec),
        }
    }

    /// Nobody has to wait until it runs out.
    async fn release(&mut self) {
        let Some(mut lease) = self.own.take() else {
            return;
        };
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
        }
        let params = params();
        let released = self.leases.replace(self.task.lease, &params, &lease);
        match timeout(RELEASE, released).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let error = describe(&error);
                warn!(error, "the Lease could not be released");
            }
            Err(_) => warn!("the Lease could not be released in time"),
        }
    }

    fn tell(&self, leads: bool) {
        self.observer.leads(leads);
        self.leads.send_replace(leads);
        let identity = &self.identity;
        if leads {
            info!(identity, "this replica leads: it {}", self.task.does);
        } else {
            info!(identity, "this replica no longer leads");
        }
    }

    fn named(&self) -> ObjectMeta {
        ObjectMeta {
            name: Some(self.task.lease.to_owned()),
            ..ObjectMeta::default()
        }
    }

    fn period(&self) -> Duration {
        self.duration / 5
    }
}

fn params() -> PostParams {
    PostParams {
        field_manager: Some(NAME.to_owned()),
        ..PostParams::default()
    }
}

/// The pod's name, which its host has too, and something that no other process has.
fn identity() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => NAME,
        host => host,
    };
    let mut random = [0; 8];
    // Without it the host's name has to do, which is a pod's own.
    let _ = ring::default_provider().secure_random.fill(&mut random);
    format!("{host}_{:016x}", u64::from_be_bytes(random))
}

/// Our field manager.
const NAME: &str = "palette-rbac";

const CONFLICT: u16 = 409;

/// The process is about to end.
const RELEASE: Duration = Duration::from_millis(800);
