//! What is known of the cluster.

use enum_map::EnumMap;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Registry};
use strum::IntoEnumIterator;

use super::family::opts;
use super::labels::{ClusterState, Label, ReferenceState};
use super::{gauge, gauges, time_gauge};
use crate::domain::{Scope, Word};
use crate::facts::{Kind, ReferenceRole, View};
use crate::rbac::Level;

/// What is known of the cluster, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSnapshot {
    /// How the webhook stands with it.
    pub state: ClusterState,
    /// When its API server last said anything, in seconds since 1970; 0 before it did.
    pub last_contact: f64,
    /// How many objects of each kind are known.
    pub objects: EnumMap<Kind, usize>,
    /// How many of them there was room for no more than the name.
    pub in_name_only: EnumMap<Kind, usize>,
    /// How many more of each kind there was not even room for the name.
    pub left_out: EnumMap<Kind, usize>,
    /// What became of the cluster's own VM roles.
    pub references: EnumMap<Level, ReferenceState>,
}

impl ClusterSnapshot {
    /// What a view has; nothing without one.
    pub fn of(view: Option<&View>, state: ClusterState, last_contact: f64) -> Self {
        let count = |count: fn(&View, Kind) -> usize| {
            EnumMap::from_fn(|kind| view.map_or(0, |view| count(view, kind)))
        };
        Self {
            state,
            last_contact,
            objects: count(View::count),
            in_name_only: count(View::in_name_only),
            left_out: count(left_out),
            references: EnumMap::from_fn(|level| reference(view, level)),
        }
    }
}

fn left_out(view: &View, kind: Kind) -> usize {
    let of_kind = view.left_out().filter(|(of, ..)| *of == kind);
    of_kind.map(|(.., count)| count).sum()
}

fn reference(view: Option<&View>, level: Level) -> ReferenceState {
    let reference = view.map(|view| view.reference(level.role(), &Scope::Cluster));
    match reference {
        Some(ReferenceRole::Used(_)) => ReferenceState::Used,
        Some(ReferenceRole::Stub) => ReferenceState::Stub,
        Some(ReferenceRole::Missing) | None => ReferenceState::Missing,
    }
}

pub(super) struct ClusterGauges {
    state: IntGaugeVec,
    synced: IntGauge,
    last_contact: Gauge,
    objects: IntGaugeVec,
    in_name_only: IntGaugeVec,
    left_out: IntGaugeVec,
    references: IntGaugeVec,
}

impl ClusterGauges {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let labels = &["role", ReferenceState::NAME];
        let help =
            "1 for what became of the cluster's own VM role, which other roles are compared with.";
        let references = IntGaugeVec::new(opts("reference_roles", help), labels)?;
        registry.register(Box::new(references.clone()))?;
        Ok(Self {
            state: gauges(
                registry,
                "cluster_state",
                "1 for how the webhook stands with the cluster.",
                ClusterState::NAME,
            )?,
            synced: gauge(
                registry,
                "cluster_synced",
                "1 while the cluster's roles and bindings are known and changes are heard of.",
            )?,
            last_contact: time_gauge(
                registry,
                "cluster_last_contact_timestamp_seconds",
                "When the API server last said anything to the watch, if only that nothing changed.",
            )?,
            objects: gauges(
                registry,
                "cluster_objects",
                "Roles and bindings of the cluster that are known.",
                "kind",
            )?,
            in_name_only: gauges(
                registry,
                "cluster_objects_too_large",
                "Roles and bindings that are known by their names only, for want of memory.",
                "kind",
            )?,
            left_out: gauges(
                registry,
                "cluster_objects_left_out",
                "Roles and bindings that are not known, for want of memory.",
                "kind",
            )?,
            references,
        })
    }

    pub(super) fn set(&self, now: &ClusterSnapshot) {
        for state in ClusterState::iter() {
            let is_it = i64::from(state == now.state);
            self.state.with_label_values(&[state.as_str()]).set(is_it);
        }
        self.synced
            .set(i64::from(now.state == ClusterState::Synced));
        self.last_contact.set(now.last_contact);
        for (gauges, counts) in [
            (&self.objects, now.objects),
            (&self.in_name_only, now.in_name_only),
            (&self.left_out, now.left_out),
        ] {
            for (kind, count) in counts {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                gauges.with_label_values(&[kind.as_str()]).set(count);
            }
        }
        for (level, reference) in now.references {
            for state in ReferenceState::iter() {
                let labels = &[level.role(), state.as_str()];
                let is_it = i64::from(state == reference);
                self.references.with_label_values(labels).set(is_it);
            }
        }
    }
}
