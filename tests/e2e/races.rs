//! Two requests that are good each by itself and bad together, in flight at once through one replica; and a replica that
//! hears of nothing any more.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::binding::role_binding;
use crate::harness::review::creation;
use crate::harness::webhook::Webhook;
use crate::site::fixture;
use crate::watch::{apply, install_rights, kubeconfig, machines, role, serve_with, shared, until};

#[test]
fn a_role_widened_and_bound_at_once_is_never_let_through_whole() {
    let Some(cluster) = shared() else { return };
    let account = kubeconfig(cluster, "races", true);
    let webhook = serve_with(cluster, "races", &account, &fixture("orchard.yaml"));
    for pair in 0..30 {
        let name = format!("raced-{pair}");
        let written = role("vms", &name, &machines("delete"));
        let binding = role_binding("vms", &name, &name).of_namespaced_role();
        let binding = binding.user("nobody@orchard.test").to_json();
        let both = at_once(&webhook, [&written, &binding]);
        assert_ne!(both, [true, true], "pair {pair}");
        // What was let through counts for whoever comes a moment later, too.
        let again = role_binding("vms", &format!("{name}-2"), &name).of_namespaced_role();
        let again = again.user("nobody@orchard.test").to_json();
        assert!(!both[0] || !asked(&webhook, &again), "pair {pair}");
    }
}

#[test]
fn a_dry_run_and_what_is_refused_leave_nothing_for_others() {
    let Some(cluster) = shared() else { return };
    let account = kubeconfig(cluster, "dry-races", true);
    let webhook = serve_with(cluster, "dry-races", &account, &fixture("orchard.yaml"));
    let mut dry = review(&role("vms", "dry", &machines("delete")));
    dry["request"]["dryRun"] = json!(true);
    assert!(answer(&webhook, &dry));
    let binding = role_binding("vms", "dry", "dry").of_namespaced_role();
    assert!(asked(
        &webhook,
        &binding.user("nobody@orchard.test").to_json()
    ));
}

#[test]
fn what_cannot_be_read_is_refused_once_the_cluster_is_lost() {
    let Some(assets) = crate::site::assets() else {
        return;
    };
    let mut cluster =
        crate::harness::cluster::Cluster::start("lost", &assets, &crate::site::USERS).unwrap();
    install_rights(&cluster);
    cluster.kubectl.read("create namespace vms").unwrap();
    apply(&cluster, "harmless", &role("vms", "harmless", &json!([])));
    let account = kubeconfig(&cluster, "lost", true);
    let policy = fixture("orchard.yaml");
    let webhook = crate::watch::serve_with_more(
        &cluster,
        "lost",
        &account,
        &policy,
        &["--cluster-lost-after", "1s"],
    );
    let binding = role_binding("vms", "harmless", "harmless").of_namespaced_role();
    let binding = binding.user("nobody@orchard.test").to_json();
    assert!(asked(&webhook, &binding));
    cluster.stop_api_server();
    until("what it last knew counts for nothing", || {
        !asked(&webhook, &binding)
    });
    let answer = webhook.client().unwrap().post(&review(&binding)).unwrap();
    assert!(
        answer
            .body
            .contains("could not be read from the API server"),
        "{}",
        answer.body
    );
}

fn at_once(webhook: &Webhook, documents: [&Value; 2]) -> [bool; 2] {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        documents
            .map(|document| {
                scope.spawn(|| {
                    let review = review(document);
                    start.wait();
                    answer(webhook, &review)
                })
            })
            .map(|asked| asked.join().unwrap())
    })
}

fn asked(webhook: &Webhook, document: &Value) -> bool {
    answer(webhook, &review(document))
}

/// By somebody who is asked about, and not as a dry run.
fn review(document: &Value) -> Value {
    let mut review = creation(document, "race");
    review["request"]["dryRun"] = json!(false);
    review
}

fn answer(webhook: &Webhook, review: &Value) -> bool {
    let answer = webhook.client().unwrap().post(review).unwrap();
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    answer["response"]["allowed"].as_bool().unwrap()
}
