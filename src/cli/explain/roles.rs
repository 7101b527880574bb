//! `explain --role`, and `--compare`.

use std::io::{self, Write};

use serde::Serialize;

use super::super::report::{self, ScopeReport};
use super::abilities::{
    AbilitiesReport, Allowed, OnTarget, RequiredReport, write_abilities, write_line,
    write_required, write_rules,
};
use crate::domain::{RoleRef, Word};
use crate::explain::{Abilities, Comparison, Required};
use crate::message;
use crate::rbac::Relation;

/// One role: what it allows, and what is asked of whoever is given it.
pub(super) fn write_role(
    abilities: &Abilities,
    required: &[Required],
    out: &mut impl Write,
) -> io::Result<()> {
    let (role, place) = (named(&abilities.role), message::in_scope(&abilities.scope));
    writeln!(out, "{role} {place}")?;
    write_abilities(abilities, out)?;
    write_required(required, out)
}

/// The same for scripts.
pub(super) fn write_role_json(
    abilities: &Abilities,
    required: &[Required],
    out: &mut impl Write,
) -> io::Result<()> {
    let result = RoleResult {
        scope: ScopeReport::new(&abilities.scope),
        abilities: AbilitiesReport::new(abilities),
        required: required.iter().map(RequiredReport::new).collect(),
    };
    report::write_result(out, report::EXPLAIN_RESULT, result)
}

/// Two roles: how they relate, and what each allows that the other does not.
pub(super) fn write_comparison(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    let Comparison { first, second, .. } = comparison;
    let (one, other) = (named(&first.role), named(&second.role));
    let place = message::in_scope(&first.scope);
    writeln!(out, "{one} and {other} {place}")?;
    let relation = comparison.relation;
    write_line(
        "relation",
        &format!("{relation}: {}", in_words(relation)),
        out,
    )?;
    for (heading, abilities, only) in [
        (one, first, &comparison.only_first),
        (other, second, &comparison.only_second),
    ] {
        writeln!(out, "{heading}")?;
        write_rules("only it", only, out)?;
        write_abilities(abilities, out)?;
    }
    Ok(())
}

/// The same for scripts.
pub(super) fn write_comparison_json(
    comparison: &Comparison,
    out: &mut impl Write,
) -> io::Result<()> {
    let only_first = Allowed::all(&comparison.only_first);
    let only_second = Allowed::all(&comparison.only_second);
    let result = ComparisonResult {
        scope: ScopeReport::new(&comparison.first.scope),
        relation: comparison.relation.as_str(),
        first: AbilitiesReport::new(&comparison.first),
        second: AbilitiesReport::new(&comparison.second),
        only_truncated: !(only_first.are_all && only_second.are_all),
        only_first: only_first.targets,
        only_second: only_second.targets,
    };
    report::write_result(out, report::EXPLAIN_RESULT, result)
}

/// `ClusterRole spectro-vm-admin`.
pub(super) fn named(role: &RoleRef<'_>) -> String {
    format!("{} {}", role.kind, message::name(&role.name))
}

const fn in_words(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "both allow the same",
        Relation::Superset => "the first allows all that the second does, and more",
        Relation::Subset => "the second allows all that the first does, and more",
        Relation::Overlap => "both allow something, and each something that the other does not",
        Relation::Disjoint => "nothing is allowed by both",
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleResult<'a> {
    scope: ScopeReport<'a>,
    abilities: AbilitiesReport<'a>,
    required: Vec<RequiredReport<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ComparisonResult<'a> {
    scope: ScopeReport<'a>,
    relation: &'static str,
    first: AbilitiesReport<'a>,
    second: AbilitiesReport<'a>,
    only_first: Vec<OnTarget<'a>>,
    only_second: Vec<OnTarget<'a>>,
    /// Only where there are more than can be written out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    only_truncated: bool,
}
