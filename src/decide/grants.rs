//! What a binding grants that it did not grant before.

use std::collections::HashSet;

use crate::domain::{BindingRequest, Principal, Subject};

/// One subject that the binding would newly give its role.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant<'r> {
    /// Its first place in `subjects`.
    pub(super) index: usize,
    pub(super) subject: &'r Subject<'r>,
    pub(super) principal: Principal<'r>,
}

/// The grants that the request adds, each once, in the order of the subjects.
pub(super) fn added<'r>(request: &'r BindingRequest<'_>) -> Vec<Grant<'r>> {
    let mut known = Known::default();
    for subject in previous_subjects(request) {
        known.insert(subject.principal());
    }
    let mut added = Vec::new();
    for (index, subject) in request.binding.subjects.iter().enumerate() {
        let principal = subject.principal();
        if known.insert(principal) {
            added.push(Grant {
                index,
                subject,
                principal,
            });
        }
    }
    added
}

/// The subjects that already have this very role in this very scope.
///
/// The API server refuses a change of `roleRef`; should one come all the same, every grant is new.
fn previous_subjects<'r>(request: &'r BindingRequest<'_>) -> impl Iterator<Item = &'r Subject<'r>> {
    let binding = &request.binding;
    request
        .previous
        .iter()
        .filter(|previous| previous.role == binding.role && previous.scope == binding.scope)
        .flat_map(|previous| &previous.subjects)
}

/// Principals, each once. Most bindings have a few subjects, which are faster looked through than hashed.
#[derive(Default)]
struct Known<'r> {
    first: Vec<Principal<'r>>,
    others: HashSet<Principal<'r>>,
}

impl<'r> Known<'r> {
    /// Whether it was not known before.
    fn insert(&mut self, principal: Principal<'r>) -> bool {
        if self.first.contains(&principal) {
            return false;
        }
        if self.first.len() < FEW {
            self.first.push(principal);
            return true;
        }
        self.others.insert(principal)
    }
}

/// To compare with so many costs less than to hash one.
const FEW: usize = 8;
