use std::sync::Arc;

/// A set of verbs; with `*` in it, nothing else is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::rbac) struct Verbs {
    /// One bit for each of [`KNOWN`].
    known: u32,
    /// The others, sorted.
    other: Box<[Arc<str>]>,
}

impl Verbs {
    /// The set of these verbs.
    pub(super) fn new(verbs: &[Arc<str>]) -> Self {
        let mut known = 0;
        let mut other = Vec::new();
        for verb in verbs {
            match bit(verb) {
                Some(bit) => known |= bit,
                None => other.push(Arc::clone(verb)),
            }
        }
        Self::of(known, other)
    }

    fn of(known: u32, mut other: Vec<Arc<str>>) -> Self {
        if known & ALL != 0 {
            return Self {
                known: ALL,
                other: Box::default(),
            };
        }
        other.sort_unstable();
        other.dedup();
        Self {
            known,
            other: other.into(),
        }
    }

    /// The set of one verb that every cluster knows.
    pub(in crate::rbac) fn only(verb: &'static str) -> Self {
        Self::new(&[verb.into()])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known == 0 && self.other.is_empty()
    }

    pub(in crate::rbac) fn is_all(&self) -> bool {
        self.known & ALL != 0
    }

    /// Whether the verb is allowed, by its name or by `*`.
    pub(in crate::rbac) fn allow(&self, verb: &str) -> bool {
        self.is_all()
            || match bit(verb) {
                Some(bit) => self.known & bit != 0,
                None => self.other.iter().any(|other| **other == *verb),
            }
    }

    pub(super) fn union(&self, more: &Self) -> Self {
        let other = self.other.iter().chain(&more.other).cloned().collect();
        Self::of(self.known | more.known, other)
    }

    /// What is left when these verbs are taken away; only `*` takes `*` away.
    pub(super) fn without(&self, taken: &Self) -> Self {
        if taken.is_all() {
            return Self::default();
        }
        let is_left = |verb: &&Arc<str>| taken.other.binary_search(verb).is_err();
        Self {
            known: self.known & !taken.known,
            other: self.other.iter().filter(is_left).cloned().collect(),
        }
    }

    /// Whether some verb is in both, `*` being every verb.
    pub(super) fn overlap(&self, other: &Self) -> bool {
        let shares = |verb: &Arc<str>| other.other.binary_search(verb).is_ok();
        (self.is_all() && !other.is_empty())
            || (other.is_all() && !self.is_empty())
            || self.known & other.known != 0
            || self.other.iter().any(shares)
    }

    /// The verbs, in a fixed order.
    pub(in crate::rbac) fn iter(&self) -> impl Iterator<Item = &str> {
        let known = KNOWN
            .iter()
            .copied()
            .filter(|verb| bit(verb).is_some_and(|bit| self.known & bit != 0));
        known.chain(self.other.iter().map(|verb| &**verb))
    }
}

fn bit(verb: &str) -> Option<u32> {
    let place = KNOWN.iter().position(|known| *known == verb)?;
    Some(1 << place)
}

const ALL: u32 = 1;

/// The verbs that nearly every rule is made of; `*` is the first bit.
const KNOWN: [&str; 17] = [
    "*",
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "approve",
    "sign",
    "use",
    "proxy",
    "attest",
];
