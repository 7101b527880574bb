//! The policy document as others write it: its JSON schema, and what a compiled policy is printed as.
//!
//! Policies are not read through these types: serde would stop at the first mistake.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are shown to people, in the schema"
)]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::word::{ClosedWord, RulesDocument};
use super::{Disclose, OnStale, Policy, RoleClass, RoleReads};
use crate::document::without_defaults;
use crate::domain::{Mode, Rule, SubjectKind};

impl Policy {
    /// The JSON schema of a policy file.
    pub fn schema() -> Schema {
        let mut schema = schemars::schema_for!(PolicyDocument);
        without_defaults(&mut schema);
        schema
    }
}

/// A policy of palette-rbac. What it leaves out has the value of the default policy.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Policy")]
pub(super) struct PolicyDocument {
    pub(super) api_version: PolicyApiVersion,
    pub(super) kind: PolicyKind,
    /// Allowed and ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<PolicyMetadata>,
    /// Caps every action.
    #[serde(default)]
    pub(super) mode: ClosedWord<Mode>,
    /// What is known of this cluster in Palette.
    #[serde(default)]
    pub(super) cluster: ClusterDocument,
    /// What is taken off a name before it is looked up.
    #[serde(default)]
    pub(super) identity: IdentityDocument,
    /// Names that are the cluster's own, over the default's; literal, or `prefix*`.
    #[serde(default)]
    pub(super) cluster_identities: NamesDocument,
    /// Names that stand for everybody, over the default's; literal, or `prefix*`.
    #[serde(default)]
    pub(super) everybody: NamesDocument,
    /// What happens when a grant breaks a rule.
    #[serde(default)]
    pub(super) rules: RulesDocument,
    /// Which cluster role asks for which Palette roles, by role over the default's.
    #[serde(default)]
    pub(super) mapping: Vec<MappingItem>,
    /// The age from which the directory is stale, as in `24h`; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stale_after: Option<String>,
    /// What happens then.
    #[serde(default)]
    pub(super) on_stale_directory: ClosedWord<OnStale>,
    /// Findings that are let through.
    #[serde(default)]
    pub(super) exemptions: Vec<ExemptionDocument>,
    /// Raw names of groups whose members are never refused.
    #[serde(default)]
    pub(super) break_glass_groups: Vec<String>,
    /// One line that ends every refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
    /// Who is shown what a subject holds.
    #[serde(default)]
    pub(super) disclose: ClosedWord<Disclose>,
    /// When a role that the mapping does not name is read from the cluster.
    #[serde(default)]
    pub(super) role_reads: ClosedWord<RoleReads>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) enum PolicyApiVersion {
    #[serde(rename = "palette-rbac.io/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) enum PolicyKind {
    Policy,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyMetadata {
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterDocument {
    /// Its uid in Palette.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<String>,
    /// Its project; `null`: none; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<Nullable>,
    /// Its cluster group; `null`: none; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cluster_group: Option<Nullable>,
    /// The workspaces of its project that it is in.
    #[serde(default)]
    pub(super) workspaces: Vec<String>,
}

/// A name, or `null`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Nullable(pub(super) Option<String>);

#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IdentityDocument {
    /// Of users.
    #[serde(default)]
    pub(super) username_prefix: String,
    /// Of groups.
    #[serde(default)]
    pub(super) groups_prefix: String,
    /// What raw names are called in Palette that do not say so themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) aliases: BTreeMap<String, String>,
}

/// A list of names, by entry over the default's, or in its place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum NamesDocument {
    /// Laid over the default's.
    List(Vec<NameItem>),
    /// In the place of the default's.
    #[expect(dead_code, reason = "what is in force is printed as a list")]
    Replaced(Replacement),
}

impl Default for NamesDocument {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// All the names there are.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replacement {
    /// Literal, or `prefix*`.
    pub(super) replace: Vec<String>,
}

/// A name more, or one less.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum NameItem {
    /// Literal, or `prefix*`.
    Name(String),
    /// Takes the default's name away.
    Removed {
        /// As the default has it.
        name: String,
        /// `true`.
        remove: bool,
    },
}

/// One of `requires`, `like` and `remove`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MappingItem {
    /// The name of the ClusterRole.
    pub(super) role: String,
    /// Groups of Palette roles: of each group, one is needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) requires: Vec<Vec<String>>,
    /// The entry whose requirement this one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) like: Option<String>,
    /// Takes the default's entry away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) remove: Option<bool>,
    /// The rule that judges the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<ClosedWord<RoleClass>>,
    /// The rules of the ClusterRole as they were reviewed; absent: a copy is compared with what it allows now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) reviewed_rules: Vec<PolicyRuleDocument>,
}

/// A rule as a ClusterRole writes it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicyRuleDocument {
    /// The groups of the resources; the core group is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) api_groups: Vec<String>,
    /// Resources, and `resource/subresource`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<String>,
    /// The only objects meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resource_names: Vec<String>,
    /// Paths that are no resources.
    #[serde(
        default,
        rename = "nonResourceURLs",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) non_resource_urls: Vec<String>,
    /// What may be done.
    pub(super) verbs: Vec<String>,
}

/// Covers a finding when every field that it has matches.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExemptionDocument {
    /// Its name, once in a file.
    pub(super) name: String,
    /// Why it is there.
    pub(super) reason: String,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) requesters: Vec<SubjectDocument>,
    /// Who is granted the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) subjects: Vec<SubjectDocument>,
    /// Where; literal, or `prefix*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) namespaces: Vec<String>,
    /// Which ClusterRoles; literal, or `prefix*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
    /// Which rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rules: Vec<ClosedWord<Rule>>,
    /// In force before that moment, as in `2027-06-30T00:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<String>,
}

/// Names of one kind of subject; literal, or `prefix*`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubjectDocument {
    /// User, Group or ServiceAccount.
    pub(super) kind: ClosedWord<SubjectKind>,
    /// Of a ServiceAccount; required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    /// Its name; of a ServiceAccount, absent means every one of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}
