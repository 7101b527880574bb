//! Aggregation rules: which labels select a `ClusterRole`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// The labels of an object.
pub type Labels = BTreeMap<Arc<str>, Arc<str>>;

/// Which other `ClusterRole`s a `ClusterRole` is made of: those that any of its selectors selects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AggregationRule {
    /// None selects nothing.
    #[serde(deserialize_with = "or_default")]
    pub cluster_role_selectors: Vec<LabelSelector>,
}

/// Selects by labels: every label and every requirement must match; an empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must be there with these values.
    #[serde(deserialize_with = "labels")]
    pub match_labels: Labels,
    /// More requirements.
    #[serde(deserialize_with = "or_default")]
    pub match_expressions: Vec<SelectorRequirement>,
}

/// One requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct SelectorRequirement {
    /// The label.
    #[serde(deserialize_with = "word")]
    pub key: Arc<str>,
    /// What is asked of it.
    pub operator: Operator,
    /// The values that [`Operator::In`] and [`Operator::NotIn`] compare with.
    #[serde(default, deserialize_with = "words")]
    pub values: Vec<Arc<str>>,
}

/// What a requirement asks of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub enum Operator {
    /// It has one of the values.
    In,
    /// It has none of the values, or is not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

/// A label without which a selector selects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    /// With any value.
    Key(&'a Arc<str>),
    /// With one of these values.
    OneOf(&'a Arc<str>, &'a [Arc<str>]),
}

impl AggregationRule {
    /// Bytes held for it.
    pub(crate) fn size(&self) -> usize {
        let selectors = self.cluster_role_selectors.iter();
        selectors.map(LabelSelector::size).sum()
    }

    /// Whether a `ClusterRole` with these labels is part of it.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.cluster_role_selectors
            .iter()
            .any(|selector| selector.selects(labels))
    }
}

impl LabelSelector {
    /// Whether an object with these labels is selected.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.is_met(labels))
    }

    /// Whether it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// The labels that whatever is selected has.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = Wanted<'_>> {
        let labels = self.match_labels.iter();
        let labels = labels.map(|(key, value)| Wanted::OneOf(key, std::slice::from_ref(value)));
        let expressions = self.match_expressions.iter();
        labels.chain(expressions.filter_map(SelectorRequirement::wanted))
    }

    /// How many comparisons it takes to ask it of one object, at most.
    pub(crate) fn weight(&self) -> usize {
        let expressions = self.match_expressions.iter();
        let expressions: usize = expressions.map(|it| 1 + it.values.len()).sum();
        1 + self.match_labels.len() + expressions
    }

    fn size(&self) -> usize {
        let labels = self.match_labels.iter();
        let labels: usize = labels.map(|(key, value)| key.len() + value.len()).sum();
        let expressions = self.match_expressions.iter().map(|it| {
            let values: usize = it.values.iter().map(|value| value.len() + WORD).sum();
            it.key.len() + WORD + values
        });
        labels + expressions.sum::<usize>() + WORD * self.weight()
    }
}

impl SelectorRequirement {
    fn wanted(&self) -> Option<Wanted<'_>> {
        match self.operator {
            Operator::In => Some(Wanted::OneOf(&self.key, &self.values)),
            Operator::Exists => Some(Wanted::Key(&self.key)),
            Operator::NotIn | Operator::DoesNotExist => None,
        }
    }

    fn is_met(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let is_listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => is_listed,
            Operator::NotIn => !is_listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Arc::from)
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<str>>, D::Error> {
    let words: Vec<String> = or_default(deserializer)?;
    Ok(words.into_iter().map(Arc::from).collect())
}

/// What a word takes beside its letters.
const WORD: usize = 64;

/// Reads labels, absent or `null` being none.
pub(crate) fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    let labels: BTreeMap<String, String> = or_default(deserializer)?;
    Ok(labels
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    fn rule(json: &str) -> AggregationRule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn any_selector_selects_and_all_of_its_parts_must_match() {
        let rule = rule(
            r#"{"clusterRoleSelectors": [
                {"matchLabels": {"to": "view", "team": "vm"}},
                {"matchLabels": {"to": "edit"}}
            ]}"#,
        );
        assert!(rule.selects(&labelled(&[("to", "edit")])));
        assert!(rule.selects(&labelled(&[("to", "view"), ("team", "vm"), ("more", "")])));
        assert!(!rule.selects(&labelled(&[("to", "view")])));
        assert!(!rule.selects(&labelled(&[])));
    }

    #[test]
    fn expressions_select_as_kubernetes_does() {
        let met = |operator: &str, labels: &[(&str, &str)]| {
            let expression =
                format!(r#"{{"key": "to", "operator": "{operator}", "values": ["view"]}}"#);
            let json =
                format!(r#"{{"clusterRoleSelectors": [{{"matchExpressions": [{expression}]}}]}}"#);
            rule(&json).selects(&labelled(labels))
        };
        for (operator, without, with_it, with_another) in [
            ("In", false, true, false),
            ("NotIn", true, false, true),
            ("Exists", false, true, true),
            ("DoesNotExist", true, false, false),
        ] {
            assert_eq!(met(operator, &[]), without, "{operator}");
            assert_eq!(met(operator, &[("to", "view")]), with_it, "{operator}");
            assert_eq!(met(operator, &[("to", "edit")]), with_another, "{operator}");
        }
    }

    #[test]
    fn an_empty_selector_selects_everything_and_no_selector_nothing() {
        assert!(rule(r#"{"clusterRoleSelectors": [{}]}"#).selects(&labelled(&[])));
        assert!(!rule(r#"{"clusterRoleSelectors": null}"#).selects(&labelled(&[])));
    }
}
