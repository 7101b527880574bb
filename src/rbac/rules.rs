//! The rules of a role: what they cover, what they lack, how much of others they have.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer};
use strum::{Display, IntoStaticStr};

use super::PolicyRule;
use crate::document::for_each;
use table::Table;

mod atoms;
mod builder;
mod compare;
mod namespaced;
mod overlap;
mod paths;
mod table;
mod verbs;

pub use atoms::{Atom, Atoms};
pub(super) use builder::Builder;
pub(super) use table::ResourceRule;
use table::UrlRule;

/// What a role allows, in normal form.
///
/// Rules stay as they are written, lists of groups, resources, names and verbs: nothing is multiplied out, and no more
/// is held than a small multiple of what the role takes as JSON. What allows nothing leaves no trace, and rules that
/// differ in one list only are one. Two that are equal allow the same; whether two that are not do as well, tells
/// [`Rules::relation`].
///
/// Time and memory of every question are bounded by the size of the roles. One of more than [`Rules::LIMIT`] words, or
/// put together from others to be as large, is [too large to judge](Rules::is_too_large): it counts as one that allows
/// everything.
#[derive(Clone, PartialEq, Eq)]
pub struct Rules(Arc<Table>);

/// How what one role allows relates to what another allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
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

impl Rules {
    /// The most words that a role's rules are judged with, each counted as often as it is written.
    ///
    /// Real roles have some thousands at the most. The API server stores sixteen times as many as this, and to judge those
    /// would take up to a tenth of a second.
    pub const LIMIT: usize = 1 << 15;

    /// The normal form of a role's rules.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a PolicyRule>) -> Self {
        let mut builder = Builder::default();
        rules.into_iter().for_each(|rule| builder.rule(rule));
        builder.finish()
    }

    /// What these roles allow together.
    pub fn union<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut builder = Builder::default();
        all.into_iter().for_each(|rules| builder.rules(rules));
        builder.finish()
    }

    /// What stands for rules that are too large to judge: it allows everything.
    pub fn too_large() -> Self {
        static TOO_LARGE: LazyLock<Rules> = LazyLock::new(|| {
            let everything = [
                PolicyRule::resources(&["*"], &["*"], &["*"]),
                PolicyRule::urls(&["*"], &["*"]),
            ];
            let table = Table {
                is_too_large: true,
                ..(*Rules::new(&everything).0).clone()
            };
            Rules(Arc::new(table))
        });
        TOO_LARGE.clone()
    }

    /// Whether they stand for rules past [`Rules::LIMIT`], and allow everything for that reason alone.
    pub fn is_too_large(&self) -> bool {
        self.0.is_too_large
    }

    /// What of it a binding in a namespace hands out: no path, and no resource that is known to be the cluster's.
    #[must_use]
    pub fn namespaced(&self) -> Self {
        if self.0.is_too_large || (self.url_rules().len() == 0 && !namespaced::is_needed(self)) {
            return self.clone();
        }
        let mut builder = Builder::default();
        for rule in self.resource_rules() {
            namespaced::within_namespace(rule, &mut builder);
        }
        builder.finish()
    }

    /// Whether it allows nothing.
    pub fn is_empty(&self) -> bool {
        self.0.resource_rules.is_empty() && self.0.url_rules.is_empty()
    }

    /// Whether everything that the other allows is allowed here, as the API server's escalation check sees it.
    ///
    /// Exact where one of both is of an ordinary size (a few thousand verbs, resources and names multiplied out).
    /// Where both are so large that it would cost too much to tell, the answer is yes: in doubt it counts.
    pub fn covers(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || compare::covers(&self.0, &other.0).unwrap_or(true)
    }

    /// How much of what the other allows with resources is allowed here, in thousandths: each of its rules counts the same.
    ///
    /// Where it would cost too much to tell, all of it: in doubt it counts.
    pub fn share_of(&self, other: &Self) -> usize {
        compare::share(&self.0, &other.0).unwrap_or(1000)
    }

    /// What the other allows and this one does not.
    ///
    /// Where it would cost too much to tell, whole rules of the other that are missing only in part, or all of them.
    #[must_use]
    pub fn missing(&self, other: &Self) -> Self {
        compare::missing(&self.0, &other.0).unwrap_or_else(|_| other.clone())
    }

    /// How it relates to the other. Two that are too large to compare overlap.
    pub fn relation(&self, other: &Self) -> Relation {
        let both = || {
            let is_wider = compare::covers(&self.0, &other.0)?;
            Ok::<_, TooMuch>((is_wider, compare::covers(&other.0, &self.0)?))
        };
        match both() {
            Ok((true, true)) => Relation::Equal,
            Ok((true, false)) => Relation::Superset,
            Ok((false, true)) => Relation::Subset,
            Ok((false, false)) if !overlap::overlap(&self.0, &other.0) => Relation::Disjoint,
            Ok((false, false)) | Err(TooMuch) => Relation::Overlap,
        }
    }

    /// The rules about resources.
    pub(super) fn resource_rules(&self) -> impl ExactSizeIterator<Item = ResourceRule<'_>> {
        self.0.resource_rules()
    }

    fn url_rules(&self) -> impl ExactSizeIterator<Item = UrlRule<'_>> {
        self.0.url_rules()
    }

    /// Bytes held for them, which all clones share.
    pub fn size(&self) -> usize {
        self.0.size()
    }
}

/// To compare them would cost more than the answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TooMuch;

impl Default for Rules {
    /// Allow nothing.
    fn default() -> Self {
        static NOTHING: LazyLock<Rules> = LazyLock::new(|| Rules(Arc::default()));
        NOTHING.clone()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for atom in self.atoms(100).atoms {
            list.entry(&format_args!("{atom}"));
        }
        list.finish()
    }
}

impl<'de> Deserialize<'de> for Rules {
    /// Reads the list of a role's rules one by one, so that what is read is no larger than what is kept.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut builder = Builder::default();
        for_each(deserializer, "a sequence of rules", |rule: PolicyRule| {
            builder.rule(&rule);
            Ok::<(), Infallible>(())
        })?;
        Ok(builder.finish())
    }
}

/// Times that a rule of the owner is held against a class of targets in one comparison, each for 64 verbs.
const STEPS: usize = 1 << 20;

/// Sets of 64 verbs that are held in one comparison.
const SETS: usize = 1 << 17;

#[cfg(test)]
mod tests;
