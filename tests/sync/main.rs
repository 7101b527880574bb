//! `sync`, run as users run it, against a stand-in for Palette.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod counted;
mod harness;
mod hub;
#[path = "../server/identity.rs"]
#[expect(dead_code, reason = "the tests of the webhook use the rest")]
mod identity;
mod lists;
mod losses;
mod prism;
mod properties;
mod secrecy;
mod snapshots;
#[path = "../stand_in/mod.rs"]
mod stand_in;
mod troubles;
mod wire;
