//! The labels and their values.

use enum_map::Enum;
use strum::{EnumIter, IntoStaticStr};

use crate::domain::Rule;

/// A label with a closed set of values.
///
/// The words are what Prometheus sees.
pub trait Label: Copy + Enum + Into<&'static str> + 'static {
    /// The name of the label.
    const NAME: &'static str;
}

macro_rules! labels {
    ($($type:ident: $name:literal;)*) => {$(
        impl Label for $type {
            const NAME: &'static str = $name;
        }
    )*};
}

labels! {
    ChangeKind: "kind";
    ClusterState: "state";
    Handshake: "result";
    HubResult: "result";
    LetThroughBy: "kind";
    ReferenceState: "state";
    Rejection: "reason";
    ReloadResult: "result";
    Reloaded: "what";
    ReportResult: "result";
    RequestResult: "result";
    RoleReadResult: "result";
    Rule: "rule";
    SyncResult: "result";
}

/// Why a request got no review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Rejection {
    /// Another path than `/validate`.
    Path,
    /// Another method than POST.
    Method,
    /// Another content type than JSON.
    ContentType,
    /// The headers or the body came too slowly.
    Timeout,
    /// The body has no uid to answer to.
    NoUid,
    /// As many requests as may be in flight were.
    Saturated,
    /// The server is about to end.
    Draining,
    /// What the cluster's roles allow is not known yet, or may not be.
    NotReady,
}

/// How a TLS handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Handshake {
    /// The connection may send requests.
    Ok,
    /// It was not done in time.
    Timeout,
    /// A certificate was asked for, and none came.
    NoClientCertificate,
    /// The client's certificate is not one of the CA's, or has run out.
    BadClientCertificate,
    /// The client's certificate is good, and its names are not among those allowed.
    ClientNotAllowed,
    /// Anything else.
    Error,
}

/// An input that is reloaded when its content changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Reloaded {
    /// The policy.
    Policy,
    /// The directory.
    Directory,
    /// The serving certificate and its key.
    Certificate,
    /// The CA of clients.
    ClientCa,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReloadResult {
    /// It is in force.
    Applied,
    /// It has mistakes; the last good one stays.
    Rejected,
    /// It cannot be read; the last good one stays.
    Unreadable,
}

/// How the webhook stands with the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum ClusterState {
    /// There is no cluster to ask: roles are judged by name.
    Off,
    /// We may not read its roles and bindings, and never could: requests are turned away.
    NoPermission,
    /// They are being read for the first time.
    Syncing,
    /// They are known, and changes are heard of.
    Synced,
    /// They were known; changes are not heard of.
    Lost,
}

/// Whether other roles are compared with the cluster's own VM role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum ReferenceState {
    /// They are.
    Used,
    /// It is there and allows nothing with machines.
    Stub,
    /// It is not there, or the cluster is not known.
    Missing,
}

/// What the API server said when it was asked for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RoleReadResult {
    /// It is there.
    Found,
    /// There is none.
    Absent,
    /// Nothing that helps, or nothing in time.
    Failed,
}

/// What was done with a report of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReportResult {
    /// It was written, since it says something new.
    Written,
    /// It was deleted, since nothing was found any more.
    Deleted,
    /// The API server did not take it, or did not let us look or have the Lease.
    Failed,
}

/// What Palette is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Endpoint {
    /// Whose key it is: `/v1/users/info`.
    Info,
    /// A list of users, or one.
    Users,
    /// What a user holds, as Palette joins it: `/v1/users/{uid}/roles` and `/projects`.
    UserRoles,
    /// A list of teams, or one.
    Teams,
    /// What a team holds, as Palette joins it.
    TeamRoles,
    /// A list of roles, or one.
    Roles,
    /// A project with who holds what there.
    Projects,
    /// Projects, clusters and what they belong to, in summary.
    Dashboard,
    /// A cluster.
    Clusters,
    /// Cluster groups and their host clusters.
    ClusterGroups,
    /// A workspace, or what somebody holds in workspaces.
    Workspaces,
    /// What was done in Palette.
    Audits,
    /// When keys run out.
    ApiKeys,
}

/// What became of a request to Palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RequestResult {
    /// It was answered.
    Ok,
    /// The key is not accepted, or may not.
    Denied,
    /// There is no such object.
    NotFound,
    /// There were too many requests.
    TooMany,
    /// Palette failed.
    ServerError,
    /// Nothing came in time.
    Timeout,
    /// There is no connection.
    Unreachable,
    /// The answer is not what is documented.
    Broken,
}

/// What became of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SyncResult {
    /// What Palette says is written.
    Written,
    /// Palette says what it said before.
    Unchanged,
    /// It would take too much away, and waits for a person.
    Held,
    /// Palette was not read to the end, or not believed.
    Failed,
    /// It could not be written.
    NotWritten,
}

/// What a cluster that asked for its snapshot was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HubResult {
    /// The snapshot.
    Sent,
    /// That it has the latest.
    NotModified,
    /// It showed no token or certificate of that cluster.
    Denied,
    /// There is none yet, or no such path.
    NotFound,
}

/// How somebody's roles changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ChangeKind {
    /// More.
    Gained,
    /// Fewer.
    Lost,
    /// Another name.
    Renamed,
}

/// What let a finding through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum LetThroughBy {
    /// An exemption of the policy.
    Exemption,
    /// A break-glass group.
    BreakGlass,
}

/// Whom the directory knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum SubjectsOf {
    /// People.
    User,
    /// Teams of people.
    Team,
}
