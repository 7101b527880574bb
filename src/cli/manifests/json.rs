use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Part;
use super::list::{Shape, with_kind_of};

/// The objects of JSON values, one after the other; the items of Lists each on their own.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let ends: Vec<usize> = text.match_indices('\n').map(|(offset, _)| offset).collect();
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    for (index, value) in values.enumerate() {
        let mut reader = Reader {
            text,
            ends: &ends,
            document: index + 1,
            parts: &mut parts,
        };
        match value {
            Ok(value) => reader.value(value.get()),
            Err(error) => reader.push(error.line().max(1), Err(without_position(&error))),
        }
    }
    parts
}

/// The words of a JSON error; its position is told otherwise, or is one in a text that nobody has seen.
pub(super) fn without_position(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let end = words.rfind(" at line ").unwrap_or(words.len());
    words.get(..end).unwrap_or(&words).to_owned()
}

struct Reader<'t, 'p> {
    text: &'t str,
    /// Where each line of it ends.
    ends: &'p [usize],
    document: usize,
    parts: &'p mut Vec<Part>,
}

impl<'t> Reader<'t, '_> {
    fn value(&mut self, json: &'t str) {
        let line = self.line(json);
        let value: Value = match serde_json::from_str(json) {
            Ok(value) => value,
            Err(error) => return self.push(line, Err(without_position(&error))),
        };
        match Shape::of(&value) {
            Shape::Nothing => {}
            Shape::Foreign => self.push(line, Err(Shape::FOREIGN.to_owned())),
            Shape::Object => self.push(line, Ok(json.to_owned())),
            Shape::List => self.list(line, json, &value),
        }
    }

    fn list(&mut self, line: usize, json: &'t str, list: &Value) {
        // Where `items` stands twice, this fails; the reader must not guess which of them is meant.
        match serde_json::from_str::<Items<'_>>(json) {
            Ok(Items { items }) => items.iter().for_each(|item| self.item(list, item.get())),
            Err(error) => self.push(line, Err(without_position(&error))),
        }
    }

    fn item(&mut self, list: &Value, json: &'t str) {
        let typed = serde_json::from_str(json)
            .ok()
            .and_then(|item| with_kind_of(list, item));
        match typed {
            Some(item) => self.push(self.line(json), Ok(item.to_string())),
            None => self.value(json),
        }
    }

    fn push(&mut self, line: usize, content: Result<String, String>) {
        self.parts.push(Part {
            document: self.document,
            line,
            content,
        });
    }

    /// The line in which a part of the text begins.
    fn line(&self, part: &str) -> usize {
        let offset = part.as_ptr().addr() - self.text.as_ptr().addr();
        1 + self.ends.partition_point(|end| *end < offset)
    }
}

#[derive(Deserialize)]
struct Items<'t> {
    #[serde(borrow)]
    items: Vec<&'t RawValue>,
}
