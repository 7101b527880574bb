//! Connections as they come in.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tracing::{debug, error};

use super::connection_slots::{ConnectionSlot, ConnectionSlots};
use super::lifecycle::Lifecycle;

/// A bound listener, and what it needs to hand out connections.
pub(super) struct Accept {
    pub(super) listener: TcpListener,
    pub(super) tracker: TaskTracker,
    pub(super) slots: ConnectionSlots,
    /// Told of each connection that the system could not hand over.
    pub(super) failed: Arc<dyn Fn() + Send + Sync>,
    pub(super) lifecycle: Arc<Lifecycle>,
}

impl Accept {
    /// For a process that has no metric of connections that the system could not hand over.
    pub(super) fn uncounted(
        listener: TcpListener,
        tracker: TaskTracker,
        connections: NonZeroUsize,
        lifecycle: &Arc<Lifecycle>,
    ) -> Self {
        Self {
            listener,
            tracker,
            slots: ConnectionSlots::new(connections),
            failed: Arc::new(|| {}),
            lifecycle: Arc::clone(lifecycle),
        }
    }

    /// Spawns a task for each connection, until draining begins.
    pub(super) async fn each<F, S>(self, serve: S)
    where
        S: Fn(TcpStream, ConnectionSlot) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.lifecycle.draining().clone();
        while let Some(next) = stop.run_until_cancelled(self.next()).await {
            if let Some((stream, slot)) = next {
                self.tracker.spawn(serve(stream, slot));
            }
        }
    }

    async fn next(&self) -> Option<(TcpStream, ConnectionSlot)> {
        match self.listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and waited for.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "connection is gone");
                    return None;
                }
                Some((stream, self.slots.take(peer.ip()).await?))
            }
            Err(error) => {
                self.failed(&error).await;
                None
            }
        }
    }

    /// A client that left is nothing; when files run out, accepting again at once would only burn the processor.
    async fn failed(&self, error: &io::Error) {
        if is_of_the_connection(error) {
            debug!(%error, "connection is gone");
            return;
        }
        (self.failed)();
        error!(%error, "cannot accept connections");
        tokio::time::sleep(BACK_OFF).await;
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Long enough for files to be closed, short enough to be within a webhook's timeout.
const BACK_OFF: Duration = Duration::from_millis(500);
