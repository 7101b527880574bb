//! Where parts of a text stand, found when it is asked.

use std::cell::OnceCell;

use super::Position;

/// Where parts of a text stand, for those that were borrowed from it: costs no memory until it is asked.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: OnceCell<Vec<usize>>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            starts: OnceCell::new(),
        }
    }

    /// The position of a part; unknown for a text of its own, as one with escapes is.
    pub(crate) fn position_of(&self, part: &str) -> Position {
        let offset = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr());
        let inside = |offset: &usize| offset.saturating_add(part.len()) <= self.text.len();
        offset
            .filter(inside)
            .map(|offset| self.position(offset))
            .unwrap_or_default()
    }

    fn position(&self, offset: usize) -> Position {
        let starts = self.starts();
        let line = starts.partition_point(|start| *start <= offset);
        let start = starts
            .get(line.wrapping_sub(1))
            .copied()
            .unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    fn starts(&self) -> &[usize] {
        self.starts.get_or_init(|| {
            let after_breaks = self.text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(after_breaks).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_borrowed_and_nothing_else() {
        let text = "one\nöther two\n".to_owned();
        let lines = Lines::new(&text);
        let at = |line, column| Position { line, column };
        assert_eq!(lines.position_of(text.get(..3).unwrap()), at(1, 1));
        assert_eq!(lines.position_of(text.get(11..14).unwrap()), at(2, 7));
        assert_eq!(lines.position_of("two"), Position::default());
    }
}
