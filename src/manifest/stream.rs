//! A text taken apart into documents, and those into objects.

use super::json::Values;
use super::{Content, Object, Part, START, TEMPLATE, is_template, list, yaml};
use crate::document::{Cursor, Diagnostics, Mistake, Mistakes, Node, Position, Value};

/// The objects of a text, as `YAMLOrJSONDecoder` of `k8s.io/apimachinery/pkg/util/yaml` takes it apart.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut reader = StreamReader::default();
    if looks_like_json(text) {
        reader.json(text);
    } else {
        reader.yaml(text, 0);
    }
    reader.parts
}

/// Whether JSON is tried first: kubectl looks at so much of a text, and no further.
fn looks_like_json(text: &str) -> bool {
    let is_blank = |character: char| character.is_whitespace();
    let start = text.find(|character| !is_blank(character));
    start.is_some_and(|start| {
        start < LOOKED_AT && text.get(start..).is_some_and(|rest| rest.starts_with('{'))
    })
}

#[derive(Default)]
struct StreamReader {
    parts: Vec<Part>,
    document: usize,
}

impl StreamReader {
    /// JSON values, one after the other; after one at most the rest may turn out to be YAML.
    fn json(&mut self, text: &str) {
        let mut values = Values::new(text);
        while let Some(value) = values.next() {
            match value {
                Ok(node) => {
                    self.document += 1;
                    self.object(node);
                }
                Err(error) => return self.after_json(&values, &error),
            }
        }
    }

    /// Where neither reads on, what JSON said counts.
    fn after_json(&mut self, values: &Values<'_>, error: &serde_json::Error) {
        let mistake = json_mistake(values.position(), error);
        let (rest, lines) = without_first_blanks(values.rest());
        let mut as_yaml = Self {
            parts: Vec::new(),
            document: self.document,
        };
        if self.document < 2 && !is_limit(error) {
            as_yaml.yaml(rest, values.position().line - 1 + lines);
        }
        match as_yaml.parts.first() {
            Some(first) if !matches!(first.content, Content::Broken(_)) => {
                self.parts.append(&mut as_yaml.parts);
            }
            _ => {
                self.document += 1;
                self.push(mistake.line, Content::Broken(mistake.into()));
            }
        }
    }

    /// The documents between lines `---`.
    fn yaml(&mut self, text: &str, lines_before: usize) {
        for chunk in chunks(text) {
            let before = lines_before + chunk.lines_before;
            if let Some(mistake) = chunk.separator_mistake(lines_before) {
                self.document += 1;
                self.push(mistake.line, Content::Broken(mistake.into()));
            }
            match yaml::tree(&chunk.text) {
                Ok(None) => {}
                Ok(Some(mut node)) => {
                    self.document += 1;
                    move_down(&mut node, before);
                    self.object(node);
                }
                Err(mistake) => {
                    self.document += 1;
                    self.broken(mistake, &chunk.text, before);
                }
            }
        }
    }

    fn broken(&mut self, mut mistake: Mistake, text: &str, lines_before: usize) {
        mistake.line = mistake.line.max(1) + lines_before;
        mistake.column = mistake.column.max(1);
        if is_template(text) {
            mistake.message = format!("{}; {TEMPLATE}", mistake.message);
        }
        self.push(mistake.line, Content::Broken(mistake.into()));
    }

    fn object(&mut self, node: Node) {
        let line = node.position.line;
        match &node.value {
            Value::Null => {}
            Value::Map(_) => match stands_twice(&node) {
                Some(mistakes) => self.push(line, Content::Broken(mistakes)),
                None => self.map(node),
            },
            value => {
                let message = format!("expected an object, found {}", value.noun());
                let mistake = Mistake::new(node.position, "", message);
                self.push(line, Content::Broken(mistake.into()));
            }
        }
    }

    fn map(&mut self, node: Node) {
        let line = node.position.line;
        if let Some(mistake) = list::mistake(&node) {
            return self.push(mistake.line, Content::Broken(mistake.into()));
        }
        let Some(items) = list::items(&node) else {
            return self.push(line, Content::Object(Object(node)));
        };
        if let Some(page) = list::page(&node) {
            self.push(line, Content::Page(page));
        }
        for item in items {
            self.object(list::with_kind_of(&node, item));
        }
    }

    fn push(&mut self, line: usize, content: Content) {
        self.parts.push(Part {
            document: self.document,
            line,
            content,
        });
    }
}

/// A key of the object itself that stands twice: what the object is would hang on which of them counts.
fn stands_twice(node: &Node) -> Option<Mistakes> {
    let diagnostics = Diagnostics::default();
    Cursor::top(node, &diagnostics).entries();
    diagnostics.finish(()).err()
}

/// One document of a stream.
struct Chunk {
    /// How many lines are before its first.
    lines_before: usize,
    text: String,
    /// What follows the `---` above it and is no comment.
    after_separator: Option<String>,
}

impl Chunk {
    fn separator_mistake(&self, lines_before: usize) -> Option<Mistake> {
        let after = self.after_separator.as_ref()?;
        let position = Position {
            line: lines_before + self.lines_before,
            column: SEPARATOR.len() + 1,
        };
        let shown: String = after.chars().take(40).collect();
        let message =
            format!("`{shown}` after `---`, which kubectl does not take; begin a new line");
        Some(Mistake::new(position, "", message))
    }
}

/// Cuts at each line that begins with `---`, which may have a comment (`YAMLReader`); a carriage return at the end of
/// a line is no part of it.
fn chunks(text: &str) -> Vec<Chunk> {
    let mut chunks = vec![Chunk {
        lines_before: 0,
        text: String::with_capacity(text.len().min(64 * 1024)),
        after_separator: None,
    }];
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let bare = line
            .strip_suffix('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line));
        let bare = bare.unwrap_or(line);
        match bare.strip_prefix(SEPARATOR) {
            Some(after) => chunks.push(Chunk {
                lines_before: index + 1,
                text: String::new(),
                after_separator: Some(after.trim().to_owned())
                    .filter(|after| !after.is_empty() && !after.starts_with('#')),
            }),
            None => {
                if let Some(chunk) = chunks.last_mut() {
                    chunk.text.push_str(bare);
                    chunk.text.push('\n');
                }
            }
        }
    }
    chunks
}

/// Moves a tree to where its document stands in the file.
fn move_down(node: &mut Node, lines: usize) {
    if lines == 0 {
        return;
    }
    node.position.line += lines;
    match &mut node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| move_down(item, lines)),
        Value::Map(entries) => {
            for (key, value) in entries {
                move_down(key, lines);
                move_down(value, lines);
            }
        }
    }
}

/// The text without blanks up to its first line break, and how many of those that takes away.
fn without_first_blanks(text: &str) -> (&str, usize) {
    let blanks = text.len() - text.trim_start().len();
    let (blank, rest) = text.split_at_checked(blanks).unwrap_or((text, ""));
    match blank.split_once('\n') {
        Some(_) => text
            .split_once('\n')
            .map_or((rest, 0), |(_, rest)| (rest, 1)),
        None => (rest, 0),
    }
}

/// What is wrong with the value after the last one that was read.
fn json_mistake(start: Position, error: &serde_json::Error) -> Mistake {
    let lines = error.line().saturating_sub(1);
    let column = error.column() + if lines == 0 { start.column - 1 } else { 0 };
    let position = Position {
        line: start.line + lines,
        column: column.max(START.column),
    };
    let words = error.to_string();
    let end = words.rfind(" at line ").unwrap_or(words.len());
    Mistake::new(position, "", words.get(..end).unwrap_or(&words))
}

/// Whether serde gives up where Go reads on, so that the rest is JSON to kubectl all the same.
fn is_limit(error: &serde_json::Error) -> bool {
    let words = error.to_string();
    ["recursion limit", "surrogate", "number out of range"]
        .iter()
        .any(|limit| words.contains(limit))
}

const SEPARATOR: &str = "---";

/// Bytes (`NewYAMLOrJSONDecoder(…, 4096)` in `k8s.io/cli-runtime/pkg/resource`).
const LOOKED_AT: usize = 4096;
