//! A place in a document, from which fields are read and at which mistakes are noted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::{Mistake, Mistakes, Node, Position, Value, unknown_word};
use crate::domain::nearest;

/// What was found while one file was read.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    mistakes: RefCell<Vec<Mistake>>,
    warnings: RefCell<Vec<Mistake>>,
}

impl Diagnostics {
    /// Notes a mistake found after reading, when the tree is gone.
    pub(crate) fn mistake(&self, location: &Location, message: impl Into<String>) {
        let mistake = Mistake::new(location.position, location.path.as_str(), message);
        self.mistakes.borrow_mut().push(mistake);
    }

    /// Notes a warning in the same way.
    pub(crate) fn warn(&self, location: &Location, message: impl Into<String>) {
        let warning = Mistake::new(location.position, location.path.as_str(), message);
        self.warnings.borrow_mut().push(warning);
    }

    /// The value if there is no mistake, with the warnings.
    pub(crate) fn finish<T>(self, value: T) -> Result<(T, Vec<Mistake>), Mistakes> {
        let mut warnings = self.warnings.into_inner();
        warnings.sort();
        match Mistakes::of(self.mistakes.into_inner()) {
            Some(mistakes) => Err(mistakes),
            None => Ok((value, warnings)),
        }
    }
}

/// Where something stands in a file, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Location {
    pub(crate) position: Position,
    pub(crate) path: String,
}

/// A part of the tree, with the way to it.
///
/// Each reader returns nothing when the part is not what it should be, and that is noted in the log.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    node: &'a Node,
    path: String,
    diagnostics: &'a Diagnostics,
}

impl<'a> Cursor<'a> {
    /// The top of a tree.
    pub(crate) fn top(node: &'a Node, diagnostics: &'a Diagnostics) -> Self {
        Self {
            node,
            path: String::new(),
            diagnostics,
        }
    }

    /// Where it stands, for mistakes that are found later.
    pub(crate) fn location(&self) -> Location {
        Location {
            position: self.node.position,
            path: self.path.clone(),
        }
    }

    /// Notes that this cannot be meant.
    pub(crate) fn mistake(&self, message: impl Into<String>) {
        self.diagnostics.mistake(&self.location(), message);
    }

    /// Notes that this is likely not meant.
    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.diagnostics.warn(&self.location(), message);
    }

    /// Whether it is `null`, or a key without a value.
    pub(crate) fn is_null(&self) -> bool {
        self.node.value == Value::Null
    }

    /// Whether it is a map.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Text, whatever it holds.
    pub(crate) fn text(&self) -> Option<&'a str> {
        let text = self.node.text();
        if text.is_none() {
            self.expected("text");
        }
        text
    }

    /// The text that it is, without a word if it is none.
    pub(crate) fn quiet_text(&self) -> Option<&'a str> {
        self.node.text()
    }

    /// One line of text, possibly empty.
    pub(crate) fn line(&self) -> Option<&'a str> {
        let Value::Text(text) = &self.node.value else {
            self.expected("text");
            return None;
        };
        if let Some(character) = text.chars().find(|character| character.is_control()) {
            self.mistake(format!(
                "holds {character:?}; expected one line of plain text"
            ));
            return None;
        }
        Some(text)
    }

    /// One line of text that is not empty.
    pub(crate) fn name(&self) -> Option<&'a str> {
        let line = self.line()?;
        if line.trim().is_empty() {
            self.mistake("is empty");
            return None;
        }
        Some(line)
    }

    /// One of the words, as what it stands for.
    pub(crate) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        if self.node.value == Value::Bool(false)
            && let Some(off) = of_word("off", words)
        {
            self.warn("`false` is read as `off`: some tools rewrite the word; put it in quotes");
            return Some(off);
        }
        let Value::Text(text) = &self.node.value else {
            self.expected(&list_of(words));
            return None;
        };
        let found = of_word(text, words);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| *word);
            self.mistake(match nearest(text, known) {
                Some(near) => format!("unknown word `{text}`; did you mean {near:?}?"),
                None => format!("unknown word `{text}`; expected {}", list_of(words)),
            });
        }
        found
    }

    /// `true`, and nothing else.
    pub(crate) fn truth(&self) -> Option<()> {
        let truth = self.node.value == Value::Bool(true);
        if !truth {
            self.mistake("expected `true`; leave the field out otherwise");
        }
        truth.then_some(())
    }

    /// A positive length of time, as in `24h` or `90m`; a day has 24 hours.
    pub(crate) fn duration(&self) -> Option<Duration> {
        if matches!(self.node.value, Value::Number(_)) {
            self.mistake("a number without a unit; write for example `24h` or `90m`");
            return None;
        }
        let text = self.line()?;
        let duration = read_duration(text);
        if duration.is_none() {
            self.mistake(format!(
                "`{text}` is no positive duration; write for example `24h` or `90m`"
            ));
        }
        duration
    }

    /// A moment, as in `2027-06-30T00:00:00Z`.
    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        let text = self.line()?;
        let timestamp = text.parse().ok();
        if timestamp.is_none() {
            self.mistake(format!(
                "`{text}` is no moment; write date, time and zone, for example `2027-06-30T00:00:00Z`"
            ));
        }
        timestamp
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Option<Vec<Self>> {
        let Value::List(items) = &self.node.value else {
            self.expected("a list");
            return None;
        };
        let items = items.iter().enumerate();
        Some(
            items
                .map(|(index, node)| self.below(node, format!("{}[{index}]", self.path)))
                .collect(),
        )
    }

    /// The items of a list that has some.
    pub(crate) fn filled_list(&self) -> Option<Vec<Self>> {
        let items = self.list()?;
        if items.is_empty() {
            self.mistake("is empty; leave the field out to mean any");
            return None;
        }
        Some(items)
    }

    /// The entries of a map, each key with its place; a key that stands twice is a mistake.
    pub(crate) fn entries(&self) -> Option<Vec<MapEntry<'a>>> {
        let Value::Map(entries) = &self.node.value else {
            self.expected("a map");
            return None;
        };
        let mut first = HashMap::new();
        let read = entries.iter().filter_map(|(key, value)| {
            let entry = self.entry(key, value)?;
            match first.insert(entry.name, key.position) {
                None => Some(entry),
                Some(before) => {
                    entry
                        .key
                        .mistake(format!("stands twice, first in line {}", before.line));
                    None
                }
            }
        });
        Some(read.collect())
    }

    /// The fields of a map that has no others.
    pub(crate) fn fields(&self, known: &[&'static str]) -> Option<Fields<'a>> {
        let (fields, unknown): (Vec<_>, Vec<_>) = self
            .entries()?
            .into_iter()
            .partition(|entry| known.contains(&entry.name));
        for entry in unknown {
            entry.key.mistake(unknown_word("field", entry.name, known));
        }
        Some(Fields {
            cursor: self.clone(),
            entries: fields,
        })
    }

    /// The fields of a map that may have others, too.
    pub(crate) fn fields_among_others(&self, known: &[&'static str]) -> Option<Fields<'a>> {
        let mut entries = self.entries()?;
        entries.retain(|entry| known.contains(&entry.name));
        Some(Fields {
            cursor: self.clone(),
            entries,
        })
    }

    fn entry(&self, key: &'a Node, value: &'a Node) -> Option<MapEntry<'a>> {
        let Value::Text(name) = &key.value else {
            self.below(key, self.path.clone())
                .mistake(format!("{} as a key; expected text", key.value.noun()));
            return None;
        };
        let path = match self.path.as_str() {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        Some(MapEntry {
            name,
            key: self.below(key, path.clone()),
            value: self.below(value, path),
        })
    }

    fn below(&self, node: &'a Node, path: String) -> Self {
        Self {
            node,
            path,
            diagnostics: self.diagnostics,
        }
    }

    fn expected(&self, what: &str) {
        let found = self.node.value.noun();
        let hint = match self.node.value {
            Value::Bool(_) | Value::Number(_) if what == "text" => "; put it in quotes",
            _ => "",
        };
        self.mistake(format!("expected {what}, found {found}{hint}"));
    }
}

/// A key of a map and its value.
#[derive(Debug, Clone)]
pub(crate) struct MapEntry<'a> {
    pub(crate) name: &'a str,
    /// Complaints about the name point there.
    pub(crate) key: Cursor<'a>,
    pub(crate) value: Cursor<'a>,
}

/// A map of which every key is known.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    cursor: Cursor<'a>,
    entries: Vec<MapEntry<'a>>,
}

impl<'a> Fields<'a> {
    /// The value of a key that is there, `null` included.
    pub(crate) fn nullable(&self, name: &str) -> Option<Cursor<'a>> {
        self.key(name).map(|entry| entry.value.clone())
    }

    /// The value of a key that is there and not `null`.
    pub(crate) fn get(&self, name: &str) -> Option<Cursor<'a>> {
        self.nullable(name).filter(|cursor| !cursor.is_null())
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&self, name: &str) -> Option<Cursor<'a>> {
        let value = self.get(name);
        if value.is_none() {
            self.cursor.mistake(format!("`{name}` is missing"));
        }
        value
    }

    /// The place of the key itself.
    pub(crate) fn key(&self, name: &str) -> Option<&MapEntry<'a>> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

fn of_word<T: Copy>(text: &str, words: &[(&'static str, T)]) -> Option<T> {
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
}

/// `` `deny`, `warn` or `off` ``
fn list_of<T>(words: &[(&'static str, T)]) -> String {
    let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn read_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let duration: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration)
        .ok()
        .filter(|duration| !duration.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mistakes and warnings that reading the text leaves.
    fn log_of(text: &str, read: impl Fn(Cursor<'_>)) -> Vec<String> {
        let node = Node::parse(text.as_bytes()).unwrap();
        let diagnostics = Diagnostics::default();
        read(Cursor::top(&node, &diagnostics));
        let mut all = diagnostics.mistakes.into_inner();
        all.extend(diagnostics.warnings.into_inner());
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn collects_what_is_wrong_and_goes_on() {
        let text = "nmae: 1\nname: 7\nlist: {}\nname: x\nother: y\n7: z\n";
        let diagnostics = log_of(text, |top| {
            let fields = top.fields(&["name", "list"]).unwrap();
            assert_eq!(fields.get("name").unwrap().name(), None);
            assert!(fields.get("list").unwrap().list().is_none());
            assert!(fields.required("lost").is_none());
        });
        assert_eq!(
            diagnostics,
            [
                "4:1: name: stands twice, first in line 2",
                "6:1: a number as a key; expected text",
                "1:1: nmae: unknown field; did you mean \"name\"?",
                "5:1: other: unknown field; known are name, list",
                "2:7: name: expected text, found a number; put it in quotes",
                "3:7: list: expected a list, found a map",
                "1:1: `lost` is missing",
            ]
        );
    }

    #[test]
    fn reads_a_word_and_takes_false_for_off() {
        let words = [("deny", 1), ("off", 2)];
        let read = |text: &str, expected| {
            log_of(text, |top| {
                let fields = top.fields(&["a"]).unwrap();
                assert_eq!(fields.get("a").unwrap().word(&words), expected);
            })
        };
        assert_eq!(read("a: off", Some(2)), [""; 0]);
        assert_eq!(
            read("a: false", Some(2)),
            ["1:4: a: `false` is read as `off`: some tools rewrite the word; put it in quotes"]
        );
        assert_eq!(
            read("a: true", None),
            ["1:4: a: expected `deny` or `off`, found a boolean"]
        );
        assert_eq!(
            read("a: denny", None),
            ["1:4: a: unknown word `denny`; did you mean \"deny\"?"]
        );
        assert_eq!(
            read("a: banana", None),
            ["1:4: a: unknown word `banana`; expected `deny` or `off`"]
        );
    }

    #[test]
    fn reads_durations_and_moments() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        for (text, expected) in [
            ("24h", hours(24)),
            ("90m", Some(Duration::from_mins(90))),
            ("1d 12h", hours(36)),
            ("0h", None),
            ("-1h", None),
            ("1mo", None),
            ("soon", None),
        ] {
            assert_eq!(read_duration(text), expected, "{text}");
        }
        let diagnostics = log_of("a: 3600\nb: 2027-06-30\nc: 2027-06-30T00:00:00Z\n", |top| {
            let fields = top.fields(&["a", "b", "c"]).unwrap();
            assert_eq!(fields.get("a").unwrap().duration(), None);
            assert_eq!(fields.get("b").unwrap().timestamp(), None);
            assert!(fields.get("c").unwrap().timestamp().is_some());
        });
        assert_eq!(
            diagnostics,
            [
                "1:4: a: a number without a unit; write for example `24h` or `90m`",
                "2:4: b: `2027-06-30` is no moment; write date, time and zone, for example \
                 `2027-06-30T00:00:00Z`",
            ]
        );
    }
}
