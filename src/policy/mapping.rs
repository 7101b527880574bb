//! The mapping of a policy file: what it adds, changes and takes away.

use std::collections::HashMap;
use std::sync::Arc;

use super::read::word;
use super::{MappingEntry, RoleClass};
use crate::document::{Cursor, Diagnostics, Fields, Location, Mistake, Position};
use crate::domain::nearest;
use crate::rbac::{Level, PolicyRule, Words};

/// A Palette role that a policy file names, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleReference {
    /// The name of the role.
    pub role: Arc<str>,
    location: Location,
}

impl RoleReference {
    pub(super) fn new(role: Arc<str>, location: Location) -> Self {
        Self { role, location }
    }

    pub(super) fn position(&self) -> Position {
        self.location.position
    }

    /// What to say when there is no such role among those that are known.
    pub fn unknown<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> Mistake {
        let message = match nearest(&self.role, known) {
            Some(near) => format!("no Palette role `{}`; did you mean {near:?}?", self.role),
            None => format!(
                "no Palette role `{}`, built in or among the directory's `roles`",
                self.role
            ),
        };
        Mistake::new(self.location.position, self.location.path.as_str(), message)
    }
}

/// The mapping as it was typed, one file over the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Mapping {
    entries: Vec<DraftEntry>,
    /// What the file on top takes away, and where it says so.
    removed: Vec<(Arc<str>, Location)>,
}

#[derive(Debug, Clone)]
struct DraftEntry {
    role: Arc<str>,
    class: RoleClass,
    need: Need,
    reviewed_rules: Vec<PolicyRule>,
    /// In the file on top; absent for what is below it.
    location: Option<Location>,
}

#[derive(Debug, Clone)]
enum Need {
    /// One role of each group.
    Roles(Vec<Vec<RoleReference>>),
    /// What another entry needs.
    Like(Arc<str>),
}

/// What one item of a file does.
enum EntryChange {
    Put {
        entry: DraftEntry,
        /// Whether the item names a rule, or has the usual one by leaving it out.
        says_rule: bool,
    },
    Remove(Arc<str>, Location),
}

impl EntryChange {
    fn role(&self) -> &Arc<str> {
        match self {
            Self::Put { entry, .. } => &entry.role,
            Self::Remove(role, _) => role,
        }
    }
}

impl Mapping {
    /// Makes this what lies below the next file.
    pub(super) fn settle(&mut self) {
        self.removed.clear();
        for entry in &mut self.entries {
            entry.location = None;
        }
    }

    /// Lays the items of a file over this, by role: replaced in place, added at the end, or removed.
    pub(super) fn lay_over(&mut self, items: &[Cursor<'_>]) {
        let below = self.clone();
        let mut seen: HashMap<Arc<str>, String> = HashMap::new();
        for item in items {
            let Some(change) = read_item(item) else {
                continue;
            };
            if let Some(first) = seen.get(change.role()) {
                item.mistake(format!(
                    "`{}` stands twice, first in {first}",
                    change.role()
                ));
                continue;
            }
            seen.insert(Arc::clone(change.role()), item.location().path);
            match change {
                EntryChange::Put { entry, says_rule } => {
                    if !says_rule {
                        warn_of_another_rule(item, &entry, &below);
                    }
                    self.put(entry);
                }
                EntryChange::Remove(role, location) => {
                    if below.entry(&role).is_none() {
                        item.mistake(below.unknown(&role));
                    }
                    self.entries.retain(|entry| entry.role != role);
                    self.removed.push((role, location));
                }
            }
        }
    }

    fn put(&mut self, entry: DraftEntry) {
        match self
            .entries
            .iter_mut()
            .find(|other| other.role == entry.role)
        {
            Some(cursor) => *cursor = entry,
            None => self.entries.push(entry),
        }
    }

    /// Every entry with its own requirement: VM roles first, each class in the order of the files.
    pub(super) fn compile(&self, diagnostics: &Diagnostics) -> Vec<MappingEntry> {
        let entries = self.entries.iter().filter_map(|entry| {
            Some(MappingEntry {
                role: Arc::clone(&entry.role),
                class: entry.class,
                requires: self.resolve(entry, diagnostics)?,
                reviewed_rules: entry.reviewed_rules.clone(),
            })
        });
        let (mut vm, standard): (Vec<_>, Vec<_>) =
            entries.partition(|entry| entry.class == RoleClass::Vm);
        vm.extend(standard);
        vm
    }

    /// The Palette roles that the file on top names, in its order.
    pub(super) fn references(&self) -> Vec<RoleReference> {
        let own = self.entries.iter().filter(|entry| entry.location.is_some());
        let groups = own.flat_map(|entry| match &entry.need {
            Need::Roles(groups) => groups.as_slice(),
            Need::Like(_) => &[],
        });
        let mut roles: Vec<_> = groups.flatten().cloned().collect();
        roles.sort_by_key(RoleReference::position);
        roles
    }

    /// The roles that have an entry.
    pub(super) fn roles(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entries.iter().map(|entry| &entry.role)
    }

    fn resolve(&self, entry: &DraftEntry, diagnostics: &Diagnostics) -> Option<Vec<Vec<Arc<str>>>> {
        let mut at = entry;
        // A chain without a cycle is no longer than there are entries.
        for _ in &self.entries {
            let target = match &at.need {
                Need::Roles(groups) => return Some(names_of(groups)),
                Need::Like(target) => target,
            };
            let Some(next) = self.entry(target) else {
                self.complain_of_target(at, target, diagnostics);
                return None;
            };
            at = next;
        }
        // The default has no cycle, so the file has a part in it.
        if let Some(location) = &entry.location {
            diagnostics.mistake(
                location,
                format!("`{}` is like itself in the end", entry.role),
            );
        }
        None
    }

    /// The reference may stand in the file below, when it is the removal that breaks it.
    fn complain_of_target(&self, entry: &DraftEntry, target: &Arc<str>, diagnostics: &Diagnostics) {
        let removal = self.removed.iter().find(|(role, _)| role == target);
        match (&entry.location, removal) {
            (None, Some((_, location))) => diagnostics.mistake(
                location,
                format!(
                    "`{}` is like `{target}`; remove it as well, or give it a `requires`",
                    entry.role
                ),
            ),
            (Some(location), _) => {
                diagnostics.mistake(location, self.unknown(target));
            }
            (None, None) => {}
        }
    }

    fn unknown(&self, role: &str) -> String {
        let known = self.entries.iter().map(|entry| &*entry.role);
        match nearest(role, known) {
            Some(near) => format!("no entry for `{role}`; did you mean {near:?}?"),
            None => format!("no entry for `{role}`"),
        }
    }

    fn entry(&self, role: &str) -> Option<&DraftEntry> {
        self.entries.iter().find(|entry| *entry.role == *role)
    }
}

fn names_of(groups: &[Vec<RoleReference>]) -> Vec<Vec<Arc<str>>> {
    let groups = groups.iter();
    groups
        .map(|group| group.iter().map(|role| Arc::clone(&role.role)).collect())
        .collect()
}

/// Leaving `rule` out where the file below says one is likely an oversight.
fn warn_of_another_rule(item: &Cursor<'_>, entry: &DraftEntry, below: &Mapping) {
    if let Some(replaced) = below.entry(&entry.role)
        && replaced.class != entry.class
    {
        item.warn(format!(
            "`{}` is judged by {} from here on; add `rule: {}` to leave that as it was",
            entry.role,
            entry.class.rule(),
            replaced.class.rule()
        ));
    }
}

fn read_item(item: &Cursor<'_>) -> Option<EntryChange> {
    let fields = item.fields(&[
        "role",
        "requires",
        "like",
        "remove",
        "rule",
        "reviewedRules",
    ])?;
    let role = fields
        .required("role")
        .and_then(|cursor| cluster_role(&cursor));
    let judge = fields.get("rule");
    let reviewed = fields.get("reviewedRules");
    let class = judge.as_ref().map_or(Some(RoleClass::Vm), word);
    let need = match sole_need(item, &fields)? {
        ("requires", cursor) => Need::Roles(read_groups(&cursor)?),
        ("like", cursor) => Need::Like(cluster_role(&cursor)?),
        (_, cursor) => {
            cursor.truth()?;
            for unused in judge.into_iter().chain(reviewed) {
                unused.mistake("an entry that is removed has no rule");
            }
            return Some(EntryChange::Remove(role?, item.location()));
        }
    };
    let (role, class) = (role?, class?);
    let reviewed_rules = match reviewed {
        None => Vec::new(),
        Some(cursor) if class != RoleClass::Vm || Level::of_role(&role).is_some() => {
            cursor.mistake(format!(
                "`{role}` is compared with what is documented or published; only VM roles that the policy adds have \
                 reviewed rules"
            ));
            return None;
        }
        Some(cursor) => read_rules(&cursor)?,
    };
    let entry = DraftEntry {
        role,
        class,
        need,
        reviewed_rules,
        location: Some(item.location()),
    };
    Some(EntryChange::Put {
        entry,
        says_rule: judge.is_some(),
    })
}

/// The one of `requires`, `like` and `remove` that the item has.
fn sole_need<'a>(item: &Cursor<'a>, fields: &Fields<'a>) -> Option<(&'static str, Cursor<'a>)> {
    let needs = ["requires", "like", "remove"];
    let mut present = needs
        .into_iter()
        .filter_map(|name| Some((name, fields.nullable(name)?)));
    match (present.next(), present.next()) {
        (Some(need), None) => Some(need),
        (None, _) => {
            item.mistake("needs one of `requires`, `like` and `remove`");
            None
        }
        (Some((one, _)), Some((other, _))) => {
            item.mistake(format!("has both `{one}` and `{other}`"));
            None
        }
    }
}

fn cluster_role(cursor: &Cursor<'_>) -> Option<Arc<str>> {
    let name = cursor.name()?;
    // What the API server refuses as a name: `k8s.io/apimachinery/pkg/api/validation/path.IsValidPathSegmentName`.
    if name.contains(['/', '%']) || [".", ".."].contains(&name) {
        cursor.mistake(format!("`{name}` is no name of a ClusterRole"));
        return None;
    }
    if name.contains('*') {
        cursor.mistake(format!("`{name}` is a name, never a pattern"));
        return None;
    }
    Some(name.into())
}

fn read_groups(cursor: &Cursor<'_>) -> Option<Vec<Vec<RoleReference>>> {
    let groups = filled(cursor, "nobody can say what an empty requirement means")?;
    groups.iter().map(read_group).collect()
}

fn read_group(group: &Cursor<'_>) -> Option<Vec<RoleReference>> {
    let roles = filled(group, "nobody can hold one of no roles")?;
    let reference =
        |cursor: &Cursor<'_>| Some(RoleReference::new(cursor.name()?.into(), cursor.location()));
    roles.iter().map(reference).collect()
}

fn read_rules(cursor: &Cursor<'_>) -> Option<Vec<PolicyRule>> {
    let rules = filled(cursor, "copy what the ClusterRole has in `rules`")?;
    // Every one is read, so that all mistakes are told.
    let rules: Vec<_> = rules.iter().map(read_rule).collect();
    rules.into_iter().collect()
}

/// As the API server validates it: verbs, and either resources with their groups or paths
/// (`pkg/apis/rbac/validation/validation.go`, `ValidatePolicyRule`).
fn read_rule(cursor: &Cursor<'_>) -> Option<PolicyRule> {
    let known = [
        "apiGroups",
        "resources",
        "resourceNames",
        "nonResourceURLs",
        "verbs",
    ];
    let fields = cursor.fields(&known)?;
    let words = |name| match fields.get(name) {
        None => Some(Words::default()),
        Some(list) => {
            let items = list.list()?;
            items.iter().map(Cursor::line).collect::<Option<Words>>()
        }
    };
    let [api_groups, resources, resource_names, urls, verbs] = known.map(words);
    let rule = PolicyRule {
        verbs: verbs?,
        api_groups: api_groups?,
        resources: resources?,
        resource_names: resource_names?,
        non_resource_urls: urls?,
    };
    let is_of_resources = !rule.resources.is_empty() && !rule.api_groups.is_empty();
    if rule.verbs.is_empty() || is_of_resources != rule.non_resource_urls.is_empty() {
        cursor
            .mistake("needs `verbs`, and either `apiGroups` and `resources` or `nonResourceURLs`");
        return None;
    }
    Some(rule)
}

fn filled<'a>(cursor: &Cursor<'a>, why: &str) -> Option<Vec<Cursor<'a>>> {
    let items = cursor.list()?;
    if items.is_empty() {
        cursor.mistake(format!("is empty; {why}"));
        return None;
    }
    Some(items)
}
