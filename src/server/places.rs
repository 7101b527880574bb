use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The places of open connections.
pub(super) struct Places {
    free: Arc<Semaphore>,
    // Connections wait on it in the order in which they came, so the oldest is woken first.
    make_room: Arc<Notify>,
}

/// A connection's place, given back when dropped.
pub(super) struct Place {
    make_room: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(count: NonZeroUsize) -> Self {
        let count = count.get().min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(count)),
            make_room: Arc::new(Notify::new()),
        }
    }

    /// A place, for which the oldest connection is asked to end when there is none: whoever opens idle connections
    /// must not keep others out.
    pub(super) async fn take(&self) -> Option<Place> {
        if self.free.available_permits() == 0 {
            self.make_room.notify_one();
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(Place {
            make_room: Arc::clone(&self.make_room),
            _permit: permit,
        })
    }
}

impl Place {
    /// Ends when the place is needed for another connection.
    pub(super) fn wanted(&self) -> tokio::sync::futures::Notified<'_> {
        self.make_room.notified()
    }
}
