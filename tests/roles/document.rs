//! `docs/capabilities.md`, from the data.

use std::fmt::Write as _;
use std::path::Path;

use palette_rbac::facts::{RoleView, View};
use palette_rbac::rbac::capabilities::{COMMON, Entry, table};
use palette_rbac::rbac::escalation::{Access, escalation_paths};
use palette_rbac::rbac::{Capability, Level, cluster_scoped};
use strum::IntoEnumIterator;

use super::{CLUSTER, KUBERNETES, KUBEVIRT, cluster_of, namespace};

/// Compares the document with what it should say, or writes it when `UPDATE_DOCS` is set.
pub(crate) fn compare_or_write(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/capabilities.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/capabilities.md does not say what the tables say; `UPDATE_DOCS=1 cargo test --test roles` writes it"
    );
}

pub(crate) fn text() -> String {
    let parts = [
        INTRODUCTION.to_owned(),
        levels(),
        CAPABILITIES.to_owned(),
        format!(
            "Not among other subresources: {}.\n",
            listed(COMMON.map(code))
        ),
        capabilities(),
        ESCALATION_PATHS.to_owned(),
        detour_table(),
        NAMESPACES.to_owned(),
        cluster_scoped_table(),
        PUBLISHED.to_owned(),
        published(),
    ];
    parts.join("\n")
}

fn levels() -> String {
    let mut text = String::from("| VM role | may |\n| --- | --- |\n");
    for level in Level::iter() {
        let may = Capability::iter().filter(|it| it.level() <= level);
        writeln!(text, "| `{level}` | {} |", listed(may)).unwrap();
    }
    text
}

fn capabilities() -> String {
    let mut text = String::from(
        "| group | resources | verbs | gives | because |\n| --- | --- | --- | --- | --- |\n",
    );
    for entry in table() {
        writeln!(text, "{}", entry_line(entry)).unwrap();
    }
    text
}

fn entry_line(entry: &Entry) -> String {
    let resources = entry.resources.iter().map(|resource| code(resource));
    let gives = entry
        .gives
        .map_or_else(|| "nothing".to_owned(), |it| format!("**{it}**"));
    format!(
        "| {} | {} | {} | {gives} | {} |",
        group(entry.group),
        listed(resources),
        listed(entry.verbs),
        entry.why
    )
}

fn detour_table() -> String {
    let mut text = String::from("| detour | opened by | since it |\n| --- | --- | --- |\n");
    for detour in escalation_paths() {
        let through: Vec<String> = detour.through.iter().map(access).collect();
        writeln!(
            text,
            "| `{}` | {} | {} |",
            detour.name,
            through.join("; or "),
            detour.why
        )
        .unwrap();
    }
    text
}

fn access(access: &Access) -> String {
    let resources = access.resources.iter().map(|resource| code(resource));
    format!(
        "{} on {} of {}",
        listed(access.verbs),
        listed(resources),
        group(access.group)
    )
}

fn cluster_scoped_table() -> String {
    let mut text = String::from("| group | resources |\n| --- | --- |\n");
    let mut groups: Vec<&str> = cluster_scoped().map(|it| it.group).collect();
    groups.dedup();
    for of_group in groups {
        let resources = cluster_scoped().filter(|it| it.group == of_group);
        let resources = listed(resources.map(|it| code(it.resource)));
        writeln!(text, "| {} | {resources} |", group(of_group)).unwrap();
    }
    text
}

fn published() -> String {
    let (alone, both) = (
        cluster_of(&[KUBERNETES]),
        cluster_of(&[KUBERNETES, KUBEVIRT]),
    );
    let mut text = String::from(
        "| role | in the cluster | in a namespace | may |\n| --- | --- | --- | --- |\n",
    );
    for name in ["admin", "edit", "view"] {
        let role = alone.cluster_role(name).unwrap();
        writeln!(
            text,
            "{}",
            role_line(&format!("`{name}` without KubeVirt"), role)
        )
        .unwrap();
    }
    for role in both.roles().filter(is_of_interest) {
        writeln!(
            text,
            "{}",
            role_line(&code(&role.role().name.to_string()), role)
        )
        .unwrap();
    }
    format!("{text}\nNo level: {}.\n", listed(without_level(&both)))
}

fn without_level(view: &View) -> Vec<String> {
    view.roles()
        .filter(|role| !is_of_interest(role))
        .map(|role| code(&role.role().name.to_string()))
        .collect()
}

/// Has a level, or is somebody's who has virtual machines in mind.
fn is_of_interest(role: &RoleView<'_>) -> bool {
    role.level(&CLUSTER).is_some() || role.role().name.name.contains("kubevirt.io")
}

fn role_line(title: &str, role: RoleView<'_>) -> String {
    let level = |level: Option<Level>| {
        level.map_or_else(|| "none".to_owned(), |level| format!("`{level}`"))
    };
    format!(
        "| {title} | {} | {} | {} |",
        level(role.level(&CLUSTER)),
        level(role.level(&namespace())),
        listed(role.capabilities(&CLUSTER).iter())
    )
}

fn group(group: &str) -> String {
    if group.is_empty() {
        "the core group".to_owned()
    } else {
        code(group)
    }
}

fn code(word: &str) -> String {
    format!("`{word}`")
}

fn listed(words: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    words.join(", ")
}

const INTRODUCTION: &str = "\
# What a role can do

Names can be copied, so a role has a level by what it can do; [`equivalent-role`](rules.md#equivalent-role) and its kin
judge by it. This page is the whole rule: with it and the rules of a
role, everybody comes to the same level. It is written from the tables in `src/rbac`
(`UPDATE_DOCS=1 cargo test --test roles`), and `make test` fails when it differs from them.

1. Take the role's rules, and of a ClusterRole with an `aggregationRule` also those of every ClusterRole that its
   selectors select, directly or through others.
2. Of a role that is granted in a namespace, leave out what is not [in a namespace](#in-a-namespace).
3. Find its capabilities in the [table](#capabilities). One verb on one resource of a line is enough. `resourceNames`
   narrow nothing. `*` stands for every verb, group or resource, and `*/sub` for that subresource of every resource;
   `res/*` and `*/*` stand for nothing, as in Kubernetes.
4. To manage the cluster (nodes, namespaces, storage, …) counts only together with another capability. To manage the
   cluster's virtualization counts alone.
5. The level is the lowest VM role that may do all of it.
6. A role that covers what the cluster's own `spectro-vm-…` ClusterRole allows there has that level at least. A
   ClusterRole of that name that can do nothing in the table is not compared with.
";

const CAPABILITIES: &str = "\
## Capabilities

A line that gives nothing is there because somebody would look for it. Reading a resource that no line names gives
nothing either. `…` stands for any letters: such a line is about what no line of that group names, and `….kubevirt.io`
is `kubevirt.io` and every group that ends so, but for those with the same words in a line of their own. So the
resources that come with the next release of KubeVirt count, in a group that is new as well, before this table knows
them.

Palette's Virtual Machine User has every `snapshot…` operation and no operation for restores. A restore makes the
machine that it names if there is none, which is how one copies a machine with a snapshot: whoever may create one may
clone.

The table was checked against KubeVirt 1.9 and CDI 1.66 in November 2026. `src/decide/published/kubevirt.yaml` has the roles that
these publish for users and `tests/roles/served.yaml` what is served besides, each with where it was read; every resource
and verb in them has a line here, or a test fails. What could be read, and what could not:

- read in published files: the rules of CDI 1.66, virt-template, the storage migrations, Forklift, vm-console-proxy and
  SSP, and what `subresources.kubevirt.io` serves;
- read in an earlier version: the rules of `kubevirt.io:admin`, `:edit`, `:view` and `:migrate` (between 1.6 and 1.9);
- read in a description only: that admin and edit may use a template's `create` and `process` since virt-template 0.2.4,
  KubeVirt's roles for backups, and VMO's resources, whose rules are not published.

Two exceptions. Before CDI 1.66 (and the patches of releases 1.55 to 1.65 of August 2026), `cdi.kubevirt.io:view` has
`datavolumes/source`: a role of that content may clone. And the Role `os-images.kubevirt.io:view` of namespace
`kubevirt-os-images`, which SSP binds to everybody so that its images can be copied, asks for nothing as long as it can
do nothing but that.
";

const ESCALATION_PATHS: &str = "\
## Detours

What lets a role reach rights that its own rules do not give. Whether they are reached depends on what else is in the
cluster, so a detour gives no level; rule `indirect-reach` names it.
";

const NAMESPACES: &str = "\
## In a namespace

A RoleBinding hands out neither URLs nor these resources of the cluster, with their subresources. What is not listed
counts, wildcards too. `namespaces` counts, since a request for the namespace itself is one within it; so does `bind` on
`clusterroles`, which is asked for in the namespace of the binding.
";

const PUBLISHED: &str = "\
## Levels of published roles

Kubernetes 1.36 with the roles of KubeVirt 1.9 and CDI 1.66, which the default roles aggregate.
";
