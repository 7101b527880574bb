//! The `AdmissionReview` codec: bytes to an envelope, an envelope to what it asks, an answer to bytes.
//!
//! It judges nothing. An envelope whose uid can be read can always be answered, whatever else is wrong with it: an
//! answer without the uid is a failed call, which `failurePolicy: Ignore` admits.

mod envelope;
mod kind;
mod object;
mod response;
mod text;
mod uid;

pub use envelope::{AdmissionRequest, Envelope, RoleObjects, Unreadable};
pub use kind::{ObjectKind, OperationLabel};
pub use object::{InvalidField, InvalidObject, Manifest, read_manifest};
pub use response::{Response, StatusCause};
pub use uid::uid_of;
