//! Configuration files as trees that know where each part stands, read so that every mistake is found at once.
//!
//! What a file means is not known here.

mod mistake;
mod place;
mod tree;

pub use mistake::{InFile, Mistake, Mistakes};
pub(crate) use mistake::{Position, position_in};
pub(crate) use place::{Fields, Log, Place};
pub(crate) use tree::{Node, Value};
