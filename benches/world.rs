//! What is asked, and of whom: a directory of any size, and a review as an API server writes it.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Result;
use palette_rbac::directory::Directory;
use palette_rbac::policy::{ClusterOverride, Membership, Policy};
use palette_rbac::rulebook::Rulebook;
use serde_json::{Value, json};

/// A directory file of so many users, each with two roles of its own and a team; nobody is odd.
pub(crate) fn directory(users: usize) -> String {
    let mut text = String::from("apiVersion: palette-rbac.io/v1alpha1\nkind: Directory\nteams:\n");
    for team in 0..users.div_ceil(USERS_OF_A_TEAM) {
        let _ = writeln!(
            text,
            "  - name: team-{team}\n    assignments: [{{ role: Cluster Viewer, project: orchard-prod }}]"
        );
    }
    text.push_str("users:\n");
    for index in 0..users {
        let _ = writeln!(
            text,
            "  - name: {}\n    teams: [team-{}]\n    assignments:\n      \
             - {{ role: {}, project: orchard-prod }}\n      - {{ role: Virtual Machine User, project: orchard-prod }}",
            user(index),
            index / USERS_OF_A_TEAM,
            // Whoever grants is asked for it.
            if index == 0 {
                "Cluster Admin"
            } else {
                "Cluster Viewer"
            },
        );
    }
    text
}

/// The embedded policy and a directory of so many users.
pub(crate) fn rulebook(users: usize) -> Result<Rulebook> {
    let text = directory(users);
    let directory = Directory::compile(text.as_bytes(), text.len())
        .map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?
        .directory;
    let cluster = ClusterOverride {
        project: Some(Membership::Of(CLUSTER[1].into())),
        ..ClusterOverride::default()
    };
    let policy = Arc::new(Policy::embedded(&cluster));
    Ok(Rulebook::pair(policy, Arc::new(directory)).0)
}

/// The name of a user of the directory.
pub(crate) fn user(index: usize) -> String {
    format!("user-{index:06}@orchard.test")
}

/// The flags for a cluster in which what the directory says counts.
pub(crate) const CLUSTER: [&str; 2] = ["--project", "orchard-prod"];

/// The `RoleBinding` that is asked about: two users may use virtual machines, which both may in Palette.
pub(crate) fn binding(name: &str, namespace: &str, subjects: [&str; 2]) -> Value {
    let subject =
        |name: &str| json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name});
    json!({
        "kind": "RoleBinding",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace},
        "subjects": subjects.map(subject),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "spectro-vm-user",
        },
    })
}

/// The review of its creation, as a kube-apiserver sends it, by a person who may hand out the role.
pub(crate) fn review(subjects: [&str; 2]) -> Vec<u8> {
    let [first, second] = subjects;
    REVIEW
        .trim_end()
        .replace("REQUESTER", &user(0))
        .replace("FIRST", first)
        .replace("SECOND", second)
        .into_bytes()
}

const REVIEW: &str = include_str!("review.json");
const USERS_OF_A_TEAM: usize = 50;
