//! Random pairs of roles that have much to do with each other.

use palette_rbac::rbac::{PolicyRule, Words};
use serde_json::{Value, json};

/// Two roles to compare.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) owner: Vec<PolicyRule>,
    pub(crate) servant: Vec<PolicyRule>,
}

impl Pair {
    pub(crate) fn to_json(&self) -> Value {
        let rules = |rules: &[PolicyRule]| rules.iter().map(rule_to_json).collect::<Vec<Value>>();
        json!({ "owner": rules(&self.owner), "servant": rules(&self.servant) })
    }

    /// The first of the documented differences.
    pub(crate) fn mixes_urls_and_names(&self) -> bool {
        self.owner
            .iter()
            .any(|rule| !rule.non_resource_urls.is_empty() && !rule.resource_names.is_empty())
    }
}

fn rule_to_json(rule: &PolicyRule) -> Value {
    let words = |words: &Words| words.iter().map(Value::from).collect::<Value>();
    json!({
        "verbs": words(&rule.verbs),
        "apiGroups": words(&rule.api_groups),
        "resources": words(&rule.resources),
        "resourceNames": words(&rule.resource_names),
        "nonResourceURLs": words(&rule.non_resource_urls),
    })
}

pub(crate) fn read_rules(json: &str) -> Vec<PolicyRule> {
    serde_json::from_str(json).unwrap()
}

/// `SplitMix64`: the same pairs from the same seed, on every machine and with every version of every crate.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn words(&mut self, words: &[&'static str], most: usize) -> Words {
        let count = self.below(most + 1);
        (0..count).map(|_| *self.one_of(words)).collect()
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        all.get(self.below(all.len())).unwrap()
    }

    /// Half of the servants are made from pieces of the owner, otherwise hardly one would be covered.
    pub(crate) fn pair(&mut self) -> Pair {
        let owner = self.role();
        let servant = if self.one_in(2) {
            self.role()
        } else {
            self.pieces_of(&owner)
        };
        Pair { owner, servant }
    }

    fn role(&mut self) -> Vec<PolicyRule> {
        let count = 1 + self.below(4);
        (0..count).map(|_| self.rule()).collect()
    }

    fn rule(&mut self) -> PolicyRule {
        let mut rule = PolicyRule {
            verbs: self.words(&VERBS, 3),
            ..PolicyRule::default()
        };
        let is_mixed = self.one_in(50);
        if is_mixed || !self.one_in(4) {
            rule.api_groups = self.words(&GROUPS, 2);
            rule.resources = self.words(&RESOURCES, 3);
        }
        if is_mixed || rule.resources.is_empty() {
            rule.non_resource_urls = self.words(&URLS, 3);
        }
        if is_mixed || (self.one_in(4) && rule.non_resource_urls.is_empty()) {
            rule.resource_names = self.words(&NAMES, 2);
        }
        rule
    }

    fn pieces_of(&mut self, role: &[PolicyRule]) -> Vec<PolicyRule> {
        let count = 1 + self.below(3);
        (0..count)
            .map(|_| {
                let piece = self.one_of(role).clone();
                self.piece_of(piece)
            })
            .collect()
    }

    fn piece_of(&mut self, mut rule: PolicyRule) -> PolicyRule {
        self.vary(&mut rule.verbs, &VERBS);
        self.vary(&mut rule.api_groups, &GROUPS);
        self.vary(&mut rule.resources, &RESOURCES);
        self.vary(&mut rule.non_resource_urls, &URLS);
        if rule.non_resource_urls.is_empty() && rule.resource_names.is_empty() && self.one_in(4) {
            rule.resource_names = self.words(&NAMES, 2);
        }
        rule
    }

    /// Leaves a word out, puts another for a wildcard, or leaves the list as it is.
    fn vary(&mut self, list: &mut Words, words: &[&'static str]) {
        if list.is_empty() {
            return;
        }
        let mut varied: Vec<String> = list.iter().map(str::to_owned).collect();
        let place = self.below(varied.len());
        let is_only = varied.len() == 1;
        match (self.below(4), varied.get_mut(place)) {
            (1, Some(word)) if word.contains('*') => (*self.one_of(words)).clone_into(word),
            (0, Some(_)) if !is_only => drop(varied.remove(place)),
            _ => {}
        }
        *list = varied.iter().collect();
    }
}

const VERBS: [&str; 8] = ["*", "get", "list", "create", "delete", "bind", "mount", ""];
const GROUPS: [&str; 5] = ["", "*", "apps", "kubevirt.io", "subresources.kubevirt.io"];
const NAMES: [&str; 4] = ["one", "two", "*", ""];
const RESOURCES: [&str; 16] = [
    "*",
    "*/*",
    "*/scale",
    "*/sev/setupsession",
    "pods",
    "pods/",
    "pods/*",
    "pods/exec",
    "pods/scale",
    "virtualmachines",
    "virtualmachines/start",
    "virtualmachineinstances/sev/setupsession",
    "virtualmachineinstances/setupsession",
    "/scale",
    "/",
    "",
];
const URLS: [&str; 14] = [
    "*", "**", "/", "/*", "/a", "/a*", "/a**", "/a/", "/a/*", "/a/b", "/a*b", "/ab/*", "*a", "",
];
