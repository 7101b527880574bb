//! A stand-in for Palette: it has a tenant in memory and speaks the documented API, with a switch for each fault.
//!
//! What nobody can know without Palette itself (kinds of audits, bodies of a 429, what weak rights leave out) is as
//! `docs/palette.md` says that it is taken to be.

mod faults;
mod server;
mod tenant;
mod wire;

pub(crate) use faults::Fault;
pub(crate) use server::StandIn;
pub(crate) use tenant::{Tenant, Workspace, uid};
