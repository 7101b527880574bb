//! A real Prometheus scrapes a running webhook, answers queries about it, and raises the alerts of `monitoring/`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so and ends"
)]

use std::fs;
use std::path::Path;
use std::process::Output;

use palette_rbac::metrics::SyncMetrics;
use regex::Regex;
use serde_json::{Value, json};

use e2e::harness::http::get;
use e2e::harness::process::scratch;
use e2e::harness::review::creation;
use e2e::harness::webhook::Webhook;
use prometheus::{Prometheus, Tools};

#[expect(dead_code, reason = "the end-to-end tests use more of it")]
#[path = "../e2e"]
mod e2e {
    pub(crate) mod harness;
}
mod prometheus;

#[test]
fn a_real_prometheus_counts_denied_reviews_by_rule_and_raises_alerts() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let webhook = serve("scraped");
    let prometheus = Prometheus::start(&tools, webhook.admin).unwrap();
    // Counters begin at 0, and `increase` needs to have seen that.
    prometheus.wait_for(
        r#"palette_rbac_exemptions_total{kind="break_glass"}"#,
        |found| found.len() == 1,
    );
    let client = webhook.client().unwrap();
    let outsider = json!({"kind": "User", "name": "leo@orchard.test"});
    let token = json!({"kind": "ServiceAccount", "namespace": "vms", "name": "default"});
    for subjects in [json!([outsider]), json!([outsider, token])] {
        client.post(&review(&subjects, &[])).unwrap();
    }
    client
        .post(&review(&json!([outsider]), &["rescuers"]))
        .unwrap();

    let denied = r#"sum by (rule) (palette_rbac_findings_total{action="deny"}) > 0"#;
    prometheus.wait_for(denied, |found| {
        found == [("service-account", 1.0), ("vm-role-mapping", 2.0)].map(by_rule)
    });
    let reviews =
        r#"sum by (decision) (palette_rbac_admission_reviews_total{kind="RoleBinding"}) > 0"#;
    prometheus.wait_for(reviews, |found| found.len() == 2);
    let alert = r#"ALERTS{alertname="PaletteRbacBreakGlassUsed", alertstate="firing"}"#;
    prometheus.wait_for(alert, |found| found.len() == 1);
    prometheus.wait_for(r#"ALERTS{alertname="PaletteRbacDown"}"#, |found| {
        found.is_empty()
    });
}

#[test]
fn promtool_finds_nothing_in_the_metrics() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let webhook = serve("checked");
    webhook
        .client()
        .unwrap()
        .post(&review(&json!([]), &[]))
        .unwrap();
    let metrics = get(webhook.admin, "/metrics").unwrap().body;
    assert!(metrics.contains("palette_rbac_admission_duration_seconds_bucket"));
    let check = tools.promtool_reading(&["check", "metrics"], &metrics);
    assert_eq!(said(&check), "");
    assert!(check.status.success());
}

#[test]
fn each_alert_fires_and_is_silent_as_its_cases_say() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let check = tools.promtool(&["test", "rules", "monitoring/alerts.test.yaml"]);
    assert!(check.status.success(), "{}", said(&check));
    let rules: Value = read("monitoring/alerts.yaml");
    let cases: Value = read("monitoring/alerts.test.yaml");
    let tested = |alert: &Value, fires: bool| {
        let tests = cases["tests"].as_array().unwrap().iter();
        let mut tests = tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap());
        tests.any(|case| {
            case["alertname"] == *alert
                && case["exp_alerts"].as_array().unwrap().is_empty() != fires
        })
    };
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let alert = &rule["alert"];
        assert!(tested(alert, true), "{alert}: no case in which it fires");
        assert!(
            tested(alert, false),
            "{alert}: no case in which it is silent"
        );
    }
}

#[test]
fn alerts_name_only_series_that_exist() {
    let webhook = serve("named");
    let metrics = get(webhook.admin, "/metrics").unwrap().body;
    let metrics = metrics + &SyncMetrics::new().unwrap().render().unwrap();
    let series = Regex::new(r"(palette_rbac_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let label = Regex::new(r#"([a-z_]+)=~?"([^"]*)""#).unwrap();
    let rules = fs::read_to_string("monitoring/alerts.yaml").unwrap();
    let expressions = rules.lines().filter(|line| !line.contains("summary:"));
    let mut named = 0;
    for found in series.captures_iter(&expressions.collect::<Vec<_>>().join("\n")) {
        let labels = found.get(2).map_or("", |labels| labels.as_str());
        let labels = label
            .captures_iter(labels)
            .map(|label| (label[1].to_owned(), label[2].to_owned()));
        let labels: Vec<_> = labels.filter(|(name, _)| name != "job").collect();
        named += 1;
        assert!(has(&metrics, &found[1], &labels), "{}", &found[0]);
    }
    assert!(named > 10, "only {named}");
}

/// Whether each value of each label is there, alone: `a|b` stands for two.
fn has(metrics: &str, name: &str, labels: &[(String, String)]) -> bool {
    let of_name = |line: &&str| line.split(['{', ' ']).next() == Some(name);
    labels.iter().all(|(label, values)| {
        values.split('|').all(|value| {
            let label = format!(r#"{label}="{value}""#);
            metrics
                .lines()
                .filter(of_name)
                .any(|line| line.contains(&label))
        })
    }) && metrics.lines().any(|line| of_name(&line))
}

fn serve(name: &str) -> Webhook {
    let folder = scratch(name).unwrap();
    let policy = folder.join("policy.yaml");
    fs::write(&policy, POLICY).unwrap();
    let policy = policy.display().to_string();
    let arguments = [
        "--policy",
        &policy,
        "--directory",
        "examples/directory.yaml",
    ];
    let program = Path::new(env!("CARGO_BIN_EXE_palette-rbac"));
    Webhook::start(program, &folder, &arguments).unwrap()
}

/// Asks for the role of virtual machine users.
fn review(subjects: &Value, groups: &[&str]) -> Value {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "vm-users", "namespace": "vms"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "spectro-vm-user"},
        "subjects": subjects,
    });
    let mut review = creation(&binding, "f0e1d2c3");
    review["request"]["dryRun"] = json!(false);
    if !groups.is_empty() {
        review["request"]["userInfo"] =
            json!({"username": "rescue@orchard.test", "groups": groups});
    }
    review
}

fn by_rule((rule, count): (&str, f64)) -> (Value, f64) {
    (json!({"rule": rule}), count)
}

fn read(path: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(text).unwrap()
}

const POLICY: &str = "\
apiVersion: palette-rbac.io/v1alpha1
kind: Policy
cluster: { project: orchard-prod, clusterGroup: null }
breakGlassGroups: [rescuers]
";
