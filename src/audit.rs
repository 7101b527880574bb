//! The scan of what is there: every binding of a view, judged by the engine that judges requests.
//!
//! It finds what no request shows: a Palette role that was taken away after the binding was made, a role that was
//! widened since, a binding from before the webhook. Nobody asks, so the rule `requester` is not judged.

use std::sync::Arc;

use jiff::Timestamp;

use crate::decide::decide;
pub(crate) use crate::decide::drifts;
use crate::domain::{BindingRequest, Decision, Effect, Finding, Operation, Rule};
use crate::facts::{Cluster, StoredBinding, View};
use crate::rulebook::Rulebook;

/// What a scan found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many bindings were judged.
    pub bindings: usize,
    /// Those that break a rule, in the order of the view: those of the cluster first, then by namespace and name.
    pub found: Vec<Found>,
    /// The VM roles that can do what they are documented not to.
    pub drifts: Vec<Finding>,
}

/// A binding that breaks a rule.
#[derive(Debug, Clone)]
pub struct Found {
    /// The binding.
    pub binding: Arc<StoredBinding>,
    /// What would be decided about it, were it made now.
    pub decision: Decision,
}

/// Judges every binding of the view, and its VM roles.
pub fn scan(view: &View, rulebook: &Rulebook, now: Timestamp) -> Report {
    let mut report = scan_bindings(view.bindings(), view, rulebook, now);
    report.drifts = drifts(view, rulebook);
    report
}

/// Judges some bindings of the view, as those that an event touches.
pub fn scan_bindings<'v>(
    bindings: impl Iterator<Item = &'v Arc<StoredBinding>>,
    view: &View,
    rulebook: &Rulebook,
    now: Timestamp,
) -> Report {
    let mut report = Report::default();
    for binding in bindings {
        report.bindings += 1;
        let decision = judge(binding, view, rulebook, now);
        if !decision.findings.is_empty() {
            report.found.push(Found {
                binding: Arc::clone(binding),
                decision,
            });
        }
    }
    report
}

/// What would be decided about a binding of the view, were it made now.
pub fn judge(
    binding: &StoredBinding,
    view: &View,
    rulebook: &Rulebook,
    now: Timestamp,
) -> Decision {
    let request = BindingRequest {
        operation: Operation::Create,
        requester: None,
        binding: binding.to_judge(),
        previous: None,
    };
    decide(&request, rulebook, Cluster::seen(view), now)
}

impl Report {
    /// Every finding that no exemption covers, with the place of its role in the policy's mapping; absent: another role.
    pub fn findings<'r>(
        &'r self,
        rulebook: &'r Rulebook,
    ) -> impl Iterator<Item = (&'r Finding, Option<usize>)> {
        let of_bindings = self.found.iter().flat_map(|found| {
            let role = rulebook.governs(&found.decision.role);
            found.decision.findings.iter().map(move |it| (it, role))
        });
        let of_roles = self.drifts.iter().map(|drift| (drift, None));
        let all = of_bindings.chain(of_roles);
        all.filter(|(finding, _)| finding.effect != Effect::Exempt)
    }

    /// How many findings of a rule no exemption covers.
    pub fn count(&self, rule: Rule, rulebook: &Rulebook) -> usize {
        self.findings(rulebook)
            .filter(|(found, _)| found.rule == rule)
            .count()
    }
}
