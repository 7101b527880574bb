//! Objects of other kinds, which are named and not judged.

use std::collections::BTreeMap;

use super::super::output::printable;
use super::counted;
use crate::manifest::Recognized;
use crate::sources::manifests::{Source, SourcedManifest};

/// Objects of kinds that are not judged.
#[derive(Debug, Default)]
pub(in crate::cli) struct Skipped(Vec<(Source, String)>);

impl Skipped {
    pub(in crate::cli) fn add(&mut self, object: SourcedManifest) {
        let kind = match object.content.recognized() {
            Recognized::Other(kind) if !kind.is_empty() => shortened(kind),
            _ => String::from("no kind"),
        };
        self.0.push((object.source, kind));
    }

    pub(in crate::cli) fn count(&self) -> usize {
        self.0.len()
    }

    /// Where each stands, and its kind.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Source, &str)> {
        self.0.iter().map(|(source, kind)| (source, kind.as_str()))
    }

    /// How many there are of each kind.
    pub(in crate::cli) fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for (_, kind) in self.iter() {
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    }

    /// `3 other objects (2 ConfigMap, 1 no kind)`; nothing if there are none.
    pub(in crate::cli) fn in_words(&self) -> Option<String> {
        let mut kinds: Vec<(&str, usize)> = self.kinds().into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let more = kinds.len().saturating_sub(NAMED);
        let mut words: Vec<String> = kinds
            .iter()
            .take(NAMED)
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        if more > 0 {
            words.push(format!("and {}", counted(more, "more kind")));
        }
        let objects = counted(self.count(), "other object");
        (self.count() > 0).then(|| format!("{objects} ({})", words.join(", ")))
    }
}

fn shortened(kind: &str) -> String {
    printable(kind.chars().take(LONGEST).collect::<String>())
}

/// How many kinds a line names.
const NAMED: usize = 8;

/// Characters of a kind, which could be any text.
const LONGEST: usize = 63;
