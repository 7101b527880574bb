//! What was done in Palette since it was last asked: which objects to read again at once.
//!
//! Which grants appear among the audits, under which kind and how late, nobody publishes. So an audit is a hint: that none
//! came proves nothing, and the whole is read on a timer all the same.

use std::collections::btree_map::Entry;
use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::error::SyncError;
use super::read::{Holder, Reader};
use super::reading::{Grants, Reading, Uid};
use crate::sources::palette::{Call, Endpoint, ListError, PaletteClient, wire};

/// What has been seen of the audits.
pub(super) struct Hints {
    since: Timestamp,
    seen: HashSet<Box<str>>,
}

/// An object that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hint {
    /// A user, and what it holds.
    User(Uid),
    /// A team, and what it holds.
    Team(Uid),
    /// A role.
    Role(Uid),
    /// A project.
    Project(Uid),
    /// Something that clusters belong to.
    Clusters,
}

impl Hints {
    /// Of what is done from now on.
    pub(super) fn since(at: Timestamp) -> Self {
        Self {
            since: at,
            seen: HashSet::new(),
        }
    }

    /// What was done since; nothing where too much was to read it piece by piece.
    pub(super) async fn ask(
        &mut self,
        client: &PaletteClient,
    ) -> Result<Option<BTreeSet<Hint>>, SyncError> {
        // Their clock is not ours, and an audit may come late.
        let since = self.since.saturating_sub(OVERLAP).unwrap_or(self.since);
        let call = Call::get(Endpoint::Audits, "audits").with("startTime", rfc_3339(since));
        let audits: Vec<wire::Audit> = match client.list_up_to(&call, MOST_AUDITS).await {
            Ok(audits) => audits,
            // So much is done that the list grows while it is read.
            Err(ListError::Unstable(..) | ListError::TooMany(..)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let is_new = |audit: &wire::Audit| !self.seen.contains(&audit.metadata.uid);
        let hints: BTreeSet<Hint> = audits
            .iter()
            .filter(|it| is_new(it))
            .filter_map(hint)
            .collect();
        let latest = audits.iter().filter_map(|audit| {
            let at: Timestamp = audit.metadata.creation_timestamp.parse().ok()?;
            Some(at)
        });
        // Never past what was seen: what comes late must still be within the next question.
        self.since = latest.max().map_or(self.since, |at| self.since.max(at));
        self.seen = audits.into_iter().map(|audit| audit.metadata.uid).collect();
        Ok((hints.len() <= MOST).then_some(hints))
    }
}

/// Palette's own form has milliseconds.
fn rfc_3339(at: Timestamp) -> String {
    at.strftime("%FT%T.000Z").to_string()
}

/// Which kinds there are is not published: what a kind is called is enough.
fn hint(audit: &wire::Audit) -> Option<Hint> {
    let kind = audit.spec.resource.kind.to_lowercase();
    let uid = || audit.spec.resource.uid.clone();
    match &*kind {
        _ if uid().is_empty() => None,
        "user" => Some(Hint::User(uid())),
        "team" => Some(Hint::Team(uid())),
        "role" => Some(Hint::Role(uid())),
        "project" => Some(Hint::Project(uid())),
        "workspace" | "clustergroup" | "spectrocluster" => Some(Hint::Clusters),
        _ => None,
    }
}

impl Reader<'_> {
    /// Reads those objects again, into what is known.
    pub(super) async fn read_again(
        &self,
        reading: &mut Reading,
        hints: &BTreeSet<Hint>,
    ) -> Result<(), SyncError> {
        for hint in hints {
            match hint {
                Hint::User(uid) => match self.user(uid).await? {
                    Some(user) => {
                        reading.users.insert(uid.clone(), user);
                        self.read_grants(reading, Holder::User, uid).await?;
                    }
                    None => drop(reading.users.remove(uid)),
                },
                Hint::Team(uid) => match self.team(uid).await? {
                    Some(team) => {
                        reading.teams.insert(uid.clone(), team);
                        self.read_grants(reading, Holder::Team, uid).await?;
                    }
                    None => drop(reading.teams.remove(uid)),
                },
                Hint::Role(uid) => match self.role(uid).await? {
                    Some(role) => drop(reading.roles.insert(uid.clone(), role)),
                    None => drop(reading.roles.remove(uid)),
                },
                Hint::Project(uid) if self.concerns(reading, uid) => {
                    let mut project = self.project(uid).await?;
                    if let Some(known) = reading.projects.get(uid)
                        && reading.asked_one_by_one
                    {
                        // It does not say who holds what in it.
                        project.users.clone_from(&known.users);
                        project.teams.clone_from(&known.teams);
                    }
                    reading.projects.insert(uid.clone(), project);
                }
                Hint::Project(_) => {}
                Hint::Clusters => {
                    self.read_clusters(reading).await?;
                    for project in reading.clusters.iter().filter_map(|it| it.project.clone()) {
                        if let Entry::Vacant(vacant) = reading.projects.entry(project) {
                            let read = self.project(vacant.key()).await?;
                            vacant.insert(read);
                        }
                    }
                    self.read_workspace_roles(reading).await?;
                }
            }
        }
        Ok(())
    }

    fn concerns(&self, reading: &Reading, project: &Uid) -> bool {
        self.clusters.is_empty() || reading.projects.contains_key(project)
    }

    /// What somebody holds in the projects that are known, by its own word.
    async fn read_grants(
        &self,
        reading: &mut Reading,
        holder: Holder,
        uid: &Uid,
    ) -> Result<(), SyncError> {
        let mut held = self.held_in_projects(holder, uid).await?;
        for (project, known) in &mut reading.projects {
            put(holder.of_mut(known), uid, held.remove(project));
        }
        if reading.workspaces.is_empty() {
            return Ok(());
        }
        let mut held = self.held_in_workspaces(holder, uid).await?;
        for (workspace, known) in &mut reading.workspaces {
            put(holder.of_workspace(known), uid, held.remove(workspace));
        }
        Ok(())
    }
}

fn put(grants: &mut Grants, holder: &Uid, roles: Option<Vec<Uid>>) {
    match roles {
        Some(roles) => drop(grants.insert(holder.clone(), roles)),
        None => drop(grants.remove(holder)),
    }
}

/// Long enough for clocks that differ and for audits that come late.
const OVERLAP: SignedDuration = SignedDuration::from_secs(120);

/// With more within two minutes, a whole reading is as fast.
const MOST_AUDITS: i64 = 500;

/// With more, a whole reading is as fast.
const MOST: usize = 100;
