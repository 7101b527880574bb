//! A policy file, field by field.

use std::sync::Arc;

use strum::VariantNames;

use super::actions::Cases;
use super::exemption::read_exemptions;
use super::mapping::Mapping;
use super::names::Names;
use super::read::{aliases, break_glass_group, membership, names, prefix, set, word};
use super::{Actions, ClusterMembership, Disclose, Identity, OnStale, Policy, RoleReads};
use crate::document::{Cursor, Fields, Location, read_header, unknown_word};
use crate::domain::{Installation, Mode, Rule};

/// A policy of which `like` is not resolved yet, so that a file can be laid over the default.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// All that needs no resolving; the mapping and the two lists of names are empty.
    pub(super) policy: Policy,
    /// Where the file names workspaces.
    pub(super) workspaces_location: Option<Location>,
    pub(super) cluster_identities: Names,
    pub(super) everybody: Names,
    pub(super) mapping: Mapping,
}

/// The fields at the top of a policy file.
pub(super) const FIELDS: [&str; 17] = [
    "apiVersion",
    "kind",
    "metadata",
    "mode",
    "cluster",
    "identity",
    "clusterIdentities",
    "everybody",
    "rules",
    "mapping",
    "staleAfter",
    "onStaleDirectory",
    "exemptions",
    "breakGlassGroups",
    "help",
    "disclose",
    "roleReads",
];

impl Draft {
    /// What a file is laid over that is laid over nothing: the default policy's own.
    pub(super) fn empty() -> Self {
        Self {
            policy: Policy {
                mode: Mode::default(),
                cluster: ClusterMembership::default(),
                identity: Identity::default(),
                cluster_identities: Vec::new(),
                everybody: Vec::new(),
                actions: Actions::default(),
                mapping: Vec::new(),
                stale_after: None,
                on_stale: OnStale::default(),
                exemptions: Vec::new(),
                break_glass_groups: Vec::new(),
                help: None,
                disclose: Disclose::default(),
                role_reads: RoleReads::default(),
                revision: Arc::default(),
                installation: Installation::default(),
            },
            workspaces_location: None,
            cluster_identities: Names::default(),
            everybody: Names::default(),
            mapping: Mapping::default(),
        }
    }

    /// Lays a file over this: what the file does not have stays.
    pub(super) fn lay_over(&mut self, top: &Cursor<'_>) {
        let Some(fields) = top.fields(&FIELDS) else {
            return;
        };
        read_header(&fields, "Policy");
        if let Some(metadata) = fields.get("metadata") {
            metadata.fields(&["name"]);
        }
        self.read_cluster(&fields);
        self.read_identity(&fields);
        self.read_rules(&fields);
        self.read_staleness(&fields);
        self.read_answers(&fields);
        if let Some(items) = fields.get("mapping").and_then(|cursor| cursor.list()) {
            self.mapping.lay_over(&items);
        }
        if let Some(items) = fields.get("exemptions").and_then(|cursor| cursor.list()) {
            self.policy.exemptions = read_exemptions(&items);
        }
    }

    fn read_cluster(&mut self, fields: &Fields<'_>) {
        let cluster = fields.get("cluster");
        let known = ["uid", "project", "clusterGroup", "workspaces"];
        let Some(fields) = cluster.and_then(|cursor| cursor.fields(&known)) else {
            return;
        };
        let cluster = &mut self.policy.cluster;
        set(&mut cluster.uid, fields.get("uid"), |uid| {
            uid.name().map(|uid| Some(uid.into()))
        });
        set(&mut cluster.project, fields.nullable("project"), membership);
        set(
            &mut cluster.cluster_group,
            fields.nullable("clusterGroup"),
            membership,
        );
        set(&mut cluster.workspaces, fields.get("workspaces"), names);
        self.workspaces_location = fields.get("workspaces").map(|cursor| cursor.location());
    }

    fn read_identity(&mut self, fields: &Fields<'_>) {
        if let Some(cursor) = fields.get("clusterIdentities") {
            self.cluster_identities.lay_over(&cursor, &[]);
        }
        if let Some(cursor) = fields.get("everybody") {
            self.everybody.lay_over(&cursor, &EVERYBODY);
        }
        let identity = fields.get("identity");
        let known = ["usernamePrefix", "groupsPrefix", "aliases"];
        let Some(fields) = identity.and_then(|cursor| cursor.fields(&known)) else {
            return;
        };
        set(
            &mut self.policy.identity.username_prefix,
            fields.get("usernamePrefix"),
            prefix,
        );
        set(
            &mut self.policy.identity.groups_prefix,
            fields.get("groupsPrefix"),
            prefix,
        );
        set(
            &mut self.policy.identity.aliases,
            fields.get("aliases"),
            aliases,
        );
    }

    fn read_rules(&mut self, fields: &Fields<'_>) {
        set(&mut self.policy.mode, fields.get("mode"), word);
        let rules = fields.get("rules").and_then(|cursor| cursor.entries());
        for entry in rules.into_iter().flatten() {
            let Ok(rule) = entry.name.parse::<Rule>() else {
                entry
                    .key
                    .mistake(unknown_word("rule", entry.name, Rule::VARIANTS));
                continue;
            };
            match Cases::of(rule).filter(|_| entry.value.is_map()) {
                Some(cases) => self.read_cases(rule, &cases, &entry.value),
                None => {
                    if let Some(action) = word(&entry.value) {
                        self.policy.actions.set(rule, action);
                    }
                }
            }
        }
    }

    /// What a rule does by case: what the file does not have stays.
    fn read_cases(&mut self, rule: Rule, cases: &Cases, cursor: &Cursor<'_>) {
        let entries = cursor.entries().unwrap_or_default();
        if entries.is_empty() {
            cursor.mistake(format!("is empty; expected {}", cases.names.join(", ")));
        }
        for entry in entries {
            let known = cases.names.iter().find(|name| **name == entry.name);
            match (known, word(&entry.value)) {
                (Some(case), Some(action)) => self.policy.actions.set_case(rule, case, action),
                (Some(_), None) => {}
                (None, _) => entry
                    .key
                    .mistake(unknown_word("case", entry.name, &cases.names)),
            }
        }
    }

    fn read_staleness(&mut self, fields: &Fields<'_>) {
        set(
            &mut self.policy.on_stale,
            fields.get("onStaleDirectory"),
            word,
        );
        set(
            &mut self.policy.stale_after,
            fields.get("staleAfter"),
            |cursor| cursor.duration().map(Some),
        );
    }

    fn read_answers(&mut self, fields: &Fields<'_>) {
        set(&mut self.policy.disclose, fields.get("disclose"), word);
        set(&mut self.policy.role_reads, fields.get("roleReads"), word);
        set(&mut self.policy.help, fields.get("help"), |cursor| {
            cursor.name().map(|help| Some(help.into()))
        });
        set(
            &mut self.policy.break_glass_groups,
            fields.get("breakGlassGroups"),
            |cursor| {
                Some(
                    cursor
                        .list()?
                        .iter()
                        .filter_map(break_glass_group)
                        .collect(),
                )
            },
        );
    }
}

/// Whom Kubernetes itself puts everybody in (`k8s.io/apiserver/pkg/authentication/user`).
pub(super) const EVERYBODY: [&str; 3] = [
    "system:authenticated",
    "system:unauthenticated",
    "system:anonymous",
];
