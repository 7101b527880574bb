//! The policies and directories that pages show.

use std::sync::Arc;

use palette_rbac::directory::Directory;
use palette_rbac::policy::{ClusterOverride, Policy};
use palette_rbac::rulebook::Rulebook;

use crate::page::Page;

/// Documents of ours that have mistakes or warnings, though the page does not show them for that.
pub(crate) fn broken(page: &Page) -> Vec<String> {
    let blocks = page.blocks().into_iter();
    let samples = blocks.filter(|block| {
        let is_shown_for_mistakes = block
            .directive
            .is_some_and(|directive| directive.word == "reads");
        block.text.starts_with("apiVersion: palette-rbac.io") && !is_shown_for_mistakes
    });
    samples
        .map(|block| (said_of("sample", &block.text), block.text))
        .filter(|(said, _)| said != NOTHING)
        .map(|(said, text)| format!("{said}\n{text}"))
        .collect()
}

/// What is said of a document, each line with the name of its file.
pub(crate) fn said_of(file: &str, text: &str) -> String {
    let said = if text.contains("\nkind: Policy") {
        said_of_policy(file, text)
    } else {
        said_of_directory(file, text)
    };
    if said.is_empty() {
        return String::from(NOTHING);
    }
    said.join("\n")
}

fn said_of_policy(file: &str, text: &str) -> Vec<String> {
    match Policy::compile(text.as_bytes(), &ClusterOverride::default()) {
        Ok(compiled) => {
            let warnings = compiled.warnings.iter().map(ToString::to_string);
            let pair = Rulebook::pair(Arc::new(compiled.policy), Arc::default());
            let unknown = pair.1.iter().map(ToString::to_string);
            in_file(file, warnings.chain(unknown))
        }
        Err(mistakes) => in_file(file, mistakes.iter().map(ToString::to_string)),
    }
}

fn said_of_directory(file: &str, text: &str) -> Vec<String> {
    match Directory::compile(text.as_bytes(), text.len()) {
        Ok(compiled) => in_file(file, compiled.warnings.iter().map(ToString::to_string)),
        Err(mistakes) => in_file(file, mistakes.iter().map(ToString::to_string)),
    }
}

fn in_file(file: &str, said: impl Iterator<Item = String>) -> Vec<String> {
    said.map(|line| format!("{file}:{line}")).collect()
}

const NOTHING: &str = "(no mistakes)";
