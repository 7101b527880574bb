use crate::Folder;

#[test]
fn tells_what_counts_and_what_may_be_given() {
    let folder = Folder::new();
    let ran = folder.judge("explain --subject ines@orchard.test --namespace vms");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!("explain_namespace", ran.out);
}

#[test]
fn workspace_roles_count_in_their_namespaces_only() {
    let folder = Folder::new();
    let inside = folder.judge("explain -s ines@orchard.test -n vm-1 -r spectro-vm-user");
    assert_eq!(inside.code, 0, "{inside:?}");
    let outside = folder.judge("explain -s ines@orchard.test -n other -r spectro-vm-user");
    assert_eq!(outside.code, 1);
    assert!(
        outside.out.contains("not for this namespace"),
        "{}",
        outside.out
    );
    let everywhere = folder.judge("explain -s ines@orchard.test -r spectro-vm-user");
    assert_eq!(everywhere.code, 1);
    assert!(
        everywhere.out.contains("never cluster-wide"),
        "{}",
        everywhere.out
    );
}

#[test]
fn one_role_is_explained_in_the_words_of_a_refusal() {
    let folder = Folder::new();
    let ran = folder
        .judge("explain --subject User/ines@orchard.test --namespace vms --role spectro-vm-admin");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!("explain_role", ran.out);
    let unmapped = folder.judge("explain --subject ines@orchard.test --role pod-reader");
    assert_eq!(unmapped.code, 0);
    assert!(
        unmapped.out.contains("no role of the mapping"),
        "{}",
        unmapped.out
    );
}

#[test]
fn json_has_the_findings_of_check() {
    let folder = Folder::new();
    let ran = folder.judge(
        "explain --subject Group:orchard-vm-ops -n vms --role spectro-vm-viewer --output json",
    );
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("explain_json", ran.out);
}

#[test]
fn takes_subjects_in_every_spelling() {
    let folder = Folder::new();
    let first_line = |subject: &str| {
        let ran = folder.judge(&format!("explain --subject {subject} --namespace vms"));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out.lines().next().unwrap().to_owned()
    };
    for (subject, expected) in [
        ("ines@orchard.test", "User ines@orchard.test"),
        ("user:ines@orchard.test", "User ines@orchard.test"),
        ("oidc:ines", "User oidc:ines"),
        ("Group/oidc:devs", "Group oidc:devs"),
        ("ServiceAccount:vms/picker", "ServiceAccount vms/picker"),
        (
            "ServiceAccount/picking:picker",
            "ServiceAccount picking/picker",
        ),
        ("ServiceAccount:picker", "ServiceAccount vms/picker"),
        (
            "system:serviceaccount:vms:picker",
            "User system:serviceaccount:vms:picker",
        ),
    ] {
        assert_eq!(first_line(subject), format!("{expected} in namespace vms"));
    }
}

#[test]
fn says_who_is_not_judged_by_palette() {
    let folder = Folder::new();
    for (subject, expected) in [
        (
            "Group:system:masters",
            "is    a group that may do everything",
        ),
        ("Group:system:authenticated", "is    everybody"),
        ("system:serviceaccount:vms:picker", "is    a ServiceAccount"),
        (
            "nobody@orchard.test",
            "holds nothing: Palette has no user of this name",
        ),
        ("INES@orchard.test", "did you mean `ines@orchard.test`?"),
    ] {
        let ran = folder.judge(&format!("explain --subject {subject}"));
        assert!(ran.out.contains(expected), "{}", ran.out);
    }
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let folder = Folder::new();
    for arguments in [
        "explain",
        "explain --subject User:",
        "explain --subject ServiceAccount:picker",
        "explain --subject ines@orchard.test --role Role/viewer",
    ] {
        let ran = folder.judge(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments}");
    }
    assert_eq!(folder.run("explain --subject ines@orchard.test").code, 2);
}
