use crate::domain::{BindingKind, RoleKind};

/// The kind of object, as the metrics tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    Other,
}

/// The operation, as the metrics tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationLabel {
    /// CREATE.
    Create,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// CONNECT, or one that we do not know.
    Other,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::RoleBinding,
        Self::ClusterRoleBinding,
        Self::Role,
        Self::ClusterRole,
        Self::Other,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
            Self::Other => "other",
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

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

/// A kind of object that is judged.
#[derive(Clone, Copy)]
pub(super) enum JudgedKind {
    Binding(BindingKind),
    Role(RoleKind),
}

impl OperationLabel {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Other];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Other => "other",
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}
