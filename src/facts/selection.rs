//! Which `ClusterRoles` an aggregate's selectors choose, through other aggregates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::index::Index;
use crate::rbac::{AggregationRule, LabelSelector, Labels, Wanted};

/// Which `ClusterRole`s the aggregated ones are made of, through others too.
///
/// Selectors that are the same are asked once, and aggregates that select each other are one component, which shares
/// whatever follows: neither time nor memory grows with aggregates times members. What asking the selectors takes has a
/// limit; those that would go past it, the dearest, are taken to select every `ClusterRole`: more than they do, never
/// less.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Every `ClusterRole`, by name.
    roles: Vec<Arc<str>>,
    /// Those of them that are aggregated, sorted.
    aggregates: Vec<usize>,
    /// What an aggregate selects by: places in `selectors`.
    selected_by: Vec<Vec<usize>>,
    selectors: Vec<Members>,
    /// The selector that stands for all that select everything.
    selects_all: Option<usize>,
    /// Of each selector: whose it is, as places in `aggregates`.
    owners: Vec<Vec<usize>>,
    /// Of each role: which selectors select it, apart from those that select everything.
    selecting: Vec<Vec<u32>>,
    /// The component of each aggregate.
    components: Vec<usize>,
    /// An aggregate of each component.
    heads: Vec<usize>,
    watched: WatchedLabel,
}

/// Whom a selector selects: places in [`Selection::roles`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Members {
    All,
    Some(Vec<u32>),
}

/// The labels that selectors ask for: a role without any of them is selected by none, unless one asks for no label.
#[derive(Debug, Default)]
struct WatchedLabel {
    pairs: BTreeSet<(Arc<str>, Arc<str>)>,
    keys: BTreeSet<Arc<str>>,
    selects_without: bool,
}

impl Selection {
    pub(super) fn of(index: &Index) -> Self {
        Self::within(index, MOST_STEPS)
    }

    /// The same with another limit.
    pub(super) fn within(index: &Index, most_steps: usize) -> Self {
        let roles: Vec<_> = index.cluster_roles().map(|known| &known.role).collect();
        let is_aggregate = |place: &usize| roles.get(*place).is_some_and(|it| it.is_aggregate());
        let aggregates: Vec<usize> = (0..roles.len()).filter(is_aggregate).collect();
        let mut selection = Self {
            roles: roles
                .iter()
                .map(|role| Arc::clone(&role.name.name))
                .collect(),
            selecting: vec![Vec::new(); roles.len()],
            aggregates,
            ..Self::default()
        };
        if selection.aggregates.is_empty() {
            return selection;
        }
        let made_of_others = selection
            .aggregates
            .iter()
            .filter_map(|place| roles.get(*place));
        let made_of_others: Vec<&AggregationRule> = made_of_others
            .filter_map(|role| role.aggregation.as_ref())
            .collect();
        let labels: Vec<&Labels> = roles.iter().map(|role| &role.labels).collect();
        let distinct = selection.take_selectors(&made_of_others);
        selection.watched = WatchedLabel::of(&distinct);
        selection.selectors = Labelled::of(&labels, &selection.watched).ask(&distinct, most_steps);
        selection.join_all();
        selection.invert();
        selection.find_components();
        selection
    }

    /// Whether a `ClusterRole` with these labels may be part of an aggregate.
    pub(super) fn may_select(&self, labels: &Labels) -> bool {
        let WatchedLabel {
            pairs,
            keys,
            selects_without,
        } = &self.watched;
        let mut labels = labels.iter();
        *selects_without
            || self.selects_all.is_some()
            || labels.any(|(key, value)| {
                keys.contains(key) || pairs.contains(&(Arc::clone(key), Arc::clone(value)))
            })
    }

    /// How many components there are.
    pub(super) fn components(&self) -> usize {
        self.heads.len()
    }

    /// The component that an aggregate is of.
    pub(super) fn component(&self, aggregate: &str) -> Option<usize> {
        let place = self.role(aggregate)?;
        self.components
            .get(self.aggregates.binary_search(&place).ok()?)
            .copied()
    }

    /// The `ClusterRole`s that the aggregates of a component are made of, they themselves among them, by name.
    pub(super) fn made_of(&self, component: usize) -> Vec<&Arc<str>> {
        let mut reached = vec![false; self.roles.len()];
        let mut asked = vec![false; self.selectors.len()];
        let head = self.heads.get(component);
        let mut open: Vec<usize> = head.into_iter().copied().collect();
        while let Some(aggregate) = open.pop() {
            if let Some(place) = self.aggregates.get(aggregate) {
                mark(&mut reached, *place);
            }
            for selector in self.selected_by.get(aggregate).into_iter().flatten() {
                if mark(&mut asked, *selector) {
                    open.extend(self.select(*selector, &mut reached));
                }
            }
        }
        let names = self.roles.iter().zip(reached);
        names
            .filter_map(|(name, is_reached)| is_reached.then_some(name))
            .collect()
    }

    /// Marks whom a selector selects; says which aggregates are new among them.
    fn select(&self, selector: usize, reached: &mut [bool]) -> Vec<usize> {
        let mut new = Vec::new();
        let mut take = |place: usize| {
            if mark(reached, place)
                && let Ok(aggregate) = self.aggregates.binary_search(&place)
            {
                new.push(aggregate);
            }
        };
        match self.selectors.get(selector) {
            Some(Members::All) => (0..self.roles.len()).for_each(take),
            Some(Members::Some(members)) => members.iter().for_each(|it| take(*it as usize)),
            None => {}
        }
        new
    }

    /// The aggregates that a `ClusterRole` is part of, by name; not itself.
    pub(super) fn containing(&self, cluster_role: &str) -> Vec<&Arc<str>> {
        let Some(role) = self.role(cluster_role) else {
            return Vec::new();
        };
        let places = self.aggregates.iter().zip(self.reaching(vec![role]));
        places
            .filter(|(place, is_reaching)| *is_reaching && **place != role)
            .filter_map(|(place, _)| self.roles.get(*place))
            .collect()
    }

    /// Of each component, whether any of these `ClusterRole`s is in it or part of it.
    pub(super) fn components_with(&self, cluster_roles: &[Arc<str>]) -> Vec<bool> {
        let places = cluster_roles.iter().filter_map(|name| self.role(name));
        let places: Vec<usize> = places.collect();
        let mut with = vec![false; self.heads.len()];
        let own = places
            .iter()
            .filter_map(|place| self.aggregates.binary_search(place).ok());
        let own: Vec<usize> = own.collect();
        let reaching = self.reaching(places).into_iter().enumerate();
        let reaching = reaching.filter_map(|(aggregate, is_it)| is_it.then_some(aggregate));
        for aggregate in own.into_iter().chain(reaching) {
            if let Some(component) = self.components.get(aggregate) {
                mark(&mut with, *component);
            }
        }
        with
    }

    /// Of each aggregate, whether any of these roles is part of it.
    fn reaching(&self, mut open: Vec<usize>) -> Vec<bool> {
        let mut reaching = vec![false; self.aggregates.len()];
        let mut asked = vec![false; self.selectors.len()];
        while let Some(place) = open.pop() {
            for selector in self.selectors_of(place) {
                if !mark(&mut asked, selector) {
                    continue;
                }
                for owner in self.owners.get(selector).into_iter().flatten() {
                    if mark(&mut reaching, *owner) {
                        open.extend(self.aggregates.get(*owner));
                    }
                }
            }
        }
        reaching
    }

    fn selectors_of(&self, role: usize) -> impl Iterator<Item = usize> {
        let own = self.selecting.get(role).into_iter().flatten();
        let own = own.map(|selector| *selector as usize);
        self.selects_all.into_iter().chain(own)
    }

    fn role(&self, name: &str) -> Option<usize> {
        self.roles.binary_search_by(|it| (**it).cmp(name)).ok()
    }

    /// The different selectors of all aggregates, sorted.
    fn take_selectors<'r>(&mut self, rules: &[&'r AggregationRule]) -> Vec<&'r LabelSelector> {
        let all = rules.iter().flat_map(|it| &it.cluster_role_selectors);
        let distinct: BTreeSet<&LabelSelector> = all.collect();
        let distinct: Vec<&LabelSelector> = distinct.into_iter().collect();
        self.owners = vec![Vec::new(); distinct.len()];
        for (aggregate, rule) in rules.iter().enumerate() {
            let places = rule.cluster_role_selectors.iter();
            let places = places.filter_map(|it| distinct.binary_search(&it).ok());
            let places: BTreeSet<usize> = places.collect();
            for place in &places {
                if let Some(owners) = self.owners.get_mut(*place) {
                    owners.push(aggregate);
                }
            }
            self.selected_by.push(places.into_iter().collect());
        }
        distinct
    }

    /// Those that select everything become one: many would lead to the same, each by a way of its own.
    fn join_all(&mut self) {
        let all = self.selectors.iter().enumerate();
        let all = all.filter_map(|(place, it)| (*it == Members::All).then_some(place));
        let all: BTreeSet<usize> = all.collect();
        self.selects_all = all.first().copied();
        let Some(one) = self.selects_all else {
            return;
        };
        let mut owners = BTreeSet::new();
        for place in &all {
            let of_place = self.owners.get_mut(*place).map(std::mem::take);
            owners.extend(of_place.unwrap_or_default());
        }
        for owner in &owners {
            if let Some(selectors) = self.selected_by.get_mut(*owner) {
                // Whatever else it selects by, this is all of it.
                *selectors = vec![one];
            }
        }
        if let Some(of_one) = self.owners.get_mut(one) {
            *of_one = owners.into_iter().collect();
        }
    }

    fn invert(&mut self) {
        for (selector, members) in self.selectors.iter().enumerate() {
            let Members::Some(members) = members else {
                continue;
            };
            for member in members {
                if let Some(selecting) = self.selecting.get_mut(*member as usize) {
                    selecting.push(u32::try_from(selector).unwrap_or(u32::MAX));
                }
            }
        }
    }

    /// Aggregates and selectors are the nodes of a graph: an aggregate leads to its selectors, a selector to the
    /// aggregates that it selects.
    fn find_components(&mut self) {
        let aggregates = self.aggregates.len();
        let next = |node: usize| match node.checked_sub(aggregates) {
            None => {
                let selectors = self.selected_by.get(node).into_iter().flatten();
                selectors.map(|selector| selector + aggregates).collect()
            }
            Some(selector) => match self.selectors.get(selector) {
                Some(Members::All) => (0..aggregates).collect(),
                Some(Members::Some(members)) => {
                    let places = members.iter().map(|it| *it as usize);
                    places
                        .filter_map(|place| self.aggregates.binary_search(&place).ok())
                        .collect()
                }
                None => Vec::new(),
            },
        };
        let components = components(aggregates + self.selectors.len(), next);
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        for (aggregate, component) in components.into_iter().take(aggregates).enumerate() {
            let new = self.heads.len();
            let number = *numbers.entry(component).or_insert(new);
            if number == new {
                self.heads.push(aggregate);
            }
            self.components.push(number);
        }
    }
}

impl WatchedLabel {
    fn of(selectors: &[&LabelSelector]) -> Self {
        let mut watched = Self::default();
        for selector in selectors {
            let mut is_anywhere = true;
            for wanted in selector.wanted() {
                is_anywhere = false;
                match wanted {
                    Wanted::Key(key) => {
                        watched.keys.insert(Arc::clone(key));
                    }
                    Wanted::OneOf(key, values) => {
                        let pairs = values.iter().map(|it| (Arc::clone(key), Arc::clone(it)));
                        watched.pairs.extend(pairs);
                    }
                }
            }
            watched.selects_without |= is_anywhere;
        }
        watched
    }
}

/// The roles by the labels that are watched.
struct Labelled<'l> {
    labels: &'l [&'l Labels],
    all: Vec<u32>,
    by_pair: BTreeMap<(&'l str, &'l str), Vec<u32>>,
    by_key: BTreeMap<&'l str, Vec<u32>>,
}

impl<'l> Labelled<'l> {
    fn of(labels: &'l [&'l Labels], watched: &WatchedLabel) -> Self {
        let mut labelled = Self {
            labels,
            all: (0..labels.len())
                .filter_map(|it| it.try_into().ok())
                .collect(),
            by_pair: BTreeMap::new(),
            by_key: BTreeMap::new(),
        };
        for (labels, role) in labels.iter().zip(labelled.all.clone()) {
            for (key, value) in *labels {
                if watched.keys.contains(key) {
                    labelled.by_key.entry(key).or_default().push(role);
                }
                if watched
                    .pairs
                    .contains(&(Arc::clone(key), Arc::clone(value)))
                {
                    labelled.by_pair.entry((key, value)).or_default().push(role);
                }
            }
        }
        labelled
    }

    /// Whom each selector selects: the cheapest are asked first, and those that are left when the steps are spent are
    /// taken to select all.
    fn ask(&self, selectors: &[&LabelSelector], most_steps: usize) -> Vec<Members> {
        let mut by_cost: Vec<(usize, usize, Candidates<'_>)> = Vec::new();
        for (place, selector) in selectors.iter().enumerate() {
            let candidates = self.candidates(selector);
            by_cost.push((candidates.len() * selector.weight(), place, candidates));
        }
        by_cost.sort_by_key(|(cost, place, _)| (*cost, *place));
        let mut members = vec![Members::All; selectors.len()];
        let mut left = most_steps;
        for (cost, place, candidates) in by_cost {
            let (Some(rest), Some(selector)) = (left.checked_sub(cost), selectors.get(place))
            else {
                break;
            };
            left = rest;
            if selector.is_empty() {
                continue;
            }
            if let Some(members) = members.get_mut(place) {
                *members = Members::Some(self.selected(selector, candidates));
            }
        }
        members
    }

    /// The roles that have one of the labels that a selector wants, by the want that the fewest meet.
    fn candidates<'a>(&'a self, selector: &'a LabelSelector) -> Candidates<'a> {
        let of_want = |wanted: Wanted<'a>| match wanted {
            Wanted::Key(key) => {
                let roles = self.by_key.get(&**key);
                Candidates(roles.into_iter().map(|it| &**it).collect())
            }
            Wanted::OneOf(key, values) => {
                // A value may be written twice.
                let values: BTreeSet<&Arc<str>> = values.iter().collect();
                let roles = values
                    .into_iter()
                    .filter_map(|value| self.by_pair.get(&(&**key, &**value)));
                Candidates(roles.map(|it| &**it).collect())
            }
        };
        let wants = selector.wanted().map(of_want);
        wants
            .min_by_key(Candidates::len)
            .unwrap_or_else(|| Candidates(vec![&self.all]))
    }

    fn selected(&self, selector: &LabelSelector, candidates: Candidates<'_>) -> Vec<u32> {
        let is_selected = |role: &u32| {
            let labels = self.labels.get(*role as usize);
            labels.is_some_and(|labels| selector.selects(labels))
        };
        let candidates = candidates.0.into_iter().flatten().copied();
        candidates.filter(is_selected).collect()
    }
}

/// Lists of roles without a role in common.
struct Candidates<'a>(Vec<&'a [u32]>);

impl Candidates<'_> {
    fn len(&self) -> usize {
        self.0.iter().map(|roles| roles.len()).sum()
    }
}

/// Says whether it is new.
fn mark(marks: &mut [bool], place: usize) -> bool {
    marks
        .get_mut(place)
        .is_some_and(|mark| !std::mem::replace(mark, true))
}

/// The strongly connected component of each node (Tarjan's algorithm), without recursion: a chain may be long.
fn components(nodes: usize, next: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
    let mut search = Search {
        found: vec![None; nodes],
        low: vec![0; nodes],
        component: vec![None; nodes],
        stack: Vec::new(),
        count: 0,
    };
    for root in 0..nodes {
        if search.found.get(root).is_some_and(Option::is_none) {
            search.from(root, &next);
        }
    }
    search.component.into_iter().flatten().collect()
}

struct Search {
    /// When each node was found.
    found: Vec<Option<usize>>,
    /// The earliest node on the stack that it leads to.
    low: Vec<usize>,
    component: Vec<Option<usize>>,
    stack: Vec<usize>,
    count: usize,
}

impl Search {
    fn from(&mut self, root: usize, next: &impl Fn(usize) -> Vec<usize>) {
        let mut open = vec![(root, next(root))];
        self.enter(root);
        while let Some((node, rest)) = open.last_mut() {
            let node = *node;
            let Some(to) = rest.pop() else {
                open.pop();
                self.leave(node);
                if let Some((before, _)) = open.last() {
                    self.lower(*before, self.low_of(node));
                }
                continue;
            };
            match self.found.get(to).copied().flatten() {
                None => {
                    self.enter(to);
                    open.push((to, next(to)));
                }
                Some(found) if self.is_open(to) => self.lower(node, found),
                Some(_) => {}
            }
        }
    }

    fn enter(&mut self, node: usize) {
        if let (Some(found), Some(low)) = (self.found.get_mut(node), self.low.get_mut(node)) {
            (*found, *low) = (Some(self.count), self.count);
        }
        self.count += 1;
        self.stack.push(node);
    }

    /// The first node of a component takes the others from the stack.
    fn leave(&mut self, node: usize) {
        if self.found.get(node).copied().flatten() != Some(self.low_of(node)) {
            return;
        }
        while let Some(other) = self.stack.pop() {
            if let Some(component) = self.component.get_mut(other) {
                *component = Some(node);
            }
            if other == node {
                break;
            }
        }
    }

    fn is_open(&self, node: usize) -> bool {
        self.component.get(node).is_some_and(Option::is_none)
    }

    fn low_of(&self, node: usize) -> usize {
        self.low.get(node).copied().unwrap_or(usize::MAX)
    }

    fn lower(&mut self, node: usize, to: usize) {
        if let Some(low) = self.low.get_mut(node) {
            *low = to.min(*low);
        }
    }
}

/// So many times a requirement is compared with a role: some 30 ms.
const MOST_STEPS: usize = 1 << 19;

#[cfg(test)]
mod tests;
