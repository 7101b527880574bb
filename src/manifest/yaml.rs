//! One YAML document as a tree. The events are libyaml's, of which kubectl's parser is a port; what they mean is decided
//! as `go.yaml.in/yaml/v2` (`decode.go`) does.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};

use libyaml_safer::{Encoding, Event, EventData, Mark, Parser};

use super::scalar::{Scalar, resolve};
use crate::document::{Mistake, Node, Position, Value, position_in};

/// The document of a text that has one at most; nothing if it is empty.
pub(super) fn tree(text: &str) -> Result<Option<Node>, Mistake> {
    let read = text.strip_prefix('\u{feff}').unwrap_or(text);
    // At the start of a line libyaml skips one, and its port takes it for the first character of a key.
    if let Some(at) = read.find('\u{feff}') {
        let position = position_in(text, text.len() - read.len() + at);
        return Err(Mistake::new(position, "", BYTE_ORDER_MARK));
    }
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input(read.as_bytes());
    Composer {
        text,
        parser,
        anchors: HashMap::new(),
        repeated: 0,
        at: Mark::default(),
    }
    .document()
}

/// The result, or nothing if the library panics: it does on some texts that it was not written for, and a text must not
/// end the program.
fn contained<T>(read: impl FnOnce() -> T) -> Option<T> {
    IS_CONTAINED.set(true);
    // It is not asked again afterwards.
    let read = panic::catch_unwind(AssertUnwindSafe(read)).ok();
    IS_CONTAINED.set(false);
    read
}

/// Whether a panic of this thread is told as a mistake of the text that is read, so that nothing else need be said of it.
pub(super) fn contains_panics() -> bool {
    IS_CONTAINED.get()
}

thread_local! {
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

struct Composer<'t> {
    text: &'t str,
    parser: Parser<&'t [u8]>,
    anchors: HashMap<String, Anchored>,
    /// What aliases have repeated so far.
    repeated: usize,
    /// Where the last event ended.
    at: Mark,
}

/// What an anchor names.
enum Anchored {
    /// It is being read: an alias to it would contain itself.
    Open,
    Read(Node),
}

impl Composer<'_> {
    fn document(&mut self) -> Result<Option<Node>, Mistake> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } => {}
                EventData::StreamEnd => return Ok(None),
                _ => break,
            }
        }
        let first = self.next()?;
        let node = self.node(first, 0)?;
        self.next()?;
        let after = self.next()?;
        match after.data {
            EventData::StreamEnd => Ok(Some(node)),
            _ => Err(Mistake::new(position(after.start_mark), "", SECOND)),
        }
    }

    fn next(&mut self) -> Result<Event, Mistake> {
        let parsed = contained(|| self.parser.parse());
        let Some(parsed) = parsed else {
            let position = position(self.at);
            return Err(Mistake::new(position, "", GAVE_UP));
        };
        if let Ok(event) = &parsed {
            self.at = event.end_mark;
        }
        parsed.map_err(|error| {
            let mark = error.problem_mark().map(position);
            let position = mark.unwrap_or_else(|| first_unreadable(self.text));
            let words = [Some(error.problem()), error.context()];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            Mistake::new(position, "", words.join(" "))
        })
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node, Mistake> {
        let position = position(event.start_mark);
        let wrong = |message: &str| Err(Mistake::new(position, "", message));
        if depth > DEPTH {
            return wrong("nested too deeply");
        }
        if let Some(within) = anchor_of(&event.data).filter(|it| self.is_open(it)) {
            return wrong(&format!("`&{within}` stands within what `&{within}` names"));
        }
        let (anchor, value) = match event.data {
            EventData::Alias { anchor } => return self.repeat(&anchor, position),
            EventData::Scalar {
                anchor,
                tag,
                value,
                plain_implicit,
                ..
            } => match scalar(tag.as_deref(), value, plain_implicit) {
                Ok(value) => (anchor, value),
                Err(message) => return wrong(message),
            },
            EventData::SequenceStart { anchor, .. } => {
                self.open(anchor.as_deref());
                (anchor, self.list(depth)?)
            }
            EventData::MappingStart { anchor, .. } => {
                self.open(anchor.as_deref());
                (anchor, self.map(depth)?)
            }
            _ => return wrong("no value"),
        };
        let node = Node { position, value };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Anchored::Read(node.clone()));
        }
        Ok(node)
    }

    /// Which of two that lie in each other is meant afterwards, readers of YAML do not agree on.
    fn is_open(&self, anchor: &str) -> bool {
        matches!(self.anchors.get(anchor), Some(Anchored::Open))
    }

    fn open(&mut self, anchor: Option<&str>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.to_owned(), Anchored::Open);
        }
    }

    /// What an alias stands for, where it was written.
    fn repeat(&mut self, anchor: &str, at: Position) -> Result<Node, Mistake> {
        let wrong = |message: String| Err(Mistake::new(at, "", message));
        match self.anchors.get(anchor) {
            None => wrong(format!("`*{anchor}` has no `&{anchor}` before it")),
            Some(Anchored::Open) => wrong(format!("`*{anchor}` would contain itself")),
            Some(Anchored::Read(node)) => {
                self.repeated = self.repeated.saturating_add(size(node));
                if self.repeated > REPEATED {
                    return wrong(String::from("aliases repeat more than any manifest does"));
                }
                Ok(node.clone())
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Mistake> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Value::List(items));
            }
            items.push(self.node(event, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Mistake> {
        let mut entries = Entries::default();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                return Ok(Value::Map(entries.list));
            }
            let merges = is_merge(&event.data);
            let key = self.node(event, depth + 1)?;
            let next = self.next()?;
            let value = self.node(next, depth + 1)?;
            if merges {
                entries.merge(value, key.position)?;
            } else {
                entries.add(text_of(key)?, value);
            }
        }
    }
}

/// The entries of a map.
#[derive(Default)]
struct Entries {
    list: Vec<(Node, Node)>,
    /// Where in the list each key stands, and whether it was merged; there once something was.
    index: Option<HashMap<String, (usize, bool)>>,
}

impl Entries {
    /// A key that stands twice is kept twice, so that a reader can say so; over what was merged it counts.
    fn add(&mut self, key: Node, value: Node) {
        let name = key.text().unwrap_or_default();
        let cursor = self.list.len();
        let before = self
            .index
            .as_mut()
            .and_then(|index| index.insert(name.to_owned(), (cursor, false)));
        match before {
            Some((at, true)) => {
                self.index
                    .as_mut()
                    .and_then(|index| index.insert(name.to_owned(), (at, false)));
                if let Some(entry) = self.list.get_mut(at) {
                    *entry = (key, value);
                }
            }
            Some((_, false)) | None => self.list.push((key, value)),
        }
    }

    /// Merges a map, or the maps of a list, of which the first count most.
    fn merge(&mut self, value: Node, at: Position) -> Result<(), Mistake> {
        let maps = match value.value {
            Value::List(maps) => maps,
            _ => vec![value],
        };
        for map in maps.into_iter().rev() {
            let Value::Map(entries) = map.value else {
                return Err(Mistake::new(at, "", "`<<` needs a map, or a list of maps"));
            };
            for (key, value) in entries {
                self.merge_entry(key, value, at)?;
            }
        }
        Ok(())
    }

    /// kubectl lets what is merged win over what was written before it, other readers do not.
    fn merge_entry(&mut self, key: Node, value: Node, at: Position) -> Result<(), Mistake> {
        let name = key.text().unwrap_or_default().to_owned();
        let known = self.index().get(&name).copied();
        match known {
            Some((_, false)) => Err(Mistake::new(
                at,
                "",
                format!("`<<` brings `{name}`, which stands before it; write `<<` first"),
            )),
            Some((cursor, true)) => {
                if let Some(entry) = self.list.get_mut(cursor) {
                    *entry = (key, value);
                }
                Ok(())
            }
            None => {
                let cursor = self.list.len();
                self.index().insert(name, (cursor, true));
                self.list.push((key, value));
                Ok(())
            }
        }
    }

    fn index(&mut self) -> &mut HashMap<String, (usize, bool)> {
        let list = &self.list;
        self.index.get_or_insert_with(|| {
            let keys = list.iter().enumerate();
            keys.filter_map(|(cursor, (key, _))| Some((key.text()?.to_owned(), (cursor, false))))
                .collect()
        })
    }
}

fn is_merge(event: &EventData) -> bool {
    let EventData::Scalar {
        tag,
        value,
        plain_implicit,
        ..
    } = event
    else {
        return false;
    };
    value == "<<" && (*plain_implicit || tag.as_deref() == Some("tag:yaml.org,2002:merge"))
}

/// A key as text: kubectl makes text of whole numbers and booleans, and takes nothing else.
fn text_of(key: Node) -> Result<Node, Mistake> {
    let text = match key.value {
        Value::Text(text) => text,
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) if number.parse::<i64>().is_ok() => number.into(),
        value => {
            let message = format!("{} as a key; expected text", value.noun());
            return Err(Mistake::new(key.position, "", message));
        }
    };
    Ok(Node {
        position: key.position,
        value: Value::Text(text),
    })
}

/// What a scalar means, by its tag if it has one.
fn scalar(tag: Option<&str>, text: String, plain: bool) -> Result<Value, &'static str> {
    let tag = tag.unwrap_or_default();
    let wanted = tag.strip_prefix("tag:yaml.org,2002:");
    let resolved = match wanted {
        None if tag.is_empty() && plain => resolve(&text),
        Some("binary") => {
            return Err("kubectl does not take the tag `!!binary`; write base64 without it");
        }
        Some("null" | "bool" | "int" | "float" | "timestamp") => resolve(&text),
        // A tag of somebody's own means nothing to kubectl.
        _ => Scalar::Text,
    };
    let is_wanted = match (wanted, &resolved) {
        (Some("null"), resolved) => *resolved == Scalar::Null,
        (Some("bool"), resolved) => matches!(resolved, Scalar::Bool(_)),
        (Some("int"), resolved) => matches!(resolved, Scalar::Whole(_)),
        (Some("float"), resolved) => matches!(resolved, Scalar::Whole(_) | Scalar::Fraction(_)),
        (Some("timestamp"), resolved) => *resolved == Scalar::Text,
        _ => true,
    };
    if !is_wanted {
        return Err("the value is not what its tag says");
    }
    match resolved {
        Scalar::Null => Ok(Value::Null),
        Scalar::Bool(truth) => Ok(Value::Bool(truth)),
        Scalar::Whole(number) => Ok(Value::Number(number.into())),
        Scalar::Fraction(number) if number.is_finite() => {
            Ok(Value::Number(number.to_string().into()))
        }
        Scalar::Fraction(_) => Err("a number that JSON does not have"),
        Scalar::Text => Ok(Value::Text(text)),
    }
}

/// How much a copy takes, in nodes; a long text counts as many.
fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::Text(text) => text.len() / 64,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| size(key) + size(value))
            .sum(),
    }
}

fn position(mark: Mark) -> Position {
    let from_one = |number: u64| {
        usize::try_from(number)
            .unwrap_or_default()
            .saturating_add(1)
    };
    Position {
        line: from_one(mark.line),
        column: from_one(mark.column),
    }
}

/// Where the first character stands that no YAML has: the reader does not tell.
fn first_unreadable(text: &str) -> Position {
    let is_unreadable = |character: char| match character {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        character => character.is_control(),
    };
    position_in(text, text.find(is_unreadable).unwrap_or_default())
}

const BYTE_ORDER_MARK: &str =
    "a byte order mark (U+FEFF) within the text; take it out, or write \"\\uFEFF\" if it is meant";

const SECOND: &str = "kubectl reads only the first document; put a line `---` before this one";

fn anchor_of(event: &EventData) -> Option<&str> {
    match event {
        EventData::Scalar { anchor, .. }
        | EventData::SequenceStart { anchor, .. }
        | EventData::MappingStart { anchor, .. } => anchor.as_deref(),
        _ => None,
    }
}

/// No object of Kubernetes has a tenth of it. It also keeps the scanner's work linear, which looks at every open
/// bracket for each token.
const DEPTH: usize = 256;

const GAVE_UP: &str =
    "the YAML from here on cannot be read; a tag, as `!!str`, needs a blank after it";

/// Anchors are for some lines that repeat; a thousandfold repetition is an attack on the reader.
const REPEATED: usize = 100_000;
