use super::*;

fn review(request: &str) -> String {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u1",{request}}}}}"#
    )
}

const ROLE_BINDING: &str = r#""kind":{"group":"rbac.authorization.k8s.io","version":"v1","kind":"RoleBinding"},"name":"dev","namespace":"vms""#;

fn problems(body: &str) -> String {
    let envelope = Envelope::read(body.as_bytes()).unwrap();
    envelope.ask().unwrap_err().to_string()
}

#[test]
fn borrows_from_the_body() {
    let body = review(&format!(
        r#"{ROLE_BINDING},"operation":"CREATE","object":{{"metadata":{{"name":"dev"}},"roleRef":{{"kind":"Role","name":"r"}},"subjects":[{{"kind":"User","name":"a"}}]}}"#
    ));
    let envelope = Envelope::read(body.as_bytes()).unwrap();
    let Ok(AdmissionRequest::Binding(request)) = envelope.ask() else {
        panic!("a binding")
    };
    assert!(matches!(request.binding.role.name, Cow::Borrowed("r")));
    assert!(matches!(
        request.binding.subjects[0].name,
        Cow::Borrowed("a")
    ));
    assert_eq!(request.binding.scope.namespace(), Some("vms"));
}

#[test]
fn a_missing_uid_is_no_review_and_a_broken_one_keeps_its_uid() {
    let uid = |body: &str| Envelope::read(body.as_bytes()).unwrap_err().uid;
    assert_eq!(
        uid(r#"{"apiVersion":"admission.k8s.io/v1","request":{}}"#),
        None
    );
    assert_eq!(uid("not json"), None);
    assert_eq!(uid(""), None);
    let twice = review(r#""operation":"CREATE","operation":"DELETE""#);
    assert_eq!(uid(&twice).as_deref(), Some("u1"));
    let wrong_type = review(r#""operation":7"#);
    assert_eq!(uid(&wrong_type).as_deref(), Some("u1"));
}

#[test]
fn invalid_utf_8_after_the_uid_keeps_it() {
    let mut body = review(r#""name":"x"#).into_bytes();
    body.push(0xff);
    assert_eq!(
        Envelope::read(&body).unwrap_err().uid.as_deref(),
        Some("u1")
    );
}

#[test]
fn deep_nesting_in_what_nobody_reads_is_no_trouble() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = review(&format!(
        r#""options":{deep},{ROLE_BINDING},"operation":"DELETE""#
    ));
    let envelope = Envelope::read(body.as_bytes()).unwrap();
    assert!(matches!(envelope.ask(), Ok(AdmissionRequest::Delete(_))));
}

/// `deletecollection` sends one review for each object, without a name in the request.
#[test]
fn what_is_deleted_has_the_name_of_the_old_object() {
    let deleted = |fields: &str| {
        let kind = r#""kind":{"group":"rbac.authorization.k8s.io","kind":"RoleBinding"}"#;
        let body = review(&format!(r#"{kind},"operation":"DELETE",{fields}"#));
        let envelope = Envelope::read(body.as_bytes()).unwrap();
        match envelope.ask() {
            Ok(AdmissionRequest::Delete(it)) => (it.name.to_string(), it.scope.into_owned()),
            other => panic!("{other:?}"),
        }
    };
    let vms = Scope::Namespace("vms".into());
    let old = r#""object":null,"oldObject":{"metadata":{"name":"dev","namespace":"vms"}}"#;
    assert_eq!(deleted(old), ("dev".to_owned(), vms.clone()));
    let other = format!(r#""name":"other","namespace":"elsewhere",{old}"#);
    assert_eq!(deleted(&other), ("dev".to_owned(), vms.clone()));
    let unreadable = r#""name":"dev","namespace":"vms","oldObject":7"#;
    assert_eq!(deleted(unreadable), ("dev".to_owned(), vms));
    assert_eq!(
        deleted(r#""name":"dev""#),
        ("dev".to_owned(), Scope::Cluster)
    );
}

#[test]
fn deep_nesting_in_what_is_read_is_no_object() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = review(&format!(
        r#"{ROLE_BINDING},"operation":"CREATE","object":{{"metadata":{{"name":{deep}}}}}"#
    ));
    assert!(problems(&body).starts_with("object: invalid type: sequence"));
    let body = review(&format!(r#""name":{deep}"#));
    assert_eq!(
        Envelope::read(body.as_bytes()).unwrap_err().uid.as_deref(),
        Some("u1")
    );
}

#[test]
fn a_key_that_stands_twice_in_the_object_is_named() {
    let body = review(&format!(
        r#"{ROLE_BINDING},"operation":"CREATE","object":{{"roleRef":{{"kind":"ClusterRole","name":"view"}},"roleRef":{{"kind":"ClusterRole","name":"spectro-vm-admin"}}}}"#
    ));
    assert!(problems(&body).contains("roleRef: stands twice"));
}

#[test]
fn what_is_not_asked_of_us_is_named() {
    assert_eq!(
        problems(&review(
            r#""kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE""#
        )),
        "request.kind: `Pod` of group `` is no role and no binding of rbac.authorization.k8s.io; take it out of the \
         webhook's rules"
    );
    assert_eq!(
        problems(&review(&format!(r#"{ROLE_BINDING},"operation":"CONNECT""#))),
        "request.operation: `CONNECT` is not CREATE, UPDATE or DELETE"
    );
    assert_eq!(
        problems(&review(&format!(r#"{ROLE_BINDING},"operation":"CREATE""#))),
        "request.object: is missing"
    );
    let beta = review(ROLE_BINDING).replace("/v1\"", "/v1beta1\"");
    assert_eq!(
        problems(&beta),
        "apiVersion: `admission.k8s.io/v1beta1` is not admission.k8s.io/v1"
    );
}

#[test]
fn everything_wrong_with_a_binding_is_named_at_once() {
    let body = review(&format!(
        r#"{ROLE_BINDING},"operation":"CREATE","object":{{"metadata":{{"name":""}},"roleRef":{{"apiGroup":"apps","kind":"Rule","name":""}},"subjects":[{{"kind":"Person","name":"a"}},{{"kind":"User"}},{{"kind":"ServiceAccount","name":"a","apiGroup":"v1"}}]}}"#
    ));
    assert_eq!(
        problems(&body),
        "metadata.name: is missing or empty; roleRef.apiGroup: `apps` is not `rbac.authorization.k8s.io`; \
         roleRef.name: is missing or empty; roleRef.kind: `Rule` is not ClusterRole or Role; \
         subjects[0].kind: `Person` is not User, Group or ServiceAccount; subjects[1].name: is missing or empty; \
         subjects[2].apiGroup: `v1` belongs to no ServiceAccount; leave the field out"
    );
}

#[test]
fn a_missing_or_null_role_is_named() {
    for object in [
        r#"{"metadata":{"name":"a"}}"#,
        r#"{"metadata":{"name":"a"},"roleRef":null}"#,
    ] {
        let body = review(&format!(
            r#"{ROLE_BINDING},"operation":"CREATE","object":{object}"#
        ));
        assert_eq!(
            problems(&body),
            "roleRef: is missing; name the role that the binding grants"
        );
    }
}

#[test]
fn an_unreadable_old_object_is_none() {
    let object = r#"{"metadata":{"name":"a"},"roleRef":{"kind":"ClusterRole","name":"r"}}"#;
    let body = review(&format!(
        r#"{ROLE_BINDING},"operation":"UPDATE","object":{object},"oldObject":{{"roleRef":7}}"#
    ));
    let envelope = Envelope::read(body.as_bytes()).unwrap();
    let Ok(AdmissionRequest::Binding(request)) = envelope.ask() else {
        panic!("a binding")
    };
    assert_eq!(request.previous, None);
}
