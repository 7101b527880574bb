//! `check`: judges the bindings of manifests as the webhook would.

#![expect(
    clippy::doc_markdown,
    reason = "comments of flags are printed as help, where backticks are noise"
)]

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::inputs::{RequesterArgs, RulingArgs};
use super::manifests::{Manifests, Object, Problem, Source};
use super::output::{BAD, CAUTION, GOOD, Output, printable};
use super::report::{self, CheckResult, DecisionReport, Summary};
use super::{Exit, Failure, OutputFormat};
use crate::admission::{Manifest, read_manifest};
use crate::decide::decide;
use crate::domain::{
    Binding, BindingRequest, Decision, Effect, Finding, Operation, Requester, Rule, Verdict,
};
use crate::facts::Cluster;
use crate::message;
use crate::ruling::Ruling;

/// Judge the bindings of manifests as the webhook would, before they are applied
///
/// Every RoleBinding and ClusterRoleBinding is judged as if it were created; other kinds are skipped and counted.
/// Folders are read with all that is below them (*.yaml, *.yml, *.json), `-` is the standard input; List objects and
/// files of several documents are taken apart. A document that cannot be read leaves the others as they are.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// A file, a folder, or `-` for the standard input; may be given more than once
    #[arg(
        short = 'f',
        long = "filename",
        env = "PALETTE_RBAC_FILENAME",
        value_name = "FILE",
        required = true
    )]
    filenames: Vec<PathBuf>,
    /// The namespace of RoleBindings that name none
    #[arg(
        short,
        long,
        env = "PALETTE_RBAC_NAMESPACE",
        value_name = "NAME",
        default_value = "default"
    )]
    namespace: String,
    /// How the verdicts are printed
    #[arg(short, long, env = "PALETTE_RBAC_OUTPUT", value_enum, default_value_t)]
    output: OutputFormat,
    /// The mildest finding that fails the check
    #[arg(long, env = "PALETTE_RBAC_FAIL_ON", value_enum, default_value_t)]
    fail_on: FailOn,
    #[command(flatten)]
    ruling: RulingArgs,
    #[command(flatten)]
    requester: RequesterArgs,
}

/// The mildest finding that makes exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum FailOn {
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
}

impl CheckArgs {
    /// Judges, prints, and says whether something fails the check.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let ruling = self.ruling.ruling(output)?;
        let manifests = Manifests::read(&self.filenames);
        let check = Check::of(manifests, &self.judge(&ruling));
        for problem in &check.problems {
            output.error(problem)?;
        }
        match self.output {
            OutputFormat::Text => check.write_text(&mut output.out)?,
            OutputFormat::Json => report::write_json(&mut output.out, &check.report())?,
        }
        Ok(check.exit(self.fail_on))
    }

    fn judge<'a>(&'a self, ruling: &'a Ruling) -> Judge<'a> {
        Judge {
            ruling,
            namespace: &self.namespace,
            requester: self.requester.requester(),
            now: self.ruling.now(),
        }
    }
}

/// What every binding is judged with.
struct Judge<'a> {
    ruling: &'a Ruling,
    namespace: &'a str,
    requester: Option<Requester<'a>>,
    now: Timestamp,
}

impl Judge<'_> {
    fn decide(&self, binding: &Binding<'_>) -> Decision {
        let request = BindingRequest {
            operation: Operation::Create,
            requester: self.requester.clone(),
            binding: binding.clone(),
            previous: None,
        };
        decide(&request, self.ruling, Cluster::default(), self.now)
    }
}

/// All verdicts of a run.
struct Check {
    judged: Vec<Judged>,
    files: usize,
    skipped: usize,
    problems: Vec<Problem>,
}

/// One verdict.
struct Judged {
    source: Source,
    kind: &'static str,
    namespace: Option<String>,
    name: String,
    decision: Decision,
}

impl Check {
    fn of(manifests: Manifests, judge: &Judge<'_>) -> Self {
        let mut check = Self {
            judged: Vec::new(),
            files: manifests.files,
            skipped: 0,
            problems: manifests.problems,
        };
        let nothing = manifests.objects.is_empty() && check.problems.is_empty();
        for object in manifests.objects {
            check.add(object, judge);
        }
        if nothing {
            check.problems.push(Problem::NoObjects);
        }
        check
    }

    fn add(&mut self, object: Object, judge: &Judge<'_>) {
        match read_manifest(&object.json, judge.namespace) {
            Ok(Manifest::Binding(binding)) => self.judged.push(Judged {
                decision: judge.decide(&binding),
                kind: binding.kind().as_str(),
                namespace: binding.scope.namespace().map(str::to_owned),
                name: binding.name.into_owned(),
                source: object.source,
            }),
            Ok(Manifest::Other) => self.skipped += 1,
            Err(invalid) => self.problems.push(Problem::Broken {
                at: object.source,
                message: invalid.to_string(),
            }),
        }
    }

    /// The worst that was met counts: what could not be judged, over what was refused.
    fn exit(&self, fail_on: FailOn) -> Exit {
        let mut findings = self.judged.iter().flat_map(|one| &one.decision.findings);
        let verdict = if findings.any(|finding| fail_on.includes(finding.effect)) {
            Exit::Denied
        } else {
            Exit::Success
        };
        let problems = self.problems.iter().map(Problem::exit);
        problems.fold(verdict, Exit::max)
    }

    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        for judged in &self.judged {
            judged.write_text(out)?;
        }
        writeln!(out, "{}", self.summary_line())
    }

    /// `5 bindings in 3 files: 2 denied, 3 allowed; 4 other objects skipped`.
    fn summary_line(&self) -> String {
        let mut line = format!(
            "{} in {}",
            counted(self.judged.len(), "binding"),
            counted(self.files, "file")
        );
        let verdicts: Vec<String> = Verdict::ALL
            .into_iter()
            .map(|verdict| (verdict, self.count(verdict)))
            .filter(|(_, count)| *count > 0)
            .map(|(verdict, count)| format!("{count} {}", verdict.as_str()))
            .collect();
        if !verdicts.is_empty() {
            line = format!("{line}: {}", verdicts.join(", "));
        }
        if self.skipped > 0 {
            line = format!("{line}; {} skipped", counted(self.skipped, "other object"));
        }
        if !self.problems.is_empty() {
            line = format!(
                "{line}; {} not judged",
                counted(self.problems.len(), "input")
            );
        }
        for rule in self.unjudged() {
            line = format!(
                "{line}\nrule {rule} was not judged: the policy does not say whether the cluster belongs to a cluster group (cluster.clusterGroup, --cluster-group)"
            );
        }
        line
    }

    fn count(&self, verdict: Verdict) -> usize {
        let of_verdict = |one: &&Judged| one.decision.verdict == verdict;
        self.judged.iter().filter(of_verdict).count()
    }

    fn unjudged(&self) -> Vec<Rule> {
        let is_unjudged = |rule: &Rule| {
            let mut decisions = self.judged.iter().map(|one| &one.decision);
            decisions.any(|decision| decision.unjudged.contains(rule))
        };
        Rule::ALL.into_iter().filter(is_unjudged).collect()
    }

    fn report(&self) -> CheckResult<'_> {
        CheckResult::new(
            Summary {
                files: self.files,
                bindings: self.judged.len(),
                verdicts: Verdict::ALL.map(|verdict| (verdict, self.count(verdict))),
                skipped: self.skipped,
                unreadable: self.problems.len(),
                not_judged: self.unjudged(),
            },
            self.judged.iter().map(Judged::report).collect(),
        )
    }
}

impl Judged {
    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let verdict = self.decision.verdict;
        let style = match verdict {
            Verdict::Denied => BAD,
            Verdict::Exempted | Verdict::Warned | Verdict::Audited => CAUTION,
            Verdict::Unchanged | Verdict::Allowed => GOOD,
        };
        writeln!(
            out,
            "{style}{:VERDICT_WIDTH$}{style:#} {} {} ({}:{})",
            verdict.as_str(),
            self.kind,
            self.display_name(),
            printable(&self.source.file),
            self.source.line
        )?;
        for line in self.message().lines() {
            writeln!(out, "  {line}")?;
        }
        Ok(())
    }

    /// `vms/dev-admins`, `dev-admins`.
    fn display_name(&self) -> String {
        let name = message::name(&self.name);
        match &self.namespace {
            Some(namespace) => format!("{}/{name}", message::name(namespace)),
            None => name,
        }
    }

    /// What kubectl would show, then what only the operator would see.
    fn message(&self) -> String {
        let decision = &self.decision;
        let refusal = (!decision.verdict.admits()).then(|| message::refusal(decision));
        let warnings = message::warnings(decision)
            .into_iter()
            .map(|warning| format!("Warning: {warning}"));
        let silent = decision
            .findings
            .iter()
            .filter_map(|finding| silent(finding, decision));
        let lines: Vec<String> = refusal.into_iter().chain(warnings).chain(silent).collect();
        lines.join("\n")
    }

    fn report(&self) -> DecisionReport<'_> {
        DecisionReport::new(
            &self.source,
            (self.kind, self.namespace.as_deref(), &self.name),
            &self.decision,
        )
    }
}

/// A finding that nobody but the operator is told of.
fn silent(finding: &Finding, decision: &Decision) -> Option<String> {
    let line = message::line(finding, decision);
    let rule = finding.rule;
    match (finding.effect, &finding.exemption) {
        (Effect::Deny | Effect::Warn, _) => None,
        (Effect::Audit, _) => Some(format!("audit: [{rule}] {line}")),
        (Effect::Exempt, Some(exemption)) => Some(format!(
            "exempted by {}: [{rule}] {line}",
            message::name(exemption)
        )),
        (Effect::Exempt, None) => Some(format!("exempted: [{rule}] {line}")),
    }
}

/// `1 file`, `2 files`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// As long as the longest verdict.
const VERDICT_WIDTH: usize = 9;

const EXAMPLES: &str = "\
Examples:
  # Would these be admitted?
  palette-rbac check -f manifests/ --directory directory.yaml --policy policy.yaml

  # What Helm or kustomize make of them, in a cluster of that project
  kustomize build . | palette-rbac check -f - --directory directory.yaml --project orchard-prod

  # In a pipeline: warnings fail, too, and the findings are for machines
  palette-rbac check -f manifests/ --directory directory.yaml --fail-on warn --output json

Exit codes: 0 all admitted; 1 a finding that fails the check; 2 bad input: a document that cannot be understood, no \
manifest in a folder, no object at all; 3 a file that cannot be read.";
