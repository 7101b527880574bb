//! The forms for tools: `JUnit` for test reports, SARIF for code scanning.

use serde_json::{Value, json};

use crate::{Folder, INES, OTTO, TEAM, role_binding};

/// One of each: refused, warned of, admitted, exempted, broken.
fn mixed() -> Folder {
    let folder = Folder::new();
    let admin = |name, subject| role_binding(name, Some("vms"), "spectro-vm-admin", subject);
    folder
        .write(
            "bindings/a b.yaml",
            format!(
                "{}---\n{}",
                admin("ines", INES),
                role_binding("team", Some("vms"), "admin", TEAM)
            ),
        )
        .write("bindings/good.yaml", admin("otto", OTTO))
        .write(
            "bindings/harvest.yaml",
            role_binding("harvest", Some("harvest"), "spectro-vm-admin", INES),
        )
        .write(
            "policy.yaml",
            "apiVersion: palette-rbac.io/v1alpha1
kind: Policy
cluster: {project: orchard-prod, workspaces: [harvest]}
exemptions:
- {name: harvest-time, reason: all hands, namespaces: [harvest], expires: 2027-01-01T00:00:00Z}
",
        );
    folder
}

#[test]
fn junit_has_a_suite_a_file_and_a_case_a_binding() {
    let folder = mixed();
    folder.write("bindings/broken.yaml", "kind: RoleBinding\nroleRef: {");
    let ran = folder.judge("check -f bindings --output junit");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!("check_junit", ran.out);
}

#[test]
fn junit_fails_what_fails_the_run() {
    let folder = mixed();
    let failures = |arguments: &str| {
        let ran = folder.judge(&format!("check -f bindings --output junit {arguments}"));
        assert_eq!(ran.code, 1);
        ran.out.matches("<failure ").count()
    };
    assert_eq!(failures(""), 1);
    assert_eq!(failures("--fail-on warn"), 2);
}

#[test]
fn junit_is_xml_whatever_a_name_holds() {
    let folder = Folder::new();
    let subject = INES.replace("ines@orchard.test", r#""<a> & ]]> \" \u001b[2J""#);
    let binding = role_binding("ines", Some("vms"), "spectro-vm-admin", &subject);
    folder.write("<&>.yaml", binding);
    let ran = folder.judge("check -f <&>.yaml --output junit");
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains(r#"<testsuite name="&lt;&amp;&gt;.yaml""#),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("User &lt;a&gt; &amp; ]]&gt;"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
}

#[test]
fn sarif_has_a_result_a_finding() {
    let folder = mixed();
    let ran = folder.judge("check -f bindings --output sarif");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let mut sarif = valid_sarif(&ran.out);
    // The table of rules is the same in every run, and the documentation has it.
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].take();
    sarif["runs"][0]["tool"]["driver"]["version"].take();
    insta::assert_snapshot!("check_sarif", serde_json::to_string_pretty(&sarif).unwrap());
    insta::assert_snapshot!(
        "check_sarif_rule",
        serde_json::to_string_pretty(&rules[0]).unwrap()
    );
    for result in sarif["runs"][0]["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn sarif_tells_what_was_not_judged() {
    let folder = mixed();
    folder
        .write("broken.yaml", "kind: RoleBinding\nroleRef: {")
        .write(
            "wide.yaml",
            role_binding("otto", None, "spectro-vm-admin", OTTO)
                .replace("kind: RoleBinding", "kind: ClusterRoleBinding"),
        );
    let ran = folder.judge("check -f broken.yaml -f wide.yaml --output sarif");
    assert_eq!(ran.code, 2);
    let sarif = valid_sarif(&ran.out);
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], json!(false));
    let notifications = &invocation["toolExecutionNotifications"];
    assert_eq!(
        notifications[0]["locations"][0]["physicalLocation"]["artifactLocation"],
        json!({"uri": "broken.yaml"})
    );
    let unjudged = &invocation["toolConfigurationNotifications"][0];
    assert_eq!(
        unjudged["associatedRule"]["id"],
        json!("cluster-group-scope")
    );
}

#[test]
fn sarif_of_nothing_wrong_has_no_results() {
    let folder = mixed();
    let ran = folder.judge("check -f bindings/good.yaml --output sarif");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(valid_sarif(&ran.out)["runs"][0]["results"], json!([]));
}

#[test]
fn a_fingerprint_outlives_a_move_and_differs_by_grant() {
    let folder = Folder::new();
    let binding = |subject| role_binding("vm-admins", Some("vms"), "spectro-vm-admin", subject);
    let both = binding(&format!("{INES}\n- {TEAM}"));
    folder
        .write("a.yaml", &both)
        .write("b.yaml", format!("# A line more.\n{both}"));
    let fingerprints = |file: &str| {
        let ran = folder.judge(&format!("check -f {file} --output sarif"));
        let sarif = valid_sarif(&ran.out);
        let results = sarif["runs"][0]["results"].as_array().unwrap().clone();
        let of = |result: &Value| result["partialFingerprints"]["grant/v1"].clone();
        results.iter().map(of).collect::<Vec<_>>()
    };
    let first = fingerprints("a.yaml");
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1]);
    assert_eq!(first, fingerprints("b.yaml"));
}

#[test]
fn the_standard_input_has_a_place_too() {
    let folder = Folder::new();
    let binding = role_binding("ines", Some("vms"), "spectro-vm-admin", INES);
    let samples = crate::SAMPLES;
    let ran = folder.run_with(&format!("check -f - --output sarif {samples}"), &binding);
    let sarif = valid_sarif(&ran.out);
    let location = &sarif["runs"][0]["results"][0]["locations"][0];
    let expected = json!({"artifactLocation": {"uri": "stdin"}, "region": {"startLine": 8}});
    assert_eq!(location["physicalLocation"], expected);
    assert_eq!(location["logicalLocations"][0]["name"], json!("ines"));
}

#[test]
fn skipped_kinds_are_named() {
    let folder = mixed();
    folder.write("bindings/good.yaml", "kind: ConfigMap\n---\nreplicas: 3\n");
    let ran = folder.judge("check -f bindings --output sarif");
    let sarif = valid_sarif(&ran.out);
    let notification = &sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(notification["level"], json!("note"));
    assert_eq!(
        notification["message"]["text"],
        json!("2 other objects (1 ConfigMap, 1 no kind) skipped")
    );
    let ran = folder.judge("check -f bindings --output junit");
    let case = "<testcase name=\"document 1 (ConfigMap)\" classname=\"bindings/good.yaml\" file=\"bindings/good.yaml\" line=\"1\">";
    assert!(ran.out.contains(case), "{}", ran.out);
    assert!(
        ran.out
            .contains("<testsuites name=\"palette-rbac\" tests=\"5\" skipped=\"2\""),
        "{}",
        ran.out
    );
}

/// The log, which the schema of SARIF 2.1.0 allows.
pub(crate) fn valid_sarif(text: &str) -> Value {
    let mut schema: Value = serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).unwrap();
    // Its pattern for languages has a stray bracket, and no validator takes it; we write no languages.
    for definition in ["run", "toolComponent"] {
        let language = format!("/definitions/{definition}/properties/language");
        let language = schema.pointer_mut(&language).unwrap().as_object_mut();
        language.unwrap().remove("pattern").unwrap();
    }
    let sarif: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let errors = validator.validate(&sarif).err().into_iter().flatten();
    let errors: Vec<String> = errors
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert_eq!(errors, [""; 0]);
    sarif
}
