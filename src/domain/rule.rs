//! The rules.

use enum_map::Enum;
use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use super::Action;

/// A rule of the design's table; its order is the order of findings about one subject.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumString,
    Display,
    VariantNames,
    IntoStaticStr,
    EnumIter,
    Enum,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Rule {
    /// A VM role is granted to a subject who does not meet its requirement.
    VmRoleMapping,
    /// The same for a standard role (`cluster-admin`, `admin`, `edit`, `view` and their kin).
    StandardRoleMapping,
    /// A role can do more than its name's requirement pays for.
    EquivalentRole,
    /// A cluster-wide binding in a cluster that belongs to a cluster group.
    ClusterGroupScope,
    /// A cluster-wide binding in a cluster that belongs to a workspace.
    WorkspaceScope,
    /// A VM role for everybody or for all service accounts, a standard role for everybody.
    SystemGroup,
    /// A VM role for a service account that no exemption names.
    ServiceAccount,
    /// The person who adds the grant may not manage the cluster in Palette.
    Requester,
    /// The role does not exist.
    DanglingRole,
    /// A role is written after which an existing binding breaks the mapping.
    RoleChange,
    /// The cluster role of a VM role is written beyond its documented restrictions.
    RoleDrift,
    /// A role reaches VM rights by a detour.
    IndirectReach,
    /// A subject's bindings together reach more than it may hold.
    Cumulative,
    /// The webhook's own rights are taken away.
    SelfProtection,
}

impl Rule {
    /// The action where the policy names none, in every case that the default policy does not tell apart.
    pub const fn default_action(self) -> Action {
        match self {
            Self::VmRoleMapping
            | Self::EquivalentRole
            | Self::ClusterGroupScope
            | Self::SystemGroup
            | Self::ServiceAccount
            | Self::RoleChange
            | Self::SelfProtection => Action::Deny,
            Self::StandardRoleMapping | Self::Requester | Self::DanglingRole | Self::RoleDrift => {
                Action::Warn
            }
            Self::IndirectReach | Self::Cumulative => Action::Audit,
            Self::WorkspaceScope => Action::Off,
        }
    }

    /// What breaks it, in words for people who have not read the documentation.
    pub const fn breaks_when(self) -> &'static str {
        match self {
            Self::VmRoleMapping => {
                "a VM role is granted to a subject who does not hold what it requires in Palette"
            }
            Self::StandardRoleMapping => {
                "a standard role, such as cluster-admin or edit, is granted to a subject who does not hold in Palette what the VM role requires that it stands in for"
            }
            Self::EquivalentRole => {
                "a role is granted that can do more than its name's requirement pays for"
            }
            Self::ClusterGroupScope => {
                "a cluster-wide binding is made in a cluster that belongs to a cluster group"
            }
            Self::WorkspaceScope => {
                "a cluster-wide binding is made in a cluster that belongs to a workspace"
            }
            Self::SystemGroup => {
                "a VM role is granted to everybody or to all ServiceAccounts, or a standard role to everybody"
            }
            Self::ServiceAccount => {
                "a VM role is granted to a ServiceAccount that no exemption names"
            }
            Self::Requester => {
                "a person adds a grant of a VM or standard role without being allowed to manage the cluster in Palette"
            }
            Self::DanglingRole => "a role is granted that does not exist",
            Self::RoleChange => {
                "a role is written after which an existing binding breaks a rule that it did not break before"
            }
            Self::RoleDrift => {
                "the ClusterRole of a VM role is written so that it can do what its documented restrictions forbid"
            }
            Self::IndirectReach => {
                "a User or Group is granted a role that reaches VM rights by a detour, such as impersonation"
            }
            Self::Cumulative => {
                "what a subject's bindings allow together reaches a VM role whose requirement it does not meet"
            }
            Self::SelfProtection => {
                "one of the webhook's own roles or bindings is written or deleted so that the webhook loses a right that it needs"
            }
        }
    }

    /// Whether the rule judges what roles can do, for which the cluster's roles and bindings must be at hand.
    pub const fn needs_cluster_facts(self) -> bool {
        matches!(
            self,
            Self::EquivalentRole
                | Self::DanglingRole
                | Self::RoleChange
                | Self::RoleDrift
                | Self::IndirectReach
                | Self::Cumulative
        )
    }
}
