use prometheus::{IntCounter, IntCounterVec, Registry};

use crate::domain::{Effect, Rule};
use crate::policy::Policy;
use crate::review::FindingLabels;

use super::family::opts;

/// `findings_total` for the roles of one policy, every series at hand.
///
/// Made anew at each change of the policy: series that were there go on, new ones start at 0.
pub struct FindingCounters {
    // In the order rule, effect, role, the last one being `other`.
    handles: Vec<IntCounter>,
    roles: usize,
}

impl FindingCounters {
    pub(super) fn resolve(vector: &IntCounterVec, policy: &Policy) -> Self {
        let entries = policy.mapping.iter().map(|entry| &*entry.role);
        let roles: Vec<&str> = entries.chain([OTHER_ROLE]).collect();
        let mut handles = Vec::new();
        for rule in Rule::ALL {
            for effect in Effect::ALL {
                let values = |role: &&str| [rule.as_str(), effect.as_str(), role].map(String::from);
                let series = roles.iter().map(values);
                handles.extend(series.map(|values| vector.with_label_values(&values)));
            }
        }
        Self {
            handles,
            roles: roles.len(),
        }
    }

    /// Adds one for each finding.
    pub(super) fn count(&self, findings: &[FindingLabels]) {
        for finding in findings {
            if let Some(counter) = self.handles.get(self.place(finding)) {
                counter.inc();
            }
        }
    }

    fn place(&self, finding: &FindingLabels) -> usize {
        let other = self.roles - 1;
        let role = finding.role.unwrap_or(other).min(other);
        let effects = Effect::ALL.len();
        (finding.rule.index() * effects + place_of(finding.effect)) * self.roles + role
    }
}

/// Registers the metric, without series until a policy names its roles.
pub(super) fn register(registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
    let help = "Grants that break a rule, by what took effect.";
    let vector = IntCounterVec::new(opts("findings_total", help), &["rule", "action", "role"])?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

/// The place in [`Effect::ALL`], whose order is not that of the declaration.
const fn place_of(effect: Effect) -> usize {
    match effect {
        Effect::Deny => 0,
        Effect::Warn => 1,
        Effect::Audit => 2,
        Effect::Exempt => 3,
    }
}

/// A role that the mapping does not name.
pub(super) const OTHER_ROLE: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_is_counted_under_its_own_name() {
        for (place, effect) in Effect::ALL.into_iter().enumerate() {
            assert_eq!(place_of(effect), place);
        }
    }
}
