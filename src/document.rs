//! Configuration files as trees that know where each part stands, read so that every mistake is found at once.
//!
//! What a file means is not known here.

#[cfg(test)]
pub(crate) mod conformance;
mod cursor;
mod lines;
mod list;
mod map;
mod mistake;
mod tree;

use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform as _};

pub(crate) use cursor::{Cursor, Diagnostics, Fields, Location};
pub(crate) use lines::Lines;
pub(crate) use list::for_each;
pub(crate) use map::Map;
pub use mistake::{InFile, Mistake, Mistakes};
pub(crate) use mistake::{Position, position_in, unknown_word};
pub(crate) use tree::{Node, Value, syntax, utf8};

/// Removes `default` from a schema: a field that is left out takes the default policy's value, not serde's.
pub(crate) fn without_defaults(schema: &mut Schema) {
    RecursiveTransform(|schema: &mut Schema| {
        schema.remove("default");
    })
    .transform(schema);
}

/// The `apiVersion` of every file that the project reads.
pub const API_VERSION: &str = "palette-rbac.io/v1alpha1";

/// Reads `apiVersion` and `kind`, which say what the rest means.
pub(crate) fn read_header(fields: &Fields<'_>, kind: &'static str) {
    if let Some(version) = fields.required("apiVersion") {
        version.word(&[(API_VERSION, ())]);
    }
    if let Some(word) = fields.required("kind") {
        word.word(&[(kind, ())]);
    }
}
