//! What the audit found, as reports in the cluster: `PolicyReports` or `OpenReports`, one a
//! namespace and one for the cluster.
//!
//! What a report says is values in, values out. With the feature `server`, one replica of all writes them, which they
//! agree on by a Lease. Nothing here judges.

mod contents;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod writer;

pub use contents::{
    Contents, PolicyResult, ResourceReference, ResultEntry, ResultSummary, Severity, Time, contents,
};
#[cfg(feature = "server")]
pub use writer::ReportWriter;
