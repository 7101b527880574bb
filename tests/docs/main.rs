//! The documentation against the code: what a page quotes is what the code says, and what it names is there.
//!
//! `UPDATE_DOCS=1` writes what the code says into the pages.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so and ends"
)]

#[path = "../cases/case.rs"]
#[expect(dead_code, reason = "the corpus also knows what must come of a case")]
mod case;
mod commands;
mod fields;
mod keys;
mod links;
mod metrics;
mod names;
mod page;
mod samples;
mod tables;
mod words;
mod written;

use std::sync::LazyLock;

use case::Case;
use page::Page;

/// The corpus.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(case::all);

/// Fails with all that is wrong, a line each.
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What is wrong with each page, each line with the page's name.
fn problems_of<P: ToString>(check: impl Fn(&Page) -> Vec<P>) -> Vec<String> {
    let pages = page::all();
    assert!(pages.len() > 8, "only {} pages were found", pages.len());
    let mut problems = Vec::new();
    for page in &pages {
        let found = check(page).into_iter();
        problems.extend(found.map(|problem| format!("{}: {}", page.name(), problem.to_string())));
    }
    problems
}

#[test]
fn pages_quote_what_the_code_says() {
    assert_none(&problems_of(written::differences));
}

#[test]
fn links_lead_somewhere() {
    assert_none(&problems_of(links::broken));
}

#[test]
fn sample_documents_compile() {
    assert_none(&problems_of(samples::broken));
}

#[test]
fn every_field_is_described_and_no_other() {
    assert_none(&problems_of(fields::differences));
}

#[test]
fn every_key_is_described_and_no_other() {
    assert_none(&problems_of(keys::differences));
}

#[test]
fn metrics_and_their_labels_exist() {
    assert_none(&problems_of(metrics::unknown));
}

#[test]
fn flags_exist_and_commands_parse() {
    assert_none(&problems_of(commands::wrong));
}

#[test]
fn rules_are_spelt_as_they_are_called() {
    assert_none(&problems_of(names::misspelt_rules));
}

#[test]
fn every_rule_has_its_section_with_its_default() {
    assert_none(&names::rule_sections(&Page::named("docs/rules.md")));
}

#[test]
fn paths_that_are_named_exist() {
    assert_none(&problems_of(names::missing_paths));
}

#[test]
fn tests_that_are_named_exist() {
    assert_none(&problems_of(names::unknown_tests));
}

#[test]
fn every_threat_has_a_row_and_a_closed_one_names_its_test() {
    assert_none(&names::threats(&Page::named("docs/threat-model.md")));
}
