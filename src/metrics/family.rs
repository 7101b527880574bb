use std::marker::PhantomData;

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use super::labels::Label;

/// The counters of one metric, one for each value of a closed label.
pub(super) struct Family<L> {
    handles: Vec<IntCounter>,
    label: PhantomData<L>,
}

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
        let handle = |label: &L| {
            let values = before.iter().copied().chain([label.as_str()]);
            vector.with_label_values(&values.collect::<Vec<_>>())
        };
        Self {
            handles: L::ALL.iter().map(handle).collect(),
            label: PhantomData,
        }
    }

    /// Adds one.
    pub(super) fn count(&self, label: L) {
        if let Some(counter) = self.handles.get(label.index()) {
            counter.inc();
        }
    }
}

/// A metric's name, with the prefix of ours, and its help.
pub(super) fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("palette_rbac_{name}"), help)
}
