//! What roles cost that are written to cost, beside an ordinary one.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use palette_rbac::decide::Context;
use palette_rbac::facts::{Cluster, Event, Facts, Kind, StoredObject, View};
use palette_rbac::review::{Reply, review};
use palette_rbac::rulebook::Rulebook;
use serde_json::Value;

use crate::shapes::{Shape, shapes};
use crate::{views, world};

pub(crate) fn measure() -> Result<()> {
    let rulebook = world::rulebook(100)?;
    let view = view()?;
    let shapes = shapes();
    let mut ordinary = None;
    for shape in &shapes {
        let cost = Cost::of(shape, &rulebook, &view)?;
        let beside = *ordinary.get_or_insert(cost);
        cost.report(shape, beside);
    }
    views::measure(&rulebook)
}

/// Of one shape.
#[derive(Clone, Copy)]
struct Cost {
    bytes: usize,
    /// Milliseconds of a review of a role that is bound.
    review: f64,
    /// Milliseconds to judge a binding to it, the role being known since a moment ago.
    binding: f64,
    /// Bytes held for it in the view.
    held: u64,
    /// Bytes taken while it is reviewed, at the most.
    taken: u64,
}

impl Cost {
    fn of(shape: &Shape, rulebook: &Rulebook, view: &View) -> Result<Self> {
        let role = role(&shape.rules);
        let body = role_review(&role);
        let read = || serde_json::from_str::<StoredObject>(&role).expect("a role");
        let mut kept = None;
        let held = allocation_counter::measure(|| kept = Some(read()));
        let known = view.after(Event::Upsert(kept.expect("a role")));
        let asked = binding_review();
        let one = |body: &[u8], view: &View| {
            let begin = Instant::now();
            let context = Context::new(rulebook, Cluster::seen(view), Timestamp::UNIX_EPOCH);
            let reply = review(black_box(body), context);
            let took = begin.elapsed().as_secs_f64() * 1e3;
            (took, reply)
        };
        let (_, reply) = one(&body, view);
        ensure!(matches!(reply, Reply::Review { .. }), "{reply:?}");
        let taken = allocation_counter::measure(|| drop(one(&body, view)));
        let median = |mut take: Box<dyn FnMut() -> f64 + '_>| {
            let mut times: Vec<f64> = (0..TIMES).map(|_| take()).collect();
            times.sort_by(f64::total_cmp);
            times[TIMES / 2]
        };
        let review = median(Box::new(|| one(&body, view).0));
        let binding = median(Box::new(|| {
            let fresh = view.after(Event::Upsert(read()));
            one(&asked, &fresh).0
        }));
        drop(known);
        Ok(Self {
            bytes: role.len(),
            review,
            binding,
            held: held.bytes_current.unsigned_abs(),
            taken: taken.bytes_max,
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio is printed with one digit"
    )]
    fn report(self, shape: &Shape, ordinary: Self) {
        let times = |of: u64| of as f64 / self.bytes as f64;
        println!(
            "  {}: {} bytes; review {:.2} ms ({:.0} x), binding {:.2} ms ({:.0} x); held {:.1} x its bytes, taken {:.1} x",
            shape.name,
            self.bytes,
            self.review,
            self.review / ordinary.review,
            self.binding,
            self.binding / ordinary.binding,
            times(self.held),
            times(self.taken),
        );
    }
}

const TIMES: usize = 5;
const NAME: &str = "made-up";

/// What the role would be bound with, and is bound with already.
fn view() -> Result<Arc<View>> {
    let mut facts = Facts::new();
    let roles: Vec<StoredObject> = serde_saphyr::from_multiple(ROLES)?;
    facts.apply(Event::Reset(Kind::ClusterRole, roles));
    facts.apply(Event::Reset(Kind::Role, Vec::new()));
    let bindings = vec![serde_json::from_value(binding("bound"))?];
    facts.apply(Event::Reset(Kind::RoleBinding, bindings));
    facts.apply(Event::Reset(Kind::ClusterRoleBinding, Vec::new()));
    let ordinary = role(&shapes()[0].rules);
    facts.apply(Event::Upsert(serde_json::from_str(&ordinary)?));
    Ok(facts.view())
}

/// The four VM roles.
const ROLES: &str = include_str!("../examples/roles.yaml");

fn role(rules: &str) -> String {
    format!(
        r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{{"name":"{NAME}"}},"rules":{rules}}}"#
    )
}

fn binding(name: &str) -> Value {
    let mut binding = world::binding(name, "vms", ["user-000001@orchard.test"; 2]);
    binding["roleRef"]["name"] = NAME.into();
    binding
}

/// The review of its update, by somebody who is asked about.
fn role_review(role: &str) -> Vec<u8> {
    review_of("clusterroles", "ClusterRole", role, "UPDATE")
}

fn binding_review() -> Vec<u8> {
    review_of(
        "rolebindings",
        "RoleBinding",
        &binding("new").to_string(),
        "CREATE",
    )
}

pub(crate) fn review_of(resource: &str, kind: &str, object: &str, operation: &str) -> Vec<u8> {
    let namespace = if kind == "RoleBinding" {
        r#""namespace":"vms","#
    } else {
        ""
    };
    let old = if operation == "UPDATE" {
        format!(r#","oldObject":{}"#, role("[]"))
    } else {
        String::new()
    };
    let requester = world::user(0);
    format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"u","kind":{{"group":"rbac.authorization.k8s.io","version":"v1","kind":"{kind}"}},"resource":{{"group":"rbac.authorization.k8s.io","version":"v1","resource":"{resource}"}},{namespace}"name":"x","operation":"{operation}","userInfo":{{"username":"{requester}","groups":["system:authenticated"]}},"object":{object}{old},"dryRun":false}}}}"#
    )
    .into_bytes()
}
