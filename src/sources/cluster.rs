//! The API server: how it is found, what it tells of roles and bindings while it is watched, and one role read live.
//!
//! Objects become [`facts`](crate::facts) at once; nothing else of them is kept.

mod binding;
mod connection;
mod error;
mod follow;
mod list;
mod pages;
mod reader;
mod trimmed;

pub use binding::read_binding;
pub use connection::{ClusterFrom, connect, own_namespace};
pub(crate) use error::told;
pub use follow::{Heard, News, Trouble, follow};
pub use kube::Client;
pub use list::{Listed, list};
pub use reader::{LiveRole, RoleReader};
