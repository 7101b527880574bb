//! What was judged, in the forms that `check` and `audit` share: for people, for scripts, for the tools of a pipeline.

mod junit;
mod sarif;
mod skipped;
mod text;

use std::io::{self, Write};

use clap::ValueEnum;
use enum_map::EnumMap;
use strum::IntoEnumIterator;

use super::Exit;
use crate::domain::{Decision, Effect, Judged, Rule, Verdict, Word};
use crate::rulebook::Rulebook;
use crate::sources::manifests::{Problem, Source};

pub(super) use skipped::Skipped;
pub(super) use text::counted;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ResultFormat {
    /// For people
    #[default]
    Text,
    /// For scripts: every finding with all that is known of it
    Json,
    /// The XML of test reports: what fails the run is a failure
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// The mildest finding that makes exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum FailOn {
    /// Only what the webhook would refuse.
    #[default]
    Deny,
    /// Warnings, too.
    Warn,
    /// Whatever breaks a rule that is on.
    Audit,
}

impl FailOn {
    /// Exempted findings never fail: the policy lets them through.
    const fn includes(self, effect: Effect) -> bool {
        match effect {
            Effect::Deny => true,
            Effect::Warn => matches!(self, Self::Warn | Self::Audit),
            Effect::Audit => matches!(self, Self::Audit),
            Effect::Exempt => false,
        }
    }

    fn fails(self, decision: &Decision) -> bool {
        let mut findings = decision.findings.iter();
        findings.any(|finding| self.includes(finding.effect))
    }
}

/// An object and what the webhook would answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// Where it stands in a file; nowhere if it was read from a cluster.
    pub(super) source: Option<Source>,
    /// The line of each finding's field in that file, in their order.
    pub(super) lines: Vec<usize>,
    pub(super) kind: &'static str,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) decision: Decision,
}

/// All of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Results<'r> {
    pub(super) answers: &'r [Answer],
    /// What could not be judged.
    pub(super) problems: &'r [Problem],
    /// What was not to be judged.
    pub(super) skipped: &'r Skipped,
    pub(super) fail_on: FailOn,
    pub(super) rulebook: &'r Rulebook,
}

impl<'r> Results<'r> {
    /// The worst that was met counts: what could not be judged, over what was refused.
    pub(super) fn exit(self) -> Exit {
        let mut decisions = self.answers.iter().map(|one| &one.decision);
        let verdict = if decisions.any(|decision| self.fail_on.fails(decision)) {
            Exit::Denied
        } else {
            Exit::Success
        };
        let problems = self.problems.iter().map(Exit::from);
        problems.fold(verdict, Exit::max)
    }

    /// How many of the answers are about bindings.
    pub(super) fn bindings(self) -> usize {
        self.count(Judged::Binding)
    }

    /// How many of the answers are about roles.
    pub(super) fn roles(self) -> usize {
        self.count(Judged::Role)
    }

    /// `3 bindings`, `3 bindings and 1 role`.
    pub(super) fn objects(self) -> String {
        let bindings = counted(self.bindings(), "binding");
        match self.roles() {
            0 => bindings,
            roles => format!("{bindings} and {}", counted(roles, "role")),
        }
    }

    fn count(self, judged: Judged) -> usize {
        let answers = self.answers.iter();
        answers.filter(|one| one.decision.judged == judged).count()
    }

    /// How many there are of each verdict.
    pub(super) fn verdicts(self) -> EnumMap<Verdict, usize> {
        let mut counts = EnumMap::default();
        for answer in self.answers {
            counts[answer.decision.verdict] += 1;
        }
        counts
    }

    /// `2 denied, 3 allowed`.
    pub(super) fn verdicts_in_words(self) -> String {
        let counted = self.verdicts().into_iter().filter(|(_, count)| *count > 0);
        let words: Vec<String> = counted
            .map(|(verdict, count)| format!("{count} {}", verdict.as_str()))
            .collect();
        words.join(", ")
    }

    /// The rules that are on and for which too little is known of the cluster.
    pub(super) fn unjudged(self) -> impl Iterator<Item = Rule> + use<'r> {
        let is_unjudged = move |rule: &Rule| {
            let mut decisions = self.answers.iter().map(|one| &one.decision);
            decisions.any(|decision| decision.unjudged.contains(rule))
        };
        Rule::iter().filter(is_unjudged)
    }

    /// `JUnit` XML.
    pub(super) fn write_junit(self, out: &mut impl Write) -> io::Result<()> {
        junit::write(self, out)
    }

    /// SARIF.
    pub(super) fn write_sarif(self, out: &mut impl Write) -> io::Result<()> {
        sarif::write(self, out)
    }
}

/// What a finding alone comes to.
pub(super) const fn verdict_of(effect: Effect) -> Verdict {
    match effect {
        Effect::Deny => Verdict::Denied,
        Effect::Exempt => Verdict::Exempted,
        Effect::Warn => Verdict::Warned,
        Effect::Audit => Verdict::Audited,
    }
}

/// What would have to be known for the rule to be judged.
const fn missing(rule: Rule) -> &'static str {
    match rule {
        Rule::ClusterGroupScope => {
            "the policy does not say whether the cluster belongs to a cluster group (cluster.clusterGroup, --cluster-group)"
        }
        _ => "what the role allows is not known; name the cluster's roles with --facts FILE",
    }
}

/// The rules that were not judged and why, one line a reason.
pub(super) fn not_judged(rules: &[Rule]) -> Vec<String> {
    let why = |rule: &Rule| missing(*rule);
    let line = |rules: &[Rule]| {
        let names: Vec<&str> = rules.iter().map(Word::as_str).collect();
        let (nouns, were) = if names.len() == 1 {
            ("rule", "was")
        } else {
            ("rules", "were")
        };
        let why = rules.first().map_or("", why);
        format!("{nouns} {} {were} not judged: {why}", names.join(", "))
    };
    let mut rules = rules.to_vec();
    rules.sort_by_key(|rule| (missing(*rule), *rule));
    rules.chunk_by(|a, b| why(a) == why(b)).map(line).collect()
}
