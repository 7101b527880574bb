use std::fmt;
use std::sync::Arc;

use super::PolicyRule;
use super::scope;

mod cover;
mod paths;
mod targets;
mod verbs;

pub(super) use paths::PathRule;
pub(super) use targets::{TargetRule, resource_covers};
pub(super) use verbs::Verbs;

/// What a role allows, in normal form: two roles that allow the same are equal.
///
/// One entry for each group, resource and name, and for each path, with its verbs; nothing that another entry covers
/// as well. Order, splitting and repetition of the rules it came from leave no trace. A rule without verbs, or with
/// resources and no group, allows nothing and leaves none either.
///
/// A role of more than [`Rules::LIMIT`] entries is widened (its names are dropped, then its groups become `*`): it
/// counts as more than it is, never as less, and costs no memory that whoever wrote it could choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Sorted by target.
    targets: Arc<[TargetRule]>,
    /// Sorted: exact paths first, then prefixes.
    paths: Arc<[PathRule]>,
}

/// How what one role allows relates to what another allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Each covers the other.
    Equal,
    /// The first covers the second, and more.
    Superset,
    /// The second covers the first, and more.
    Subset,
    /// Something is allowed by both, and neither covers the other.
    Overlap,
    /// Nothing is allowed by both.
    Disjoint,
}

/// The smallest thing that a role can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Atom<'a> {
    /// One verb on one resource, or on one object of it.
    Resource {
        /// The verb, or `*`.
        verb: &'a str,
        /// The group (the core group is empty), or `*`.
        group: &'a str,
        /// `resource`, `resource/subresource`, `*/subresource` or `*`.
        resource: &'a str,
        /// The only object meant.
        name: Option<&'a str>,
    },
    /// One verb on a path.
    Path {
        /// The verb, or `*`.
        verb: &'a str,
        /// The path, or what it begins with.
        path: &'a str,
        /// Whether every path that begins so is meant.
        is_prefix: bool,
    },
}

impl Rules {
    /// The most entries that a role's rules are written out to.
    pub const LIMIT: usize = 1 << 16;

    /// The normal form of a role's rules.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a PolicyRule>) -> Self {
        let rules: Vec<&PolicyRule> = rules.into_iter().collect();
        Self::reduced(targets::written_out(&rules), paths::written_out(&rules))
    }

    /// What these roles allow together.
    pub fn union<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut targets = Vec::new();
        let mut paths = Vec::new();
        for rules in all {
            targets.extend_from_slice(&rules.targets);
            paths.extend_from_slice(&rules.paths);
        }
        Self::reduced(targets, paths)
    }

    /// What of it a binding in a namespace hands out: no path, and no resource that is known to be the cluster's.
    #[must_use]
    pub fn namespaced(&self) -> Self {
        let is_left =
            |target: &TargetRule| !scope::is_cluster_scoped(&target.group, &target.resource);
        if self.paths.is_empty() && self.targets.iter().all(is_left) {
            return self.clone();
        }
        let targets: Vec<TargetRule> = self
            .targets
            .iter()
            .filter_map(scope::within_namespace)
            .collect();
        // A part of a normal form is one: nothing in it covers anything else in it.
        Self {
            targets: targets.into(),
            paths: Arc::default(),
        }
    }

    /// Whether it allows nothing.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.paths.is_empty()
    }

    /// Whether everything that the other allows is allowed here, as the API server's escalation check sees it.
    pub fn covers(&self, other: &Self) -> bool {
        cover::covers(self, other)
    }

    /// What the other allows and this one does not.
    #[must_use]
    pub fn missing(&self, other: &Self) -> Self {
        cover::missing(self, other)
    }

    /// How it relates to the other.
    pub fn relation(&self, other: &Self) -> Relation {
        match (self.covers(other), other.covers(self)) {
            (true, true) => Relation::Equal,
            (true, false) => Relation::Superset,
            (false, true) => Relation::Subset,
            (false, false) if cover::overlap(self, other) => Relation::Overlap,
            (false, false) => Relation::Disjoint,
        }
    }

    /// Everything that it allows, sorted by group, resource and name, then the paths.
    pub fn atoms(&self) -> impl Iterator<Item = Atom<'_>> {
        let resources = self.targets.iter().flat_map(TargetRule::atoms);
        resources.chain(self.paths.iter().flat_map(PathRule::atoms))
    }

    pub(super) fn targets(&self) -> &[TargetRule] {
        &self.targets
    }

    fn reduced(targets: Vec<TargetRule>, paths: Vec<PathRule>) -> Self {
        Self {
            targets: targets::reduce(targets).into(),
            paths: paths::reduce(paths).into(),
        }
    }
}

impl Relation {
    /// The word in messages and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Superset => "superset",
            Self::Subset => "subset",
            Self::Overlap => "overlap",
            Self::Disjoint => "disjoint",
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Atom<'_> {
    /// As `kubectl auth can-i` takes it: `delete virtualmachines.kubevirt.io`, `get /healthz`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Resource {
                verb,
                group,
                resource,
                name,
            } => {
                let (whole, sub) = resource
                    .split_once('/')
                    .map_or((resource, None), |(whole, sub)| (whole, Some(sub)));
                write!(f, "{verb} {whole}")?;
                for part in [
                    (".", Some(group).filter(|g| !g.is_empty())),
                    ("/", sub),
                    (" ", name),
                ] {
                    if let (mark, Some(text)) = part {
                        write!(f, "{mark}{text}")?;
                    }
                }
                Ok(())
            }
            Self::Path {
                verb,
                path,
                is_prefix,
            } => write!(f, "{verb} {path}{}", if is_prefix { "*" } else { "" }),
        }
    }
}

#[cfg(test)]
mod tests;
