//! From a reading to what is kept: compared with the last, looked at again, held back, written.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::change::{Change, HolderKind};
use super::error::SyncError;
use super::hints::Hint;
use super::output::{Output, OutputError};
use super::read::Reader;
use super::reading::{Joined, Reading};
use crate::directory::{Directory, Snapshot};
use crate::metrics::{ChangeKind, SyncMetrics, SyncResult};
use crate::sources::snapshots::Content;

/// What is kept, and what it is compared with.
pub struct Keeper {
    outputs: Vec<Output>,
    metrics: Arc<SyncMetrics>,
    /// Of those who hold something, how many in a hundred may lose something at once.
    max_loss: u8,
    /// The digest of a snapshot that may take away whatever it takes.
    accepted: Option<String>,
    /// What was kept last.
    last: Option<Last>,
    published: watch::Sender<Option<Arc<Published>>>,
}

struct Last {
    snapshot: Snapshot,
    digest: String,
    as_of: Timestamp,
}

/// What is in force, for whoever asks by cluster.
pub struct Published {
    /// Everything, by uid.
    pub reading: Reading,
    /// When it was true.
    pub as_of: Timestamp,
}

/// What became of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is in force, and this is new.
    Written(Change),
    /// It says what the last one said, and that is in force with its time.
    Unchanged,
    /// It would take too much away. The digest accepts it.
    Held(Change, String),
}

/// Why a reading is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// Of Palette.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// Of a place where it is to be kept.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Keeper {
    /// Keeps in these places.
    pub fn new(
        outputs: Vec<Output>,
        max_loss: u8,
        accepted: Option<String>,
        metrics: Arc<SyncMetrics>,
    ) -> Self {
        Self {
            outputs,
            metrics,
            max_loss,
            accepted,
            last: None,
            published: watch::Sender::new(None),
        }
    }

    /// Tells what is in force.
    pub fn published(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.published.subscribe()
    }

    /// When what is kept was true, if anything is.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.last.as_ref().map(|last| last.as_of)
    }

    /// From now on a snapshot with this digest may take away whatever it takes; whether that is news.
    pub fn accept(&mut self, digest: Option<String>) -> bool {
        let is_news = digest.is_some() && digest != self.accepted;
        if is_news {
            self.accepted = digest;
        }
        is_news
    }

    /// Reads what was kept last: nothing on a first run.
    pub async fn remember(&mut self) -> Result<(), KeepError> {
        let mut latest: Option<super::output::Kept> = None;
        for output in &self.outputs {
            match output.kept().await {
                Ok(Some(kept)) if latest.as_ref().is_none_or(|it| it.as_of < kept.as_of) => {
                    latest = Some(kept);
                }
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.last = latest.map(|kept| Last {
            snapshot: kept.snapshot,
            digest: kept.digest,
            as_of: kept.as_of,
        });
        if let Some(last) = &self.last {
            self.metrics.is_in_force(last.as_of);
        }
        Ok(())
    }

    /// Reads all of Palette and keeps what it says.
    pub async fn sync(&mut self, reader: &Reader<'_>) -> Result<Kept, KeepError> {
        let began = Instant::now();
        let reading = reader.read().await;
        self.metrics.read(began.elapsed());
        let kept = match reading {
            Ok(reading) => self.keep(reader, reading, true).await,
            Err(error) => Err(error.into()),
        };
        self.count(&kept);
        kept
    }

    /// Reads some objects again and keeps what they say. The snapshot grows no younger by it.
    pub(super) async fn sync_hints(
        &mut self,
        reader: &Reader<'_>,
        hints: &BTreeSet<Hint>,
    ) -> Result<Kept, KeepError> {
        let known = self.published.borrow().clone();
        let Some(known) = known else {
            return self.sync(reader).await;
        };
        let mut reading = known.reading.clone();
        reader.read_again(&mut reading, hints).await?;
        let kept = self.keep(reader, reading, false).await;
        self.count(&kept);
        kept
    }

    /// Writes what is in force once more, where a place lost it.
    pub async fn restore(&self) -> Result<(), KeepError> {
        if let Some(last) = &self.last {
            self.write(&last.snapshot, last.as_of).await?;
        }
        Ok(())
    }

    /// What a reading would change, without keeping it.
    pub fn preview(&self, reading: &Reading) -> Result<(Joined, Change), SyncError> {
        let joined = reading.joined(None);
        check(&joined.snapshot)?;
        let before = self.before(&joined.snapshot);
        let change = Change::between(&before, &joined.snapshot);
        Ok((joined, change))
    }

    async fn keep(
        &mut self,
        reader: &Reader<'_>,
        mut reading: Reading,
        is_whole: bool,
    ) -> Result<Kept, KeepError> {
        let (mut joined, mut change) = self.preview(&reading)?;
        let is_first = self.last.is_none();
        if !is_first && !change.losses.is_empty() && !change.takes_too_much(self.max_loss) {
            reading = self.look_again(reader, reading, &change).await?;
            (joined, change) = self.preview(&reading)?;
        }
        for left_out in joined.left_out.iter().take(TOLD) {
            warn!(left_out, "Palette has something that no directory can hold");
        }
        self.metrics.left_out(joined.left_out.len());
        let snapshot = joined.snapshot;
        let text = snapshot.to_json().map_err(|error| no_directory(&error))?;
        let content = Content::pack(&text).map_err(|error| no_directory(&error))?;
        let is_other_tenant = self
            .last
            .as_ref()
            .is_some_and(|it| it.snapshot.tenant.uid != snapshot.tenant.uid);
        let is_too_much = !is_first && change.takes_too_much(self.max_loss);
        let is_accepted = self.accepted.as_deref() == Some(short(&content.digest))
            || self.accepted.as_ref() == Some(&content.digest);
        if (is_too_much || is_other_tenant) && !is_accepted {
            return Ok(Kept::Held(change, short(&content.digest).to_owned()));
        }
        let is_same = self
            .last
            .as_ref()
            .is_some_and(|last| last.digest == content.digest);
        // Only a whole reading proves that what it says is all there is.
        let as_of = match &self.last {
            Some(last) if !is_whole => last.as_of,
            _ => reading.began,
        };
        if !is_same || is_whole {
            self.write_packed(&snapshot, &content, as_of).await?;
        }
        self.published
            .send_replace(Some(Arc::new(Published { reading, as_of })));
        self.metrics.is_in_force(as_of);
        self.last = Some(Last {
            snapshot,
            digest: content.digest,
            as_of,
        });
        if is_same {
            return Ok(Kept::Unchanged);
        }
        Ok(Kept::Written(change))
    }

    /// What vanished is read once more before it is taken away: one list that was short must not take rights.
    async fn look_again(
        &self,
        reader: &Reader<'_>,
        mut reading: Reading,
        change: &Change,
    ) -> Result<Reading, SyncError> {
        let mut hints: BTreeSet<Hint> = reading
            .projects
            .keys()
            .cloned()
            .map(Hint::Project)
            .collect();
        let before = self.last.as_ref().map(|last| &last.snapshot);
        for lost in change
            .losses
            .iter()
            .filter(|lost| !lost.uid.starts_with("name:"))
        {
            hints.insert(match lost.kind {
                HolderKind::User => Hint::User(lost.uid.as_str().into()),
                HolderKind::Team => Hint::Team(lost.uid.as_str().into()),
            });
            // Whoever lost what a team gives may have lost the team.
            let users = before.iter().flat_map(|before| &before.users);
            let user = users
                .clone()
                .find(|user| user.uid.as_ref() == Some(&lost.uid));
            let names = user.map(|user| &user.teams).into_iter().flatten();
            let teams = before.iter().flat_map(|before| &before.teams);
            for name in names {
                let team = teams.clone().find(|team| team.name == *name);
                let uid = team.and_then(|team| team.uid.as_deref());
                hints.extend(uid.map(|uid| Hint::Team(uid.into())));
            }
        }
        let is_much = hints.len() > reading.projects.len() + MOST_LOOKED_AT;
        debug!(
            objects = hints.len(),
            "looking again at what would be taken away"
        );
        if is_much {
            return reader.read().await;
        }
        reader.read_roles(&mut reading).await?;
        reader.read_again(&mut reading, &hints).await?;
        Ok(reading)
    }

    /// What the new one is compared with: the last, or on a first run a snapshot in which nobody holds anything.
    pub fn before(&self, now: &Snapshot) -> Snapshot {
        let nobody = || Snapshot::of(now.tenant.clone());
        self.last
            .as_ref()
            .map_or_else(nobody, |last| last.snapshot.clone())
    }

    async fn write(&self, snapshot: &Snapshot, as_of: Timestamp) -> Result<(), KeepError> {
        let text = snapshot.to_json().map_err(|error| no_directory(&error))?;
        let content = Content::pack(&text).map_err(|error| no_directory(&error))?;
        self.write_packed(snapshot, &content, as_of).await
    }

    async fn write_packed(
        &self,
        snapshot: &Snapshot,
        content: &Content,
        as_of: Timestamp,
    ) -> Result<(), KeepError> {
        for output in &self.outputs {
            output.write(snapshot, content, as_of).await?;
        }
        Ok(())
    }

    fn count(&self, kept: &Result<Kept, KeepError>) {
        let result = match kept {
            Ok(Kept::Written(change)) => {
                self.metrics.changed(ChangeKind::Gained, change.gains.len());
                self.metrics.changed(ChangeKind::Lost, change.losses.len());
                self.metrics
                    .changed(ChangeKind::Renamed, change.renamed.len());
                SyncResult::Written
            }
            Ok(Kept::Unchanged) => SyncResult::Unchanged,
            Ok(Kept::Held(..)) => SyncResult::Held,
            Err(KeepError::Sync(_)) => SyncResult::Failed,
            Err(KeepError::Output(_)) => SyncResult::NotWritten,
        };
        self.metrics.synced(result);
    }
}

/// Says in the log what became of a sync.
pub(super) fn tell(kept: &Result<Kept, KeepError>) {
    match kept {
        Ok(Kept::Unchanged) => debug!("Palette says what it said before"),
        Ok(Kept::Written(change)) => {
            let (gains, losses) = (change.gains.len(), change.losses.len());
            info!(
                gains,
                losses,
                renamed = change.renamed.len(),
                "what Palette says is in force"
            );
            for line in change.to_string().lines() {
                info!(change = line, "changed");
            }
        }
        Ok(Kept::Held(change, digest)) => {
            let (losses, holders) = (change.losses.len(), change.holders);
            warn!(
                losses,
                holders,
                digest,
                "held back: so many of those who hold something would lose something, or it is another tenant. The last \
                 snapshot stays; `--accept-loss` with that digest, or the annotation palette-rbac.io/accept-loss, takes it"
            );
            for line in change.to_string().lines() {
                warn!(change = line, "held back");
            }
        }
        Err(error) => warn!(%error, "no sync; the last snapshot stays"),
    }
}

/// What requests will be judged by must be a directory to them, too.
fn check(snapshot: &Snapshot) -> Result<(), SyncError> {
    let text = snapshot.to_json().map_err(|error| no_directory(&error))?;
    match Directory::compile(&text, text.len()) {
        Ok(_) => Ok(()),
        Err(mistakes) => Err(no_directory(&mistakes.in_file("snapshot"))),
    }
}

fn no_directory(error: &impl ToString) -> SyncError {
    SyncError::NoDirectory(error.to_string())
}

/// As much of a digest as a person types.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Lines of the log for one sync.
const TOLD: usize = 50;

/// With more, everything is read again.
const MOST_LOOKED_AT: usize = 100;
