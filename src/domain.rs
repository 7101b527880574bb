//! The words of the project as types: a binding, its grants, the rules, a finding, a decision.
//!
//! Parsing makes them valid; nothing here judges, reads a file, asks for the time or logs.

mod action;
mod binding;
mod decision;
mod deletion;
mod finding;
mod installation;
mod nearest;
mod pattern;
mod rule;
mod subject;
mod word;

pub use action::{Action, Effect, Mode};
pub use binding::{Binding, BindingKind, BindingRequest, Requester, RoleKind, RoleRef, Scope};
pub use decision::{Decision, Judged, Notice, Verdict};
pub use deletion::{Deletion, JudgedKind};
pub use finding::{
    Applicability, BindingName, Cause, Equivalence, Field, Finding, Holding, Standing, Takes,
};
pub use installation::{Installation, OwnObject};
pub use nearest::nearest;
pub use pattern::{NamePattern, PatternError};
pub use rule::Rule;
pub use subject::{Principal, Subject, SubjectKind};
pub use word::Word;
