//! Where a directory comes from: nowhere but the binary, a file, or somebody who delivers it.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use tracing::{info, warn};

use super::deliveries::Deliveries;
use crate::sources::snapshots::{Delivered, SnapshotCache};
use crate::sources::{DirectoryRead, SourceError, Watched};

/// Where a directory comes from.
pub enum DirectorySource {
    /// The sample, which never changes.
    Fixed,
    /// A file.
    File(Watched<DirectoryRead>),
    /// A Secret or a hub.
    Followed(Follower),
}

/// What a Secret or a hub delivers, and the file in which the last good one is kept.
pub struct Follower {
    name: String,
    limit: usize,
    deliveries: Deliveries<Delivered>,
    cache: Option<SnapshotCache>,
    /// What was wrong last, which is told once.
    failing: Option<SourceError>,
}

/// The first directory of one that is followed.
pub enum FirstDirectory {
    /// It was delivered.
    Delivered(DirectoryRead),
    /// Nothing was delivered; it is what was kept.
    Kept(DirectoryRead),
    /// Neither.
    Nothing,
}

impl DirectorySource {
    /// What is new, if anything is.
    pub(super) fn poll(&mut self) -> Option<Result<DirectoryRead, SourceError>> {
        match self {
            Self::Fixed => None,
            Self::File(file) => file.poll(),
            Self::Followed(follower) => follower.poll(),
        }
    }

    /// Ends when something came.
    pub(super) async fn woken(&mut self) {
        match self {
            Self::Followed(follower) => follower.deliveries.wait().await,
            Self::Fixed | Self::File(_) => std::future::pending().await,
        }
    }
}

impl Follower {
    /// Of a Secret or a hub of that name, whose texts have at most `limit` bytes.
    pub fn new(
        name: String,
        limit: usize,
        deliveries: Receiver<Result<Delivered, SourceError>>,
        cache: Option<SnapshotCache>,
    ) -> Self {
        Self {
            name,
            limit,
            deliveries: Deliveries::new(deliveries),
            cache,
            failing: None,
        }
    }

    /// The first directory, from whoever has one: what is delivered before long, or else what was kept.
    pub async fn first(&mut self) -> FirstDirectory {
        // Whoever delivers says also that it has nothing.
        let _ = timeout(FIRST, self.deliveries.wait()).await;
        match self.poll() {
            Some(Ok(read)) => return FirstDirectory::Delivered(read),
            Some(Err(error)) => warn!(%error, "no directory is delivered"),
            None => warn!(from = self.name, "no directory is delivered in time"),
        }
        let Some(cache) = &self.cache else {
            return FirstDirectory::Nothing;
        };
        let kept = cache.read(self.limit);
        let read = kept.and_then(|kept| {
            let read = DirectoryRead::delivered(&kept, self.limit, &self.name);
            read.map_err(|lines| lines.join("; "))
        });
        match read {
            Ok(read) => {
                info!("going on with the directory that was kept (--directory-cache)");
                FirstDirectory::Kept(read)
            }
            Err(reason) => {
                warn!(reason, "no directory was kept (--directory-cache)");
                FirstDirectory::Nothing
            }
        }
    }

    fn poll(&mut self) -> Option<Result<DirectoryRead, SourceError>> {
        let read = self.deliveries.latest()?.and_then(|delivered| {
            let read = DirectoryRead::delivered(&delivered, self.limit, &self.name);
            let read = read.map_err(SourceError::Rejected)?;
            Ok((read, delivered))
        });
        match read {
            Ok((read, delivered)) => {
                self.failing = None;
                self.keep(&delivered);
                Some(Ok(read))
            }
            Err(error) if self.failing.as_ref() == Some(&error) => None,
            Err(error) => {
                self.failing = Some(error.clone());
                Some(Err(error))
            }
        }
    }

    fn keep(&self, delivered: &Delivered) {
        if let Some(cache) = &self.cache
            && let Err(error) = cache.keep(delivered)
        {
            warn!(%error, "the directory cannot be kept (--directory-cache)");
        }
    }
}

/// An API server and a hub that are there answer in milliseconds.
const FIRST: Duration = Duration::from_secs(10);
