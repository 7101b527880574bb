//! `review()` on any bytes: it ends, answers with the uid that it was asked with or not at all, and takes no more memory
//! and no more steps than its size allows.

#![no_main]

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use palette_rbac::decide::Context;
use palette_rbac::facts::{Cluster, Event, Facts, Kind, StoredObject, View};
use palette_rbac::policy::{ClusterOverride, Policy};
use palette_rbac::review::{Reply, review};
use palette_rbac::rulebook::Rulebook;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    // What is made once is no cost of the first review.
    let (rulebook, view) = (&*RULING, &*VIEW);
    let mut reply = None;
    let steps = palette_rbac::rbac::steps_counted();
    let taken = allocation_counter::measure(|| {
        let context = Context::new(rulebook, Cluster::seen(view), Timestamp::UNIX_EPOCH);
        reply = Some(review(body, context));
    });
    let steps = palette_rbac::rbac::steps_counted() - steps;
    let size = u64::try_from(body.len()).unwrap();
    assert!(
        taken.bytes_max <= BYTES * size + BESIDE,
        "{} bytes at once for {size}",
        taken.bytes_max
    );
    assert!(
        taken.bytes_total <= BYTES_IN_ALL * size + BESIDE,
        "{} bytes in all for {size}",
        taken.bytes_total
    );
    assert!(
        steps <= STEPS * body.len() + STEPS_BESIDE,
        "{steps} steps for {size}"
    );
    if let Some(Reply::Review { body: answer, .. }) = reply {
        let answer: Value = serde_json::from_slice(&answer).expect("the answer is JSON");
        let uid = answer.pointer("/response/uid").and_then(Value::as_str);
        assert!(uid.is_some_and(|uid| !uid.is_empty()), "{answer}");
    }
});

static RULING: LazyLock<Rulebook> = LazyLock::new(|| {
    let policy = Policy::embedded(&ClusterOverride::default());
    Rulebook::pair(Arc::new(policy), Arc::default()).0
});

/// The VM roles, known from the start to all kinds of objects.
static VIEW: LazyLock<Arc<View>> = LazyLock::new(|| {
    let roles: Vec<StoredObject> =
        serde_saphyr::from_multiple(include_str!("../../examples/roles.yaml")).unwrap();
    let mut facts = Facts::new();
    facts.apply(Event::Reset(Kind::ClusterRole, roles));
    for kind in [Kind::Role, Kind::RoleBinding, Kind::ClusterRoleBinding] {
        facts.apply(Event::Reset(kind, Vec::new()));
    }
    facts.view()
});

/// For each byte of the review.
const BYTES: u64 = 16;
const BYTES_IN_ALL: u64 = 128;
const STEPS: usize = 64;
/// What a small review takes beside that.
const BESIDE: u64 = 1 << 20;
const STEPS_BESIDE: usize = 1 << 16;
