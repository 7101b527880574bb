//! What is left of the threat model, by its numbers: docs/threat-model.md names a test for each row.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::binding::role_binding;
use crate::site::orchard;

#[test]
fn t16_a_binding_that_is_replaced_by_another_of_its_name_is_judged() {
    orchard(|site| {
        let good = role_binding("vms", "turned", "spectro-vm-user").user("vm-user@orchard.test");
        site.admits(&good);
        let bad = role_binding("vms", "turned", "spectro-vm-admin").user("vm-user@orchard.test");
        let file = site.write("turned", &bad.to_json());
        assert!(
            site.kubectl(&format!("replace -f {file}"))
                .output
                .contains("cannot change roleRef")
        );
        assert_snapshot!(
            site.kubectl(&format!("replace --force -f {file}"))
                .refused()
        );
    });
}

#[test]
fn t18_no_label_of_a_namespace_or_a_binding_exempts() {
    let labels = json!({
        "admission.gatekeeper.sh/ignore": "yes",
        "palette-rbac.io/exempt": "true",
        "pod-security.kubernetes.io/enforce": "privileged",
    });
    orchard(|site| {
        for (label, value) in labels.as_object().unwrap() {
            let value = value.as_str().unwrap();
            let command = format!("label namespace backoffice {label}={value} --overwrite");
            site.kubectl(&command).admitted();
        }
        let bad =
            role_binding("backoffice", "labelled", "spectro-vm-admin").user("nobody@orchard.test");
        let mut bad = bad.to_json();
        bad["metadata"]["labels"] = labels.clone();
        bad["metadata"]["annotations"] = labels;
        let file = site.write("exempted-by-label", &bad);
        site.kubectl(&format!("apply -f {file}")).refused();
    });
}

#[test]
fn t23_bindings_have_one_version_and_no_subresource() {
    orchard(|site| {
        let read = |path: &str| -> Value {
            let text = site.kubectl(&format!("get --raw {path}")).admitted().output;
            serde_json::from_str(&text).unwrap()
        };
        let group = read("/apis/rbac.authorization.k8s.io");
        let versions: Vec<&Value> = group["versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["version"])
            .collect();
        assert_eq!(versions, ["v1"]);
        let resources = read("/apis/rbac.authorization.k8s.io/v1");
        let mut names: Vec<&str> = resources["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "clusterrolebindings",
                "clusterroles",
                "rolebindings",
                "roles"
            ]
        );
    });
}

/// The API server escapes each `<` sixfold, so that a legal object becomes a review beyond any limit.
#[test]
fn t24_a_binding_that_is_padded_past_the_limit_is_refused_with_its_uid() {
    orchard(|site| {
        let padding = "<".repeat(1_450_000);
        let padded = role_binding("vms", "padded", "spectro-vm-user").group(&padding);
        let path = site.folder().join("padded.json");
        fs::write(&path, padded.to_json().to_string()).unwrap();
        let url = "/apis/rbac.authorization.k8s.io/v1/namespaces/vms/rolebindings";
        let refused = site
            .kubectl(&format!("create --raw {url} -f padded.json"))
            .refused();
        assert_snapshot!(refused);
    });
}
