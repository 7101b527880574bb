//! Lists of names that a policy file adds to and takes from.

use std::collections::HashMap;

use super::read::pattern;
use crate::document::{Cursor, Fields};
use crate::domain::{NamePattern, nearest};

/// A list of names that a file is laid over, entry by entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<NamePattern>);

/// What one item of a file does.
enum NameChange {
    Add(NamePattern),
    Remove(NamePattern),
}

impl Names {
    /// In the order of the files, each once.
    pub(super) fn patterns(&self) -> &[NamePattern] {
        &self.0
    }

    /// Lays a list over this, or what a file says to put in its place; of `kept` nothing can be taken away.
    pub(super) fn lay_over(&mut self, cursor: &Cursor<'_>, kept: &[&str]) {
        if cursor.is_map() {
            self.replace(cursor, kept);
            return;
        }
        let Some(items) = cursor.list() else {
            return;
        };
        if items.is_empty() {
            cursor.warn("adds nothing; `{ replace: [] }` takes the default's names away");
        }
        let below = self.clone();
        for change in each_once(&items) {
            match change {
                (_, NameChange::Add(name)) => self.add(name),
                (item, NameChange::Remove(name)) => {
                    if kept.iter().any(|kept| name.to_string() == **kept) {
                        item.mistake(format!("`{name}` {KEPT}"));
                    } else if !below.0.contains(&name) {
                        item.mistake(below.unknown(&name));
                    }
                    self.0.retain(|other| *other != name);
                }
            }
        }
    }

    /// What the default has keeps its place, so that the same names are the same list.
    fn replace(&mut self, cursor: &Cursor<'_>, kept: &[&str]) {
        let Some(items) = replacement(cursor) else {
            return;
        };
        let named: Vec<NamePattern> = each_once(&items)
            .filter_map(|(item, change)| match change {
                NameChange::Add(name) => Some(name),
                NameChange::Remove(_) => {
                    item.mistake("nothing is left to take away where all is replaced");
                    None
                }
            })
            .collect();
        let is_kept = |name: &NamePattern| kept.iter().any(|kept| name.to_string() == **kept);
        self.0.retain(|name| named.contains(name) || is_kept(name));
        for name in named {
            self.add(name);
        }
    }

    fn add(&mut self, name: NamePattern) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    fn unknown(&self, name: &NamePattern) -> String {
        let known: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        match nearest(&name.to_string(), known.iter().map(|it| &**it)) {
            Some(near) => format!("the default has no `{name}`; did you mean {near:?}?"),
            None => format!("the default has no `{name}`"),
        }
    }
}

/// The items that can be read; one that names what another did is a mistake.
fn each_once<'a, 'i>(
    items: &'i [Cursor<'a>],
) -> impl Iterator<Item = (&'i Cursor<'a>, NameChange)> {
    let mut first: HashMap<String, String> = HashMap::new();
    items.iter().filter_map(move |item| {
        let change = read_item(item)?;
        let (NameChange::Add(name) | NameChange::Remove(name)) = &change;
        if let Some(before) = first.get(&name.to_string()) {
            item.mistake(format!("`{name}` stands twice, first in {before}"));
            return None;
        }
        first.insert(name.to_string(), item.location().path);
        Some((item, change))
    })
}

/// A name, or `{ name: …, remove: true }`.
fn read_item(item: &Cursor<'_>) -> Option<NameChange> {
    if !item.is_map() {
        return pattern(item, "").map(NameChange::Add);
    }
    let fields = item.fields(&["name", "remove"])?;
    let name = fields.required("name").and_then(|name| pattern(&name, ""));
    fields.required("remove")?.truth()?;
    name.map(NameChange::Remove)
}

fn replacement<'a>(cursor: &Cursor<'a>) -> Option<Vec<Cursor<'a>>> {
    let fields: Fields<'a> = cursor.fields(&["replace"])?;
    fields.required("replace")?.list()
}

const KEPT: &str = "stands for everybody in every cluster, and stays";
