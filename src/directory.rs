//! Who holds which Palette roles, where: the directory document and what it is compiled to.
//!
//! Look-ups are exact; near misses are only for messages. Nothing here knows the policy or the cluster.

mod compile;
mod document;
mod names;
mod snapshot;
mod twins;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use crate::palette::{Catalogue, NamespacePattern, PermissionSet, PermissionTable, RoleId};
pub use compile::CompiledDirectory;
use names::DirectoryNames;
pub use snapshot::{
    Assignment as SnapshotAssignment, Cluster as SnapshotCluster, Role as SnapshotRole, Snapshot,
    Team as SnapshotTeam, Tenant, User as SnapshotUser, Workspace as SnapshotWorkspace,
};

/// The users and teams of Palette and what they hold, compiled for look-ups.
#[derive(Debug)]
pub struct Directory {
    as_of: Option<Timestamp>,
    tenant: Option<Box<str>>,
    clusters: Vec<ClusterFacts>,
    users: Vec<User>,
    user_names: DirectoryNames,
    teams: Vec<Team>,
    team_names: DirectoryNames,
    roles: Roles,
    scopes: Vec<AssignmentScope>,
    permissions: PermissionTable,
}

/// What Palette says of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its uid in Palette.
    pub uid: Box<str>,
    /// The project that it belongs to, if there is one.
    pub project: Option<Arc<str>>,
    /// The cluster group that it belongs to, if there is one.
    pub cluster_group: Option<Arc<str>>,
    /// The workspaces that it belongs to.
    pub workspaces: Vec<Arc<str>>,
}

/// A user of Palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Whether what it holds counts; a user who is not active holds nothing.
    pub active: bool,
    /// Its own, without those of its teams.
    pub assignments: Box<[Assignment]>,
    /// The teams that it is in.
    pub teams: Box<[TeamId]>,
}

/// A team of Palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: Arc<str>,
    /// What its members hold through it.
    pub assignments: Box<[Assignment]>,
}

/// A role held in a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The role, built in or custom.
    pub role: RoleId,
    /// Where, as a place in [`Directory::scopes`].
    pub scope: ScopeId,
}

/// The place of a team in its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamId(u32);

/// The place of a scope in [`Directory::scopes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(u32);

impl ScopeId {
    /// The place as a number.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where an assignment counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentScope {
    /// In every cluster of the tenant.
    Tenant,
    /// In the clusters of one project.
    Project(Arc<str>),
    /// In the namespaces that the assignment selects, in the clusters of one workspace.
    Workspace {
        /// The name of the workspace.
        name: Arc<str>,
        /// One of them must select the namespace. Never empty.
        namespaces: Box<[NamespacePattern]>,
    },
}

/// As people are told: `tenant`, `project orchard-prod`, `workspace harvest`.
impl fmt::Display for AssignmentScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("tenant"),
            Self::Project(name) => write!(f, "project {name}"),
            Self::Workspace { name, .. } => write!(f, "workspace {name}"),
        }
    }
}

impl Directory {
    /// The user of this exact name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(self.user_names.cursor(name)? as usize)
    }

    /// The team of this exact name.
    pub fn team(&self, name: &str) -> Option<&Team> {
        self.teams.get(self.team_names.cursor(name)? as usize)
    }

    /// The team that a user of this directory is in; of another directory's id, a team without assignments.
    pub fn team_by_id(&self, id: TeamId) -> &Team {
        static NOBODY: LazyLock<Team> = LazyLock::new(|| Team {
            name: "".into(),
            assignments: Box::default(),
        });
        self.teams.get(id.0 as usize).unwrap_or(&NOBODY)
    }

    /// The name of a user that differs from this one in case or surrounding white space only.
    pub fn near_user(&self, name: &str) -> Option<&str> {
        self.user_names.near(name)
    }

    /// The name of a team that differs from this one in case or surrounding white space only.
    pub fn near_team(&self, name: &str) -> Option<&str> {
        self.team_names.near(name)
    }

    /// What the role is called.
    pub fn role_name(&self, id: RoleId) -> &Arc<str> {
        static NAMELESS: LazyLock<Arc<str>> = LazyLock::new(|| "unknown role".into());
        self.roles.names.get(&id).unwrap_or(&NAMELESS)
    }

    /// The role of this exact name: built in, custom, or a built-in one by another name of Palette's pages.
    pub fn role(&self, name: &str) -> Option<RoleId> {
        self.roles.named(name)
    }

    /// What a custom role allows; nothing for a built-in one, which counts by its name.
    pub fn custom_permissions(&self, id: RoleId) -> Option<&PermissionSet> {
        self.roles.custom.get(id.custom_position()?)
    }

    /// The table that numbers the permissions of the custom roles.
    pub fn permissions(&self) -> &PermissionTable {
        &self.permissions
    }

    /// Every scope of an assignment, once; [`ScopeId`] is the place in it.
    pub fn scopes(&self) -> &[AssignmentScope] {
        &self.scopes
    }

    /// When Palette said so, if the file knows.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// The same directory, known to be true at that time.
    #[must_use]
    pub fn known_at(self, as_of: Timestamp) -> Self {
        Self {
            as_of: Some(as_of),
            ..self
        }
    }

    /// The uid of the tenant that it was read from, if the file knows.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The clusters that it was made for; none: it says nothing of clusters, and is of the whole tenant.
    pub fn clusters(&self) -> &[ClusterFacts] {
        &self.clusters
    }

    /// What Palette says of the cluster with that uid.
    pub fn cluster(&self, uid: &str) -> Option<&ClusterFacts> {
        self.clusters.iter().find(|it| *it.uid == *uid)
    }

    /// How much is in it.
    pub fn counts(&self) -> Counts {
        Counts {
            users: self.users.len(),
            teams: self.teams.len(),
            custom_roles: self.roles.custom.len(),
        }
    }
}

/// Nobody holds anything.
impl Default for Directory {
    fn default() -> Self {
        Self {
            as_of: None,
            tenant: None,
            clusters: Vec::new(),
            users: Vec::new(),
            user_names: DirectoryNames::default(),
            teams: Vec::new(),
            team_names: DirectoryNames::default(),
            roles: Roles::default(),
            scopes: Vec::new(),
            permissions: Catalogue::builtin().permission_table().clone(),
        }
    }
}

/// How much a directory has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Users, active or not.
    pub users: usize,
    /// Teams.
    pub teams: usize,
    /// Roles that are not built in.
    pub custom_roles: usize,
}

/// The built-in roles and the directory's own.
#[derive(Debug)]
struct Roles {
    ids: HashMap<Arc<str>, RoleId>,
    names: HashMap<RoleId, Arc<str>>,
    custom: Vec<PermissionSet>,
}

impl Default for Roles {
    fn default() -> Self {
        let mut roles = Self {
            ids: HashMap::new(),
            names: HashMap::new(),
            custom: Vec::new(),
        };
        for role in Catalogue::builtin().iter() {
            roles.name(role.id, role.name.into());
        }
        roles
    }
}

impl Roles {
    /// A name of the catalogue is unique there; only then do custom roles count, and last the other names of built-in
    /// ones, since Palette lets a custom role be called so.
    fn named(&self, name: &str) -> Option<RoleId> {
        let alias = || Catalogue::builtin().role(name).map(|role| role.id);
        self.ids.get(name).copied().or_else(alias)
    }

    /// Whether there is a role of that name, other names of built-in ones aside.
    fn has(&self, name: &str) -> bool {
        self.ids.contains_key(name)
    }

    /// Every name, sorted.
    fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<_> = self.ids.keys().map(|name| &**name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Adds a custom role, or nothing when there are too many to number.
    fn add(&mut self, name: &str, permissions: PermissionSet) -> Option<RoleId> {
        let id = RoleId::custom(self.custom.len())?;
        self.custom.push(permissions);
        self.name(id, name.into());
        Some(id)
    }

    fn name(&mut self, id: RoleId, name: Arc<str>) {
        self.ids.insert(Arc::clone(&name), id);
        self.names.insert(id, name);
    }
}

#[cfg(test)]
mod tests;
