//! What a role can do with virtual machines, and which VM role that amounts to.
//!
//! The table is the documentation (`docs/capabilities.md` is written from it): whoever reads it and the rules of a
//! role comes to the same level. `resourceNames` narrow nothing here, and a wildcard reaches everything: one name or
//! verb dropped from a copy of a role does not make it another one.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::rc::Rc;
use std::sync::LazyLock;

use enum_map::Enum;
use strum::{Display, EnumIter, IntoEnumIterator, IntoStaticStr};

use super::Rules;
use super::lookup::{Lookup, LookupLines};
use super::rules::ResourceRule;
use super::steps;

use crate::domain::Word;

mod table;

/// Something that the documented restrictions of the VM roles allow or forbid.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, IntoStaticStr, EnumIter,
)]
#[strum(serialize_all = "lowercase")]
pub enum Capability {
    /// See virtual machines and what belongs to them.
    View,
    /// Start, stop, restart, pause, configure, snapshot, open a console.
    Use,
    /// Bring machines and their disks into being.
    Launch,
    /// Copy machines or their disks.
    Clone,
    /// Do away with machines or their disks.
    Delete,
    /// Move machines between nodes.
    Migrate,
    /// Write what machines are made from.
    #[strum(serialize = "manage templates")]
    ManageTemplates,
    /// Write what virtualization itself consists of: its operators, its extensions, its access lists.
    #[strum(serialize = "manage the cluster's virtualization")]
    ManageVirtualization,
    /// Write what the cluster consists of.
    #[strum(serialize = "manage the cluster")]
    ManageCluster,
}

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u16);

/// The VM roles, each able to do what those before it can.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, IntoStaticStr, EnumIter, Enum,
)]
#[strum(prefix = "spectro-vm-", serialize_all = "kebab-case")]
pub enum Level {
    /// `spectro-vm-viewer`.
    Viewer,
    /// `spectro-vm-user`.
    User,
    /// `spectro-vm-power-user`.
    PowerUser,
    /// `spectro-vm-admin`.
    Admin,
}

/// A line of the table: any of the verbs on any of the resources gives the capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The group of the resources; the core group is empty, and [`OTHER_GROUPS`] stands for many.
    pub group: &'static str,
    /// The resources. `…` in a name stands for any letters, in what no line of the group names; in the place of a
    /// subresource, for any but the [`COMMON`] ones.
    pub resources: &'static [&'static str],
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// What it gives; nothing where that has to be said, lest the line be missed.
    pub gives: Option<Capability>,
    /// Why, where that is not plain.
    pub why: &'static str,
}

/// In [`Entry::group`]: `kubevirt.io` and every group that ends so, unless a line of the group itself has the same name.
pub const OTHER_GROUPS: &str = "….kubevirt.io";
/// In [`Entry::resources`]: whatever is about machines by its name. New ones come with each release of `KubeVirt`.
pub const MACHINE: &str = "…virtualmachine…";
/// Their subresources.
pub const MACHINE_SUBRESOURCE: &str = "…virtualmachine…/…";
/// The subresource by which whole sets of them grow.
pub const MACHINE_SCALE: &str = "…virtualmachine…/scale";

/// Subresources that many resources have: who may `get` the `*/scale` of every group has no machines in mind.
pub const COMMON: [&str; 10] = [
    "attach",
    "binding",
    "eviction",
    "exec",
    "finalizers",
    "log",
    "proxy",
    "scale",
    "status",
    "token",
];

/// The whole table, in the order of the documentation.
pub fn table() -> &'static [Entry] {
    table::TABLE
}

impl Capability {
    /// The lowest VM role that is documented to allow it.
    pub const fn level(self) -> Level {
        match self {
            Self::View => Level::Viewer,
            Self::Use => Level::User,
            Self::Launch | Self::Clone | Self::Delete | Self::Migrate => Level::PowerUser,
            Self::ManageTemplates | Self::ManageVirtualization | Self::ManageCluster => {
                Level::Admin
            }
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl Capabilities {
    /// Whether it is in the set.
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Whether all of the others are in the set.
    pub const fn contain(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | capability.bit())
    }

    /// What is in either: of two roles, what they give together.
    #[must_use]
    pub const fn union(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The capabilities, the least first.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        let all = Capability::iter();
        all.filter(move |capability| self.contains(*capability))
    }

    /// Whether any of them is about virtual machines: managing nodes, namespaces and storage alone is not.
    pub const fn concern_machines(self) -> bool {
        self.0 & !Capability::ManageCluster.bit() != 0
    }

    /// The lowest VM role that allows all of them; none where none is about virtual machines.
    pub fn level(self) -> Option<Level> {
        self.concern_machines()
            .then(|| self.iter().map(Capability::level).max())
            .flatten()
    }

    /// Those that the VM role is documented not to have.
    #[must_use]
    pub fn beyond(self, level: Level) -> Self {
        self.iter()
            .filter(|capability| capability.level() > level)
            .collect()
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::default(), Self::with)
    }
}

impl Level {
    /// The `ClusterRole` of that level.
    pub fn role(self) -> &'static str {
        self.as_str()
    }

    /// The level of that `ClusterRole`.
    pub fn of_role(name: &str) -> Option<Self> {
        Self::iter().find(|level| level.role() == name)
    }
}

impl Rules {
    /// All that they allow somebody to do with virtual machines and the cluster under them.
    ///
    /// For a grant in a namespace ask the [namespaced](Self::namespaced) rules.
    pub fn capabilities(&self) -> Capabilities {
        let found = |held, rule| lines().met(rule, held);
        self.resource_rules().fold(Capabilities::default(), found)
    }

    /// The lowest VM role that allows as much, by the table alone.
    pub fn level(&self) -> Option<Level> {
        self.capabilities().level()
    }
}

/// The table by its words.
struct TableLines {
    lookup: Lookup,
    /// Of [`OTHER_GROUPS`].
    of_other_groups: LookupLines,
    /// With a name with `…` among its resources.
    open: LookupLines,
    /// All names in the table, by group.
    names: HashMap<&'static str, HashSet<&'static str>>,
    /// As many as the group with the most names has.
    most_names: usize,
}

fn lines() -> &'static TableLines {
    static LINES: LazyLock<TableLines> = LazyLock::new(|| TableLines::of(table()));
    &LINES
}

impl TableLines {
    fn of(table: &'static [Entry]) -> Self {
        let mut lookup = Lookup::default();
        let mut names: HashMap<&str, HashSet<&str>> = HashMap::new();
        for (line, entry) in table.iter().enumerate() {
            let resources = entry.resources.iter().copied();
            let (_, plain): (Vec<&str>, Vec<&str>) = resources.partition(|name| name.contains(ANY));
            lookup.insert(line, entry.group, &plain, entry.verbs);
            names
                .entry(entry.group)
                .or_default()
                .extend(entry.resources);
        }
        let those = |is_meant: fn(&Entry) -> bool| {
            let lines = table.iter().enumerate();
            lines
                .filter(|(_, entry)| is_meant(entry))
                .map(|(line, _)| line)
                .collect()
        };
        Self {
            lookup,
            of_other_groups: those(|entry| entry.group == OTHER_GROUPS),
            open: those(|entry| entry.resources.iter().any(|name| name.contains(ANY))),
            most_names: names.values().map(HashSet::len).max().unwrap_or_default(),
            names,
        }
    }

    /// What is held, and what the rule gives besides.
    fn met(&self, rule: ResourceRule<'_>, held: Capabilities) -> Capabilities {
        let groups = self.of_groups(rule);
        if groups.is_empty() {
            return held;
        }
        let lines = groups.and(self.lookup.of_verbs(rule));
        let named = lines.and(self.lookup.of_resources(rule));
        let held = gains(named).fold(held, |held, (_, gives)| held.with(gives));
        let mut alike = Likes::of(rule);
        gains(lines.and(self.open)).fold(held, |held, (entry, gives)| {
            if !held.contains(gives) && self.means(entry, rule, &mut alike) {
                held.with(gives)
            } else {
                held
            }
        })
    }

    fn of_groups(&self, rule: ResourceRule<'_>) -> LookupLines {
        let lines = self.lookup.of_groups(rule);
        if rule.in_words(rule.groups).any(is_of_kubevirt) {
            lines.or(self.of_other_groups)
        } else {
            lines
        }
    }

    /// Whether the rule is about what a name of the line with `…` stands for, in some of its groups that the line is
    /// about.
    ///
    /// A wildcard must never give less than what it stands for: `*` counts for every `…`, and `*/twin` for
    /// `…virtualmachine…/…`, since `virtualmachines/twin` does.
    fn means(&self, entry: &Entry, rule: ResourceRule<'_>, likes: &mut Likes<'_>) -> bool {
        let names = entry.resources.iter().filter(|name| name.contains(ANY));
        let mut names = names.map(|name| (*name, likes.find(name)));
        let groups = self.groups(entry, rule);
        names.any(|(name, like)| {
            groups
                .iter()
                .any(|group| self.is_new(entry, name, group, &like))
        })
    }

    /// The groups of the rule that the line is about; all that no line has are alike.
    fn groups<'r>(&self, entry: &Entry, rule: ResourceRule<'r>) -> Vec<&'r str> {
        let mut has_other = false;
        let groups = rule.in_words(rule.groups).filter_map(|group| match group {
            "*" => Some(entry.group),
            group if group == entry.group => Some(group),
            group if entry.group != OTHER_GROUPS || !is_of_kubevirt(group) => None,
            group if self.names.contains_key(group) => Some(group),
            group => (!std::mem::replace(&mut has_other, true)).then_some(group),
        });
        groups.collect()
    }

    /// Whether one of the resources is none that a line of the group names, and the line is not put aside there by one
    /// of the same name.
    fn is_new(&self, entry: &Entry, name: &str, group: &str, like: &Like<'_>) -> bool {
        let named = self.names.get(group);
        let is_named = |resource: &str| named.is_some_and(|names| names.contains(resource));
        let is_its_own = entry.group != OTHER_GROUPS || group == OTHER_GROUPS;
        let is_meant = is_its_own || !is_named(name);
        let is_new = |resource: &&str| {
            steps::count(1);
            !is_named(resource)
        };
        is_meant && (like.is_everything || like.resources.iter().any(is_new))
    }
}

/// The entries of these lines that give something.
fn gains(lines: LookupLines) -> impl Iterator<Item = (&'static Entry, Capability)> {
    let entries = lines.iter().filter_map(|line| table().get(line));
    entries.filter_map(|entry| Some((entry, entry.gives?)))
}

/// The resources of a rule that names with `…` stand for, each looked for once.
struct Likes<'r> {
    rule: ResourceRule<'r>,
    found: HashMap<&'static str, Like<'r>>,
}

#[derive(Clone)]
struct Like<'r> {
    is_everything: bool,
    /// No more than it takes to have one that is not in the table.
    resources: Rc<[&'r str]>,
}

impl<'r> Likes<'r> {
    fn of(rule: ResourceRule<'r>) -> Self {
        Self {
            rule,
            found: HashMap::new(),
        }
    }

    fn find(&mut self, name: &'static str) -> Like<'r> {
        let rule = self.rule;
        let look = || {
            steps::count(rule.resources.len());
            let resources = rule.in_words(rule.resources);
            let like = resources.filter(|resource| is_like(name, resource));
            Like {
                is_everything: rule.in_words(rule.resources).eq(["*"]),
                resources: like.take(1 + lines().most_names).collect(),
            }
        };
        self.found.entry(name).or_insert_with(look).clone()
    }
}

/// In a name of the table: any letters.
const ANY: char = '…';

fn is_of_kubevirt(group: &str) -> bool {
    group
        .strip_suffix("kubevirt.io")
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether a rule's resource is one that a name with `…` stands for, or a wildcard for such.
fn is_like(name: &str, resource: &str) -> bool {
    match (name.split_once('/'), resource.split_once('/')) {
        (None, None) => has_letters(name, resource),
        (Some((name, wanted)), Some((whole, sub))) => {
            // To the API server, `virtualmachines/*` is a name that nothing has.
            let is_any = || wanted.contains(ANY) && sub != "*" && !COMMON.contains(&sub);
            let is_wanted = wanted == sub || is_any();
            is_wanted && (whole == "*" || has_letters(name, whole))
        }
        _ => false,
    }
}

/// Whether the letters between `…` are there, in the place that it leaves them.
fn has_letters(name: &str, resource: &str) -> bool {
    let letters = name.trim_matches(ANY);
    match (name.starts_with(ANY), name.ends_with(ANY)) {
        (true, true) => resource.contains(letters),
        (true, false) => resource.ends_with(letters),
        (false, true) => resource.starts_with(letters),
        (false, false) => resource == letters,
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
