//! What is deleted.

use std::borrow::Cow;

use super::{BindingKind, Requester, RoleKind, Scope};

/// A role or a binding that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion<'a> {
    /// Who asks.
    pub requester: Requester<'a>,
    /// Which of the four kinds it is.
    pub kind: JudgedKind,
    /// Where it is.
    pub scope: Scope<'a>,
    /// Its name.
    pub name: Cow<'a, str>,
}

/// The kind of what is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JudgedKind {
    /// A role.
    Role(RoleKind),
    /// A binding.
    Binding(BindingKind),
}
