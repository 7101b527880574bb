//! The case corpus: every case through the engine, through bytes and through TLS, with one result.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so and ends"
)]

mod case;
mod levels;
#[cfg(feature = "server")]
mod over_tls;

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

#[cfg(feature = "server")]
#[test]
fn tls_carries_the_very_same_bytes() {
    let results = case::all()
        .into_iter()
        .map(|case| over_tls::same_bytes(&case));
    let failures: Vec<String> = results.filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn case_names_are_unique() {
    let mut names: Vec<String> = case::all().into_iter().map(|case| case.name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
