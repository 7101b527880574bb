//! What Palette itself defines: its permissions, its built-in roles, which role implies which, and the form in which it
//! writes namespaces.
//!
//! Data and questions about it. Who holds a role, and where it counts, is not decided here.

pub mod catalogue;
mod id_set;
pub mod implication;
pub mod namespaces;
pub mod permission;
mod roles;

pub use catalogue::{BuiltinRole, Catalogue, RoleId, RoleSet};
pub use namespaces::{NamespacePattern, NamespacePatternError};
pub use permission::{Permission, PermissionError, PermissionId, PermissionSet, PermissionTable};
pub use roles::{Rank, RoleScope};
