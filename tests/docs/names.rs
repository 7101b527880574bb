//! Names that pages mention: rules, tests, threats.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use palette_rbac::domain::{Rule, nearest};
use strum::{IntoEnumIterator, VariantNames};

use crate::CASES;
use crate::page::{self, Page};

/// Words that are nearly a rule. Those without a hyphen are not looked at: `requesters` is a field.
pub(crate) fn misspelt_rules(page: &Page) -> Vec<String> {
    let rules = Rule::VARIANTS;
    let words = page.code().into_iter();
    let words = words.filter(|word| word.contains('-') && !rules.contains(&&**word));
    let near = words.filter_map(|word| Some((nearest(&word, rules.iter().copied())?, word)));
    near.map(|(rule, word)| format!("`{word}` is no rule; is `{rule}` meant?"))
        .collect()
}

/// What the sections of the page on rules lack.
pub(crate) fn rule_sections(page: &Page) -> Vec<String> {
    let rules = Rule::iter();
    let lacking = rules.filter(|rule| {
        let default = rule.default_action();
        !page
            .text
            .contains(&format!("\n## `{rule}`\n\nDefault: `{default}`."))
    });
    let mut problems: Vec<String> = lacking
        .map(|rule| {
            format!(
                "`{rule}` has no section that begins with its default, `{}`",
                rule.default_action()
            )
        })
        .collect();
    let sections = page.headings().len() - 1;
    if sections != Rule::VARIANTS.len() {
        problems.push(format!(
            "{sections} sections for {} rules",
            Rule::VARIANTS.len()
        ));
    }
    problems
}

/// `cases/NAME` that is no case, and `e2e/NAME`, `server/NAME` or `sync/NAME` that is no test of that folder.
pub(crate) fn unknown_tests(page: &Page) -> Vec<String> {
    let cases: BTreeSet<&str> = CASES.iter().map(|case| &*case.name).collect();
    let folders = ["e2e", "server", "sync"]
        .map(|folder| (folder, source(&page::root().join("tests").join(folder))));
    let exists = |code: &str| match code.split_once('/') {
        Some(("cases", name)) => cases.contains(name),
        Some((folder, name)) => folders
            .iter()
            .all(|(other, source)| *other != folder || source.contains(&format!("fn {name}()"))),
        None => true,
    };
    let code = page.code().into_iter().filter(|code| is_test(code));
    code.filter(|code| !exists(code))
        .map(|code| format!("there is no test `{code}`"))
        .collect()
}

/// Paths of the project that a page names and that are not there.
pub(crate) fn missing_paths(page: &Page) -> Vec<String> {
    let code = page.code().into_iter();
    let paths = code.filter(|code| {
        let folder = code.split('/').next().unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        FOLDERS.contains(&folder) && code.contains('/') && code.bytes().all(is_plain)
    });
    let exists = |path: &str| page::root().join(path).exists();
    // A module is named without its ending, whether it has a folder or not.
    let missing = paths.filter(|path| !exists(path) && !exists(&format!("{path}.rs")));
    missing
        .map(|path| format!("there is no `{path}`"))
        .collect()
}

/// What the table of threats lacks.
pub(crate) fn threats(page: &Page) -> Vec<String> {
    let rows: Vec<&str> = page
        .prose()
        .into_iter()
        .filter(|line| line.starts_with("| T"))
        .collect();
    let numbers = rows
        .iter()
        .filter_map(|row| row.split('|').nth(1))
        .map(str::trim);
    let expected: Vec<String> = (1..=THREATS).map(|number| format!("T{number}")).collect();
    let mut problems = Vec::new();
    if !numbers.eq(expected.iter().map(String::as_str)) {
        problems.push(format!(
            "there is not one row for each of T1 to T{THREATS}, in order"
        ));
    }
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names_a_test = row.split('`').skip(1).step_by(2).any(is_test);
        if !STATES.contains(&cells[3]) {
            problems.push(format!("{}: `{}` is no state", cells[1], cells[3]));
        }
        if cells[3] == "closed" && !names_a_test {
            problems.push(format!("{} is closed by no test", cells[1]));
        }
    }
    problems
}

fn is_test(code: &str) -> bool {
    let (folder, name) = code.split_once('/').unwrap_or_default();
    let is_name = |name: &str| {
        name.len() > 12
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    ["cases", "cost", "e2e", "server", "sync"].contains(&folder) && is_name(name)
}

/// All Rust below a folder.
fn source(folder: &Path) -> String {
    let Ok(entries) = fs::read_dir(folder) else {
        return String::new();
    };
    let mut text = String::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            text.push_str(&source(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

/// How many ways around the threat model has.
const THREATS: usize = 39;

/// Where the project keeps what its pages name; what a build makes is elsewhere.
const FOLDERS: [&str; 7] = [
    "benches",
    "docs",
    "examples",
    "manifests",
    "monitoring",
    "src",
    "tests",
];

const STATES: [&str; 4] = ["closed", "in part", "open", "by design"];
