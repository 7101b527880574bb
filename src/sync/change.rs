//! What one snapshot takes and gives, compared with another: by uid, so that a new name is a new name and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use strum::IntoStaticStr;

use crate::directory::{Snapshot, SnapshotAssignment, SnapshotCluster};

/// Users or teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HolderKind {
    /// A user.
    User,
    /// A team.
    Team,
}

/// Who holds more or less than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// User or team.
    pub kind: HolderKind,
    /// Its uid, or `name:…` of one that has none.
    pub uid: String,
    /// What it is called now, or was called last.
    pub name: String,
    /// What it holds more or less, as people are told.
    pub roles: Vec<String>,
}

/// Somebody with another name than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// User or team.
    pub kind: HolderKind,
    /// The name before: bindings to it bind nobody that Palette knows.
    pub before: String,
    /// The name now.
    pub now: String,
}

/// All that is different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Who holds more.
    pub gains: Vec<Changed>,
    /// Who holds less.
    pub losses: Vec<Changed>,
    /// Who is called otherwise.
    pub renamed: Vec<Renamed>,
    /// How many held something before.
    pub holders: usize,
}

/// What somebody holds, with what its teams give it.
struct Held<'s> {
    name: &'s str,
    roles: BTreeSet<String>,
}

impl Change {
    /// What is different in the second.
    ///
    /// Where it is for other clusters, what counts in none of them is no loss: nobody asks for it any more.
    pub fn between(before: &Snapshot, now: &Snapshot) -> Self {
        let uids = |snapshot: &Snapshot| -> BTreeSet<String> {
            snapshot
                .clusters
                .iter()
                .map(|cluster| cluster.uid.clone())
                .collect()
        };
        let asked = (uids(before) != uids(now)).then_some(&*now.clusters);
        let (before, now) = (held(before, asked), held(now, None));
        let mut change = Self {
            holders: before.len(),
            ..Self::default()
        };
        for (key, was) in &before {
            let is = now.get(key);
            let missing = |role: &&String| is.is_none_or(|is| !is.roles.contains(*role));
            let lost: Vec<String> = was.roles.iter().filter(missing).cloned().collect();
            push(&mut change.losses, key, is.unwrap_or(was).name, lost);
            if let Some(is) = is.filter(|is| is.name != was.name) {
                change.renamed.push(Renamed {
                    kind: key.0,
                    before: was.name.to_owned(),
                    now: is.name.to_owned(),
                });
            }
        }
        for (key, is) in &now {
            let was = before.get(key);
            let new = |role: &&String| was.is_none_or(|was| !was.roles.contains(*role));
            let gained: Vec<String> = is.roles.iter().filter(new).cloned().collect();
            push(&mut change.gains, key, is.name, gained);
        }
        change
    }

    /// Whether so many lose something that it is more likely a mistake: more than `percent` of those who held something,
    /// and more than ten.
    pub fn takes_too_much(&self, percent: u8) -> bool {
        let allowed = (self.holders * usize::from(percent) / 100).max(LEAST_ALLOWED);
        self.losses.len() > allowed
    }

    /// Whether nobody holds anything else, by whatever name.
    pub fn is_empty(&self) -> bool {
        self.gains.is_empty() && self.losses.is_empty() && self.renamed.is_empty()
    }
}

fn push(changed: &mut Vec<Changed>, key: &(HolderKind, String), name: &str, roles: Vec<String>) {
    if !roles.is_empty() {
        changed.push(Changed {
            kind: key.0,
            uid: key.1.clone(),
            name: name.to_owned(),
            roles,
        });
    }
}

/// `- user ines@orchard.test loses Cluster Admin (project orchard-prod)`, a line each; of very many, the first.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sign, verb, changed) in [("-", "loses", &self.losses), ("+", "gains", &self.gains)] {
            for one in changed.iter().take(TOLD) {
                let kind: &str = one.kind.into();
                let (name, roles) = (one.name.escape_debug(), one.roles.join(", "));
                writeln!(f, "{sign} {kind} {name} {verb} {}", roles.escape_debug())?;
            }
            if let Some(more) = changed.len().checked_sub(TOLD).filter(|more| *more > 0) {
                writeln!(f, "{sign} {more} more {verb} something")?;
            }
        }
        for one in self.renamed.iter().take(TOLD) {
            let kind: &str = one.kind.into();
            let (before, now) = (one.before.escape_debug(), one.now.escape_debug());
            writeln!(
                f,
                "~ {kind} {before} is now {now}: bindings to the old name bind nobody"
            )?;
        }
        Ok(())
    }
}

/// By kind and uid: what users hold by themselves and by their teams, and what teams hold; where clusters are given, of what
/// counts in one of them.
fn held<'s>(
    snapshot: &'s Snapshot,
    asked: Option<&[SnapshotCluster]>,
) -> BTreeMap<(HolderKind, String), Held<'s>> {
    let counts = |assignment: &&SnapshotAssignment| {
        asked.is_none_or(|clusters| clusters.is_empty() || is_within(assignment, clusters))
    };
    let mut held = BTreeMap::new();
    let mut of_team: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let key =
        |uid: &Option<String>, name: &str| uid.clone().unwrap_or_else(|| format!("name:{name}"));
    for team in &snapshot.teams {
        let counted = team.assignments.iter().filter(counts);
        let roles: BTreeSet<String> = counted.map(ToString::to_string).collect();
        if !roles.is_empty() {
            of_team.insert(&team.name, roles.clone());
            let key = (HolderKind::Team, key(&team.uid, &team.name));
            let name = &team.name;
            held.insert(key, Held { name, roles });
        }
    }
    for user in snapshot.users.iter().filter(|user| user.active) {
        let teams = user.teams.iter().filter_map(|team| of_team.get(&**team));
        let own = user
            .assignments
            .iter()
            .filter(counts)
            .map(ToString::to_string);
        let roles: BTreeSet<String> = own.chain(teams.flatten().cloned()).collect();
        if !roles.is_empty() {
            let key = (HolderKind::User, key(&user.uid, &user.name));
            let name = &user.name;
            held.insert(key, Held { name, roles });
        }
    }
    held
}

/// Whether it counts in one of these clusters.
fn is_within(assignment: &SnapshotAssignment, clusters: &[SnapshotCluster]) -> bool {
    let is_in = |cluster: &SnapshotCluster| match (&assignment.project, &assignment.workspace) {
        (Some(project), _) => cluster.project.as_ref() == Some(project),
        (None, Some(workspace)) => cluster.workspaces.iter().any(|it| it.name == *workspace),
        (None, None) => true,
    };
    clusters.iter().any(is_in)
}

/// Fewer than this many may lose something at once, however few there are.
const LEAST_ALLOWED: usize = 10;

/// More than a person reads.
const TOLD: usize = 50;
