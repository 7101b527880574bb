use super::*;
use crate::admission::{ObjectKind, OperationLabel};
use crate::domain::{Effect, Rule, Verdict};
use crate::review::{DecisionLabel, FindingLabels};

fn outcome() -> Outcome {
    Outcome {
        uid: "u".to_owned(),
        kind: ObjectKind::ClusterRoleBinding,
        operation: OperationLabel::Update,
        dry_run: true,
        decision: DecisionLabel::Judged(Verdict::Denied),
        namespace: None,
        name: "b".to_owned(),
        subjects: 1,
        findings: vec![FindingLabels {
            rule: Rule::SystemGroup,
            effect: Effect::Deny,
            role: Some(0),
        }],
        break_glass: false,
        unjudged: Vec::new(),
    }
}

fn snapshot(revision: &str) -> Snapshot {
    Snapshot {
        policy_revision: revision.to_owned(),
        directory_is_stale: true,
        directory_last_success: 1.5,
        directory_users: 7,
        directory_teams: 0,
        contradictions: Vec::new(),
        certificate_not_after: 2.5,
        cluster: ClusterSnapshot::of(None, ClusterState::Lost, 3.5),
        audit: AuditSnapshot::default(),
        log_lines_dropped: 3,
    }
}

/// Every series that has moved, without the histogram and the process.
fn moved(metrics: &Metrics, revision: &str) -> Vec<String> {
    let text = metrics.render(&snapshot(revision)).unwrap();
    let ours = text
        .lines()
        .filter_map(|line| line.strip_prefix("palette_rbac_"));
    let moved = ours.filter(|line| !line.ends_with(" 0") && !line.contains("duration"));
    let moved = moved.filter(|line| !line.starts_with("build_info"));
    let moved = moved.filter(|line| !line.starts_with("reference_roles"));
    let moved = moved.filter(|line| !line.starts_with("last_reload_successful"));
    moved.map(str::to_owned).collect()
}

#[test]
fn a_review_moves_one_series_of_each_metric() {
    let metrics = Metrics::new().unwrap();
    let counters = metrics.finding_counters(&Policy::default());
    metrics.observe(&outcome(), &counters, Duration::from_millis(1));
    let role = &Policy::default().mapping[0].role;
    let expected = [
        r#"admission_reviews_total{decision="denied",dry_run="true",kind="ClusterRoleBinding",operation="UPDATE"} 1"#,
        r"cluster_last_contact_timestamp_seconds 3.5",
        r#"cluster_state{state="lost"} 1"#,
        r"directory_last_success_timestamp_seconds 1.5",
        r"directory_stale 1",
        r#"directory_subjects{kind="user"} 7"#,
        &format!(r#"findings_total{{action="deny",role="{role}",rule="system-group"}} 1"#),
        r"log_lines_dropped_total 3",
        r#"policy_info{revision="one"} 1"#,
        r"tls_certificate_not_after_timestamp_seconds 2.5",
    ];
    assert_eq!(moved(&metrics, "one"), expected);
}

#[test]
fn a_canceled_review_keeps_what_was_known_of_it() {
    let metrics = Metrics::new().unwrap();
    metrics.canceled(Some(&outcome()));
    metrics.canceled(None);
    let canceled = |line: &String| line.starts_with("admission_reviews_total");
    let expected = [
        r#"admission_reviews_total{decision="canceled",dry_run="false",kind="other",operation="other"} 1"#,
        r#"admission_reviews_total{decision="canceled",dry_run="true",kind="ClusterRoleBinding",operation="UPDATE"} 1"#,
    ];
    let mut lines = moved(&metrics, "one");
    lines.retain(canceled);
    assert_eq!(lines, expected);
}

#[test]
fn a_change_that_is_kept_out_shows_until_one_is_taken() {
    let metrics = Metrics::new().unwrap();
    let is_taken = |what: &str| {
        let text = metrics.render(&snapshot("one")).unwrap();
        text.contains(&format!(r#"last_reload_successful{{what="{what}"}} 1"#))
    };
    assert!(is_taken("policy"));
    for kept_out in [ReloadResult::Rejected, ReloadResult::Unreadable] {
        metrics.reloaded(Reloaded::Policy, kept_out);
        assert!(!is_taken("policy") && is_taken("client_ca"));
    }
    metrics.reloaded(Reloaded::Policy, ReloadResult::Applied);
    assert!(is_taken("policy"));
}

#[test]
fn series_go_on_over_a_change_of_the_policy_and_one_revision_is_live() {
    let metrics = Metrics::new().unwrap();
    for revision in ["one", "two"] {
        let counters = metrics.finding_counters(&Policy::default());
        metrics.observe(&outcome(), &counters, Duration::ZERO);
        let lines = moved(&metrics, revision);
        let info = lines.iter().filter(|line| line.starts_with("policy_info"));
        assert_eq!(info.count(), 1, "{lines:?}");
    }
    let lines = moved(&metrics, "two");
    let findings = lines.iter().find(|line| line.starts_with("findings_total"));
    assert!(findings.unwrap().ends_with(" 2"), "{lines:?}");
}
