//! The API server: how it is found, what it tells of roles and bindings while it is watched, and one role read live.
//!
//! Objects become [`facts`](crate::facts) at once; nothing else of them is kept.

mod binding;
mod connection;
mod error;
mod list;
mod pages;
mod reader;
pub mod registration;
mod secret;
mod trimmed;
mod watcher;

pub use binding::read_binding;
pub use connection::{ClusterFrom, connect, own_namespace};
pub(crate) use error::describe;
pub use kube::Client;
pub use list::{Listed, list};
pub(crate) use pages::Pages;
pub use reader::{LiveRole, RoleReader};
pub use secret::SecretWatch;
pub use watcher::{WatchError, WatchSignal, WatchUpdate, watch};
