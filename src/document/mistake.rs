//! What is wrong with a file: where, and what to do.

use std::fmt;

use crate::domain::nearest;

/// Something in a file that cannot be meant, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// The character in the line, from 1; 0 where it is not known.
    pub column: usize,
    /// The way from the top, as in `exemptions[2].subjects[0].kind`; empty at the top.
    pub path: String,
    /// What is wrong, and what was likely meant.
    pub message: String,
}

impl Mistake {
    pub(crate) fn new(
        position: Position,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            line: position.line,
            column: position.column,
            path: path.into(),
            message: message.into(),
        }
    }
}

impl Mistake {
    /// The path and what is wrong there, without the place.
    #[cfg(feature = "server")]
    pub(crate) fn said(&self) -> String {
        match self.path.as_str() {
            "" => self.message.clone(),
            path => format!("{path}: {}", self.message),
        }
    }
}

/// `7:3: rules.requestor: unknown rule; did you mean "requester"?`, always one line.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write_printable(f, &self.path)?;
            f.write_str(": ")?;
        }
        write_printable(f, &self.message)
    }
}

/// The file may hold control characters, and a terminal or a log would obey them.
fn write_printable(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        if character.is_control() {
            write!(f, "{}", character.escape_default())?;
        } else {
            fmt::Write::write_char(f, character)?;
        }
    }
    Ok(())
}

/// All that is wrong with one file, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Those mistakes, or nothing if there are none.
    pub(crate) fn of(mut mistakes: Vec<Mistake>) -> Option<Self> {
        mistakes.sort();
        mistakes.dedup();
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    /// Each mistake.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// The same in the words for people, one line a mistake, each with the name of the file.
    pub fn in_file<'a>(&'a self, file: &'a str) -> InFile<'a> {
        InFile {
            file,
            mistakes: &self.0,
        }
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, None, &self.0)
    }
}

impl std::error::Error for Mistakes {}

/// Mistakes or warnings with the name of their file: `policy.yaml:7:3: …`.
#[derive(Debug, Clone, Copy)]
pub struct InFile<'a> {
    file: &'a str,
    mistakes: &'a [Mistake],
}

impl<'a> InFile<'a> {
    /// Names the file of these.
    pub fn new(file: &'a str, mistakes: &'a [Mistake]) -> Self {
        Self { file, mistakes }
    }
}

impl fmt::Display for InFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, Some(self.file), self.mistakes)
    }
}

fn write_lines(
    f: &mut fmt::Formatter<'_>,
    file: Option<&str>,
    mistakes: &[Mistake],
) -> fmt::Result {
    for (index, mistake) in mistakes.iter().enumerate() {
        if index > 0 {
            f.write_str("\n")?;
        }
        match file {
            Some(file) if mistake.line > 0 => write!(f, "{file}:{mistake}")?,
            Some(file) => write!(f, "{file}: {mistake}")?,
            None => write!(f, "{mistake}")?,
        }
    }
    Ok(())
}

/// A line and a character in it, both from 1; 0 where they are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl From<serde_saphyr::Location> for Position {
    fn from(location: serde_saphyr::Location) -> Self {
        let number = |number: u64| usize::try_from(number).unwrap_or_default();
        Self {
            line: number(location.line()),
            column: number(location.column()),
        }
    }
}

/// The position of a byte of the text.
pub(crate) fn position_in(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Position {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

/// What is said of a word that nobody knows.
pub(crate) fn unknown_word(noun: &str, word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("unknown {noun}; did you mean {near:?}?"),
        None => format!("unknown {noun}; known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(line: usize, path: &str, message: &str) -> Mistake {
        Mistake::new(Position { line, column: 3 }, path, message)
    }

    #[test]
    fn prints_one_line_a_mistake_in_the_order_of_the_file() {
        let mistakes = Mistakes::of(vec![
            mistake(9, "", "unexpected end"),
            mistake(7, "rules.a\nb", "unknown rule\u{1b}"),
            mistake(0, "users[3]", "twice"),
        ])
        .unwrap();

        assert_eq!(
            mistakes.in_file("policy.yaml").to_string(),
            "policy.yaml: users[3]: twice\n\
             policy.yaml:7:3: rules.a\\nb: unknown rule\\u{1b}\n\
             policy.yaml:9:3: unexpected end"
        );
        assert!(mistakes.to_string().starts_with("users[3]: twice\n7:3: "));
    }

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "a\nöb";
        assert_eq!(position_in(text, 0), Position { line: 1, column: 1 });
        assert_eq!(position_in(text, 4), Position { line: 2, column: 2 });
    }
}
