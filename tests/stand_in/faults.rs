//! What can go wrong, and how often.

use std::time::Duration;

/// A fault of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It comes late.
    Slow(Duration),
    /// This status, and how long to wait.
    Status(u16, Option<u64>),
    /// The connection ends in the middle of it.
    Half,
    /// It is no JSON.
    BadJson,
    /// Its last row is its first once more.
    RowTwice,
    /// It leaves out its last row, and says that there are as many.
    RowMissing,
    /// It says that the list has one more row.
    OtherCount,
    /// It announces itself as the next page.
    SamePage,
    /// Projects say nothing of their users and teams.
    NoMembers,
    /// It repeats the key that it was asked with.
    EchoesKey,
    /// Somewhere else.
    Redirect,
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(String, Fault, usize)>);

impl Faults {
    /// The answers to that path, or to all below one that ends in `/`, that many times.
    pub(crate) fn add(&mut self, path: &str, fault: Fault, times: usize) {
        self.0.push((path.to_owned(), fault, times));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault of this answer, which is used up by it.
    pub(super) fn take(&mut self, path: &str) -> Option<Fault> {
        let is_meant = |it: &&mut (String, Fault, usize)| {
            let is_below = it.0.ends_with('/') && path.starts_with(&*it.0);
            it.2 > 0 && (is_below || path == it.0)
        };
        let (_, fault, times) = self.0.iter_mut().find(is_meant)?;
        *times -= 1;
        Some(fault.clone())
    }
}
