use std::borrow::Cow;

use serde::Serialize;

use crate::json::write_text;

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
    pub causes: Vec<Cause>,
    /// One line each.
    pub warnings: Vec<String>,
    /// What the audit log records, by key.
    pub audit_annotations: Vec<(&'static str, Cow<'a, str>)>,
}

/// One cause of a refusal, as in `metav1.StatusCause`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
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
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.extend_from_slice(HEAD);
        write_text(&mut bytes, self.uid);
        entry(&mut bytes, "allowed", &self.refusal.is_none());
        if let Some(message) = &self.refusal {
            entry(&mut bytes, "status", &self.status(message));
        }
        if !self.warnings.is_empty() {
            entry(&mut bytes, "warnings", &self.warnings);
        }
        self.annotate(&mut bytes);
        bytes.extend_from_slice(b"}}");
        bytes
    }

    fn status<'s>(&'s self, message: &'s str) -> StatusOut<'s> {
        let details = (!self.causes.is_empty()).then_some(DetailsOut {
            causes: &self.causes,
        });
        StatusOut {
            status: "Failure",
            code: 403,
            reason: "Forbidden",
            message,
            details,
        }
    }

    fn annotate(&self, bytes: &mut Vec<u8>) {
        for (index, (key, value)) in self.audit_annotations.iter().enumerate() {
            let before: &[u8] = if index == 0 {
                br#","auditAnnotations":{"#
            } else {
                b","
            };
            bytes.extend_from_slice(before);
            write_text(bytes, key);
            bytes.push(b':');
            write_text(bytes, value);
        }
        if !self.audit_annotations.is_empty() {
            bytes.push(b'}');
        }
    }
}

fn entry<T: Serialize>(bytes: &mut Vec<u8>, key: &str, value: &T) {
    bytes.push(b',');
    write_text(bytes, key);
    bytes.push(b':');
    // Texts, numbers and lists of them cannot fail to serialise, and a vector takes them.
    let _ = serde_json::to_writer(bytes, value);
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
    causes: &'a [Cause],
}

/// Up to the uid, which is first: an answer is known by it even where it is cut off.
const HEAD: &[u8] =
    br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"#;

/// An admission without warnings has some 250.
const USUAL_BYTES: usize = 512;
