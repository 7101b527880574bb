//! Manifests as kubectl reads them: bytes to objects, each with its place.
//!
//! Where kubectl's reading of a text is not the only one, or hangs on what it does by accident, the text is refused:
//! what is judged is what would be applied. Nothing is judged here, and no file is opened.

mod bytes;
mod json;
mod kind;
mod list;
mod name;
mod scalar;
mod shape;
mod stream;
mod yaml;

use serde_json::Value;

use crate::admission::{InvalidObject, read_manifest};
use crate::document::{Cursor, Diagnostics, Mistake, Mistakes, Node, Position};
use crate::facts::{self, Kind};

pub use kind::Recognized;
pub use shape::Strictness;

/// What stands at one place of a text.
#[derive(Debug)]
pub struct Part {
    /// The document in the text, from 1; the items of a List share theirs.
    pub document: usize,
    /// The line of the object, from 1.
    pub line: usize,
    /// What it is.
    pub content: Content,
}

/// What a part of a text is.
#[derive(Debug)]
pub enum Content {
    /// An object.
    Object(Object),
    /// A List that says that more objects belong to it than it has.
    Page(Page),
    /// Nothing that kubectl would take, or nothing that it takes for what it looks like.
    Broken(Mistakes),
}

/// A List that is one page of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many objects are missing, if it says so.
    pub missing: Option<u64>,
}

/// An object and where its parts stand.
#[derive(Debug, Clone)]
pub struct Object(Node);

/// The objects of a text in the encodings that kubectl knows, in their order.
///
/// A part that is broken leaves the others as they are.
pub fn parts(bytes: &[u8]) -> Vec<Part> {
    match bytes::decoded(bytes) {
        Ok(text) => stream::parts(&text),
        Err(mistake) => vec![Part {
            document: 1,
            line: mistake.line,
            content: Content::Broken(mistake.into()),
        }],
    }
}

/// Whether a panic of this thread is told as a mistake of the text that is read: the program's hook need not tell it.
pub fn contains_panics() -> bool {
    yaml::contains_panics()
}

/// What is wrong with the shape of a binding in JSON, as far as it would mislead its reader; unknown fields are no
/// mistake.
pub(crate) fn mistakes_in(json: &str) -> Option<Mistakes> {
    let object = Object(json::tree(json)?);
    object.mistakes(Kind::RoleBinding, Strictness::Stored)
}

impl Object {
    /// What kind of object it is to kubectl, or which one was plainly meant.
    pub fn recognized(&self) -> Recognized<'_> {
        kind::of(&self.0)
    }

    /// The object as one of that kind; one without a namespace gets the one given, and one that leaves its name to the
    /// API server is called by the prefix.
    pub fn read(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        strictness: Strictness,
    ) -> Result<facts::StoredObject, Mistakes> {
        if let Some(mistakes) = self.mistakes(kind, strictness) {
            return Err(mistakes);
        }
        let mut document = serde_json::to_value(&self.0).unwrap_or_default();
        fill(&mut document, kind, namespace);
        if let Err(invalid) = as_binding(kind, &document) {
            return Err(self.at_fields(&invalid));
        }
        serde_json::from_value(document).map_err(|error| self.mistake("", error.to_string()).into())
    }

    fn at_fields(&self, invalid: &InvalidObject) -> Mistakes {
        let fields = invalid.fields.iter();
        let mistakes: Vec<Mistake> = fields
            .map(|field| self.mistake(&field.field, field.problem.clone()))
            .collect();
        Mistakes::of(mistakes).unwrap_or_else(|| self.mistake("", "cannot be understood").into())
    }

    /// What is wrong with its shape.
    fn mistakes(&self, kind: Kind, strictness: Strictness) -> Option<Mistakes> {
        let diagnostics = Diagnostics::default();
        shape::read(&Cursor::top(&self.0, &diagnostics), kind, strictness);
        diagnostics.finish(()).err()
    }

    /// The object as kubectl would send it.
    pub fn to_json(&self) -> String {
        json::text(&self.0)
    }

    /// The line of a field, as in `subjects[2].name`; of what is nearest to it where there is none.
    pub fn line_of(&self, path: &str) -> usize {
        self.0.position_of(path).line
    }

    fn mistake(&self, path: &str, message: impl Into<String>) -> Mistake {
        Mistake::new(self.0.position_of(path), path, message)
    }
}

/// Bindings have more words for what is wrong with them.
fn as_binding(kind: Kind, document: &Value) -> Result<(), InvalidObject> {
    match kind {
        Kind::Role | Kind::ClusterRole => Ok(()),
        Kind::RoleBinding | Kind::ClusterRoleBinding => {
            read_manifest(&document.to_string(), "").map(drop)
        }
    }
}

fn fill(document: &mut Value, kind: Kind, namespace: Option<&str>) {
    let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let is_empty =
        |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().is_empty();
    if is_empty(metadata.get("name"))
        && let Some(prefix) = metadata.get("generateName").cloned()
    {
        metadata.insert("name".to_owned(), prefix);
    }
    if let Some(namespace) = namespace
        && kind.is_namespaced()
        && is_empty(metadata.get("namespace"))
    {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
}

/// Whether a text has what Helm and its like would replace.
fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// What to do about a chart's template.
pub(crate) const TEMPLATE: &str =
    "this is a template; check what it becomes: helm template CHART | palette-rbac check -f -";

/// The first character of a text.
const START: Position = Position { line: 1, column: 1 };

#[cfg(test)]
mod tests;
