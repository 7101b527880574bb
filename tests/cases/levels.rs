use std::sync::Arc;

use palette_rbac::admission::{Manifest, read_manifest};
use palette_rbac::decide::{Context, RoleRequest, decide, decide_deletion, decide_role};
use palette_rbac::domain::{
    Binding, BindingKind, BindingRequest, Decision, Deletion, Finding, JudgedKind, Requester,
    RoleKind, Scope, Verdict, Word,
};
use palette_rbac::facts::{Cluster, Role};
use palette_rbac::message;
use palette_rbac::review::{Reply, review};
use serde_json::Value;

use crate::case::{Case, Details, Seen, SeenFinding, cluster};

/// The engine alone: a request made of values.
pub(crate) fn engine(case: &Case) -> Seen {
    let view = case.view();
    let cluster = cluster(view.as_ref());
    let decision = match case.request.object["kind"].as_str() {
        _ if case.request.operation() == "DELETE" => decide_deleted(case),
        Some("ClusterRole") => decide_written(case, RoleKind::ClusterRole, cluster),
        Some("Role") => decide_written(case, RoleKind::Role, cluster),
        _ => decide_binding(case, cluster),
    };
    Seen {
        decision: decision.verdict.as_str().to_owned(),
        findings: decision.findings.iter().map(seen).collect(),
        message: (decision.verdict == Verdict::Denied).then(|| message::refusal(&decision)),
        warnings: message::warnings(&decision),
    }
}

fn decide_written(case: &Case, kind: RoleKind, cluster: Cluster<'_>) -> Decision {
    let read = |object: &Value| Role::from_json(kind, &object.to_string()).unwrap();
    let request = RoleRequest {
        requester: Some(requester(case)),
        role: read(&case.request.object),
        previous: case.request.old.as_ref().map(read),
    };
    decide_role(
        &request,
        Context::new(&case.rulebook(), cluster, case.now()),
    )
}

fn decide_deleted(case: &Case) -> Decision {
    let rulebook = case.rulebook();
    let object = &case.request.object;
    let namespace = object["metadata"]["namespace"].as_str();
    let request = Deletion {
        requester: requester(case),
        kind: match object["kind"].as_str().unwrap() {
            "ClusterRole" => JudgedKind::Role(RoleKind::ClusterRole),
            "Role" => JudgedKind::Role(RoleKind::Role),
            "ClusterRoleBinding" => JudgedKind::Binding(BindingKind::ClusterRoleBinding),
            "RoleBinding" => JudgedKind::Binding(BindingKind::RoleBinding),
            other => panic!("{}: {other} is not judged", case.name),
        },
        scope: namespace.map_or(Scope::Cluster, |it| Scope::Namespace(it.into())),
        name: object["metadata"]["name"].as_str().unwrap().into(),
    };
    let context = Context::new(&rulebook, Cluster::default(), case.now());
    decide_deletion(&request, context)
}

fn decide_binding(case: &Case, cluster: Cluster<'_>) -> Decision {
    let object = case.request.object.to_string();
    let old = case.request.old.as_ref().map(Value::to_string);
    let request = BindingRequest {
        requester: Some(requester(case)),
        binding: binding(&object),
        previous: old.as_deref().map(binding),
    };
    decide(
        &request,
        Context::new(&case.rulebook(), cluster, case.now()),
    )
}

fn requester(case: &Case) -> Requester<'_> {
    let groups = case.request.groups().into_iter();
    Requester {
        username: case.request.user().into(),
        groups: groups.map(Into::into).collect(),
    }
}

/// The pure path: a review's bytes in, an answer's bytes out.
pub(crate) fn bytes(case: &Case) -> Seen {
    let view = case.view();
    let cluster = cluster(view.as_ref());
    let rulebook = case.rulebook();
    match review(&case.review(), Context::new(&rulebook, cluster, case.now())) {
        Reply::RoleToRead(role) => panic!("{}: asks for {role:?}", case.name),
        Reply::NoUid { reason } => panic!("{}: {reason}", case.name),
        Reply::Review { body, outcome } => {
            let answer: Value = serde_json::from_slice(&body).unwrap();
            let response = &answer["response"];
            assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
            assert_eq!(answer["kind"], "AdmissionReview");
            assert_eq!(response["uid"], case.name);
            assert_eq!(response["allowed"], outcome.decision.as_str() != "denied");
            Seen {
                decision: response["auditAnnotations"]["decision"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                findings: outcome
                    .findings
                    .iter()
                    .map(|found| SeenFinding {
                        rule: found.rule.to_string(),
                        action: found.effect.to_string(),
                        details: None,
                    })
                    .collect(),
                message: response["status"]["message"].as_str().map(str::to_owned),
                warnings: texts(&response["warnings"]),
            }
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn binding(json: &str) -> Binding<'_> {
    match read_manifest(json, "default") {
        Ok(Manifest::Binding(binding)) => binding,
        other => panic!("no binding: {other:?}"),
    }
}

fn seen(finding: &Finding) -> SeenFinding {
    let lacks = finding
        .lacks
        .iter()
        .map(|group| group.iter().map(ToString::to_string).collect());
    let text = |name: &Option<Arc<str>>| name.as_deref().unwrap_or_default().to_owned();
    SeenFinding {
        rule: finding.rule.to_string(),
        action: finding.effect.to_string(),
        details: Some(Details {
            field: finding.field.to_string(),
            lacks: lacks.collect(),
            may: text(&finding.may),
            exemption: text(&finding.exemption),
        }),
    }
}
