use prometheus::{IntCounter, IntCounterVec, Registry};

use crate::admission::{ObjectKind, OperationLabel};
use crate::review::{DecisionLabel, Outcome};

use super::family::opts;

/// `admission_reviews_total`, every series at hand.
pub(super) struct Reviews {
    // In the order kind, operation, dry run, decision, the last one being `canceled`.
    handles: Vec<IntCounter>,
}

impl Reviews {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "Reviews, by what was asked and what was decided.";
        let options = opts("admission_reviews_total", help);
        let labels = ["kind", "operation", "dry_run", "decision"];
        let vector = IntCounterVec::new(options, &labels)?;
        registry.register(Box::new(vector.clone()))?;
        let handles = every_series().map(|values| vector.with_label_values(&values));
        Ok(Self {
            handles: handles.collect(),
        })
    }

    /// Counts an answered review.
    pub(super) fn answered(&self, outcome: &Outcome) {
        self.count(about(outcome), outcome.decision.index());
    }

    /// Counts a review that nobody waited for.
    pub(super) fn canceled(&self, outcome: Option<&Outcome>) {
        self.count(outcome.map_or(UNREAD, about), CANCELED);
    }

    fn count(&self, (kind, operation, dry_run): About, decision: usize) {
        let mut index = kind.index();
        index = index * OperationLabel::ALL.len() + operation.index();
        index = index * DRY_RUN.len() + usize::from(dry_run);
        index = index * DECISIONS + decision;
        if let Some(counter) = self.handles.get(index) {
            counter.inc();
        }
    }
}

type About = (ObjectKind, OperationLabel, bool);

fn about(outcome: &Outcome) -> About {
    (outcome.kind, outcome.operation, outcome.dry_run)
}

fn every_series() -> impl Iterator<Item = [&'static str; 4]> {
    ObjectKind::ALL.into_iter().flat_map(|kind| {
        OperationLabel::ALL.into_iter().flat_map(move |operation| {
            DRY_RUN.into_iter().flat_map(move |dry_run| {
                every_decision()
                    .map(move |decision| [kind.as_str(), operation.as_str(), dry_run, decision])
            })
        })
    })
}

fn every_decision() -> impl Iterator<Item = &'static str> {
    let decided = DecisionLabel::ALL.into_iter().map(DecisionLabel::as_str);
    decided.chain(["canceled"])
}

/// What is said of a request whose body was never read.
const UNREAD: About = (ObjectKind::Other, OperationLabel::Other, false);
const DRY_RUN: [&str; 2] = ["false", "true"];
const CANCELED: usize = DecisionLabel::ALL.len();
const DECISIONS: usize = CANCELED + 1;
