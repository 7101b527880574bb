//! What aggregated `ClusterRoles` allow with their members, found when it is asked for.

use std::sync::{Arc, OnceLock};

use super::Role;
use super::effective_rules::EffectiveRules;
use super::index::{Gone, Index, KnownRole};
use super::selection::Selection;
use crate::rbac::Rules;

/// The aggregated `ClusterRole`s: what each is made of, and what that allows, found when it is asked for first.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    /// Shared by the views between which no selector selects differently.
    selection: Arc<OnceLock<Selection>>,
    /// What the aggregates of each component allow; shared by the views between which no member changes.
    effective: OnceLock<Vec<OnceLock<Arc<EffectiveRules>>>>,
}

/// What changed about `ClusterRole`s, as far as aggregates are concerned.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Whether selectors may select differently.
    pub(super) regroups: bool,
    /// Whose rules are others.
    pub(super) rewritten: Vec<Arc<str>>,
}

impl Aggregates {
    pub(super) fn selection(&self, index: &Index) -> &Selection {
        self.selection.get_or_init(|| Selection::of(index))
    }

    /// What an aggregate allows, with its members.
    pub(super) fn effective(&self, aggregate: &str, index: &Index) -> Option<&EffectiveRules> {
        let selection = self.selection(index);
        let component = selection.component(aggregate)?;
        let unknown = || {
            (0..selection.components())
                .map(|_| OnceLock::new())
                .collect()
        };
        let effective = self.effective.get_or_init(unknown).get(component)?;
        let find = || {
            Arc::new(EffectiveRules::new(together(
                selection.made_of(component),
                index,
            )))
        };
        Some(effective.get_or_init(find))
    }

    /// Notes what becomes of aggregates when one `ClusterRole` takes the place of another.
    pub(super) fn note(&self, before: Option<&Role>, after: Option<&Role>, changes: &mut Changes) {
        let (Some(role), false) = (after.or(before), changes.regroups) else {
            return;
        };
        if self.regroup(before, after) {
            changes.regroups = true;
        } else if before.map(|role| &role.rules) != after.map(|role| &role.rules) {
            changes.rewritten.push(Arc::clone(&role.name.name));
        }
    }

    fn regroup(&self, before: Option<&Role>, after: Option<&Role>) -> bool {
        let labels = [before, after].map(|role| role.map(|role| &role.labels));
        let rules = [before, after].map(|role| role.and_then(|role| role.aggregation.as_ref()));
        let are_equal = labels[0] == labels[1] && rules[0] == rules[1];
        if before.is_some() && are_equal {
            return false;
        }
        let Some(selection) = self.selection.get() else {
            return true;
        };
        let mut labels = labels.into_iter().flatten();
        rules[0] != rules[1] || labels.any(|labels| selection.may_select(labels))
    }

    /// The aggregates after these changes: what they do not touch stays found.
    pub(super) fn after(&self, changes: &Changes) -> Self {
        if changes.regroups {
            return Self::default();
        }
        let after = Self {
            selection: Arc::clone(&self.selection),
            effective: OnceLock::new(),
        };
        if let (Some(selection), Some(known)) = (self.selection.get(), self.effective.get()) {
            let touched = selection.components_with(&changes.rewritten);
            let kept = known.iter().zip(touched).map(|(effective, is_touched)| {
                if is_touched {
                    OnceLock::new()
                } else {
                    effective.clone()
                }
            });
            // Just made, it is empty.
            let _ = after.effective.set(kept.collect());
        }
        after
    }
}

impl Changes {
    pub(super) fn is_none(&self) -> bool {
        !self.regroups && self.rewritten.is_empty()
    }
}

impl Gone {
    pub(super) fn cluster_role(&self) -> Option<&KnownRole> {
        match self {
            Self::Role(known) if known.role.name.namespace.is_none() => Some(known),
            Self::Role(_) | Self::Binding => None,
        }
    }
}

fn together(members: Vec<&Arc<str>>, index: &Index) -> Rules {
    let known = members
        .into_iter()
        .filter_map(|name| index.role((None, name)));
    Rules::union(known.map(|known| &known.role.rules))
}
