//! The binary: composition only.

use std::process::ExitCode;

fn main() -> ExitCode {
    palette_rbac::app::run(std::env::args_os())
}
