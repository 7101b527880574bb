//! Roles and bindings that were let through and that the watch has not seen yet.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::facts::{StoredObject, View};

/// Roles and bindings that this replica is judging or has let through in the last seconds, and that the watch may not
/// have told yet.
///
/// Two requests that are good each by itself may be bad together, and each is sent before the other is stored. So a
/// request is entered before it is judged, and judged by what the others would make of the cluster. Nothing is ever taken
/// away by an entry: whether the write comes to be, only the API server knows, and a role counts as what it was and what
/// it may become.
#[derive(Default)]
pub struct Pending(Mutex<State>);

#[derive(Default)]
struct State {
    entries: VecDeque<PendingWrite>,
    bytes: usize,
    next: u64,
}

struct PendingWrite {
    number: u64,
    object: StoredObject,
    size: usize,
    until: Instant,
}

/// An entry of a request that is being judged; let go of, it is gone.
pub struct Ticket<'p> {
    pending: &'p Pending,
    number: u64,
    is_kept: bool,
}

impl Pending {
    /// Enters what a request would write.
    ///
    /// Past so many of them, or so many bytes, the oldest are forgotten: those writes have only their own review.
    pub fn enter(&self, object: StoredObject, now: Instant) -> Ticket<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let size = object.size();
        state.bytes += size;
        state.entries.push_back(PendingWrite {
            number,
            object,
            size,
            until: now + KEPT,
        });
        state.forget(now);
        Ticket {
            pending: self,
            number,
            is_kept: false,
        }
    }

    /// The cluster as it may be once all others that are entered are stored.
    pub fn over(&self, view: &Arc<View>, own: Option<&Ticket<'_>>, now: Instant) -> Arc<View> {
        let mut state = self.state();
        state.forget(now);
        let own = own.map(|ticket| ticket.number);
        let others = state.entries.iter().filter(|it| Some(it.number) != own);
        let others: Vec<StoredObject> = others.map(|entry| entry.object.clone()).collect();
        drop(state);
        if others.is_empty() {
            return Arc::clone(view);
        }
        view.together_with(others)
    }

    /// What is held is whole after every step, so that a panic elsewhere leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        while let Some(first) = self.entries.front() {
            let is_needed =
                first.until > now && self.entries.len() <= ENTRIES && self.bytes <= BYTES;
            if is_needed {
                return;
            }
            self.bytes -= first.size;
            self.entries.pop_front();
        }
    }
}

impl Ticket<'_> {
    /// The request was let through.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let mut state = self.pending.state();
        let found = state.entries.iter().position(|it| it.number == self.number);
        if let Some(entry) = found.and_then(|place| state.entries.remove(place)) {
            state.bytes -= entry.size;
        }
    }
}

/// Longer than it takes to store an object and to hear of it, and no longer than somebody would wait who is refused for
/// a write that never came to be.
const KEPT: Duration = Duration::from_secs(5);

/// Each of them costs microseconds at each review.
const ENTRIES: usize = 64;

/// A few of the largest.
const BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Scope;
    use crate::facts::Facts;

    fn role(verb: &str) -> StoredObject {
        let rules = json!([{"verbs": [verb], "apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"]}]);
        let metadata = json!({"name": "made-up"});
        let role = json!({"kind": "ClusterRole", "metadata": metadata, "rules": rules});
        serde_json::from_value(role).unwrap()
    }

    fn can(view: &View) -> String {
        let role = view.cluster_role("made-up");
        role.map_or_else(String::new, |role| {
            format!("{:?}", role.capabilities(&Scope::Cluster))
        })
    }

    #[test]
    fn what_is_let_through_counts_beside_what_is_there_for_a_while() {
        let (pending, now) = (Pending::default(), Instant::now());
        let view = Facts::new().view();
        let own = pending.enter(role("delete"), now);
        assert_eq!(can(&pending.over(&view, Some(&own), now)), "");
        assert_eq!(can(&pending.over(&view, None, now)), "{Delete}");
        own.keep();
        // One that would take something away takes nothing away.
        pending.enter(role("get"), now).keep();
        assert_eq!(can(&pending.over(&view, None, now)), "{View, Delete}");
        assert_eq!(can(&pending.over(&view, None, now + KEPT)), "");
    }

    #[test]
    fn what_is_refused_leaves_nothing_behind() {
        let (pending, now) = (Pending::default(), Instant::now());
        drop(pending.enter(role("delete"), now));
        assert_eq!(can(&pending.over(&Facts::new().view(), None, now)), "");
        assert_eq!(pending.state().bytes, 0);
    }

    #[test]
    fn no_more_is_held_than_so_much() {
        let (pending, now) = (Pending::default(), Instant::now());
        for _ in 0..2 * ENTRIES {
            pending.enter(role("get"), now).keep();
        }
        assert_eq!(pending.state().entries.len(), ENTRIES);
        let names: Vec<String> = (0..1 << 19).map(|name| format!("{name:0>8}")).collect();
        let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": &names[..400_000]}]);
        for name in ["a", "b", "c"] {
            let role = json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules});
            pending
                .enter(serde_json::from_value(role).unwrap(), now)
                .keep();
        }
        assert!(pending.state().bytes <= BYTES);
    }
}
