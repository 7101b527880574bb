use crate::Folder;

const TYPO: &str = "\
apiVersion: palette-rbac.io/v1alpha1
kind: Policy
rules: {requestor: deny}
mode: enforced
mapping:
- {role: spectro-vm-user, requires: [[Cluster Vewer]]}
";

#[test]
fn lint_reports_every_mistake_at_once() {
    let folder = Folder::new();
    folder.write("typo.yaml", TYPO);
    let ran = folder.run("policy lint typo.yaml");
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    assert_eq!(
        ran.out,
        "mistake: typo.yaml:3:9: rules.requestor: unknown rule; did you mean \"requester\"?\n\
         mistake: typo.yaml:4:7: mode: unknown word `enforced`; did you mean \"enforce\"?\n"
    );
    assert_eq!(folder.run("policy lint --policy typo.yaml"), ran);
}

#[test]
fn lint_takes_files_as_check_does() {
    let folder = Folder::new();
    folder.write("typo.yaml", TYPO);
    let both = folder.run("policy lint -f policy.yaml -f typo.yaml");
    assert_eq!((both.code, both.err.as_str()), (2, ""));
    let good = "good: policy.yaml has no mistakes and no warnings\n";
    let typo = folder.run("policy lint typo.yaml").out;
    assert_eq!(both.out, format!("{good}{typo}"));
    let piped = folder.run_with("policy lint -f -", TYPO);
    assert_eq!(piped.code, 2);
    assert_eq!(piped.out, typo.replace("typo.yaml", "<stdin>"));
    let directory = folder.run("directory lint -f directory.yaml");
    assert_eq!(directory, folder.run("directory lint directory.yaml"));
    let one = folder.run("directory lint -f nowhere.yaml -f directory.yaml");
    let missing = "error: cannot read `nowhere.yaml`: No such file or directory (os error 2)\n";
    assert_eq!((one.code, one.err.as_str()), (3, missing));
    assert_eq!(one.out, directory.out);
}

#[test]
fn lint_pairs_a_policy_with_a_directory() {
    let folder = Folder::new();
    folder.write(
        "typo.yaml",
        "\
apiVersion: palette-rbac.io/v1alpha1
kind: Policy
mapping:
- {role: spectro-vm-user, requires: [[Cluster Vewer]]}
",
    );
    // Without a directory, it may be a custom role.
    let alone = folder.run("policy lint typo.yaml");
    assert_eq!(alone.code, 0);
    assert!(
        alone.out.starts_with("warning: typo.yaml:4:"),
        "{}",
        alone.out
    );
    let paired = folder.run("policy lint typo.yaml --directory directory.yaml");
    assert_eq!(paired.code, 2);
    assert!(
        paired.out.contains("did you mean \"Cluster Viewer\"?"),
        "{}",
        paired.out
    );
    let good = folder.run("policy lint policy.yaml --directory directory.yaml");
    assert_eq!(
        (good.code, good.out.as_str()),
        (0, "good: policy.yaml has no mistakes and no warnings\n")
    );
}

#[test]
fn lint_finds_what_is_wrong_with_a_directory() {
    let folder = Folder::new();
    let good = folder.run("directory lint directory.yaml");
    assert_eq!(
        (good.code, good.out.as_str(), good.err.as_str()),
        (
            0,
            "good: directory.yaml has no mistakes and no warnings\n",
            ""
        )
    );
    let directory = "\
apiVersion: palette-rbac.io/v1alpha1
kind: Directory
users:
- {name: ines@orchard.test, teams: [nobody], assignments: [{role: Cluster Vewer, tenant: true}]}
- {name: ines@orchard.test}
";
    folder.write("wrong.yaml", directory);
    let wrong = folder.run("directory lint wrong.yaml");
    assert_eq!(wrong.code, 2);
    assert_eq!(
        wrong.out.matches("mistake: wrong.yaml:").count(),
        2,
        "{}",
        wrong.out
    );
    folder.write(
        "odd.yaml",
        directory
            .replace("[nobody]", "[]")
            .replace("- {name: ines@orchard.test}\n", ""),
    );
    let odd = folder.run("directory lint --directory odd.yaml");
    assert_eq!(odd.code, 0);
    assert!(odd.out.starts_with("warning: odd.yaml:4:"), "{}", odd.out);
}

#[test]
fn the_printed_policy_is_the_same_policy() {
    let folder = Folder::new();
    let printed = folder.run("policy print policy.yaml --workspace cellar");
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    assert!(printed.out.starts_with("# revision "), "{}", printed.out);
    assert!(printed.out.contains("cellar") && !printed.out.contains("harvest"));
    folder.write("printed.yaml", &printed.out);
    assert_eq!(folder.run("policy print printed.yaml"), printed);
    assert_eq!(folder.run("policy print").code, 0);
}

#[test]
fn schemas_are_json() {
    let folder = Folder::new();
    for arguments in ["policy schema", "directory schema"] {
        let ran = folder.run(arguments);
        let schema: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!(schema["properties"]["apiVersion"].is_object(), "{schema}");
    }
}

#[test]
fn an_unreadable_file_is_no_mistake_of_the_file() {
    let folder = Folder::new();
    for arguments in [
        "policy lint nowhere.yaml",
        "policy print nowhere.yaml",
        "directory lint nowhere.yaml",
        "policy lint policy.yaml --directory nowhere.yaml",
    ] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 3, "{arguments}: {ran:?}");
        assert!(ran.err.starts_with("error: cannot read `nowhere.yaml`: "));
    }
    // What is typed counts more than the environment.
    let nowhere = ("PALETTE_RBAC_POLICY", "nowhere.yaml");
    assert_eq!(folder.run_under(nowhere, "policy lint policy.yaml").code, 0);
    assert_eq!(folder.run_under(nowhere, "policy lint").code, 3);
    assert_eq!(folder.run("policy lint").code, 2);
    assert_eq!(folder.run("directory lint").code, 2);
}
