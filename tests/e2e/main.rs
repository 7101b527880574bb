//! The webhook behind a real kube-apiserver, driven by a real kubectl.
//!
//! Snapshots hold the exact text that kubectl prints; `INSTA_UPDATE=always cargo test --test e2e` writes them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that cannot go on says so and ends; metrics are whole"
)]

mod audited;
mod binding;
mod certificates;
mod client_certificates;
mod controllers;
mod counted;
mod effective_roles;
mod exceptions;
mod first_run;
#[expect(dead_code, reason = "the demonstration uses more of it")]
mod harness;
mod leftovers;
mod live_reads;
mod manifests;
mod mapping;
mod memory;
mod operators;
mod outage;
mod overtaken;
mod own_rights;
mod palette;
mod races;
mod reports;
mod scopes;
mod site;
#[expect(dead_code, unused_imports, reason = "the tests of `sync` use the rest")]
#[path = "../stand_in/mod.rs"]
mod stand_in;
mod standard_roles;
mod subjects;
mod swaps;
mod threats;
mod updates;
mod watch;
mod ways_to_write;
