//! What a role can do with virtual machines, and which VM role that amounts to.
//!
//! The table is the documentation (`docs/capabilities.md` is written from it): whoever reads it and the rules of a
//! role comes to the same level. `resourceNames` narrow nothing here, and a wildcard reaches everything: one name or
//! verb dropped from a copy of a role does not make it another one.

use std::fmt;

use super::Rules;
use super::rules::{TargetRule, resource_covers};

mod table;

/// Something that the documented restrictions of the VM roles allow or forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    ManageTemplates,
    /// Write what virtualization itself consists of: its operators, its extensions, its access lists.
    ManageVirtualization,
    /// Write what the cluster consists of.
    ManageCluster,
}

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u16);

/// The VM roles, each able to do what those before it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Every capability, the least first.
    pub const ALL: [Self; 9] = [
        Self::View,
        Self::Use,
        Self::Launch,
        Self::Clone,
        Self::Delete,
        Self::Migrate,
        Self::ManageTemplates,
        Self::ManageVirtualization,
        Self::ManageCluster,
    ];

    /// The words in documents and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Use => "use",
            Self::Launch => "launch",
            Self::Clone => "clone",
            Self::Delete => "delete",
            Self::Migrate => "migrate",
            Self::ManageTemplates => "manage templates",
            Self::ManageVirtualization => "manage the cluster's virtualization",
            Self::ManageCluster => "manage the cluster",
        }
    }

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
        Capability::ALL
            .into_iter()
            .filter(move |capability| self.contains(*capability))
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
    /// Every level, the lowest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::User, Self::PowerUser, Self::Admin];

    /// The `ClusterRole` of that level.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Viewer => "spectro-vm-viewer",
            Self::User => "spectro-vm-user",
            Self::PowerUser => "spectro-vm-power-user",
            Self::Admin => "spectro-vm-admin",
        }
    }

    /// The level of that `ClusterRole`.
    pub fn of_role(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.role() == name)
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl Rules {
    /// All that they allow somebody to do with virtual machines and the cluster under them.
    ///
    /// For a grant in a namespace ask the [namespaced](Self::namespaced) rules.
    pub fn capabilities(&self) -> Capabilities {
        let gain = |held: Capabilities, entry: &Entry| match entry.gives {
            Some(gives) if !held.contains(gives) && self.meet(entry) => held.with(gives),
            _ => held,
        };
        table::TABLE.iter().fold(Capabilities::default(), gain)
    }

    fn meet(&self, entry: &Entry) -> bool {
        self.targets().iter().any(|target| entry.is_met(target))
    }

    /// The lowest VM role that allows as much, by the table alone.
    pub fn level(&self) -> Option<Level> {
        self.capabilities().level()
    }
}

impl Entry {
    /// The group first: it decides most often, and it is the shortest to compare. The names last, since they may have to
    /// be looked for among all lines.
    fn is_met(&self, target: &TargetRule) -> bool {
        self.is_of(&target.group)
            && self.verbs.iter().any(|verb| target.verbs.allow(verb))
            && self.resources.iter().any(|name| self.means(name, target))
    }

    fn is_of(&self, group: &str) -> bool {
        group == "*" || group == self.group || (self.group == OTHER_GROUPS && is_of_kubevirt(group))
    }

    /// Whether the rule is about what the line calls so.
    ///
    /// A wildcard must never give less than what it stands for: `*` counts for every `…`, and `*/twin` for
    /// `…virtualmachine…/…`, since `virtualmachines/twin` does.
    fn means(&self, name: &str, target: &TargetRule) -> bool {
        if !name.contains(ANY) {
            return resource_covers(&target.resource, name);
        }
        let group = match &*target.group {
            "*" => self.group,
            group => group,
        };
        let is_everything = *target.resource == *"*";
        let is_its_own = || self.group != OTHER_GROUPS || group == OTHER_GROUPS;
        (is_everything || is_like(name, &target.resource))
            && (is_its_own() || !is_named(group, name))
            && (is_everything || !is_named(group, &target.resource))
    }
}

/// In a name of the table: any letters.
const ANY: char = '…';

fn is_of_kubevirt(group: &str) -> bool {
    group
        .strip_suffix("kubevirt.io")
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether a line of the group has that name.
fn is_named(group: &str, resource: &str) -> bool {
    let mut lines = table().iter().filter(|entry| entry.group == group);
    lines.any(|entry| entry.resources.contains(&resource))
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

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Level {
    /// The name of the `ClusterRole`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role())
    }
}

#[cfg(test)]
mod tests;
