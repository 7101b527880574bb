//! What the operator wants enforced: the policy document and what it is compiled to, under one revision.
//!
//! Two stages: the document is what was typed, [`Policy`] is what it means. Nothing here knows the directory: whether it
//! has the roles that the mapping asks for is checked when the two are paired.

mod actions;
mod compile;
mod draft;
mod exemption;
mod mapping;
mod names;
mod print;
mod read;
mod schema;
mod word;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use strum::{EnumIter, IntoStaticStr};

use crate::domain::{Action, Effect, Installation, Mode, NamePattern, Rule, SubjectKind, Word};
use crate::rbac::PolicyRule;
pub use actions::{Actions, RuleAction, Writer};
pub use compile::{ClusterOverride, CompiledPolicy};
pub use mapping::RoleReference;

/// A policy, compiled and resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Caps every action.
    pub mode: Mode,
    /// What is known of this cluster in Palette.
    pub cluster: ClusterMembership,
    /// The prefixes that OIDC puts before Palette's names.
    pub identity: Identity,
    /// Names that are the cluster's own, whatever kind of subject has them.
    pub cluster_identities: Vec<NamePattern>,
    /// Names that stand for everybody, whatever kind of subject has them; those of Kubernetes itself always among them.
    pub everybody: Vec<NamePattern>,
    /// What each rule does, before `mode`.
    pub actions: Actions,
    /// Which role needs what, in order; VM roles of the default come first, the highest first.
    pub mapping: Vec<MappingEntry>,
    /// The age from which the directory is stale; absent: never.
    pub stale_after: Option<Duration>,
    /// What happens when it is.
    pub on_stale: OnStale,
    /// In the order of the file; the first that matches covers.
    pub exemptions: Vec<Exemption>,
    /// Raw names of groups whose members are never refused.
    pub break_glass_groups: Vec<Box<str>>,
    /// One line that ends every refusal.
    pub help: Option<Arc<str>>,
    /// Who is shown what a subject holds.
    pub disclose: Disclose,
    /// When a role that the mapping does not name is read from the cluster.
    pub role_reads: RoleReads,
    /// The first 12 hexadecimal digits of the SHA-256 of all of the above.
    pub revision: Arc<str>,
    /// Where the webhook is in this cluster; no part of the file.
    pub installation: Installation,
}

impl Policy {
    /// What a rule does, `mode` taken into account; where it tells cases apart, in those of which nothing is said.
    pub fn action(&self, rule: Rule) -> Action {
        self.mode.cap(self.actions.of(rule))
    }

    /// What a finding of a rule does; nothing where the rule is off.
    pub fn effect(&self, rule: Rule) -> Option<Effect> {
        Effect::of(self.action(rule))
    }

    /// What a finding of a rule does in one of the cases that the rule tells apart; nothing where it is off there.
    pub fn effect_of_case(&self, rule: Rule, case: &str) -> Option<Effect> {
        Effect::of(self.mode.cap(self.actions.of_case(rule, case)))
    }
}

/// What is known of this cluster in Palette.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterMembership {
    /// Its uid in Palette.
    pub uid: Option<Box<str>>,
    /// The project that it belongs to.
    pub project: Membership,
    /// The cluster group that it belongs to.
    pub cluster_group: Membership,
    /// The workspaces (of its own project) that it belongs to.
    pub workspaces: Vec<Arc<str>>,
}

/// Whether the cluster belongs to something of which there is at most one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Membership {
    /// The policy does not say.
    #[default]
    Unknown,
    /// It belongs to none (`null`).
    None,
    /// It belongs to this one.
    Of(Arc<str>),
}

impl Membership {
    /// This, or what is known where this says nothing.
    pub(crate) fn or_known(&self, known: Option<&Arc<str>>) -> Self {
        match (self, known) {
            (Self::Unknown, None) => Self::None,
            (Self::Unknown, Some(name)) => Self::Of(Arc::clone(name)),
            (said, _) => said.clone(),
        }
    }

    /// Whether this says something else than what is known.
    pub(crate) fn contradicts(&self, known: Option<&Arc<str>>) -> bool {
        match self {
            Self::Unknown => false,
            Self::None => known.is_some(),
            Self::Of(name) => known != Some(name),
        }
    }
}

/// How a raw name becomes the one that Palette is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Of users.
    pub username_prefix: Box<str>,
    /// Of groups.
    pub groups_prefix: Box<str>,
    /// What users and groups are called in Palette whose raw name says nothing of it.
    pub aliases: BTreeMap<Box<str>, Box<str>>,
}

/// Which Palette roles a cluster role asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingEntry {
    /// The name of the `ClusterRole`.
    pub role: Arc<str>,
    /// The rule that judges it.
    pub class: RoleClass,
    /// Groups of Palette role names: all groups must be met, one role of a group meets it. Never empty, nor is a group.
    pub requires: Vec<Vec<Arc<str>>>,
    /// What the `ClusterRole` allowed when it was reviewed, to compare others with; empty: what it allows now. Only for VM
    /// roles that are none of Palette's four.
    pub reviewed_rules: Vec<PolicyRule>,
}

/// What an entry of the mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter)]
pub enum RoleClass {
    /// Judged by `vm-role-mapping`.
    Vm,
    /// A stand-in, judged by `standard-role-mapping`.
    Standard,
}

impl RoleClass {
    /// The rule that judges roles of this class.
    pub const fn rule(self) -> Rule {
        match self {
            Self::Vm => Rule::VmRoleMapping,
            Self::Standard => Rule::StandardRoleMapping,
        }
    }
}

/// The word in the policy file is the rule's.
impl From<RoleClass> for &'static str {
    fn from(class: RoleClass) -> Self {
        class.rule().as_str()
    }
}

/// What happens to a decision made on a stale directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum OnStale {
    /// It is made as usual.
    Ignore,
    /// As usual, with a warning.
    #[default]
    Warn,
    /// Every added grant of a VM role is refused as well.
    Deny,
}

/// Who is shown what a subject holds, and near misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum Disclose {
    /// Everybody.
    #[default]
    Full,
    /// Only the subject itself.
    Own,
    /// Nobody.
    None,
}

/// When a role that the mapping does not name is read from the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum RoleReads {
    /// When the watch has not seen it.
    Watched,
    /// Every time.
    #[default]
    Live,
}

/// Findings that are let through, by the operator's word.
///
/// Each list is OR within, AND with the others; an empty list means any. At least one of `requesters`, `subjects` and
/// `namespaces` is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Its name.
    pub name: Arc<str>,
    /// Why it is there.
    pub reason: Box<str>,
    /// Who asks: matched against the requester's user name and groups.
    pub requesters: Vec<SubjectPattern>,
    /// Who is granted the role.
    pub subjects: Vec<SubjectPattern>,
    /// Where; never matches a cluster-wide grant.
    pub namespaces: Vec<NamePattern>,
    /// Which `ClusterRole`s.
    pub roles: Vec<NamePattern>,
    /// Which rules.
    pub rules: Vec<Rule>,
    /// In force while now is before it.
    pub expires: Option<Timestamp>,
}

/// Names of one kind of subject, raw (with any OIDC prefix).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPattern {
    /// The kind; a `User` named `system:serviceaccount:NS:NAME` is that `ServiceAccount`.
    pub kind: SubjectKind,
    /// Of a `ServiceAccount`, always present there.
    pub namespace: Option<NamePattern>,
    /// Its name.
    pub name: NamePattern,
}

#[cfg(test)]
mod tests;
