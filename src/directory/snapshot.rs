//! A directory as `sync` writes it: the same document, as values that can be made, compared and written as JSON.
//!
//! It is read again by `sync`, which compares what it reads with what it wrote last. What requests are judged by is
//! compiled from the text, like any other directory.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::palette::RoleScope;

/// Who holds what, as one whole reading of Palette said. Every list is sorted, so that equal readings are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    api_version: ApiVersion,
    kind: Kind,
    /// When the last whole, verified reading began. Absent where it is kept beside the text, which then changes only
    /// when somebody holds something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// The tenant that was read.
    pub tenant: Tenant,
    /// The clusters that it is for; empty: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<Cluster>,
    /// Custom roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Teams that hold something that counts in the clusters; others by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<Team>,
    /// Users who hold something that counts in the clusters, by themselves or by a team; others by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
}

#[derive(Serialize)]
struct Holders<'s> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'s [Role],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    teams: &'s [Team],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    users: &'s [User],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ApiVersion {
    #[serde(rename = "palette-rbac.io/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Directory,
}

/// A tenant of Palette.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Its uid.
    pub uid: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// What Palette says of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// Its uid.
    pub uid: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Its cluster group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_group: Option<String>,
    /// Its workspaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<Workspace>,
}

/// A workspace of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workspace {
    /// Its name.
    pub name: String,
    /// Its namespaces, in Palette's form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

/// A custom role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Where it may be assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<RoleScope>,
    /// What it allows.
    pub permissions: Vec<String>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Its uid, where it holds something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its uid, where it holds something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its e-mail address.
    pub name: String,
    /// Who is not active holds nothing.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub active: bool,
    /// Its teams, of those that hold something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// What it holds by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
}

/// A role held in one of a project, a workspace and the tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The role.
    pub role: String,
    /// In the clusters of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// In these namespaces of the clusters of this workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The namespaces of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
    /// In every cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<bool>,
}

/// As people are told: `Cluster Admin (project orchard-prod)`.
impl std::fmt::Display for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.project, &self.workspace) {
            (Some(project), _) => write!(f, "{} (project {project})", self.role),
            (None, Some(workspace)) => write!(f, "{} (workspace {workspace})", self.role),
            (None, None) => write!(f, "{} (tenant)", self.role),
        }
    }
}

impl Snapshot {
    /// A snapshot in which nobody holds anything.
    pub fn of(tenant: Tenant) -> Self {
        Self {
            api_version: ApiVersion::V1Alpha1,
            kind: Kind::Directory,
            as_of: None,
            tenant,
            clusters: Vec::new(),
            roles: Vec::new(),
            teams: Vec::new(),
            users: Vec::new(),
        }
    }

    /// Reads what was written as [`to_json`](Self::to_json).
    pub fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// The document in two parts: what it says of its clusters, and what clusters of one project say alike. One after the
    /// other, they are what [`to_json`](Self::to_json) gives.
    pub fn to_json_parts(&self) -> Result<(Vec<u8>, Vec<u8>), serde_json::Error> {
        let mut head = Self {
            as_of: self.as_of,
            clusters: self.clusters.clone(),
            ..Self::of(self.tenant.clone())
        }
        .to_json()?;
        let mut tail = serde_json::to_vec(&Holders {
            roles: &self.roles,
            teams: &self.teams,
            users: &self.users,
        })?;
        if tail == b"{}" {
            tail.clear();
        } else if let Some(first) = tail.first_mut() {
            *first = b',';
            head.pop();
        }
        Ok((head, tail))
    }

    /// The document, without white space.
    ///
    /// Fails where a value cannot be JSON, which none here is.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_yes(yes: &bool) -> bool {
    *yes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole() {
        let mut snapshot = Snapshot::of(Tenant {
            uid: "t".to_owned(),
            name: String::new(),
        });
        let whole = |snapshot: &Snapshot| {
            let (head, tail) = snapshot.to_json_parts().unwrap();
            assert_eq!([head, tail].concat(), snapshot.to_json().unwrap());
        };
        whole(&snapshot);
        snapshot.clusters.push(Cluster {
            uid: "c".to_owned(),
            name: "press-1".to_owned(),
            project: Some("orchard-prod".to_owned()),
            cluster_group: None,
            workspaces: Vec::new(),
        });
        whole(&snapshot);
        snapshot.users.push(User {
            uid: None,
            name: "ines@orchard.test".to_owned(),
            active: true,
            teams: Vec::new(),
            assignments: Vec::new(),
        });
        whole(&snapshot);
    }
}
