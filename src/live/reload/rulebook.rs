//! Policy and directory, read anew and paired.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::directory::Directory;
use crate::live::{Live, notes};
use crate::metrics::{Metrics, Reloaded};
use crate::policy::Policy;
use crate::rulebook::Rulebook;
use crate::sources::{DirectoryRead, PolicyRead, SourceError, Watched};

use super::directory::DirectorySource;
use super::{Reload, applied, keep};

/// The files behind the rulebook, and what they last brought.
pub struct RulebookFiles {
    /// The policy's file; none: the embedded one.
    pub policy_file: Option<Watched<PolicyRead>>,
    /// A policy that asks for roles which only a later directory may know.
    pub waiting_policy: Option<PolicyRead>,
    /// Where the directory comes from.
    pub directory_from: DirectorySource,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// The directory in force.
    pub directory: Arc<Directory>,
    /// What was said of the cluster last.
    pub notes: Vec<&'static str>,
    /// Since when the directory could not be read or understood.
    pub failing_since: Option<Timestamp>,
    /// Where it is swapped.
    pub live: Arc<Live>,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
}

impl Reload for RulebookFiles {
    fn look(&mut self) {
        // First the directory: a policy that came with it may name its roles.
        match self.directory_from.poll() {
            Some(Ok(read)) => self.take_directory(read),
            Some(Err(error)) => self.keep_directory(&error),
            None => {}
        }
        match self.policy_file.as_mut().and_then(Watched::poll) {
            Some(Ok(read)) => self.take_policy(read),
            Some(Err(error)) => self.keep_policy(&error),
            None => {}
        }
        if self.failing_since.is_none() {
            self.live.directory_was_read(Timestamp::now());
        }
    }

    async fn woken(&mut self) {
        self.directory_from.woken().await;
    }
}

impl RulebookFiles {
    fn take_policy(&mut self, read: PolicyRead) {
        let (rulebook, problems) = self.pair(&read.policy);
        if problems.is_empty() {
            self.apply_policy(read, rulebook);
        } else {
            self.keep_policy(&SourceError::Rejected(problems));
            self.waiting_policy = Some(read);
        }
    }

    fn apply_policy(&mut self, read: PolicyRead, rulebook: Rulebook) {
        self.waiting_policy = None;
        self.policy = read.policy;
        self.swap(rulebook);
        applied(&*self.metrics, Reloaded::Policy);
        info!(revision = %self.policy.revision, "policy reloaded");
        for problem in read.warnings {
            warn!(problem, "policy");
        }
    }

    fn keep_policy(&mut self, error: &SourceError) {
        self.waiting_policy = None;
        keep(&*self.metrics, Reloaded::Policy, error);
    }

    fn take_directory(&mut self, read: DirectoryRead) {
        self.directory = read.directory;
        self.failing_since = None;
        let (rulebook, problems) = self.pair(&self.policy);
        self.swap(rulebook);
        applied(&*self.metrics, Reloaded::Directory);
        let counts = self.directory.counts();
        let (users, teams) = (counts.users, counts.teams);
        info!(users, teams, "directory reloaded");
        for problem in read.warnings.into_iter().chain(problems) {
            warn!(problem, "directory");
        }
        self.try_waiting_policy();
    }

    /// Applies a policy that was kept out, if the directory has what it asked for; it was counted and told already.
    fn try_waiting_policy(&mut self) {
        let Some(read) = self.waiting_policy.take() else {
            return;
        };
        match self.pair(&read.policy) {
            (rulebook, problems) if problems.is_empty() => self.apply_policy(read, rulebook),
            _ => self.waiting_policy = Some(read),
        }
    }

    fn keep_directory(&mut self, error: &SourceError) {
        keep(&*self.metrics, Reloaded::Directory, error);
        if self.failing_since.is_none() {
            self.failing_since = Some(Timestamp::now());
            self.swap(self.pair(&self.policy).0);
        }
    }

    fn pair(&self, policy: &Arc<Policy>) -> (Rulebook, Vec<String>) {
        let (rulebook, problems) = Rulebook::pair(Arc::clone(policy), Arc::clone(&self.directory));
        (rulebook, problems.iter().map(ToString::to_string).collect())
    }

    fn swap(&mut self, rulebook: Rulebook) {
        let rulebook = rulebook.directory_failing_since(self.failing_since);
        let notes: Vec<&'static str> = notes(&rulebook).collect();
        for note in notes.iter().filter(|note| !self.notes.contains(note)) {
            warn!(note, "cluster");
        }
        self.notes = notes;
        self.live.swap(rulebook, &self.metrics);
    }
}
