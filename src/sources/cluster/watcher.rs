//! Roles and bindings as they change.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::StreamExt;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, Client};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};

use super::error::describe;
use super::pages::Pages;
use super::trimmed::{Followed, Trimmed, fail_closed_placeholder};
use crate::facts::{Event, Kind, ObjectName, StoredObject};

/// Something that was heard of one kind of object.
#[derive(Debug)]
pub struct WatchUpdate {
    /// The kind.
    pub kind: Kind,
    /// What it is.
    pub signal: WatchSignal,
}

/// What the API server says, or that it says nothing.
#[derive(Debug)]
pub enum WatchSignal {
    /// All there are, or one that changed.
    Event(Event),
    /// It answers, and there is nothing new.
    Contact,
    /// An object cannot be understood; told once.
    Undecodable(ObjectName, String),
    /// It does not answer, or refuses to.
    Failed(WatchError),
}

/// Why a kind of object cannot be watched at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchError {
    /// We may not.
    Forbidden(String),
    /// Anything else.
    Unreachable(String),
}

/// Lists and watches roles and bindings for as long as it is polled and somebody listens.
///
/// Not kube's `watcher`: it keeps to itself when the connection is there again and when the API server says that
/// nothing changed, which is how we know how old our knowledge is.
pub async fn watch(client: Client, listener: Sender<WatchUpdate>) {
    tokio::join!(
        Watcher::<ClusterRole>::new(&client, &listener).run(),
        Watcher::<Role>::new(&client, &listener).run(),
        Watcher::<RoleBinding>::new(&client, &listener).run(),
        Watcher::<ClusterRoleBinding>::new(&client, &listener).run(),
    );
}

struct Watcher<K> {
    api: Api<Trimmed<K>>,
    listener: Sender<WatchUpdate>,
    /// Up to where the cluster's history is known; absent while it has to be listed.
    version: Option<String>,
    /// What could not be understood.
    odd: BTreeSet<ObjectName>,
    backoff: ExponentialBackoff,
}

/// Why a turn ended before its time.
enum WatchEnd {
    Failed(WatchError),
    /// The history that we know of is no longer kept.
    Gone,
    /// Nobody listens.
    ReceiverDropped,
}

impl<K: Followed> Watcher<K> {
    fn new(client: &Client, listener: &Sender<WatchUpdate>) -> Self {
        Self {
            api: Api::all(client.clone()),
            listener: listener.clone(),
            version: None,
            odd: BTreeSet::new(),
            backoff: backoff(),
        }
    }

    async fn run(mut self) {
        loop {
            match self.turn().await {
                Ok(()) => continue,
                Err(WatchEnd::ReceiverDropped) => return,
                Err(WatchEnd::Gone) => self.version = None,
                Err(WatchEnd::Failed(trouble)) => {
                    if self.send(WatchSignal::Failed(trouble)).await.is_err() {
                        return;
                    }
                }
            }
            sleep(self.backoff.next().unwrap_or(TURN)).await;
        }
    }

    /// Lists if need be, and watches until the API server ends it.
    async fn turn(&mut self) -> Result<(), WatchEnd> {
        let version = match &self.version {
            Some(version) => version.clone(),
            None => self.list().await?,
        };
        let began = Instant::now();
        self.watch(&version).await?;
        // A watch that ends at once, as at an API server that goes, must not become a busy loop.
        if began.elapsed() < TURN {
            sleep(TURN).await;
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<String, WatchEnd> {
        let api = self.api.clone();
        let mut pages = Pages::of(&api);
        self.send(WatchSignal::Event(Event::Listing(K::KIND)))
            .await?;
        while let Some(page) = in_time(pages.next()).await? {
            for item in page {
                if let Some(object) = self.understood(item).await? {
                    self.send(WatchSignal::Event(Event::Upsert(object))).await?;
                }
            }
        }
        self.send(WatchSignal::Event(Event::Listed(K::KIND)))
            .await?;
        let version = pages.version();
        self.version = Some(version.clone());
        Ok(version)
    }

    async fn watch(&mut self, version: &str) -> Result<(), WatchEnd> {
        let params = WatchParams::default().timeout(WATCH_SECONDS);
        let events = in_time(self.api.watch(&params, version)).await?;
        self.backoff = backoff();
        self.send(WatchSignal::Contact).await?;
        let mut events = pin!(events);
        // A connection that died without a word ends here too, and so does one that broke: whether the API server can
        // be reached, the next turn tells.
        while let Ok(Some(event)) = timeout(SILENCE, events.next()).await {
            match event {
                Ok(event) => self.hear(event).await?,
                Err(kube::Error::ReadEvents(_)) => break,
                // Not understood. Asked again from before it, the API server would say it again.
                Err(_) => return Err(WatchEnd::Gone),
            }
        }
        Ok(())
    }

    async fn hear(&mut self, event: WatchEvent<Trimmed<K>>) -> Result<(), WatchEnd> {
        match event {
            WatchEvent::Added(item) | WatchEvent::Modified(item) => {
                self.version = item.version().map(str::to_owned);
                self.changed(item).await
            }
            WatchEvent::Deleted(item) => {
                self.version = item.version().map(str::to_owned);
                self.deleted(item).await
            }
            WatchEvent::Bookmark(bookmark) => {
                self.version = Some(bookmark.metadata.resource_version);
                self.send(WatchSignal::Contact).await
            }
            WatchEvent::Error(status) => Err(ended(&kube::Error::Api(status))),
        }
    }

    async fn changed(&mut self, item: Trimmed<K>) -> Result<(), WatchEnd> {
        let name = item.name();
        let event = match (self.understood(item).await?, name) {
            (Some(object), _) => Event::Upsert(object),
            // What it was before is not what it is.
            (None, Some(name)) => Event::Delete(K::KIND, name),
            (None, None) => return Ok(()),
        };
        self.send(WatchSignal::Event(event)).await
    }

    async fn deleted(&mut self, item: Trimmed<K>) -> Result<(), WatchEnd> {
        let Some(name) = item.name() else {
            return Ok(());
        };
        self.odd.remove(&name);
        self.send(WatchSignal::Event(Event::Delete(K::KIND, name)))
            .await
    }

    async fn understood(&mut self, item: Trimmed<K>) -> Result<Option<StoredObject>, WatchEnd> {
        let Some(name) = item.name() else {
            return Ok(None);
        };
        match item.object {
            Ok(object) => {
                self.odd.remove(&name);
                Ok(Some(object))
            }
            Err(reason) => {
                if self.odd.insert(name.clone()) {
                    self.send(WatchSignal::Undecodable(name.clone(), reason))
                        .await?;
                }
                Ok(fail_closed_placeholder(K::KIND, &name))
            }
        }
    }

    async fn send(&self, signal: WatchSignal) -> Result<(), WatchEnd> {
        let kind = K::KIND;
        let told = self.listener.send(WatchUpdate { kind, signal }).await;
        told.map_err(|_| WatchEnd::ReceiverDropped)
    }
}

/// As client-go waits, since many replicas and other clients come back to an API server at once.
fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(800))
        .with_max_delay(Duration::from_secs(15))
        .with_jitter()
        .without_max_times()
        .build()
}

fn ended(error: &kube::Error) -> WatchEnd {
    match error {
        kube::Error::Api(status) if status.code == GONE => WatchEnd::Gone,
        kube::Error::Api(status) if status.is_forbidden() => {
            WatchEnd::Failed(WatchError::Forbidden(describe(error)))
        }
        _ => WatchEnd::Failed(WatchError::Unreachable(describe(error))),
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, kube::Error>>) -> Result<T, WatchEnd> {
    let Ok(answer) = timeout(ANSWER, answer).await else {
        let text = format!("no answer within {} s", ANSWER.as_secs());
        return Err(WatchEnd::Failed(WatchError::Unreachable(text)));
    };
    answer.map_err(|error| ended(&error))
}

const GONE: u16 = 410;

/// A page of objects takes milliseconds, and from a busy API server seconds.
const ANSWER: Duration = Duration::from_secs(30);

/// How long a watch lasts: permission that was taken away and a connection that died without a word show at its end.
const WATCH_SECONDS: u32 = 60;

/// So long after its end a watch that did not end is dead.
const SILENCE: Duration = Duration::from_secs(65);

/// A watch that ended sooner was not worth having.
const TURN: Duration = Duration::from_secs(1);
