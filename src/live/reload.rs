use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::directory::Directory;
use crate::metrics::{Label, Metrics, ReloadResult, Reloaded};
use crate::policy::Policy;
use crate::ruling::Ruling;
use crate::sources::{
    ClientTrust, DirectoryRead, PolicyRead, ServingCertificate, SourceError, Watched,
};

use super::{Live, Tls, unknown};

/// Something that looks at its files once in a while and swaps what they bring.
pub trait Reload: Send + Sized + 'static {
    /// Looks once. Reads and parses on the calling thread.
    fn look(&mut self);

    /// Looks again and again, until told to stop; never on a thread that serves.
    fn run(mut self, every: Duration, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        async move {
            while stop
                .run_until_cancelled(tokio::time::sleep(every))
                .await
                .is_some()
            {
                let look = tokio::task::spawn_blocking(move || {
                    self.look();
                    self
                });
                // A look can hang with its file system; the end of the server does not wait for it.
                match stop.run_until_cancelled(look).await {
                    Some(Ok(reload)) => self = reload,
                    Some(Err(error)) => {
                        warn!(error = %error, "reloading has ended: a look failed");
                        return;
                    }
                    None => return,
                }
            }
        }
    }
}

/// The files behind the ruling, and what they last brought.
pub struct RulingFiles {
    /// The policy's file; none: the embedded one.
    pub policy_file: Option<Watched<PolicyRead>>,
    /// The directory's file; none: the sample.
    pub directory_file: Option<Watched<DirectoryRead>>,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// The directory in force.
    pub directory: Arc<Directory>,
    /// Since when the directory could not be read or understood.
    pub failing_since: Option<Timestamp>,
    /// Where it is swapped.
    pub live: Arc<Live>,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
}

impl Reload for RulingFiles {
    fn look(&mut self) {
        match self.policy_file.as_mut().and_then(Watched::poll) {
            Some(Ok(read)) => self.take_policy(read),
            Some(Err(error)) => keep(&self.metrics, Reloaded::Policy, &error),
            None => {}
        }
        match self.directory_file.as_mut().and_then(Watched::poll) {
            Some(Ok(read)) => self.take_directory(read),
            Some(Err(error)) => self.keep_directory(&error),
            None => {}
        }
        if self.failing_since.is_none() {
            self.live.directory_was_read(Timestamp::now());
        }
    }
}

impl RulingFiles {
    fn take_policy(&mut self, read: PolicyRead) {
        let policy = Arc::new(read.policy);
        let (ruling, problems) = Ruling::pair(Arc::clone(&policy), Arc::clone(&self.directory));
        if !problems.is_empty() {
            let problems = problems.iter().map(ToString::to_string).collect();
            let error = SourceError::Rejected(problems);
            return keep(&self.metrics, Reloaded::Policy, &error);
        }
        self.policy = policy;
        self.swap(ruling);
        applied(&self.metrics, Reloaded::Policy);
        info!(revision = %self.policy.revision, "policy reloaded");
        for problem in read.warnings {
            warn!(problem, "policy");
        }
        for note in unknown(&self.policy) {
            warn!(note, "policy");
        }
    }

    fn take_directory(&mut self, read: DirectoryRead) {
        self.directory = Arc::new(read.directory);
        self.failing_since = None;
        let pair = Ruling::pair(Arc::clone(&self.policy), Arc::clone(&self.directory));
        let (ruling, problems) = pair;
        self.swap(ruling);
        applied(&self.metrics, Reloaded::Directory);
        let counts = self.directory.counts();
        info!(
            users = counts.users,
            teams = counts.teams,
            "directory reloaded"
        );
        let problems = problems.iter().map(ToString::to_string);
        for problem in read.warnings.into_iter().chain(problems) {
            warn!(problem, "directory");
        }
    }

    fn keep_directory(&mut self, error: &SourceError) {
        keep(&self.metrics, Reloaded::Directory, error);
        if self.failing_since.is_none() {
            self.failing_since = Some(Timestamp::now());
            let pair = Ruling::pair(Arc::clone(&self.policy), Arc::clone(&self.directory));
            self.swap(pair.0);
        }
    }

    fn swap(&self, ruling: Ruling) {
        let ruling = ruling.directory_failing_since(self.failing_since);
        self.live.swap(ruling, &self.metrics);
    }
}

/// The files behind TLS, and what they last brought.
pub struct TlsFiles {
    /// Certificate and key; none: they were made for this run.
    pub certificate_files: Option<Watched<ServingCertificate>>,
    /// The CA of clients, if they must have a certificate.
    pub client_ca_file: Option<Watched<ClientTrust>>,
    /// The certificate in use.
    pub certificate: ServingCertificate,
    /// The CA in use.
    pub clients: Option<ClientTrust>,
    /// Where it is swapped.
    pub tls: Arc<Tls>,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
}

impl Reload for TlsFiles {
    fn look(&mut self) {
        match self.certificate_files.as_mut().and_then(Watched::poll) {
            Some(Ok(certificate)) => {
                self.swap(certificate, self.clients.clone(), Reloaded::Certificate);
            }
            Some(Err(error)) => keep(&self.metrics, Reloaded::Certificate, &error),
            None => {}
        }
        match self.client_ca_file.as_mut().and_then(Watched::poll) {
            Some(Ok(clients)) => {
                self.swap(self.certificate.clone(), Some(clients), Reloaded::ClientCa);
            }
            Some(Err(error)) => keep(&self.metrics, Reloaded::ClientCa, &error),
            None => {}
        }
    }
}

impl TlsFiles {
    fn swap(
        &mut self,
        certificate: ServingCertificate,
        clients: Option<ClientTrust>,
        what: Reloaded,
    ) {
        if let Err(error) = self.tls.swap(&certificate, clients.as_ref()) {
            let error = SourceError::Rejected(vec![error.to_string()]);
            return keep(&self.metrics, what, &error);
        }
        self.certificate = certificate;
        self.clients = clients;
        applied(&self.metrics, what);
        info!(what = what.as_str(), not_after = %self.certificate.not_after, "TLS reloaded");
    }
}

fn applied(metrics: &Metrics, what: Reloaded) {
    metrics.reloaded(what, ReloadResult::Applied);
}

/// Goes on with the last good one, and says so once for each distinct fault.
fn keep(metrics: &Metrics, what: Reloaded, error: &SourceError) {
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
