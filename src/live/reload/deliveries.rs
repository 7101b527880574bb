//! What a task elsewhere delivers, taken when it is looked at.

use tokio::sync::mpsc::Receiver;

use crate::sources::SourceError;

/// What came and was not looked at yet.
pub struct Deliveries<T> {
    receiver: Receiver<Result<T, SourceError>>,
    arrived: Option<Result<T, SourceError>>,
}

impl<T> Deliveries<T> {
    /// Of whoever has the other end.
    pub const fn new(receiver: Receiver<Result<T, SourceError>>) -> Self {
        Self {
            receiver,
            arrived: None,
        }
    }

    /// Ends when something is there. Dropped and asked again, it forgets nothing.
    pub async fn wait(&mut self) {
        if self.arrived.is_some() {
            return;
        }
        match self.receiver.recv().await {
            Some(delivery) => self.arrived = Some(delivery),
            // It ends with the process.
            None => std::future::pending().await,
        }
    }

    /// The latest of what is there.
    pub fn latest(&mut self) -> Option<Result<T, SourceError>> {
        let mut latest = self.arrived.take();
        while let Ok(delivery) = self.receiver.try_recv() {
            latest = Some(delivery);
        }
        latest
    }
}
