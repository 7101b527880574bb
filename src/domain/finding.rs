use std::fmt;
use std::sync::Arc;

use super::{Effect, Rule, Subject};

/// One rule broken by one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What took effect, after the policy's mode, exemptions and break-glass.
    pub effect: Effect,
    /// Where in the request the grant is.
    pub field: Field,
    /// Who is meant: the binding's subject, or the requester as a User.
    pub subject: Subject<'static>,
    /// Why.
    pub cause: Cause,
    /// The groups of Palette roles of which the subject holds none: one role of each is needed.
    pub lacks: Vec<Vec<Arc<str>>>,
    /// What the subject holds in Palette, counted here or not.
    pub holds: Vec<Holding>,
    /// The highest VM role that the subject may hold in this scope.
    pub may: Option<Arc<str>>,
    /// The exemption that covers it.
    pub exemption: Option<Arc<str>>,
}

/// Where in the request a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// `subjects[INDEX]`.
    Subject(usize),
    /// The sender of the request.
    UserInfo,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(index) => write!(f, "subjects[{index}]"),
            Self::UserInfo => f.write_str("userInfo"),
        }
    }
}

/// A Palette role that a subject holds, where, and whether that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The role's name.
    pub role: Arc<str>,
    /// Where it holds it, as in `project orchard-prod`.
    pub scope: Arc<str>,
    /// Whether it counts for the grant that was judged, or why not.
    pub reach: Reach,
}

/// Whether a Palette role counts for a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// It does.
    Counts,
    /// It is held in a workspace, for other namespaces.
    OtherNamespace,
    /// It is held in a workspace, which never reaches a cluster-wide grant.
    ClusterWide,
    /// It is held in a workspace that this cluster does not belong to.
    OtherWorkspace,
    /// It is held in a project that this cluster does not belong to.
    OtherProject,
    /// It is held in a project, and this cluster belongs to none.
    NoProject,
    /// The policy does not say which project this cluster belongs to.
    ProjectUnknown,
}

/// Why a grant breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The subject does not meet the role's requirement in Palette.
    Requirement(Standing),
    /// The directory is too old to grant a VM role by it.
    StaleDirectory,
    /// The binding is cluster-wide in a cluster of this cluster group.
    ClusterGroup(Arc<str>),
    /// The binding is cluster-wide in a cluster of these workspaces.
    Workspace(Vec<Arc<str>>),
    /// The subject stands for everybody.
    Everybody,
    /// The subject stands for all service accounts, of the cluster or of a namespace.
    AllServiceAccounts,
    /// The subject is a service account, which has no roles in Palette.
    ServiceAccount,
}

/// What Palette knows of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A user or team of the directory.
    Known,
    /// A user of the directory who is not active and so holds nothing.
    Inactive,
    /// No user or team of that name; the name in the directory that was likely meant.
    Unknown {
        /// The name to write in the binding instead, with the OIDC prefix.
        near: Option<Arc<str>>,
    },
    /// The name lacks the OIDC prefix of Palette's names; the name with it, where Palette knows that.
    Unprefixed {
        /// The configured prefix.
        prefix: Arc<str>,
        /// The name to write in the binding instead.
        near: Option<Arc<str>>,
    },
    /// A name of the cluster's own, which holds nothing in Palette.
    ClusterIdentity,
    /// The policy does not show this to the requester.
    Undisclosed,
}
