use crate::domain::Rule;

/// A label with a closed set of values.
pub trait Label: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];
    /// The name of the label.
    const NAME: &'static str;

    /// The value as Prometheus sees it.
    fn as_str(self) -> &'static str;

    /// Its place in [`Self::ALL`].
    fn index(self) -> usize;
}

impl Label for Rule {
    const ALL: &'static [Self] = &Self::ALL;
    const NAME: &'static str = "rule";

    fn as_str(self) -> &'static str {
        Self::as_str(self)
    }

    fn index(self) -> usize {
        Self::index(self)
    }
}

/// Why a request got no review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Label for Rejection {
    const ALL: &'static [Self] = &[
        Self::Path,
        Self::Method,
        Self::ContentType,
        Self::Timeout,
        Self::NoUid,
        Self::Saturated,
        Self::Draining,
        Self::NotReady,
    ];
    const NAME: &'static str = "reason";

    fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Method => "method",
            Self::ContentType => "content_type",
            Self::Timeout => "timeout",
            Self::NoUid => "no_uid",
            Self::Saturated => "saturated",
            Self::Draining => "draining",
            Self::NotReady => "not_ready",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// How a TLS handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Label for Handshake {
    const ALL: &'static [Self] = &[
        Self::Ok,
        Self::Timeout,
        Self::NoClientCertificate,
        Self::BadClientCertificate,
        Self::ClientNotAllowed,
        Self::Error,
    ];
    const NAME: &'static str = "result";

    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Timeout => "timeout",
            Self::NoClientCertificate => "no_client_certificate",
            Self::BadClientCertificate => "bad_client_certificate",
            Self::ClientNotAllowed => "client_not_allowed",
            Self::Error => "error",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// An input that is reloaded when its content changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Label for Reloaded {
    const ALL: &'static [Self] = &[
        Self::Policy,
        Self::Directory,
        Self::Certificate,
        Self::ClientCa,
    ];
    const NAME: &'static str = "what";

    fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Directory => "directory",
            Self::Certificate => "certificate",
            Self::ClientCa => "client_ca",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadResult {
    /// It is in force.
    Applied,
    /// It has mistakes; the last good one stays.
    Rejected,
    /// It cannot be read; the last good one stays.
    Unreadable,
}

impl Label for ReloadResult {
    const ALL: &'static [Self] = &[Self::Applied, Self::Rejected, Self::Unreadable];
    const NAME: &'static str = "result";

    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Unreadable => "unreadable",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// How the webhook stands with the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Label for ClusterState {
    const ALL: &'static [Self] = &[
        Self::Off,
        Self::NoPermission,
        Self::Syncing,
        Self::Synced,
        Self::Lost,
    ];
    const NAME: &'static str = "state";

    fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NoPermission => "no_permission",
            Self::Syncing => "syncing",
            Self::Synced => "synced",
            Self::Lost => "lost",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// Whether other roles are compared with the cluster's own VM role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceState {
    /// They are.
    Used,
    /// It is there and allows nothing with machines.
    Stub,
    /// It is not there, or the cluster is not known.
    Missing,
}

impl Label for ReferenceState {
    const ALL: &'static [Self] = &[Self::Used, Self::Stub, Self::Missing];
    const NAME: &'static str = "state";

    fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Stub => "stub",
            Self::Missing => "missing",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// What the API server said when it was asked for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleReadResult {
    /// It is there.
    Found,
    /// There is none.
    Absent,
    /// Nothing that helps, or nothing in time.
    Failed,
}

impl Label for RoleReadResult {
    const ALL: &'static [Self] = &[Self::Found, Self::Absent, Self::Failed];
    const NAME: &'static str = "result";

    fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// What was done with a report of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportResult {
    /// It was written, since it says something new.
    Written,
    /// It was deleted, since nothing was found any more.
    Deleted,
    /// The API server did not take it, or did not let us look or have the Lease.
    Failed,
}

impl Label for ReportResult {
    const ALL: &'static [Self] = &[Self::Written, Self::Deleted, Self::Failed];
    const NAME: &'static str = "result";

    fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Deleted => "deleted",
            Self::Failed => "failed",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// What let a finding through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetThroughBy {
    /// An exemption of the policy.
    Exemption,
    /// A break-glass group.
    BreakGlass,
}

impl Label for LetThroughBy {
    const ALL: &'static [Self] = &[Self::Exemption, Self::BreakGlass];
    const NAME: &'static str = "kind";

    fn as_str(self) -> &'static str {
        match self {
            Self::Exemption => "exemption",
            Self::BreakGlass => "break_glass",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// Whom the directory knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectsOf {
    /// People.
    User,
    /// Teams of people.
    Team,
}

impl SubjectsOf {
    /// The label value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Team => "team",
        }
    }
}
