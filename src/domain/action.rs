//! What rules do, and what takes effect.

use enum_map::Enum;
use strum::{Display, EnumIter, IntoStaticStr};

/// What a rule does with a grant that breaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum Action {
    /// Reject the request.
    Deny,
    /// Admit it and print a warning.
    Warn,
    /// Admit it, count it and record it.
    Audit,
    /// Do not judge.
    Off,
}

/// Caps every action of a policy, for roll-out in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum Mode {
    /// Actions are taken as they are.
    #[default]
    Enforce,
    /// Deny becomes warn.
    Warn,
    /// Deny and warn become audit.
    Audit,
}

impl Mode {
    /// The action that takes effect under this mode.
    pub const fn cap(self, action: Action) -> Action {
        match (self, action) {
            (Self::Warn, Action::Deny) => Action::Warn,
            (Self::Audit, Action::Deny | Action::Warn) => Action::Audit,
            (_, action) => action,
        }
    }
}

/// What took effect for one finding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, IntoStaticStr, EnumIter, Enum,
)]
#[strum(serialize_all = "lowercase")]
pub enum Effect {
    /// An exemption or break-glass covers it.
    Exempt,
    /// It is counted and recorded.
    Audit,
    /// The client is warned.
    Warn,
    /// The request is rejected.
    Deny,
}

impl Effect {
    /// The effect of an action, or nothing when the rule is off.
    pub const fn of(action: Action) -> Option<Self> {
        match action {
            Action::Deny => Some(Self::Deny),
            Action::Warn => Some(Self::Warn),
            Action::Audit => Some(Self::Audit),
            Action::Off => None,
        }
    }
}
