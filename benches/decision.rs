//! The time of one decision, with few and with many users, and of the whole way from bytes to bytes.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use palette_rbac::admission::{AdmissionRequest, Envelope};
use palette_rbac::decide::{Context, decide};
use palette_rbac::domain::{BindingRequest, Verdict};
use palette_rbac::facts::Cluster;
use palette_rbac::review::review;
use palette_rbac::rulebook::Rulebook;

use crate::turns::{Which, compare};
use crate::world;

pub(crate) fn measure() -> Result<()> {
    let (few, many) = (World::of(FEW)?, World::of(MANY)?);
    few.check()?;
    many.check()?;
    report("the same two subjects", &few, &many, 1);
    report(
        "two other subjects each time, over all users",
        &few,
        &many,
        MANY / 2,
    );
    let bytes = few.reviews(1)[0].len();
    let bodies = (few.reviews(1), many.reviews(1));
    let whole = in_turns(|which| match which {
        Which::Ours => few.time_reviews(&bodies.0),
        Which::Other => many.time_reviews(&bodies.1),
    });
    println!(
        "  review() of {bytes} bytes: {:.2} us with {FEW} users, {:.2} us with {MANY}",
        whole.ours, whole.other
    );
    Ok(())
}

/// A rulebook with so many users.
struct World {
    users: usize,
    rulebook: Rulebook,
}

impl World {
    fn of(users: usize) -> Result<Self> {
        let rulebook = world::rulebook(users)?;
        Ok(Self { users, rulebook })
    }

    fn check(&self) -> Result<()> {
        let body = self.reviews(1).remove(0);
        let envelope = Envelope::read(&body).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let context = Context::new(&self.rulebook, Cluster::default(), now());
        let verdict = decide(&binding(&envelope), context).verdict;
        ensure!(verdict == Verdict::Allowed, "decided {verdict:?}");
        Ok(())
    }

    /// So many reviews, whose subjects lie far from each other in the directory.
    fn reviews(&self, count: usize) -> Vec<Vec<u8>> {
        let subject = |index: usize| world::user(index * STRIDE % self.users);
        (1..=count)
            .map(|index| world::review([&subject(2 * index), &subject(2 * index + 1)]))
            .collect()
    }

    /// Microseconds of a decision.
    fn time_decisions(&self, requests: &[BindingRequest<'_>]) -> f64 {
        time(|index| {
            let request = black_box(&requests[index % requests.len()]);
            black_box(decide(
                request,
                Context::new(&self.rulebook, Cluster::default(), now()),
            ));
        })
    }

    /// Microseconds of a review, from bytes to bytes.
    fn time_reviews(&self, bodies: &[Vec<u8>]) -> f64 {
        time(|index| {
            let body = black_box(&bodies[index % bodies.len()]);
            black_box(review(
                body,
                Context::new(&self.rulebook, Cluster::default(), now()),
            ));
        })
    }
}

fn report(subjects: &str, few: &World, many: &World, reviews: usize) {
    let bodies = (few.reviews(reviews), many.reviews(reviews));
    let envelopes = (read(&bodies.0), read(&bodies.1));
    let requests = (bindings(&envelopes.0), bindings(&envelopes.1));
    let times = in_turns(|which| match which {
        Which::Ours => many.time_decisions(&requests.1),
        Which::Other => few.time_decisions(&requests.0),
    });
    println!(
        "  decide(), {subjects}: {:.2} us with {MANY} users, {:.2} us with {FEW}, {}",
        times.ours,
        times.other,
        times.ratio()
    );
}

fn in_turns(mut measure: impl FnMut(Which) -> f64) -> crate::turns::Compared {
    let Ok(compared) = compare(TURNS, |which| Ok::<_, Infallible>(measure(which)));
    compared
}

fn read(bodies: &[Vec<u8>]) -> Vec<Envelope<'_>> {
    bodies
        .iter()
        .map(|body| Envelope::read(body).expect("a review is readable"))
        .collect()
}

fn bindings<'e>(envelopes: &'e [Envelope<'_>]) -> Vec<BindingRequest<'e>> {
    envelopes.iter().map(binding).collect()
}

fn binding<'e>(envelope: &'e Envelope<'_>) -> BindingRequest<'e> {
    match envelope.ask() {
        Ok(AdmissionRequest::Binding(request)) => request,
        other => unreachable!("asked {other:?}"),
    }
}

/// Microseconds of one step.
fn time(mut step: impl FnMut(usize)) -> f64 {
    let began = Instant::now();
    for index in 0..STEPS {
        step(index);
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(STEPS).unwrap_or(u32::MAX))
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

const FEW: usize = 100;
const MANY: usize = 100_000;
const STEPS: usize = 20_000;
const TURNS: usize = 41;
/// Prime, so that it meets every user.
const STRIDE: usize = 7_919;
