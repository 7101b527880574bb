//! A real control plane and a real webhook on loopback, started in seconds and ended with the process that asked.
//!
//! Shared by the end-to-end tests and by the demonstration (`make run`). Holds no test.

pub(crate) mod assets;
pub(crate) mod cluster;
pub(crate) mod http;
pub(crate) mod kubectl;
pub(crate) mod process;
pub(crate) mod review;
pub(crate) mod syncer;
pub(crate) mod webhook;
