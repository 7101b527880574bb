//! Policy and directory, checked against each other, under one revision: all that a decision is made from.
//!
//! Everything that can be resolved before a request is resolved here, once: which roles meet a requirement, and
//! where an assignment of the directory counts in this cluster.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use enum_map::Enum;
use jiff::Timestamp;
use strum::IntoEnumIterator;

use crate::directory::{Assignment, AssignmentScope, ClusterFacts, Directory, ScopeId, Team, User};
use crate::domain::{Applicability, Holding, RoleKind, RoleRef, Scope, nearest};
use crate::facts::{Event, Facts, ObjectName, Role, StoredObject, View};
use crate::palette::{Catalogue, NamespacePattern, PermissionSet, RoleId, RoleSet, implication};
use crate::policy::{ClusterMembership, Membership, Policy, RoleClass};
use crate::rbac::{Labels, Level, Rules};

/// Policy and directory, paired.
#[derive(Debug, Clone)]
pub struct Rulebook {
    policy: Arc<Policy>,
    directory: Arc<Directory>,
    /// What policy and directory say of the cluster, together.
    cluster: ClusterMembership,
    /// In the order of the policy's mapping.
    requirements: Vec<Requirement>,
    by_role: HashMap<Arc<str>, usize>,
    requester: Requirement,
    /// The `ClusterRole`s whose rules the policy holds.
    reviewed: Arc<View>,
    /// By the directory's scope id.
    applicabilities: Vec<ScopeApplicability>,
    failing_since: Option<Timestamp>,
}

/// A role that a requirement names and nobody knows: nobody can hold it by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRole {
    /// The entry of the mapping that names it.
    pub entry: Arc<str>,
    /// The role.
    pub role: Arc<str>,
    near: Option<Arc<str>>,
}

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mapping of `{}` requires `{}`, which is neither built into Palette nor a role of the directory",
            self.entry, self.role
        )?;
        match &self.near {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

/// What of the cluster policy and directory can say differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Contradiction {
    /// Its project.
    Project,
    /// Its cluster group.
    ClusterGroup,
    /// Its workspaces.
    Workspaces,
}

/// Who is asked about: a user with its teams, or teams.
#[derive(Debug, Clone, Default)]
pub struct Holder<'r> {
    user: Option<&'r User>,
    teams: Vec<&'r Team>,
}

/// Groups of Palette roles, resolved: all must be met, one role of a group meets it.
#[derive(Debug, Clone)]
struct Requirement {
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    names: Vec<Arc<str>>,
    /// The roles of the group and every role that implies one of them.
    roles: RoleSet,
    /// The permissions of each role of the group whose set is known and not empty.
    permissions: Vec<PermissionSet>,
}

/// What a holder holds in one scope, in the form that requirements are compared with.
#[derive(Debug, Clone)]
struct HeldRoles {
    roles: RoleSet,
    /// Of custom roles, together.
    custom: PermissionSet,
}

/// Where in this cluster the assignments of one scope count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScopeApplicability {
    Everywhere,
    /// In the namespaces that the workspace selects.
    Selected,
    Nowhere(Applicability),
}

impl Rulebook {
    /// Pairs the two, and tells which required roles neither Palette nor the directory knows.
    pub fn pair(policy: Arc<Policy>, directory: Arc<Directory>) -> (Self, Vec<UnknownRole>) {
        let mut unknown = Vec::new();
        let mut requirements = Vec::with_capacity(policy.mapping.len());
        for entry in &policy.mapping {
            unknown.extend(unknown_roles(&entry.role, &entry.requires, &directory));
            requirements.push(Requirement::resolve(&entry.requires, &directory));
        }
        let by_role = policy
            .mapping
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.role.clone(), index))
            .collect();
        let cluster = membership(&policy.cluster, &directory);
        let rulebook = Self {
            requester: Requirement::resolve(&requester_requirement(), &directory),
            reviewed: reviewed(&policy),
            applicabilities: directory
                .scopes()
                .iter()
                .map(|scope| ScopeApplicability::of(scope, &cluster))
                .collect(),
            failing_since: None,
            cluster,
            requirements,
            by_role,
            policy,
            directory,
        };
        (rulebook, unknown)
    }

    /// The policy.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The directory.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// What is known of this cluster in Palette: what the policy says, and the directory where the policy says nothing.
    pub fn cluster(&self) -> &ClusterMembership {
        &self.cluster
    }

    /// What the directory says of this cluster, where the policy says something else, which counts.
    pub fn contradictions(&self) -> impl Iterator<Item = Contradiction> {
        let policy = &self.policy.cluster;
        let facts = facts_of(policy, &self.directory);
        Contradiction::iter().filter(move |about| {
            facts.is_some_and(|facts| match about {
                Contradiction::Project => policy.project.contradicts(facts.project.as_ref()),
                Contradiction::ClusterGroup => policy
                    .cluster_group
                    .contradicts(facts.cluster_group.as_ref()),
                Contradiction::Workspaces => {
                    let said: BTreeSet<_> = policy.workspaces.iter().collect();
                    let known: BTreeSet<_> = facts.workspaces.iter().collect();
                    !said.is_empty() && said != known
                }
            })
        })
    }

    /// The VM roles that the policy adds, as they were when they were reviewed; without those that it holds no rules of.
    pub fn reviewed(&self) -> &View {
        &self.reviewed
    }

    /// The user whom a raw name means: the one that its alias names, otherwise the name without the prefix.
    pub fn user(&self, raw: &str) -> Option<&User> {
        let name = self.user_name(raw)?;
        self.directory.user(name)
    }

    /// The team that the raw name of a group means, in the same way.
    pub fn team(&self, raw: &str) -> Option<&Team> {
        let name = self.team_name(raw)?;
        self.directory.team(name)
    }

    /// What Palette would call a user of that raw name; nothing where it lacks the prefix.
    pub fn user_name<'n>(&'n self, raw: &'n str) -> Option<&'n str> {
        self.palette_name(raw, &self.policy.identity.username_prefix)
    }

    /// The same of a group.
    pub fn team_name<'n>(&'n self, raw: &'n str) -> Option<&'n str> {
        self.palette_name(raw, &self.policy.identity.groups_prefix)
    }

    fn palette_name<'n>(&'n self, raw: &'n str, prefix: &str) -> Option<&'n str> {
        let alias = self.policy.identity.aliases.get(raw);
        alias.map_or_else(|| raw.strip_prefix(prefix), |name| Some(name))
    }

    /// The raw names that a team's group has: with the prefix, and every alias of it.
    pub fn groups_of_team<'n>(&'n self, team: &'n str) -> impl Iterator<Item = Cow<'n, str>> {
        let identity = &self.policy.identity;
        let aliases = identity.aliases.iter();
        let aliases = aliases.filter(move |(_, name)| ***name == *team);
        let own = match &*identity.groups_prefix {
            "" => Cow::Borrowed(team),
            prefix => Cow::Owned(format!("{prefix}{team}")),
        };
        // A raw name that has an alias means nobody else.
        let own = (!identity.aliases.contains_key(&*own)).then_some(own);
        own.into_iter()
            .chain(aliases.map(|(raw, _)| Cow::Borrowed(&**raw)))
    }

    /// Whether whoever meets one entry of the mapping meets the other too, because it asks for all of the same.
    pub fn asks_as_much(&self, entry: usize, other: usize) -> bool {
        let requires = |entry: usize| self.policy.mapping.get(entry).map(|it| &it.requires);
        match (requires(entry), requires(other)) {
            (Some(own), Some(others)) => others.iter().all(|group| own.contains(group)),
            _ => false,
        }
    }

    /// The policy's revision.
    pub fn revision(&self) -> &Arc<str> {
        &self.policy.revision
    }

    /// The same rulebook, knowing that the directory could not be read since then.
    #[must_use]
    pub fn directory_failing_since(mut self, since: Option<Timestamp>) -> Self {
        self.failing_since = since;
        self
    }

    /// How old the directory is: since Palette said so, otherwise since reading it began to fail.
    pub fn directory_age(&self, now: Timestamp) -> Duration {
        self.directory
            .as_of()
            .or(self.failing_since)
            .and_then(|since| Duration::try_from(now.duration_since(since)).ok())
            .unwrap_or_default()
    }

    /// Whether it is older than the policy allows.
    pub fn directory_is_stale(&self, now: Timestamp) -> bool {
        self.policy
            .stale_after
            .is_some_and(|limit| self.directory_age(now) >= limit)
    }

    /// The place in the mapping of a governed role.
    ///
    /// A Role that borrows the name of a VM role is judged like it, since Palette documents such copies; one that
    /// borrows the name of a standard role is not.
    pub fn governs(&self, role: &RoleRef<'_>) -> Option<usize> {
        let index = *self.by_role.get(&*role.name)?;
        let is_vm = self.class(index) == Some(RoleClass::Vm);
        (role.kind == RoleKind::ClusterRole || is_vm).then_some(index)
    }

    /// The place in the mapping of a VM role.
    pub fn vm_role(&self, name: &str) -> Option<usize> {
        let index = *self.by_role.get(name)?;
        (self.class(index) == Some(RoleClass::Vm)).then_some(index)
    }

    /// What an entry of the mapping is.
    pub fn class(&self, entry: usize) -> Option<RoleClass> {
        self.policy.mapping.get(entry).map(|entry| entry.class)
    }

    /// The groups of an entry's requirement that the holder does not meet in that scope.
    pub fn lacks(
        &self,
        entry: usize,
        holder: &Holder<'_>,
        scope: &Scope<'_>,
    ) -> Vec<Vec<Arc<str>>> {
        let held = self.held(holder, scope);
        self.requirements
            .get(entry)
            .map(|requirement| requirement.lacks(&held))
            .unwrap_or_default()
    }

    /// All that an entry of the mapping asks for.
    pub fn requirement(&self, entry: usize) -> &[Vec<Arc<str>>] {
        let entry = self.policy.mapping.get(entry);
        entry.map_or(&[], |entry| &entry.requires)
    }

    /// The same as [`Rulebook::lacks`] for the right to manage the cluster in Palette.
    pub fn requester_lacks(&self, holder: &Holder<'_>, scope: &Scope<'_>) -> Vec<Vec<Arc<str>>> {
        self.requester.lacks(&self.held(holder, scope))
    }

    /// The entry of the highest VM role that the mapping has.
    pub fn highest_vm_role(&self) -> Option<usize> {
        let mut highest = Level::iter().rev();
        highest.find_map(|level| self.vm_role(level.role()))
    }

    /// The first VM role of the mapping that the holder may hold in that scope: the highest, as the default has them.
    pub fn highest(&self, holder: &Holder<'_>, scope: &Scope<'_>) -> Option<&Arc<str>> {
        let held = self.held(holder, scope);
        self.policy
            .mapping
            .iter()
            .zip(&self.requirements)
            .find(|(entry, requirement)| entry.class == RoleClass::Vm && requirement.is_met(&held))
            .map(|(entry, _)| &entry.role)
    }

    /// Everything that the holder holds, wherever it counts; what counts comes first.
    pub fn holdings(&self, holder: &Holder<'_>, scope: &Scope<'_>) -> Vec<Holding> {
        let mut holdings: Vec<Holding> = self
            .assignments(holder)
            .filter_map(|assignment| self.holding(assignment, scope))
            .collect();
        holdings.sort_by(|a, b| {
            (a.applicability, &a.scope, &a.role).cmp(&(b.applicability, &b.scope, &b.role))
        });
        holdings.dedup();
        holdings
    }

    fn holding(&self, assignment: Assignment, scope: &Scope<'_>) -> Option<Holding> {
        let place = self.directory.scopes().get(assignment.scope.index())?;
        let applicability = self.applicability(assignment.scope, scope);
        Some(Holding {
            role: self.directory.role_name(assignment.role).clone(),
            scope: told(place, applicability).into(),
            applicability,
        })
    }

    fn held(&self, holder: &Holder<'_>, scope: &Scope<'_>) -> HeldRoles {
        let mut held = HeldRoles {
            roles: RoleSet::new(),
            custom: PermissionSet::new(),
        };
        for assignment in self.assignments(holder) {
            if self.applicability(assignment.scope, scope) == Applicability::Counts {
                held.roles.insert(assignment.role);
                if let Some(permissions) = self.directory.custom_permissions(assignment.role) {
                    held.custom.union_with(permissions);
                }
            }
        }
        held
    }

    fn assignments<'h>(&'h self, holder: &'h Holder<'_>) -> impl Iterator<Item = Assignment> + 'h {
        let own = holder.user.filter(|user| user.active);
        let teams = own
            .into_iter()
            .flat_map(|user| &user.teams)
            .map(|id| self.directory.team_by_id(*id));
        let own = own.into_iter().flat_map(|user| &user.assignments);
        own.chain(
            teams
                .chain(holder.teams.iter().copied())
                .flat_map(|team| &team.assignments),
        )
        .copied()
    }

    fn applicability(&self, id: ScopeId, scope: &Scope<'_>) -> Applicability {
        match (self.applicabilities.get(id.index()), scope) {
            (Some(ScopeApplicability::Everywhere), _) => Applicability::Counts,
            (Some(ScopeApplicability::Selected), Scope::Cluster) => Applicability::ClusterWide,
            (Some(ScopeApplicability::Selected), Scope::Namespace(namespace)) => {
                self.selected(id, namespace)
            }
            (Some(ScopeApplicability::Nowhere(applicability)), _) => *applicability,
            (None, _) => Applicability::OtherProject,
        }
    }

    fn selected(&self, id: ScopeId, namespace: &str) -> Applicability {
        match self.directory.scopes().get(id.index()) {
            Some(AssignmentScope::Workspace { namespaces, .. })
                if namespaces.iter().any(|pattern| pattern.matches(namespace)) =>
            {
                Applicability::Counts
            }
            _ => Applicability::OtherNamespace,
        }
    }
}

impl<'r> Holder<'r> {
    /// A user of the directory, with its teams.
    pub fn user(user: &'r User) -> Self {
        Self {
            user: Some(user),
            teams: Vec::new(),
        }
    }

    /// A team of the directory.
    pub fn team(team: &'r Team) -> Self {
        Self {
            user: None,
            teams: vec![team],
        }
    }

    /// A user, if the directory knows one, and the teams of its token.
    pub fn requester(user: Option<&'r User>, teams: Vec<&'r Team>) -> Self {
        Self { user, teams }
    }
}

/// The right to manage the cluster in Palette.
pub(crate) fn requester_requirement() -> [Vec<Arc<str>>; 1] {
    [REQUESTER_ROLES.map(Arc::from).to_vec()]
}

fn reviewed(policy: &Policy) -> Arc<View> {
    let mut facts = Facts::new();
    let entries = policy.mapping.iter();
    for entry in entries.filter(|entry| !entry.reviewed_rules.is_empty()) {
        facts.apply(Event::Upsert(StoredObject::Role(Role {
            name: ObjectName::cluster_scoped(&*entry.role),
            labels: Labels::default(),
            rules: Rules::new(&entry.reviewed_rules),
            aggregation: None,
        })));
    }
    facts.view()
}

impl Requirement {
    fn resolve(groups: &[Vec<Arc<str>>], directory: &Directory) -> Self {
        Self {
            groups: groups
                .iter()
                .map(|names| Group::resolve(names, directory))
                .collect(),
        }
    }

    fn is_met(&self, held: &HeldRoles) -> bool {
        self.groups.iter().all(|group| group.is_met(held))
    }

    fn lacks(&self, held: &HeldRoles) -> Vec<Vec<Arc<str>>> {
        self.groups
            .iter()
            .filter(|group| !group.is_met(held))
            .map(|group| group.names.clone())
            .collect()
    }
}

impl Group {
    fn resolve(names: &[Arc<str>], directory: &Directory) -> Self {
        let mut group = Self {
            names: names.to_vec(),
            roles: RoleSet::new(),
            permissions: Vec::new(),
        };
        for id in names.iter().filter_map(|name| directory.role(name)) {
            group.roles.insert(id);
            group.roles.union_with(&implication::implied_by(id));
            group.permissions.extend(
                permissions_of(id, directory)
                    .filter(|set| !set.is_empty())
                    .cloned(),
            );
        }
        group
    }

    /// Built-in roles count by name and implication, custom ones by their permissions together.
    fn is_met(&self, held: &HeldRoles) -> bool {
        held.roles.intersects(&self.roles)
            || (!held.custom.is_empty()
                && self
                    .permissions
                    .iter()
                    .any(|set| held.custom.is_superset(set)))
    }
}

/// The scope for people: a workspace with the namespaces that it selects, where they decide.
fn told(scope: &AssignmentScope, applicability: Applicability) -> String {
    match (scope, applicability) {
        (AssignmentScope::Workspace { namespaces, .. }, Applicability::OtherNamespace) => {
            let patterns: Vec<&str> = namespaces
                .iter()
                .take(PATTERNS_TOLD)
                .map(NamespacePattern::as_str)
                .collect();
            let more = if namespaces.len() > PATTERNS_TOLD {
                ", ..."
            } else {
                ""
            };
            format!("{scope} in {}{more}", patterns.join(", "))
        }
        _ => scope.to_string(),
    }
}

fn permissions_of(id: RoleId, directory: &Directory) -> Option<&PermissionSet> {
    directory.custom_permissions(id).or_else(|| {
        Catalogue::builtin()
            .role_by_id(id)
            .and_then(|role| role.permissions.as_ref())
    })
}

fn unknown_roles(
    entry: &Arc<str>,
    requires: &[Vec<Arc<str>>],
    directory: &Directory,
) -> Vec<UnknownRole> {
    requires
        .iter()
        .flatten()
        .filter(|role| directory.role(role).is_none())
        .map(|role| UnknownRole {
            entry: entry.clone(),
            role: role.clone(),
            near: nearest(role, Catalogue::builtin().iter().map(|role| role.name)).map(Arc::from),
        })
        .collect()
}

/// What the directory says of this cluster: the one that the policy names by its uid, or the only one.
fn facts_of<'d>(policy: &ClusterMembership, directory: &'d Directory) -> Option<&'d ClusterFacts> {
    match (&policy.uid, directory.clusters()) {
        (Some(uid), _) => directory.cluster(uid),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// The policy's word counts; what it does not say, the directory may.
fn membership(policy: &ClusterMembership, directory: &Directory) -> ClusterMembership {
    let Some(facts) = facts_of(policy, directory) else {
        return policy.clone();
    };
    let workspaces = if policy.workspaces.is_empty() {
        &facts.workspaces
    } else {
        &policy.workspaces
    };
    ClusterMembership {
        uid: Some(facts.uid.clone()),
        project: policy.project.or_known(facts.project.as_ref()),
        cluster_group: policy.cluster_group.or_known(facts.cluster_group.as_ref()),
        workspaces: workspaces.clone(),
    }
}

impl ScopeApplicability {
    fn of(scope: &AssignmentScope, cluster: &ClusterMembership) -> Self {
        match (scope, &cluster.project) {
            (AssignmentScope::Tenant, _) => Self::Everywhere,
            (_, Membership::Unknown) => Self::Nowhere(Applicability::ProjectUnknown),
            (AssignmentScope::Project(_), Membership::None) => {
                Self::Nowhere(Applicability::NoProject)
            }
            (AssignmentScope::Project(name), Membership::Of(project)) if name == project => {
                Self::Everywhere
            }
            (AssignmentScope::Project(_), Membership::Of(_)) => {
                Self::Nowhere(Applicability::OtherProject)
            }
            (AssignmentScope::Workspace { name, .. }, Membership::None | Membership::Of(_)) => {
                if cluster.workspaces.contains(name) {
                    Self::Selected
                } else {
                    Self::Nowhere(Applicability::OtherWorkspace)
                }
            }
        }
    }
}

/// A message has room for a few.
const PATTERNS_TOLD: usize = 5;

/// What a person must hold to hand out VM and standard roles (rule `requester`): one of them.
const REQUESTER_ROLES: [&str; 2] = ["Cluster Admin", "Cluster Editor"];
