//! The project's own reading beside that of Kubernetes' own code, which runs as a program beside the tests.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it saw"
)]

mod agreement;
mod covers;
mod go;
mod manifests;
mod random;
mod texts;
