//! palette-rbac: judges whether the subjects of a role binding may hold its role, by what they hold in Palette.
//!
//! The way of the data, from left to right. What is not gated by the feature `server` is values in, values out: no clock,
//! no file, no network, no log.
//!
//! ```text
//!             pure                                                                    | feature `server`
//!  policy ────┐                                                                       |
//!  directory ─┴─ rulebook ─┐                                                          | sources  files, API server, Palette
//!  facts (rbac) ───────────┴ Context ┐                                                | live     what is in use now
//!                                    │                                                | server   TLS, HTTP
//!  bytes ─ admission ─ BindingRequest ┴ decide ─ Decision ─ message ─ bytes           | metrics  what is counted
//!     └──────────────────────────── review ───────────────────────────┘               | cli      everything by hand
//!  view ── audit, explain ─ decide ─ Decision ─ reports                               | app      the process
//!                                                                                     | sync     Palette → directory
//! ```
//!
//! Of [`reports`], what a report says is pure; who writes it, and that it is written, is behind the feature.

pub mod admission;
pub mod audit;
pub mod decide;
pub mod directory;
pub mod document;
pub mod domain;
pub mod explain;
pub mod facts;
pub mod manifest;
pub mod message;
pub mod palette;
pub mod policy;
pub mod rbac;
pub mod reports;
pub mod review;
pub mod rulebook;

#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod certificates;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod leader;
#[cfg(feature = "server")]
pub mod live;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod sources;
#[cfg(feature = "server")]
pub mod sync;
