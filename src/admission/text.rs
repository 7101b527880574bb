//! Text of a review.

use std::borrow::Cow;

use serde::Deserialize;

/// The API group of roles and bindings.
/// A text that is borrowed from the body wherever it has no escapes.
///
/// A type of its own, since serde borrows a `Cow` only where it is the field itself, not in an `Option` or a list.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ReviewText<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A text that is there and not empty.
pub(super) fn given(text: Option<ReviewText<'_>>) -> Option<Cow<'_, str>> {
    text.map(|text| text.0).filter(|text| !text.is_empty())
}
