//! What `check` knows of the cluster, with what the manifests would add to it.

use std::sync::Arc;

use crate::facts::{Event, Facts, ObjectName, Role, StoredObject, View};

/// The cluster around the manifests: what is known of it, and what they add.
pub(super) struct Views {
    before: Arc<View>,
    /// With the roles of the manifests: a written role is judged by the bindings that are there already, since those
    /// of the manifests are judged themselves.
    pub(super) with_roles: Arc<View>,
    /// With their bindings, too.
    pub(super) with_all: Arc<View>,
}

impl Views {
    /// Applies the manifests to what is known; which kinds are known in full stays as it is.
    pub(super) fn of(mut known: Facts, written: impl Iterator<Item = StoredObject>) -> Self {
        let before = known.view();
        let (roles, bindings): (Vec<StoredObject>, Vec<StoredObject>) =
            written.partition(|fact| matches!(fact, StoredObject::Role(_)));
        Self {
            before,
            with_roles: with(&mut known, roles),
            with_all: with(&mut known, bindings),
        }
    }

    /// The role as the cluster has it, which may be another than the manifests'.
    pub(super) fn previous(&self, role: &ObjectName) -> Option<Role> {
        self.before.role(role).map(|known| known.role().clone())
    }
}

fn with(facts: &mut Facts, objects: Vec<StoredObject>) -> Arc<View> {
    for object in objects {
        facts.apply(Event::Upsert(object));
    }
    facts.view()
}
