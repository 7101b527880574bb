use std::collections::BTreeSet;

use palette_rbac::directory::Directory;
use palette_rbac::policy::Policy;
use serde_json::Value;

use crate::page::{Directive, Page};

/// Fields of a file format that its page does not describe, and the other way round.
pub(crate) fn differences(page: &Page) -> Vec<String> {
    let schemas = [
        ("policy", Policy::schema().to_value()),
        ("directory", Directory::schema().to_value()),
    ];
    let compared = schemas.iter().filter_map(|(argument, schema)| {
        let word = "fields";
        let table = page.table(Directive { word, argument })?;
        Some(compare(&described(&table), &known(schema)))
    });
    compared.flatten().collect()
}

fn compare(described: &BTreeSet<String>, known: &BTreeSet<String>) -> Vec<String> {
    let missing = known.difference(described);
    let invented = described.difference(known);
    let missing = missing.map(|field| format!("`{field}` is not described"));
    let invented = invented.map(|field| format!("`{field}` is no field"));
    missing.chain(invented).collect()
}

/// The first column, without its backticks.
fn described(table: &[Vec<&str>]) -> BTreeSet<String> {
    let cells = table.iter().filter_map(|row| row.first());
    cells
        .map(|cell| cell.trim_matches('`').to_owned())
        .collect()
}

fn known(schema: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    walk(schema, schema, "", &mut paths);
    paths
}

fn walk(root: &Value, node: &Value, path: &str, paths: &mut BTreeSet<String>) {
    if let Some(target) = node["$ref"].as_str() {
        walk(
            root,
            root.pointer(target.trim_start_matches('#')).unwrap(),
            path,
            paths,
        );
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        for node in node[choice].as_array().into_iter().flatten() {
            walk(root, node, path, paths);
        }
    }
    if node["items"].is_object() {
        walk(root, &node["items"], &format!("{path}[]"), paths);
    }
    for (name, node) in node["properties"].as_object().into_iter().flatten() {
        // The page on rules describes each of them.
        let name = if path == "rules" { "*" } else { name };
        let below = [path, name].into_iter().filter(|part| !part.is_empty());
        let path = below.collect::<Vec<_>>().join(".");
        walk(root, node, &path, paths);
        paths.insert(path);
    }
}
