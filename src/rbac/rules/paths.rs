//! Paths that are no resources: one that ends with `*` stands for all that begin as it does.
//!
//! Both roles' paths are gone through once, in order, with those that the present one begins with in hand.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::table::Table;
use super::verbs::{AskedVerbs, VerbSet, VerbSpace};
use super::{SETS, TooMuch, UrlRule};
use crate::rbac::steps;
use crate::rbac::words::{Translation, WordId};

/// A path of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path<'a> {
    /// Without the `*` at the end of a prefix.
    pub(super) text: &'a str,
    pub(super) is_exact: bool,
}

pub(super) fn covers(owner: &Table, servant: &Table) -> Result<bool, TooMuch> {
    let mut is_covered = true;
    Asked::of(owner, servant)?.answer(owner, |_, _, _| is_covered = false)?;
    Ok(is_covered)
}

/// Puts what is missing into the builder.
pub(super) fn missing(
    owner: &Table,
    servant: &Table,
    builder: &mut Builder,
) -> Result<(), TooMuch> {
    let asked = Asked::of(owner, servant)?;
    let mut missing: BTreeMap<(usize, VerbSet), Vec<WordId>> = BTreeMap::new();
    asked.answer(owner, |rule, url, verbs| {
        missing.entry((rule, verbs)).or_default().push(url);
    })?;
    for ((rule, verbs), urls) in missing {
        if let Some((rule, _)) = asked.rules.get(rule) {
            let verbs = asked.words_of(*rule, &verbs);
            builder.url_rule(rule.in_words(&urls), rule.in_words(&verbs));
        }
    }
    Ok(())
}

impl<'a> Path<'a> {
    pub(super) fn new(url: &'a str) -> Self {
        match url.strip_suffix('*') {
            Some(text) => Self {
                text,
                is_exact: false,
            },
            None => Self {
                text: url,
                is_exact: true,
            },
        }
    }

    /// Whether the other path, and all that begin as it does if it is a prefix, are meant too.
    pub(super) fn stands_for(self, other: Self) -> bool {
        if self.is_exact {
            self == other
        } else {
            other.text.starts_with(self.text)
        }
    }

    /// Whether some path is both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        match (self.is_exact, other.is_exact) {
            (true, true) => self.text == other.text,
            (false, true) => other.text.starts_with(self.text),
            (true, false) => self.text.starts_with(other.text),
            (false, false) => {
                self.text.starts_with(other.text) || other.text.starts_with(self.text)
            }
        }
    }
}

/// The servant's rules about paths.
struct Asked<'s> {
    rules: Vec<(UrlRule<'s>, AskedVerbs)>,
    to_owner: Translation,
    verbs: VerbSpace,
}

impl<'s> Asked<'s> {
    fn of(owner: &Table, servant: &'s Table) -> Result<Self, TooMuch> {
        let to_owner = servant.words.in_other(&owner.words);
        let verbs = servant.url_rules().flat_map(|rule| rule.verbs);
        let known = verbs.filter_map(|verb| to_owner.get(*verb));
        let verbs = VerbSpace::new(owner.words.find("*"), known);
        if servant.url_rules().len().saturating_mul(verbs.width()) > SETS {
            return Err(TooMuch);
        }
        let rules = servant.url_rules().map(|rule| {
            let asked = rule.verbs.iter().map(|verb| to_owner.get(*verb));
            (rule, verbs.asked(asked))
        });
        Ok(Self {
            rules: rules.collect(),
            to_owner,
            verbs,
        })
    }

    /// Tells of each path that is not wholly granted which verbs are missing.
    fn answer(
        &self,
        owner: &Table,
        mut tell: impl FnMut(usize, WordId, VerbSet),
    ) -> Result<(), TooMuch> {
        let mut asked = self.paths();
        if asked.is_empty() {
            return Ok(());
        }
        let mut granted = self.granted(owner)?;
        asked.sort_unstable_by_key(|asked| asked.path);
        granted.sort_by_key(|(path, _)| *path);
        let mut granted = granted.into_iter().peekable();
        let mut open: Vec<(Path<'_>, VerbSet)> = Vec::new();
        for asked in asked {
            steps::count(1);
            while let Some((path, verbs)) = granted.next_if(|(path, _)| *path <= asked.path) {
                opened(&mut open, path, verbs);
            }
            close(&mut open, asked.path);
            let verbs = open.last().map(|(_, verbs)| verbs);
            if let Some((_, of_rule)) = self.rules.get(asked.rule)
                && let Some(missing) = self.missing(of_rule, verbs)
            {
                tell(asked.rule, asked.url, missing);
            }
        }
        Ok(())
    }

    fn paths(&self) -> Vec<AskedPath<'s>> {
        let of_rule = |(place, (rule, _)): (usize, &(UrlRule<'s>, AskedVerbs))| {
            let rule = *rule;
            rule.urls.iter().map(move |url| AskedPath {
                path: Path::new(rule.words.word(*url)),
                url: *url,
                rule: place,
            })
        };
        self.rules.iter().enumerate().flat_map(of_rule).collect()
    }

    fn granted<'o>(&self, owner: &'o Table) -> Result<Vec<(Path<'o>, VerbSet)>, TooMuch> {
        let paths: usize = owner.url_rules().map(|rule| rule.urls.len()).sum();
        if paths.saturating_mul(self.verbs.width()) > SETS {
            return Err(TooMuch);
        }
        let of_rule = |rule: UrlRule<'o>| {
            steps::count(rule.urls.len() + rule.verbs.len());
            let verbs = self.verbs.granted(rule.verbs);
            let urls = rule.in_words(rule.urls);
            urls.map(move |url| (Path::new(url), verbs.clone()))
        };
        Ok(owner.url_rules().flat_map(of_rule).collect())
    }

    fn missing(&self, asked: &AskedVerbs, granted: Option<&VerbSet>) -> Option<VerbSet> {
        let Some(granted) = granted else {
            return Some(asked.known.clone());
        };
        if self.verbs.is_all(granted) {
            return None;
        }
        let missing = asked.known.without(granted);
        (asked.has_unknown || !missing.is_empty()).then_some(missing)
    }

    fn words_of(&self, rule: UrlRule<'_>, missing: &VerbSet) -> Vec<WordId> {
        let is_missing = |verb: &&WordId| {
            let own = self.to_owner.get(**verb);
            own.is_none_or(|own| self.verbs.contains(missing, own))
        };
        rule.verbs.iter().filter(is_missing).copied().collect()
    }
}

struct AskedPath<'s> {
    path: Path<'s>,
    url: WordId,
    rule: usize,
}

/// Takes a path of the owner in hand, with the verbs of all that it is within.
fn opened<'o>(open: &mut Vec<(Path<'o>, VerbSet)>, path: Path<'o>, mut verbs: VerbSet) {
    close(open, path);
    if let Some((_, outer)) = open.last() {
        verbs.add(outer);
    }
    open.push((path, verbs));
}

/// Lets go of what the path is not within.
fn close(open: &mut Vec<(Path<'_>, VerbSet)>, path: Path<'_>) {
    while open.pop_if(|(outer, _)| !outer.stands_for(path)).is_some() {}
}
