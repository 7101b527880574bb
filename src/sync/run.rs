//! Again and again: all of Palette on a timer, what audits name in between, and at once where somebody asks for it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, Subject};
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::change::Change;
use super::hints::Hints;
use super::keeper::{KeepError, Keeper, Kept, tell};
use super::output::Output;
use super::read::Reader;
use super::reading::Joined;
use crate::metrics::SyncMetrics;
use crate::sources::cluster::{Pages, describe};
use crate::sources::palette::{Call, Endpoint, PaletteClient, wire};

/// What a sync is told.
#[derive(Debug, Clone)]
pub struct SyncOptions {
    /// The clusters that it is for; none: all projects.
    pub clusters: Vec<String>,
    /// How long one whole reading may take.
    pub longest: Duration,
    /// How often all is read.
    pub interval: Duration,
    /// How often audits are asked for; zero: never.
    pub hint_interval: Duration,
    /// Whether they are a fleet, in which one that Palette does not know must not stop the others.
    pub is_fleet: bool,
}

/// A sync that goes on.
pub struct Syncer {
    /// Palette.
    pub palette: PaletteClient,
    /// What it is told.
    pub options: SyncOptions,
    /// What is kept.
    pub keeper: Keeper,
    /// Where notes are left and the Secret may be lost.
    pub outputs: Vec<Output>,
    /// The cluster whose bindings name users; none where there is no cluster, or more than one.
    pub cluster: Option<Client>,
    /// What is counted.
    pub metrics: Arc<SyncMetrics>,
    /// The clusters of the fleet, as they change.
    pub fleet: Option<watch::Receiver<Vec<String>>>,
    /// Told when somebody wants it now.
    pub now: Arc<Notify>,
    /// Whether this replica leads; none where it is the only one.
    pub leads: Option<watch::Receiver<bool>>,
}

impl Syncer {
    /// Once, whoever leads.
    pub async fn once(&mut self) -> Result<Kept, KeepError> {
        self.keeper.remember().await?;
        let bound = self.bound().await;
        let reader = reader(&self.palette, &self.options, bound);
        let kept = self.keeper.sync(&reader).await;
        // Whoever asked is told of an error by the process.
        if kept.is_ok() {
            tell(&kept);
        }
        kept
    }

    /// What one sync would change.
    pub async fn preview(&mut self) -> Result<(Joined, Change), KeepError> {
        self.keeper.remember().await?;
        let bound = self.bound().await;
        let reading = reader(&self.palette, &self.options, bound).read().await?;
        Ok(self.keeper.preview(&reading)?)
    }

    /// Until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                self.wait_to_lead().await;
                self.lead().await;
            }
        })
        .await;
    }

    async fn wait_to_lead(&mut self) {
        if let Some(leads) = &mut self.leads {
            // A sender that is gone ends with the process.
            let _ = leads.wait_for(|leads| *leads).await;
        }
    }

    fn may_go_on(&self) -> bool {
        self.leads.as_ref().is_none_or(|leads| *leads.borrow())
    }

    async fn lead(&mut self) {
        while let Err(error) = self.keeper.remember().await {
            warn!(%error, "what was kept last cannot be read, and without it nothing is written over it");
            sleep(RETRY).await;
            if !self.may_go_on() {
                return;
            }
        }
        let mut turns = Turns::new(self.options.clone());
        while self.may_go_on() {
            if self.take_fleet() {
                turns.whole = Some(Instant::now());
            }
            self.look_at_notes(&mut turns).await;
            if is_due(turns.whole) {
                self.whole(&mut turns).await;
            } else if is_due(turns.hint) && !turns.is_held {
                self.hints(&mut turns).await;
            }
            tokio::select! {
                () = sleep(turns.pause()) => {}
                () = self.now.notified() => turns.whole = Some(Instant::now()),
            }
        }
    }

    /// Whether the fleet has other clusters than before.
    fn take_fleet(&mut self) -> bool {
        let Some(fleet) = &mut self.fleet else {
            return false;
        };
        if !fleet.has_changed().unwrap_or_default() {
            return false;
        }
        let clusters = fleet.borrow_and_update().clone();
        let is_news = clusters != self.options.clusters;
        self.options.clusters = clusters;
        is_news
    }

    /// Everything.
    async fn whole(&mut self, turns: &mut Turns) {
        let began = Timestamp::now();
        let bound = self.bound().await;
        let reader = reader(&self.palette, &self.options, bound);
        let kept = self.keeper.sync(&reader).await;
        tell(&kept);
        match kept {
            Ok(kept) => {
                turns.is_held = matches!(kept, Kept::Held(..));
                turns.succeeded();
                turns.hints.get_or_insert_with(|| Hints::since(began));
                self.look_at_key().await;
            }
            Err(_) => turns.failed(),
        }
    }

    /// What audits name.
    async fn hints(&mut self, turns: &mut Turns) {
        let Some(hints) = &mut turns.hints else {
            return;
        };
        turns.hint = Some(Instant::now() + turns.options.hint_interval);
        let named = match hints.ask(&self.palette).await {
            Ok(Some(named)) if named.is_empty() => return,
            Ok(Some(named)) => named,
            Ok(None) => {
                info!("too much was done in Palette to read it piece by piece: everything is read");
                turns.soon();
                return;
            }
            Err(error) => {
                // The whole is read on its timer all the same.
                warn!(%error, "what was done in Palette cannot be asked");
                return;
            }
        };
        debug!(
            objects = named.len(),
            "read again, since something was done to them in Palette"
        );
        let reader = reader(&self.palette, &self.options, None);
        let kept = self.keeper.sync_hints(&reader, &named).await;
        tell(&kept);
        match kept {
            Ok(Kept::Held(..)) => turns.is_held = true,
            Ok(_) => {}
            // What was named is not named again.
            Err(_) => turns.soon(),
        }
    }

    /// What people wrote beside the snapshot, and whether it is still there.
    async fn look_at_notes(&mut self, turns: &mut Turns) {
        for output in &self.outputs {
            let notes = match output.notes().await {
                Ok(Some(notes)) => notes,
                Ok(None) => continue,
                Err(error) => {
                    debug!(%error, "the notes beside the snapshot cannot be read");
                    continue;
                }
            };
            if !notes.exists && self.keeper.as_of().is_some() {
                warn!("the snapshot is gone from where it was kept: it is written again");
                if let Err(error) = self.keeper.restore().await {
                    warn!(%error, "it cannot be written again");
                }
            }
            if self.keeper.accept(notes.accept_loss) && turns.is_held {
                turns.whole = Some(Instant::now());
            }
            let is_news = notes.sync_now.is_some() && notes.sync_now != turns.sync_now;
            if is_news && turns.has_seen_notes {
                info!("asked to read Palette now");
                turns.whole = Some(Instant::now());
            }
            turns.sync_now = notes.sync_now;
            turns.has_seen_notes = true;
        }
    }

    /// When the key runs out, as far as Palette says: it does not say which key is ours.
    async fn look_at_key(&self) {
        let info = Call::get(Endpoint::Info, "users/info");
        let keys = Call::get(Endpoint::ApiKeys, "apiKeys");
        let info = self.palette.ask::<wire::Info>(&info).await;
        let keys = self.palette.ask::<wire::Items<wire::ApiKey>>(&keys).await;
        let (Ok(info), Ok(keys)) = (info, keys) else {
            debug!("when the key runs out cannot be asked");
            return;
        };
        let now = Timestamp::now();
        let own = keys.items.iter().filter(|key| key.status.is_active);
        let own = own.filter(|key| *key.spec.user.uid == *info.user_uid);
        let expiries = own.filter_map(|key| key.spec.expiry.parse::<Timestamp>().ok());
        if let Some(first) = expiries.filter(|expiry| *expiry > now).min() {
            self.metrics.key_runs_out(first);
        }
    }

    /// The users that the cluster's bindings name, where it can be asked.
    async fn bound(&self) -> Option<HashSet<String>> {
        let client = self.cluster.as_ref()?;
        let read = timeout(BINDINGS_ANSWER, users_of_bindings(client)).await;
        match read {
            Ok(Ok(names)) => Some(names),
            Ok(Err(error)) => {
                let error = describe(&error);
                debug!(error, "the cluster's bindings cannot be read");
                None
            }
            Err(_) => None,
        }
    }
}

fn reader<'a>(
    palette: &'a PaletteClient,
    options: &'a SyncOptions,
    bound: Option<HashSet<String>>,
) -> Reader<'a> {
    Reader {
        client: palette,
        clusters: &options.clusters,
        bound,
        leaves_out: options.is_fleet,
        longest: options.longest,
    }
}

/// What is due when.
struct Turns {
    options: SyncOptions,
    whole: Option<Instant>,
    /// When everything was read last.
    read: Option<Instant>,
    hint: Option<Instant>,
    hints: Option<Hints>,
    failures: u32,
    is_held: bool,
    sync_now: Option<String>,
    has_seen_notes: bool,
}

impl Turns {
    fn new(options: SyncOptions) -> Self {
        Self {
            whole: Some(Instant::now()),
            read: None,
            hint: None,
            hints: None,
            failures: 0,
            is_held: false,
            sync_now: None,
            has_seen_notes: false,
            options,
        }
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        let now = Instant::now();
        self.read = Some(now);
        self.whole = Some(now + jittered(self.options.interval));
        let asks = !self.options.hint_interval.is_zero();
        self.hint = asks.then(|| now + self.options.hint_interval);
    }

    /// All of it before its turn, but not again and again where that is needed all the time.
    fn soon(&mut self) {
        let at = self.read.map_or_else(Instant::now, |read| read + BETWEEN);
        let at = at.max(Instant::now());
        self.whole = Some(self.whole.map_or(at, |whole| whole.min(at)));
    }

    /// Sooner than on the timer, and later each time.
    fn failed(&mut self) {
        let delay = RETRY * 2_u32.saturating_pow(self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        self.whole = Some(Instant::now() + jittered(delay.min(self.options.interval)));
    }

    /// Until something is due, or it is time to look at notes.
    fn pause(&self) -> Duration {
        let next = [self.whole, self.hint.filter(|_| !self.is_held)]
            .into_iter()
            .flatten()
            .min();
        let next = next.map_or(NOTES, |next| next.saturating_duration_since(Instant::now()));
        next.clamp(SHORTEST, NOTES)
    }
}

fn is_due(at: Option<Instant>) -> bool {
    at.is_some_and(|at| at <= Instant::now())
}

/// A tenth more or less, so that many do not come at once.
fn jittered(time: Duration) -> Duration {
    use backon::{BackoffBuilder, ConstantBuilder};
    let tenth = time / 10;
    let mut delays = ConstantBuilder::new()
        .with_delay(tenth)
        .with_jitter()
        .build();
    let jitter = delays.next().unwrap_or(tenth);
    (time + jitter)
        .saturating_sub(tenth + tenth / 2)
        .max(SHORTEST)
}

async fn users_of_bindings(client: &Client) -> Result<HashSet<String>, kube::Error> {
    let mut names = HashSet::new();
    let mut add = |subjects: Option<Vec<Subject>>| {
        let users = subjects
            .into_iter()
            .flatten()
            .filter(|subject| subject.kind == "User");
        let room = MOST_NAMES.saturating_sub(names.len());
        names.extend(users.map(|user| user.name).take(room));
    };
    let api: Api<RoleBinding> = Api::all(client.clone());
    let mut pages = Pages::matching(&api, ListParams::default());
    while let Some(page) = pages.next().await? {
        for binding in page {
            add(binding.subjects);
        }
    }
    let api: Api<ClusterRoleBinding> = Api::all(client.clone());
    let mut pages = Pages::matching(&api, ListParams::default());
    while let Some(page) = pages.next().await? {
        for binding in page {
            add(binding.subjects);
        }
    }
    Ok(names)
}

/// How often the notes beside the snapshot are looked at.
const NOTES: Duration = Duration::from_secs(5);

/// A whole reading of a large tenant takes most of a minute.
const BETWEEN: Duration = Duration::from_mins(2);

const SHORTEST: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_secs(15);
const BINDINGS_ANSWER: Duration = Duration::from_mins(1);
const MOST_NAMES: usize = 100_000;
