//! What single fields of a policy file say.

use std::collections::BTreeMap;
use std::sync::Arc;

use strum::IntoEnumIterator;

use super::Membership;
use crate::document::Cursor;
use crate::domain::{NamePattern, PatternError};

/// Sets a field when the file has it and it can be read.
pub(super) fn set<'a, T>(
    field: &mut T,
    cursor: Option<Cursor<'a>>,
    read: impl FnOnce(&Cursor<'a>) -> Option<T>,
) {
    if let Some(value) = cursor.and_then(|cursor| read(&cursor)) {
        *field = value;
    }
}

/// A word of the list that the type has.
pub(super) fn word<T>(cursor: &Cursor<'_>) -> Option<T>
where
    T: IntoEnumIterator + Into<&'static str> + Copy,
{
    let words: Vec<(&'static str, T)> = T::iter().map(|value| (value.into(), value)).collect();
    cursor.word(&words)
}

pub(super) fn membership(cursor: &Cursor<'_>) -> Option<Membership> {
    if cursor.is_null() {
        return Some(Membership::None);
    }
    let name = cursor.name()?;
    if ["no", "none", "null", "false"].contains(&&*name.to_lowercase()) {
        cursor.warn(format!("is called `{name}`; write `null` if there is none"));
    }
    Some(Membership::Of(name.into()))
}

pub(super) fn names(cursor: &Cursor<'_>) -> Option<Vec<Arc<str>>> {
    Some(
        cursor
            .list()?
            .iter()
            .filter_map(Cursor::name)
            .map(Arc::from)
            .collect(),
    )
}

pub(super) fn prefix(cursor: &Cursor<'_>) -> Option<Box<str>> {
    let prefix = cursor.line()?;
    if prefix == "-" {
        cursor.warn(
            "is a prefix like any other here; to say that there is none, leave the field out",
        );
    }
    Some(prefix.into())
}

/// What each raw name is called in Palette.
pub(super) fn aliases(cursor: &Cursor<'_>) -> Option<BTreeMap<Box<str>, Box<str>>> {
    let aliases = cursor.entries()?.into_iter().filter_map(|entry| {
        if entry.name.starts_with("system:") {
            entry.key.mistake(format!(
                "`{}` is Kubernetes' own, and nobody in Palette is called so",
                entry.name
            ));
        }
        entry.key.name()?;
        Some((entry.name.into(), entry.value.name()?.into()))
    });
    Some(aliases.collect())
}

pub(super) fn break_glass_group(cursor: &Cursor<'_>) -> Option<Box<str>> {
    let group = cursor.name()?;
    if group.starts_with("system:") {
        cursor.mistake(format!(
            "`{group}` is Kubernetes' own, and far more than the few people who may break the glass are in it"
        ));
    } else if group.contains('*') {
        cursor.mistake(format!("`{group}` is a name, never a pattern"));
    } else {
        return Some(group.into());
    }
    None
}

/// A literal or `prefix*`; `otherwise` says what to do instead of a lone `*`.
pub(super) fn pattern(cursor: &Cursor<'_>, otherwise: &str) -> Option<NamePattern> {
    match NamePattern::parse(cursor.line()?) {
        Ok(pattern) => Some(pattern),
        Err(error @ PatternError::Everything) => {
            cursor.mistake(format!("{error}{otherwise}"));
            None
        }
        Err(error) => {
            cursor.mistake(error.to_string());
            None
        }
    }
}
