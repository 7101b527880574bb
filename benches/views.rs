//! What a view costs whose roles and bindings are written to cost, beside an ordinary one.

use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use palette_rbac::decide::Context;
use palette_rbac::domain::Scope;
use palette_rbac::facts::{Cluster, Event, Facts, Kind, StoredObject, View, ViewLimits};
use palette_rbac::review::{Reply, review};
use palette_rbac::rulebook::Rulebook;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use crate::hostile::review_of;
use crate::world;

pub(crate) fn measure(rulebook: &Rulebook) -> Result<()> {
    for (name, objects) in shapes() {
        let cost = Cost::of(&objects, rulebook)?;
        println!(
            "  {name}: {} objects of {} bytes; list {:.0} ms, change {:.2} ms, review {:.2} ms, of a role {:.2} ms; held {:.1} MiB, {} left out",
            objects.len(),
            cost.bytes,
            cost.list,
            cost.change,
            cost.review,
            cost.of_role,
            cost.held,
            cost.left_out,
        );
    }
    Ok(())
}

/// Times in milliseconds, memory in MiB.
struct Cost {
    bytes: usize,
    /// To take all of it in, and know what each allows.
    list: f64,
    /// To take in a `ClusterRole` that changes.
    change: f64,
    /// The next review of a binding to it.
    review: f64,
    /// A review of the role.
    of_role: f64,
    held: f64,
    left_out: usize,
}

impl Cost {
    #[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
    fn of(objects: &[Value], rulebook: &Rulebook) -> Result<Self> {
        let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
        let mut view = None;
        let begin = Instant::now();
        let held = allocation_counter::measure(|| view = Some(listed(&texts)));
        let list = milliseconds(begin);
        let (mut facts, mut view) = view.ok_or_else(|| anyhow::anyhow!("no view"))?;
        let asked = review_of(
            "rolebindings",
            "RoleBinding",
            &binding("asked").to_string(),
            "CREATE",
        );
        let (mut changes, mut reviews, mut of_roles) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..TIMES {
            let role = ordinary(number).to_string();
            let begin = Instant::now();
            facts.apply(Event::Upsert(serde_json::from_str(&role)?));
            view = facts.view();
            changes.push(milliseconds(begin));
            reviews.push(judge(&asked, rulebook, &view)?);
            let written = review_of("clusterroles", "ClusterRole", &role, "UPDATE");
            of_roles.push(judge(&written, rulebook, &view)?);
        }
        Ok(Self {
            bytes: texts.iter().map(String::len).sum(),
            list,
            change: median(changes),
            review: median(reviews),
            of_role: median(of_roles),
            held: held.bytes_current as f64 / f64::from(1 << 20),
            left_out: view.left_out().map(|(_, _, count)| count).sum(),
        })
    }
}

fn listed(texts: &[String]) -> (Facts, std::sync::Arc<View>) {
    let mut facts = Facts::within(ViewLimits::REPLICA);
    for kind in Kind::iter() {
        facts.apply(Event::Reset(kind, Vec::new()));
    }
    for text in texts {
        let object: StoredObject = serde_json::from_str(text).expect("a role or a binding");
        facts.apply(Event::Upsert(object));
    }
    let view = facts.view();
    for role in view.roles() {
        let _ = role.level(&Scope::Cluster);
    }
    (facts, view)
}

fn judge(body: &[u8], rulebook: &Rulebook, view: &View) -> Result<f64> {
    let begin = Instant::now();
    let reply = review(
        body,
        Context::new(rulebook, Cluster::seen(view), Timestamp::UNIX_EPOCH),
    );
    let took = milliseconds(begin);
    ensure!(matches!(reply, Reply::Review { .. }), "{reply:?}");
    Ok(took)
}

fn milliseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The same as `tests/e2e/memory.rs` writes into a real cluster, and an ordinary cluster.
fn shapes() -> Vec<(&'static str, Vec<Value>)> {
    let of_names = |number| {
        let names: Vec<String> = (0..3_400).map(|name| format!("n{name:04}")).collect();
        let resources: Vec<String> = (0..19).map(|resource| format!("r{resource}")).collect();
        json!({
            "kind": "Role",
            "metadata": {"name": format!("many-{number}"), "namespace": "vms"},
            "rules": [{"apiGroups": ["a"], "resources": resources, "resourceNames": names, "verbs": ["get"]}],
        })
    };
    let aggregate = |number| {
        json!({
            "kind": "ClusterRole",
            "metadata": {"name": format!("all-{number}"), "labels": {"a": "b"}},
            "aggregationRule": {"clusterRoleSelectors": [{}]},
            "rules": [],
        })
    };
    let of_many = |number| {
        let subjects: Vec<Value> = (0..16_000)
            .map(|subject| json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": format!("u{number}-{subject}")}))
            .collect();
        let mut binding = binding(&format!("many-{number}"));
        binding["subjects"] = subjects.into();
        binding
    };
    vec![
        (
            "106 ordinary ClusterRoles",
            (0..106).map(ordinary).collect(),
        ),
        (
            "106 Roles of 19 resources with 3,400 names",
            (0..106).map(of_names).collect(),
        ),
        (
            "600 ClusterRoles that select all others",
            (0..600).map(aggregate).collect(),
        ),
        (
            "26 RoleBindings of 16,000 subjects",
            (0..26).map(of_many).collect(),
        ),
    ]
}

fn ordinary(number: usize) -> Value {
    json!({
        "kind": "ClusterRole",
        "metadata": {"name": format!("ordinary-{number}"), "labels": {"c": "d"}},
        "rules": [
            {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["pods", "services", format!("things-{number}")], "verbs": ["get", "create"]},
        ],
    })
}

fn binding(name: &str) -> Value {
    let mut binding = world::binding(name, "vms", ["user-000001@orchard.test"; 2]);
    binding["roleRef"]["name"] = "ordinary-0".into();
    binding
}

const TIMES: usize = 9;
