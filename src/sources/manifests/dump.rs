//! A cluster's roles and bindings from files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Manifests, Problem};
use crate::facts::{Event, Facts, Kind, StoredObject};
use crate::manifest::Strictness;

/// A cluster as files tell it: each kind that occurs is taken to be there in full.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) facts: Facts,
    /// The kinds of which there is something.
    pub(crate) kinds: BTreeSet<Kind>,
    /// What of it could not be read.
    pub(crate) problems: Vec<Problem>,
    /// Linked folders that were left out.
    pub(crate) left_out: Vec<PathBuf>,
}

impl Dump {
    /// Reads files, and folders with all that is below them.
    pub(crate) fn read(paths: &[PathBuf]) -> Self {
        let manifests = Manifests::read(paths);
        let mut problems = manifests.problems;
        problems.extend(manifests.pages.into_iter().map(|page| Problem::Page {
            at: page.source,
            count: page.missing,
        }));
        let mut by_kind: BTreeMap<Kind, Vec<StoredObject>> = BTreeMap::new();
        for object in &manifests.objects {
            match object.read(None, Strictness::Stored) {
                Some(Ok(fact)) => by_kind.entry(fact.kind()).or_default().push(fact),
                Some(Err(problem)) => problems.push(problem),
                None => {}
            }
        }
        let kinds = by_kind.keys().copied().collect();
        let mut facts = Facts::new();
        for (kind, objects) in by_kind {
            facts.apply(Event::Reset(kind, objects));
        }
        Self {
            facts,
            kinds,
            problems,
            left_out: manifests.left_out,
        }
    }

    /// A cluster that was read without any file.
    pub(crate) fn of(facts: Facts) -> Self {
        Self {
            facts,
            kinds: BTreeSet::new(),
            problems: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Whether there is nothing in it, not even a mistake.
    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.problems.is_empty()
    }
}
