use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{MessageFormatter as _, Spanned, UserMessageFormatter};

use super::Part;
use super::list::{Shape, with_kind_of};

/// The objects of a YAML stream; the items of Lists each on their own.
///
/// The stream is cut at its separators first, so that a broken document leaves the next ones as they are.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let chunks = chunks(text).into_iter().filter(|chunk| !chunk.is_blank());
    for (index, chunk) in chunks.enumerate() {
        let mut reader = Reader {
            document: index + 1,
            chunk: &chunk,
            parts: &mut parts,
        };
        reader.read();
    }
    parts
}

/// One document of a stream.
struct Chunk<'t> {
    /// The line before its first, so that lines in it need only be added.
    lines_before: usize,
    text: &'t str,
}

impl Chunk<'_> {
    fn is_blank(&self) -> bool {
        self.first_line().is_none()
    }

    /// The first line, of the file, that is neither blank nor a comment.
    fn first_line(&self) -> Option<usize> {
        let is_content = |line: &str| !(line.trim().is_empty() || line.trim().starts_with('#'));
        let place = self.text.lines().position(is_content)?;
        Some(self.lines_before + place + 1)
    }
}

/// Cuts at each line `---`, which may have a comment: kubectl's way (`k8s.io/apimachinery/pkg/util/yaml`).
fn chunks(text: &str) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let (mut start, mut first_line) = (0, 0);
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let end = offset + line.len();
        if is_separator(line) {
            chunks.push(chunk(text, start, offset, first_line));
            (start, first_line) = (end, index + 1);
        }
        offset = end;
    }
    chunks.push(chunk(text, start, offset, first_line));
    chunks
}

fn chunk(text: &str, start: usize, end: usize, lines_before: usize) -> Chunk<'_> {
    Chunk {
        lines_before,
        text: text.get(start..end).unwrap_or_default(),
    }
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| {
        let rest = rest.trim();
        rest.is_empty() || rest.starts_with('#')
    })
}

struct Reader<'c, 't> {
    document: usize,
    chunk: &'c Chunk<'t>,
    parts: &'c mut Vec<Part>,
}

impl Reader<'_, '_> {
    fn read(&mut self) {
        match parse::<Value>(self.chunk.text) {
            Ok(value) if Shape::of(&value) == Shape::List => self.list(&value),
            Ok(value) => {
                let line = self.chunk.first_line().unwrap_or(1);
                self.value(line, &value);
            }
            Err(error) => self.broken(&error),
        }
    }

    /// Reads the List once more, for the lines of its items.
    fn list(&mut self, list: &Value) {
        match parse::<Items>(self.chunk.text) {
            Ok(Items { items }) => {
                for item in items {
                    let line = line_of(item.referenced).unwrap_or(1);
                    self.item(self.chunk.lines_before + line, list, item.value);
                }
            }
            Err(error) => self.broken(&error),
        }
    }

    fn item(&mut self, line: usize, list: &Value, item: Value) {
        let item = match with_kind_of(list, item.clone()) {
            Some(typed) => typed,
            None => item,
        };
        self.value(line, &item);
    }

    fn value(&mut self, line: usize, value: &Value) {
        match Shape::of(value) {
            Shape::Nothing => {}
            Shape::Foreign => self.push(line, Err(Shape::FOREIGN.to_owned())),
            Shape::Object => self.push(line, Ok(value.to_string())),
            Shape::List => {
                let items = value.get("items").and_then(Value::as_array);
                for item in items.into_iter().flatten() {
                    self.item(line, value, item.clone());
                }
            }
        }
    }

    fn broken(&mut self, error: &serde_saphyr::Error) {
        let line = error.location().and_then(line_of);
        let line = match line {
            Some(line) => self.chunk.lines_before + line,
            None => self.chunk.first_line().unwrap_or(1),
        };
        self.push(
            line,
            Err(UserMessageFormatter.format_message(error).into_owned()),
        );
    }

    fn push(&mut self, line: usize, content: Result<String, String>) {
        self.parts.push(Part {
            document: self.document,
            line,
            content,
        });
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    // The defaults refuse a dump of a few thousand bindings. No event is shorter than half a byte (`[` opens a list,
    // which then also ends), and what aliases repeat is limited apart from this.
    let events = text.len().saturating_mul(2).max(EVENTS);
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_events: events,
            max_nodes: events,
            max_total_scalar_bytes: text.len().max(EVENTS),
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPLAYED_EVENTS,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn line_of(location: serde_saphyr::Location) -> Option<usize> {
    usize::try_from(location.line())
        .ok()
        .filter(|line| *line > 0)
}

#[derive(Deserialize)]
struct Items {
    items: Vec<Spanned<Value>>,
}

/// What any document may have.
const EVENTS: usize = 1_000_000;

/// Anchors are for some lines that repeat; a thousandfold repetition is an attack on the reader.
const REPLAYED_EVENTS: usize = 100_000;
