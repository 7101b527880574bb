//! Which kinds and operations are judged, and what the metrics call them.

use enum_map::Enum;
use strum::IntoStaticStr;

use crate::domain::{BindingKind, JudgedKind, RoleKind};

/// The kind of object, as the metrics tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, Enum)]
pub enum ObjectKind {
    /// A binding in a namespace.
    RoleBinding,
    /// A binding in the cluster.
    ClusterRoleBinding,
    /// A role in a namespace.
    Role,
    /// A role in the cluster.
    ClusterRole,
    /// Anything else.
    #[strum(serialize = "other")]
    Other,
}

/// The operation, as the metrics tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, Enum)]
#[strum(serialize_all = "UPPERCASE")]
pub enum OperationLabel {
    /// CREATE.
    Create,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// CONNECT, or one that we do not know.
    #[strum(serialize = "other")]
    Other,
}

impl ObjectKind {
    /// Whether it is judged, and as what.
    pub(super) const fn judged(self) -> Option<JudgedKind> {
        match self {
            Self::RoleBinding => Some(JudgedKind::Binding(BindingKind::RoleBinding)),
            Self::ClusterRoleBinding => Some(JudgedKind::Binding(BindingKind::ClusterRoleBinding)),
            Self::Role => Some(JudgedKind::Role(RoleKind::Role)),
            Self::ClusterRole => Some(JudgedKind::Role(RoleKind::ClusterRole)),
            Self::Other => None,
        }
    }
}
