use std::fmt;

/// What a rule does with a grant that breaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl Action {
    /// Every action, the strictest first.
    pub const ALL: [Self; 4] = [Self::Deny, Self::Warn, Self::Audit, Self::Off];

    /// The word in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Audit => "audit",
            Self::Off => "off",
        }
    }
}

/// Caps every action of a policy, for roll-out in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
    /// Every mode, the strictest first.
    pub const ALL: [Self; 3] = [Self::Enforce, Self::Warn, Self::Audit];

    /// The word in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
            Self::Audit => "audit",
        }
    }

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Every effect, the strictest first, as the metric lists them.
    pub const ALL: [Self; 4] = [Self::Deny, Self::Warn, Self::Audit, Self::Exempt];

    /// The effect of an action, or nothing when the rule is off.
    pub const fn of(action: Action) -> Option<Self> {
        match action {
            Action::Deny => Some(Self::Deny),
            Action::Warn => Some(Self::Warn),
            Action::Audit => Some(Self::Audit),
            Action::Off => None,
        }
    }

    /// The label value and the word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
