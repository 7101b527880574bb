//! What each rule does, and in which case.

use std::collections::BTreeMap;

use enum_map::EnumMap;
use strum::IntoEnumIterator;

use crate::domain::{Action, Rule};
use crate::rbac::escalation::escalation_paths;

/// The action of every rule, and of the cases that some rules tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions {
    /// What the rule does in every case that has no action of its own.
    rest: EnumMap<Rule, Action>,
    cases: BTreeMap<(Rule, &'static str), Action>,
}

/// What a rule does, as a policy says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAction {
    /// The same in every case.
    Always(Action),
    /// By case, in the order of the documentation.
    ByCase(Vec<(&'static str, Action)>),
}

/// Who writes, to the rules that tell requesters apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// A person, or nobody that is known.
    Person,
    /// A service account, or a name of the cluster's own.
    Machine,
}

impl Writer {
    /// The case in the policy file.
    pub const fn as_case(self) -> &'static str {
        match self {
            Self::Person => PEOPLE,
            Self::Machine => MACHINES,
        }
    }
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            rest: EnumMap::from_fn(Rule::default_action),
            cases: DEFAULT_CASES.into(),
        }
    }
}

impl Actions {
    /// What the rule does, where nothing is said of the case.
    pub fn of(&self, rule: Rule) -> Action {
        self.rest[rule]
    }

    /// What the rule does in that case.
    pub fn of_case(&self, rule: Rule, case: &str) -> Action {
        let own = self.cases.get(&(rule, case));
        own.copied().unwrap_or_else(|| self.of(rule))
    }

    /// Whether the rule does nothing in any case.
    pub fn is_off(&self, rule: Rule) -> bool {
        let mut own = self.own_of(rule).map(|(_, action)| action);
        self.of(rule) == Action::Off && own.all(|action| action == Action::Off)
    }

    /// What the rule does, as a policy file says it.
    pub fn told(&self, rule: Rule) -> RuleAction {
        let rest = self.of(rule);
        match Cases::of(rule) {
            Some(cases) if self.own_of(rule).any(|(_, action)| action != rest) => {
                let told = cases.names.iter().filter_map(|name| {
                    let is_told = *name == cases.rest || self.cases.contains_key(&(rule, *name));
                    is_told.then(|| (*name, self.of_case(rule, name)))
                });
                RuleAction::ByCase(told.collect())
            }
            Some(_) | None => RuleAction::Always(rest),
        }
    }

    /// Sets what the rule does in every case.
    pub fn set(&mut self, rule: Rule, action: Action) {
        self.cases.retain(|(of, _), _| *of != rule);
        self.rest[rule] = action;
    }

    /// Sets what the rule does in one of its cases.
    pub fn set_case(&mut self, rule: Rule, case: &'static str, action: Action) {
        let is_rest = Cases::of(rule).is_some_and(|cases| cases.rest == case);
        if is_rest {
            self.rest[rule] = action;
        } else {
            self.cases.insert((rule, case), action);
        }
    }

    /// The same, in the one form that its meaning has.
    pub(super) fn settled(mut self) -> Self {
        for rule in Rule::iter() {
            let rest = self.of(rule);
            if let RuleAction::Always(action) = self.told(rule) {
                self.set(rule, action);
            }
            let says_nothing = |case: &'static str, action| {
                let is_default = DEFAULT_CASES.iter().any(|(key, _)| *key == (rule, case));
                action == rest && !is_default
            };
            self.cases
                .retain(|(of, case), action| *of != rule || !says_nothing(case, *action));
        }
        self
    }

    fn own_of(&self, rule: Rule) -> impl Iterator<Item = (&'static str, Action)> {
        let own = self.cases.iter().filter(move |((of, _), _)| *of == rule);
        own.map(|((_, case), action)| (*case, *action))
    }
}

/// The cases that a rule tells apart.
pub(super) struct Cases {
    /// All of them, in the order of the documentation.
    pub(super) names: Vec<&'static str>,
    /// The one that stands for every case without an action of its own.
    pub(super) rest: &'static str,
}

impl Cases {
    /// Those of a rule; nothing where one action is all that it has.
    pub(super) fn of(rule: Rule) -> Option<Self> {
        match rule {
            Rule::RoleChange => Some(Self {
                names: vec![PEOPLE, MACHINES],
                rest: PEOPLE,
            }),
            Rule::IndirectReach => Some(Self {
                names: escalation_paths()
                    .iter()
                    .map(|detour| detour.name)
                    .chain([OTHERS])
                    .collect(),
                rest: OTHERS,
            }),
            _ => None,
        }
    }
}

const PEOPLE: &str = "people";
const MACHINES: &str = "machines";
const OTHERS: &str = "others";

/// Few hold these detours by right, and whoever has one holds everything; and operators write roles at upgrades.
const DEFAULT_CASES: [((Rule, &str), Action); 3] = [
    ((Rule::RoleChange, MACHINES), Action::Warn),
    ((Rule::IndirectReach, "change-palette-rbac"), Action::Deny),
    ((Rule::IndirectReach, "change-admission"), Action::Deny),
];
