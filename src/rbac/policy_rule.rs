//! A rule as Kubernetes writes it.

use serde::Deserialize;

use super::Words;

/// A rule as a role writes it: every verb on every resource of every group, and on every URL.
///
/// Read as leniently as the API server stores it: an absent list and `null` are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// What may be done; `*` is everything.
    pub verbs: Words,
    /// The groups of the resources; the core group is empty, `*` is every group.
    pub api_groups: Words,
    /// `resource`, `resource/subresource`, `*/subresource` of every resource, or `*`: everything.
    pub resources: Words,
    /// The only objects meant; none means all.
    pub resource_names: Words,
    /// Paths that are no resources; a last `*` matches the rest.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Words,
}

impl PolicyRule {
    /// A rule about resources, of every name.
    pub fn resources(verbs: &[&str], api_groups: &[&str], resources: &[&str]) -> Self {
        Self {
            verbs: verbs.into(),
            api_groups: api_groups.into(),
            resources: resources.into(),
            ..Self::default()
        }
    }

    /// A rule about paths.
    pub fn urls(verbs: &[&str], urls: &[&str]) -> Self {
        Self {
            verbs: verbs.into(),
            non_resource_urls: urls.into(),
            ..Self::default()
        }
    }
}
