//! Whether a document is what a JSON schema asks for: as much of JSON Schema as our own schemas use.

use serde_json::Value;

/// Where the document is not what the schema asks for; nothing if it is.
pub(crate) fn violation(schema: &schemars::Schema, document: &str) -> Option<String> {
    let document = serde_saphyr::from_str(document).unwrap();
    check(schema.as_value(), schema.as_value(), &document, "$")
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str) -> Option<String> {
    for (keyword, rule) in schema.as_object().into_iter().flatten() {
        let found = match keyword.as_str() {
            "$ref" => check(
                root,
                root.pointer(rule.as_str()?.trim_start_matches('#'))
                    .unwrap(),
                value,
                path,
            ),
            "anyOf" | "oneOf" => rule
                .as_array()?
                .iter()
                .map(|one| check(root, one, value, path))
                .reduce(Option::and)
                .flatten(),
            "type" => (!is_of_type(rule, value)).then(|| format!("{path} is no {rule}")),
            "enum" => {
                (!rule.as_array()?.contains(value)).then(|| format!("{path} is not in {rule}"))
            }
            "const" => (rule != value).then(|| format!("{path} is not {rule}")),
            "items" => value
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .find_map(|(at, item)| check(root, rule, item, &format!("{path}[{at}]"))),
            "required" => rule
                .as_array()?
                .iter()
                .find(|name| value.get(name.as_str().unwrap()).is_none())
                .map(|name| format!("{path} lacks {name}")),
            "properties" => value
                .as_object()
                .into_iter()
                .flatten()
                .find_map(|(name, item)| match rule.get(name) {
                    Some(rule) => check(root, rule, item, &format!("{path}.{name}")),
                    None => Some(format!("{path} has {name}")),
                }),
            "minProperties" => value
                .as_object()
                .filter(|map| (map.len() as u64) < rule.as_u64().unwrap())
                .map(|_| format!("{path} has fewer than {rule} fields")),
            "$schema"
            | "$defs"
            | "title"
            | "description"
            | "additionalProperties"
            | "format"
            | "minItems" => None,
            other => panic!("{path}: this checker does not know `{other}`"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    rule == name
        || rule
            .as_array()
            .is_some_and(|names| names.iter().any(|one| one == name))
}
