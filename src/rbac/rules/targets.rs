use std::cmp::Ordering;
use std::sync::Arc;

use super::{Atom, PolicyRule, Rules, Verbs};

/// Verbs on one group, resource and name, each possibly a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rbac) struct TargetRule {
    pub(in crate::rbac) group: Arc<str>,
    pub(in crate::rbac) resource: Arc<str>,
    /// The only object meant.
    pub(in crate::rbac) name: Option<Arc<str>>,
    pub(in crate::rbac) verbs: Verbs,
}

impl TargetRule {
    pub(super) fn atoms(&self) -> impl Iterator<Item = Atom<'_>> {
        self.verbs.iter().map(|verb| Atom::Resource {
            verb,
            group: &self.group,
            resource: &self.resource,
            name: self.name.as_deref(),
        })
    }

    /// Whether it is about this resource of this group, or about everything.
    pub(in crate::rbac) fn allows(&self, group: &str, resource: &str) -> bool {
        (*self.group == *"*" || *self.group == *group) && resource_covers(&self.resource, resource)
    }

    fn by_target(&self, other: &Self) -> Ordering {
        (&self.group, &self.resource, &self.name).cmp(&(&other.group, &other.resource, &other.name))
    }

    /// Whether some request is matched by both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let names = match (&self.name, &other.name) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        names
            && (is_same_or_all(&self.group, &other.group))
            && resources_overlap(&self.resource, &other.resource)
            && self.verbs.overlap(&other.verbs)
    }
}

/// Whether the API server lets a rule for this resource stand for that one.
///
/// `*` is everything; `*/scale` is every resource's `scale`. Nothing else is a wildcard: `pods/*` and `*/*` are names
/// of subresources that nobody has.
pub(in crate::rbac) fn resource_covers(rule: &str, resource: &str) -> bool {
    let is_any_resource =
        |(_, sub): (&str, &str)| rule.strip_prefix("*/").is_some_and(|any| any == sub);
    rule == "*" || rule == resource || resource.split_once('/').is_some_and(is_any_resource)
}

fn resources_overlap(one: &str, two: &str) -> bool {
    one == "*" || two == "*" || resource_covers(one, two) || resource_covers(two, one)
}

fn is_same_or_all(one: &str, two: &str) -> bool {
    one == "*" || two == "*" || one == two
}

/// The entries that match whatever this one matches, itself included.
pub(super) fn covering<'a>(
    sorted: &'a [TargetRule],
    target: &'a TargetRule,
) -> impl Iterator<Item = &'a TargetRule> {
    let groups = ["*", &target.group]
        .into_iter()
        .skip(usize::from(&*target.group == "*"));
    groups.flat_map(move |group| {
        let resources = wider_resources(&target.resource).into_iter().flatten();
        resources.flat_map(move |(head, tail)| {
            let names = [None, target.name.as_deref()];
            let names = names
                .into_iter()
                .take(1 + usize::from(target.name.is_some()));
            names.filter_map(move |name| find(sorted, group, (head, tail), name))
        })
    })
}

/// The texts that stand for this resource in a rule, each in two pieces, so that none has to be put together.
fn wider_resources(resource: &str) -> [Option<(&str, &str)>; 3] {
    let all = (resource != "*").then_some(("*", ""));
    let any = resource
        .split_once('/')
        .filter(|(whole, _)| *whole != "*")
        .map(|(_, sub)| ("*/", sub));
    [all, any, Some((resource, ""))]
}

fn find<'a>(
    sorted: &'a [TargetRule],
    group: &str,
    (head, tail): (&str, &str),
    name: Option<&str>,
) -> Option<&'a TargetRule> {
    let place = sorted.binary_search_by(|rule| {
        (*rule.group)
            .cmp(group)
            .then_with(|| rule.resource.bytes().cmp(head.bytes().chain(tail.bytes())))
            .then_with(|| rule.name.as_deref().cmp(&name))
    });
    sorted.get(place.ok()?)
}

/// One entry for each group, resource and name of the rules.
pub(super) fn written_out(rules: &[&PolicyRule]) -> Vec<TargetRule> {
    let width = Width::that_fits(rules);
    let mut targets = Vec::new();
    for rule in rules {
        let verbs = Verbs::new(&rule.verbs);
        for group in width.groups(rule) {
            for resource in &rule.resources {
                targets.extend(width.names(rule).map(|name| TargetRule {
                    group: Arc::clone(&group),
                    resource: Arc::clone(resource),
                    name,
                    verbs: verbs.clone(),
                }));
            }
        }
    }
    targets
}

/// Takes away what another entry covers, and merges what is left by target.
pub(super) fn reduce(mut targets: Vec<TargetRule>) -> Vec<TargetRule> {
    targets.sort_by(TargetRule::by_target);
    targets.dedup_by(|next, kept| {
        let is_same = next.by_target(kept) == Ordering::Equal;
        if is_same {
            kept.verbs = kept.verbs.union(&next.verbs);
        }
        is_same
    });
    targets
        .iter()
        .filter_map(|target| without_covered(target, &targets))
        .collect()
}

/// Covering is an order in which no two targets are alike, so what is taken away here is covered by what stays.
fn without_covered(target: &TargetRule, all: &[TargetRule]) -> Option<TargetRule> {
    let others = covering(all, target).filter(|other| !std::ptr::eq(*other, target));
    let verbs = others.fold(target.verbs.clone(), |verbs, other| {
        verbs.without(&other.verbs)
    });
    (!verbs.is_empty()).then(|| TargetRule {
        verbs,
        ..target.clone()
    })
}

/// How much of the rules is written out, so that a role of a megabyte does not become a gigabyte.
#[derive(Clone, Copy)]
enum Width {
    AsWritten,
    EveryName,
    EveryGroup,
}

impl Width {
    fn that_fits(rules: &[&PolicyRule]) -> Self {
        [Self::AsWritten, Self::EveryName]
            .into_iter()
            .find(|width| width.entries(rules) <= Rules::LIMIT)
            .unwrap_or(Self::EveryGroup)
    }

    fn entries(self, rules: &[&PolicyRule]) -> usize {
        let entries = |rule: &&PolicyRule| {
            let names = match self {
                Self::AsWritten => rule.resource_names.len().max(1),
                Self::EveryName | Self::EveryGroup => 1,
            };
            let targets = rule.api_groups.len().saturating_mul(rule.resources.len());
            targets.saturating_mul(names)
        };
        rules.iter().map(entries).fold(0, usize::saturating_add)
    }

    fn groups(self, rule: &PolicyRule) -> Vec<Arc<str>> {
        match self {
            Self::EveryGroup if !rule.api_groups.is_empty() => vec!["*".into()],
            _ => rule.api_groups.clone(),
        }
    }

    fn names(self, rule: &PolicyRule) -> impl Iterator<Item = Option<Arc<str>>> {
        let names: &[Arc<str>] = match self {
            Self::AsWritten => &rule.resource_names,
            Self::EveryName | Self::EveryGroup => &[],
        };
        let every = names.is_empty().then_some(None);
        every.into_iter().chain(names.iter().cloned().map(Some))
    }
}
