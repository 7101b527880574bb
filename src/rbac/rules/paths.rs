use std::cmp::Ordering;
use std::sync::Arc;

use super::{Atom, PolicyRule, Verbs};

/// Verbs on a path that is no resource, or on all paths that begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rbac) struct PathRule {
    is_prefix: bool,
    /// Without the `*` at the end of a prefix.
    path: Arc<str>,
    pub(super) verbs: Verbs,
}

impl PathRule {
    /// Several `*` at the end mean what one means.
    fn new(path: &Arc<str>, verbs: Verbs) -> Self {
        let head = path.trim_end_matches('*');
        let is_prefix = head.len() < path.len();
        let path = if is_prefix {
            head.into()
        } else {
            Arc::clone(path)
        };
        Self {
            is_prefix,
            path,
            verbs,
        }
    }

    pub(super) fn atoms(&self) -> impl Iterator<Item = Atom<'_>> {
        self.verbs.iter().map(|verb| Atom::Path {
            verb,
            path: &self.path,
            is_prefix: self.is_prefix,
        })
    }

    /// The same path with other verbs.
    pub(super) fn with(&self, verbs: Verbs) -> Self {
        Self {
            verbs,
            ..self.clone()
        }
    }

    fn by_path(&self, other: &Self) -> Ordering {
        (self.is_prefix, &self.path).cmp(&(other.is_prefix, &other.path))
    }

    /// Whether some path is matched by both, with some verb.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let paths = match (self.is_prefix, other.is_prefix) {
            (false, false) => self.path == other.path,
            (true, false) => other.path.starts_with(&*self.path),
            (false, true) => self.path.starts_with(&*other.path),
            (true, true) => {
                self.path.starts_with(&*other.path) || other.path.starts_with(&*self.path)
            }
        };
        paths && self.verbs.overlap(&other.verbs)
    }
}

/// The entries that match whatever this one matches, itself included if it is among them.
pub(super) fn covering<'a>(
    sorted: &'a [PathRule],
    path: &'a PathRule,
) -> impl Iterator<Item = &'a PathRule> {
    let (exact, prefixes) = sorted.split_at(sorted.partition_point(|rule| !rule.is_prefix));
    let same = exact
        .binary_search_by(|rule| rule.by_path(path))
        .ok()
        .and_then(|place| exact.get(place));
    same.into_iter().chain(prefixes_of(prefixes, &path.path))
}

/// The prefixes of a path, the longest first.
///
/// Each look-up ends on a prefix or shortens the path to what it shares with its neighbour, so that neither many
/// prefixes nor a long path are gone through one by one.
fn prefixes_of<'a>(sorted: &'a [PathRule], path: &'a str) -> impl Iterator<Item = &'a PathRule> {
    let mut rest = Some(path.as_bytes());
    std::iter::from_fn(move || {
        loop {
            let head = rest?;
            let end = sorted.partition_point(|rule| rule.path.as_bytes() <= head);
            let neighbour = sorted.get(end.checked_sub(1)?)?;
            let shared = shared_len(head, neighbour.path.as_bytes());
            if shared == neighbour.path.len() {
                rest = shared
                    .checked_sub(1)
                    .and_then(|shorter| head.get(..shorter));
                return Some(neighbour);
            }
            rest = head.get(..shared);
        }
    })
}

fn shared_len(one: &[u8], two: &[u8]) -> usize {
    one.iter().zip(two).take_while(|(a, b)| a == b).count()
}

/// One entry for each path of the rules.
pub(super) fn written_out(rules: &[&PolicyRule]) -> Vec<PathRule> {
    let mut paths = Vec::new();
    for rule in rules {
        let verbs = Verbs::new(&rule.verbs);
        let of_rule = rule.non_resource_urls.iter();
        paths.extend(of_rule.map(|path| PathRule::new(path, verbs.clone())));
    }
    paths
}

/// Takes away what another entry covers, and merges what is left by path.
pub(super) fn reduce(mut paths: Vec<PathRule>) -> Vec<PathRule> {
    paths.sort_by(PathRule::by_path);
    paths.dedup_by(|next, kept| {
        let is_same = next.by_path(kept) == Ordering::Equal;
        if is_same {
            kept.verbs = kept.verbs.union(&next.verbs);
        }
        is_same
    });
    paths
        .iter()
        .filter_map(|path| without_covered(path, &paths))
        .collect()
}

fn without_covered(path: &PathRule, all: &[PathRule]) -> Option<PathRule> {
    let others = covering(all, path).filter(|other| !std::ptr::eq(*other, path));
    let verbs = others.fold(path.verbs.clone(), |verbs, other| {
        verbs.without(&other.verbs)
    });
    (!verbs.is_empty()).then(|| path.with(verbs))
}
