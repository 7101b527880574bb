use serde_json::Value;

/// What a value of a file is to kubectl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An empty document.
    Nothing,
    /// No object: a text, a number, a bare list.
    Foreign,
    /// One object.
    Object,
    /// An object with a list of `items`, which is taken for a List whatever its kind.
    List,
}

impl Shape {
    /// What is wrong with [`Self::Foreign`].
    pub(super) const FOREIGN: &'static str = "is not an object";

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Object(fields) if fields.get("items").is_some_and(Value::is_array) => Self::List,
            Value::Object(_) => Self::Object,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Self::Foreign,
        }
    }
}

/// The item with the List's kind without `List`, where it names none; nothing where it has its own, or the List none.
///
/// `kubectl get --raw` prints such items, and `kubectl apply` takes them
/// (`k8s.io/apimachinery/pkg/apis/meta/v1/unstructured`, `decodeToList`).
pub(super) fn with_kind_of(list: &Value, mut item: Value) -> Option<Value> {
    if text(&item, "kind").is_some() && text(&item, "apiVersion").is_some() {
        return None;
    }
    let kind = text(list, "kind")?;
    let kind = kind.strip_suffix("List").unwrap_or(kind);
    let api_version = text(list, "apiVersion")?;
    let fields = item.as_object_mut().filter(|_| !kind.is_empty())?;
    fields.insert("kind".to_owned(), kind.into());
    fields.insert("apiVersion".to_owned(), api_version.into());
    Some(item)
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
