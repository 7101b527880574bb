use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// A rule as a role writes it: every verb on every resource of every group, and on every URL.
///
/// Read as leniently as the API server stores it: an absent list and `null` are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// What may be done; `*` is everything.
    #[serde(deserialize_with = "words")]
    pub verbs: Vec<Arc<str>>,
    /// The groups of the resources; the core group is empty, `*` is every group.
    #[serde(deserialize_with = "words")]
    pub api_groups: Vec<Arc<str>>,
    /// `resource`, `resource/subresource`, `*/subresource` of every resource, or `*`: everything.
    #[serde(deserialize_with = "words")]
    pub resources: Vec<Arc<str>>,
    /// The only objects meant; none means all.
    #[serde(deserialize_with = "words")]
    pub resource_names: Vec<Arc<str>>,
    /// Paths that are no resources; a last `*` matches the rest.
    #[serde(rename = "nonResourceURLs", deserialize_with = "words")]
    pub non_resource_urls: Vec<Arc<str>>,
}

impl PolicyRule {
    /// A rule about resources, of every name.
    pub fn resources(verbs: &[&str], api_groups: &[&str], resources: &[&str]) -> Self {
        Self {
            verbs: shared(verbs),
            api_groups: shared(api_groups),
            resources: shared(resources),
            ..Self::default()
        }
    }

    /// A rule about paths.
    pub fn urls(verbs: &[&str], urls: &[&str]) -> Self {
        Self {
            verbs: shared(verbs),
            non_resource_urls: shared(urls),
            ..Self::default()
        }
    }
}

fn shared(words: &[&str]) -> Vec<Arc<str>> {
    words.iter().copied().map(Arc::from).collect()
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<str>>, D::Error> {
    let words = Option::<Vec<String>>::deserialize(deserializer)?;
    Ok(words
        .unwrap_or_default()
        .into_iter()
        .map(Arc::from)
        .collect())
}
