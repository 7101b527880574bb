//! A document as a tree whose nodes know where they stand.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{MessageFormatter as _, Spanned, UserMessageFormatter};

use super::{Mistake, Position, position_in, unknown_word};

/// A part of a document and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
}

/// What a part of a document is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As JSON writes it.
    Number(Box<str>),
    Text(String),
    List(Vec<Node>),
    /// Keys in the order of the file, twice where the file has one twice.
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What it is called in a message.
    pub(crate) const fn noun(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Node {
    /// The value of a key of a map; the first, where it stands twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let is_meant = |(name, _): &&(Self, Self)| name.text() == Some(key);
        entries.iter().find(is_meant).map(|(_, value)| value)
    }

    /// The text that it is.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Where the path leads, as in `subjects[2].name`, or how far it can be followed.
    pub(crate) fn position_of(&self, path: &str) -> Position {
        match self.step(path.trim_start_matches('.')) {
            Some((below, rest)) => below.position_of(rest),
            None => self.position,
        }
    }

    fn step<'p>(&self, path: &'p str) -> Option<(&Self, &'p str)> {
        match &self.value {
            Value::Map(entries) => entries.iter().find_map(|(key, value)| {
                let rest = path.strip_prefix(key.text()?)?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some((value, rest))
            }),
            Value::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }
            _ => None,
        }
    }

    /// Reads a file of one YAML or JSON document.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Mistake> {
        let text = utf8(bytes)?;
        let node: Self =
            serde_saphyr::from_str_with_options(text, options()).map_err(|error| syntax(&error))?;
        if node.value == Value::Null {
            return Err(Mistake::new(START, "", EMPTY));
        }
        Ok(node)
    }
}

/// The bytes as text.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Mistake> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let valid = str::from_utf8(valid).unwrap_or_default();
        Mistake::new(position_in(valid, valid.len()), "", "not UTF-8")
    })
}

/// Duplicate keys pass, so that all of them are found.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    }
}

/// A mistake of the YAML parser's or of serde's.
pub(crate) fn syntax(error: &serde_saphyr::Error) -> Mistake {
    use serde_saphyr::Error;

    let position = error.location().map(Position::from).unwrap_or_default();
    match error {
        Error::Eof { .. } => Mistake::new(START, "", EMPTY),
        Error::MultipleDocuments { .. } => {
            Mistake::new(position, "", "a second document; a file holds one")
        }
        Error::SerdeUnknownField {
            field, expected, ..
        } => Mistake::new(position, field, unknown_word("field", field, expected)),
        _ => Mistake::new(position, "", UserMessageFormatter.format_message(error)),
    }
}

const START: Position = Position { line: 1, column: 1 };

const EMPTY: &str = "the file is empty";

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            position: spanned.referenced.into(),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string().into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string().into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string().into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        Node::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn knows_where_keys_and_values_stand() {
        let node = Node::parse(b"a: off\nb: [x, 1]\na:").unwrap();
        let at = |line, column, value| Node {
            position: Position { line, column },
            value,
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let list = Value::List(vec![
            at(2, 5, text("x")),
            at(2, 8, Value::Number("1".into())),
        ]);
        let entries = vec![
            (at(1, 1, text("a")), at(1, 4, text("off"))),
            (at(2, 1, text("b")), at(2, 4, list)),
            (at(3, 1, text("a")), at(3, 2, Value::Null)),
        ];
        assert_eq!(node, at(1, 1, Value::Map(entries)));
    }

    #[test]
    fn reads_json_with_tabs_and_escapes() {
        let json = "{\n\t\"a\": [\"x\\/y \\ud83d\\ude00\"],\n\t\"b\": null\n}\n";
        let yaml = "a: [x/y 😀]\nb:\n";
        let words = |text: &str| match Node::parse(text.as_bytes()).unwrap().value {
            Value::Map(entries) => entries
                .into_iter()
                .map(|(key, value)| (key.value, value.value.noun()))
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(words(json), words(yaml));
        assert!(format!("{:?}", Node::parse(json.as_bytes())).contains("x/y 😀"));
    }

    #[test]
    fn says_where_a_file_cannot_be_read() {
        for (text, expected) in [
            ("", "1:1: the file is empty"),
            ("# nothing yet\n", "1:1: the file is empty"),
            (
                "a: 1\n---\nb: 2\n",
                "3:1: a second document; a file holds one",
            ),
            ("a: [1\n", "1:4: unclosed bracket '['"),
            (
                "a: b: c\n",
                "1:5: mapping values are not allowed in this context",
            ),
            ("a: *b\n", "1:4: reference to unknown value"),
        ] {
            assert_eq!(mistake(text), expected, "{text:?}");
        }
        let mistake = Node::parse(b"a: 1\nb: \xff").unwrap_err();
        assert_eq!(mistake.to_string(), "2:4: not UTF-8");
    }

    #[test]
    fn refuses_what_would_exhaust_it() {
        assert!(mistake(&"[".repeat(100_000)).contains("recursion limit"));
        let level = |(name, before)| {
            let aliases = vec![format!("*{before}"); 9].join(", ");
            format!("{name}: &{name} [{aliases}]\n")
        };
        let levels: String = ('b'..='i').zip('a'..).map(level).collect();
        let bomb = format!("a: &a [x, x, x, x, x, x, x, x, x]\n{levels}");
        assert!(!mistake(&bomb).is_empty());
    }
}
