//! Tables that are generated.

use std::fmt::Write as _;

use palette_rbac::decide::known_bindings;
use palette_rbac::domain::{Principal, Rule, Word};
use palette_rbac::palette::{Catalogue, implication};
use palette_rbac::policy::{Actions, Policy, RoleClass, RuleAction};
use strum::IntoEnumIterator;

use crate::metrics;

/// The table of that name, as the code has it.
pub(crate) fn named(name: &str) -> String {
    match name {
        "mapping" => mapping(),
        "rules" => rules(),
        "known-bindings" => bindings(),
        "palette-roles" => palette_roles(),
        "metrics" => metrics::table(),
        _ => panic!("nobody generates `{name}`"),
    }
}

/// The default mapping.
fn mapping() -> String {
    let mut table = String::from("| cluster role | needs | rule |\n| --- | --- | --- |\n");
    for entry in &Policy::default().mapping {
        let rule = match entry.class {
            RoleClass::Vm => Rule::VmRoleMapping,
            RoleClass::Standard => Rule::StandardRoleMapping,
        };
        let groups = entry.requires.iter().map(|group| group.join(" or "));
        let needs = groups.collect::<Vec<_>>().join("; ");
        let _ = writeln!(table, "| `{}` | {needs} | `{rule}` |", entry.role);
    }
    table
}

/// What clusters bind to names of their own.
fn bindings() -> String {
    let mut table = String::from("| subject | ClusterRole | who binds it |\n| --- | --- | --- |\n");
    for known in known_bindings() {
        let subject = match known.principal {
            Principal::User(name) => format!("User `{name}`"),
            Principal::Group(name) => format!("Group `{name}`"),
            Principal::ServiceAccount { .. } => unreachable!("it has no name of the cluster's own"),
        };
        let (role, source) = (known.cluster_role, known.source);
        let _ = writeln!(table, "| {subject} | `{role}` | {source} |");
    }
    table
}

fn rules() -> String {
    let mut table =
        String::from("| rule | default | reads what roles can do |\n| --- | --- | --- |\n");
    for rule in Rule::iter() {
        let reads = if rule.needs_cluster_facts() {
            "yes"
        } else {
            "no"
        };
        let action = told(Actions::default().told(rule));
        let _ = writeln!(table, "| [`{rule}`](#{rule}) | {action} | {reads} |");
    }
    table
}

/// `` `deny` ``, or `` `people: deny`, `machines: warn` ``.
fn told(action: RuleAction) -> String {
    match action {
        RuleAction::Always(action) => format!("`{action}`"),
        RuleAction::ByCase(cases) => {
            let cases = cases.iter();
            let cases = cases.map(|(case, action)| format!("`{case}: {action}`"));
            cases.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Palette's own roles, and what else counts as each.
fn palette_roles() -> String {
    let mut table = String::from(
        "| role | assigned in | also met by | permissions known |\n| --- | --- | --- | --- |\n",
    );
    let catalogue = Catalogue::builtin();
    for role in catalogue.iter() {
        let above = implication::implied_by(role.id);
        let above = above.iter().filter(|id| *id != role.id);
        let above = above.filter_map(|id| Some(catalogue.role_by_id(id)?.name));
        let above = above.collect::<Vec<_>>().join(", ");
        let known = if role.permissions.is_some() {
            "yes"
        } else {
            "no"
        };
        let scope = role.scope.as_str();
        let _ = writeln!(table, "| {} | {scope} | {above} | {known} |", role.name);
    }
    table
}
