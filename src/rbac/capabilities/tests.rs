use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use strum::IntoEnumIterator;

use super::*;
use crate::rbac::{PolicyRule, Words};

fn rule(verbs: &[&str], group: &str, resource: &str) -> PolicyRule {
    PolicyRule::resources(verbs, &[group], &[resource])
}

fn level(rules: &[PolicyRule]) -> Option<Level> {
    Rules::new(rules).level()
}

#[test]
fn each_restriction_is_told_by_its_permission() {
    use Level::{Admin, PowerUser, User, Viewer};
    for (verb, group, resource, expected) in [
        ("get", "kubevirt.io", "virtualmachines", Viewer),
        (
            "get",
            "subresources.kubevirt.io",
            "virtualmachineinstances/guestosinfo",
            Viewer,
        ),
        (
            "get",
            "subresources.kubevirt.io",
            "virtualmachineinstances/vnc",
            User,
        ),
        (
            "update",
            "subresources.kubevirt.io",
            "virtualmachines/start",
            User,
        ),
        ("patch", "kubevirt.io", "virtualmachines", User),
        (
            "create",
            "snapshot.kubevirt.io",
            "virtualmachinesnapshots",
            User,
        ),
        ("create", "kubevirt.io", "virtualmachines", PowerUser),
        (
            "create",
            "clone.kubevirt.io",
            "virtualmachineclones",
            PowerUser,
        ),
        (
            "deletecollection",
            "kubevirt.io",
            "virtualmachines",
            PowerUser,
        ),
        (
            "update",
            "subresources.kubevirt.io",
            "virtualmachines/migrate",
            PowerUser,
        ),
        ("create", "cdi.kubevirt.io", "datavolumes", PowerUser),
        (
            "patch",
            "pool.kubevirt.io",
            "virtualmachinepools/scale",
            PowerUser,
        ),
        ("create", "spectrocloud.com", "vmtemplates", Admin),
        (
            "update",
            "instancetype.kubevirt.io",
            "virtualmachinepreferences",
            Admin,
        ),
    ] {
        assert_eq!(
            level(&[rule(&[verb], group, resource)]),
            Some(expected),
            "{verb} {group} {resource}"
        );
    }
}

#[test]
fn what_everybody_is_handed_gives_no_level() {
    for (verbs, group, resource) in [
        (
            &["get", "list", "watch"][..],
            "instancetype.kubevirt.io",
            "virtualmachineclusterinstancetypes",
        ),
        (&["get", "list"], "kubevirt.io", "kubevirts"),
        (&["get", "list"], "subresources.kubevirt.io", "version"),
        (&["get", "list", "watch"], "cdi.kubevirt.io", "cdiconfigs"),
        (&["update"], "subresources.kubevirt.io", "expand-vm-spec"),
        (
            &["get", "list", "watch"],
            "template.kubevirt.io",
            "virtualmachinetemplates",
        ),
        (&["get"], "", "pods"),
    ] {
        assert_eq!(
            level(&[rule(verbs, group, resource)]),
            None,
            "{group} {resource}"
        );
    }
}

#[test]
fn machines_are_reached_by_ways_of_their_own() {
    use Level::{Admin, PowerUser, User, Viewer};
    for (verb, group, resource, expected) in [
        (
            "create",
            "subresources.template.kubevirt.io",
            "virtualmachinetemplates/create",
            PowerUser,
        ),
        (
            "create",
            "subresources.template.kubevirt.io",
            "virtualmachinetemplates/process",
            PowerUser,
        ),
        (
            "create",
            "template.kubevirt.io",
            "virtualmachinetemplaterequests/source",
            PowerUser,
        ),
        (
            "create",
            "template.kubevirt.io",
            "virtualmachinetemplaterequests",
            Admin,
        ),
        (
            "create",
            "migrations.kubevirt.io",
            "virtualmachinestoragemigrationplans",
            PowerUser,
        ),
        (
            "delete",
            "migrations.kubevirt.io",
            "multinamespacevirtualmachinestoragemigrations",
            PowerUser,
        ),
        (
            "list",
            "migrations.kubevirt.io",
            "multinamespacevirtualmachinestoragemigrations",
            Viewer,
        ),
        ("get", "token.kubevirt.io", "virtualmachines/vnc", User),
        ("create", "cdi.kubevirt.io", "datavolumes/source", PowerUser),
        (
            "create",
            "snapshot.kubevirt.io",
            "virtualmachinerestores",
            PowerUser,
        ),
        (
            "delete",
            "snapshot.kubevirt.io",
            "virtualmachinerestores",
            User,
        ),
        (
            "update",
            "subresources.kubevirt.io",
            "virtualmachineinstances/redefine-checkpoint",
            PowerUser,
        ),
        (
            "update",
            "subresources.kubevirt.io",
            "virtualmachines/evacuate",
            PowerUser,
        ),
        (
            "create",
            "forklift.konveyor.io",
            "vspherexcopyvolumepopulators",
            PowerUser,
        ),
        ("patch", "forklift.konveyor.io", "providers", PowerUser),
        ("create", "forklift.konveyor.io", "hooks", PowerUser),
        (
            "create",
            "forklift.konveyor.io",
            "dynamicproviderservers",
            PowerUser,
        ),
        (
            "create",
            "forklift.cdi.kubevirt.io",
            "awsvolumepopulators",
            PowerUser,
        ),
        ("patch", "spectrocloud.com", "vmoroles", Admin),
        ("create", "spectrocloud.com", "vmosomethings", Admin),
    ] {
        assert_eq!(
            level(&[rule(&[verb], group, resource)]),
            Some(expected),
            "{verb} {group} {resource}"
        );
    }
}

#[test]
fn virtualization_itself_counts_alone() {
    for (group, resource) in [
        ("kubevirt.io", "kubevirts"),
        ("hco.kubevirt.io", "hyperconvergeds"),
        ("ssp.kubevirt.io", "ssps"),
        ("cdi.kubevirt.io", "cdis"),
        ("migrations.kubevirt.io", "migrationpolicies"),
        ("plugin.kubevirt.io", "plugins"),
        (
            "networkaddonsoperator.network.kubevirt.io",
            "networkaddonsconfigs",
        ),
        ("cluster.spectrocloud.com", "packs"),
        ("cluster.spectrocloud.com", "spectroclusters"),
        ("forklift.konveyor.io", "forkliftcontrollers"),
        ("spectrocloud.com", "vmoconfigs"),
    ] {
        for (verb, expected) in [("patch", Some(Level::Admin)), ("get", None)] {
            let level = level(&[rule(&[verb], group, resource)]);
            assert_eq!(level, expected, "{verb} {group} {resource}");
        }
    }
}

#[test]
fn managing_nodes_counts_only_beside_a_capability_of_machines() {
    let nodes = rule(&["patch"], "", "nodes");
    let view = rule(&["get"], "kubevirt.io", "virtualmachines");
    assert_eq!(level(std::slice::from_ref(&nodes)), None);
    assert_eq!(level(&[nodes, view]), Some(Level::Admin));
}

#[test]
fn wildcards_reach_everything_and_names_narrow_nothing() {
    assert_eq!(level(&[rule(&["*"], "*", "*")]), Some(Level::Admin));
    assert_eq!(level(&[rule(&["list"], "*", "*")]), Some(Level::Viewer));
    assert_eq!(level(&[rule(&["get"], "*", "*")]), Some(Level::User));
    assert_eq!(
        level(&[rule(&["*"], "kubevirt.io", "*")]),
        Some(Level::Admin)
    );
    assert_eq!(
        level(&[rule(&["update"], "subresources.kubevirt.io", "*/start")]),
        Some(Level::User)
    );
    let named = PolicyRule {
        resource_names: one("one"),
        ..rule(&["delete"], "kubevirt.io", "virtualmachines")
    };
    assert_eq!(level(&[named]), Some(Level::PowerUser));
}

#[test]
fn what_no_line_names_is_taken_for_the_most_likely() {
    assert_eq!(
        level(&[rule(&["get"], "kubevirt.io", "virtualmachinetwins")]),
        Some(Level::Viewer)
    );
    assert_eq!(
        level(&[rule(&["create"], "kubevirt.io", "virtualmachinetwins")]),
        Some(Level::PowerUser)
    );
    assert_eq!(
        level(&[rule(
            &["get"],
            "subresources.kubevirt.io",
            "virtualmachineinstances/spice"
        )]),
        Some(Level::User)
    );
    assert_eq!(level(&[rule(&["*"], "kubevirt.io", "twins")]), None);
    assert_eq!(level(&[rule(&["*"], "*", "pods")]), None);
    assert_eq!(level(&[rule(&["get"], "*", "*/log")]), None);
}

#[test]
fn a_group_that_no_line_names_counts_like_the_known_ones() {
    let level = |verb, group, resource| level(&[rule(&[verb], group, resource)]);
    for resource in [
        "virtualmachines",
        "virtualmachinetwins",
        "multinamespacevirtualmachinetwins",
    ] {
        for (verb, expected) in [
            ("get", Level::Viewer),
            ("create", Level::PowerUser),
            ("deletecollection", Level::PowerUser),
        ] {
            assert_eq!(level(verb, "twin.kubevirt.io", resource), Some(expected));
            assert_eq!(level(verb, "cdi.kubevirt.io", resource), Some(expected));
            assert_eq!(level(verb, "twinkubevirt.io", resource), None);
            assert_eq!(level(verb, "kubevirt.io.orchard.test", resource), None);
        }
    }
    let console = level("get", "twin.kubevirt.io", "virtualmachines/console");
    assert_eq!(console, Some(Level::User));
    for scale in ["virtualmachinetwins/scale", "*/scale"] {
        let scale = level("update", "twin.kubevirt.io", scale);
        assert_eq!(scale, Some(Level::PowerUser));
    }
    for none in [
        "virtualmachinetwins/status",
        "virtualmachinetwins/*",
        "*/*",
        "*/log",
        "twins",
    ] {
        assert_eq!(level("update", "twin.kubevirt.io", none), None, "{none}");
    }
    assert_eq!(level("list", "twin.kubevirt.io", "*"), Some(Level::Viewer));
}

#[test]
fn a_name_of_another_group_hides_nothing() {
    for (group, resource) in [
        ("clone.kubevirt.io", "virtualmachines"),
        ("kubevirt.io", "virtualmachineclones"),
        ("twin.kubevirt.io", "virtualmachinesnapshots"),
    ] {
        let level = level(&[rule(&["create"], group, resource)]);
        assert_eq!(level, Some(Level::PowerUser), "{group} {resource}");
    }
}

#[test]
fn a_level_lacks_what_it_is_documented_not_to_have() {
    let all: Capabilities = Capability::iter().collect();
    let beyond = |level| all.beyond(level).iter().count();
    assert_eq!(Level::iter().map(beyond).collect::<Vec<_>>(), [8, 7, 3, 0]);
    for level in Level::iter() {
        assert_eq!(Level::of_role(level.role()), Some(level));
    }
}

/// Rules about the words of the table, words like them, and wildcards.
fn policy_rule() -> impl Strategy<Value = PolicyRule> {
    let verbs = subsequence(
        vec!["*", "get", "list", "patch", "create", "delete", "approve"],
        1..3,
    );
    let group = prop_oneof![
        3 => select(table()).prop_map(|entry| entry.group.replace(ANY, "twin")),
        1 => Just("*".to_owned()),
    ];
    let resource = prop_oneof![
        4 => select(table()).prop_flat_map(|entry| select(entry.resources)),
        1 => select(vec!["*", "*/scale", "virtualmachines/scale", "*/twin", "*/pause", "virtualmachines/twin", "virtualmachines/pause"]),
        1 => select(vec!["virtualmachinetwins", "virtualmachinetwins/pause", "twins"]),
    ];
    (verbs, group, resource)
        .prop_map(|(verbs, group, resource)| rule(&verbs, &group, &resource.replace(ANY, "twin")))
}

fn one(word: &str) -> Words {
    [word].into_iter().collect()
}

/// The same rule with one word of it made a wildcard.
fn widened(rule: &PolicyRule, which: usize) -> PolicyRule {
    let mut wider = rule.clone();
    let first = rule.resources.iter().next();
    match (which, first.and_then(|resource| resource.split_once('/'))) {
        (0, _) => wider.verbs = one("*"),
        (1, _) => wider.api_groups = one("*"),
        (2, Some((_, sub))) => wider.resources = one(&format!("*/{sub}")),
        _ => wider.resources = one("*"),
    }
    wider
}

proptest! {
    #[test]
    fn roles_give_together_what_each_gives_and_a_superset_has_no_lower_level(
        role in prop::collection::vec(policy_rule(), 0..4),
        more in prop::collection::vec(policy_rule(), 0..4),
    ) {
        let (role, more) = (Rules::new(&role), Rules::new(&more));
        let both = Rules::union([&role, &more]);
        prop_assert_eq!(both.capabilities(), role.capabilities().union(more.capabilities()));
        prop_assert!(both.level() >= role.level());
        prop_assert!(both.namespaced().level() >= role.namespaced().level());
    }

    #[test]
    fn a_wildcard_never_gives_less_than_what_it_stands_for(rule in policy_rule(), which in 0..4_usize) {
        let wider = Rules::new(&[widened(&rule, which)]);
        let rule = Rules::new(&[rule]);
        prop_assert!(wider.covers(&rule));
        prop_assert!(wider.capabilities().contain(rule.capabilities()), "{wider:?}");
        let (wider, rule) = (wider.namespaced(), rule.namespaced());
        prop_assert!(wider.capabilities().contain(rule.capabilities()), "{wider:?}");
    }
}
