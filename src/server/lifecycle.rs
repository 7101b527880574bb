//! Whether requests are still welcome.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

/// How far the server is from its end, for those who serve and those who ask.
#[derive(Debug, Default)]
pub struct Lifecycle {
    // Requests ask for the phase; a token's state is behind a lock.
    phase: AtomicU8,
    draining: CancellationToken,
}

/// A step of the server's life; each is followed by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Requests are welcome.
    Serving,
    /// No longer ready: requests are answered, and clients asked to go elsewhere.
    Leaving,
    /// No connection is accepted; requests that were begun are answered, and no new one is.
    Draining,
}

impl Lifecycle {
    /// The present phase.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Serving,
            1 => Phase::Leaving,
            _ => Phase::Draining,
        }
    }

    /// Becomes unready.
    pub fn leave(&self) {
        self.enter(Phase::Leaving);
    }

    /// Stops accepting, and tells every connection to end after its request.
    pub fn drain(&self) {
        self.enter(Phase::Draining);
        self.draining.cancel();
    }

    /// Cancelled when draining begins.
    pub fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }
}
