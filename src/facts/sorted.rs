//! A sorted list that shares what did not change with the list before it.

use std::cmp::Ordering;
use std::sync::Arc;

/// A sorted list in pieces that its copies share: a copy costs one pointer, a change while one lives copies a piece and
/// the list of pieces, and a look-up is a binary search.
///
/// An order is a function that says how a value lies to what is looked for. All that a list is asked with must agree
/// with the one that its values are inserted by.
#[derive(Debug)]
pub(super) struct Sorted<V> {
    /// None is empty, and each ends below where the next begins.
    pieces: Arc<Vec<Arc<Vec<V>>>>,
    len: usize,
}

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self {
            pieces: Arc::default(),
            len: 0,
        }
    }
}

impl<V> Clone for Sorted<V> {
    fn clone(&self) -> Self {
        Self {
            pieces: Arc::clone(&self.pieces),
            len: self.len,
        }
    }
}

impl<V> Sorted<V> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &V> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The value that is equal to what is looked for.
    pub(super) fn find(&self, order: impl Fn(&V) -> Ordering) -> Option<&V> {
        let piece = self.pieces.get(self.piece(&order))?;
        piece.get(piece.binary_search_by(order).ok()?)
    }

    /// All values that are equal to what is looked for.
    pub(super) fn range(&self, order: impl Fn(&V) -> Ordering) -> impl Iterator<Item = &V> {
        let at = self.piece(&order);
        let before = |piece: &Arc<Vec<V>>| piece.partition_point(|value| order(value).is_lt());
        let before = self.pieces.get(at).map_or(0, before);
        let pieces = self.pieces.iter().skip(at);
        pieces
            .flat_map(|piece| piece.iter())
            .skip(before)
            .take_while(move |value| order(value).is_eq())
    }

    /// The first piece that does not end below what is looked for.
    fn piece(&self, order: impl Fn(&V) -> Ordering) -> usize {
        let ends_below = |piece: &Arc<Vec<V>>| piece.last().is_some_and(|last| order(last).is_lt());
        self.pieces.partition_point(ends_below)
    }
}

impl<V: Clone> Sorted<V> {
    /// Puts a value in its place, and returns the one that was there.
    pub(super) fn insert(&mut self, value: V, order: impl Fn(&V) -> Ordering) -> Option<V> {
        let at = self.piece(&order);
        let is_last = at == self.pieces.len();
        let at = at.min(self.pieces.len().saturating_sub(1));
        let pieces = Arc::make_mut(&mut self.pieces);
        let Some(piece) = pieces.get_mut(at) else {
            pieces.push(Arc::new(vec![value]));
            self.len = 1;
            return None;
        };
        // Shared with a view that lives, a piece is copied only to be changed.
        let place = match piece.binary_search_by(order) {
            Ok(place) => {
                let there = Arc::make_mut(piece).get_mut(place)?;
                return Some(std::mem::replace(there, value));
            }
            Err(place) => place,
        };
        self.len += 1;
        if piece.len() < PIECE {
            Arc::make_mut(piece).insert(place, value);
            return None;
        }
        if is_last {
            // What comes in order leaves full pieces behind.
            pieces.push(Arc::new(vec![value]));
            return None;
        }
        let piece = Arc::make_mut(piece);
        let mut upper = piece.split_off(PIECE / 2);
        match place.checked_sub(PIECE / 2) {
            Some(place) => upper.insert(place, value),
            None => piece.insert(place, value),
        }
        pieces.insert(at + 1, Arc::new(upper));
        None
    }

    /// Takes a value out.
    pub(super) fn remove(&mut self, order: impl Fn(&V) -> Ordering) -> Option<V> {
        let at = self.piece(&order);
        let place = self.pieces.get(at)?.binary_search_by(order).ok()?;
        let pieces = Arc::make_mut(&mut self.pieces);
        let piece = Arc::make_mut(pieces.get_mut(at)?);
        let removed = piece.remove(place);
        self.len -= 1;
        let left = piece.len();
        if left == 0 {
            pieces.remove(at);
        } else if left < PIECE / 4 {
            merge(pieces, at);
        }
        Some(removed)
    }
}

/// Joins a piece that became small with the next, if both fit into one.
fn merge<V: Clone>(pieces: &mut Vec<Arc<Vec<V>>>, at: usize) {
    let (Some(piece), Some(next)) = (pieces.get(at), pieces.get(at + 1)) else {
        return;
    };
    if piece.len() + next.len() > PIECE / 2 {
        return;
    }
    let next = pieces.remove(at + 1);
    if let Some(piece) = pieces.get_mut(at) {
        Arc::make_mut(piece).extend_from_slice(&next);
    }
}

/// Values in a piece: copying so many pointers takes about a microsecond.
const PIECE: usize = 128;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn insert(list: &mut Sorted<(u16, u16)>, value: (u16, u16)) -> bool {
        list.insert(value, |other| other.cmp(&value)).is_none()
    }

    fn all(list: &Sorted<(u16, u16)>) -> Vec<(u16, u16)> {
        list.iter().copied().collect()
    }

    impl<V> Sorted<V> {
        /// How many pieces this one does not share with the other.
        fn copied(&self, other: &Self) -> usize {
            let is_shared = |piece: &&Arc<Vec<V>>| {
                let mut pieces = other.pieces.iter();
                pieces.any(|shared| Arc::ptr_eq(shared, piece))
            };
            self.pieces.iter().filter(|it| !is_shared(it)).count()
        }
    }

    #[test]
    fn a_change_copies_one_piece_and_leaves_the_copy_as_it_was() {
        let mut list = Sorted::default();
        for number in 0..10_000 {
            insert(&mut list, (number, 0));
        }
        let before = list.clone();
        insert(&mut list, (5_000, 1));
        assert_eq!(list.copied(&before), 2, "a full piece becomes two");
        list.remove(|value| value.cmp(&(9_000, 0)));
        assert_eq!(list.copied(&before), 3);
        assert_eq!(before.len(), 10_000);
        assert_eq!(all(&before).len(), 10_000);
    }

    proptest! {
        #[test]
        fn it_is_a_sorted_set(
            changes in prop::collection::vec((any::<bool>(), 0u16..40, 0u16..40), 0..1500),
            spread in 1u16..20,
        ) {
            let (mut list, mut set) = (Sorted::default(), BTreeSet::new());
            for (removes, first, second) in changes {
                let value = (first / spread, second);
                if removes {
                    let removed = list.remove(|other: &(u16, u16)| other.cmp(&value));
                    prop_assert_eq!(removed.is_some(), set.remove(&value));
                } else {
                    prop_assert_eq!(insert(&mut list, value), set.insert(value));
                }
            }
            prop_assert_eq!(list.len(), set.len());
            prop_assert_eq!(all(&list), set.iter().copied().collect::<Vec<_>>());
            for first in 0..40 {
                let found: Vec<_> = list.range(|it| it.0.cmp(&first)).copied().collect();
                let right: Vec<_> = set.range((first, 0)..(first + 1, 0)).copied().collect();
                prop_assert_eq!(found, right);
                prop_assert_eq!(
                    list.find(|it| it.cmp(&(first, 7))).is_some(),
                    set.contains(&(first, 7))
                );
            }
            prop_assert!(list.pieces.iter().all(|piece| (1..=PIECE).contains(&piece.len())));
        }
    }
}
