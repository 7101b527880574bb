//! Metrics, as the code registers them and as pages name them.

use crate::page::Page;

/// Metrics and labels that a page names and the code does not have.
pub fn unknown(page: &Page) -> Vec<String> {
    let _ = page;
    todo!()
}

/// Every metric with its labels and its help.
pub fn table() -> String {
    todo!()
}
