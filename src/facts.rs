//! What the cluster's roles and bindings are: a pure index that events are applied to and views are taken of.
//!
//! [`Facts`] is written by whoever watches the cluster, a [`View`] is read by requests: one pointer, no lock. Nothing
//! here watches, and nothing here judges: a level is what a role can do, not who may have it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod aggregates;
mod cluster;
mod effective_rules;
mod index;
mod limits;
mod object;
mod role_view;
mod selection;
mod sorted;
mod subjects;
mod view;

pub use cluster::{Cluster, RoleRead};
pub use limits::ViewLimits;
pub use object::{Kind, ObjectName, Role, StoredBinding, StoredObject};
pub use role_view::{ReferenceRole, RoleView};
pub use subjects::Subjects;
pub use view::View;

use aggregates::{Aggregates, Changes};
use index::{Gone, Index, Upserted};

/// The index, as it grows.
///
/// An event costs what it changes: what roles allow, alone and together, is found when somebody asks.
#[derive(Debug, Default)]
pub struct Facts {
    index: Index,
    /// Those of the last view.
    aggregates: Arc<Aggregates>,
    /// What of them is no longer true.
    changes: Changes,
    /// Absent since anything changed.
    view: Option<Arc<View>>,
    /// The kinds that are being listed.
    listings: BTreeMap<Kind, Listing>,
}

/// A list that comes in pages.
#[derive(Debug, Default)]
struct Listing {
    /// What is held and was not listed yet.
    unseen: BTreeSet<ObjectName>,
    /// How much there was no room for, by namespace.
    left_out: BTreeMap<Option<Arc<str>>, usize>,
}

/// Something that happened to the cluster's roles or bindings.
#[derive(Debug, Clone)]
pub enum Event {
    /// It came into being, or is written again.
    Upsert(StoredObject),
    /// It went.
    Delete(Kind, ObjectName),
    /// This is all there is of a kind: what is not among it went. From the first of each kind on, the kind is known.
    Reset(Kind, Vec<StoredObject>),
    /// From here on all there is of a kind is written again, one after the other; a list that was begun before is not
    /// ended.
    Listing(Kind),
    /// That was all: what was not among it went, and the kind is known.
    Listed(Kind),
}

impl Facts {
    /// An index that knows nothing yet, and holds all that comes.
    pub fn new() -> Self {
        Self::default()
    }

    /// An index that knows nothing yet, and holds so much.
    pub fn within(limits: ViewLimits) -> Self {
        Self {
            index: Index::new(limits),
            ..Self::default()
        }
    }

    /// Applies an event; says whether anything that is kept differs now.
    pub fn apply(&mut self, event: Event) -> bool {
        let changed = match event {
            Event::Upsert(object) => self.upsert(object),
            Event::Delete(kind, name) => self.delete(kind, &name),
            Event::Reset(kind, objects) => self.reset(kind, objects),
            Event::Listing(kind) => self.begin(kind),
            Event::Listed(kind) => self.end(kind),
        };
        if changed {
            self.view = None;
        }
        changed
    }

    /// What follows on a view, with room for whatever comes.
    fn from_view(index: &Index, aggregates: &Arc<Aggregates>) -> Self {
        Self {
            index: index.unlimited(),
            aggregates: Arc::clone(aggregates),
            ..Self::default()
        }
    }

    /// The state as it is now. Taken again without a change in between, it is the same one.
    pub fn view(&mut self) -> Arc<View> {
        if let Some(view) = &self.view {
            return Arc::clone(view);
        }
        if !self.changes.is_none() {
            self.aggregates = Arc::new(self.aggregates.after(&self.changes));
            self.changes = Changes::default();
        }
        // The copy shares its pieces with the index, which copies a piece once it changes it.
        let view = Arc::new(View::new(self.index.clone(), Arc::clone(&self.aggregates)));
        Arc::clone(self.view.insert(view))
    }

    fn reset(&mut self, kind: Kind, objects: Vec<StoredObject>) -> bool {
        let mut changed = self.begin(kind);
        for object in objects {
            changed |= self.upsert(object);
        }
        changed | self.end(kind)
    }

    fn begin(&mut self, kind: Kind) -> bool {
        let listing = Listing {
            unseen: self.index.names(kind).cloned().collect(),
            left_out: BTreeMap::new(),
        };
        self.listings.insert(kind, listing);
        false
    }

    fn end(&mut self, kind: Kind) -> bool {
        let Some(listing) = self.listings.remove(&kind) else {
            return false;
        };
        let mut changed = self.index.known.insert(kind);
        for name in &listing.unseen {
            changed |= self.delete(kind, name);
        }
        changed | self.index.leaves_out(kind, listing.left_out)
    }

    fn upsert(&mut self, object: StoredObject) -> bool {
        let (kind, name) = (object.kind(), object.name().clone());
        let upserted = self.index.upsert(object);
        let gone = match &upserted {
            Upserted::Same => None,
            Upserted::Held(gone) | Upserted::LeftOut(gone) => gone.as_ref(),
        };
        if kind == Kind::ClusterRole && !matches!(upserted, Upserted::Same) {
            self.note(gone, &name);
        }
        if let Some(listing) = self.listings.get_mut(&kind) {
            listing.unseen.remove(&name);
            if matches!(upserted, Upserted::LeftOut(_)) {
                *listing.left_out.entry(name.namespace).or_default() += 1;
            }
        }
        !matches!(upserted, Upserted::Same)
    }

    fn delete(&mut self, kind: Kind, name: &ObjectName) -> bool {
        if let Some(listing) = self.listings.get_mut(&kind) {
            listing.unseen.remove(name);
        }
        let Some(gone) = self.index.delete(kind, name) else {
            return false;
        };
        if kind == Kind::ClusterRole {
            self.note(Some(&gone), name);
        }
        true
    }

    /// Notes that a `ClusterRole` is another one now.
    fn note(&mut self, gone: Option<&Gone>, name: &ObjectName) {
        let before = gone.and_then(Gone::cluster_role);
        let after = self.index.role(name.key());
        let after = after.map(|known| &known.role);
        let before = before.map(|known| &known.role);
        self.aggregates.note(before, after, &mut self.changes);
    }
}

#[cfg(test)]
mod tests;
