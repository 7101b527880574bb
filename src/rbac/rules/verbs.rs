//! Verbs as bits, 64 at a time.

use std::collections::HashMap;

use crate::rbac::words::WordId;

/// The verbs that are asked for and the owner has a word for, numbered, so that a set of them is a row of bits.
#[derive(Debug)]
pub(super) struct VerbSpace {
    bits: HashMap<WordId, usize>,
    star: Option<WordId>,
}

/// A set of verbs of a [`VerbSpace`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VerbSet(Box<[u64]>);

/// What is asked for, of which some verbs may be strange to the owner: only `*` grants those.
#[derive(Debug)]
pub(super) struct AskedVerbs {
    pub(super) known: VerbSet,
    pub(super) has_unknown: bool,
}

impl VerbSpace {
    /// Of these verbs of the owner; the number of `*` is given even if nobody asks for it.
    pub(super) fn new(star: Option<WordId>, asked: impl Iterator<Item = WordId>) -> Self {
        let mut bits = HashMap::new();
        for verb in star.into_iter().chain(asked) {
            let next = bits.len();
            bits.entry(verb).or_insert(next);
        }
        Self { bits, star }
    }

    /// Words of 64 bits that a set takes.
    pub(super) fn width(&self) -> usize {
        self.bits.len().div_ceil(64).max(1)
    }

    pub(super) fn none(&self) -> VerbSet {
        VerbSet(vec![0; self.width()].into())
    }

    /// Those of the owner's verbs that are asked for; `*` is all of them.
    pub(super) fn granted(&self, verbs: &[WordId]) -> VerbSet {
        let mut set = self.none();
        if self.star.is_some_and(|star| verbs == [star]) {
            set.0.fill(u64::MAX);
            return set;
        }
        for bit in verbs.iter().filter_map(|verb| self.bits.get(verb)) {
            set.insert(*bit);
        }
        set
    }

    pub(super) fn asked(&self, verbs: impl Iterator<Item = Option<WordId>>) -> AskedVerbs {
        let mut asked = AskedVerbs {
            known: self.none(),
            has_unknown: false,
        };
        for verb in verbs {
            match verb.and_then(|verb| self.bits.get(&verb)) {
                Some(bit) => asked.known.insert(*bit),
                None => asked.has_unknown = true,
            }
        }
        asked
    }

    pub(super) fn contains(&self, set: &VerbSet, verb: WordId) -> bool {
        self.bits.get(&verb).is_some_and(|bit| set.has(*bit))
    }

    /// Whether all verbs are granted, also those that the owner has no word for.
    pub(super) fn is_all(&self, granted: &VerbSet) -> bool {
        self.star.is_some_and(|star| self.contains(granted, star))
    }
}

impl VerbSet {
    pub(super) fn add(&mut self, more: &Self) {
        for (bits, more) in self.0.iter_mut().zip(&more.0) {
            *bits |= more;
        }
    }

    pub(super) fn without(&self, taken: &Self) -> Self {
        let both = self.0.iter().zip(&taken.0);
        Self(both.map(|(bits, taken)| bits & !taken).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    fn insert(&mut self, bit: usize) {
        if let Some(bits) = self.0.get_mut(bit / 64) {
            *bits |= 1 << (bit % 64);
        }
    }

    fn has(&self, bit: usize) -> bool {
        let bits = self.0.get(bit / 64).copied().unwrap_or_default();
        bits & (1 << (bit % 64)) != 0
    }
}
