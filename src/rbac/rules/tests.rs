use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

fn rules(rules: &[PolicyRule]) -> Rules {
    Rules::new(rules)
}

fn one(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Rules {
    rules(&[PolicyRule::resources(verbs, groups, resources)])
}

fn named(verb: &str, resource: &str, names: &[&str]) -> PolicyRule {
    PolicyRule {
        resource_names: names.iter().copied().map(Arc::from).collect(),
        ..PolicyRule::resources(&[verb], &[""], &[resource])
    }
}

fn written(rules: &Rules) -> Vec<String> {
    rules.atoms().map(|atom| atom.to_string()).collect()
}

#[test]
fn wildcards_cover_what_they_cover_in_kubernetes() {
    for (rule, resource, covers) in [
        ("*", "pods", true),
        ("*", "pods/exec", true),
        ("*", "*/scale", true),
        ("*/scale", "deployments/scale", true),
        ("*/scale", "deployments", false),
        (
            "*/sev/setupsession",
            "virtualmachineinstances/sev/setupsession",
            true,
        ),
        (
            "*/setupsession",
            "virtualmachineinstances/sev/setupsession",
            false,
        ),
        ("pods", "pods/exec", false),
        ("pods/*", "pods/exec", false),
        ("*/*", "pods/exec", false),
        ("*/*", "pods", false),
        ("deployments/scale", "*/scale", false),
    ] {
        let (owner, servant) = (
            one(&["get"], &[""], &[rule]),
            one(&["get"], &[""], &[resource]),
        );
        assert_eq!(owner.covers(&servant), covers, "{rule} and {resource}");
        assert_eq!(resource_covers(rule, resource), covers);
    }
}

#[test]
fn paths_cover_by_their_last_star() {
    for (rule, path, covers) in [
        ("*", "/healthz", true),
        ("*", "*", true),
        ("/healthz/*", "/healthz/etcd", true),
        ("/healthz/*", "/healthz", false),
        ("/healthz*", "/healthz/*", true),
        ("/healthz/*", "/healthz*", false),
        ("/healthz/**", "/healthz/*", true),
        ("/a*/b", "/aa/b", false),
        ("/healthz", "/healthz", true),
    ] {
        let of = |path: &str| rules(&[PolicyRule::urls(&["get"], &[path])]);
        assert_eq!(of(rule).covers(&of(path)), covers, "{rule} and {path}");
    }
}

#[test]
fn every_prefix_of_a_path_is_found() {
    let patterns = ["/a*", "/a/b*", "/a/bc*", "/a/c*", "/z*"];
    let verbs = ["get", "put", "post", "head", "patch"];
    let of_one = |(path, verb): (&&str, &&str)| PolicyRule::urls(&[verb], &[path]);
    let owner: Vec<PolicyRule> = patterns.iter().zip(&verbs).map(of_one).collect();
    let servant = rules(&[PolicyRule::urls(&verbs, &["/a/bd"])]);
    let missing = rules(&owner).missing(&servant);
    assert_eq!(
        written(&missing),
        ["patch /a/bd", "head /a/bd", "post /a/bd"]
    );
}

#[test]
fn a_name_narrows_and_no_name_is_every_name() {
    let every = one(&["get"], &[""], &["secrets"]);
    let two = rules(&[named("get", "secrets", &["a", "b"])]);
    let first = rules(&[named("get", "secrets", &["a"])]);
    assert!(every.covers(&two) && two.covers(&first));
    assert!(!two.covers(&every) && !first.covers(&two));
    assert_eq!(written(&first.missing(&two)), ["get secrets b"]);
}

#[test]
fn what_another_entry_covers_leaves_no_trace() {
    let wide = PolicyRule::resources(&["*"], &["apps"], &["*"]);
    let narrow = PolicyRule::resources(&["get", "list"], &["apps"], &["deployments", "*/scale"]);
    assert_eq!(rules(&[wide.clone(), narrow]), rules(&[wide]));
    let get = PolicyRule::resources(&["get"], &[""], &["pods"]);
    let name = named("get", "pods", &["one"]);
    assert_eq!(rules(&[get.clone(), name]), rules(&[get]));
    let paths = [PolicyRule::urls(&["get"], &["/a*", "/a/b", "/a/*", "/a**"])];
    assert_eq!(written(&rules(&paths)), ["get /a*"]);
}

#[test]
fn a_rule_that_allows_nothing_leaves_no_trace() {
    for rule in [
        PolicyRule::resources(&[], &[""], &["pods"]),
        PolicyRule::resources(&["get"], &[], &["pods"]),
        PolicyRule::resources(&["get"], &[""], &[]),
        PolicyRule::urls(&[], &["/healthz"]),
    ] {
        assert!(rules(&[rule]).is_empty());
    }
    assert_eq!(rules(&[]).relation(&rules(&[])), Relation::Equal);
}

#[test]
fn relations_are_named() {
    let read = one(&["get", "list"], &[""], &["pods"]);
    for (verbs, group, resource, relation) in [
        (&["list", "get"][..], "", "pods", Relation::Equal),
        (&["get"], "", "pods", Relation::Superset),
        (&["get", "list", "watch"], "", "pods", Relation::Subset),
        (&["get", "delete"], "", "pods", Relation::Overlap),
        (&["*"], "", "pods", Relation::Subset),
        (&["delete"], "", "pods", Relation::Disjoint),
        (&["get"], "apps", "*", Relation::Disjoint),
        (&["get"], "*", "*", Relation::Overlap),
    ] {
        assert_eq!(
            read.relation(&one(verbs, &[group], &[resource])),
            relation,
            "{verbs:?} {group} {resource}"
        );
    }
    let path = |path: &str| rules(&[PolicyRule::urls(&["get"], &[path])]);
    assert_eq!(path("/a/*").relation(&read), Relation::Disjoint);
    let two = Rules::union([&path("/a/b"), &path("/c")]);
    assert_eq!(path("/a/*").relation(&two), Relation::Overlap);
}

#[test]
fn a_wildcard_overlaps_a_single_subresource() {
    let any = one(&["get"], &["*"], &["*/scale", "pods"]);
    let single = one(&["get", "list"], &["apps"], &["deployments/scale"]);
    assert_eq!(any.relation(&single), Relation::Overlap);
}

#[test]
fn a_role_beyond_the_limit_is_widened_and_never_narrowed() {
    let names: Vec<String> = (0..300).map(|name| format!("n{name}")).collect();
    let words = |count: usize| {
        names
            .iter()
            .take(count)
            .map(|name| Arc::from(&**name))
            .collect()
    };
    let many = |groups, resources, names| PolicyRule {
        verbs: vec!["get".into()],
        api_groups: words(groups),
        resources: words(resources),
        resource_names: words(names),
        ..PolicyRule::default()
    };
    let unnamed = Rules::new(&[many(10, 100, 300)]);
    assert_eq!(unnamed, Rules::new(&[many(10, 100, 0)]));
    assert_eq!(Rules::new(&[many(10, 10, 300)]).atoms().count(), 30_000);
    let every_group = Rules::new(&[many(300, 300, 300)]);
    assert_eq!(every_group.atoms().count(), 300);
    assert!(every_group.covers(&unnamed));
}

#[test]
fn rules_are_read_as_kubernetes_writes_them() {
    let json = r#"{"verbs": ["get"], "apiGroups": null, "nonResourceURLs": ["/metrics"]}"#;
    let rule: PolicyRule = serde_json::from_str(json).unwrap();
    assert_eq!(rule, PolicyRule::urls(&["get"], &["/metrics"]));
}

/// Few words, so that random rules meet; wildcards and near wildcards among them.
fn policy_rule() -> impl Strategy<Value = PolicyRule> {
    let words = |words: &'static [&'static str]| subsequence(words, 0..=words.len().min(3));
    let resources = (
        words(&["*", "get", "list", "delete", "mount"]),
        words(&["", "*", "apps"]),
        words(&[
            "*",
            "*/scale",
            "*/*",
            "pods",
            "pods/*",
            "pods/scale",
            "a/b/scale",
        ]),
        prop_oneof![3 => Just(vec![]), 1 => words(&["one", "two"])],
    )
        .prop_map(|(verbs, groups, resources, names)| PolicyRule {
            resource_names: names.into_iter().map(Arc::from).collect(),
            ..PolicyRule::resources(&verbs, &groups, &resources)
        });
    let urls = (
        words(&["*", "get", "post"]),
        words(&["*", "/a", "/a*", "/a/*", "/a/b", "/a/**", "/b"]),
    )
        .prop_map(|(verbs, urls)| PolicyRule::urls(&verbs, &urls));
    prop_oneof![4 => resources, 1 => urls]
}

fn role() -> impl Strategy<Value = Vec<PolicyRule>> {
    prop::collection::vec(policy_rule(), 0..5)
}

/// One rule for each verb and resource of a rule.
fn split(rule: &PolicyRule) -> Vec<PolicyRule> {
    let by_verb = rule.verbs.iter().flat_map(|verb| {
        let with = move |resources, urls| PolicyRule {
            verbs: vec![Arc::clone(verb)],
            resources,
            non_resource_urls: urls,
            ..rule.clone()
        };
        let resources = rule.resources.iter();
        let urls = rule.non_resource_urls.iter();
        resources
            .map(move |resource| with(vec![Arc::clone(resource)], vec![]))
            .chain(urls.map(move |url| with(vec![], vec![Arc::clone(url)])))
    });
    by_verb.collect()
}

proptest! {
    #[test]
    fn covers_is_reflexive_and_whatever_is_missing_is_not_covered(a in role(), b in role()) {
        let (a, b) = (rules(&a), rules(&b));
        prop_assert!(a.covers(&a));
        let missing = a.missing(&b);
        prop_assert_eq!(missing.is_empty(), a.covers(&b));
        prop_assert!(b.covers(&missing));
        prop_assert!(Rules::union([&a, &missing]).covers(&b));
    }

    #[test]
    fn covers_is_transitive(a in role(), b in role(), c in role()) {
        let (a, b, c) = (rules(&a), rules(&b), rules(&c));
        let (ab, abc) = (Rules::union([&a, &b]), Rules::union([&a, &b, &c]));
        prop_assert!(ab.covers(&a) && ab.covers(&b) && abc.covers(&ab) && abc.covers(&a));
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
    }

    #[test]
    fn order_splitting_and_repetition_leave_no_trace(role in role(), twice in select(vec![false, true])) {
        let mut other: Vec<PolicyRule> = role.iter().rev().flat_map(split).collect();
        if twice {
            other.extend(role.iter().cloned());
        }
        prop_assert_eq!(rules(&role), rules(&other));
        prop_assert_eq!(Rules::union([&rules(&role), &rules(&other)]), rules(&role));
    }

    #[test]
    fn two_roles_that_cover_each_other_are_equal(a in role(), b in role()) {
        let (a, b) = (rules(&a), rules(&b));
        prop_assert_eq!(a.covers(&b) && b.covers(&a), a == b);
        prop_assert_eq!(a.relation(&b) == Relation::Superset, b.relation(&a) == Relation::Subset);
        prop_assert_eq!(a.relation(&b) == Relation::Disjoint, b.relation(&a) == Relation::Disjoint);
    }

    #[test]
    fn a_namespace_never_widens(role in role()) {
        let role = rules(&role);
        let within = role.namespaced();
        prop_assert!(role.covers(&within));
        prop_assert_eq!(within.namespaced(), within);
    }
}
