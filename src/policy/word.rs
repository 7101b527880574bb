//! Closed words in print and in the schema.

use std::any::type_name;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use strum::IntoEnumIterator;

use super::RuleAction;
use super::actions::Cases;
use crate::domain::{Action, Rule, Word};

/// A value as its word, in a schema and in print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ClosedWord<T>(pub(super) T);

impl<T: Into<&'static str> + Copy> Serialize for ClosedWord<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.into())
    }
}

impl<T: IntoEnumIterator + Into<&'static str> + Copy> JsonSchema for ClosedWord<T> {
    /// The type's own name.
    fn schema_name() -> Cow<'static, str> {
        let path = type_name::<T>();
        path.rsplit_once("::").map_or(path, |(_, name)| name).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&'static str> = T::iter().map(Into::into).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

/// What each rule does, in the order of the table.
#[derive(Debug, Default)]
pub(super) struct RulesDocument(pub(super) Vec<(Rule, RuleAction)>);

impl Serialize for RulesDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(rule, action)| (rule.as_str(), action)))
    }
}

impl Serialize for RuleAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Always(action) => ClosedWord(*action).serialize(serializer),
            Self::ByCase(cases) => serializer.collect_map(
                cases
                    .iter()
                    .map(|(case, action)| (case, ClosedWord(*action))),
            ),
        }
    }
}

impl JsonSchema for RulesDocument {
    fn schema_name() -> Cow<'static, str> {
        "RulesDocument".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let action = generator.subschema_for::<ClosedWord<Action>>();
        let of_rule = |rule: Rule| match Cases::of(rule) {
            Some(cases) => {
                let by_case = map_of(cases.names, &action);
                json_schema!({ "anyOf": [action.clone(), by_case] })
            }
            None => action.clone(),
        };
        let properties: serde_json::Map<_, _> = Rule::iter()
            .map(|rule| (rule.to_string(), of_rule(rule).to_value()))
            .collect();
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

/// A map that has some of the keys and no other.
fn map_of(keys: Vec<&'static str>, value: &Schema) -> Schema {
    let properties: serde_json::Map<_, _> = keys
        .into_iter()
        .map(|key| (key.to_owned(), value.clone().to_value()))
        .collect();
    json_schema!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1
    })
}
