//! What is left of a rule where a binding in a namespace hands it out.

use std::collections::BTreeSet;

use super::super::scope::{BY_GROUP, NAMES};
use super::super::{RBAC_GROUP, steps};
use super::builder::Builder;
use super::{ResourceRule, Rules};

/// Whether a rule has to be cut down for a namespace.
pub(super) fn is_needed(rules: &Rules) -> bool {
    rules
        .resource_rules()
        .any(|rule| !the_clusters(rule).is_empty())
}

/// Puts into the builder what is left of a rule in a namespace.
///
/// A rule of many groups is taken apart where they differ in what is the cluster's. Where that would be many times the
/// rule, it stays as it is: in doubt it counts.
pub(super) fn within_namespace(rule: ResourceRule<'_>, builder: &mut Builder) {
    let cut = the_clusters(rule);
    if cut.len().saturating_mul(rule.resources.len()) > 4 * rule.len() + 64 {
        return builder.copy(rule);
    }
    let is_whole = |group: &&str| cut.iter().all(|(of, _)| of != group);
    let names = || rule.in_words(rule.names);
    let verbs = || rule.in_words(rule.verbs);
    let whole = rule.in_words(rule.groups).filter(is_whole);
    builder.resource_rule(whole, rule.in_words(rule.resources), names(), verbs());
    for (group, clusters) in &cut {
        let is_left = |resource: &&str| !clusters.contains(resource);
        let resources = rule.in_words(rule.resources).filter(is_left);
        builder.resource_rule([*group].into_iter(), resources, names(), verbs());
        for resource in clusters {
            let verb = verb_asked_in_a_namespace(group, resource).filter(|verb| rule.allows(verb));
            let resource = [*resource].into_iter();
            builder.resource_rule([*group].into_iter(), resource, names(), verb.into_iter());
        }
    }
}

/// The groups of the rule in which some of its resources are the cluster's, with these.
fn the_clusters(rule: ResourceRule<'_>) -> Vec<(&str, BTreeSet<&str>)> {
    steps::count(rule.len());
    let is_any = |resource: &&str| NAMES.contains(whole(resource));
    let resources: Vec<&str> = rule.in_words(rule.resources).filter(is_any).collect();
    if resources.is_empty() {
        return Vec::new();
    }
    let groups = rule.in_words(rule.groups).filter_map(|group| {
        let of_group = BY_GROUP.get(group)?;
        let clusters = resources.iter().copied();
        let clusters: BTreeSet<&str> = clusters
            .filter(|it| of_group.contains(&whole(it)))
            .collect();
        (!clusters.is_empty()).then_some((group, clusters))
    });
    groups.collect()
}

fn whole(resource: &str) -> &str {
    resource
        .split_once('/')
        .map_or(resource, |(whole, _)| whole)
}

/// Whoever writes a `RoleBinding` to a `ClusterRole` is asked for `bind` on it in the binding's namespace
/// (`pkg/registry/rbac/escalation_check.go`), though the `ClusterRole` has none.
pub(super) fn verb_asked_in_a_namespace(group: &str, resource: &str) -> Option<&'static str> {
    (group == RBAC_GROUP && resource == "clusterroles").then_some("bind")
}
