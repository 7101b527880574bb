//! The `AdmissionReview` of a document, as the API server would send it for its creation by an administrator.

use serde_json::{Value, json};

/// A dry run: nothing follows from the answer.
pub(crate) fn creation(document: &Value, uid: &str) -> Value {
    let kind = document["kind"].as_str().unwrap_or_default();
    let resource = format!("{}s", kind.to_lowercase());
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": GROUP, "version": "v1", "kind": kind},
            "resource": {"group": GROUP, "version": "v1", "resource": resource},
            "name": document["metadata"]["name"],
            "namespace": document["metadata"]["namespace"],
            "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
            "object": document,
            "oldObject": null,
            "dryRun": true,
        },
    })
}

const GROUP: &str = "rbac.authorization.k8s.io";
