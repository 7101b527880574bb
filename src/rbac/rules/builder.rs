//! Rules put into normal form, whatever their size.

use std::sync::Arc;

use super::table::{ResourceSpan, Table, UrlSpan};
use super::{PolicyRule, ResourceRule, Rules, UrlRule};
use crate::rbac::steps;
use crate::rbac::words::{Interner, Lexicon, WordId, Words, as_id, as_place};

/// Collects rules, whatever their size, and puts them into normal form.
///
/// What allows nothing is left out at once. Past [`Rules::LIMIT`] nothing more is kept.
#[derive(Debug, Default)]
pub(in crate::rbac) struct Builder {
    words: Interner,
    resource_rows: Vec<RuleRow>,
    url_rows: Vec<RuleRow>,
    /// The lists of the rows.
    pool: Vec<WordId>,
    /// How many words were given.
    uses: usize,
}

/// Groups, resources, names and verbs; of a rule about paths, nothing, paths, nothing and verbs.
#[derive(Debug, Clone, Copy)]
struct RuleRow {
    parts: [RulePart; 4],
}

impl RuleRow {
    fn part(&self, of: usize) -> RulePart {
        self.parts.get(of).copied().unwrap_or_default()
    }

    fn has(&self, of: usize) -> bool {
        let part = self.part(of);
        part.begin < part.end
    }

    fn with(mut self, of: usize, part: RulePart) -> Self {
        if let Some(place) = self.parts.get_mut(of) {
            *place = part;
        }
        self
    }
}

/// A list in the pool.
#[derive(Debug, Clone, Copy, Default)]
struct RulePart {
    begin: u32,
    end: u32,
}

const GROUPS: usize = 0;
const RESOURCES: usize = 1;
/// In the place of the resources.
const URLS: usize = 1;
const NAMES: usize = 2;
const VERBS: usize = 3;

impl Builder {
    pub(super) fn rule(&mut self, rule: &PolicyRule) {
        let words = [&rule.api_groups, &rule.resources, &rule.resource_names];
        let [groups, resources, names] = words.map(Words::iter);
        if !rule.resources.is_empty() {
            self.resource_rule(groups, resources, names, rule.verbs.iter());
        }
        if !rule.non_resource_urls.is_empty() {
            self.url_rule(rule.non_resource_urls.iter(), rule.verbs.iter());
        }
    }

    pub(in crate::rbac) fn resource_rule<'a>(
        &mut self,
        groups: impl Iterator<Item = &'a str>,
        resources: impl Iterator<Item = &'a str>,
        names: impl Iterator<Item = &'a str>,
        verbs: impl Iterator<Item = &'a str>,
    ) {
        let parts = [
            self.wild(groups),
            self.wild(resources),
            self.list(names),
            self.wild(verbs),
        ];
        let row = RuleRow { parts };
        if [GROUPS, RESOURCES, VERBS].into_iter().all(|of| row.has(of)) {
            self.resource_rows.push(row);
        }
    }

    pub(super) fn url_rule<'a>(
        &mut self,
        urls: impl Iterator<Item = &'a str>,
        verbs: impl Iterator<Item = &'a str>,
    ) {
        let none = RulePart::default();
        let urls = self.list(urls.map(with_one_star));
        let parts = [none, urls, none, self.wild(verbs)];
        let row = RuleRow { parts };
        if [URLS, VERBS].into_iter().all(|of| row.has(of)) {
            self.url_rows.push(row);
        }
    }

    pub(super) fn rules(&mut self, rules: &Rules) {
        if rules.is_too_large() {
            self.uses = usize::MAX;
        }
        for rule in rules.resource_rules() {
            self.copy(rule);
        }
        for rule in rules.url_rules() {
            self.copy_urls(rule);
        }
    }

    pub(in crate::rbac) fn copy(&mut self, rule: ResourceRule<'_>) {
        let [groups, resources] = [rule.groups, rule.resources].map(|ids| rule.in_words(ids));
        let [names, verbs] = [rule.names, rule.verbs].map(|ids| rule.in_words(ids));
        self.resource_rule(groups, resources, names, verbs);
    }

    pub(super) fn copy_urls(&mut self, rule: UrlRule<'_>) {
        self.url_rule(rule.in_words(rule.urls), rule.in_words(rule.verbs));
    }

    /// The normal form.
    pub(super) fn finish(mut self) -> Rules {
        if self.uses > Rules::LIMIT {
            return Rules::too_large();
        }
        let resource_rows = std::mem::take(&mut self.resource_rows);
        let url_rows = std::mem::take(&mut self.url_rows);
        let mut resource_rows = self.merged(resource_rows);
        let mut url_rows = self.merged(url_rows);
        let words = self.numbered(&[&resource_rows, &url_rows]);
        for rows in [&mut resource_rows, &mut url_rows] {
            rows.sort_unstable_by(|one, two| self.lists(one).cmp(self.lists(two)));
        }
        let mut lists = Vec::new();
        let table = Table {
            words,
            resource_rules: self.laid_out(&resource_rows, &mut lists, ResourceSpan::of),
            url_rules: self.laid_out(&url_rows, &mut lists, UrlSpan::of),
            lists: lists.into(),
            is_too_large: false,
        };
        Rules(Arc::new(table))
    }

    /// One row for those that differ in one list only: 10,000 rules of a verb each become a rule of 10,000 verbs.
    fn merged(&mut self, mut rows: Vec<RuleRow>) -> Vec<RuleRow> {
        for of in [VERBS, NAMES, RESOURCES, GROUPS] {
            rows.sort_unstable_by(|one, two| self.but(of, one).cmp(self.but(of, two)));
            let all = std::mem::take(&mut rows);
            let mut rest = &*all;
            while let Some((first, others)) = rest.split_first() {
                let alike = others.iter();
                let alike = alike.take_while(|it| self.but(of, it).eq(self.but(of, first)));
                let (group, after) = rest.split_at(1 + alike.count());
                rows.push(self.together(of, first, group));
                rest = after;
            }
        }
        rows
    }

    fn together(&mut self, of: usize, first: &RuleRow, rows: &[RuleRow]) -> RuleRow {
        if rows.len() == 1 {
            return *first;
        }
        let begin = self.pool.len();
        let mut is_every = false;
        for row in rows {
            let part = row.part(of);
            is_every |= part.begin == part.end;
            let range = as_place(part.begin)..as_place(part.end);
            steps::count(range.len());
            self.pool.extend_from_within(range);
        }
        let mut part = self.in_order(begin);
        if is_every {
            part.end = part.begin;
        } else if of != NAMES {
            part = self.without_more_than_all(part);
        }
        first.with(of, part)
    }

    /// The words of the rows in their order, which the rows' lists are put into.
    fn numbered(&mut self, all: &[&[RuleRow]]) -> Lexicon {
        let parts = || all.iter().copied().flatten().flat_map(|row| row.parts);
        let used: Vec<WordId> = parts().flat_map(|part| self.of(part)).copied().collect();
        let (words, numbers) = std::mem::take(&mut self.words).sorted(used);
        for part in parts() {
            let range = as_place(part.begin)..as_place(part.end);
            let list = self.pool.get_mut(range).unwrap_or_default();
            for id in &mut *list {
                *id = numbers.get(as_place(*id)).copied().unwrap_or_default();
            }
            list.sort_unstable();
        }
        words
    }

    fn laid_out<T>(
        &self,
        rows: &[RuleRow],
        lists: &mut Vec<WordId>,
        span: fn([u32; 5]) -> T,
    ) -> Box<[T]> {
        let laid_out = rows.iter().map(|row| {
            let mut ends = [as_id(lists.len()); 5];
            for (list, end) in self.lists(row).zip(ends.iter_mut().skip(1)) {
                steps::count(list.len());
                lists.extend_from_slice(list);
                *end = as_id(lists.len());
            }
            span(ends)
        });
        laid_out.collect()
    }

    fn lists(&self, row: &RuleRow) -> impl Iterator<Item = &[WordId]> {
        row.parts.into_iter().map(|part| self.of(part))
    }

    fn but(&self, left_out: usize, row: &RuleRow) -> impl Iterator<Item = &[WordId]> {
        let parts = row.parts.into_iter().enumerate();
        let parts = parts.filter(move |(of, _)| *of != left_out);
        parts.map(|(_, part)| self.of(part))
    }

    fn wild<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> RulePart {
        let part = self.list(words);
        self.without_more_than_all(part)
    }

    /// A list with `*` in it says no more than `*`. It must be the last in the pool.
    fn without_more_than_all(&mut self, part: RulePart) -> RulePart {
        let star = self.words.id("*");
        if part.end - part.begin < 2 || self.of(part).binary_search(&star).is_err() {
            return part;
        }
        self.pool.truncate(as_place(part.begin));
        self.pool.push(star);
        RulePart {
            end: part.begin + 1,
            ..part
        }
    }

    fn list<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> RulePart {
        let begin = self.pool.len();
        for word in words {
            steps::count(1);
            self.uses = self.uses.saturating_add(1);
            if self.uses <= Rules::LIMIT {
                let id = self.words.id(word);
                self.pool.push(id);
            }
        }
        self.in_order(begin)
    }

    /// The end of the pool, sorted and without repetition.
    fn in_order(&mut self, begin: usize) -> RulePart {
        let list = self.pool.get_mut(begin..).unwrap_or_default();
        list.sort_unstable();
        let mut before = None;
        let mut end = begin;
        for place in begin..self.pool.len() {
            let id = self.pool.get(place).copied();
            if id != before {
                self.pool.swap(end, place);
                end += 1;
                before = id;
            }
        }
        self.pool.truncate(end);
        RulePart {
            begin: as_id(begin),
            end: as_id(end),
        }
    }

    fn of(&self, part: RulePart) -> &[WordId] {
        let range = as_place(part.begin)..as_place(part.end);
        self.pool.get(range).unwrap_or_default()
    }
}

/// Several `*` at the end of a path mean what one means.
fn with_one_star(url: &str) -> &str {
    let head = url.trim_end_matches('*').len();
    url.get(..=head).unwrap_or(url)
}
