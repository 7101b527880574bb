//! The scan of what is there: every binding of a view, judged by the engine that judges requests.
//!
//! It finds what no request shows: a Palette role that was taken away after the binding was made, a role that was
//! widened since, a binding from before the webhook. Nobody asks, so the rule `requester` is not judged.

use std::sync::Arc;

pub(crate) use crate::decide::drifts;
use crate::decide::{Context, decide};
use crate::domain::{BindingRequest, Decision, Effect, Finding, Rule};
use crate::facts::StoredBinding;
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
pub fn scan(context: Context<'_>) -> Report {
    let Some(view) = context.cluster.view else {
        return Report::default();
    };
    let judged = view.bindings().map(|binding| Found {
        binding: Arc::clone(binding),
        decision: judge(binding, context),
    });
    Report {
        bindings: view.bindings().count(),
        found: judged
            .filter(|it| !it.decision.findings.is_empty())
            .collect(),
        drifts: drifts(view, context.rulebook),
    }
}

/// What would be decided about a binding of the view, were it made now.
pub fn judge(binding: &StoredBinding, context: Context<'_>) -> Decision {
    let request = BindingRequest::create(binding.to_judge(), None);
    decide(&request, context)
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
