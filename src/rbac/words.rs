//! Words once each, by number.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use serde::{Deserialize, Deserializer};

use super::steps;
use crate::document::for_each;

/// A word of a [`Lexicon`].
pub(super) type WordId = u32;

/// Words one after another, in little more than their letters.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Words {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Words {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The words, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    pub(super) fn get(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)?;
        let begin = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(as_place(begin)..as_place(end))
    }

    /// Nothing is added past 4 GiB of letters, which no object has.
    pub(super) fn push(&mut self, word: &str) {
        if let Ok(end) = u32::try_from(self.text.len() + word.len()) {
            self.text.push_str(word);
            self.ends.push(end);
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    fn shrunk(mut self) -> Self {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Words {
    fn from_iter<I: IntoIterator<Item = T>>(words: I) -> Self {
        let mut all = Self::default();
        words.into_iter().for_each(|word| all.push(word.as_ref()));
        all
    }
}

impl<T: AsRef<str>> From<&[T]> for Words {
    fn from(words: &[T]) -> Self {
        words.iter().collect()
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut words = Self::default();
        for_each(
            deserializer,
            "a sequence of strings",
            |BorrowedWord(word): BorrowedWord<'de>| {
                words.push(&word);
                Ok::<(), Infallible>(())
            },
        )?;
        Ok(words)
    }
}

/// A text, borrowed where the source has it as it is.
#[derive(Deserialize)]
struct BorrowedWord<'a>(#[serde(borrow)] Cow<'a, str>);

/// Different words, sorted, so that a smaller number is a smaller word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lexicon(Words);

impl Lexicon {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The word; empty for a number that is not of this lexicon.
    pub(super) fn word(&self, id: WordId) -> &str {
        self.0.get(as_place(id)).unwrap_or_default()
    }

    pub(super) fn find(&self, word: &str) -> Option<WordId> {
        let (mut low, mut high) = (0, as_id(self.len()));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.word(middle).cmp(word) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (WordId, &str)> {
        (0..).zip(self.0.iter())
    }

    pub(super) fn size(&self) -> usize {
        self.0.size()
    }

    /// Of each word of this one, its number in the other: the smaller is looked up in the larger.
    pub(super) fn in_other(&self, other: &Self) -> Translation {
        steps::count(self.len().min(other.len()));
        let mut ids = vec![Translation::NONE; self.len()];
        let mut set = |own: WordId, theirs: WordId| {
            if let Some(id) = ids.get_mut(as_place(own)) {
                *id = theirs;
            }
        };
        if self.len() <= other.len() {
            for (own, word) in self.iter() {
                if let Some(theirs) = other.find(word) {
                    set(own, theirs);
                }
            }
        } else {
            for (theirs, word) in other.iter() {
                if let Some(own) = self.find(word) {
                    set(own, theirs);
                }
            }
        }
        Translation(ids)
    }
}

/// From the words of one lexicon to those of another.
#[derive(Debug)]
pub(super) struct Translation(Vec<WordId>);

impl Translation {
    const NONE: WordId = WordId::MAX;

    pub(super) fn get(&self, id: WordId) -> Option<WordId> {
        let other = *self.0.get(as_place(id))?;
        (other != Self::NONE).then_some(other)
    }
}

/// Collects different words, in the order in which they come.
#[derive(Debug, Default)]
pub(super) struct Interner {
    words: Words,
    ids: HashTable<WordId>,
    /// Keyed anew in each interner, so that no input can choose words that share a place.
    hasher: RandomState,
}

impl Interner {
    /// The number of the word, a new one if it is new.
    pub(super) fn id(&mut self, word: &str) -> WordId {
        let Self { words, ids, hasher } = self;
        let text = |id: WordId| words.get(as_place(id)).unwrap_or_default();
        let hash = hasher.hash_one(word);
        if let Some(id) = ids.find(hash, |id| text(*id) == word) {
            return *id;
        }
        let id = as_id(words.len());
        ids.insert_unique(hash, id, |id| hasher.hash_one(text(*id)));
        words.push(word);
        id
    }

    /// Those of the words in order, and for each of them, by the number given out, that of the lexicon.
    pub(super) fn sorted(self, mut used: Vec<WordId>) -> (Lexicon, Vec<WordId>) {
        let words = self.words;
        let text = |id: WordId| words.get(as_place(id)).unwrap_or_default();
        used.sort_unstable();
        used.dedup();
        // The first letters lie beside the number, so that most comparisons need not look for the text.
        let mut order: Vec<(u64, WordId)> = used.iter().map(|id| (head(text(*id)), *id)).collect();
        order.sort_unstable_by(|(one_head, one), (two_head, two)| {
            let heads = one_head.cmp(two_head);
            heads.then_with(|| text(*one).cmp(text(*two)))
        });
        let mut numbers = vec![0; words.len()];
        for (number, (_, id)) in (0..).zip(&order) {
            if let Some(place) = numbers.get_mut(as_place(*id)) {
                *place = number;
            }
        }
        let sorted: Words = order.iter().map(|(_, id)| text(*id)).collect();
        (Lexicon(sorted.shrunk()), numbers)
    }
}

/// The first eight bytes, ordered as the text is.
fn head(text: &str) -> u64 {
    let mut bytes = [0; 8];
    for (byte, letter) in bytes.iter_mut().zip(text.bytes()) {
        *byte = letter;
    }
    u64::from_be_bytes(bytes)
}

/// An index of a list that is counted in 32 bits.
pub(super) const fn as_place(id: u32) -> usize {
    id as usize
}

/// No role has as many words, rules or letters as 32 bits count.
pub(super) fn as_id(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
