//! What one whole reading of Palette said, by uid, and the snapshot that it makes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use crate::directory::{
    Snapshot, SnapshotAssignment as Assignment, SnapshotCluster, SnapshotRole, SnapshotTeam,
    SnapshotUser, SnapshotWorkspace, Tenant,
};
use crate::palette::{Catalogue, NamespacePattern, Permission, RoleScope};
use crate::sources::palette::wire;

/// What Palette calls its objects by.
pub type Uid = Box<str>;

/// Who holds which roles, both by uid.
pub type Grants = BTreeMap<Uid, Vec<Uid>>;

/// Everything that was read, joined by nothing but uids.
#[derive(Debug, Clone)]
pub struct Reading {
    /// When it began.
    pub began: Timestamp,
    /// The tenant.
    pub tenant: Tenant,
    /// All roles.
    pub roles: BTreeMap<Uid, Role>,
    /// All users.
    pub users: HashMap<Uid, User>,
    /// All teams.
    pub teams: HashMap<Uid, Team>,
    /// The projects that were asked for.
    pub projects: BTreeMap<Uid, Project>,
    /// The clusters that were asked for; none: all projects were.
    pub clusters: Vec<Cluster>,
    /// The workspaces of those clusters.
    pub workspaces: BTreeMap<Uid, Workspace>,
    /// Whether projects did not say who holds what in them, so that their members were asked one by one.
    pub asked_one_by_one: bool,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: Box<str>,
    /// What it allows.
    pub permissions: Vec<Box<str>>,
    /// Where it may be assigned.
    pub scope: Option<RoleScope>,
    /// Whether it is Palette's own.
    pub is_built_in: bool,
    /// Whether it counts.
    pub is_enabled: bool,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The e-mail address.
    pub name: Box<str>,
    /// Whether what it holds counts.
    pub is_active: bool,
    /// Its roles in the tenant.
    pub roles: Vec<Uid>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: Box<str>,
    /// Its members.
    pub users: Vec<Uid>,
    /// Its roles in the tenant.
    pub roles: Vec<Uid>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: Box<str>,
    /// Whether what is held in it counts.
    pub is_enabled: bool,
    /// Who holds what in it.
    pub users: Grants,
    /// Which teams hold what in it.
    pub teams: Grants,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its uid.
    pub uid: Uid,
    /// Its name.
    pub name: Box<str>,
    /// Its project.
    pub project: Option<Uid>,
    /// The name of its cluster group.
    pub group: Option<Box<str>>,
    /// Its workspaces.
    pub workspaces: Vec<Uid>,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its name.
    pub name: Box<str>,
    /// Its namespaces, in Palette's form.
    pub namespaces: Vec<String>,
    /// The users whom bindings name that Palette makes in its clusters.
    pub bound: Vec<String>,
    /// Who holds what in it.
    pub users: Grants,
    /// Which teams hold what in it.
    pub teams: Grants,
}

/// A snapshot, and what was left out of it, a line each.
#[derive(Debug)]
pub struct Joined {
    /// The snapshot, without its time.
    pub snapshot: Snapshot,
    /// What Palette has that no directory can hold.
    pub left_out: Vec<String>,
}

impl From<wire::Role> for Role {
    fn from(role: wire::Role) -> Self {
        Self {
            name: role.metadata.name,
            permissions: role.spec.permissions,
            scope: match &*role.spec.scope {
                "tenant" => Some(RoleScope::Tenant),
                "project" => Some(RoleScope::Project),
                "resource" => Some(RoleScope::Resource),
                _ => None,
            },
            is_built_in: &*role.spec.r#type == "system",
            is_enabled: role.status.is_enabled,
        }
    }
}

impl From<wire::User> for User {
    fn from(user: wire::User) -> Self {
        Self {
            name: user.spec.email_id,
            is_active: user.status.is_active,
            roles: user.spec.roles,
        }
    }
}

impl From<wire::Team> for Team {
    fn from(team: wire::Team) -> Self {
        Self {
            name: team.metadata.name,
            users: team.spec.users,
            roles: team.spec.roles,
        }
    }
}

impl From<wire::Project> for Project {
    fn from(project: wire::Project) -> Self {
        let users = project.spec.users.into_iter();
        let teams = project.spec.teams.into_iter();
        Self {
            name: project.metadata.name,
            is_enabled: !project.status.is_disabled,
            users: united(users.map(|user| (user.user_id, user.roles))),
            teams: united(teams.map(|team| (team.team_id, team.roles))),
        }
    }
}

impl From<wire::Workspace> for Workspace {
    fn from(workspace: wire::Workspace) -> Self {
        let namespaces = workspace.spec.cluster_namespaces.into_iter();
        let rbacs = workspace.spec.cluster_rbacs.into_iter();
        let subjects = rbacs
            .flat_map(|rbac| rbac.spec.bindings)
            .flat_map(|it| it.subjects);
        let users = subjects.filter(|subject| &*subject.r#type == "User");
        Self {
            bound: users.map(|user| user.name).collect(),
            name: workspace.metadata.name,
            namespaces: namespaces.map(in_palettes_form).collect(),
            users: Grants::new(),
            teams: Grants::new(),
        }
    }
}

/// A pattern stands between slashes, a name does not.
fn in_palettes_form(namespace: wire::WorkspaceNamespace) -> String {
    let name = namespace.name;
    if !namespace.is_regex || name.starts_with('/') || name.starts_with("~/") {
        return name;
    }
    match name.strip_prefix('~') {
        Some(pattern) => format!("~/{pattern}/"),
        None => format!("/{name}/"),
    }
}

/// What is said of somebody twice counts together, as all rights in Palette do.
pub(super) fn united(grants: impl Iterator<Item = (Uid, Vec<Uid>)>) -> Grants {
    let mut united = Grants::new();
    for (holder, roles) in grants {
        if !roles.is_empty() {
            united.entry(holder).or_default().extend(roles);
        }
    }
    united
}

impl Reading {
    /// What counts in this cluster, or in all that were read.
    pub fn joined(&self, cluster: Option<&str>) -> Joined {
        let clusters: Vec<&Cluster> = self
            .clusters
            .iter()
            .filter(|it| cluster.is_none_or(|uid| *it.uid == *uid))
            .collect();
        Join::new(self, clusters).done()
    }

    /// What Palette says of a cluster, without who holds what.
    pub fn facts_of(&self, cluster: &str) -> Snapshot {
        let clusters = self.clusters.iter();
        let own: Vec<&Cluster> = clusters.filter(|it| *it.uid == *cluster).collect();
        let join = Join::new(self, own);
        let mut facts = Snapshot::of(self.tenant.clone());
        facts.clusters = join.clusters.iter().map(|it| join.cluster(it)).collect();
        facts
    }

    /// What decides who holds something in a cluster: its project and its workspaces. None where it was not asked for.
    pub fn scope_of(&self, cluster: &str) -> Option<(Option<&Uid>, &[Uid])> {
        let cluster = self.clusters.iter().find(|it| *it.uid == *cluster)?;
        Some((cluster.project.as_ref(), &cluster.workspaces))
    }

    /// The uids of users of that name: more than one where Palette has it twice.
    pub fn users_named<'r>(&'r self, names: &HashSet<String>) -> Vec<&'r Uid> {
        let by_suffix = |name: &str| {
            let suffixes = [':', '#', '/'].map(|separator| name.rsplit_once(separator));
            let suffixes = suffixes.into_iter().flatten().map(|(_, suffix)| suffix);
            suffixes.map(str::to_owned).collect::<Vec<_>>()
        };
        let suffixes: HashSet<String> = names.iter().flat_map(|name| by_suffix(name)).collect();
        let is_named = |user: &User| names.contains(&*user.name) || suffixes.contains(&*user.name);
        let users = self.users.iter();
        users
            .filter(|(_, user)| user.is_active && is_named(user))
            .map(|(uid, _)| uid)
            .collect()
    }
}

/// A snapshot in the making.
struct Join<'r> {
    reading: &'r Reading,
    clusters: Vec<&'r Cluster>,
    projects: Vec<&'r Project>,
    workspaces: Vec<&'r Workspace>,
    /// The names of roles that count.
    roles: HashMap<&'r str, &'r str>,
    left_out: Vec<String>,
}

impl<'r> Join<'r> {
    fn new(reading: &'r Reading, clusters: Vec<&'r Cluster>) -> Self {
        let is_all = reading.clusters.is_empty();
        let of_clusters: BTreeSet<&Uid> = clusters
            .iter()
            .filter_map(|cluster| cluster.project.as_ref())
            .collect();
        let workspaces: BTreeSet<&Uid> = clusters
            .iter()
            .flat_map(|cluster| &cluster.workspaces)
            .collect();
        let counts = |uid: &Uid| is_all || of_clusters.contains(uid);
        let projects = reading.projects.iter();
        Self {
            projects: projects
                .filter(|(uid, project)| counts(uid) && project.is_enabled)
                .map(|(_, project)| project)
                .collect(),
            workspaces: reading
                .workspaces
                .iter()
                .filter(|(uid, _)| workspaces.contains(uid))
                .map(|(_, workspace)| workspace)
                .collect(),
            roles: HashMap::new(),
            left_out: Vec::new(),
            reading,
            clusters,
        }
    }

    fn done(mut self) -> Joined {
        let mut snapshot = Snapshot::of(self.reading.tenant.clone());
        snapshot.clusters = self.clusters.iter().map(|it| self.cluster(it)).collect();
        snapshot
            .clusters
            .sort_by(|one, other| one.uid.cmp(&other.uid));
        snapshot.roles = self.custom_roles();
        self.projects = self.projects_by_name();
        let mut members: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        snapshot.teams = self.teams(&mut members);
        snapshot.users = self.users(&members);
        Joined {
            snapshot,
            left_out: self.left_out,
        }
    }

    fn cluster(&self, cluster: &Cluster) -> SnapshotCluster {
        let project = cluster.project.as_ref();
        let project = project.and_then(|uid| self.reading.projects.get(uid));
        let workspaces = cluster.workspaces.iter();
        let workspaces = workspaces.filter_map(|uid| self.reading.workspaces.get(uid));
        let mut workspaces: Vec<SnapshotWorkspace> = workspaces
            .map(|workspace| SnapshotWorkspace {
                name: workspace.name.to_string(),
                namespaces: workspace.namespaces.clone(),
            })
            .collect();
        workspaces.sort();
        SnapshotCluster {
            uid: cluster.uid.to_string(),
            name: cluster.name.to_string(),
            project: project.map(|project| project.name.to_string()),
            cluster_group: cluster.group.as_ref().map(ToString::to_string),
            workspaces,
        }
    }

    /// Roles that are not in the catalogue, by their permissions; and the names by which the others count.
    fn custom_roles(&mut self) -> Vec<SnapshotRole> {
        let mut custom: BTreeMap<&str, Vec<(&Uid, &Role)>> = BTreeMap::new();
        for (uid, role) in &self.reading.roles {
            if !role.is_enabled {
                continue;
            }
            let known = Catalogue::builtin().role_ignoring_case(&role.name);
            // One of Palette's own may have a name of its pages here.
            let own = known.or_else(|| Catalogue::builtin().role(&role.name));
            if let Some(own) = own.filter(|_| role.is_built_in) {
                self.roles.insert(uid, own.name);
                continue;
            }
            match known {
                // Palette lets nobody take the name of one of its own; whoever has it all the same is not that role.
                Some(known) => {
                    let (name, known) = (role.name.escape_debug(), known.name);
                    self.left_out.push(format!(
                        "role `{name}` is not Palette's own {known:?}, whose name it has: it grants nothing"
                    ));
                }
                None => custom.entry(&role.name).or_default().push((uid, role)),
            }
        }
        let mut roles = Vec::new();
        for (name, of_name) in custom {
            match &*of_name {
                _ if name.trim().is_empty() => {
                    self.left_out
                        .push("a role without a name: it grants nothing".to_owned());
                }
                [(uid, role)] => {
                    self.roles.insert(uid, name);
                    roles.push(SnapshotRole {
                        name: name.to_owned(),
                        scope: role.scope,
                        permissions: permissions(role, &mut self.left_out),
                    });
                }
                several => {
                    let name = name.escape_debug();
                    self.left_out.push(format!(
                        "role `{name}` is there {} times: none of them grants anything",
                        several.len()
                    ));
                }
            }
        }
        roles
    }

    /// A name that two projects have says nothing.
    fn projects_by_name(&mut self) -> Vec<&'r Project> {
        let mut by_name: BTreeMap<&str, Vec<&Project>> = BTreeMap::new();
        for project in &self.projects {
            by_name.entry(&project.name).or_default().push(project);
        }
        let mut projects = Vec::new();
        for (name, of_name) in by_name {
            match &*of_name {
                [project] if !name.trim().is_empty() => projects.push(*project),
                several => self.left_out.push(format!(
                    "project `{}` is there {} times, or has no name: what is held in it grants nothing",
                    name.escape_debug(),
                    several.len()
                )),
            }
        }
        projects
    }

    fn teams(&mut self, members: &mut HashMap<&'r str, BTreeSet<&'r str>>) -> Vec<SnapshotTeam> {
        let reading = self.reading;
        let by_name = by_name(reading.teams.iter().map(|(uid, team)| (&*team.name, uid)));
        let mut teams = Vec::with_capacity(by_name.len());
        for (name, uids) in by_name {
            let bare = SnapshotTeam {
                uid: None,
                name: name.to_owned(),
                assignments: Vec::new(),
            };
            let [uid] = &*uids else {
                self.twice("team", name, uids.len());
                teams.extend((!name.trim().is_empty()).then_some(bare));
                continue;
            };
            let Some(team) = reading.teams.get(*uid).filter(|_| !name.trim().is_empty()) else {
                continue;
            };
            let assignments = self.assignments(uid, &team.roles, |it| &it.teams, |it| &it.teams);
            if assignments.is_empty() {
                teams.push(bare);
                continue;
            }
            for user in &team.users {
                members.entry(user).or_default().insert(name);
            }
            teams.push(SnapshotTeam {
                uid: Some(uid.to_string()),
                assignments,
                ..bare
            });
        }
        teams
    }

    fn users(&mut self, members: &HashMap<&str, BTreeSet<&str>>) -> Vec<SnapshotUser> {
        let reading = self.reading;
        let by_name = by_name(reading.users.iter().map(|(uid, user)| (&*user.name, uid)));
        let mut users = Vec::with_capacity(by_name.len());
        for (name, uids) in by_name {
            // Without an address nobody can be bound; some users of Palette's own have none.
            if name.trim().is_empty() {
                continue;
            }
            let bare = SnapshotUser {
                uid: None,
                name: name.to_owned(),
                active: true,
                teams: Vec::new(),
                assignments: Vec::new(),
            };
            let [uid] = &*uids else {
                self.twice("user", name, uids.len());
                users.push(bare);
                continue;
            };
            let Some(user) = reading.users.get(*uid) else {
                continue;
            };
            if !user.is_active {
                users.push(SnapshotUser {
                    active: false,
                    ..bare
                });
                continue;
            }
            let assignments = self.assignments(uid, &user.roles, |it| &it.users, |it| &it.users);
            let teams = members.get(&***uid).into_iter().flatten();
            let teams: Vec<String> = teams.map(ToString::to_string).collect();
            let holds = !assignments.is_empty() || !teams.is_empty();
            users.push(SnapshotUser {
                uid: holds.then(|| uid.to_string()),
                teams,
                assignments,
                ..bare
            });
        }
        users
    }

    fn twice(&mut self, kind: &str, name: &str, times: usize) {
        let name = name.escape_debug();
        self.left_out.push(format!(
            "{kind} `{name}` is there {times} times: nobody can tell who is meant, so it holds nothing"
        ));
    }

    /// What somebody holds by itself, once each.
    fn assignments(
        &self,
        uid: &Uid,
        in_tenant: &[Uid],
        in_project: fn(&Project) -> &Grants,
        in_workspace: fn(&Workspace) -> &Grants,
    ) -> Vec<Assignment> {
        let mut assignments = BTreeSet::new();
        let named = |roles: &[Uid], assignments: &mut BTreeSet<Assignment>, at: &Assignment| {
            let names = roles.iter().filter_map(|role| self.roles.get(&**role));
            assignments.extend(names.map(|role| Assignment {
                role: (*role).to_owned(),
                ..at.clone()
            }));
        };
        let nowhere = Assignment {
            role: String::new(),
            project: None,
            workspace: None,
            namespaces: None,
            tenant: None,
        };
        let tenant = Assignment {
            tenant: Some(true),
            ..nowhere.clone()
        };
        named(in_tenant, &mut assignments, &tenant);
        for project in &self.projects {
            if let Some(roles) = in_project(project).get(uid) {
                let at = Assignment {
                    project: Some(project.name.to_string()),
                    ..nowhere.clone()
                };
                named(roles, &mut assignments, &at);
            }
        }
        for workspace in &self.workspaces {
            let Some(roles) = in_workspace(workspace).get(uid) else {
                continue;
            };
            let namespaces = patterns(&workspace.namespaces);
            if !namespaces.is_empty() && !workspace.name.trim().is_empty() {
                let at = Assignment {
                    workspace: Some(workspace.name.to_string()),
                    namespaces: Some(namespaces),
                    ..nowhere.clone()
                };
                named(roles, &mut assignments, &at);
            }
        }
        assignments.into_iter().collect()
    }
}

/// Those that can be read; one that cannot selects nothing.
fn patterns(namespaces: &[String]) -> Vec<String> {
    let namespaces = namespaces.iter();
    let readable = namespaces.filter(|it| it.parse::<NamespacePattern>().is_ok());
    readable.cloned().collect()
}

/// Those that have the form of permissions; one that has not is not held.
fn permissions(role: &Role, left_out: &mut Vec<String>) -> Vec<String> {
    let mut permissions = BTreeSet::new();
    for permission in &role.permissions {
        if permission.parse::<Permission>().is_ok() {
            permissions.insert(permission.to_string());
        } else {
            left_out.push(format!(
                "permission `{}` of role `{}` has another form than resource.operation",
                permission.escape_debug(),
                role.name.escape_debug()
            ));
        }
    }
    permissions.into_iter().collect()
}

fn by_name<'r>(
    objects: impl Iterator<Item = (&'r str, &'r Uid)>,
) -> BTreeMap<&'r str, Vec<&'r Uid>> {
    let mut by_name: BTreeMap<&str, Vec<&Uid>> = BTreeMap::new();
    for (name, uid) in objects {
        by_name.entry(name).or_default().push(uid);
    }
    by_name
}
