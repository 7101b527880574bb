//! Lists, which kubectl takes apart.

use super::Page;
use crate::document::{Mistake, Node, Value};

/// The items of what kubectl takes for a List: an object with a list of `items`, whatever its kind.
pub(super) fn items(node: &Node) -> Option<&[Node]> {
    node.get("items")?.items()
}

/// Why an object is no List though it has `items`: to kubectl `null` is an empty list, and it applies nothing else of the
/// object (`k8s.io/apimachinery/pkg/apis/meta/v1/unstructured`, `UnstructuredJSONScheme`).
pub(super) fn mistake(node: &Node) -> Option<Mistake> {
    let items = node.get("items")?;
    let message = "expected a list: kubectl takes an object with `items` for a List, and applies nothing else of it";
    items
        .items()
        .is_none()
        .then(|| Mistake::new(items.position, "items", message))
}

/// What the List says of itself as one page of many; nothing if it is whole.
pub(super) fn page(list: &Node) -> Option<Page> {
    let metadata = list.get("metadata")?;
    let remaining = match &metadata.get("remainingItemCount").map(|node| &node.value) {
        Some(Value::Number(number)) => number.parse().ok().filter(|count| *count > 0),
        _ => None,
    };
    let goes_on = metadata
        .get("continue")
        .and_then(Node::text)
        .is_some_and(|token| !token.is_empty());
    (goes_on || remaining.is_some()).then_some(Page { missing: remaining })
}

/// Gives an item the List's kind without `List`, where it names neither kind nor version.
///
/// `kubectl get --raw` prints such items, and `kubectl apply` takes them
/// (`k8s.io/apimachinery/pkg/apis/meta/v1/unstructured`, `decodeToList`); an item that is `null` is an empty object there.
pub(super) fn with_kind_of(list: &Node, item: &Node) -> Node {
    let mut item = item.clone();
    if item.value == Value::Null {
        item.value = Value::Map(Vec::new());
    }
    if is_filled(&item, "kind") || is_filled(&item, "apiVersion") {
        return item;
    }
    let Value::Map(entries) = &mut item.value else {
        return item;
    };
    entries.retain(|(key, _)| !matches!(key.text(), Some("kind" | "apiVersion")));
    for key in ["kind", "apiVersion"] {
        let of_list = list.get(key).and_then(Node::text).unwrap_or_default();
        let text = match key {
            "kind" => of_list.strip_suffix("List").unwrap_or(of_list),
            _ => of_list,
        };
        let node = |text: &str| Node {
            position: item.position,
            value: Value::Text(text.to_owned()),
        };
        entries.push((node(key), node(text)));
    }
    item
}

fn is_filled(node: &Node, key: &str) -> bool {
    node.get(key)
        .and_then(Node::text)
        .is_some_and(|text| !text.is_empty())
}
