//! A policy as a file of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use strum::IntoEnumIterator;

use super::compile::{default_cluster_identities, default_everybody};
use super::schema::{
    ClusterDocument, ExemptionDocument, IdentityDocument, MappingItem, NameItem, NamesDocument,
    Nullable, PolicyApiVersion, PolicyDocument, PolicyKind, PolicyRuleDocument, SubjectDocument,
};
use super::word::{ClosedWord, RulesDocument};
use super::{Exemption, MappingEntry, Membership, Policy, SubjectPattern};
use crate::domain::{NamePattern, Rule};
use crate::rbac::{self, PolicyRule};

/// As many as tell policies apart, and few enough to read out.
const REVISION_BYTES: usize = 6;

impl Policy {
    /// The policy as a file of its own, which compiles to the same revision.
    pub fn to_yaml(&self) -> String {
        #[expect(clippy::expect_used, reason = "lists and maps of text can be written")]
        serde_saphyr::to_string(&self.document()).expect("a policy can be written")
    }

    /// The revision: the same for the same meaning, however it was written.
    pub(super) fn fingerprint(&self) -> Arc<str> {
        #[expect(clippy::expect_used, reason = "lists and maps of text can be written")]
        let bytes = serde_json::to_vec(&self.document()).expect("a policy can be written");
        let mut digits = String::new();
        for byte in Sha256::digest(bytes).iter().take(REVISION_BYTES) {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits.into()
    }

    fn document(&self) -> PolicyDocument {
        PolicyDocument {
            api_version: PolicyApiVersion::V1Alpha1,
            kind: PolicyKind::Policy,
            metadata: None,
            mode: ClosedWord(self.mode),
            cluster: self.cluster_document(),
            identity: IdentityDocument {
                username_prefix: self.identity.username_prefix.to_string(),
                groups_prefix: self.identity.groups_prefix.to_string(),
                aliases: aliases(&self.identity.aliases),
            },
            cluster_identities: names(&self.cluster_identities, default_cluster_identities()),
            everybody: names(&self.everybody, default_everybody()),
            rules: RulesDocument(
                Rule::iter()
                    .map(|rule| (rule, self.actions.told(rule)))
                    .collect(),
            ),
            mapping: self.mapping_items(),
            stale_after: self.stale_after.map(duration),
            on_stale_directory: ClosedWord(self.on_stale),
            exemptions: self.exemptions.iter().map(exemption).collect(),
            break_glass_groups: texts(&self.break_glass_groups),
            help: self.help.as_deref().map(str::to_owned),
            disclose: ClosedWord(self.disclose),
            role_reads: ClosedWord(self.role_reads),
        }
    }

    fn cluster_document(&self) -> ClusterDocument {
        ClusterDocument {
            uid: self.cluster.uid.as_deref().map(str::to_owned),
            project: membership(&self.cluster.project),
            cluster_group: membership(&self.cluster.cluster_group),
            workspaces: texts(&self.cluster.workspaces),
        }
    }

    /// What the default has and this policy has not is taken away again.
    fn mapping_items(&self) -> Vec<MappingItem> {
        let mut items: Vec<_> = self.mapping.iter().map(mapping_item).collect();
        let missing = super::compile::default_roles()
            .filter(|role| self.mapping.iter().all(|entry| entry.role != **role));
        items.extend(missing.map(|role| MappingItem {
            role: role.to_string(),
            requires: Vec::new(),
            like: None,
            remove: Some(true),
            rule: None,
            reviewed_rules: Vec::new(),
        }));
        items
    }
}

/// What the default has and this list has not is taken away again.
fn names(names: &[NamePattern], default: &[NamePattern]) -> NamesDocument {
    let missing = default.iter().filter(|name| !names.contains(name));
    let removed = missing.map(|name| NameItem::Removed {
        name: name.to_string(),
        remove: true,
    });
    let own = names.iter().map(|name| NameItem::Name(name.to_string()));
    NamesDocument::List(own.chain(removed).collect())
}

fn aliases(aliases: &BTreeMap<Box<str>, Box<str>>) -> BTreeMap<String, String> {
    let aliases = aliases.iter();
    aliases
        .map(|(from, to)| (from.to_string(), to.to_string()))
        .collect()
}

fn mapping_item(entry: &MappingEntry) -> MappingItem {
    MappingItem {
        role: entry.role.to_string(),
        requires: entry.requires.iter().map(|group| texts(group)).collect(),
        like: None,
        remove: None,
        rule: Some(ClosedWord(entry.class)),
        reviewed_rules: entry.reviewed_rules.iter().map(policy_rule).collect(),
    }
}

fn policy_rule(rule: &PolicyRule) -> PolicyRuleDocument {
    let list = |words: &rbac::Words| words.iter().map(str::to_owned).collect();
    PolicyRuleDocument {
        api_groups: list(&rule.api_groups),
        resources: list(&rule.resources),
        resource_names: list(&rule.resource_names),
        non_resource_urls: list(&rule.non_resource_urls),
        verbs: list(&rule.verbs),
    }
}

fn membership(membership: &Membership) -> Option<Nullable> {
    match membership {
        Membership::Unknown => None,
        Membership::None => Some(Nullable(None)),
        Membership::Of(name) => Some(Nullable(Some(name.to_string()))),
    }
}

fn exemption(exemption: &Exemption) -> ExemptionDocument {
    ExemptionDocument {
        name: exemption.name.to_string(),
        reason: exemption.reason.to_string(),
        requesters: exemption.requesters.iter().map(subject).collect(),
        subjects: exemption.subjects.iter().map(subject).collect(),
        namespaces: texts(&exemption.namespaces),
        roles: texts(&exemption.roles),
        rules: exemption.rules.iter().copied().map(ClosedWord).collect(),
        expires: exemption.expires.map(|expires| expires.to_string()),
    }
}

fn subject(pattern: &SubjectPattern) -> SubjectDocument {
    let name = Some(&pattern.name).filter(|name| !name.is_any());
    SubjectDocument {
        kind: ClosedWord(pattern.kind),
        namespace: pattern.namespace.as_ref().map(NamePattern::to_string),
        name: name.map(NamePattern::to_string),
    }
}

fn texts(items: &[impl ToString]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// As in `24h`; too long to write never gets in, since it was read.
fn duration(duration: std::time::Duration) -> String {
    let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    format!("{signed:#}")
}
