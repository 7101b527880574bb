//! Whether a text is read as kubectl reads it. Shared with the fuzz target of the same name as the test.

use palette_rbac::manifest::{self, Content, Recognized};
use serde_json::{Map, Value};

/// How our reading of a text stands to kubectl's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// The same bindings and roles, one at least.
    Same,
    /// None, for both.
    Nothing,
    /// Neither takes it.
    BothRefuse,
    /// We refuse what kubectl takes, which is safe.
    WeRefuse,
    /// Something would be applied that was not judged, or not as it was.
    No(String),
}

/// Compares our reading with what the program `reads` answered.
pub(crate) fn agreement(text: &[u8], answer: &str) -> Agreement {
    let Ok(Value::Object(answer)) = serde_json::from_str(answer) else {
        return Agreement::No(format!("no answer: {answer}"));
    };
    let theirs = answer.get("objects").and_then(Value::as_array);
    let theirs: Vec<Value> = theirs.into_iter().flatten().filter_map(judged).collect();
    let they_refuse = answer.contains_key("error");
    let Some(ours) = ours(text) else {
        return if they_refuse {
            Agreement::BothRefuse
        } else {
            Agreement::WeRefuse
        };
    };
    // Of a text that it refuses in the end, kubectl has applied what came before.
    let begins_alike = ours.get(..theirs.len()) == Some(&theirs);
    let is_same = begins_alike && (they_refuse || ours.len() == theirs.len());
    match theirs.is_empty() && ours.is_empty() {
        _ if !is_same => Agreement::No(format!("we read {ours:#?}\n  kubectl reads {theirs:#?}")),
        true => Agreement::Nothing,
        false => Agreement::Same,
    }
}

/// The bindings and roles of a text; nothing if any of it is refused.
fn ours(text: &[u8]) -> Option<Vec<Value>> {
    let mut objects = Vec::new();
    for part in manifest::parts(text) {
        match part.content {
            Content::Object(object) => match object.recognized() {
                Recognized::Meant(_) => return None,
                Recognized::Judged(_) => {
                    objects.push(serde_json::from_str(&object.to_json()).ok()?);
                }
                Recognized::Other(_) => {}
            },
            Content::Page(_) | Content::Broken(_) => return None,
        }
    }
    Some(objects.iter().filter_map(judged).collect())
}

/// What of an object is judged, where it is a binding or a role.
fn judged(object: &Value) -> Option<Value> {
    let kinds = ["RoleBinding", "ClusterRoleBinding", "Role", "ClusterRole"];
    let is_kind = kinds.contains(&object.get("kind")?.as_str()?);
    let is_version = object.get("apiVersion")? == "rbac.authorization.k8s.io/v1";
    let keep = ["kind", "roleRef", "subjects", "rules", "aggregationRule"];
    let mut kept: Map<String, Value> = Map::new();
    for key in keep {
        kept.extend(object.get(key).map(|value| (key.to_owned(), plain(value))));
    }
    for key in ["name", "namespace", "labels", "generateName"] {
        let value = object
            .get("metadata")
            .and_then(|metadata| metadata.get(key));
        // Not there, to kubectl.
        let value = value.filter(|value| !value.is_null());
        kept.extend(value.map(|value| (key.to_owned(), plain(value))));
    }
    (is_kind && is_version).then_some(Value::Object(kept))
}

/// Go writes some numbers differently; no field that is judged is one.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(_) => Value::from("a number"),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(entries) => {
            let entries = entries.iter();
            Value::Object(
                entries
                    .map(|(key, value)| (key.clone(), plain(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// A question to the program `reads`.
pub(crate) fn question(text: &[u8]) -> Vec<u8> {
    let size = u32::try_from(text.len()).unwrap_or(0).to_le_bytes();
    [&size[..], text].concat()
}
