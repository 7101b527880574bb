//! One whole, verified reading of Palette, with as few requests as can be.
//!
//! Roles, users and teams are listed; who holds what in a project, the project itself says. No published client reads that
//! part of a project, so each reading proves it: some users and teams are asked what they hold by themselves. Where the
//! two differ, every member of the projects is asked.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use futures_util::future::{try_join, try_join_all, try_join3};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::error::SyncError;
use super::reading::{Cluster, Grants, Project, Reading, Role, Team, Uid, User, Workspace, united};
use crate::directory::Tenant;
use crate::sources::palette::wire::{self, Row};
use crate::sources::palette::{ApiError, Call, Endpoint, PaletteClient};

/// Reads Palette for some clusters, or all of it.
pub struct Reader<'a> {
    /// Palette.
    pub client: &'a PaletteClient,
    /// The clusters; none: all projects.
    pub clusters: &'a [String],
    /// The users that bindings name, where somebody can tell; roles in workspaces are read of them.
    pub bound: Option<HashSet<String>>,
    /// Whether a cluster that Palette does not know is left out: in a fleet it must not stop the others.
    pub leaves_out: bool,
    /// How long the whole may take.
    pub longest: Duration,
}

type Answer<T> = Result<T, SyncError>;

impl Reader<'_> {
    /// Reads everything, and once more where something vanished between a list and a look at it.
    pub async fn read(&self) -> Answer<Reading> {
        let read = async {
            for _ in 1..TIMES {
                match self.read_once().await {
                    Err(SyncError::Api(error)) if error.is_not_found() => {
                        debug!(%error, "something vanished while it was read: listing again");
                    }
                    answer => return answer,
                }
            }
            self.read_once().await
        };
        let read = timeout(self.longest, read).await;
        read.unwrap_or(Err(SyncError::Timeout(self.longest)))
    }

    async fn read_once(&self) -> Answer<Reading> {
        let began = Timestamp::now();
        let info: wire::Info = self.ask(Call::get(Endpoint::Info, "users/info")).await?;
        let (roles, users, teams) = try_join3(
            self.list::<wire::Role>(Endpoint::Roles, "roles"),
            self.list::<wire::User>(Endpoint::Users, "users"),
            self.list::<wire::Team>(Endpoint::Teams, "teams"),
        )
        .await?;
        let mut reading = Reading {
            began,
            tenant: Tenant {
                uid: info.tenant_uid.clone(),
                name: info.org_name.clone(),
            },
            roles: by_uid(roles),
            users: by_uid(users),
            teams: by_uid(teams),
            projects: BTreeMap::new(),
            clusters: Vec::new(),
            workspaces: BTreeMap::new(),
            asked_one_by_one: false,
        };
        self.check_rights(&info, &reading).await?;
        self.read_clusters(&mut reading).await?;
        self.read_projects(&mut reading).await?;
        self.read_workspace_roles(&mut reading).await?;
        Ok(reading)
    }

    /// Weak rights show as fewer rows, and not as an error.
    async fn check_rights(&self, info: &wire::Info, reading: &Reading) -> Answer<()> {
        if info.tenant_uid.is_empty() || info.user_uid.is_empty() {
            let problem = "Palette does not say whose key it is (/v1/users/info)";
            return Err(SyncError::Weak(problem.to_owned()));
        }
        if !reading.users.contains_key(&*info.user_uid) {
            let problem = "its own user is not in the list of users";
            return Err(SyncError::Weak(problem.to_owned()));
        }
        let path = format!("users/{}/roles", info.user_uid);
        let own: wire::TenantRoles = self.ask(Call::get(Endpoint::UserRoles, path)).await?;
        let own = own.roles.iter().chain(&own.inherited_roles);
        let mut held: HashSet<String> = HashSet::new();
        for role in own {
            let Some(known) = reading.roles.get(&role.uid) else {
                let problem = format!("its own role `{}` is not in the list of roles", role.name);
                return Err(SyncError::Weak(problem));
            };
            if known.is_enabled {
                held.extend(known.permissions.iter().map(|it| it.to_lowercase()));
            }
        }
        let of_clusters: &[&str] = if self.clusters.is_empty() {
            &[]
        } else {
            &FOR_CLUSTERS
        };
        let needed = NEEDED.iter().chain(of_clusters).flat_map(|resource| {
            ["get", "list"].map(|operation| format!("{resource}.{operation}"))
        });
        let missing: Vec<String> = needed
            .filter(|permission| !held.contains(&permission.to_lowercase()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let problem = format!("its user lacks {} in the tenant", missing.join(", "));
        Err(SyncError::Weak(problem))
    }

    /// All roles, read anew.
    pub(super) async fn read_roles(&self, reading: &mut Reading) -> Answer<()> {
        reading.roles = by_uid(self.list::<wire::Role>(Endpoint::Roles, "roles").await?);
        Ok(())
    }

    /// What the clusters belong to, read anew.
    pub(super) async fn read_clusters(&self, reading: &mut Reading) -> Answer<()> {
        if self.clusters.is_empty() {
            return Ok(());
        }
        let (projects, groups) = try_join(self.projects_of_clusters(), self.groups()).await?;
        let read = self.clusters.iter().map(|uid| async {
            match self.cluster(uid, &projects, &groups).await {
                Err(SyncError::NoCluster(uid)) if self.leaves_out => {
                    warn!(
                        uid,
                        "Palette has no such cluster, or the key does not see it: left out"
                    );
                    Ok(None)
                }
                read => read.map(Some),
            }
        });
        let read: Vec<Option<Cluster>> = try_join_all(read).await?;
        reading.clusters = read.into_iter().flatten().collect();
        if let ([], [first, ..]) = (&*reading.clusters, self.clusters) {
            return Err(SyncError::NoCluster(first.clone()));
        }
        let workspaces: BTreeSet<&Uid> = reading
            .clusters
            .iter()
            .flat_map(|it| &it.workspaces)
            .collect();
        let read = workspaces.into_iter().map(|uid| async move {
            let path = format!("workspaces/{uid}");
            let call = Call::get(Endpoint::Workspaces, path);
            let workspace: wire::Workspace = self.ask(call).await?;
            Ok::<_, SyncError>((uid.clone(), Workspace::from(workspace)))
        });
        let read: Vec<(Uid, Workspace)> = try_join_all(read).await?;
        reading.workspaces = read.into_iter().collect();
        Ok(())
    }

    /// The project of each of our clusters; an empty one for a cluster of the tenant.
    async fn projects_of_clusters(&self) -> Answer<HashMap<Uid, Uid>> {
        let path = "dashboard/spectroclusters/vms";
        let vms: wire::Items<wire::VmCluster> =
            self.ask(Call::get(Endpoint::Dashboard, path)).await?;
        let vms = vms.items.into_iter().map(|cluster| cluster.metadata);
        let mut projects: HashMap<Uid, Uid> = vms.map(|it| (it.uid, it.project_uid)).collect();
        let is_known = |uid: &String| projects.contains_key(uid.as_str());
        if self.clusters.iter().all(is_known) {
            return Ok(projects);
        }
        // A cluster without virtual machines is only in the list of all.
        let path = "dashboard/spectroclusters/search";
        let call = Call::post(Endpoint::Dashboard, path, "{}");
        let all: Vec<wire::ClusterSummary> = self.client.list(&call).await?;
        projects.extend(all.into_iter().map(|cluster| {
            let project = cluster.spec_summary.project_meta.unwrap_or_default();
            (cluster.metadata.uid, project.uid)
        }));
        Ok(projects)
    }

    /// The cluster group of each host cluster, by name.
    async fn groups(&self) -> Answer<HashMap<Uid, Box<str>>> {
        let call = Call::get(Endpoint::ClusterGroups, "clustergroups/hostCluster");
        let groups: wire::ClusterGroups = self.ask(call).await?;
        let mut of_cluster = HashMap::new();
        for group in groups.summaries {
            for cluster in group.spec.host_clusters {
                of_cluster.insert(cluster.uid, group.metadata.name.clone());
            }
        }
        Ok(of_cluster)
    }

    async fn cluster(
        &self,
        uid: &str,
        projects: &HashMap<Uid, Uid>,
        groups: &HashMap<Uid, Box<str>>,
    ) -> Answer<Cluster> {
        let no_cluster = || SyncError::NoCluster(uid.to_owned());
        let project = projects.get(uid).ok_or_else(no_cluster)?;
        let project = Some(project).filter(|project| !project.is_empty());
        let within = project.map(|project| &**project);
        let missing = |error: ApiError| {
            if error.is_not_found() {
                no_cluster()
            } else {
                error.into()
            }
        };
        let detail = Call::get(Endpoint::Clusters, format!("spectroclusters/{uid}"));
        let detail = detail.in_project(within);
        let overview = Call::get(
            Endpoint::Dashboard,
            format!("dashboard/spectroclusters/{uid}"),
        );
        let overview = overview.in_project(within);
        let (detail, overview) = try_join(
            self.client.ask::<wire::Cluster>(&detail),
            self.client.ask::<wire::ClusterOverview>(&overview),
        )
        .await
        .map_err(missing)?;
        // What a group says of its clusters counts; a cluster of which none says so may know it itself.
        let config = detail.spec.cluster_config.host_cluster_config;
        let config = config.filter(|config| config.is_host_cluster);
        let own = config.and_then(|config| config.cluster_group);
        let own = own.map(|group| group.name).filter(|name| !name.is_empty());
        let mut workspaces: Vec<Uid> = overview
            .status
            .workspaces
            .into_iter()
            .map(|it| it.uid)
            .collect();
        workspaces.sort();
        Ok(Cluster {
            uid: uid.into(),
            name: detail.metadata.name,
            project: project.cloned(),
            group: groups.get(uid).cloned().or(own),
            workspaces,
        })
    }

    async fn read_projects(&self, reading: &mut Reading) -> Answer<()> {
        let of_clusters = reading.clusters.iter();
        let of_clusters = of_clusters.filter_map(|cluster| cluster.project.clone());
        let mut uids: BTreeSet<Uid> = of_clusters.collect();
        let mut members = HashMap::new();
        if self.clusters.is_empty() {
            members = self.members(None).await?;
            uids = members.keys().cloned().collect();
        }
        let read = uids.iter().map(|uid| self.project(uid));
        let read: Vec<Project> = try_join_all(read).await?;
        reading.projects = uids.into_iter().zip(read).collect();
        if !self.clusters.is_empty() {
            let only = match &*reading.projects.values().collect::<Vec<_>>() {
                [] => return Ok(()),
                [only] => Some(only.name.clone()),
                _ => None,
            };
            members = self.members(only.as_deref()).await?;
        }
        if !self.is_proved(reading, &members).await? {
            warn!(
                "projects do not say who holds what in them: each of their members is asked, which takes longer"
            );
            self.ask_members(reading, &members).await?;
        }
        Ok(())
    }

    pub(super) async fn project(&self, uid: &str) -> Answer<Project> {
        let call = Call::get(Endpoint::Projects, format!("projects/{uid}"));
        let project: wire::Project = self.ask(call).await?;
        Ok(project.into())
    }

    /// Who belongs to which project, in summary.
    async fn members(&self, project: Option<&str>) -> Answer<HashMap<Uid, wire::ProjectMembers>> {
        let body = match project {
            Some(name) => {
                let name = serde_json::Value::from(name);
                format!(r#"{{"filter":{{"name":{{"eq":{name},"ignoreCase":false}}}}}}"#)
            }
            None => "{}".to_owned(),
        };
        let call = Call::post(Endpoint::Dashboard, "dashboard/projects", body);
        let projects: Vec<wire::ProjectSummary> = self.client.list(&call).await?;
        let projects = projects.into_iter();
        Ok(projects
            .filter(|project| project.uid().is_some())
            .map(|project| (project.metadata.uid, project.spec_summary))
            .collect())
    }

    /// Whether what projects say of their users and teams is what those say themselves.
    async fn is_proved(
        &self,
        reading: &mut Reading,
        members: &HashMap<Uid, wire::ProjectMembers>,
    ) -> Answer<bool> {
        let salt = reading.began.as_nanosecond();
        let (users, teams) = sample(reading, members, salt);
        for (holder, uids) in [(Holder::User, users), (Holder::Team, teams)] {
            for uid in uids {
                if self.agrees(reading, holder, &uid).await? {
                    continue;
                }
                // Somebody may have been given something meanwhile.
                let uids: Vec<Uid> = reading.projects.keys().cloned().collect();
                for project in uids {
                    let read = self.project(&project).await?;
                    reading.projects.insert(project, read);
                }
                if !self.agrees(reading, holder, &uid).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn agrees(&self, reading: &Reading, holder: Holder, uid: &Uid) -> Answer<bool> {
        let own = self.held_in_projects(holder, uid).await?;
        let counts = reading.projects.iter().filter(|(_, it)| it.is_enabled);
        for (project, said) in counts {
            let said = holder.of(said).get(uid).into_iter().flatten();
            let said: BTreeSet<&Uid> = said.collect();
            let own: BTreeSet<&Uid> = own.get(project).into_iter().flatten().collect();
            if said != own {
                debug!(%project, %uid, "a project and one of its members say different things");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a user or a team holds by itself in each project.
    pub(super) async fn held_in_projects(&self, holder: Holder, uid: &str) -> Answer<Grants> {
        let path = format!("{}/{uid}/projects", holder.list());
        let held: wire::ProjectRoles = self.ask(Call::get(holder.roles(), path)).await?;
        Ok(grants(held.projects))
    }

    /// The way that is slow and sure.
    async fn ask_members(
        &self,
        reading: &mut Reading,
        members: &HashMap<Uid, wire::ProjectMembers>,
    ) -> Answer<()> {
        reading.asked_one_by_one = true;
        for holder in [Holder::User, Holder::Team] {
            let mut uids: BTreeSet<Uid> = BTreeSet::new();
            for (uid, project) in &mut reading.projects {
                let members = members.get(uid).into_iter();
                uids.extend(
                    members
                        .flat_map(|it| holder.members(it))
                        .map(|it| it.uid.clone()),
                );
                uids.extend(std::mem::take(holder.of_mut(project)).into_keys());
            }
            for uid in uids {
                for (project, roles) in self.held_in_projects(holder, &uid).await? {
                    if let Some(project) = reading.projects.get_mut(&project) {
                        holder.of_mut(project).insert(uid.clone(), roles);
                    }
                }
            }
        }
        Ok(())
    }

    /// Roles in workspaces are told by nobody but those who hold them: every team is asked, and users who are bound, whom
    /// Palette is to bind, or who belong to the project.
    pub(super) async fn read_workspace_roles(&self, reading: &mut Reading) -> Answer<()> {
        if reading.workspaces.is_empty() {
            return Ok(());
        }
        let mut users: BTreeSet<&Uid> = reading
            .projects
            .values()
            .flat_map(|project| project.users.keys())
            .collect();
        let mut bound: HashSet<String> = self.bound.clone().unwrap_or_default();
        let of_palette = reading.workspaces.values().flat_map(|it| &it.bound);
        bound.extend(of_palette.cloned());
        users.extend(reading.users_named(&bound));
        let left = users.len().saturating_sub(MOST_ASKED);
        if left > 0 {
            warn!(
                users = left,
                "so many users are not asked what they hold in workspaces"
            );
        }
        let users: Vec<Uid> = users.into_iter().take(MOST_ASKED).cloned().collect();
        let teams: Vec<Uid> = reading.teams.keys().cloned().collect();
        for (holder, uids) in [(Holder::User, users), (Holder::Team, teams)] {
            let asked = uids.into_iter().map(|uid| async move {
                let held = self.held_in_workspaces(holder, &uid).await?;
                Ok::<_, SyncError>((uid, held))
            });
            for (uid, held) in try_join_all(asked).await? {
                for (workspace, roles) in held {
                    if let Some(workspace) = reading.workspaces.get_mut(&workspace) {
                        holder.of_workspace(workspace).insert(uid.clone(), roles);
                    }
                }
            }
        }
        Ok(())
    }

    /// What a user or a team holds by itself in each workspace.
    pub(super) async fn held_in_workspaces(&self, holder: Holder, uid: &str) -> Answer<Grants> {
        let path = format!("workspaces/{}/{uid}/roles", holder.list());
        let held: wire::WorkspaceRoles = self.ask(Call::get(Endpoint::Workspaces, path)).await?;
        Ok(grants(
            held.projects.into_iter().flat_map(|it| it.workspaces),
        ))
    }

    /// One user, anew; nothing where there is none any more.
    pub(super) async fn user(&self, uid: &str) -> Answer<Option<User>> {
        let call = Call::get(Endpoint::Users, format!("users/{uid}"));
        self.object::<wire::User, _>(call).await
    }

    /// One team, anew.
    pub(super) async fn team(&self, uid: &str) -> Answer<Option<Team>> {
        let call = Call::get(Endpoint::Teams, format!("teams/{uid}"));
        self.object::<wire::Team, _>(call).await
    }

    /// One role, anew.
    pub(super) async fn role(&self, uid: &str) -> Answer<Option<Role>> {
        let call = Call::get(Endpoint::Roles, format!("roles/{uid}"));
        self.object::<wire::Role, _>(call).await
    }

    async fn object<T: DeserializeOwned, V: From<T>>(&self, call: Call) -> Answer<Option<V>> {
        match self.client.ask::<T>(&call).await {
            Ok(object) => Ok(Some(object.into())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Answer<T> {
        Ok(self.client.ask(&call).await?)
    }

    async fn list<T: DeserializeOwned + Row>(
        &self,
        endpoint: Endpoint,
        path: &str,
    ) -> Answer<Vec<T>> {
        Ok(self.client.list(&Call::get(endpoint, path)).await?)
    }
}

/// Who can hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    User,
    Team,
}

impl Holder {
    const fn list(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Team => "teams",
        }
    }

    const fn roles(self) -> Endpoint {
        match self {
            Self::User => Endpoint::UserRoles,
            Self::Team => Endpoint::TeamRoles,
        }
    }

    const fn of(self, project: &Project) -> &Grants {
        match self {
            Self::User => &project.users,
            Self::Team => &project.teams,
        }
    }

    pub(super) const fn of_mut(self, project: &mut Project) -> &mut Grants {
        match self {
            Self::User => &mut project.users,
            Self::Team => &mut project.teams,
        }
    }

    pub(super) const fn of_workspace(self, workspace: &mut Workspace) -> &mut Grants {
        match self {
            Self::User => &mut workspace.users,
            Self::Team => &mut workspace.teams,
        }
    }

    fn members(self, members: &wire::ProjectMembers) -> &[wire::Reference] {
        match self {
            Self::User => &members.users,
            Self::Team => &members.teams,
        }
    }
}

/// Of users and of teams: one of whom a project says something, and one of whom only its summary does or, without such a
/// one, nobody. Others each time, since the salt is another.
fn sample(
    reading: &Reading,
    members: &HashMap<Uid, wire::ProjectMembers>,
    salt: i128,
) -> (Vec<Uid>, Vec<Uid>) {
    let of = |holder: Holder, all: Vec<&Uid>| {
        let projects = || reading.projects.iter().filter(|(_, it)| it.is_enabled);
        let told: BTreeSet<&Uid> = projects()
            .flat_map(|(_, it)| holder.of(it).keys())
            .collect();
        let summary = projects().filter_map(|(uid, _)| members.get(uid));
        let untold: Vec<&Uid> = summary
            .flat_map(|it| holder.members(it))
            .map(|it| &it.uid)
            .filter(|uid| !told.contains(uid))
            .collect();
        let told: Vec<&Uid> = told.into_iter().collect();
        let second = if untold.is_empty() { all } else { untold };
        let mut sample: Vec<Uid> = [pick(&told, salt), pick(&second, salt)]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        sample.dedup();
        sample
    };
    let users = of(Holder::User, reading.users.keys().collect());
    let teams = of(Holder::Team, reading.teams.keys().collect());
    (users, teams)
}

fn pick<'r>(uids: &[&'r Uid], salt: i128) -> Option<&'r Uid> {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let order = |uid: &&&Uid| hasher.hash_one((salt, uid));
    uids.iter().min_by_key(order).copied()
}

fn grants(held: impl IntoIterator<Item = wire::RolesInProject>) -> Grants {
    let held = held.into_iter();
    united(held.map(|it| (it.uid, it.roles.into_iter().map(|role| role.uid).collect())))
}

/// An object without a uid cannot be referred to, so nothing is lost with it.
fn by_uid<T: Row, V: From<T>, M: FromIterator<(Uid, V)>>(rows: Vec<T>) -> M {
    let rows = rows.into_iter();
    rows.filter_map(|row| Some((row.uid()?.into(), row.into())))
        .collect()
}

/// As often as everything is read where something vanishes meanwhile.
const TIMES: usize = 3;

/// What the key's user must be allowed to `get` and `list` in the tenant.
const NEEDED: [&str; 4] = ["user", "team", "role", "project"];

/// The same where facts of clusters are read.
const FOR_CLUSTERS: [&str; 3] = ["cluster", "clusterGroup", "workspace"];

/// Whoever can make bindings can name everybody in them, and each costs a request.
const MOST_ASKED: usize = 1000;
