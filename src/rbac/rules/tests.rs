use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::rbac::{Words, steps};

fn rules(rules: &[PolicyRule]) -> Rules {
    Rules::new(rules)
}

fn one(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Rules {
    rules(&[PolicyRule::resources(verbs, groups, resources)])
}

fn named(verb: &str, resource: &str, names: &[&str]) -> PolicyRule {
    PolicyRule {
        resource_names: names.into(),
        ..PolicyRule::resources(&[verb], &[""], &[resource])
    }
}

fn written(rules: &Rules) -> Vec<String> {
    let atoms = rules.atoms(usize::MAX).atoms;
    atoms.iter().map(ToString::to_string).collect()
}

fn allow_the_same(one: &Rules, two: &Rules) -> bool {
    one.relation(two) == Relation::Equal
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
    assert!(allow_the_same(
        &rules(&[wide.clone(), narrow]),
        &rules(&[wide])
    ));
    let get = PolicyRule::resources(&["get"], &[""], &["pods"]);
    let name = named("get", "pods", &["one"]);
    assert_eq!(
        written(&rules(&[get.clone(), name])),
        written(&rules(&[get]))
    );
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
fn rules_that_differ_in_one_list_are_one() {
    let verbs: Vec<String> = (0..1000).map(|verb| format!("v{verb}")).collect();
    let of_verb = |verb: &String| PolicyRule::resources(&[verb], &[""], &["pods"]);
    let many: Vec<PolicyRule> = verbs.iter().map(of_verb).collect();
    assert_eq!(rules(&many).resource_rules().len(), 1);
    let get = named("get", "pods", &["a"]);
    let all = [
        get.clone(),
        named("get", "pods", &["b"]),
        named("get", "nodes", &["a", "b"]),
    ];
    assert_eq!(
        rules(&all),
        rules(&[PolicyRule {
            resource_names: ["b", "a"].into_iter().collect(),
            ..PolicyRule::resources(&["get"], &[""], &["pods", "nodes"])
        }])
    );
    assert_eq!(
        rules(&[get, named("get", "pods", &[])])
            .resource_rules()
            .len(),
        1
    );
}

#[test]
fn rules_past_the_limit_count_as_everything() {
    let word = |number: usize| format!("{number:x}");
    let names = (0..Rules::LIMIT - 3).map(word);
    let of_names = PolicyRule {
        resource_names: names.collect(),
        ..PolicyRule::resources(&["get"], &[""], &["pods"])
    };
    let largest = rules(std::slice::from_ref(&of_names));
    assert!(!largest.is_too_large());
    let more = PolicyRule::urls(&["get"], &["/"]);
    let too_large = rules(&[of_names, more.clone()]);
    assert!(too_large.is_too_large() && too_large.namespaced().is_too_large());
    assert!(Rules::union([&largest, &rules(&[more])]).is_too_large());
    let everything = [
        PolicyRule::resources(&["*"], &["*"], &["*"]),
        PolicyRule::urls(&["*"], &["*"]),
    ];
    assert!(allow_the_same(&too_large, &rules(&everything)));
    assert!(Rules::union([&too_large]).is_too_large());
}

#[test]
fn what_is_written_out_has_an_end() {
    let some = one(&["get", "list"], &["a", "b"], &["c", "d"]);
    assert!(some.atoms(8).are_all);
    let cut = some.atoms(7);
    assert_eq!((cut.atoms.len(), cut.are_all), (7, false));
    let words: Vec<String> = (0..1 << 10).map(|word| format!("w{word}")).collect();
    let words: Vec<&str> = words.iter().map(|word| &**word).collect();
    assert_eq!(one(&words, &words, &words).atoms(30).atoms.len(), 30);
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
            resource_names: names.into_iter().collect(),
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
    let one = |word: &str| [word].into_iter().collect::<Words>();
    let by_verb = rule.verbs.iter().flat_map(|verb| {
        let with = move |resources, urls| PolicyRule {
            verbs: one(verb),
            resources,
            non_resource_urls: urls,
            ..rule.clone()
        };
        let resources = rule.resources.iter();
        let urls = rule.non_resource_urls.iter();
        resources
            .map(move |resource| with(one(resource), Words::default()))
            .chain(urls.map(move |url| with(Words::default(), one(url))))
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
        let both = Rules::union([&rules(&role), &rules(&other)]);
        prop_assert_eq!(written(&rules(&role)), written(&rules(&other)));
        prop_assert_eq!(written(&both), written(&rules(&role)));
    }

    #[test]
    fn two_roles_that_cover_each_other_are_equal(a in role(), b in role()) {
        let (a, b) = (rules(&a), rules(&b));
        // Not as they are shown: every resource of the core group and every path look alike.
        let are_written_alike = a.atoms(usize::MAX) == b.atoms(usize::MAX);
        prop_assert_eq!(a.covers(&b) && b.covers(&a), are_written_alike);
        prop_assert_eq!(a.relation(&b) == Relation::Superset, b.relation(&a) == Relation::Subset);
        prop_assert_eq!(a.relation(&b) == Relation::Disjoint, b.relation(&a) == Relation::Disjoint);
    }

    #[test]
    fn a_namespace_never_widens(role in role()) {
        let role = rules(&role);
        let within = role.namespaced();
        prop_assert!(role.covers(&within));
        prop_assert!(allow_the_same(&within.namespaced(), &within));
    }
}

/// What somebody would write who wants to be costly: many rules, or long lists, of words that the tables know, that the
/// other role has, or that nobody has.
fn costly_role() -> impl Strategy<Value = Vec<PolicyRule>> {
    let list = |known: &'static [&'static str]| {
        (
            0..known.len(),
            prop_oneof![Just(1_usize), 1..6_usize, 1..150_usize],
            0..1000_usize,
        )
            .prop_map(move |(start, count, salt)| {
                let word = |it: usize| match known.get((start + it) % (known.len() + count / 2)) {
                    Some(known) => (*known).to_owned(),
                    None => format!("{}{}", known.get(start).unwrap_or(&""), it * salt),
                };
                (0..count).map(word).collect::<Words>()
            })
    };
    let names = prop_oneof![2 => Just(Words::default()), 1 => list(&["one", "two"])];
    let rule = (list(VERBS), list(GROUPS), list(RESOURCES), names).prop_map(
        |(verbs, api_groups, resources, resource_names)| PolicyRule {
            verbs,
            api_groups,
            resources,
            resource_names,
            ..PolicyRule::default()
        },
    );
    let urls = (list(VERBS), list(URLS)).prop_map(|(verbs, non_resource_urls)| PolicyRule {
        verbs,
        non_resource_urls,
        ..PolicyRule::default()
    });
    let rule = prop_oneof![4 => rule, 1 => urls];
    prop_oneof![
        prop::collection::vec(rule.clone(), 1..8),
        prop::collection::vec(rule, 1..120),
    ]
}

const VERBS: &[&str] = &["get", "list", "create", "delete", "bind", "*"];
const GROUPS: &[&str] = &[
    "",
    "kubevirt.io",
    "subresources.kubevirt.io",
    "pool.kubevirt.io",
    "rbac.authorization.k8s.io",
    "*",
];
const RESOURCES: &[&str] = &[
    "virtualmachines",
    "virtualmachines/start",
    "*/start",
    "virtualmachinepools",
    "nodes",
    "clusterroles",
    "secrets",
    "*",
];
const URLS: &[&str] = &["/a*", "/a/b", "/a/b*", "/", "*"];

/// As long as the Virtual Machine Admin's.
fn reference() -> Rules {
    let resources: Vec<String> = (0..60).map(|it| format!("virtualmachines/s{it}")).collect();
    let mut resources: Vec<&str> = resources.iter().map(|it| &**it).collect();
    resources.extend(RESOURCES);
    rules(&[
        PolicyRule::resources(&VERBS[..5], &GROUPS[..4], &resources),
        PolicyRule::urls(&VERBS[..2], &URLS[..4]),
    ])
}

fn words_of(role: &[PolicyRule]) -> usize {
    let of_rule = |rule: &PolicyRule| {
        [
            &rule.verbs,
            &rule.api_groups,
            &rule.resources,
            &rule.resource_names,
            &rule.non_resource_urls,
        ]
        .map(Words::len)
        .iter()
        .sum::<usize>()
    };
    role.iter().map(of_rule).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With twice the factor that the costliest of 4,000 roles had.
    #[test]
    fn what_a_role_costs_is_bounded_by_its_size(role in costly_role()) {
        let reference = reference();
        let before = steps::counted();
        let rules = rules(&role);
        let namespaced = rules.namespaced();
        let size = words_of(&role) + words_of_table(&reference);
        for rules in [&rules, &namespaced] {
            let _ = (rules.capabilities(), rules.escalation_paths().count());
            let _ = (rules.covers(&reference), reference.covers(rules), reference.missing(rules));
        }
        let steps = steps::counted() - before;
        prop_assert!(steps <= 32 * size, "{steps} steps for {size} words");
        let letters: usize = role.iter().map(|rule| format!("{rule:?}").len()).sum();
        prop_assert!(rules.size() <= 4 * letters, "{} of {letters}", rules.size());
        prop_assert!(namespaced.size() <= 4 * letters, "{} of {letters}", namespaced.size());
    }
}

fn words_of_table(rules: &Rules) -> usize {
    rules.0.lists.len()
}
