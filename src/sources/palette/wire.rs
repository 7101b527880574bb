//! What Palette answers, as far as it is read. Names are those of the vendor's document.
//!
//! The vendor's types write an empty list as `null` and leave out what is empty or false, so both are read as nothing.

use serde::{Deserialize, Deserializer};

/// Something with a uid in a list.
pub trait Row {
    /// Its uid, if it has one.
    fn uid(&self) -> Option<&str>;
}

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct Page<T> {
    #[serde(default = "Vec::new", deserialize_with = "nullable")]
    pub(super) items: Vec<T>,
    pub(super) listmeta: Option<ListMeta>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListMeta {
    #[serde(default)]
    pub(super) r#continue: String,
    pub(super) count: i64,
}

/// A list without pages.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct Items<T> {
    /// All there are.
    #[serde(default = "Vec::new", deserialize_with = "nullable")]
    pub items: Vec<T>,
}

/// What every object has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// 24 hexadecimal digits.
    #[serde(default)]
    pub uid: Box<str>,
    /// As people call it.
    #[serde(default)]
    pub name: Box<str>,
    /// Of clusters in `…/vms`: their project.
    #[serde(default)]
    pub project_uid: Box<str>,
    /// RFC 3339; of an audit: when it was done.
    #[serde(default)]
    pub creation_timestamp: Box<str>,
}

/// Another object.
#[derive(Debug, Default, Deserialize)]
pub struct Reference {
    /// Its uid.
    #[serde(default)]
    pub uid: Box<str>,
    /// Its name.
    #[serde(default)]
    pub name: Box<str>,
}

macro_rules! rows {
    ($($row:ty),+) => {$(
        impl Row for $row {
            fn uid(&self) -> Option<&str> {
                Some(&*self.metadata.uid).filter(|uid| !uid.is_empty())
            }
        }
    )+};
}

rows!(User, Team, Role, ProjectSummary, ClusterSummary, Audit);

/// `GET /v1/users/info`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The tenant's name.
    #[serde(default)]
    pub org_name: String,
    /// The tenant.
    #[serde(default)]
    pub tenant_uid: String,
    /// Whose key it is.
    #[serde(default)]
    pub user_uid: String,
}

/// A user.
#[derive(Debug, Deserialize)]
pub struct User {
    /// Its uid.
    #[serde(default)]
    pub metadata: Metadata,
    /// Who it is.
    #[serde(default)]
    pub spec: UserSpec,
    /// Whether it may do anything; where that is missing, it may not.
    #[serde(default)]
    pub status: UserStatus,
}

/// Who a user is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSpec {
    /// By which Kubernetes knows it.
    #[serde(default)]
    pub email_id: Box<str>,
    /// Uids of its roles in the tenant.
    #[serde(default, deserialize_with = "nullable")]
    pub roles: Vec<Box<str>>,
}

/// Whether a user may do anything.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserStatus {
    /// Whether it may.
    #[serde(default)]
    pub is_active: bool,
}

/// A team.
#[derive(Debug, Deserialize)]
pub struct Team {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Its members and roles.
    #[serde(default)]
    pub spec: TeamSpec,
}

/// A team's members and roles.
#[derive(Debug, Default, Deserialize)]
pub struct TeamSpec {
    /// Uids of its members.
    #[serde(default, deserialize_with = "nullable")]
    pub users: Vec<Box<str>>,
    /// Uids of its roles in the tenant.
    #[serde(default, deserialize_with = "nullable")]
    pub roles: Vec<Box<str>>,
}

/// A role.
#[derive(Debug, Deserialize)]
pub struct Role {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// What it allows.
    #[serde(default)]
    pub spec: RoleSpec,
    /// Whether it counts; where that is missing, it does not.
    #[serde(default)]
    pub status: RoleStatus,
}

/// What a role allows.
#[derive(Debug, Default, Deserialize)]
pub struct RoleSpec {
    /// `virtualMachine.get` and the like.
    #[serde(default, deserialize_with = "nullable")]
    pub permissions: Vec<Box<str>>,
    /// `tenant`, `project`, `resource` or `system`.
    #[serde(default)]
    pub scope: Box<str>,
    /// `system`: built in; `user`: custom.
    #[serde(default)]
    pub r#type: Box<str>,
}

/// Whether a role counts.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatus {
    /// Whether it does.
    #[serde(default)]
    pub is_enabled: bool,
}

/// `GET /v1/projects/{uid}`.
#[derive(Debug, Deserialize)]
pub struct Project {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Who holds what in it.
    #[serde(default)]
    pub spec: ProjectSpec,
    /// Whether it counts.
    #[serde(default)]
    pub status: ProjectStatus,
}

/// Who holds what in a project.
#[derive(Debug, Default, Deserialize)]
pub struct ProjectSpec {
    /// Users.
    #[serde(default, deserialize_with = "nullable")]
    pub users: Vec<ProjectUser>,
    /// Teams.
    #[serde(default, deserialize_with = "nullable")]
    pub teams: Vec<ProjectTeam>,
}

/// What a user holds in a project.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectUser {
    /// The user.
    #[serde(default)]
    pub user_id: Box<str>,
    /// Uids of roles.
    #[serde(default, deserialize_with = "nullable")]
    pub roles: Vec<Box<str>>,
}

/// What a team holds in a project.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectTeam {
    /// The team.
    #[serde(default)]
    pub team_id: Box<str>,
    /// Uids of roles.
    #[serde(default, deserialize_with = "nullable")]
    pub roles: Vec<Box<str>>,
}

/// Whether a project counts.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// Whether it does not.
    #[serde(default)]
    pub is_disabled: bool,
}

/// A row of `POST /v1/dashboard/projects`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSummary {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Who belongs to it.
    #[serde(default)]
    pub spec_summary: ProjectMembers,
}

/// Who belongs to a project.
#[derive(Debug, Default, Deserialize)]
pub struct ProjectMembers {
    /// Users.
    #[serde(default, deserialize_with = "nullable")]
    pub users: Vec<Reference>,
    /// Teams.
    #[serde(default, deserialize_with = "nullable")]
    pub teams: Vec<Reference>,
}

/// `GET /v1/users/{uid}/roles`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantRoles {
    /// Its own.
    #[serde(default, deserialize_with = "nullable")]
    pub roles: Vec<Reference>,
    /// Those of its teams.
    #[serde(default, deserialize_with = "nullable")]
    pub inherited_roles: Vec<Reference>,
}

/// `GET /v1/users/{uid}/projects`, and the same of teams.
#[derive(Debug, Deserialize)]
pub struct ProjectRoles {
    /// One for each project in which it holds something.
    #[serde(default, deserialize_with = "nullable")]
    pub projects: Vec<RolesInProject>,
}

/// What somebody holds in one project.
#[derive(Debug, Deserialize)]
pub struct RolesInProject {
    /// The project.
    #[serde(default)]
    pub uid: Box<str>,
    /// Its own roles there.
    #[serde(default, deserialize_with = "nullable")]
    pub roles: Vec<Reference>,
}

/// `GET /v1/workspaces/users/{uid}/roles`, and the same of teams.
#[derive(Debug, Deserialize)]
pub struct WorkspaceRoles {
    /// One for each project that has workspaces in which it holds something.
    #[serde(default, deserialize_with = "nullable")]
    pub projects: Vec<WorkspacesOfProject>,
}

/// Workspaces of one project.
#[derive(Debug, Deserialize)]
pub struct WorkspacesOfProject {
    /// Those in which somebody holds something.
    #[serde(default, deserialize_with = "nullable")]
    pub workspaces: Vec<RolesInProject>,
}

/// `GET /v1/spectroclusters/{uid}`.
#[derive(Debug, Deserialize)]
pub struct Cluster {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Its configuration.
    #[serde(default)]
    pub spec: ClusterSpec,
}

/// A cluster's configuration, and in a summary the same of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// What of it concerns others.
    #[serde(default)]
    pub cluster_config: ClusterConfig,
}

/// What of a cluster concerns others.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfig {
    /// Whether it hosts virtual clusters.
    #[serde(default)]
    pub host_cluster_config: Option<HostClusterConfig>,
}

/// Whether a cluster hosts virtual clusters, and for which cluster group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostClusterConfig {
    /// The group.
    #[serde(default)]
    pub cluster_group: Option<Reference>,
    /// Whether it does.
    #[serde(default)]
    pub is_host_cluster: bool,
}

/// `GET /v1/dashboard/spectroclusters/{uid}`.
#[derive(Debug, Deserialize)]
pub struct ClusterOverview {
    /// What it belongs to.
    #[serde(default)]
    pub status: ClusterOverviewStatus,
}

/// What a cluster belongs to.
#[derive(Debug, Default, Deserialize)]
pub struct ClusterOverviewStatus {
    /// Its workspaces.
    #[serde(default, deserialize_with = "nullable")]
    pub workspaces: Vec<Reference>,
}

/// A row of `…/spectroclusters/vms`.
#[derive(Debug, Deserialize)]
pub struct VmCluster {
    /// Uid, name and project.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A row of `POST /v1/dashboard/spectroclusters/search`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSummary {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Where it belongs.
    #[serde(default)]
    pub spec_summary: ClusterSpecSummary,
}

/// Where a cluster belongs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpecSummary {
    /// Its project; none for a cluster of the tenant.
    #[serde(default)]
    pub project_meta: Option<Reference>,
}

/// `GET /v1/clustergroups/hostCluster`.
#[derive(Debug, Deserialize)]
pub struct ClusterGroups {
    /// One for each group.
    #[serde(default, deserialize_with = "nullable")]
    pub summaries: Vec<ClusterGroup>,
}

/// A cluster group.
#[derive(Debug, Deserialize)]
pub struct ClusterGroup {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Its clusters.
    #[serde(default)]
    pub spec: ClusterGroupSpec,
}

/// The clusters of a group.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterGroupSpec {
    /// Those that host virtual clusters for it.
    #[serde(default, deserialize_with = "nullable")]
    pub host_clusters: Vec<Reference>,
}

/// `GET /v1/workspaces/{uid}`.
#[derive(Debug, Deserialize)]
pub struct Workspace {
    /// Uid and name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Its namespaces.
    #[serde(default)]
    pub spec: WorkspaceSpec,
}

/// The namespaces of a workspace.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSpec {
    /// Names, or what they match.
    #[serde(default, deserialize_with = "nullable")]
    pub cluster_namespaces: Vec<WorkspaceNamespace>,
    /// The bindings that Palette makes in its clusters.
    #[serde(default, deserialize_with = "nullable")]
    pub cluster_rbacs: Vec<ClusterRbac>,
}

/// Bindings that Palette makes.
#[derive(Debug, Deserialize)]
pub struct ClusterRbac {
    /// Them.
    #[serde(default)]
    pub spec: ClusterRbacSpec,
}

/// Bindings that Palette makes.
#[derive(Debug, Default, Deserialize)]
pub struct ClusterRbacSpec {
    /// Them.
    #[serde(default, deserialize_with = "nullable")]
    pub bindings: Vec<ClusterRbacBinding>,
}

/// A binding that Palette makes.
#[derive(Debug, Deserialize)]
pub struct ClusterRbacBinding {
    /// Whom it names.
    #[serde(default, deserialize_with = "nullable")]
    pub subjects: Vec<ClusterRbacSubject>,
}

/// Whom a binding names that Palette makes.
#[derive(Debug, Deserialize)]
pub struct ClusterRbacSubject {
    /// `User`, `Group` or `ServiceAccount`.
    #[serde(default)]
    pub r#type: Box<str>,
    /// The name.
    #[serde(default)]
    pub name: String,
}

/// A namespace of a workspace, or those that match.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceNamespace {
    /// `staging`, `/^vm-/`, `~/^kube-/`.
    #[serde(default)]
    pub name: String,
    /// Whether it is a pattern.
    #[serde(default)]
    pub is_regex: bool,
}

/// Something that was done in Palette.
#[derive(Debug, Deserialize)]
pub struct Audit {
    /// Uid and time.
    #[serde(default)]
    pub metadata: Metadata,
    /// What was done.
    #[serde(default)]
    pub spec: AuditSpec,
}

/// What was done.
#[derive(Debug, Default, Deserialize)]
pub struct AuditSpec {
    /// To what.
    #[serde(default)]
    pub resource: AuditResource,
}

/// What something was done to.
#[derive(Debug, Default, Deserialize)]
pub struct AuditResource {
    /// Its kind, of which no list is published.
    #[serde(default)]
    pub kind: Box<str>,
    /// Its uid.
    #[serde(default)]
    pub uid: Box<str>,
}

/// An API key, without the key.
#[derive(Debug, Deserialize)]
pub struct ApiKey {
    /// When it runs out and whose it is.
    #[serde(default)]
    pub spec: ApiKeySpec,
    /// Whether it is accepted.
    #[serde(default)]
    pub status: UserStatus,
}

/// When a key runs out and whose it is.
#[derive(Debug, Default, Deserialize)]
pub struct ApiKeySpec {
    /// RFC 3339.
    #[serde(default)]
    pub expiry: Box<str>,
    /// Its user.
    #[serde(default)]
    pub user: Reference,
}

/// Reads `null` as nothing.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
