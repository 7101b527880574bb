//! Counters of one label.

use enum_map::EnumMap;
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use super::labels::Label;

/// The counters of one metric, one for each value of a closed label.
pub(super) struct Family<L: Label>(EnumMap<L, IntCounter>);

impl<L: Label> Family<L> {
    /// Registers a metric with this one label.
    pub(super) fn register(
        registry: &Registry,
        name: &str,
        help: &str,
    ) -> Result<Self, prometheus::Error> {
        let vector = IntCounterVec::new(opts(name, help), &[L::NAME])?;
        registry.register(Box::new(vector.clone()))?;
        Ok(Self::within(&vector, &[]))
    }

    /// The part of a metric whose labels before this one have these values.
    pub(super) fn within(vector: &IntCounterVec, before: &[&str]) -> Self {
        Self(EnumMap::from_fn(|label: L| {
            let values = before.iter().copied().chain([label.into()]);
            vector.with_label_values(&values.collect::<Vec<_>>())
        }))
    }

    /// Adds one.
    pub(super) fn count(&self, label: L) {
        self.0[label].inc();
    }
}

/// A metric's name, with the prefix of ours, and its help.
pub(super) fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("palette_rbac_{name}"), help)
}
