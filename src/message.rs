//! A decision in words: the refusal that kubectl prints, warnings, and one line a finding for machines.
//!
//! Every name of the request is cut and escaped here, so that none can forge a line or hide in one.

mod lines;
mod reasons;
mod refusal;
mod warning;
mod words;

pub use lines::{line, lines, reason};
pub use refusal::{invalid, refusal};
pub use warning::warnings;
pub use words::{applicability, groups, held, in_scope, name, subject, who};
