//! What is answered, and why.

use std::sync::Arc;
use std::time::Duration;

use enum_map::Enum;
use strum::{EnumIter, IntoStaticStr};

use super::{Finding, RoleRef, Rule, Scope};

/// What is answered about one binding or role, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// What it is about.
    pub judged: Judged,
    /// The role that would be granted, or written.
    pub role: RoleRef<'static>,
    /// Where it would be granted, or the namespace in which it would be written.
    pub scope: Scope<'static>,
    /// Every rule that a grant breaks, in the order of subjects, then of rules.
    pub findings: Vec<Finding>,
    /// What else the requester or the operator should know.
    pub notices: Vec<Notice>,
    /// Rules that are on but could not be judged, because the cluster's facts are not known.
    pub unjudged: Vec<Rule>,
}

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judged {
    /// A binding: whether its subjects may hold its role.
    Binding,
    /// A role: what its bindings would grant once it is written.
    Role,
    /// A role or a binding that is deleted: whether this webhook needs it.
    Deletion,
}

/// The answer, in the order in which the first that holds is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, EnumIter, Enum)]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// Rejected.
    Denied,
    /// Admitted because an exemption or break-glass covers a finding.
    Exempted,
    /// Admitted with a warning.
    Warned,
    /// Admitted and recorded.
    Audited,
    /// Admitted: nothing is granted that was not granted before.
    Unchanged,
    /// Admitted: no rule is broken.
    Allowed,
}

impl Verdict {
    /// Whether the request goes through.
    pub const fn admits(self) -> bool {
        !matches!(self, Self::Denied)
    }
}

/// What a decision says beside its findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A break-glass group admitted what would have been refused.
    BreakGlass {
        /// The raw group name.
        group: Arc<str>,
    },
    /// The directory is older than the policy allows.
    StaleDirectory {
        /// How old it is.
        age: Duration,
    },
    /// The policy does not name the cluster's project, so no project or workspace assignment counts.
    ProjectUnknown,
    /// The policy's own line for whom to ask.
    Help(Arc<str>),
}
