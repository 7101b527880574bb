//! The flags that say which cluster of Palette's this is.

use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser;

use crate::domain::Installation;
use crate::policy::{ClusterOverride, Membership};

/// What is known of this cluster in Palette, over the policy file.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArgs {
    /// The cluster's project in Palette; over the policy's
    #[arg(
        long,
        value_name = "NAME",
        env = "PALETTE_RBAC_PROJECT",
        value_parser = NonEmptyStringValueParser::new()
    )]
    project: Option<String>,

    /// The cluster's cluster group in Palette; over the policy's
    #[arg(
        long,
        value_name = "NAME",
        env = "PALETTE_RBAC_CLUSTER_GROUP",
        value_parser = NonEmptyStringValueParser::new()
    )]
    cluster_group: Option<String>,

    /// A workspace of the cluster in Palette; over the policy's; may be given several times
    #[arg(
        long = "workspace",
        value_name = "NAME",
        env = "PALETTE_RBAC_WORKSPACE",
        value_delimiter = ',',
        value_parser = NonEmptyStringValueParser::new()
    )]
    workspaces: Vec<String>,

    /// The namespace in which this webhook is installed [default: palette-rbac]
    ///
    /// Whoever may change what is there may change what the webhook says: `indirect-reach`, `self-protection`.
    #[arg(
        long,
        value_name = "NAME",
        env = "PALETTE_RBAC_OWN_NAMESPACE",
        value_parser = NonEmptyStringValueParser::new()
    )]
    own_namespace: Option<String>,

    /// What the webhook's own roles, their bindings and its service account are called [default: palette-rbac]
    #[arg(
        long,
        value_name = "NAME",
        env = "PALETTE_RBAC_OWN_NAME",
        value_parser = NonEmptyStringValueParser::new()
    )]
    own_name: Option<String>,
}

impl ClusterArgs {
    /// What the sample directory speaks of.
    pub fn of_sample() -> Self {
        Self {
            project: Some("orchard-prod".to_owned()),
            cluster_group: Some("cellar".to_owned()),
            workspaces: vec!["harvest".to_owned()],
            ..Self::default()
        }
    }

    /// What they say; what was not given is left to the policy.
    pub fn overrides(&self) -> ClusterOverride {
        let membership = |name: &String| Membership::Of(name.as_str().into());
        let workspaces = self.workspaces.iter().map(|name| name.as_str().into());
        ClusterOverride {
            project: self.project.as_ref().map(membership),
            cluster_group: self.cluster_group.as_ref().map(membership),
            workspaces: (!self.workspaces.is_empty()).then(|| workspaces.collect()),
            installation: self.installation(),
        }
    }

    fn installation(&self) -> Installation {
        let default = Installation::default();
        let given = |name: &Option<String>| name.as_deref().map(Arc::from);
        Installation {
            namespace: given(&self.own_namespace).unwrap_or(default.namespace),
            name: given(&self.own_name).unwrap_or(default.name),
            directory_namespace: None,
        }
    }
}
