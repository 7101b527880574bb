//! The binary, run as users run it: a real TLS client against a server on a port of its own.

#![expect(
    clippy::expect_used,
    clippy::float_cmp,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; counters are whole"
)]

mod answers;
mod balancer;
mod client;
mod client_certificates;
mod cluster;
mod harness;
mod identity;
mod limits;
mod reloads;
mod rolling;
mod shutdown;
mod start;
