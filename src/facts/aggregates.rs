use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::index::{Index, KnownRole};
use super::role_view::Effective;
use crate::rbac::{AggregationRule, LabelSelector};

/// Which `ClusterRole`s the aggregated ones are made of.
#[derive(Debug, Default)]
pub(super) struct Aggregates(BTreeMap<Arc<str>, Aggregate>);

/// An aggregated `ClusterRole`.
#[derive(Debug)]
pub(super) struct Aggregate {
    /// Whom it selects, directly or through others; never itself. Sorted.
    pub(super) members: Box<[Arc<str>]>,
    /// What it and its members allow together, found when it is asked for first.
    pub(super) effective: OnceLock<Effective>,
}

impl Aggregates {
    /// Resolves every selector of the cluster, transitively; cycles end where they began.
    pub(super) fn of(index: &Index) -> Self {
        let selection = Selection::of(index);
        let aggregates = selection.direct.keys().map(|name| {
            let aggregate = Aggregate {
                members: selection.reached_from(name),
                effective: OnceLock::new(),
            };
            (Arc::clone(name), aggregate)
        });
        Self(aggregates.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Aggregate> {
        self.0.get(name)
    }

    /// The aggregates that the `ClusterRole` is part of.
    pub(super) fn containing(&self, name: &str) -> impl Iterator<Item = &Arc<str>> {
        let contains = move |aggregate: &Aggregate| {
            let found = aggregate
                .members
                .binary_search_by(|member| (**member).cmp(name));
            found.is_ok()
        };
        self.0
            .iter()
            .filter(move |(_, aggregate)| contains(aggregate))
            .map(|(name, _)| name)
    }
}

/// Whom each aggregated `ClusterRole` selects itself.
struct Selection {
    direct: BTreeMap<Arc<str>, Vec<Arc<str>>>,
}

impl Selection {
    fn of(index: &Index) -> Self {
        let labelled = Labelled::of(index);
        let direct = labelled.all.iter().filter_map(|known| {
            let rule = known.role.aggregation.as_ref()?;
            Some((Arc::clone(&known.role.name.name), labelled.selected(rule)))
        });
        Self {
            direct: direct.collect(),
        }
    }

    fn reached_from(&self, name: &Arc<str>) -> Box<[Arc<str>]> {
        let mut reached = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            let new = self.direct.get(next).into_iter().flatten();
            open.extend(new.filter(|member| reached.insert(Arc::clone(member))));
        }
        reached.remove(name);
        reached.into_iter().collect()
    }
}

/// The `ClusterRole`s, by label: most selectors name one, and few roles have it.
struct Labelled<'i> {
    all: Vec<&'i KnownRole>,
    by_label: BTreeMap<(&'i str, &'i str), Vec<&'i KnownRole>>,
}

impl<'i> Labelled<'i> {
    fn of(index: &'i Index) -> Self {
        let all: Vec<&KnownRole> = index
            .roles
            .within(None)
            .map(|(_, known)| &**known)
            .collect();
        let mut by_label: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for known in &all {
            for (key, value) in &known.role.labels {
                by_label.entry((&**key, &**value)).or_default().push(*known);
            }
        }
        Self { all, by_label }
    }

    fn selected(&self, rule: &AggregationRule) -> Vec<Arc<str>> {
        let of_selector = |selector| {
            let candidates = self.candidates(selector).iter();
            candidates.filter(|known| selector.selects(&known.role.labels))
        };
        let selectors = rule.cluster_role_selectors.iter();
        selectors
            .flat_map(of_selector)
            .map(|known| Arc::clone(&known.role.name.name))
            .collect()
    }

    fn candidates<'a>(&'a self, selector: &'a LabelSelector) -> &'a [&'a KnownRole] {
        match selector.match_labels.first_key_value() {
            Some((key, value)) => {
                let labelled = self.by_label.get(&(&**key, &**value));
                labelled.map_or(&[], |known| known)
            }
            None => &self.all,
        }
    }
}
