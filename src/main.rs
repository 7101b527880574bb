//! The binary: composition only.

use std::process::ExitCode;

fn main() -> ExitCode {
    palette_rbac::cli::run(std::env::args_os())
}
