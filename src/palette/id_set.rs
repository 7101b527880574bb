//! A set of small numbers.

use std::collections::BTreeSet;

/// A set of small numbers: those below `64 * WORDS` are bits, any others go to a tree.
///
/// What is built in fits the bits, so the usual union or comparison is a few words without allocation. The tree keeps
/// a directory with very many custom names from costing the square of their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdSet<const WORDS: usize> {
    low: [u64; WORDS],
    high: BTreeSet<usize>,
}

impl<const WORDS: usize> IdSet<WORDS> {
    pub(super) const fn new() -> Self {
        Self {
            low: [0; WORDS],
            high: BTreeSet::new(),
        }
    }

    pub(super) fn insert(&mut self, id: usize) {
        match self.low.get_mut(id / 64) {
            Some(word) => *word |= bit(id),
            None => {
                self.high.insert(id);
            }
        }
    }

    pub(super) fn contains(&self, id: usize) -> bool {
        match self.low.get(id / 64) {
            Some(word) => word & bit(id) != 0,
            None => self.high.contains(&id),
        }
    }

    pub(super) fn union_with(&mut self, other: &Self) {
        for (word, others) in self.low.iter_mut().zip(other.low) {
            *word |= others;
        }
        self.high.extend(&other.high);
    }

    pub(super) fn is_superset(&self, other: &Self) -> bool {
        self.words(other)
            .all(|(own, others)| own & others == others)
            && self.high.is_superset(&other.high)
    }

    pub(super) fn intersects(&self, other: &Self) -> bool {
        self.words(other).any(|(own, others)| own & others != 0)
            || !self.high.is_disjoint(&other.high)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.low.iter().all(|word| *word == 0) && self.high.is_empty()
    }

    /// The members in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..64 * WORDS)
            .filter(|id| self.contains(*id))
            .chain(self.high.iter().copied())
    }

    fn words(&self, other: &Self) -> impl Iterator<Item = (u64, u64)> {
        self.low.into_iter().zip(other.low)
    }
}

const fn bit(id: usize) -> u64 {
    1 << (id % 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use std::collections::BTreeSet;

    use super::IdSet;

    fn set_of(ids: &BTreeSet<usize>) -> IdSet<2> {
        let mut set = IdSet::new();
        for id in ids {
            set.insert(*id);
        }
        set
    }

    proptest! {
        /// 200 lies beyond the bits of two words, so both halves take part.
        #[test]
        fn agrees_with_a_tree_set(
            left in proptest::collection::btree_set(0_usize..200, 0..40),
            right in proptest::collection::btree_set(0_usize..200, 0..40),
            nested in any::<bool>(),
        ) {
            let right = if nested { left.iter().copied().step_by(2).collect() } else { right };
            let (ours, theirs) = (set_of(&left), set_of(&right));
            let mut union = ours.clone();
            union.union_with(&theirs);

            assert_eq!(ours.iter().collect::<BTreeSet<_>>(), left);
            assert_eq!(union.iter().collect::<BTreeSet<_>>(), &left | &right);
            assert_eq!(ours.is_superset(&theirs), left.is_superset(&right));
            assert_eq!(ours.intersects(&theirs), !left.is_disjoint(&right));
            assert_eq!(ours.is_empty(), left.is_empty());
            assert_eq!(ours.contains(7), left.contains(&7));
            assert_eq!(ours.contains(150), left.contains(&150));
        }
    }
}
