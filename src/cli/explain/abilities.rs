use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::super::report::RoleReport;
use crate::explain::{Abilities, Required, RequiredBy};
use crate::message;
use crate::rbac::{Atom, Capability, Level, Rules};

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
    let lines: Vec<String> = allowed(rules).iter().map(Allowed::in_words).collect();
    if lines.is_empty() {
        return write_line(label, "nothing", out);
    }
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    for (label, line) in labels.zip(lines.iter().take(RULES_SHOWN)) {
        write_line(label, line, out)?;
    }
    match lines.len().checked_sub(RULES_SHOWN) {
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
    all.map(Capability::as_str).collect()
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
    rules: Vec<Allowed<'a>>,
}

impl<'a> AbilitiesReport<'a> {
    pub(super) fn new(abilities: &'a Abilities) -> Self {
        Self {
            role: RoleReport::new(&abilities.role),
            members: abilities.members.iter().map(|it| &**it).collect(),
            capabilities: capabilities(abilities),
            level: abilities.level.map(Level::role),
            detours: abilities.detours.iter().map(|detour| detour.name).collect(),
            rules: allowed(&abilities.rules),
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

/// The verbs on one target.
#[derive(Debug, Serialize)]
pub(super) struct Allowed<'a> {
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

/// The rules by target, in their order.
pub(super) fn allowed(rules: &Rules) -> Vec<Allowed<'_>> {
    let mut all: Vec<Allowed<'_>> = Vec::new();
    for atom in rules.atoms() {
        let (verb, target) = taken_apart(atom);
        match all.last_mut() {
            Some(last) if last.target == target => last.verbs.push(verb),
            _ => all.push(Allowed {
                target,
                verbs: vec![verb],
            }),
        }
    }
    all
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

impl Allowed<'_> {
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
const RULES_SHOWN: usize = 30;
