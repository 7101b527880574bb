//! What a role can do, in words.

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::super::report::RoleReport;
use crate::explain::{Abilities, Required, RequiredBy};
use crate::message;
use crate::rbac::{Atom, Level, Rules};

/// What a role allows, from its members to its rules, one label a line.
pub(super) fn write_abilities(abilities: &Abilities, out: &mut impl Write) -> io::Result<()> {
    if !abilities.members.is_empty() {
        let members: Vec<String> = abilities
            .members
            .iter()
            .map(|it| message::name(it))
            .collect();
        write_line("made of", &members.join(", "), out)?;
    }
    let can = capabilities(abilities);
    let can = if can.is_empty() {
        NOTHING.to_owned()
    } else {
        can.join(", ")
    };
    write_line("can", &can, out)?;
    write_line("level", level(abilities.level), out)?;
    for detour in &abilities.detours {
        write_line("opens", &format!("{}: {}", detour.name, detour.why), out)?;
    }
    write_rules("allows", &abilities.rules, out)
}

/// What is asked of whoever is given the role.
pub(super) fn write_required(required: &[Required], out: &mut impl Write) -> io::Result<()> {
    if required.is_empty() {
        return write_line("requires", "nothing in Palette", out);
    }
    for one in required {
        let (groups, entry) = (message::groups(&one.groups), message::name(&one.entry));
        let why = match one.by {
            RequiredBy::Name => format!("as {entry}"),
            RequiredBy::Abilities => format!("as {entry}, by what it can do"),
        };
        write_line("requires", &format!("{groups} ({why})"), out)?;
    }
    Ok(())
}

/// The rules, a target a line, up to what a screen shows.
pub(super) fn write_rules(label: &str, rules: &Rules, out: &mut impl Write) -> io::Result<()> {
    if rules.is_too_large() {
        return write_line(label, "everything, being too large to judge", out);
    }
    let allowed = Allowed::all(rules);
    if allowed.targets.is_empty() {
        return write_line(label, "nothing", out);
    }
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    for (label, target) in labels.zip(allowed.targets.iter().take(RULES_SHOWN)) {
        write_line(label, &target.in_words(), out)?;
    }
    match allowed.targets.len().checked_sub(RULES_SHOWN) {
        _ if !allowed.are_all => write_line("", "and more than can be written out", out),
        None | Some(0) => Ok(()),
        Some(more) => write_line("", &format!("and {more} more (--output json has all)"), out),
    }
}

/// `  label    text`.
pub(super) fn write_line(label: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    let line = format!("  {label:LABEL_WIDTH$}  {text}");
    writeln!(out, "{}", line.trim_end())
}

fn capabilities(abilities: &Abilities) -> Vec<&'static str> {
    let all = abilities.capabilities.iter();
    all.map(Into::into).collect()
}

fn level(level: Option<Level>) -> &'static str {
    level.map_or("none", Level::role)
}

/// What a role allows in JSON.
#[derive(Debug, Serialize)]
pub(super) struct AbilitiesReport<'a> {
    role: RoleReport<'a>,
    members: Vec<&'a str>,
    capabilities: Vec<&'static str>,
    level: Option<&'static str>,
    detours: Vec<&'static str>,
    #[serde(flatten)]
    rules: AllowedRules<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AllowedRules<'a> {
    rules: Vec<OnTarget<'a>>,
    /// Only where they are not: then there are more than can be written out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    rules_truncated: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    too_large_to_judge: bool,
}

impl<'a> AbilitiesReport<'a> {
    pub(super) fn new(abilities: &'a Abilities) -> Self {
        Self {
            role: RoleReport::new(&abilities.role),
            members: abilities.members.iter().map(|it| &**it).collect(),
            capabilities: capabilities(abilities),
            level: abilities.level.map(Level::role),
            detours: abilities.detours.iter().map(|detour| detour.name).collect(),
            rules: AllowedRules::of(&abilities.rules),
        }
    }
}

/// What is asked for a role in JSON.
#[derive(Debug, Serialize)]
pub(super) struct RequiredReport<'a> {
    entry: &'a str,
    /// `name` or `abilities`.
    by: &'static str,
    requires: Vec<Vec<&'a str>>,
}

impl<'a> RequiredReport<'a> {
    pub(super) fn new(required: &'a Required) -> Self {
        let names = |group: &'a Vec<_>| group.iter().map(|name: &Arc<str>| &**name);
        Self {
            entry: &required.entry,
            by: match required.by {
                RequiredBy::Name => "name",
                RequiredBy::Abilities => "abilities",
            },
            requires: required
                .groups
                .iter()
                .map(|it| names(it).collect())
                .collect(),
        }
    }
}

impl<'a> AllowedRules<'a> {
    fn of(rules: &'a Rules) -> Self {
        let allowed = Allowed::all(rules);
        Self {
            rules: allowed.targets,
            rules_truncated: !allowed.are_all,
            too_large_to_judge: rules.is_too_large(),
        }
    }
}

/// What rules allow, target by target.
pub(super) struct Allowed<'a> {
    pub(super) targets: Vec<OnTarget<'a>>,
    /// Otherwise these are the first of more.
    pub(super) are_all: bool,
}

/// The verbs on one target.
#[derive(Debug, Serialize)]
pub(super) struct OnTarget<'a> {
    #[serde(flatten)]
    target: Target<'a>,
    verbs: Vec<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Target<'a> {
    Resource {
        group: &'a str,
        resource: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
    },
    Path {
        path: &'a str,
        #[serde(rename = "isPrefix")]
        is_prefix: bool,
    },
}

impl<'a> Allowed<'a> {
    /// The rules by target, in their order.
    pub(super) fn all(rules: &'a Rules) -> Self {
        let written = rules.atoms(ATOMS_WRITTEN);
        let mut targets: Vec<OnTarget<'_>> = Vec::new();
        for atom in written.atoms {
            let (verb, target) = taken_apart(atom);
            match targets.last_mut() {
                Some(last) if last.target == target => last.verbs.push(verb),
                _ => targets.push(OnTarget {
                    target,
                    verbs: vec![verb],
                }),
            }
        }
        Self {
            targets,
            are_all: written.are_all,
        }
    }
}

const fn taken_apart(atom: Atom<'_>) -> (&str, Target<'_>) {
    match atom {
        Atom::Resource {
            verb,
            group,
            resource,
            name,
        } => (
            verb,
            Target::Resource {
                group,
                resource,
                name,
            },
        ),
        Atom::Path {
            verb,
            path,
            is_prefix,
        } => (verb, Target::Path { path, is_prefix }),
    }
}

impl OnTarget<'_> {
    /// `get, list virtualmachines.kubevirt.io`, as `kubectl auth can-i` takes it.
    fn in_words(&self) -> String {
        let verbs = self.verbs.join(", ");
        let atom = match self.target {
            Target::Resource {
                group,
                resource,
                name,
            } => Atom::Resource {
                verb: &verbs,
                group,
                resource,
                name,
            },
            Target::Path { path, is_prefix } => Atom::Path {
                verb: &verbs,
                path,
                is_prefix,
            },
        };
        atom.to_string().escape_debug().collect()
    }
}

const NOTHING: &str = "nothing with virtual machines or the cluster";
/// As long as the longest label.
const LABEL_WIDTH: usize = 8;
/// About a screen; JSON has more.
const RULES_SHOWN: usize = 30;
/// Every verb on every target: some megabytes of JSON.
const ATOMS_WRITTEN: usize = 1 << 16;
