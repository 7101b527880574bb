//! Which lines of a table a rule could touch, found without asking each line.

use std::collections::HashMap;

use super::rules::ResourceRule;
use super::steps;

/// Finds the lines of a fixed table that a rule meets by their words, not one by one.
///
/// A line is met by any of its verbs on any of its resources, so that lists of a rule need not be multiplied out.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    groups: HashMap<&'static str, LookupLines>,
    resources: HashMap<&'static str, LookupLines>,
    subresources: HashMap<&'static str, LookupLines>,
    verbs: HashMap<&'static str, LookupLines>,
}

/// A set of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LookupLines([u64; 4]);

impl LookupLines {
    /// The most lines that a table may have.
    #[cfg(test)]
    pub(super) const MOST: usize = 64 * 4;
    pub(super) const ALL: Self = Self([u64::MAX; 4]);

    pub(super) fn insert(&mut self, line: usize) {
        if let Some(bits) = self.0.get_mut(line / 64) {
            *bits |= 1 << (line % 64);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn or(self, more: Self) -> Self {
        self.with(more, |one, two| one | two)
    }

    pub(super) fn and(self, others: Self) -> Self {
        self.with(others, |one, two| one & two)
    }

    pub(super) fn without(self, others: Self) -> Self {
        self.with(others, |one, two| one & !two)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let words = self.0.into_iter().enumerate();
        words.flat_map(|(place, mut bits)| {
            std::iter::from_fn(move || {
                let bit = bits.checked_ilog2()?;
                bits &= !(1 << bit);
                Some(64 * place + bit as usize)
            })
        })
    }

    fn with(self, others: Self, both: fn(u64, u64) -> u64) -> Self {
        let mut words = self.0;
        for (word, other) in words.iter_mut().zip(others.0) {
            *word = both(*word, other);
        }
        Self(words)
    }
}

impl FromIterator<usize> for LookupLines {
    fn from_iter<I: IntoIterator<Item = usize>>(lines: I) -> Self {
        let mut set = Self::default();
        lines.into_iter().for_each(|line| set.insert(line));
        set
    }
}

impl Lookup {
    /// Adds a line.
    pub(super) fn insert(
        &mut self,
        line: usize,
        group: &'static str,
        resources: &[&'static str],
        verbs: &[&'static str],
    ) {
        self.groups.entry(group).or_default().insert(line);
        for resource in resources {
            self.resources.entry(resource).or_default().insert(line);
            if let Some((_, sub)) = resource.split_once('/') {
                self.subresources.entry(sub).or_default().insert(line);
            }
        }
        for verb in verbs {
            self.verbs.entry(verb).or_default().insert(line);
        }
    }

    /// The lines of a group of the rule.
    pub(super) fn of_groups(&self, rule: ResourceRule<'_>) -> LookupLines {
        any(rule.in_words(rule.groups), |group| match group {
            "*" => LookupLines::ALL,
            group => self.groups.get(group).copied().unwrap_or_default(),
        })
    }

    /// The lines with a resource of the rule, or one that it has a wildcard for.
    pub(super) fn of_resources(&self, rule: ResourceRule<'_>) -> LookupLines {
        any(rule.in_words(rule.resources), |resource| {
            match (resource, resource.strip_prefix("*/")) {
                ("*", _) => LookupLines::ALL,
                (_, Some(sub)) => self.subresources.get(sub).copied().unwrap_or_default(),
                _ => self.resources.get(resource).copied().unwrap_or_default(),
            }
        })
    }

    /// The lines with a verb of the rule.
    pub(super) fn of_verbs(&self, rule: ResourceRule<'_>) -> LookupLines {
        any(rule.in_words(rule.verbs), |verb| match verb {
            "*" => LookupLines::ALL,
            verb => self.verbs.get(verb).copied().unwrap_or_default(),
        })
    }

    /// The lines that the rule meets.
    pub(super) fn met(&self, rule: ResourceRule<'_>) -> LookupLines {
        let lines = self.of_groups(rule);
        if lines.is_empty() {
            return lines;
        }
        let lines = lines.and(self.of_verbs(rule));
        if lines.is_empty() {
            return lines;
        }
        lines.and(self.of_resources(rule))
    }
}

fn any<'a>(
    words: impl Iterator<Item = &'a str>,
    lines: impl Fn(&str) -> LookupLines,
) -> LookupLines {
    words.fold(LookupLines::default(), |all, word| {
        steps::count(1);
        all.or(lines(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::capabilities::table;
    use crate::rbac::escalation::escalation_paths;

    #[test]
    fn every_line_of_every_table_has_a_place() {
        let accesses = escalation_paths().iter().map(|detour| detour.through.len());
        for lines in [table().len(), accesses.sum()] {
            assert!(lines <= LookupLines::MOST, "{lines}");
        }
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let lines: LookupLines = [0, 63, 64, 255].into_iter().collect();
        let mut found: Vec<usize> = lines.iter().collect();
        found.sort_unstable();
        assert_eq!(found, [0, 63, 64, 255]);
        assert_eq!(LookupLines::ALL.iter().count(), LookupLines::MOST);
        assert!(lines.and([1, 2].into_iter().collect()).is_empty());
    }
}
