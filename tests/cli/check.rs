use std::process::Command;

use crate::{Folder, INES, OTTO, SAMPLES, TEAM, role_binding};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: colours}\n";

#[test]
fn admits_what_the_subject_may_hold() {
    let folder = Folder::new();
    folder.write(
        "otto.yaml",
        role_binding("vm-admins", Some("vms"), "spectro-vm-admin", OTTO),
    );
    let ran = folder.judge("check -f otto.yaml");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            0,
            "allowed   RoleBinding vms/vm-admins (otto.yaml:1)\n1 binding in 1 file: 1 allowed\n",
            ""
        )
    );
}

#[test]
fn refuses_with_the_message_that_kubectl_would_show() {
    let folder = Folder::new();
    folder.write(
        "ines.yaml",
        role_binding("vm-admins", Some("vms"), "spectro-vm-admin", INES),
    );
    let ran = folder.judge("check -f ines.yaml");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("check_refusal", ran.out);
}

#[test]
fn json_has_the_shape_that_scripts_rely_on() {
    let folder = Folder::new();
    folder
        .write(
            "bindings/a.yaml",
            format!(
                "{CONFIG_MAP}---\n{}",
                role_binding("vm-admins", Some("vm-1"), "spectro-vm-admin", INES)
            ),
        )
        .write(
            "bindings/b/otto.yml",
            role_binding("vm-admins", None, "spectro-vm-admin", OTTO),
        )
        .write("bindings/notes.txt", "no manifest");
    let ran = folder.judge("check -f bindings --output json");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("check_json", ran.out);
}

#[test]
fn a_broken_document_is_named_and_the_others_are_judged() {
    let folder = Folder::new();
    let good = role_binding("vm-admins", Some("vms"), "spectro-vm-admin", OTTO);
    folder.write("all.yaml", format!("{good}---\nkind: {{\n---\n{good}"));
    let ran = folder.judge("check -f all.yaml -f all.yaml");
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("error: all.yaml:"), "{}", ran.err);
    assert!(ran.err.contains(": document 2: "), "{}", ran.err);
    let summary = "4 bindings in 2 files: 4 allowed; 2 inputs not judged\n";
    assert!(ran.out.ends_with(summary), "{}", ran.out);
}

#[test]
fn a_binding_that_cannot_be_understood_is_bad_input() {
    let folder = Folder::new();
    folder.write(
        "binding.yaml",
        "# no roleRef\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: a}\n",
    );
    let ran = folder.judge("check -f binding.yaml");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            2,
            "error: binding.yaml:2:1: document 1: roleRef: is missing; name the role that the binding grants\n"
        )
    );
}

#[test]
fn a_missing_file_is_no_reason_to_skip_the_others() {
    let folder = Folder::new();
    folder.write(
        "ines.yaml",
        role_binding("vm-admins", Some("vms"), "spectro-vm-admin", INES),
    );
    let ran = folder.judge("check -f nowhere.yaml -f ines.yaml");
    assert_eq!(ran.code, 3);
    assert!(
        ran.err.starts_with("error: cannot read `nowhere.yaml`: "),
        "{}",
        ran.err
    );
    assert!(ran.out.starts_with("denied "), "{}", ran.out);
}

#[test]
fn nothing_to_judge_is_bad_input() {
    let folder = Folder::new();
    folder.write("empty/readme.txt", "");
    let ran = folder.judge("check -f empty");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            2,
            "error: no manifests in folder `empty` (*.yaml, *.yml, *.json)\n"
        )
    );
    // As when the program before the pipe has failed.
    let ran = folder.judge("check -f -");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (2, "error: no objects in what was given to check\n")
    );
}

#[test]
fn other_kinds_are_skipped_and_named() {
    let folder = Folder::new();
    folder.write("others.yaml", format!("{CONFIG_MAP}---\n{CONFIG_MAP}"));
    let ran = folder.judge("check -f others.yaml");
    let summary = "0 bindings in 1 file; 2 other objects (2 ConfigMap) skipped\n";
    assert_eq!((ran.code, ran.out.as_str()), (2, summary));
    assert_eq!(
        ran.err,
        "error: no binding and no role in what was given to check, only 2 other objects (2 ConfigMap); \
         --allow-empty takes that for success\n"
    );
    let ran = folder.judge("check -f others.yaml --allow-empty");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, summary, "")
    );
    assert_eq!(folder.judge("check -f - --allow-empty").code, 0);
}

#[test]
fn reads_the_standard_input_and_lists() {
    let folder = Folder::new();
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
         "metadata": {"generateName": "viewers-"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "spectro-vm-viewer"},
         "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ines@orchard.test"}]},
        {"apiVersion": "v1", "kind": "ConfigMap"}
    ]}"#;
    let ran = folder.run_with(&format!("check -f - {SAMPLES}"), list);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            0,
            "allowed   ClusterRoleBinding viewers- (<stdin>:2)\n\
             1 binding in 1 file: 1 allowed; 1 other object (1 ConfigMap) skipped\n",
            ""
        )
    );
}

#[test]
fn warnings_fail_only_where_asked_for() {
    let folder = Folder::new();
    folder.write(
        "team.yaml",
        role_binding("admins", Some("vms"), "admin", TEAM),
    );
    assert_eq!(folder.judge("check -f team.yaml").code, 0);
    assert_eq!(folder.judge("check -f team.yaml --fail-on deny").code, 0);
    let ran = folder.judge("check -f team.yaml --fail-on warn");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!("check_warning", ran.out);
}

#[test]
fn audited_findings_fail_only_where_asked_for() {
    let folder = Folder::new();
    folder.write(
        "team.yaml",
        role_binding("admins", Some("vms"), "admin", TEAM),
    );
    folder.write(
        "policy.yaml",
        "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\nmode: audit\ncluster: {project: orchard-prod}\n",
    );
    assert_eq!(folder.judge("check -f team.yaml --fail-on warn").code, 0);
    let ran = folder.judge("check -f team.yaml --fail-on audit");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!("check_audit", ran.out);
}

#[test]
fn the_requester_is_judged_where_named() {
    let folder = Folder::new();
    folder.write(
        "otto.yaml",
        role_binding("vm-admins", Some("vms"), "spectro-vm-admin", OTTO),
    );
    let fails = "check -f otto.yaml --fail-on warn";
    assert_eq!(folder.judge(fails).code, 0);
    let ines = format!("{fails} --as ines@orchard.test");
    assert_eq!(folder.judge(&ines).code, 1);
    let otto = format!("{fails} --as otto@orchard.test");
    assert_eq!(folder.judge(&otto).code, 0);
    let master = format!("{ines} --as-group system:masters");
    assert_eq!(folder.judge(&master).code, 0);
    let ran = folder.judge("check -f otto.yaml --as-group system:masters");
    assert_eq!(ran.code, 2);
}

#[test]
fn flags_and_environment_say_more_than_the_policy() {
    let folder = Folder::new();
    folder.write(
        "otto.yaml",
        role_binding("vm-admins", None, "spectro-vm-admin", OTTO),
    );
    let elsewhere = folder.judge("check -f otto.yaml --project orchard-test -n vms");
    assert_eq!(elsewhere.code, 1);
    assert!(elsewhere.out.contains("in namespace vms"));
    assert!(elsewhere.out.contains("which is not this cluster's"));
    let arguments = "check -f otto.yaml --directory directory.yaml";
    assert_eq!(folder.run(arguments).code, 1);
    let project = ("PALETTE_RBAC_PROJECT", "orchard-prod");
    assert_eq!(folder.run_under(project, arguments).code, 0);
}

#[test]
fn a_cluster_group_wants_bindings_in_namespaces() {
    let folder = Folder::new();
    let binding = role_binding("vm-admins", None, "spectro-vm-admin", OTTO)
        .replace("kind: RoleBinding", "kind: ClusterRoleBinding");
    folder.write("otto.yaml", &binding);
    assert_eq!(folder.judge("check -f otto.yaml").code, 0);
    let ran = folder.judge("check -f otto.yaml --cluster-group cellar");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("[cluster-group-scope]"), "{}", ran.out);
    let unknown = "check -f otto.yaml --directory directory.yaml --project orchard-prod";
    let ran = folder.run(unknown);
    assert!(
        ran.out.contains("rule cluster-group-scope was not judged"),
        "{}",
        ran.out
    );
}

#[test]
fn a_typo_in_the_policy_is_named_with_its_place() {
    let folder = Folder::new();
    folder
        .write(
            "policy.yaml",
            "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\nrules: {requestor: deny}\n",
        )
        .write(
            "otto.yaml",
            role_binding("vm-admins", None, "spectro-vm-admin", OTTO),
        );
    let ran = folder.judge("check -f otto.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(
        ran.err,
        "error: policy.yaml:3:9: rules.requestor: unknown rule; did you mean \"requester\"?\n"
    );
}

#[test]
fn without_a_directory_it_says_what_to_name() {
    let folder = Folder::new();
    let ran = folder.run("check -f policy.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("--directory FILE"), "{}", ran.err);
    let ran = folder.run("check -f policy.yaml --directory nowhere.yaml");
    assert_eq!(ran.code, 3);
}

#[test]
fn an_exemption_is_named() {
    let folder = Folder::new();
    folder
        .write(
            "policy.yaml",
            "apiVersion: palette-rbac.io/v1alpha1
kind: Policy
cluster: {project: orchard-prod}
exemptions:
- {name: harvest-time, reason: all hands, namespaces: [vms], expires: 2027-01-01T00:00:00Z}
",
        )
        .write(
            "ines.yaml",
            role_binding("vm-admins", Some("vms"), "spectro-vm-admin", INES),
        );
    let ran = folder.judge("check -f ines.yaml --fail-on audit");
    assert_eq!(ran.code, 0);
    assert!(ran.out.starts_with("exempted  RoleBinding"), "{}", ran.out);
    assert!(
        ran.out
            .contains("exempted by harvest-time: [vm-role-mapping]")
    );
    let later = folder.run(
        "check -f ines.yaml --policy policy.yaml --directory directory.yaml --now 2027-01-01T00:00:00Z",
    );
    assert_eq!(later.code, 1);
}

#[test]
fn escapes_what_a_name_could_do_to_a_terminal() {
    let folder = Folder::new();
    let subject = INES.replace("ines@orchard.test", "\"ines\\u001b[2J\\nallowed\"");
    folder.write(
        "ines.yaml",
        role_binding("vm-admins", Some("vms"), "spectro-vm-admin", &subject),
    );
    let ran = folder.judge("check -f ines.yaml");
    assert!(
        ran.out.contains(r"User ines\u{1b}[2J\nallowed"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::new();
    let binding = role_binding("vm-admins", Some("vms"), "spectro-vm-admin", INES);
    folder.write("many.yaml", format!("{binding}---\n").repeat(2_000));
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_palette-rbac");
    let script =
        format!("{{ '{program}' check -f many.yaml {SAMPLES}; echo $? >&2; }} | head -n 1");
    command.args(["-c", &script]);
    let ran = folder.finish(command, "");
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("denied    RoleBinding vms/vm-admins (many.yaml:1)\n", "1\n")
    );
}

#[test]
fn what_is_not_text_is_bad_input() {
    let folder = Folder::new();
    folder.write("binary.yaml", b"kind: A\nname: \xff\n");
    let ran = folder.judge("check -f binary.yaml");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (2, "error: binary.yaml:2:7: document 1: not UTF-8\n")
    );
}

#[test]
fn a_name_of_a_file_commands_no_terminal() {
    let folder = Folder::new();
    let binding = role_binding("vm-admins", Some("vms"), "spectro-vm-admin", OTTO);
    folder
        .write("all/\u{1b}[2J.yaml", binding)
        .write("all/\u{1b}[3J.yaml", "kind: {");
    let ran = folder.judge("check -f all");
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains(r"(all/\u{1b}[2J.yaml:1)"), "{}", ran.out);
    assert!(ran.err.contains(r"all/\u{1b}[3J.yaml:"), "{}", ran.err);
}

#[test]
fn colour_is_for_terminals() {
    let folder = Folder::new();
    let binding = role_binding("vm-admins", Some("vms"), "spectro-vm-admin", INES);
    folder.write("ines.yaml", binding);
    let arguments = format!("check -f ines.yaml {SAMPLES}");
    assert!(!folder.run(&arguments).out.contains('\u{1b}'));
    let forced = folder.run_under(("CLICOLOR_FORCE", "1"), &arguments);
    assert!(forced.out.contains('\u{1b}'));
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let folder = Folder::new();
    let binding = role_binding("vm-admins", Some("vms"), "spectro-vm-admin", OTTO);
    folder.write("otto.yaml", binding);
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_palette-rbac");
    let script = format!("'{program}' check -f otto.yaml {SAMPLES} > /dev/full");
    command.args(["-c", &script]);
    let ran = folder.finish(command, "");
    assert_eq!(ran.code, 3);
    assert!(ran.err.starts_with("error: cannot write: "), "{}", ran.err);
}

/// A binding of one line, so that many fit into a test.
fn written(parts: &str) -> String {
    format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n{parts}")
}

const METADATA: &str = "metadata: {name: a, namespace: vms}\n";
const ROLE: &str =
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: spectro-vm-admin}\n";

#[test]
fn what_ends_a_line_for_kubectl_ends_it_here() {
    let folder = Folder::new();
    let good = role_binding("ok", Some("vms"), "spectro-vm-admin", OTTO);
    let bad = role_binding("hidden", Some("vms"), "spectro-vm-admin", INES);
    for line_break in ["\u{85}", "\u{2028}", "\u{2029}", "\r"] {
        let hidden = bad.replace('\n', line_break);
        folder.write(
            "hidden.yaml",
            format!("{good}---\n# more{line_break}{hidden}"),
        );
        let ran = folder.judge("check -f hidden.yaml");
        assert_eq!(ran.code, 1, "{line_break:?}: {ran:?}");
        assert!(
            ran.out.contains("denied    RoleBinding vms/hidden"),
            "{ran:?}"
        );
        folder.write(
            "twice.yaml",
            format!("{good}# the pickers{line_break}{ROLE}"),
        );
        let ran = folder.judge("check -f twice.yaml");
        assert_eq!(ran.code, 2, "{line_break:?}: {ran:?}");
        assert!(ran.err.contains("roleRef: stands twice"), "{ran:?}");
    }
}

#[test]
fn utf_16_is_read_by_its_first_bytes() {
    let folder = Folder::new();
    let binding = role_binding("ines", Some("vms"), "spectro-vm-admin", INES);
    let little: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(binding.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(binding.encode_utf16())
        .flat_map(u16::to_be_bytes)
        .collect();
    for bytes in [little, big] {
        folder.write("ines.yaml", bytes);
        let ran = folder.judge("check -f ines.yaml");
        assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    }
}

#[test]
fn mistakes_of_shape_are_told_with_path_and_place() {
    let folder = Folder::new();
    let cases = [
        (
            format!("{METADATA}{ROLE}subjects:\n  kind: User\n"),
            "6:3: document 1: subjects: expected a list, found a map",
        ),
        (
            format!("{METADATA}roleRef: [a, b, c]\n"),
            "4:10: document 1: roleRef: expected a map, found a list",
        ),
        (
            format!("{METADATA}roleRef: view\n"),
            "4:10: document 1: roleRef: expected a map, found text",
        ),
        (
            format!("metadata: [a, '', vms]\n{ROLE}"),
            "3:11: document 1: metadata: expected a map, found a list",
        ),
        (
            format!("{METADATA}{ROLE}subjects:\n- [a, User, b, '']\n"),
            "6:3: document 1: subjects[0]: expected a map, found a list",
        ),
        (
            format!("metadata:\n  name: a\n  namespace: 55555\n{ROLE}"),
            "5:14: document 1: metadata.namespace: expected text, found a number; put it in quotes",
        ),
        (
            format!("{METADATA}{ROLE}subjects:\n- kind: User\n  name: on\n"),
            "7:9: document 1: subjects[0].name: expected text, found a boolean; put it in quotes",
        ),
        (
            format!("{METADATA}{ROLE}subject:\n- {INES}\n"),
            "5:1: document 1: subject: unknown field; did you mean \"subjects\"?",
        ),
        (
            format!(
                "{METADATA}{ROLE}subjects:\n- {{apiGroup: rbac.authorization.k8s.io, kind: ServiceAccount, name: a}}\n"
            ),
            "6:14: document 1: subjects[0].apiGroup: `rbac.authorization.k8s.io` belongs to no ServiceAccount; leave the field out",
        ),
        (
            format!("metadata: {{name: a, namespace: Vms}}\n{ROLE}"),
            "3:32: document 1: metadata.namespace: `Vms` is no name of a namespace: lower-case letters, digits and `-` inside, 63 at most",
        ),
        (
            format!("metadata: {{name: a, namespace: '{{{{ .Release.Namespace }}}}'}}\n{ROLE}"),
            "3:32: document 1: metadata.namespace: `{{ .Release.Namespace }}`: this is a template; check what it becomes: \
             helm template CHART | palette-rbac check -f -",
        ),
    ];
    for (parts, expected) in cases {
        folder.write("a.yaml", written(&parts));
        let ran = folder.judge("check -f a.yaml");
        assert_eq!(
            (ran.code, ran.err),
            (2, format!("error: a.yaml:{expected}\n")),
            "{parts}"
        );
    }
    folder.write(
        "a.yaml",
        written(&format!(
            "metadata: {{name: a, namespace: {{{{ .Release.Namespace }}}}}}\n{ROLE}"
        )),
    );
    let ran = folder.judge("check -f a.yaml");
    assert!(ran.err.contains("helm template CHART"), "{}", ran.err);
}

#[test]
fn every_mistake_of_a_document_has_a_line() {
    let folder = Folder::new();
    folder.write(
        "a.yaml",
        written(&format!("{METADATA}roleRef: view\nsubjects: [a]\n")),
    );
    let ran = folder.judge("check -f a.yaml");
    assert_eq!(
        ran.err,
        "error: a.yaml:4:10: document 1: roleRef: expected a map, found text\n\
         error: a.yaml:5:12: document 1: subjects[0]: expected a map, found text\n"
    );
    assert!(ran.out.ends_with("; 1 input not judged\n"), "{}", ran.out);
}

#[test]
fn what_is_plainly_meant_as_a_binding_is_not_skipped() {
    let folder = Folder::new();
    let binding = role_binding("ines", Some("vms"), "spectro-vm-admin", INES);
    for (from, to) in [
        ("kind: RoleBinding", "kind: Rolebinding"),
        ("apiVersion: rbac.authorization.k8s.io/v1", "apiVersion: v1"),
        (
            "apiVersion: rbac.authorization.k8s.io/v1",
            "apiVersion: rbac.autorization.k8s.io/v1",
        ),
        ("kind: RoleBinding\n", ""),
    ] {
        folder.write("a.yaml", binding.replacen(from, to, 1));
        let ran = folder.judge("check -f a.yaml");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("RoleBinding"), "{ran:?}");
    }
}

#[test]
fn files_behind_a_mounted_config_map_are_judged_once() {
    let folder = Folder::new();
    let binding = role_binding("ines", Some("vms"), "spectro-vm-admin", INES);
    folder
        .write("mount/..2026_11_26/ines.yaml", &binding)
        .write("linked/other.yaml", &binding);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    };
    link("..2026_11_26", "mount/..data");
    link("..data/ines.yaml", "mount/ines.yaml");
    let ran = folder.judge("check -f mount");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(
        ran.out.ends_with("1 binding in 1 file: 1 denied\n"),
        "{}",
        ran.out
    );
    link("../linked", "mount/more");
    let ran = folder.judge("check -f mount");
    assert_eq!(
        ran.err,
        "warning: `mount/more` is a link to a folder and left out, as kubectl does; name it to have it read\n"
    );
}
