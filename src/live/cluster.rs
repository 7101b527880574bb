//! The view of the cluster, kept in step with its API server.

use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use enum_map::EnumMap;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::Word;
use crate::facts::{Event, Facts, Kind, ViewLimits};
use crate::metrics::ClusterState;
use crate::sources::cluster::{Client, WatchError, WatchSignal, WatchUpdate, watch};

use super::Live;

/// How the webhook stands with the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// In a word.
    pub state: ClusterState,
    /// Since when.
    pub since: Timestamp,
    /// What the API server or the network says, where something is wrong.
    pub reason: Option<String>,
}

/// Brings what is heard of the cluster into the view that requests are judged by.
pub struct ClusterWatch {
    live: Arc<Live>,
    facts: Facts,
    kinds: EnumMap<Kind, KindStatus>,
}

/// How a kind of object stands.
#[derive(Debug, Default)]
struct KindStatus {
    /// Whether all of it were read once.
    is_known: bool,
    /// What is wrong, and since when.
    error: Option<(Timestamp, WatchError)>,
}

impl ClusterStatus {
    /// A cluster that nobody asked for.
    pub(super) fn off(now: Timestamp) -> Self {
        Self {
            state: ClusterState::Off,
            since: now,
            reason: None,
        }
    }

    /// Whether it has been lost for so long.
    pub fn is_lost_since(&self, after: Duration, now: Timestamp) -> bool {
        let lasts = now.duration_since(self.since).unsigned_abs();
        self.state == ClusterState::Lost && lasts >= after
    }

    /// Whether requests are judged: not while what the roles allow is not known yet, or may not be, for a copy of a VM
    /// role would be let through. Whoever wants that says so with `--cluster off`.
    pub fn is_ready(&self) -> bool {
        match self.state {
            ClusterState::Syncing | ClusterState::NoPermission => false,
            ClusterState::Off | ClusterState::Synced | ClusterState::Lost => true,
        }
    }
}

impl ClusterWatch {
    /// Nothing is known yet, and requests are to wait.
    pub fn new(live: Arc<Live>) -> Self {
        let watch = Self {
            live,
            facts: Facts::within(ViewLimits::REPLICA),
            kinds: EnumMap::default(),
        };
        watch.enter(ClusterState::Syncing, Timestamp::now(), None);
        watch
    }

    /// Watches until told to stop.
    pub async fn run(mut self, client: Client, stop: CancellationToken) {
        let (listener, mut heard) = mpsc::channel(BACKLOG);
        let listen = async {
            let mut batch = Vec::new();
            // What came together is published together.
            while heard.recv_many(&mut batch, BACKLOG).await > 0 {
                self.take(batch.drain(..), Timestamp::now());
            }
        };
        let both = async { tokio::join!(Box::pin(watch(client, listener)), listen) };
        stop.run_until_cancelled(both).await;
    }

    fn take(&mut self, batch: impl Iterator<Item = WatchUpdate>, now: Timestamp) {
        let mut changed = false;
        for WatchUpdate { kind, signal } in batch {
            changed |= self.on_event(kind, signal, now);
        }
        // In half a cluster, roles would look as if they were not there.
        if changed && self.is_complete() {
            self.live.publish(self.facts.view());
        }
        self.tell(now);
    }

    /// Says whether what is known differs now.
    fn on_event(&mut self, kind: Kind, signal: WatchSignal, now: Timestamp) -> bool {
        let standing = &mut self.kinds[kind];
        match signal {
            WatchSignal::Failed(error) => {
                standing.is_in(error, now);
                false
            }
            // What stands for it, a role that allows everything, comes as an event of its own.
            WatchSignal::Undecodable(name, reason) => {
                warn!(kind = kind.as_str(), %name, reason, "an object of the cluster cannot be understood");
                false
            }
            WatchSignal::Contact => {
                standing.error = None;
                self.live.cluster_answered(now);
                false
            }
            WatchSignal::Event(event) => {
                standing.error = None;
                standing.is_known |= matches!(event, Event::Reset(..) | Event::Listed(_));
                self.live.cluster_answered(now);
                self.facts.apply(event)
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.kinds.values().all(|standing| standing.is_known)
    }

    /// Tells everybody how we stand, if that is new.
    fn tell(&self, now: Timestamp) {
        let before = self.live.cluster();
        let (state, since, reason) = self.status(now);
        if (before.state, &before.reason) == (state, &reason) {
            return;
        }
        let is_same = before.state == state;
        self.enter(state, if is_same { before.since } else { since }, reason);
    }

    fn status(&self, now: Timestamp) -> (ClusterState, Timestamp, Option<String>) {
        let troubles = || self.kinds.values().filter_map(|it| it.error.as_ref());
        let forbidden = troubles().find_map(|(since, error)| match error {
            WatchError::Forbidden(reason) if now.duration_since(*since) >= STARTING => {
                Some((*since, reason))
            }
            WatchError::Forbidden(_) | WatchError::Unreachable(_) => None,
        });
        let first = troubles().min_by_key(|(since, _)| *since);
        match (self.is_complete(), forbidden, first) {
            (true, _, None) => (ClusterState::Synced, now, None),
            (true, _, Some((since, error))) => (ClusterState::Lost, *since, Some(error.text())),
            (false, Some((since, reason)), _) => {
                (ClusterState::NoPermission, since, Some(reason.clone()))
            }
            (false, None, first) => {
                let reason = first.map(|(_, error)| error.text());
                (ClusterState::Syncing, now, reason)
            }
        }
    }

    fn enter(&self, state: ClusterState, since: Timestamp, reason: Option<String>) {
        let status = ClusterStatus {
            state,
            since,
            reason,
        };
        let before = self.live.cluster();
        if before.state != state || before.reason.is_none() {
            log(&status);
        }
        self.live.cluster_is(status);
    }
}

impl KindStatus {
    /// The same error as before goes on; another one begins now.
    fn is_in(&mut self, error: WatchError, now: Timestamp) {
        let same =
            |(_, before): &(Timestamp, WatchError)| discriminant(before) == discriminant(&error);
        let since = self
            .error
            .take()
            .filter(same)
            .map_or(now, |(since, _)| since);
        self.error = Some((since, error));
    }
}

impl WatchError {
    fn text(&self) -> String {
        match self {
            Self::Forbidden(reason) | Self::Unreachable(reason) => reason.clone(),
        }
    }
}

fn log(status: &ClusterStatus) {
    let (state, reason) = (status.state.as_str(), status.reason.as_deref());
    match (status.state, reason) {
        (ClusterState::NoPermission, _) => {
            warn!(
                state,
                reason, "the cluster's roles may not be read: not ready"
            );
        }
        (ClusterState::Lost, _) => {
            warn!(
                state,
                reason, "the cluster is out of reach: the last view of it stays"
            );
        }
        (ClusterState::Syncing, Some(_)) => {
            warn!(
                state,
                reason, "the cluster's roles cannot be read yet: not ready"
            );
        }
        (ClusterState::Off | ClusterState::Synced | ClusterState::Syncing, _) => {
            info!(state, "cluster");
        }
    }
}

/// An API server that starts forbids everything until it has read the roles itself.
const STARTING: SignedDuration = SignedDuration::from_secs(3);

/// What is heard waits where it comes from once so much of it waits here: an object may take megabytes.
const BACKLOG: usize = 32;

#[cfg(test)]
mod tests;
