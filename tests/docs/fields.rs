use std::collections::{BTreeMap, BTreeSet};

use palette_rbac::directory::Directory;
use palette_rbac::policy::Policy;
use serde_json::Value;

use crate::keys::compare;
use crate::page::{Directive, Page};

/// The fields of a format by their paths, each with the words that it may have, if these are a closed list.
type Fields = BTreeMap<String, Vec<String>>;

/// What is wrong with the table of a file format: fields, their words, and the defaults of a policy.
pub(crate) fn differences(page: &Page) -> Vec<String> {
    let mut problems = Vec::new();
    for (argument, schema) in [
        ("policy", Policy::schema().to_value()),
        ("directory", Directory::schema().to_value()),
    ] {
        let word = "fields";
        let directive = Directive { word, argument };
        let Some(table) = page.table(directive) else {
            continue;
        };
        let mut fields = Fields::new();
        walk(&schema, &schema, "", &mut fields);
        let described = page.first_column(directive).unwrap_or_default();
        problems.extend(compare(&described, &fields.keys().cloned().collect()));
        problems.extend(table.iter().flat_map(|row| missing_words(row, &fields)));
        if argument == "policy" {
            problems.extend(table.iter().filter_map(|row| wrong_default(row)));
        }
    }
    problems
}

/// The words of a field that its second column lacks.
fn missing_words(row: &[&str], fields: &Fields) -> Vec<String> {
    let path = row[0].trim_matches('`');
    let words = fields.get(path).into_iter().flatten();
    words
        .filter(|word| !row[1].contains(&format!("`{word}`")) && *word != row[3].trim_matches('`'))
        .map(|word| format!("`{path}` may be `{word}`"))
        .collect()
}

/// A default of the third column that is not the embedded policy's.
fn wrong_default(row: &[&str]) -> Option<String> {
    let path = row[0].trim_matches('`');
    let default: Value = serde_saphyr::from_str(&Policy::default().to_yaml()).unwrap();
    let value = default.pointer(&format!("/{}", path.replace('.', "/")))?;
    let word = match value {
        Value::String(text) if text.is_empty() => String::from("\"\""),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => String::from("[]"),
        _ => return None,
    };
    let is_header = ["apiVersion", "kind"].contains(&path);
    (!is_header && row[2] != format!("`{word}`"))
        .then(|| format!("the default of `{path}` is `{word}`"))
}

fn walk(root: &Value, node: &Value, path: &str, fields: &mut Fields) {
    if let Some(target) = node["$ref"].as_str() {
        let target = root.pointer(target.trim_start_matches('#')).unwrap();
        walk(root, target, path, fields);
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        for node in node[choice].as_array().into_iter().flatten() {
            walk(root, node, path, fields);
        }
    }
    if node["items"].is_object() {
        walk(root, &node["items"], &format!("{path}[]"), fields);
    }
    let words: BTreeSet<&str> = words(node).collect();
    if let Some(field) = fields.get_mut(path) {
        field.extend(words.into_iter().map(str::to_owned));
    }
    for (name, node) in node["properties"].as_object().into_iter().flatten() {
        // The page on rules describes each of them, and its cases.
        let is_open = ["rules", "rules.*"].contains(&path);
        let name = if is_open { "*" } else { name };
        let below = [path, name].into_iter().filter(|part| !part.is_empty());
        let path = below.collect::<Vec<_>>().join(".");
        fields.entry(path.clone()).or_default();
        walk(root, node, &path, fields);
    }
}

/// The closed list of a schema.
fn words(schema: &Value) -> impl Iterator<Item = &str> {
    let list = schema["enum"].as_array().into_iter().flatten();
    list.chain([&schema["const"]]).filter_map(Value::as_str)
}
