use super::*;
use crate::document::conformance::violation;

/// The example of the documentation.
const EXAMPLE: &str = r#"
apiVersion: palette-rbac.io/v1alpha1
kind: Directory
asOf: 2026-11-22T08:00:00Z          # optional: when Palette said so
roles:                              # custom Palette roles; the built-in ones are known
  - { name: VM Launcher, scope: project, permissions: [virtualMachine.create, virtualMachine.get] }
users:
  - name: ines@orchard.test
    teams: [orchard-vm-ops]
    assignments:
      - { role: Cluster Viewer, project: orchard-prod }
      - { role: Virtual Machine User, workspace: harvest, namespaces: ["/^vm-/", staging] }
      - { role: Tenant Viewer, tenant: true }
teams:
  - name: orchard-vm-ops
    assignments: [{ role: Virtual Machine Power User, project: orchard-prod }]
"#;

const LIMIT: usize = 64 << 20;

/// A directory file with this after its header, which is two lines.
fn file(body: &str) -> String {
    format!("apiVersion: palette-rbac.io/v1alpha1\nkind: Directory\n{body}")
}

fn compile(text: &str) -> CompiledDirectory {
    match Directory::compile(text.as_bytes(), LIMIT) {
        Ok(compiled) => compiled,
        Err(mistakes) => panic!("{}", mistakes.in_file("directory.yaml")),
    }
}

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = Directory::compile(text.as_bytes(), LIMIT).expect_err(text);
    mistakes.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_mistakes(body: &str, expected: &[&str]) {
    assert_eq!(mistakes(&file(body)), expected, "{body}");
}

fn as_json(text: &str) -> String {
    let value = serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

/// What is held, as it is shown to people.
fn shown(directory: &Directory, assignments: &[Assignment]) -> Vec<String> {
    let shown = assignments.iter().map(|assignment| {
        let scope = &directory.scopes()[assignment.scope.index()];
        format!("{} ({scope})", directory.role_name(assignment.role))
    });
    shown.collect()
}

#[test]
fn the_example_is_read_from_yaml_and_from_json() {
    for text in [EXAMPLE, &as_json(EXAMPLE)] {
        let CompiledDirectory {
            directory,
            warnings,
        } = compile(text);
        assert_eq!(warnings, []);
        assert_eq!(
            directory.as_of(),
            Some("2026-11-22T08:00:00Z".parse().unwrap())
        );
        let counts = Counts {
            users: 1,
            teams: 1,
            custom_roles: 1,
        };
        assert_eq!(directory.counts(), counts);

        let ines = directory.user("ines@orchard.test").unwrap();
        assert!(ines.active);
        assert_eq!(
            shown(&directory, &ines.assignments),
            [
                "Cluster Viewer (project orchard-prod)",
                "Virtual Machine User (workspace harvest)",
                "Tenant Viewer (tenant)",
            ]
        );
        let [team] = &*ines.teams else {
            panic!("{:?}", ines.teams);
        };
        let team = directory.team_by_id(*team);
        assert_eq!(directory.team("orchard-vm-ops"), Some(team));
        assert_eq!(
            shown(&directory, &team.assignments),
            ["Virtual Machine Power User (project orchard-prod)"]
        );
        assert_eq!(directory.user("Ines@orchard.test"), None);
        assert_eq!(
            directory.near_user("Ines@orchard.test"),
            Some("ines@orchard.test")
        );
        assert_eq!(
            directory.near_team("ORCHARD-VM-OPS"),
            Some("orchard-vm-ops")
        );
    }
}

#[test]
fn each_scope_is_kept_once() {
    let directory = compile(&file(
        "\
users:
  - name: a
    assignments:
      - { role: Cluster Admin, project: p }
      - { role: Cluster Viewer, project: p }
      - { role: Cluster Viewer, workspace: w, namespaces: [/x/] }
      - { role: Cluster Admin, workspace: w, namespaces: [/x/] }
      - { role: Cluster Admin, workspace: w, namespaces: [x] }
      - { role: Tenant Admin, tenant: true }
      - { role: Tenant Viewer, tenant: true }
",
    ))
    .directory;
    let scopes: Vec<_> = directory.scopes().iter().map(ToString::to_string).collect();
    assert_eq!(
        scopes,
        ["project p", "workspace w", "workspace w", "tenant"]
    );
}

#[test]
fn custom_roles_are_known_by_their_permissions() {
    let body = "\
roles:
  - { name: VM Launcher, permissions: [virtualMachine.create, vineyard.press] }
  - { name: Workspace Editor, permissions: [] }
";
    let directory = compile(&file(body)).directory;
    let launcher = directory.role("VM Launcher").unwrap();
    assert!(launcher.is_custom());
    assert_eq!(&**directory.role_name(launcher), "VM Launcher");
    let held = directory.custom_permissions(launcher).unwrap().iter();
    let held: Vec<_> = held
        .map(|id| directory.permissions().permission(id).unwrap().as_str())
        .collect();
    assert_eq!(held, ["virtualMachine.create", "vineyard.press"]);

    let admin = directory.role("Cluster Admin").unwrap();
    assert_eq!(directory.custom_permissions(admin), None);
    assert_eq!(directory.role("cluster admin"), None);

    // A custom role may have what is only another name of a built-in one.
    assert!(directory.role("Workspace Editor").unwrap().is_custom());
    let operator = Directory::default().role("Workspace Editor").unwrap();
    assert_eq!(
        &**Directory::default().role_name(operator),
        "Workspace Operator"
    );
}

#[test]
fn an_unknown_role_is_warned_of_and_grants_nothing() {
    let body = "\
users:
  - name: a
    assignments:
      - { role: cluster viewer, project: p }
      - { role: Cluster Admin, project: p }
  - name: b
    assignments: [{ role: cluster viewer, project: p }, { role: Gardener, tenant: true }]
";
    for (text, positions) in [
        (file(body), ["6:17", "9:65"]),
        (as_json(&file(body)), ["9:20", "25:20"]),
    ] {
        let CompiledDirectory {
            directory,
            warnings,
        } = compile(&text);
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        let [first, second] = positions;
        assert_eq!(
            warnings,
            [
                format!(
                    "{first}: users[0].assignments[0].role: no Palette role `cluster viewer`, so its 2 assignments grant \
                     nothing; did you mean \"Cluster Viewer\"?"
                ),
                format!(
                    "{second}: users[1].assignments[1].role: no Palette role `Gardener`, so it grants nothing"
                ),
            ]
        );
        let held = &directory.user("a").unwrap().assignments;
        assert_eq!(shown(&directory, held), ["Cluster Admin (project p)"]);
        assert!(directory.user("b").unwrap().assignments.is_empty());
    }
}

#[test]
fn a_negated_pattern_beside_another_is_warned_of() {
    let of = |namespaces: &str| {
        let body = format!(
            "users: [{{ name: a, assignments: [{{ role: Cluster Viewer, workspace: w, namespaces: {namespaces} }}] }}]\n"
        );
        let warnings = compile(&file(&body)).warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of("[~/^kube-/]"), [""; 0]);
    assert_eq!(of("[/^vm-/, staging]"), [""; 0]);
    assert_eq!(
        of("[staging, ~/^kube-/]"),
        [
            "3:94: users[0].assignments[0].namespaces[1]: widens the other patterns: a namespace is selected if one of them \
          does"
        ]
    );
}

#[test]
fn who_is_not_active_is_still_known() {
    let directory = compile(&file("users: [{ name: a, active: false }]\n")).directory;
    assert!(!directory.user("a").unwrap().active);
}

#[test]
fn every_mistake_of_meaning_is_reported_with_its_place() {
    assert_mistakes(
        "\
roles:
  - { name: cluster admin, permissions: [] }
  - { name: Launcher, permissions: [virtualMachine, cluster.get] }
  - { name: Launcher, permissions: [] }
  - { name: '', permissions: [] }
teams:
  - { name: ops, assignments: [{ role: Cluster Viewer }] }
  - { name: ops }
  - { name: ' ' }
users:
  - name: a
    teams: [osp, ops, Ops, garden]
    assignments:
      - { role: Cluster Viewer, project: p, tenant: true }
      - { role: Cluster Viewer, tenant: false }
      - { role: Cluster Viewer, workspace: w }
      - { role: Cluster Viewer, workspace: w, namespaces: [] }
      - { role: Cluster Viewer, project: p, namespaces: [x] }
      - { role: Cluster Viewer, workspace: w, namespaces: [x, '/(/', ~/y, \"\\x7e/(?=z)/\"] }
      - { role: Gardener, project: '' }
  - { name: a }
  - { name: '' }
",
        &[
            "users[0].assignments[5].namespaces[3]: `~/(?=z)/` does not compile: look-around, including look-ahead and \
             look-behind, is not supported",
            "4:13: roles[0].name: `cluster admin` is built in, as \"Cluster Admin\"",
            "5:37: roles[1].permissions[0]: `virtualMachine` is not of the form `resource.operation`",
            "6:13: roles[2].name: `Launcher` stands twice",
            "7:14: roles[3].name: is empty",
            "9:40: teams[0].assignments[0]: needs exactly one of `project`, `workspace` and `tenant: true`",
            "10:13: teams[1].name: `ops` stands twice",
            "11:14: teams[2].name: is empty",
            "14:13: users[0].teams[0]: no team `osp`; did you mean \"ops\"?",
            "14:23: users[0].teams[2]: no team `Ops`; did you mean \"ops\"?",
            "14:28: users[0].teams[3]: no team `garden`",
            "16:17: users[0].assignments[0]: needs exactly one of `project`, `workspace` and `tenant: true`",
            "17:17: users[0].assignments[1]: needs exactly one of `project`, `workspace` and `tenant: true`",
            "18:17: users[0].assignments[2]: a workspace needs `namespaces`; `[\"/.*/\"]` selects all",
            "19:17: users[0].assignments[3]: a workspace needs `namespaces`; `[\"/.*/\"]` selects all",
            "20:17: users[0].assignments[4]: only an assignment in a workspace has `namespaces`",
            "21:64: users[0].assignments[5].namespaces[1]: `/(/` does not compile: unclosed group",
            "21:70: users[0].assignments[5].namespaces[2]: `~/y` begins as a regex, but lacks the closing `/`",
            "22:17: users[0].assignments[6]: the project or workspace has an empty name",
            "23:13: users[1].name: `a` stands twice",
            "24:14: users[2].name: is empty",
        ],
    );
}

#[test]
fn the_first_mistake_of_shape_is_reported_with_its_place() {
    for (text, expected) in [
        (String::new(), "1:1: the file is empty"),
        ("# nothing\n".to_owned(), "1:1: the file is empty"),
        (
            file("users: [{ nmae: a }]\n"),
            "3:11: nmae: unknown field; did you mean \"name\"?",
        ),
        (
            file("user: []\n"),
            "3:1: user: unknown field; did you mean \"users\"?",
        ),
        (
            file("users: [{ name: a, active: off }]\n"),
            "3:28: invalid boolean",
        ),
        (
            file("users: [{ name: a, name: b }]\n"),
            "3:9: duplicate field `name`",
        ),
        (
            file("users: [{ teams: [] }]\n"),
            "3:11: missing field `name`",
        ),
        (file("users: {}\n"), "3:8: expected sequence start"),
        (file("asOf: yesterday\n"), "3:7: failed to parse"),
        (
            file("users: []\n---\n"),
            "4:4: a second document; a file holds one",
        ),
        ("apiVersion: v1\nkind: Directory\n".to_owned(), "1:13: "),
        (
            "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\nmode: audit\n".to_owned(),
            "2:7: unknown variant `Policy`, expected one of Directory",
        ),
        (
            "{\"apiVersion\": \"palette-rbac.io/v1alpha1\"}".to_owned(),
            "1:42: missing field `kind`",
        ),
        (
            "{ apiVersion: x }".to_owned(),
            "1:3: key must be a string (a file that starts with `{` is read as JSON)",
        ),
        (
            "{\"users\": [{ \"nmae\": 1 }]}".to_owned(),
            "1:19: unknown field `nmae`, expected one of `name`, `active`",
        ),
    ] {
        let found = mistakes(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{text}: {found:?}");
    }
    let mistakes = Directory::compile(EXAMPLE.as_bytes(), 100).unwrap_err();
    let message = format!(
        "directory.yaml: {} bytes; at most 100 are read",
        EXAMPLE.len()
    );
    assert_eq!(mistakes.in_file("directory.yaml").to_string(), message);
}

#[test]
fn the_schema_takes_the_example() {
    let schema = Directory::schema();
    assert_eq!(violation(&schema, EXAMPLE), None);
    assert_eq!(
        violation(&schema, &file("users: [{ nmae: a }]")).as_deref(),
        Some("$.users[0] has nmae")
    );
}

/// A directory of that many users, who share few roles, teams and projects, as they do in life.
fn large(users: usize) -> String {
    use std::fmt::Write as _;
    let mut text = file("users:\n");
    for user in 0..users {
        writeln!(
            text,
            "  - name: user-{user}@orchard.test\n    teams: [team-{}]\n    assignments:\n      \
             - {{ role: Cluster Viewer, project: project-{} }}\n      \
             - {{ role: Virtual Machine User, project: project-{} }}\n      \
             - {{ role: Virtual Machine Viewer, workspace: harvest, namespaces: [\"/^vm-{}/\", staging] }}",
            user % 100,
            user % 50,
            user % 50,
            user % 20,
        )
        .unwrap();
    }
    text.push_str("teams:\n");
    for team in 0..100 {
        writeln!(text, "  - name: team-{team}").unwrap();
    }
    text
}

/// More than the default budget of the YAML parser allows.
#[test]
fn a_large_directory_is_read() {
    let text = large(11_000);
    assert!(serde_saphyr::from_str::<serde_json::Value>(&text).is_err());
    let directory = compile(&text).directory;
    assert_eq!(directory.counts().users, 11_000);
    assert_eq!(directory.scopes().len(), 50 + 20);
    let last = directory.user("user-10999@orchard.test").unwrap();
    assert_eq!(last.assignments.len(), 3);
    assert_eq!(&*directory.team_by_id(last.teams[0]).name, "team-99");
    assert_eq!(
        directory.near_user("User-7@orchard.test"),
        Some("user-7@orchard.test")
    );
}

/// JSON, which is read four times as fast.
#[test]
fn a_hundred_thousand_users_are_read() {
    let users: Vec<_> = (0..100_000)
        .map(|user| {
            serde_json::json!({"name": format!("user-{user}@orchard.test"), "assignments": [
                {"role": "Virtual Machine User", "project": format!("project-{}", user % 50)},
            ]})
        })
        .collect();
    let text = serde_json::json!({
        "apiVersion": "palette-rbac.io/v1alpha1", "kind": "Directory", "users": users,
    });
    let directory = compile(&text.to_string()).directory;
    assert_eq!(directory.counts().users, 100_000);
    assert_eq!(directory.scopes().len(), 50);
    let last = directory.user("user-99999@orchard.test").unwrap();
    assert_eq!(last.assignments.len(), 1);
}

#[test]
fn names_that_would_be_taken_for_another_are_warned_of() {
    let body = "teams:\n  - { name: Orchard-VM-Ops }\n  - { name: \"orchard-vm-ops \" }\n  - { name: \"eks:vm-admins\" }\nusers: []\n";
    let warnings = compile(&file(body)).warnings;
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "5:14: teams[1].name: `orchard-vm-ops ` and `Orchard-VM-Ops` are two names to Palette and Kubernetes, which compare letter for letter",
            "6:14: teams[2].name: `eks:vm-admins` looks like a name of the cluster's own: in a binding it is taken for this one",
        ]
    );
}
