//! Whether what a role allows is known, and if not, why.

use crate::domain::{RoleRef, Scope};
use crate::facts::{Cluster, RoleRead, RoleView};

/// What is known of the role that a binding names.
#[derive(Debug, Clone, Copy)]
pub(super) enum RoleKnowledge<'r> {
    /// Nothing.
    Unknown,
    /// What it allows.
    Known(RoleView<'r>),
    /// There is none.
    Dangling,
    /// It could not be read.
    Unreadable,
}

impl<'r> RoleKnowledge<'r> {
    pub(super) fn of(role: &RoleRef<'_>, scope: &Scope<'_>, cluster: Cluster<'r>) -> Self {
        let Some(view) = cluster.view else {
            return Self::Unknown;
        };
        match view.resolve(role, scope) {
            _ if cluster.is_lost && cluster.role_read != RoleRead::Done => Self::Unreadable,
            Some(role) => Self::Known(role),
            None if cluster.role_read == RoleRead::Done => Self::Dangling,
            None if cluster.role_read == RoleRead::Failed => Self::Unreadable,
            None if view.lacks(role, scope) => Self::Dangling,
            // There was no room for it.
            None if view.knows(role.kind.into()) => Self::Unreadable,
            None => Self::Unknown,
        }
    }
}
