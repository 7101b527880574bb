//! Tables that list all keys or values of something.

use std::collections::BTreeSet;

use crate::CASES;
use crate::page::{Directive, Page};
use crate::{metrics, written};

/// Keys that a table lacks or invents, for each table after `<!-- keys: … -->`.
pub(crate) fn differences(page: &Page) -> Vec<String> {
    let directives = page.text.lines().filter_map(Directive::read);
    let keys = directives.filter(|directive| directive.word == "keys");
    keys.flat_map(|directive| {
        let described = page.first_column(directive).unwrap_or_default();
        match directive.argument {
            "message fragments" => unsaid(&described),
            argument => compare(&described, &known(argument)),
        }
    })
    .collect()
}

/// Fragments that no message of the corpus has; `…` stands for anything.
fn unsaid(fragments: &BTreeSet<String>) -> Vec<String> {
    let messages: Vec<String> = CASES.iter().map(written::shown_for).collect();
    let is_said = |fragment: &str| {
        let has = |message: &String| {
            fragment
                .split('…')
                .all(|part| message.contains(part.trim()))
        };
        messages.iter().any(has)
    };
    let unsaid = fragments.iter().filter(|fragment| !is_said(fragment));
    unsaid
        .map(|fragment| format!("no message says `{fragment}`"))
        .collect()
}

/// What is described and not known, or known and not described.
pub(crate) fn compare(described: &BTreeSet<String>, known: &BTreeSet<String>) -> Vec<String> {
    let missing = known.difference(described);
    let invented = described.difference(known);
    let missing = missing.map(|key| format!("`{key}` is not described"));
    let invented = invented.map(|key| format!("`{key}` is described, and there is none"));
    missing.chain(invented).collect()
}

fn known(what: &str) -> BTreeSet<String> {
    match what.split_once(' ') {
        Some(("audit", "annotations")) => written::audit_annotations(),
        Some((metric, label)) => metrics::values(metric, label),
        None => panic!("nobody knows the keys of `{what}`"),
    }
}
