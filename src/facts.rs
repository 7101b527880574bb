//! What the cluster's roles and bindings are: a pure index that events are applied to and views are taken of.
//!
//! [`Facts`] is written by whoever watches the cluster, a [`View`] is read by requests: one pointer, no lock. Nothing
//! here watches, and nothing here judges: a level is what a role can do, not who may have it.

use std::sync::Arc;

mod aggregates;
mod by_namespace;
mod cluster;
mod index;
mod object;
mod role_view;
mod view;

pub use cluster::{Cluster, RoleRead};
pub use object::{Binding, Grantee, Kind, Object, ObjectName, Role};
pub use role_view::RoleView;
pub use view::{Reference, View};

use aggregates::Aggregates;
use index::Index;

/// The index, as it grows.
#[derive(Debug, Default)]
pub struct Facts {
    index: Index,
    /// Absent since a `ClusterRole` changed.
    aggregates: Option<Arc<Aggregates>>,
    /// Absent since anything changed.
    view: Option<Arc<View>>,
}

/// Something that happened to the cluster's roles or bindings.
#[derive(Debug, Clone)]
pub enum Event {
    /// It came into being, or is written again.
    Upsert(Object),
    /// It went.
    Delete(Kind, ObjectName),
    /// This is all there is of a kind: what is not among it went. From the first of each kind on, the kind is known.
    Reset(Kind, Vec<Object>),
}

impl Facts {
    /// An index that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies an event; says whether anything that is kept differs now.
    pub fn apply(&mut self, event: Event) -> bool {
        let changed = self.index.apply(event);
        if changed.cluster_roles {
            self.aggregates = None;
        }
        if changed.any {
            self.view = None;
        }
        changed.any
    }

    /// The state as it is now. Taken again without a change in between, it is the same one.
    ///
    /// A view costs what changed since the last: the maps that are touched next while it lives are copied, their
    /// contents are shared. Which `ClusterRole`s an aggregate is made of is found here, what they allow together when
    /// it is asked for first.
    pub fn view(&mut self) -> Arc<View> {
        let index = &self.index;
        let aggregates = self
            .aggregates
            .get_or_insert_with(|| Arc::new(Aggregates::of(index)));
        let view = || Arc::new(View::new(index.clone(), Arc::clone(aggregates)));
        Arc::clone(self.view.get_or_insert_with(view))
    }
}

#[cfg(test)]
mod tests;
