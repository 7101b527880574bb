//! What kind of object a document is, and which one was plainly meant where it is none of them by the letter.

use strum::{IntoEnumIterator, VariantNames};

use crate::document::{Mistake, Node, Value};
use crate::domain::{Word, nearest};
use crate::facts::Kind;
use crate::rbac::{RBAC_API_VERSION, RBAC_GROUP};

/// What an object is to those who judge bindings and roles.
#[derive(Debug, PartialEq)]
pub enum Recognized<'a> {
    /// A binding or a role.
    Judged(Kind),
    /// Plainly meant as one, or to hold one, and not read as one; why.
    Meant(Mistake),
    /// Another kind of object; its kind, empty if it has none.
    Other(&'a str),
}

pub(super) fn of(node: &Node) -> Recognized<'_> {
    let header = Header::of(node);
    if let Some(kind) = header.judged() {
        return Recognized::Judged(kind);
    }
    let meant = header
        .of_our_group()
        .or_else(|| header.list_without_items())
        .or_else(|| header.nearly())
        .or_else(|| header.holds_one());
    match meant {
        Some(mistake) => Recognized::Meant(mistake),
        None => Recognized::Other(header.kind),
    }
}

struct Header<'a> {
    node: &'a Node,
    api_version: &'a str,
    kind: &'a str,
}

impl<'a> Header<'a> {
    fn of(node: &'a Node) -> Self {
        let text = |key| node.get(key).and_then(Node::text).unwrap_or_default();
        Self {
            node,
            api_version: text("apiVersion"),
            kind: text("kind"),
        }
    }

    fn judged(&self) -> Option<Kind> {
        exactly(self.kind).filter(|_| self.api_version == RBAC_API_VERSION)
    }

    /// Everything of the group is meant as one of four kinds in the one version that is served.
    fn of_our_group(&self) -> Option<Mistake> {
        if self.group() != RBAC_GROUP {
            return None;
        }
        if self.kind.ends_with("List") {
            return Some(self.mistake("items", LIST_WITHOUT_ITEMS));
        }
        Some(match exactly(self.kind) {
            Some(_) => self.wrong_version(),
            None => self.wrong_kind(),
        })
    }

    fn list_without_items(&self) -> Option<Mistake> {
        (self.kind == "List").then(|| self.mistake("items", LIST_WITHOUT_ITEMS))
    }

    /// A kind that is written a little otherwise in a group that is too, or with the parts that only these have.
    fn nearly(&self) -> Option<Mistake> {
        let is_near_group = self.group().is_empty() || is_near(self.group());
        let kind = folded(self.kind).or_else(|| {
            let may_be_typo = self.group().is_empty() && !self.kind.is_empty();
            may_be_typo.then(|| near_kind(self.kind)).flatten()
        });
        match kind {
            Some(_) if is_near_group || self.has_parts() => Some(if exactly(self.kind).is_some() {
                self.wrong_version()
            } else {
                self.wrong_kind()
            }),
            None if self.kind.is_empty() && self.has_parts() => {
                let message = format!("is missing; known are {}", known());
                Some(self.mistake("kind", message))
            }
            _ => None,
        }
    }

    /// What only bindings have, or only roles.
    fn has_parts(&self) -> bool {
        let rules = self.node.get("rules").and_then(Node::items);
        let is_rule = |rule: &Node| {
            let parts = ["apiGroups", "resources", "nonResourceURLs"];
            rule.get("verbs").is_some() && parts.iter().any(|part| rule.get(part).is_some())
        };
        self.node.get("roleRef").is_some() || rules.is_some_and(|rules| rules.iter().any(is_rule))
    }

    /// A list beside `items` in which bindings or roles stand.
    fn holds_one(&self) -> Option<Mistake> {
        let Value::Map(entries) = &self.node.value else {
            return None;
        };
        entries.iter().find_map(|(key, value)| {
            let kind = value
                .items()?
                .iter()
                .find_map(|item| Header::of(item).judged())?;
            let advice = match self.kind {
                "Template" => {
                    "; check what it becomes: oc process -f FILE | palette-rbac check -f -"
                }
                _ => "; `items` is the list that it applies",
            };
            let message =
                format!("holds a {kind}, which kubectl does not apply from there{advice}");
            Some(self.mistake(key.text()?, message))
        })
    }

    fn wrong_version(&self) -> Mistake {
        let kind = exactly(self.kind).map_or("", Into::into);
        let message = match self.api_version {
            "" => format!("is missing; a {kind} is of \"{RBAC_API_VERSION}\""),
            other => format!(
                "`{}` has no {kind} that is served; did you mean \"{RBAC_API_VERSION}\"?",
                other.escape_debug()
            ),
        };
        self.mistake("apiVersion", message)
    }

    fn wrong_kind(&self) -> Mistake {
        let near = folded(self.kind).or_else(|| near_kind(self.kind));
        let shown = self.kind.escape_debug();
        let message = match near {
            Some(near) => format!("`{shown}` is no kind of {RBAC_GROUP}; did you mean \"{near}\"?"),
            None => format!(
                "`{shown}` is no kind of {RBAC_GROUP}; known are {}",
                known()
            ),
        };
        self.mistake("kind", message)
    }

    fn mistake(&self, path: &str, message: impl Into<String>) -> Mistake {
        Mistake::new(self.node.position_of(path), path, message)
    }

    fn group(&self) -> &'a str {
        let group = self.api_version.split_once('/');
        group.map_or("", |(group, _)| group)
    }
}

fn exactly(word: &str) -> Option<Kind> {
    word.parse().ok()
}

/// `rolebinding`, `Role-Binding`, `RoleBindings`.
fn folded(word: &str) -> Option<Kind> {
    let letters: String = word.chars().filter(char::is_ascii_alphabetic).collect();
    let letters = letters.to_ascii_lowercase();
    let singular = letters.strip_suffix('s').unwrap_or(&letters);
    let is_meant = |kind: &Kind| kind.as_str().to_ascii_lowercase() == singular;
    Kind::iter().find(is_meant)
}

fn near_kind(word: &str) -> Option<Kind> {
    let short: String = word.chars().take(LONGEST).collect();
    nearest(&short, Kind::VARIANTS.iter().copied()).and_then(exactly)
}

fn is_near(group: &str) -> bool {
    let short: String = group.chars().take(LONGEST).collect();
    group.starts_with("rbac.")
        || group.starts_with("authorization.")
        || nearest(&short, [RBAC_GROUP]).is_some()
}

fn known() -> String {
    Kind::VARIANTS.join(", ")
}

const LIST_WITHOUT_ITEMS: &str = "is no list; a List without `items` applies nothing";

/// No word that is near one of ours is longer; comparing takes time with the length.
const LONGEST: usize = 64;
