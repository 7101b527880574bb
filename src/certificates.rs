//! Certificates without cert-manager: the replica that leads keeps a CA and a serving certificate in a Secret, and the CA in
//! the webhook's registration. All replicas serve what the Secret has.
//!
//! What is to be done next, [`plan`] says from what is there; the [`CertificateKeeper`] does it. A new CA is trusted before
//! anything that it signed is served, and an old one after nothing is any more, so no call fails on the way.

mod keeper;
mod plan;

pub use keeper::{CertificateKeeper, certificates_of};
pub use plan::{Kept, Step, plan};
