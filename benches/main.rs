//! `make bench`: what the webhook costs, beside one that does nothing, from one run.
//!
//! Both are measured in turns, so that what else the machine does meets both alike; a ratio is a median of turns. None
//! of it is a test. `docs/benchmarks.md` says what each part measures.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints, and whose harness is the tests'"
)]

mod creates;
mod decision;
mod footprint;
mod harness;
mod hostile;
mod live_reads;
mod load;
mod machine;
mod nothing;
mod palette;
mod roles;
#[path = "../tests/cost/shapes.rs"]
mod shapes;
#[expect(
    dead_code,
    unused_imports,
    reason = "the tests of `sync` use more of it"
)]
#[path = "../tests/stand_in/mod.rs"]
mod stand_in;
mod throughput;
mod turns;
mod views;
mod world;

use anyhow::{Result, bail};

/// A part of the benchmark by its name.
type Part = (&'static str, fn() -> Result<()>);

const PARTS: [Part; 7] = [
    ("decision", decision::measure),
    ("roles", roles::measure),
    ("hostile", hostile::measure),
    ("footprint", footprint::measure),
    ("throughput", throughput::measure),
    ("creates", creates::measure),
    ("palette", palette::measure),
];

fn main() -> Result<()> {
    // Cargo says `--bench` to every benchmark.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let Some(served) = nothing::serve_if_asked(&arguments) {
        return served;
    }
    if let Some(unknown) = arguments.iter().find(|name| !is_part(name)) {
        bail!(
            "no part `{unknown}`; there are {}",
            PARTS.map(|(name, _)| name).join(", ")
        );
    }
    machine::describe();
    for (name, measure) in PARTS {
        if arguments.is_empty() || arguments.iter().any(|wanted| wanted == name) {
            println!("\n{name}");
            measure()?;
        }
    }
    Ok(())
}

fn is_part(name: &str) -> bool {
    PARTS.iter().any(|(part, _)| *part == name)
}
