use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::actions::Cases;
use super::{Disclose, OnStale, RoleClass, RoleReads, RuleAction};
use crate::domain::{Action, Mode, Rule, SubjectKind};

/// What is written as a word from a closed list.
pub(super) trait ClosedWords: Copy + 'static {
    /// What the list is called in the schema.
    const NAME: &str;
    /// All of them.
    const VALUES: &[Self];

    /// The word of one.
    fn word(self) -> &'static str;

    /// All of them, each with its word.
    fn words() -> Vec<(&'static str, Self)> {
        let words = Self::VALUES.iter();
        words.map(|value| (value.word(), *value)).collect()
    }
}

macro_rules! words {
    ($($type:ident: $word:expr;)*) => {$(
        impl ClosedWords for $type {
            const NAME: &str = stringify!($type);
            const VALUES: &[Self] = &$type::ALL;

            fn word(self) -> &'static str {
                let word: fn(Self) -> &'static str = $word;
                word(self)
            }
        }
    )*};
}

words! {
    Action: Action::as_str;
    Disclose: Disclose::as_str;
    Mode: Mode::as_str;
    OnStale: OnStale::as_str;
    RoleClass: |class| class.rule().as_str();
    RoleReads: RoleReads::as_str;
    Rule: Rule::as_str;
    SubjectKind: SubjectKind::as_str;
}

/// A value as its word, in a schema and in print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ClosedWord<T>(pub(super) T);

impl<T: ClosedWords> Serialize for ClosedWord<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<T: ClosedWords> JsonSchema for ClosedWord<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = T::VALUES.iter().map(|value| value.word()).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

/// What each rule does, in the order of the table.
#[derive(Debug, Default)]
pub(super) struct RulesDocument(pub(super) Vec<(Rule, RuleAction)>);

impl Serialize for RulesDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(rule, action)| (rule.word(), action)))
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
        let properties: serde_json::Map<_, _> = Rule::ALL
            .into_iter()
            .map(|rule| (rule.word().to_owned(), of_rule(rule).to_value()))
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
