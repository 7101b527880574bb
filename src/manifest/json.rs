//! JSON as a tree, and a tree as JSON.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::value::RawValue;

use super::START;
use crate::document::{Node, Position, Value};

/// The values of a text, one after the other.
pub(super) struct Values<'t> {
    text: &'t str,
    /// Where the last value ended.
    end: usize,
    /// The same as a place.
    position: Position,
}

impl<'t> Values<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            end: 0,
            position: START,
        }
    }

    /// The next value, or why there is none; nothing at the end.
    pub(super) fn next(&mut self) -> Option<Result<Node, serde_json::Error>> {
        let rest = self.rest();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = match values.next()? {
            Ok(value) => value.get(),
            Err(error) => return Some(Err(error)),
        };
        let mut reader = Reader::new(rest, self.position);
        reader.take(value.as_ptr().addr() - rest.as_ptr().addr());
        let Some(node) = reader.value(0) else {
            return Some(Err(serde::de::Error::custom("recursion limit exceeded")));
        };
        self.end = self.text.len() - reader.rest.len();
        self.position = reader.position;
        Some(Ok(node))
    }

    /// What follows the last value.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.end..).unwrap_or_default()
    }

    /// Where that begins.
    pub(super) const fn position(&self) -> Position {
        self.position
    }
}

/// A text that is one JSON value, as a tree; nothing if it is nested too deeply for one.
pub(super) fn tree(text: &str) -> Option<Node> {
    Reader::new(text, START).value(0)
}

/// Reads text that serde has found to be JSON, in one pass; serde alone would not say where a value stands.
struct Reader<'t> {
    rest: &'t str,
    position: Position,
}

impl<'t> Reader<'t> {
    const fn new(rest: &'t str, position: Position) -> Self {
        Self { rest, position }
    }

    /// The next value; nothing if it is nested too deeply.
    fn value(&mut self, depth: usize) -> Option<Node> {
        self.skip_blanks();
        let position = self.position;
        let value = match self.rest.as_bytes().first() {
            Some(b'{' | b'[') if depth == DEPTH => return None,
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.text()),
            _ => self.word(),
        };
        Some(Node { position, value })
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        self.take(1);
        while self.goes_on(b'}') {
            let position = self.position;
            let key = Node {
                position,
                value: Value::Text(self.text()),
            };
            self.skip_blanks();
            // The colon.
            self.take(1);
            entries.push((key, self.value(depth + 1)?));
        }
        Some(Value::Map(entries))
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        self.take(1);
        while self.goes_on(b']') {
            items.push(self.value(depth + 1)?);
        }
        Some(Value::List(items))
    }

    /// Steps over a comma; nothing follows the end.
    fn goes_on(&mut self, end: u8) -> bool {
        self.skip_blanks();
        if self.rest.starts_with(',') {
            self.take(1);
            self.skip_blanks();
        }
        match self.rest.as_bytes().first() {
            None => false,
            Some(byte) if *byte == end => {
                self.take(1);
                false
            }
            Some(_) => true,
        }
    }

    fn text(&mut self) -> String {
        let mut is_escaped = false;
        let inside = self.rest.bytes().skip(1);
        let length = inside
            .take_while(|byte| {
                let is_end = *byte == b'"' && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                !is_end
            })
            .count();
        let quoted = self.take(length + 2);
        serde_json::from_str(quoted).unwrap_or_default()
    }

    fn word(&mut self) -> Value {
        let ends = |character: char| ",]} \t\r\n".contains(character);
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        match self.take(length.max(1)) {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => Value::Number(number.into()),
        }
    }

    fn skip_blanks(&mut self) {
        let is_blank = |byte: &u8| b" \t\r\n".contains(byte);
        let length = self.rest.bytes().take_while(is_blank).count();
        self.take(length);
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        match taken.rfind('\n') {
            Some(last) => {
                self.position.line += taken.matches('\n').count();
                let after = taken.get(last..).unwrap_or_default();
                self.position.column = after.chars().count();
            }
            None => self.position.column += taken.chars().count(),
        }
        taken
    }
}

/// The tree in JSON.
pub(super) fn text(node: &Node) -> String {
    serde_json::to_string(node).unwrap_or_default()
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Number(number) => match serde_json::from_str::<serde_json::Number>(number) {
                Ok(number) => number.serialize(serializer),
                // One that no number of serde's can hold.
                Err(_) => serializer.serialize_str(number),
            },
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key.text().unwrap_or_default(), value)?;
                }
                map.end()
            }
        }
    }
}

/// No object of Kubernetes has a tenth of it; serde's own limit, which it does not hold where it only steps over.
const DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_reads() {
        for json in [
            r#"{"a": [1, -2.5e3, true, false, null], "b": {}, "c": [], "d\"\\": "x\u00e9\"\\"}"#,
            " [ ] ",
            "\"\\\\\"",
            "{\"a\":[{\"b\":[[]]}]}",
        ] {
            let read: serde_json::Value =
                serde_json::from_str(&text(&tree(json).unwrap())).unwrap();
            assert_eq!(
                read,
                serde_json::from_str::<serde_json::Value>(json).unwrap()
            );
        }
    }

    #[test]
    fn what_is_nested_too_deeply_has_no_tree() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(tree(&nested(DEPTH)).is_some());
        assert!(tree(&nested(1_000_000)).is_none());
    }

    #[test]
    fn knows_where_each_value_stands() {
        let json = "{\n  \"a\": [\"ä\", {\"b\":\n1}]\n}";
        let tree = tree(json).unwrap();
        let at = |path: &str| {
            let position = tree.position_of(path);
            (position.line, position.column)
        };
        assert_eq!(at(""), (1, 1));
        assert_eq!(at("a"), (2, 8));
        assert_eq!(at("a[1]"), (2, 14));
        assert_eq!(at("a[1].b"), (3, 1));
        assert_eq!(at("a[7].b"), (2, 8));
    }
}
