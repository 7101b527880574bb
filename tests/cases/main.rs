//! The case corpus: every case through the engine, through bytes and through TLS, with one result.

mod case;
mod levels;

use case::{Case, Seen};

/// Runs every case at one level and reports all that fail, not only the first.
fn run_all(level: impl Fn(&Case) -> Seen) {
    let cases = case::all();
    assert!(cases.len() > 100, "only {} cases were found", cases.len());
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| case.compare(&level(case)))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[test]
fn the_engine_decides_every_case() {
    run_all(levels::engine);
}

#[test]
fn bytes_are_answered_as_the_engine_decides() {
    run_all(levels::bytes);
}

#[test]
fn case_names_are_unique() {
    let mut names: Vec<String> = case::all().into_iter().map(|case| case.name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
