use crate::{Folder, SAMPLES};

pub(crate) fn review(uid: &str, role: &str) -> String {
    format!(
        r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {{
  "uid": "{uid}", "operation": "CREATE", "name": "a", "namespace": "vm-1", "dryRun": false,
  "kind": {{"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "RoleBinding"}},
  "userInfo": {{"username": "system:admin", "groups": ["system:masters"]}},
  "object": {{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
    "metadata": {{"name": "a", "namespace": "vm-1"}},
    "roleRef": {{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "{role}"}},
    "subjects": [{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ines@orchard.test"}}]}}}}}}"#
    )
}

fn one_line(review: &str) -> String {
    review.replace('\n', "") + "\n"
}

#[test]
fn prints_the_answer_of_the_webhook() {
    let folder = Folder::new();
    folder.write("review.json", review("a-1", "spectro-vm-admin"));
    let ran = folder.judge("review -f review.json");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("review_answer", ran.out);
}

#[test]
fn answers_one_a_line() {
    let folder = Folder::new();
    let lines = one_line(&review("a-1", "spectro-vm-user"))
        + "\n"
        + &one_line(&review("a-2", "spectro-vm-admin"));
    let ran = folder.run_with(&format!("review -f - {SAMPLES}"), &lines);
    assert_eq!(ran.code, 1);
    let answers: Vec<(String, bool)> = ran
        .out
        .lines()
        .map(|line| {
            let answer: serde_json::Value = serde_json::from_str(line).unwrap();
            let response = &answer["response"];
            let uid = response["uid"].as_str().unwrap().to_owned();
            (uid, response["allowed"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(
        answers,
        [("a-1".to_owned(), true), ("a-2".to_owned(), false)]
    );
}

#[test]
fn an_admitted_review_is_success() {
    let folder = Folder::new();
    folder.write("review.json", review("a-1", "spectro-vm-user"));
    assert_eq!(folder.judge("review -f review.json").code, 0);
}

#[test]
fn what_is_broken_is_answered_as_the_webhook_would() {
    let folder = Folder::new();
    let whole = review("a-1", "spectro-vm-user");
    let half = whole.split_at(whole.len() - 30).0;
    folder.write("half.json", half).write("none.json", "{}");
    let half = folder.judge("review -f half.json");
    assert_eq!(half.code, 1, "{half:?}");
    assert!(half.out.contains(r#""uid":"a-1""#), "{}", half.out);
    assert!(half.out.contains(r#""allowed":false"#), "{}", half.out);
    let none = folder.judge("review -f none.json");
    assert_eq!((none.code, none.out.as_str()), (2, ""));
    assert!(none.err.starts_with("error: none.json:1: HTTP 400: "));
    assert_eq!(folder.judge("review -f nowhere.json").code, 3);
}
