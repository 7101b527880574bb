//! Rules in one allocation.

use std::ops::Range;

use crate::rbac::words::{Lexicon, WordId, as_place};

/// The rules of a role as they are held: each word once, each rule as four lists of numbers.
///
/// Nothing is multiplied out, so that it takes a small multiple of what the role takes as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) words: Lexicon,
    /// Every list of every rule, one after another.
    pub(super) lists: Box<[WordId]>,
    pub(super) resource_rules: Box<[ResourceSpan]>,
    pub(super) url_rules: Box<[UrlSpan]>,
    pub(super) is_too_large: bool,
}

/// Where the lists of a rule about resources are: each begins where the one before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ResourceSpan {
    pub(super) begin: u32,
    pub(super) groups: u32,
    pub(super) resources: u32,
    pub(super) names: u32,
    pub(super) verbs: u32,
}

/// Where the lists of a rule about paths are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UrlSpan {
    pub(super) begin: u32,
    pub(super) urls: u32,
    pub(super) verbs: u32,
}

/// Every verb on every resource of every group, or on the objects of these names.
///
/// Each list is sorted; where `*` is in one of groups, resources or verbs, nothing else is.
#[derive(Debug, Clone, Copy)]
pub(in crate::rbac) struct ResourceRule<'a> {
    pub(super) words: &'a Lexicon,
    pub(in crate::rbac) groups: &'a [WordId],
    pub(in crate::rbac) resources: &'a [WordId],
    /// None means all.
    pub(in crate::rbac) names: &'a [WordId],
    pub(in crate::rbac) verbs: &'a [WordId],
}

/// Every verb on every path.
#[derive(Debug, Clone, Copy)]
pub(in crate::rbac) struct UrlRule<'a> {
    pub(super) words: &'a Lexicon,
    /// With no more than one `*` at the end.
    pub(super) urls: &'a [WordId],
    pub(super) verbs: &'a [WordId],
}

impl ResourceSpan {
    pub(super) const fn of([begin, groups, resources, names, verbs]: [u32; 5]) -> Self {
        Self {
            begin,
            groups,
            resources,
            names,
            verbs,
        }
    }
}

impl UrlSpan {
    pub(super) const fn of([_, begin, urls, _, verbs]: [u32; 5]) -> Self {
        Self { begin, urls, verbs }
    }
}

impl Table {
    pub(super) fn resource_rules(&self) -> impl ExactSizeIterator<Item = ResourceRule<'_>> {
        self.resource_rules.iter().map(|span| ResourceRule {
            words: &self.words,
            groups: self.list(span.begin..span.groups),
            resources: self.list(span.groups..span.resources),
            names: self.list(span.resources..span.names),
            verbs: self.list(span.names..span.verbs),
        })
    }

    pub(super) fn url_rules(&self) -> impl ExactSizeIterator<Item = UrlRule<'_>> {
        self.url_rules.iter().map(|span| UrlRule {
            words: &self.words,
            urls: self.list(span.begin..span.urls),
            verbs: self.list(span.urls..span.verbs),
        })
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.words.size()
            + size_of_val(&*self.lists)
            + size_of_val(&*self.resource_rules)
            + size_of_val(&*self.url_rules)
    }

    fn list(&self, range: Range<u32>) -> &[WordId] {
        let range = as_place(range.start)..as_place(range.end);
        self.lists.get(range).unwrap_or_default()
    }
}

impl<'a> ResourceRule<'a> {
    pub(in crate::rbac) fn word(self, id: WordId) -> &'a str {
        self.words.word(id)
    }

    pub(in crate::rbac) fn in_words(self, ids: &'a [WordId]) -> impl Iterator<Item = &'a str> {
        ids.iter().map(move |id| self.word(*id))
    }

    /// How many words it is written with.
    pub(in crate::rbac) const fn len(self) -> usize {
        self.groups.len() + self.resources.len() + self.names.len() + self.verbs.len()
    }

    /// How many targets it would be, written out.
    pub(super) fn targets(self) -> usize {
        let resources = self.groups.len().saturating_mul(self.resources.len());
        resources.saturating_mul(self.names.len().max(1))
    }

    pub(in crate::rbac) fn allows(self, verb: &str) -> bool {
        self.in_words(self.verbs).any(|it| it == "*" || it == verb)
    }
}

impl<'a> UrlRule<'a> {
    pub(super) fn in_words(self, ids: &'a [WordId]) -> impl Iterator<Item = &'a str> {
        ids.iter().map(move |id| self.words.word(*id))
    }
}
