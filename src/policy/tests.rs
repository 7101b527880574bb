use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::*;
use crate::document::conformance::violation;
use crate::palette::Catalogue;

/// The example of the documentation.
const EXAMPLE: &str = r#"
apiVersion: palette-rbac.io/v1alpha1
kind: Policy
cluster: { uid: 70a1b2c3d4e5f60718294001, project: orchard-prod, clusterGroup: cellar, workspaces: [harvest] }
identity: { groupsPrefix: "oidc:" }
rules: { requester: deny, workspace-scope: warn }
exemptions:
  - name: golden-images
    subjects: [{ kind: ServiceAccount, namespace: vmo-golden-images, name: default }]
    roles: [spectro-vm-user]
    reason: image imports
    expires: 2027-06-30T00:00:00Z
breakGlassGroups: ["oidc:breakglass"]
help: "Questions: #palette-access"
"#;

/// A policy file with this after its header, which is two lines.
fn file(body: &str) -> String {
    format!("apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\n{body}")
}

fn compile(text: &str) -> CompiledPolicy {
    match Policy::compile(text.as_bytes(), &ClusterOverride::default()) {
        Ok(compiled) => compiled,
        Err(mistakes) => panic!("{}", mistakes.in_file("policy.yaml")),
    }
}

fn policy(body: &str) -> Policy {
    compile(&file(body)).policy
}

fn mistakes(text: &str) -> Vec<String> {
    let compiled = Policy::compile(text.as_bytes(), &ClusterOverride::default());
    let mistakes = compiled.expect_err(text);
    mistakes.iter().map(ToString::to_string).collect()
}

/// The mistakes of a file with this body, whose first line is line 3.
#[track_caller]
fn assert_mistakes(body: &str, expected: &[&str]) {
    assert_eq!(mistakes(&file(body)), expected, "{body}");
}

#[track_caller]
fn assert_warnings(body: &str, expected: &[&str]) {
    let warnings = compile(&file(body)).warnings;
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, expected, "{body}");
}

fn requirement<'a>(policy: &'a Policy, role: &str) -> Vec<Vec<&'a str>> {
    let entry = policy.mapping.iter().find(|entry| *entry.role == *role);
    let groups = entry.unwrap().requires.iter();
    groups
        .map(|group| group.iter().map(|role| &**role).collect())
        .collect()
}

fn roles(policy: &Policy) -> Vec<(&str, RoleClass)> {
    let entries = policy.mapping.iter();
    entries.map(|entry| (&*entry.role, entry.class)).collect()
}

#[test]
fn the_default_maps_the_documented_roles() {
    let default = Policy::default();

    let vm = [
        "spectro-vm-admin",
        "spectro-vm-power-user",
        "spectro-vm-user",
        "spectro-vm-viewer",
    ];
    let standard = [
        "cluster-admin",
        "admin",
        "edit",
        "cluster-edit",
        "view",
        "cluster-view",
    ];
    let expected = vm.map(|role| (role, RoleClass::Vm)).into_iter();
    let expected = expected.chain(standard.map(|role| (role, RoleClass::Standard)));
    assert_eq!(roles(&default), expected.collect::<Vec<_>>());

    let admin = [
        vec!["Cluster Admin", "Cluster Editor"],
        vec!["Cluster Profile Admin", "Cluster Profile Editor"],
        vec!["Virtual Machine Admin"],
    ];
    assert_eq!(requirement(&default, "spectro-vm-admin"), admin);
    assert_eq!(requirement(&default, "cluster-admin"), admin);
    for (roles, machine_role) in [
        (
            &["spectro-vm-power-user", "admin"][..],
            "Virtual Machine Power User",
        ),
        (
            &["spectro-vm-user", "edit", "cluster-edit"],
            "Virtual Machine User",
        ),
        (
            &["spectro-vm-viewer", "view", "cluster-view"],
            "Virtual Machine Viewer",
        ),
    ] {
        for role in roles {
            assert_eq!(
                requirement(&default, role),
                [["Cluster Viewer"], [machine_role]]
            );
        }
    }
}

#[test]
fn the_default_says_what_the_code_says() {
    let default = Policy::default();
    assert_eq!(default.actions, Actions::default());
    assert_eq!(
        default
            .cluster_identities
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [
            "system:*",
            "kubeadm:*",
            "kube-apiserver-kubelet-client",
            "eks:*",
            "kube-apiserver",
            "k3s-cloud-controller-manager",
            "rke2-cloud-controller-manager",
            "cloud-controller-manager",
            "clusterAdmin",
            "clusterUser",
            "aks-support",
            "crossplane:masters",
            "k10:admins",
            "projectcapsule.dev",
            "open-cluster-management:*",
            "kubelet",
            "cluster-autoscaler",
            "kubelet-api",
        ]
    );
    assert_eq!(default.cluster, ClusterMembership::default());
    assert_eq!(default.exemptions, []);
    assert_eq!(default.revision.len(), 12);
    for (palette_role, role) in default.palette_roles() {
        let known = Catalogue::builtin().role(palette_role);
        assert_eq!(known.map(|role| role.name), Some(&**palette_role), "{role}");
    }
    assert_eq!(compile(Policy::DEFAULT_FILE).policy, default);
    assert_eq!(policy(""), default);
}

#[test]
fn the_shipped_exemption_compiles_once_it_is_taken_in() {
    let (_, commented) = Policy::DEFAULT_FILE.split_once("# exemptions:\n").unwrap();
    let lines = commented.lines().take_while(|line| line.starts_with('#'));
    let body: Vec<_> = lines.map(|line| line.trim_start_matches("# ")).collect();
    let body = body.join("\n").replace("  - name", " - name");
    let policy = policy(&format!("exemptions:\n  {}", body.trim_start()));
    let [exemption] = &*policy.exemptions else {
        panic!("{:?}", policy.exemptions);
    };
    assert_eq!(exemption.requesters.len(), 2);
    assert_eq!(exemption.roles.len(), 6);
}

#[test]
fn a_file_is_laid_over_the_default() {
    let policy = compile(EXAMPLE).policy;
    let default = Policy::default();
    let mut expected = Policy {
        cluster: ClusterMembership {
            uid: Some("70a1b2c3d4e5f60718294001".into()),
            project: Membership::Of("orchard-prod".into()),
            cluster_group: Membership::Of("cellar".into()),
            workspaces: vec!["harvest".into()],
        },
        identity: Identity {
            username_prefix: "".into(),
            groups_prefix: "oidc:".into(),
            aliases: BTreeMap::new(),
        },
        exemptions: vec![Exemption {
            name: "golden-images".into(),
            reason: "image imports".into(),
            requesters: Vec::new(),
            subjects: vec![SubjectPattern {
                kind: SubjectKind::ServiceAccount,
                namespace: Some(NamePattern::Literal("vmo-golden-images".into())),
                name: NamePattern::Literal("default".into()),
            }],
            namespaces: Vec::new(),
            roles: vec![NamePattern::Literal("spectro-vm-user".into())],
            rules: Vec::new(),
            expires: Some("2027-06-30T00:00:00Z".parse().unwrap()),
        }],
        break_glass_groups: vec!["oidc:breakglass".into()],
        help: Some("Questions: #palette-access".into()),
        revision: Arc::clone(&policy.revision),
        ..default.clone()
    };
    expected.actions.set(Rule::Requester, Action::Deny);
    expected.actions.set(Rule::WorkspaceScope, Action::Warn);
    assert_eq!(policy, expected);
    assert_ne!(policy.revision, default.revision);
}

#[test]
fn json_is_read_as_well() {
    let json = serde_saphyr::from_str::<serde_json::Value>(EXAMPLE).unwrap();
    let json = serde_json::to_string_pretty(&json)
        .unwrap()
        .replace("  ", "\t");
    assert!(json.starts_with("{\n\t"));
    assert_eq!(compile(&json), compile(EXAMPLE));
}

#[test]
fn every_mistake_of_a_file_is_reported_with_its_place() {
    let text = "\
apiVersion: palette-rbac.io/v1alpha1
kind: Policy
mode: enforced
cluster:
  workspaces: harvest
rules:
  requestor: deny
exemptions:
  - name: images
    roles: [spectro-vm-user]
    reason: imports
breakGlassGroups: [\"system:masters\"]
";
    let mistakes = Policy::compile(text.as_bytes(), &ClusterOverride::default()).unwrap_err();
    assert_eq!(
        mistakes.in_file("policy.yaml").to_string(),
        "\
policy.yaml:3:7: mode: unknown word `enforced`; did you mean \"enforce\"?
policy.yaml:5:15: cluster.workspaces: expected a list, found text
policy.yaml:7:3: rules.requestor: unknown rule; did you mean \"requester\"?
policy.yaml:9:5: exemptions[0]: covers everybody everywhere; add at least one of `requesters`, `subjects` and \
`namespaces`
policy.yaml:12:20: breakGlassGroups[0]: `system:masters` is Kubernetes' own, and far more than the few people who may \
break the glass are in it"
    );
}

#[test]
fn a_file_says_what_it_is() {
    for (text, expected) in [
        (
            "mode: audit\n",
            &["1:1: `apiVersion` is missing", "1:1: `kind` is missing"][..],
        ),
        (
            "apiVersion: v1\nkind: Directory\n",
            &[
                "1:13: apiVersion: unknown word `v1`; expected `palette-rbac.io/v1alpha1`",
                "2:7: kind: unknown word `Directory`; expected `Policy`",
            ],
        ),
        ("- a\n", &["1:1: expected a map, found a list"]),
        ("", &["1:1: the file is empty"]),
    ] {
        assert_eq!(mistakes(text), expected, "{text}");
    }
    assert_eq!(policy("metadata: { name: mine }\n"), Policy::default());
    assert_mistakes(
        "metadata: { nmae: mine }\n",
        &["3:13: metadata.nmae: unknown field; did you mean \"name\"?"],
    );
    assert_mistakes(
        "mode: warn\nmode: audit\n",
        &["4:1: mode: stands twice, first in line 3"],
    );
    assert_mistakes(
        "exemption: []\n",
        &["3:1: exemption: unknown field; did you mean \"exemptions\"?"],
    );
}

#[test]
fn an_action_may_differ_by_case() {
    let change = |actions: &Actions| {
        [Writer::Person, Writer::Machine]
            .map(|writer| actions.of_case(Rule::RoleChange, writer.as_case()))
    };
    let detour = |actions: &Actions, name| actions.of_case(Rule::IndirectReach, name);
    let actions = |rules: &str| policy(&format!("rules: {{ {rules} }}\n")).actions;

    let default = Actions::default();
    assert_eq!(change(&default), [Action::Deny, Action::Warn]);
    assert_eq!(detour(&default, "bind"), Action::Audit);
    assert_eq!(detour(&default, "change-admission"), Action::Deny);

    // What a map leaves out stays.
    let warned = actions("role-change: { machines: audit }, indirect-reach: { bind: deny }");
    assert_eq!(change(&warned), [Action::Deny, Action::Audit]);
    assert_eq!(detour(&warned, "bind"), Action::Deny);
    assert_eq!(detour(&warned, "escalate"), Action::Audit);
    assert_eq!(detour(&warned, "change-admission"), Action::Deny);

    // In whatever order its keys stand.
    for order in [
        "others: off, change-admission: warn",
        "change-admission: warn, others: off",
    ] {
        let turned = actions(&format!("indirect-reach: {{ {order} }}"));
        assert_eq!(detour(&turned, "change-admission"), Action::Warn);
        assert_eq!(detour(&turned, "bind"), Action::Off);
        assert!(!turned.is_off(Rule::IndirectReach));
    }

    // One word is for every case.
    let off = actions("role-change: off, indirect-reach: off");
    assert_eq!(change(&off), [Action::Off; 2]);
    assert!(off.is_off(Rule::RoleChange) && off.is_off(Rule::IndirectReach));
    assert!(!default.is_off(Rule::RoleChange));
    let machines = actions("role-change: { people: off }");
    assert!(!machines.is_off(Rule::RoleChange));
}

#[test]
fn the_same_actions_have_one_revision_however_they_are_written() {
    let revision = |rules: &str| policy(&format!("rules: {{ {rules} }}\n")).revision;
    for (one, other) in [
        (
            "role-change: warn",
            "role-change: { people: warn, machines: warn }",
        ),
        ("", "indirect-reach: { bind: audit }"),
        (
            "indirect-reach: audit",
            "indirect-reach: { change-palette-rbac: audit, change-admission: audit, others: audit }",
        ),
    ] {
        assert_eq!(revision(one), revision(other), "{one}");
    }
    assert_ne!(revision(""), revision("role-change: deny"));
    assert_ne!(revision(""), revision("indirect-reach: audit"));
}

#[test]
fn cases_are_checked_like_words() {
    assert_mistakes(
        "rules: { role-change: { humans: deny, machines: maybe }, requester: { people: deny } }\n",
        &[
            "3:25: rules.role-change.humans: unknown case; known are people, machines",
            "3:49: rules.role-change.machines: unknown word `maybe`; expected `deny`, `warn`, `audit` or `off`",
            "3:69: rules.requester: expected `deny`, `warn`, `audit` or `off`, found a map",
        ],
    );
    assert_mistakes(
        "rules: { role-change: {}, indirect-reach: { change-admision: deny } }\n",
        &[
            "3:23: rules.role-change: is empty; expected people, machines",
            "3:45: rules.indirect-reach.change-admision: unknown case; did you mean \"change-admission\"?",
        ],
    );
}

#[test]
fn booleans_are_not_words() {
    let body = "rules: { requester: off, workspace-scope: \"off\" }\n";
    assert_eq!(policy(body).actions.of(Rule::Requester), Action::Off);
    assert_warnings(body, &[]);

    let body = "rules: { requester: false }\n";
    assert_eq!(policy(body).actions.of(Rule::Requester), Action::Off);
    assert_warnings(
        body,
        &[
            "3:21: rules.requester: `false` is read as `off`: some tools rewrite the word; put it in quotes",
        ],
    );
    assert_mistakes(
        "rules: { requester: true, cumulative: }\nhelp: true\nmode: false\n",
        &[
            "3:21: rules.requester: expected `deny`, `warn`, `audit` or `off`, found a boolean",
            "3:37: rules.cumulative: expected `deny`, `warn`, `audit` or `off`, found nothing",
            "4:7: help: expected text, found a boolean; put it in quotes",
            "5:7: mode: expected `enforce`, `warn` or `audit`, found a boolean",
        ],
    );
}

#[test]
fn null_says_none_and_absence_says_nothing() {
    let project = |body: &str| policy(body).cluster.project;
    assert_eq!(project(""), Membership::Unknown);
    assert_eq!(project("cluster: {}\n"), Membership::Unknown);
    assert_eq!(project("cluster: { project: null }\n"), Membership::None);
    assert_eq!(
        project("cluster: { project: 'null' }\n"),
        Membership::Of("null".into())
    );
    assert_eq!(
        policy("cluster: { clusterGroup: ~ }\n")
            .cluster
            .cluster_group,
        Membership::None
    );
    assert_mistakes(
        "cluster: { project: '', uid: 123 }\n",
        &[
            "3:21: cluster.project: is empty",
            "3:30: cluster.uid: expected text, found a number; put it in quotes",
        ],
    );
    assert_warnings(
        "cluster: { project: null, workspaces: [harvest] }\n",
        &[
            "3:39: cluster.workspaces: a cluster without a project is in no workspace; none of these counts",
        ],
    );
}

#[test]
fn the_command_line_counts_more_than_the_file() {
    let over = ClusterOverride {
        project: Some(Membership::Of("vineyard".into())),
        cluster_group: Some(Membership::None),
        workspaces: Some(vec!["press".into()]),
        installation: Installation::default(),
    };
    let compiled = Policy::compile(EXAMPLE.as_bytes(), &over).unwrap().policy;
    let cluster = ClusterMembership {
        uid: Some("70a1b2c3d4e5f60718294001".into()),
        project: Membership::Of("vineyard".into()),
        cluster_group: Membership::None,
        workspaces: vec!["press".into()],
    };
    assert_eq!(compiled.cluster, cluster);
    assert_ne!(compiled.revision, compile(EXAMPLE).policy.revision);
    assert_eq!(
        Policy::embedded(&over),
        Policy::compile(file("").as_bytes(), &over).unwrap().policy
    );
}

#[test]
fn mapping_entries_are_replaced_added_and_removed() {
    let body = "
mapping:
  - { role: our-view, like: view, rule: standard-role-mapping }
  - { role: our-vms, requires: [[VM Launcher, Virtual Machine Admin]] }
  - { role: spectro-vm-viewer, requires: [[Project Viewer]] }
  - { role: cluster-view, remove: true }
  - { role: cluster-edit, remove: true }
";
    let policy = policy(body);
    let order: Vec<_> = roles(&policy).into_iter().map(|(role, _)| role).collect();
    assert_eq!(
        order,
        [
            "spectro-vm-admin",
            "spectro-vm-power-user",
            "spectro-vm-user",
            "spectro-vm-viewer",
            "our-vms",
            "cluster-admin",
            "admin",
            "edit",
            "view",
            "our-view",
        ]
    );
    for follower in ["spectro-vm-viewer", "view", "our-view"] {
        assert_eq!(
            requirement(&policy, follower),
            [["Project Viewer"]],
            "{follower}"
        );
    }
    let referred: Vec<_> = compile(&file(body)).references;
    let referred: Vec<_> = referred
        .iter()
        .map(|reference| {
            reference
                .unknown(["Virtual Machine Admins", "VM Launchers"])
                .to_string()
        })
        .collect();
    assert_eq!(
        referred,
        [
            "6:34: mapping[1].requires[0][0]: no Palette role `VM Launcher`; did you mean \"VM Launchers\"?",
            "6:47: mapping[1].requires[0][1]: no Palette role `Virtual Machine Admin`; did you mean \"Virtual Machine Admins\"?",
            "7:44: mapping[2].requires[0][0]: no Palette role `Project Viewer`, built in or among the directory's `roles`",
        ]
    );
}

#[test]
fn a_role_that_changes_its_rule_by_omission_is_warned_of() {
    let body = "mapping: [{ role: admin, requires: [[Project Admin]] }]\n";
    let admin = |entry: &&MappingEntry| &*entry.role == "admin";
    let class = policy(body).mapping.iter().find(admin).unwrap().class;
    assert_eq!(class, RoleClass::Vm);
    assert_warnings(
        body,
        &[
            "3:11: mapping[0]: `admin` is judged by vm-role-mapping from here on; add `rule: standard-role-mapping` to leave \
           that as it was",
        ],
    );
    assert_warnings(
        "mapping: [{ role: admin, requires: [[Project Admin]], rule: vm-role-mapping }]\n",
        &[],
    );
}

#[test]
fn mapping_mistakes() {
    assert_mistakes(
        "\
mapping:
  - { role: a, requires: [] }
  - { role: b, requires: [[]] }
  - { role: c, requires: [Cluster Viewer] }
  - { role: d }
  - { role: e, like: view, requires: [[X]] }
  - { role: 'spectro-*', requires: [[X]] }
  - { role: f/g, requires: [['']] }
  - { requires: [[X]] }
  - { role: h, remove: false }
  - { role: view, remove: true, rule: vm-role-mapping }
  - { role: i, requires: [[X]], rule: requester }
  - { role: j, requires: }
  - { role: view, like: edit, rule: standard-role-mapping, reviewedRules: [{ verbs: [get], apiGroups: [''], resources: [pods] }] }
  - { role: spectro-vm-user, requires: [[X]], reviewedRules: [{ verbs: [get], apiGroups: [''], resources: [pods] }] }
  - { role: k, requires: [[X]], reviewedRules: [] }
  - { role: l, requires: [[X]], reviewedRules: [{ verbs: [get], resources: [pods] }, { verbs: get }, { verb: [get] }] }
",
        &[
            "4:26: mapping[0].requires: is empty; nobody can say what an empty requirement means",
            "5:27: mapping[1].requires[0]: is empty; nobody can hold one of no roles",
            "6:27: mapping[2].requires[0]: expected a list, found text",
            "7:5: mapping[3]: needs one of `requires`, `like` and `remove`",
            "8:5: mapping[4]: has both `requires` and `like`",
            "9:13: mapping[5].role: `spectro-*` is a name, never a pattern",
            "10:13: mapping[6].role: `f/g` is no name of a ClusterRole",
            "10:30: mapping[6].requires[0][0]: is empty",
            "11:5: mapping[7]: `role` is missing",
            "12:24: mapping[8].remove: expected `true`; leave the field out otherwise",
            "13:39: mapping[9].rule: an entry that is removed has no rule",
            "14:39: mapping[10].rule: unknown word `requester`; expected `vm-role-mapping` or `standard-role-mapping`",
            "15:24: mapping[11].requires: expected a list, found nothing",
            "16:75: mapping[12].reviewedRules: `view` is compared with what is documented or published; only VM roles that \
             the policy adds have reviewed rules",
            "17:62: mapping[13].reviewedRules: `spectro-vm-user` is compared with what is documented or published; only VM \
             roles that the policy adds have reviewed rules",
            "18:48: mapping[14].reviewedRules: is empty; copy what the ClusterRole has in `rules`",
            "19:49: mapping[15].reviewedRules[0]: needs `verbs`, and either `apiGroups` and `resources` or \
             `nonResourceURLs`",
            "19:95: mapping[15].reviewedRules[1].verbs: expected a list, found text",
            "19:102: mapping[15].reviewedRules[2]: needs `verbs`, and either `apiGroups` and `resources` or \
             `nonResourceURLs`",
            "19:104: mapping[15].reviewedRules[2].verb: unknown field; did you mean \"verbs\"?",
        ],
    );
}

#[test]
fn mapping_references_must_lead_somewhere() {
    assert_mistakes(
        "\
mapping:
  - { role: a, like: b }
  - { role: b, like: a }
  - { role: c, like: spectro-vm-veiwer }
  - { role: d, like: d }
  - { role: veiw, remove: true }
  - { role: spectro-vm-user, remove: true }
  - { role: edit, like: spectro-vm-admin }
  - { role: edit, remove: true }
",
        &[
            "4:5: mapping[0]: `a` is like itself in the end",
            "5:5: mapping[1]: `b` is like itself in the end",
            "6:5: mapping[2]: no entry for `spectro-vm-veiwer`; did you mean \"spectro-vm-viewer\"?",
            "7:5: mapping[3]: `d` is like itself in the end",
            "8:5: mapping[4]: no entry for `veiw`; did you mean \"view\"?",
            "9:5: mapping[5]: `cluster-edit` is like `spectro-vm-user`; remove it as well, or give it a `requires`",
            "11:5: mapping[7]: `edit` stands twice, first in mapping[6]",
        ],
    );
    // The default's own stand-ins follow the entry that the file redirects.
    assert_mistakes(
        "mapping: [{ role: spectro-vm-user, like: edit }]\n",
        &["3:11: mapping[0]: `spectro-vm-user` is like itself in the end"],
    );
}

#[test]
fn exemption_mistakes() {
    assert_mistakes(
        "\
exemptions:
  - { name: a, namespaces: [vms] }
  - { reason: b, namespaces: [vms] }
  - { name: c, reason: c, subjects: [] }
  - { name: d, reason: d, subjects: , namespaces: [vms] }
  - { name: e, reason: e, namespaces: ['*', 'v*s', ''] }
  - { name: f, reason: f, namespaces: [vms], rules: [requestor], expires: 2027-06-30 }
  - { name: f, reason: twice, namespaces: [vms] }
  - { name: g, reason: g, rules: [requester] }
",
        &[
            "4:5: exemptions[0]: `reason` is missing",
            "5:5: exemptions[1]: `name` is missing",
            "6:37: exemptions[2].subjects: is empty; leave the field out to mean any",
            "7:35: exemptions[3].subjects: expected a list, found nothing",
            "8:40: exemptions[4].namespaces[0]: `*` alone would match every name; leave the field out to mean any",
            "8:45: exemptions[4].namespaces[1]: `*` may only end a name (`prefix*`)",
            "8:52: exemptions[4].namespaces[2]: is empty, and nothing has an empty name",
            "9:54: exemptions[5].rules[0]: unknown rule; did you mean \"requester\"?",
            "9:75: exemptions[5].expires: `2027-06-30` is no moment; write date, time and zone, for example \
             `2027-06-30T00:00:00Z`",
            "10:13: exemptions[6].name: `f` stands twice, first in exemptions[5]",
            "11:5: exemptions[7]: covers everybody everywhere; add at least one of `requesters`, `subjects` and \
             `namespaces`",
        ],
    );
}

#[test]
fn exempted_subjects_say_of_what_kind_they_are() {
    assert_mistakes(
        "\
exemptions:
  - name: a
    reason: a
    subjects:
      - { name: ines@orchard.test }
      - { kind: user, name: ines@orchard.test }
      - { kind: ServiceAccount, name: default }
      - { kind: Group, name: ops, namespace: vms }
      - { kind: User }
      - { kind: ServiceAccount, namespace: vms, name: '*' }
",
        &[
            "7:9: exemptions[0].subjects[0]: `kind` is missing",
            "8:17: exemptions[0].subjects[1].kind: unknown word `user`; did you mean \"User\"?",
            "9:9: exemptions[0].subjects[2]: `namespace` is missing",
            "10:46: exemptions[0].subjects[3].namespace: only a ServiceAccount has a namespace",
            "11:9: exemptions[0].subjects[4]: `name` is missing",
            "12:55: exemptions[0].subjects[5].name: `*` alone would match every name; leave it out to mean every service \
             account of the namespace",
        ],
    );
}

#[test]
fn names_are_plain_and_literal() {
    assert_mistakes(
        "\
clusterIdentities: ['*', 'a*b']
breakGlassGroups: ['ops*', '']
help: |
  one
  two
staleAfter: 24
onStaleDirectory: denny
",
        &[
            "3:21: clusterIdentities[0]: `*` alone would match every name",
            "3:26: clusterIdentities[1]: `*` may only end a name (`prefix*`)",
            "4:20: breakGlassGroups[0]: `ops*` is a name, never a pattern",
            "4:28: breakGlassGroups[1]: is empty",
            "6:3: help: holds '\\n'; expected one line of plain text",
            "8:13: staleAfter: a number without a unit; write for example `24h` or `90m`",
            "9:19: onStaleDirectory: unknown word `denny`; did you mean \"deny\"?",
        ],
    );
    assert_eq!(
        policy("clusterIdentities: { replace: [me] }\n")
            .cluster_identities
            .len(),
        1
    );
    assert_warnings(
        "identity: { usernamePrefix: '-' }\n",
        &[
            "3:29: identity.usernamePrefix: is a prefix like any other here; to say that there is none, leave the field out",
        ],
    );
}

#[test]
fn the_revision_is_of_the_meaning() {
    let revision = |body: &str| policy(body).revision;
    let one = revision("mode: warn\nstaleAfter: 24h\nmapping: [{ role: view, remove: true }]\n");
    let same = revision(
        "# why\nmapping:\n- remove: true\n  role: \"view\"\nstaleAfter: 1440m\nmode: 'warn'\n",
    );
    assert_eq!(one, same);
    assert_eq!(
        revision("rules: { requester: warn }\n"),
        Policy::default().revision
    );
    for other in [
        "mode: warn\n",
        "cluster: { project: null }\n",
        "mapping: [{ role: view, remove: true }]\n",
        "disclose: own\n",
        "help: x\n",
        "rules: { requester: off }\n",
    ] {
        assert_ne!(revision(other), Policy::default().revision, "{other}");
    }
}

#[test]
fn the_schema_has_the_fields_that_are_read() {
    let schema = Policy::schema();
    let properties = schema.get("properties").unwrap().as_object().unwrap();
    let mut read = draft::FIELDS.to_vec();
    read.sort_unstable();
    assert_eq!(properties.keys().collect::<Vec<_>>(), read);
    for text in [EXAMPLE, Policy::DEFAULT_FILE, &Policy::default().to_yaml()] {
        assert_eq!(violation(&schema, text), None, "{text}");
    }
    assert_eq!(
        violation(&schema, &file("rules: { requestor: deny }")).as_deref(),
        Some("$.rules has requestor")
    );
}

/// Bodies of policy files, of parts that do not meet.
fn bodies() -> impl Strategy<Value = String> {
    let one_of = |parts: &'static [&'static str]| proptest::sample::select(parts);
    let cluster = one_of(&[
        "",
        "cluster: { project: null }\n",
        "cluster: { uid: '123', project: 'on', clusterGroup: 'a: b', workspaces: ['# x', \"7\"] }\n",
    ]);
    let mapping = one_of(&[
        "",
        "mapping: [{ role: admin, requires: [[A, 'null'], ['~']] }, { role: z, like: admin }]\n",
        "mapping: [{ role: edit, remove: true }, { role: z, like: view, rule: standard-role-mapping }]\n",
    ]);
    let exemptions = one_of(&[
        "",
        "exemptions: [{ name: 'no', reason: '- x', namespaces: ['a*'], expires: 2027-06-30T02:00:00.5+02:00 }]\n",
        "exemptions: [{ name: b, reason: r, subjects: [{ kind: ServiceAccount, namespace: 'n*' }], rules: [requester] }]\n",
    ]);
    let words = one_of(&[
        "",
        "mode: audit\nonStaleDirectory: deny\ndisclose: none\nroleReads: live\nclusterIdentities: []\n",
        "rules: { role-change: { machines: audit }, indirect-reach: { bind: off, others: deny } }\n",
        "rules: { requester: off, cumulative: deny }\nidentity: { usernamePrefix: '@', groupsPrefix: ' ' }\n",
    ]);
    let stale = prop_oneof![
        Just(String::new()),
        (1_u64..10_000_000_000).prop_map(|ms| format!("staleAfter: {ms}ms\n"))
    ];
    (cluster, mapping, exemptions, words, stale)
        .prop_map(|(a, b, c, d, e)| format!("{a}{b}{c}{d}{e}"))
}

proptest! {
    /// What `policy print` shows means the same as what was read.
    #[test]
    fn print_compiles_to_the_same_policy(body in bodies(), help in any::<String>()) {
        let mut policy = policy(&body);
        if let Some(help) = policy_help(&help) {
            policy = self::policy(&format!("{body}help: {help}\n"));
        }
        let printed = policy.to_yaml();
        assert_eq!(compile(&printed).policy, policy, "{printed}");
    }
}

/// The text as a JSON string, if it is one that `help` accepts.
fn policy_help(text: &str) -> Option<String> {
    let accepted = !text.trim().is_empty() && !text.contains(char::is_control);
    accepted.then(|| serde_json::to_string(text).unwrap())
}
