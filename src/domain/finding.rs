//! A rule that is broken: by whom, where, why, and what is lacking.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{BindingKind, Effect, OwnObject, Rule, Scope, Subject};

/// One rule broken by one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What took effect, after the policy's mode, exemptions and break-glass.
    pub effect: Effect,
    /// Where in the request the grant is.
    pub field: Field,
    /// Of a role that is written: the binding that hands it to the subject.
    pub binding: Option<Arc<BindingName>>,
    /// Who is meant: the binding's subject, or the requester as a User. Nobody where a role itself is meant.
    pub subject: Option<Subject<'static>>,
    /// Why.
    pub cause: Cause,
    /// The groups of Palette roles of which the subject holds none: one role of each is needed.
    pub lacks: Vec<Vec<Arc<str>>>,
    /// All that is asked of the subject, of which that is what is left.
    pub requires: Vec<Vec<Arc<str>>>,
    /// What the subject holds in Palette, counted here or not.
    pub holds: Vec<Holding>,
    /// The highest VM role that the subject may hold in this scope.
    pub may: Option<Arc<str>>,
    /// The exemption that covers it.
    pub exemption: Option<Arc<str>>,
    /// Where none does: the exemption that covered it until then.
    pub expired: Option<(Arc<str>, Timestamp)>,
}

impl Finding {
    /// A finding of which nothing more is known.
    pub fn new(rule: Rule, effect: Effect, field: Field, cause: Cause) -> Self {
        Self {
            rule,
            effect,
            field,
            binding: None,
            subject: None,
            cause,
            lacks: Vec::new(),
            requires: Vec::new(),
            holds: Vec::new(),
            may: None,
            exemption: None,
            expired: None,
        }
    }

    /// The finding for those who may not know what the subject holds in Palette, which what is left of the requirement
    /// would tell as well.
    #[must_use]
    pub fn undisclosed(mut self) -> Self {
        if let Some(standing) = self.cause.standing_mut() {
            if *standing != Standing::Everybody {
                *standing = Standing::Undisclosed;
            }
            self.lacks.clone_from(&self.requires);
        }
        self.holds.clear();
        self.may = None;
        self
    }
}

/// A binding that a finding is about, where the request is about something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingName {
    /// Its scope, which says its kind and namespace.
    pub scope: Scope<'static>,
    /// Its name.
    pub name: Box<str>,
}

impl BindingName {
    /// The kind that has this scope.
    pub const fn kind(&self) -> BindingKind {
        match self.scope {
            Scope::Namespace(_) => BindingKind::RoleBinding,
            Scope::Cluster => BindingKind::ClusterRoleBinding,
        }
    }
}

/// Where in the request a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// `subjects[INDEX]`.
    Subject(usize),
    /// The sender of the request.
    UserInfo,
    /// `roleRef`: what the role that is granted allows.
    Role,
    /// `rules`: what the role that is written allows, by itself or through its labels.
    Rules,
    /// `subjects`: one that is no longer among them.
    Subjects,
    /// The object itself, which is deleted.
    Object,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(index) => write!(f, "subjects[{index}]"),
            Self::UserInfo => f.write_str("userInfo"),
            Self::Role => f.write_str("roleRef"),
            Self::Rules => f.write_str("rules"),
            Self::Subjects => f.write_str("subjects"),
            Self::Object => f.write_str("metadata.name"),
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
    pub applicability: Applicability,
}

/// Whether a Palette role counts for a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Applicability {
    /// It does.
    Counts,
    /// It is held in a workspace, for other namespaces.
    OtherNamespace,
    /// It is held in a workspace, which never counts for a cluster-wide grant.
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
    ///
    /// And whether the role allows nothing at all in a namespace.
    ClusterGroup(Arc<str>, bool),
    /// The binding is cluster-wide in a cluster of these workspaces.
    Workspace(Vec<Arc<str>>),
    /// The subject stands for everybody.
    Everybody,
    /// The subject stands for all service accounts, of the cluster or of a namespace.
    AllServiceAccounts,
    /// The subject is a service account, which has no roles in Palette.
    ServiceAccount,
    /// The role, whatever its name, can do what a VM role can do, whose requirement the subject does not meet.
    Equivalent(Equivalence, Standing),
    /// The same, of what the subject's bindings allow together.
    Cumulative(Equivalence, Standing, Vec<Arc<BindingName>>),
    /// The subject holds in every namespace what it may not hold in the whole cluster: in so many.
    Everywhere(Equivalence, Standing, usize),
    /// The role does not exist.
    DanglingRole,
    /// The role could not be read, so that nobody knows what it allows.
    UnreadableRole,
    /// So many grants of bindings that are there, of which the requester is not told.
    BreaksBindings(usize),
    /// The role opens ways to rights that its rules do not give, by name.
    EscalationPaths(Vec<&'static str>, Standing),
    /// The VM role of that name can do what it is documented not to, by capability.
    Drift(Arc<str>, Vec<&'static str>),
    /// The webhook's own object would no longer give it that.
    Takes(OwnObject, Takes),
}

impl Cause {
    /// What it says of the subject in Palette. Whoever adds a cause says here whether it tells what a subject holds.
    fn standing_mut(&mut self) -> Option<&mut Standing> {
        match self {
            Self::Requirement(standing)
            | Self::Equivalent(_, standing)
            | Self::Cumulative(_, standing, _)
            | Self::Everywhere(_, standing, _)
            | Self::EscalationPaths(_, standing) => Some(standing),
            Self::StaleDirectory
            | Self::ClusterGroup(..)
            | Self::Workspace(_)
            | Self::Everybody
            | Self::AllServiceAccounts
            | Self::ServiceAccount
            | Self::DanglingRole
            | Self::UnreadableRole
            | Self::BreaksBindings(_)
            | Self::Drift(..)
            | Self::Takes(..) => None,
        }
    }

    /// What makes the role equivalent to a VM role, where its name does not say it.
    pub const fn equivalence(&self) -> Option<&Equivalence> {
        match self {
            Self::Equivalent(equivalence, _)
            | Self::Cumulative(equivalence, ..)
            | Self::Everywhere(equivalence, ..) => Some(equivalence),
            Self::Requirement(_)
            | Self::EscalationPaths(..)
            | Self::StaleDirectory
            | Self::ClusterGroup(..)
            | Self::Workspace(_)
            | Self::Everybody
            | Self::AllServiceAccounts
            | Self::ServiceAccount
            | Self::DanglingRole
            | Self::UnreadableRole
            | Self::BreaksBindings(_)
            | Self::Drift(..)
            | Self::Takes(..) => None,
        }
    }
}

/// What is taken from the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// The object is deleted.
    Everything,
    /// Others are to say what the role allows: it is made an aggregate.
    Rules,
    /// These rights, as `kubectl auth can-i` takes them; never empty.
    Rights(Vec<String>),
    /// Its service account is no longer a subject, or the role is another.
    Account,
}

/// What makes a role equivalent to a VM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivalence {
    /// That VM role.
    pub role: Arc<str>,
    /// What it can do that no lower VM role may, or what it has in common with one that the policy adds; nothing where its
    /// rules alone tell.
    pub can: Vec<&'static str>,
    /// Whether it counts as one that allows everything because it is too large to judge.
    pub is_too_large: bool,
}

/// What Palette knows of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A user or team of the directory.
    Known,
    /// The same of a directory that was made for this cluster: what is held elsewhere it does not say.
    KnownHere,
    /// A user or team of the directory but for a prefix that the policy does not name.
    Prefixed {
        /// What stands before the name.
        prefix: Arc<str>,
        /// The name that the directory has.
        name: Arc<str>,
    },
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
    /// It stands for everybody.
    Everybody,
    /// The policy does not show this to the requester.
    Undisclosed,
}
