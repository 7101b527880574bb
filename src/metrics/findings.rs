//! Findings by rule, effect and role.

use enum_map::{Enum, EnumMap};
use prometheus::{IntCounter, IntCounterVec, Registry};

use crate::domain::{Effect, Rule, Word};
use crate::policy::Policy;
use crate::review::FindingLabels;

use super::family::opts;

/// `findings_total` for the roles of one policy, every series at hand.
///
/// Made anew at each change of the policy: series that were there go on, new ones start at 0.
pub struct FindingCounters(EnumMap<Broken, Box<[IntCounter]>>);

/// Which rule was broken, and what came of it: a counter for each role of the mapping, the last one for others.
#[derive(Clone, Copy, Enum)]
struct Broken {
    rule: Rule,
    effect: Effect,
}

impl FindingCounters {
    pub(super) fn resolve(vector: &IntCounterVec, policy: &Policy) -> Self {
        Self(EnumMap::from_fn(|Broken { rule, effect }: Broken| {
            let entries = policy.mapping.iter().map(|entry| &*entry.role);
            let series = entries
                .chain([OTHER_ROLE])
                .map(|role| vector.with_label_values(&[rule.as_str(), effect.as_str(), role]));
            series.collect()
        }))
    }

    /// Adds one for each finding.
    pub(super) fn count(&self, findings: &[FindingLabels]) {
        for FindingLabels { rule, effect, role } in findings.iter().copied() {
            let counters = &self.0[Broken { rule, effect }];
            let of_role = role.and_then(|role| counters.get(role));
            if let Some(counter) = of_role.or_else(|| counters.last()) {
                counter.inc();
            }
        }
    }
}

/// Registers the metric, without series until a policy names its roles.
pub(super) fn register(registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
    let help = "Grants that break a rule, by what took effect.";
    let vector = IntCounterVec::new(opts("findings_total", help), &["rule", "action", "role"])?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

/// A role that the mapping does not name.
pub(super) const OTHER_ROLE: &str = "other";
