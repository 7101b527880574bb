//! Exemptions of a policy file.

use std::collections::HashMap;
use std::sync::Arc;

use strum::VariantNames;

use super::read::{pattern, word};
use super::{Exemption, SubjectPattern};
use crate::document::{Cursor, Fields, unknown_word};
use crate::domain::{NamePattern, Rule, SubjectKind};

/// The exemptions of a file, in its order.
pub(super) fn read_exemptions(items: &[Cursor<'_>]) -> Vec<Exemption> {
    let mut first = HashMap::new();
    let read = items.iter().filter_map(|item| {
        let (name, exemption) = read_exemption(item)?;
        if let Some(before) = first.get(&*exemption.name) {
            name.mistake(format!(
                "`{}` stands twice, first in {before}",
                exemption.name
            ));
        } else {
            first.insert(Arc::clone(&exemption.name), item.location().path);
        }
        Some(exemption)
    });
    read.collect()
}

const FIELDS: [&str; 8] = [
    "name",
    "reason",
    "requesters",
    "subjects",
    "namespaces",
    "roles",
    "rules",
    "expires",
];

fn read_exemption<'a>(item: &Cursor<'a>) -> Option<(Cursor<'a>, Exemption)> {
    let fields = item.fields(&FIELDS)?;
    let names_who_or_where = ["requesters", "subjects", "namespaces"]
        .into_iter()
        .any(|name| fields.key(name).is_some());
    if !names_who_or_where {
        item.mistake(
            "covers everybody everywhere; add at least one of `requesters`, `subjects` and `namespaces`",
        );
    }
    let cursor = fields.required("name");
    let name = cursor.as_ref().and_then(Cursor::name);
    let reason = fields.required("reason").and_then(|reason| reason.name());
    let any = "; leave the field out to mean any";
    let exemption = Exemption {
        requesters: list_of(&fields, "requesters", subject),
        subjects: list_of(&fields, "subjects", subject),
        namespaces: list_of(&fields, "namespaces", |cursor| pattern(cursor, any)),
        roles: list_of(&fields, "roles", |cursor| pattern(cursor, any)),
        rules: list_of(&fields, "rules", rule),
        expires: fields.get("expires").and_then(|cursor| cursor.timestamp()),
        name: name?.into(),
        reason: reason?.into(),
    };
    Some((cursor?, exemption))
}

/// An absent list means any; one that is empty or `null` is a mistake, since taking out its last item must not widen
/// the exemption.
fn list_of<'a, T>(
    fields: &Fields<'a>,
    name: &str,
    read: impl Fn(&Cursor<'a>) -> Option<T>,
) -> Vec<T> {
    let items = fields
        .nullable(name)
        .and_then(|cursor| cursor.filled_list());
    items.unwrap_or_default().iter().filter_map(read).collect()
}

fn rule(cursor: &Cursor<'_>) -> Option<Rule> {
    let name = cursor.name()?;
    let rule = name.parse().ok();
    if rule.is_none() {
        cursor.mistake(unknown_word("rule", name, Rule::VARIANTS));
    }
    rule
}

fn subject(cursor: &Cursor<'_>) -> Option<SubjectPattern> {
    let fields = cursor.fields(&["kind", "name", "namespace"])?;
    match word(&fields.required("kind")?)? {
        SubjectKind::ServiceAccount => service_account(&fields),
        kind => person(&fields, kind),
    }
}

fn service_account(fields: &Fields<'_>) -> Option<SubjectPattern> {
    let every = "; leave it out to mean every service account of the namespace";
    let name = match fields.nullable("name") {
        Some(name) => pattern(&name, every),
        None => Some(NamePattern::any()),
    };
    Some(SubjectPattern {
        kind: SubjectKind::ServiceAccount,
        namespace: Some(pattern(&fields.required("namespace")?, "")?),
        name: name?,
    })
}

/// A user may be a service account by the name that it has as a user.
fn person(fields: &Fields<'_>, kind: SubjectKind) -> Option<SubjectPattern> {
    if let Some(namespace) = fields.nullable("namespace") {
        namespace.mistake("only a ServiceAccount has a namespace");
    }
    Some(SubjectPattern {
        kind,
        namespace: None,
        name: pattern(&fields.required("name")?, "")?,
    })
}
