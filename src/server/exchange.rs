//! What a connection is at, and what is counted and logged once its answer is out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::info;

use crate::domain::Word;
use crate::live::Current;
use crate::metrics::Metrics;
use crate::review::Outcome;

/// What a connection is at, shared by the bytes below HTTP and the answers above it. Never locked by two at once.
pub(super) struct Exchange {
    step: Mutex<Step>,
    headers_too_slow: AtomicBool,
}

enum Step {
    /// Waiting for a request, since then.
    Idle(Instant),
    /// The first byte of its headers came then.
    Headers(Instant),
    /// The first byte of its headers came then, and its body is awaited.
    Body(Instant),
    /// All of it is there.
    Request,
    /// The answer is being written; with a review, to be counted when it is out.
    Handler(Option<Observation>),
}

/// What the client should send next.
pub(super) enum Awaits {
    /// A request, since then.
    Request(Instant),
    /// The rest of its headers, which began then.
    Headers(Instant),
    /// Nothing, or a body.
    Nothing,
}

impl Exchange {
    /// Begins to wait for a request.
    pub(super) fn begin() -> Self {
        Self {
            step: Mutex::new(Step::Idle(Instant::now())),
            headers_too_slow: AtomicBool::new(false),
        }
    }

    /// Notes that bytes came.
    pub(super) fn bytes_came(&self) {
        let mut step = self.step();
        if let Step::Idle(_) = *step {
            *step = Step::Headers(Instant::now());
        }
    }

    /// What is awaited, to be asked while nothing comes.
    pub(super) fn awaits(&self) -> Awaits {
        match *self.step() {
            Step::Idle(since) => Awaits::Request(since),
            Step::Headers(since) => Awaits::Headers(since),
            Step::Body(_) | Step::Request | Step::Handler(_) => Awaits::Nothing,
        }
    }

    /// Since when the client has something to send that it has not sent; none where its request is there and is worked at.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        match *self.step() {
            Step::Idle(since) | Step::Headers(since) | Step::Body(since) => Some(since),
            Step::Request | Step::Handler(_) => None,
        }
    }

    /// Notes that the headers are complete, and tells when they began.
    pub(super) fn headers_done(&self) -> Instant {
        let mut step = self.step();
        let since = match *step {
            Step::Headers(since) => since,
            // Sent together with the request before.
            Step::Idle(_) | Step::Body(_) | Step::Request | Step::Handler(_) => Instant::now(),
        };
        *step = Step::Body(since);
        since
    }

    /// Notes that nothing more of the request is awaited.
    pub(super) fn body_done(&self) {
        *self.step() = Step::Request;
    }

    /// Hands over what is to be counted when the answer is out.
    pub(super) fn answer(&self, review: Option<Observation>) {
        *self.step() = Step::Handler(review);
    }

    /// Notes that everything that was written is out.
    pub(super) fn flushed(&self) {
        let mut step = self.step();
        if let Step::Handler(review) = &mut *step {
            let (review, now) = (review.take(), Instant::now());
            *step = Step::Idle(now);
            // Counting and logging need no lock.
            drop(step);
            if let Some(review) = review {
                review.answered(now);
            }
        }
    }

    /// Notes that the connection ends because of its headers.
    pub(super) fn headers_are_too_slow(&self) {
        self.headers_too_slow.store(true, Ordering::Relaxed);
    }

    /// Whether it ended because of its headers.
    pub(super) fn headers_were_too_slow(&self) -> bool {
        self.headers_too_slow.load(Ordering::Relaxed)
    }

    fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One review, counted and logged once: as answered, as rejected, or as canceled when it is dropped before.
pub(super) struct Observation {
    metrics: Arc<Metrics>,
    current: Arc<Current>,
    began: Instant,
    outcome: Option<Outcome>,
    is_open: bool,
}

impl Observation {
    pub(super) fn begin(metrics: Arc<Metrics>, current: Arc<Current>, began: Instant) -> Self {
        metrics.in_flight().inc();
        Self {
            metrics,
            current,
            began,
            outcome: None,
            is_open: true,
        }
    }

    pub(super) fn current(&self) -> &Current {
        &self.current
    }

    /// Notes what was decided; it counts once the answer is out.
    pub(super) fn decided(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    /// It gets no review, and is counted as rejected elsewhere.
    pub(super) fn rejected(mut self) {
        self.is_open = false;
    }

    fn answered(mut self, now: Instant) {
        self.is_open = false;
        if let Some(outcome) = &self.outcome {
            let took = now - self.began;
            self.metrics.observe(outcome, &self.current.findings, took);
            log(outcome, &self.current, took);
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.metrics.in_flight().dec();
        if self.is_open {
            self.metrics.canceled(self.outcome.as_ref());
        }
    }
}

/// One line. The formatter escapes what a client chose: fields of text are quoted, so that none forges a line.
fn log(outcome: &Outcome, current: &Current, took: std::time::Duration) {
    let rules: Vec<&str> = outcome.rules().into_iter().map(Into::into).collect();
    info!(
        uid = outcome.uid,
        kind = outcome.kind.as_str(),
        namespace = outcome.namespace.as_deref().map(cut),
        name = cut(&outcome.name),
        operation = outcome.operation.as_str(),
        dry_run = outcome.dry_run,
        decision = outcome.decision.as_str(),
        rules = rules.join(","),
        subjects = outcome.subjects,
        revision = &**current.rulebook.revision(),
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "reviewed"
    );
}

/// Names that Kubernetes accepts are shorter; a client that is no API server may send megabytes.
fn cut(name: &str) -> &str {
    let end = name.floor_char_boundary(LONGEST_NAME);
    name.get(..end).unwrap_or_default()
}

/// Of an object (RFC 1123 subdomain).
const LONGEST_NAME: usize = 253;
