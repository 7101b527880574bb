//! Rules with the capabilities that follow from them, in the whole cluster and in a namespace.

use std::sync::OnceLock;

use crate::domain::Scope;
use crate::rbac::escalation::EscalationPath;
use crate::rbac::{Capabilities, Rules};

/// What a role allows, and what follows from it; each found when it is asked for first.
#[derive(Debug)]
pub(super) struct EffectiveRules {
    cluster: InScope,
    namespace: OnceLock<InScope>,
}

#[derive(Debug)]
pub(super) struct InScope {
    pub(super) rules: Rules,
    capabilities: OnceLock<Capabilities>,
    escalation_paths: OnceLock<Box<[&'static EscalationPath]>>,
}

impl EffectiveRules {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            cluster: InScope::new(rules),
            namespace: OnceLock::new(),
        }
    }

    pub(super) fn within(&self, scope: &Scope<'_>) -> &InScope {
        let namespaced = || InScope::new(self.cluster.rules.namespaced());
        match scope {
            Scope::Cluster => &self.cluster,
            Scope::Namespace(_) => self.namespace.get_or_init(namespaced),
        }
    }
}

impl InScope {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            capabilities: OnceLock::new(),
            escalation_paths: OnceLock::new(),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        *self.capabilities.get_or_init(|| self.rules.capabilities())
    }

    pub(super) fn escalation_paths(&self) -> &[&'static EscalationPath] {
        self.escalation_paths
            .get_or_init(|| self.rules.escalation_paths().collect())
    }
}
