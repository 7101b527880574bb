//! Whatever `KubeVirt`, CDI and their neighbours let somebody do is somewhere in the table, if only to say that it gives
//! nothing. A release that brings a resource fails here until somebody has looked at it.

use palette_rbac::rbac::capabilities::table;
use serde::Deserialize;
use serde_json::Value;

use super::KUBEVIRT;

const SERVED: &str = include_str!("served.yaml");
const VERBS: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];

#[test]
fn published_permissions_have_each_a_line_in_the_table() {
    let permissions = permissions();
    assert!(permissions.len() > 400, "{}", permissions.len());
    let missing: Vec<&Permission> = permissions.iter().filter(|it| !has_line(it)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The test above must be able to fail.
#[test]
fn a_permission_that_nobody_looked_at_has_no_line() {
    for (group, resource, verb) in [
        ("kubevirt.io", "virtualmachinetwins", "get"),
        ("twin.kubevirt.io", "virtualmachines", "get"),
        ("kubevirt.io", "virtualmachines", "twin"),
    ] {
        let permission = Permission::of(group, resource, verb);
        assert!(!has_line(&permission), "{permission:?}");
    }
}

#[derive(Debug)]
struct Permission {
    group: String,
    resource: String,
    verb: String,
}

impl Permission {
    fn of(group: &str, resource: &str, verb: &str) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verb: verb.to_owned(),
        }
    }
}

/// By its own name: what a `…` catches is what nobody has looked at.
fn has_line(permission: &Permission) -> bool {
    let names = |words: &[&str], word: &String| words.contains(&&**word);
    table().iter().any(|entry| {
        entry.group == permission.group
            && entry
                .resources
                .iter()
                .any(|name| is(name, &permission.resource))
            && names(entry.verbs, &permission.verb)
    })
}

/// Whether the line names it; the kinds of Forklift and VMO are named by what they have in common.
fn is(name: &str, resource: &str) -> bool {
    let kind = name.trim_matches('…');
    name == resource
        || (!kind.contains("virtualmachine") && name.ends_with('…') && resource.starts_with(kind))
        || (!kind.contains("virtualmachine") && name.starts_with('…') && resource.ends_with(kind))
}

fn permissions() -> Vec<Permission> {
    let objects: Vec<Value> = serde_saphyr::from_str(KUBEVIRT).unwrap();
    let rules = objects.iter().filter_map(|it| it["rules"].as_array());
    let published = rules.flatten().flat_map(|rule| {
        written_out(
            &words(&rule["apiGroups"]),
            &words(&rule["resources"]),
            &words(&rule["verbs"]),
        )
    });
    let served: Vec<Served> = serde_saphyr::from_str(SERVED).unwrap();
    let served = served
        .iter()
        .flat_map(|it| written_out(std::slice::from_ref(&it.group), &it.resources, &it.verbs));
    let all = published.chain(served.collect::<Vec<_>>());
    all.filter(|permission| is_of_virtualization(&permission.group))
        .collect()
}

fn written_out(groups: &[String], resources: &[String], verbs: &[String]) -> Vec<Permission> {
    let verbs: Vec<&str> = if verbs.iter().any(|verb| verb == "*") {
        VERBS.to_vec()
    } else {
        verbs.iter().map(String::as_str).collect()
    };
    let each = groups.iter().flat_map(|group| {
        let of_group = resources.iter().flat_map(|resource| {
            let of_resource = verbs.iter();
            of_resource.map(|verb| Permission::of(group, resource, verb))
        });
        of_group.collect::<Vec<_>>()
    });
    each.collect()
}

fn is_of_virtualization(group: &str) -> bool {
    ["kubevirt.io", "konveyor.io", "spectrocloud.com"]
        .iter()
        .any(|domain| group.ends_with(domain))
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words.map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// What is served and in no published role that could be read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Served {
    #[expect(
        dead_code,
        reason = "the source of the facts, for whoever reads the file"
    )]
    read: String,
    group: String,
    resources: Vec<String>,
    verbs: Vec<String>,
}
