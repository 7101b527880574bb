mod deliveries;
mod directory;
mod rulebook;
mod tls;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::domain::Word;
use crate::metrics::{ReloadObserver, ReloadResult, Reloaded};
use crate::sources::SourceError;

pub use deliveries::Deliveries;
pub use directory::{DirectorySource, FirstDirectory, Follower};
pub use rulebook::RulebookFiles;
pub use tls::{CertificateSource, TlsFiles};

/// Something that looks at its files once in a while and swaps what they bring.
pub trait Reload: Send + Sized + 'static {
    /// Looks once. Reads and parses on the calling thread.
    fn look(&mut self);

    /// Ends where it is worth a look before its time. Dropped and asked again, it forgets nothing.
    fn woken(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Looks again and again, until told to stop; never on a thread that serves.
    fn run(mut self, every: Duration, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        async move {
            loop {
                let pause = async {
                    tokio::select! {
                        () = tokio::time::sleep(every) => {}
                        () = self.woken() => {}
                    }
                };
                if stop.run_until_cancelled(pause).await.is_none() {
                    return;
                }
                let look = tokio::task::spawn_blocking(move || {
                    self.look();
                    self
                });
                // A look can hang with its file system; the end of the server does not wait for it.
                match stop.run_until_cancelled(look).await {
                    Some(Ok(reload)) => self = reload,
                    Some(Err(error)) => {
                        error!(%error, "reloading has ended: a look at the files failed");
                        return;
                    }
                    None => return,
                }
            }
        }
    }
}

fn applied(metrics: &dyn ReloadObserver, what: Reloaded) {
    metrics.reloaded(what, ReloadResult::Applied);
}

/// Goes on with the last good one, and says so once for each distinct fault.
fn keep(metrics: &dyn ReloadObserver, what: Reloaded, error: &SourceError) {
    let result = match error {
        SourceError::Unreadable { .. } => ReloadResult::Unreadable,
        SourceError::Rejected(_) => ReloadResult::Rejected,
    };
    metrics.reloaded(what, result);
    warn!(
        what = what.as_str(),
        result = result.as_str(),
        error = %error,
        "a change was kept out; the last good one stays"
    );
}
