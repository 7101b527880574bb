//! Reviews by what was asked and decided.

use enum_map::{Enum, EnumMap};
use prometheus::{IntCounter, IntCounterVec, Registry};

use crate::admission::{ObjectKind, OperationLabel};
use crate::domain::Word;
use crate::review::{DecisionLabel, Outcome};

use super::family::opts;

/// `admission_reviews_total`, every series at hand.
pub(super) struct Reviews(EnumMap<ReviewLabels, IntCounter>);

#[derive(Clone, Copy, Enum)]
struct ReviewLabels {
    kind: ObjectKind,
    operation: OperationLabel,
    dry_run: bool,
    decision: ReviewEnd,
}

#[derive(Clone, Copy, Enum)]
enum ReviewEnd {
    Given(DecisionLabel),
    /// Nobody waited for it.
    Canceled,
}

impl ReviewLabels {
    /// What is said of a request whose body was never read.
    const UNREAD: Self = Self {
        kind: ObjectKind::Other,
        operation: OperationLabel::Other,
        dry_run: false,
        decision: ReviewEnd::Canceled,
    };

    fn of(outcome: &Outcome) -> Self {
        Self {
            kind: outcome.kind,
            operation: outcome.operation,
            dry_run: outcome.dry_run,
            decision: ReviewEnd::Given(outcome.decision),
        }
    }

    fn words(self) -> [&'static str; 4] {
        [
            self.kind.as_str(),
            self.operation.as_str(),
            if self.dry_run { "true" } else { "false" },
            match self.decision {
                ReviewEnd::Given(decision) => decision.as_str(),
                ReviewEnd::Canceled => "canceled",
            },
        ]
    }
}

impl Reviews {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "Reviews, by what was asked and what was decided.";
        let options = opts("admission_reviews_total", help);
        let labels = ["kind", "operation", "dry_run", "decision"];
        let vector = IntCounterVec::new(options, &labels)?;
        registry.register(Box::new(vector.clone()))?;
        let counter = |labels: ReviewLabels| vector.with_label_values(&labels.words());
        Ok(Self(EnumMap::from_fn(counter)))
    }

    /// Counts an answered review.
    pub(super) fn answered(&self, outcome: &Outcome) {
        self.0[ReviewLabels::of(outcome)].inc();
    }

    /// Counts a review that nobody waited for.
    pub(super) fn canceled(&self, outcome: Option<&Outcome>) {
        let labels = outcome.map_or(ReviewLabels::UNREAD, ReviewLabels::of);
        let decision = ReviewEnd::Canceled;
        self.0[ReviewLabels { decision, ..labels }].inc();
    }
}
