//! The `AdmissionReview` that goes back.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// An answer to one review.
///
/// A refusal is 403 `Forbidden`: the API server makes any code below 400 a 400
/// (`k8s.io/apiserver/pkg/admission/plugin/webhook/errors`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response<'a> {
    /// The uid of the request, echoed.
    pub uid: &'a str,
    /// The message of a refusal; absent: the request is admitted.
    pub refusal: Option<String>,
    /// The machine-readable side of a refusal.
    pub causes: Vec<StatusCause>,
    /// One line each.
    pub warnings: Vec<String>,
    /// What the audit log records, by key.
    pub audit_annotations: Vec<(&'static str, Cow<'a, str>)>,
}

/// One cause of a refusal, as in `metav1.StatusCause`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusCause {
    /// The rule.
    pub reason: &'static str,
    /// One line for people.
    pub message: String,
    /// The field of the object.
    pub field: String,
}

impl Response<'_> {
    /// The bytes of the `AdmissionReview` that answers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let review = ReviewOut {
            api_version: "admission.k8s.io/v1",
            kind: "AdmissionReview",
            response: self,
        };
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        // Maps with text keys and texts cannot fail to serialise; half a body would be a failed call, not a leak.
        let _ = serde_json::to_writer(&mut bytes, &review);
        bytes
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewOut<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: &'a Response<'a>,
}

#[derive(Serialize)]
struct StatusOut<'a> {
    status: &'static str,
    code: u16,
    reason: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsOut<'a>>,
}

#[derive(Serialize)]
struct DetailsOut<'a> {
    causes: &'a [StatusCause],
}

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uid", self.uid)?;
        map.serialize_entry("allowed", &self.refusal.is_none())?;
        if let Some(message) = &self.refusal {
            let details = (!self.causes.is_empty()).then_some(DetailsOut {
                causes: &self.causes,
            });
            let status = StatusOut {
                status: "Failure",
                code: 403,
                reason: "Forbidden",
                message,
                details,
            };
            map.serialize_entry("status", &status)?;
        }
        if !self.warnings.is_empty() {
            map.serialize_entry("warnings", &self.warnings)?;
        }
        if !self.audit_annotations.is_empty() {
            map.serialize_entry("auditAnnotations", &Annotations(&self.audit_annotations))?;
        }
        map.end()
    }
}

struct Annotations<'a>(&'a [(&'static str, Cow<'a, str>)]);

impl Serialize for Annotations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// An admission without warnings has some 250.
const USUAL_BYTES: usize = 512;
