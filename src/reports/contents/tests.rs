use serde_json::json;
use strum::IntoEnumIterator;

use super::*;
use crate::audit::scan;
use crate::decide::Context;
use crate::directory::Directory;
use crate::facts::{Cluster, Event, Facts, Kind, StoredObject, View};
use crate::policy::{ClusterOverride, Policy};

const DIRECTORY: &str = "
apiVersion: palette-rbac.io/v1alpha1
kind: Directory
users:
  - name: ines@orchard.test
    assignments: [{ role: Cluster Viewer, project: orchard-prod }]
";

fn rulebook(policy: &str) -> Rulebook {
    let policy = format!(
        "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\ncluster: {{ project: orchard-prod, clusterGroup: null }}\n{policy}"
    );
    let policy = Policy::compile(policy.as_bytes(), &ClusterOverride::default()).unwrap();
    let directory = Directory::compile(DIRECTORY.as_bytes(), DIRECTORY.len()).unwrap();
    Rulebook::pair(Arc::new(policy.policy), Arc::new(directory.directory)).0
}

fn view(bindings: &[(Option<&str>, &str, &str, &[&str])]) -> Arc<View> {
    let mut facts = Facts::new();
    for kind in Kind::iter() {
        facts.apply(Event::Reset(kind, Vec::new()));
    }
    for (namespace, name, role, users) in bindings {
        facts.apply(Event::Upsert(binding(*namespace, name, role, users)));
    }
    facts.view()
}

fn binding(namespace: Option<&str>, name: &str, role: &str, users: &[&str]) -> StoredObject {
    let subject = |name: &&str| json!({"kind": "User", "name": name});
    let subjects: Vec<_> = users.iter().map(subject).collect();
    let kind = if namespace.is_some() {
        "RoleBinding"
    } else {
        "ClusterRoleBinding"
    };
    let document = json!({
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": subjects,
    });
    serde_json::from_value(document).unwrap()
}

fn reports(policy: &str, view: &View) -> BTreeMap<Option<Arc<str>>, Contents> {
    let (rulebook, now) = (rulebook(policy), Timestamp::UNIX_EPOCH);
    let context = Context::new(&rulebook, Cluster::seen(view), now);
    contents(&scan(context), &rulebook, now)
}

#[test]
fn a_finding_is_told_where_its_binding_is() {
    let bad: &[&str] = &["ines@orchard.test"];
    let view = view(&[
        (None, "wide", "spectro-vm-user", bad),
        (Some("vms"), "dev", "spectro-vm-user", bad),
        (Some("calm"), "none", "spectro-vm-user", &[]),
    ]);
    let off = "rules: { dangling-role: off }";
    let reports = reports(off, &view);
    let names: Vec<_> = reports.keys().map(Option::as_deref).collect();
    assert_eq!(names, [None, Some("vms")]);
    let expected = json!({
        "summary": {"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0},
        "results": [{
            "source": "palette-rbac",
            "policy": "palette-rbac",
            "rule": "vm-role-mapping",
            "category": "RBAC",
            "result": "fail",
            "severity": "high",
            "scored": true,
            "timestamp": {"seconds": 0, "nanos": 0},
            "resources": [{
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "namespace": "vms",
                "name": "dev",
            }],
            "message": "User ines@orchard.test; lacks Virtual Machine User; holds Cluster Viewer (project orchard-prod); \
                may be given no VM role here yet; ask for the missing roles in Palette",
            "properties": {
                "action": "deny",
                "field": "subjects[0]",
                "lacks": "Virtual Machine User",
                "role": "ClusterRole spectro-vm-user",
                "subject": "User ines@orchard.test",
            },
        }],
    });
    let of_namespace = &reports[&Some(Arc::from("vms"))];
    assert_eq!(serde_json::to_value(of_namespace).unwrap(), expected);
}

#[test]
fn what_a_subject_holds_is_told_only_where_everybody_may_know_it() {
    let view = view(&[
        (
            Some("vms"),
            "dev",
            "spectro-vm-user",
            &["ines@orchard.test", "Ines@orchard.test"],
        ),
        (Some("vms"), "ops", "edit", &["ines@orchard.test"]),
    ]);
    for disclose in ["own", "none"] {
        let reports = reports(&format!("disclose: {disclose}"), &view);
        let text = serde_json::to_string(&reports[&Some(Arc::from("vms"))]).unwrap();
        let needs = "needs Cluster Viewer; Virtual Machine User";
        assert_eq!(text.matches(needs).count(), 3, "{text}");
        assert!(!text.contains("holds"), "{text}");
        assert!(!text.contains("written"), "{text}");
        assert!(!text.contains(r#""lacks":"Virtual"#), "{text}");
    }
}

#[test]
fn each_effect_has_its_outcome_and_the_gravest_come_first() {
    let view = view(&[(
        Some("vms"),
        "dev",
        "spectro-vm-user",
        &["ines@orchard.test", "exempted@orchard.test"],
    )]);
    let policy = "
exemptions:
  - { name: known, reason: for now, subjects: [{ kind: User, name: exempted@orchard.test }] }
";
    let reports = reports(policy, &view);
    let report = &reports[&Some(Arc::from("vms"))];
    let told = |entry: &ResultEntry| (entry.result, entry.severity, entry.scored);
    let told: Vec<_> = report.results.iter().map(told).collect();
    assert_eq!(
        told,
        [
            (PolicyResult::Fail, Some(Severity::High), true),
            (PolicyResult::Skip, None, false),
        ]
    );
    assert_eq!(report.results[1].properties["exemption"], "known");
}

#[test]
fn a_report_has_room_for_so_much_and_says_how_much_it_leaves_out() {
    let long = "é".repeat(300);
    let users: Vec<String> = (0..2_000)
        .map(|index| format!("{index}-{long}@orchard.test"))
        .collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let view = view(&[(Some("vms"), "dev", "spectro-vm-user", &users)]);
    let reports = reports("", &view);
    let report = &reports[&Some(Arc::from("vms"))];
    assert_eq!(report.summary.fail, 2_000);
    assert_eq!(report.results.len(), MOST_RESULTS);
    assert_eq!(report.left_out(), 2_000 - MOST_RESULTS);
    let text = serde_json::to_string(report).unwrap();
    assert!(text.len() < MOST_BYTES, "{}", text.len());

    let mut large = report.results[0].clone();
    large.message = "x".repeat(MOST_BYTES / 3);
    let ranked = |entry: &ResultEntry, of_its_binding| Ranked {
        effect: Effect::Deny,
        of_its_binding,
        entry: entry.clone(),
    };
    let mut few: Vec<Ranked> = (0..4).map(|it| ranked(&large, it)).collect();
    // What comes after those that have no room still does.
    few.push(ranked(&report.results[0], 9));
    let few = Contents::of(few);
    assert_eq!((few.results.len(), few.left_out()), (3, 2));
}

#[test]
fn long_names_and_long_bindings_leave_room_for_others() {
    let (name, users) = ("n".repeat(200_000), vec!["ines@orchard.test"; 1]);
    let many: Vec<String> = (0..2_000).map(|it| format!("u{it}@orchard.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let view = view(&[
        (Some("vms"), &name, "spectro-vm-admin", &users),
        (Some("vms"), "many", "spectro-vm-admin", &many),
        (Some("vms"), "zz", "spectro-vm-admin", &users),
    ]);
    let reports = reports("", &view);
    let report = &reports[&Some(Arc::from("vms"))];
    let has = |name: &str| report.results.iter().any(|it| it.resources[0].name == name);
    assert!(has("zz") && has("many") && has(&message::name(&name)));
    assert!(serde_json::to_string(report).unwrap().len() < MOST_BYTES);
}

#[test]
fn what_was_found_before_is_as_old_as_it_was() {
    let view = view(&[(Some("vms"), "a", "spectro-vm-user", &["ines@orchard.test"])]);
    let before = reports("", &view)[&Some(Arc::from("vms"))].clone();
    let mut after = before.clone();
    let later = Time {
        seconds: 9,
        nanos: 0,
    };
    after.results[0].timestamp = Some(later);
    let mut new = after.results[0].clone();
    new.rule = "another".to_owned();
    after.results.push(new);
    assert_ne!(after.clone().timeless(), before.clone().timeless());
    let times = after.since(before.clone()).results;
    let times: Vec<_> = times.iter().map(|entry| entry.timestamp).collect();
    assert_eq!(times, [before.results[0].timestamp, Some(later)]);
}
