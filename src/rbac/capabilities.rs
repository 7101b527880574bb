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
    /// Write what the cluster consists of.
    ManageCluster,
}

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u8);

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
    /// The group of the resources; the core group is empty.
    pub group: &'static str,
    /// The resources; [`OTHERS`] stands for those of the group that no line names.
    pub resources: &'static [&'static str],
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// What it gives; nothing where that has to be said, lest the line be missed.
    pub gives: Option<Capability>,
    /// Why, where that is not plain.
    pub why: &'static str,
}

/// In [`Entry::resources`]: every resource (or, of `subresources.kubevirt.io`, subresource) of the group whose name
/// begins with `virtualmachine` and that no line names.
pub const OTHERS: &str = "virtualmachine…";

/// What the names of machines' resources begin with.
const MACHINE: &str = "virtualmachine";
const SUBRESOURCES: &str = "subresources.kubevirt.io";
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
    pub const ALL: [Self; 8] = [
        Self::View,
        Self::Use,
        Self::Launch,
        Self::Clone,
        Self::Delete,
        Self::Migrate,
        Self::ManageTemplates,
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
            Self::ManageCluster => "manage the cluster",
        }
    }

    /// The lowest VM role that is documented to allow it.
    pub const fn level(self) -> Level {
        match self {
            Self::View => Level::Viewer,
            Self::Use => Level::User,
            Self::Launch | Self::Clone | Self::Delete | Self::Migrate => Level::PowerUser,
            Self::ManageTemplates | Self::ManageCluster => Level::Admin,
        }
    }

    const fn bit(self) -> u8 {
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

    /// Whether any of them is about virtual machines: managing the cluster alone is not.
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
    /// The group first: it decides most often, and it is the shortest to compare.
    fn is_met(&self, target: &TargetRule) -> bool {
        let is_meant = |resource: &&str| match *resource {
            OTHERS => self.is_other(target),
            resource => resource_covers(&target.resource, resource),
        };
        (*target.group == *"*" || *target.group == *self.group)
            && self.resources.iter().any(is_meant)
            && self.verbs.iter().any(|verb| target.verbs.allow(verb))
    }

    /// A machine's resource that no line names.
    ///
    /// A wildcard must never give less than what it stands for: `*/twin` counts, since `virtualmachines/twin` does.
    fn is_other(&self, target: &TargetRule) -> bool {
        let is_machines = |whole: &str| whole.starts_with(MACHINE) && !is_named(&target.resource);
        match target.resource.split_once('/') {
            None => self.group != SUBRESOURCES && is_machines(&target.resource),
            Some((whole, sub)) => {
                self.group == SUBRESOURCES
                    && !COMMON.contains(&sub)
                    && (whole == "*" || is_machines(whole))
            }
        }
    }
}

fn is_named(resource: &str) -> bool {
    let mut named = table::TABLE.iter().flat_map(|entry| entry.resources);
    named.any(|name| *name == resource)
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
