//! A policy file laid over the default, resolved.

use std::sync::{Arc, LazyLock};

use super::draft::Draft;
use super::{Membership, Policy, RoleReference};
use crate::document::{Cursor, Diagnostics, Mistake, Mistakes, Node};
use crate::domain::{Installation, NamePattern};

/// A policy and what is odd about its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledPolicy {
    /// What the file means.
    pub policy: Policy,
    /// What is likely not meant, in the order of the file.
    pub warnings: Vec<Mistake>,
    /// The Palette roles that the file asks for; whether they exist, only a directory can say.
    pub references: Vec<RoleReference>,
}

/// What the command line says of the cluster; it counts more than the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterOverride {
    /// Its project.
    pub project: Option<Membership>,
    /// Its cluster group.
    pub cluster_group: Option<Membership>,
    /// Its workspaces, instead of the file's.
    pub workspaces: Option<Vec<Arc<str>>>,
    /// Where the webhook is in it.
    pub installation: Installation,
}

impl Policy {
    /// The default policy as a file, with its comments.
    pub const DEFAULT_FILE: &str = include_str!("default.yaml");

    /// Compiles a policy file, laid over the default; all its mistakes at once.
    pub fn compile(bytes: &[u8], cluster: &ClusterOverride) -> Result<CompiledPolicy, Mistakes> {
        let node = Node::parse(bytes)?;
        let diagnostics = Diagnostics::default();
        let mut draft = DEFAULT.clone();
        draft.lay_over(&Cursor::top(&node, &diagnostics));
        draft.set_cluster(cluster);
        finish(&draft, diagnostics)
    }

    /// The default policy for this cluster.
    pub fn embedded(cluster: &ClusterOverride) -> Self {
        let mut draft = DEFAULT.clone();
        draft.set_cluster(cluster);
        draft.compile(&Diagnostics::default())
    }

    /// The Palette roles that the mapping asks for, each with an entry that does.
    pub fn palette_roles(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.mapping.iter().flat_map(|entry| {
            let roles = entry.requires.iter().flatten();
            roles.map(|palette_role| (palette_role, &entry.role))
        })
    }
}

/// The default policy, for a cluster of which nothing is known.
impl Default for Policy {
    fn default() -> Self {
        Self::embedded(&ClusterOverride::default())
    }
}

static DEFAULT: LazyLock<Draft> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "a test proves that the default has no mistake"
    )]
    default_draft().expect("the default policy is right")
});

fn default_draft() -> Result<Draft, Mistakes> {
    let node = Node::parse(Policy::DEFAULT_FILE.as_bytes())?;
    let diagnostics = Diagnostics::default();
    let mut draft = Draft::empty();
    draft.lay_over(&Cursor::top(&node, &diagnostics));
    draft.mapping.compile(&diagnostics);
    draft.mapping.settle();
    Ok(diagnostics.finish(draft)?.0)
}

/// The roles that the default maps.
pub(super) fn default_roles() -> impl Iterator<Item = &'static Arc<str>> {
    DEFAULT.mapping.roles()
}

/// The names of the cluster's own that the default has.
pub(super) fn default_cluster_identities() -> &'static [NamePattern] {
    DEFAULT.cluster_identities.patterns()
}

/// The names of everybody that the default has.
pub(super) fn default_everybody() -> &'static [NamePattern] {
    DEFAULT.everybody.patterns()
}

fn finish(draft: &Draft, diagnostics: Diagnostics) -> Result<CompiledPolicy, Mistakes> {
    let policy = draft.compile(&diagnostics);
    let (policy, warnings) = diagnostics.finish(policy)?;
    Ok(CompiledPolicy {
        policy,
        warnings,
        references: draft.mapping.references(),
    })
}

impl Draft {
    fn set_cluster(&mut self, over: &ClusterOverride) {
        let cluster = &mut self.policy.cluster;
        if let Some(project) = &over.project {
            cluster.project = project.clone();
        }
        if let Some(group) = &over.cluster_group {
            cluster.cluster_group = group.clone();
        }
        if let Some(workspaces) = &over.workspaces {
            cluster.workspaces.clone_from(workspaces);
        }
        self.policy.installation.clone_from(&over.installation);
    }

    fn compile(&self, diagnostics: &Diagnostics) -> Policy {
        self.check_cluster(diagnostics);
        let mut policy = Policy {
            cluster_identities: self.cluster_identities.patterns().to_vec(),
            everybody: self.everybody.patterns().to_vec(),
            mapping: self.mapping.compile(diagnostics),
            ..self.policy.clone()
        };
        policy.actions = policy.actions.settled();
        policy.revision = policy.fingerprint();
        policy
    }

    fn check_cluster(&self, diagnostics: &Diagnostics) {
        let in_workspaces = !self.policy.cluster.workspaces.is_empty();
        if let Some(location) = &self.workspaces_location
            && self.policy.cluster.project == Membership::None
            && in_workspaces
        {
            diagnostics.warn(
                location,
                "a cluster without a project is in no workspace; none of these counts",
            );
        }
    }
}
