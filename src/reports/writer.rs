//! Reports written where they differ, and deleted where nothing is found any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::store::{Fingerprint, Format, ReportKey, Store, StoreError, fingerprint};
use super::{Contents, contents};
use crate::live::{Audited, Live};
use crate::metrics::{Metrics, ReportResult};
use crate::sources::cluster::Client;

/// Writes what each scan found into the cluster's reports, while this process is the leader.
pub struct ReportWriter {
    live: Arc<Live>,
    store: Store,
    metrics: Arc<Metrics>,
    leads: watch::Receiver<bool>,
    look_every: Duration,
    /// What the cluster has, as far as we know; absent until we looked.
    known: Option<KnownReports>,
    formats: Option<Vec<Format>>,
    is_failing: bool,
}

/// What the cluster has.
struct KnownReports {
    since: Instant,
    reports: BTreeMap<ReportKey, Fingerprint>,
}

/// A report that is to change: its new contents, or none.
type ReportChange = (ReportKey, Option<Contents>);

impl ReportWriter {
    /// Writes while `leads` says so, and looks at what the cluster has this often.
    pub fn new(
        live: Arc<Live>,
        client: Client,
        metrics: Arc<Metrics>,
        leads: watch::Receiver<bool>,
        look_every: Duration,
    ) -> Self {
        Self {
            live,
            store: Store::new(client),
            metrics,
            leads,
            look_every,
            known: None,
            formats: None,
            is_failing: false,
        }
    }

    /// Writes until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.write_for_ever()).await;
    }

    async fn write_for_ever(&mut self) {
        let mut leads = self.leads.clone();
        while leads.wait_for(|leads| *leads).await.is_ok() {
            // Somebody else wrote meanwhile.
            self.known = None;
            tokio::select! {
                _ = leads.wait_for(|leads| !*leads) => {}
                () = self.lead() => {}
            }
        }
    }

    async fn lead(&mut self) {
        let mut audits = self.live.audits();
        audits.mark_changed();
        loop {
            // An audit that has nothing new may still find that somebody changed a report.
            let _ = timeout(self.look_every, audits.changed()).await;
            let audited = audits.borrow_and_update().clone();
            if let Some(audited) = audited {
                let done = self.bring(audited).await;
                self.tell(done);
            }
            if self.is_failing {
                sleep(RETRY).await;
                audits.mark_changed();
            } else {
                sleep(BETWEEN_ROUNDS).await;
            }
        }
    }

    /// Brings what the cluster has in line with what was found.
    async fn bring(&mut self, audited: Arc<Audited>) -> Result<(), String> {
        let known = self.known().await;
        let mut known = known.inspect_err(|_| self.metrics.report(ReportResult::Failed))?;
        let format = self.formats.iter().flatten().next().copied();
        if let Some(format) = format {
            let changes = changes(&known.reports, wanted(audited, format).await?);
            self.carry_out(changes, &mut known).await?;
        }
        // After trouble, it is looked at anew.
        self.known = Some(known);
        Ok(())
    }

    async fn carry_out(
        &self,
        changes: Vec<ReportChange>,
        known: &mut KnownReports,
    ) -> Result<(), String> {
        let mut changes = stream::iter(changes)
            .map(|change| carry_out(&self.store, change))
            .buffer_unordered(AT_ONCE);
        let mut all = Ok(());
        while let Some((key, done)) = changes.next().await {
            let learnt = known.learn(key, done, &self.metrics);
            all = all.and(learnt);
        }
        all
    }

    /// What the cluster has, looked at anew once in a while.
    async fn known(&mut self) -> Result<KnownReports, String> {
        let fresh = |known: &KnownReports| known.since.elapsed() < self.look_every;
        if let Some(known) = self.known.take_if(|known| fresh(known)) {
            return Ok(known);
        }
        let formats = self.store.formats().await.map_err(StoreError::into_text)?;
        let mut reports = BTreeMap::new();
        for format in &formats {
            // Those of a format that is no longer preferred have to go.
            let list = self.store.list(*format).await;
            reports.extend(list.map_err(StoreError::into_text)?);
        }
        self.now_has(formats);
        Ok(KnownReports {
            since: Instant::now(),
            reports,
        })
    }

    fn now_has(&mut self, formats: Vec<Format>) {
        if self.formats.as_ref() == Some(&formats) {
            return;
        }
        if let Some(format) = formats.first() {
            let format = format.group_version();
            info!(format, "reports of the audit are written");
        } else {
            info!("no reports of the audit are written: the cluster has no kind for them");
        }
        self.formats = Some(formats);
    }

    /// What cannot be written is logged once, and once more when it can be again.
    fn tell(&mut self, done: Result<(), String>) {
        let was_failing = self.is_failing;
        self.is_failing = done.is_err();
        match done {
            Err(error) if !was_failing => {
                warn!(%error, "reports of the audit cannot be written");
            }
            Ok(()) if was_failing => info!("reports of the audit are written again"),
            _ => {}
        }
    }
}

impl KnownReports {
    /// Counts and keeps what became of a change.
    fn learn(
        &mut self,
        key: ReportKey,
        done: Result<Option<Fingerprint>, StoreError>,
        metrics: &Metrics,
    ) -> Result<(), String> {
        let result = match done {
            Ok(Some(written)) => {
                self.reports.insert(key, written);
                ReportResult::Written
            }
            Ok(None) => {
                self.reports.remove(&key);
                ReportResult::Deleted
            }
            // Gone with its namespace.
            Err(StoreError::NoPlace) => return Ok(()),
            Err(StoreError::Failed(reason)) => {
                metrics.report(ReportResult::Failed);
                return Err(reason);
            }
        };
        metrics.report(result);
        Ok(())
    }
}

impl StoreError {
    fn into_text(self) -> String {
        match self {
            Self::NoPlace => "the namespace is gone".to_owned(),
            Self::Failed(reason) => reason,
        }
    }
}

/// What the reports should say; found out on no thread that serves.
async fn wanted(
    audited: Arc<Audited>,
    format: Format,
) -> Result<BTreeMap<ReportKey, Contents>, String> {
    let told = move || contents(&audited.report, &audited.current.rulebook, audited.at);
    let told = tokio::task::spawn_blocking(told).await;
    let told = told.map_err(|error| error.to_string())?;
    let placed = told.into_iter().map(|(namespace, contents)| {
        let key = ReportKey { format, namespace };
        (key, contents)
    });
    Ok(placed.collect())
}

/// What has to be written, and then what has to go.
fn changes(
    known: &BTreeMap<ReportKey, Fingerprint>,
    mut wanted: BTreeMap<ReportKey, Contents>,
) -> Vec<ReportChange> {
    let unneeded = known.keys().filter(|key| !wanted.contains_key(key));
    let unneeded: Vec<ReportChange> = unneeded.map(|key| (key.clone(), None)).collect();
    wanted.retain(|key, contents| known.get(key) != Some(&fingerprint(contents.clone())));
    let written = wanted.into_iter().map(|(key, it)| (key, Some(it)));
    written.chain(unneeded).collect()
}

async fn carry_out(
    store: &Store,
    (key, contents): ReportChange,
) -> (ReportKey, Result<Option<Fingerprint>, StoreError>) {
    let done = match contents {
        Some(contents) => {
            let written = fingerprint(contents.clone());
            store.write(&key, contents).await.map(|()| Some(written))
        }
        None => store.delete(&key).await.map(|()| None),
    };
    (key, done)
}

/// A client that writes bindings in a loop must not make us write reports in a loop.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);

/// How long to wait after trouble.
const RETRY: Duration = Duration::from_secs(30);

/// Requests to the API server at a time.
const AT_ONCE: usize = 4;
