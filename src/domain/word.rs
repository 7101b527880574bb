//! Words of closed lists.

/// A value of a closed list, which policies, messages, metrics and logs write as one word.
///
/// `strum` makes the words from the names of the variants; `tests/docs/words.rs` holds them all.
pub trait Word: Copy + Into<&'static str> {
    /// The word.
    fn as_str(self) -> &'static str {
        self.into()
    }
}

impl<T: Copy + Into<&'static str>> Word for T {}
