//! The processes that the end-to-end tests start, by their own harness.
#![expect(dead_code, reason = "the tests use more of it")]

#[path = "../tests/e2e/harness/assets.rs"]
pub(crate) mod assets;
#[path = "../tests/e2e/harness/cluster.rs"]
pub(crate) mod cluster;
#[path = "../tests/e2e/harness/http.rs"]
pub(crate) mod http;
#[path = "../tests/e2e/harness/kubectl.rs"]
pub(crate) mod kubectl;
#[path = "../tests/e2e/harness/process.rs"]
pub(crate) mod process;
#[path = "../tests/e2e/harness/syncer.rs"]
pub(crate) mod syncer;
#[path = "../tests/e2e/harness/webhook.rs"]
pub(crate) mod webhook;
