//! `audit`: judges every binding that is there, as the webhook would if it were made now.

#![expect(
    clippy::doc_markdown,
    reason = "comments of flags are printed as help, where backticks are noise"
)]

mod table;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::facts::{LiveArgs, read_dump};
use super::inputs::RulebookArgs;
use super::output::{GOOD, Output};
use super::report::{self, AuditSummary, Decisions};
use super::results::{
    Answer, FailOn, ResultFormat, Results, Skipped, counted, not_judged, verdict_of,
};
use super::{Exit, Failure};
use crate::audit;
use crate::decide::Context;
use crate::domain::{Cause, Decision, Finding, Judged, RoleKind, RoleRef, Rule, Scope, Word};
use crate::facts::{Cluster, View};
use crate::rulebook::Rulebook;
use crate::sources::manifests::{Dump, Problem};

/// Judge every binding of a cluster, or of a dump of one
///
/// The webhook judges what changes; this finds what was there before it, and the Palette roles that were taken away
/// since. The cluster is that of the current kubeconfig (in a pod: that of its ServiceAccount) and is only read: it
/// takes the permission to list roles, clusterroles, rolebindings and clusterrolebindings.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AuditArgs {
    /// A dump instead of a live cluster, or `-` for the standard input; may be given more than once
    ///
    /// kubectl get clusterroles,roles,clusterrolebindings,rolebindings --all-namespaces --output json
    #[arg(
        short = 'f',
        long = "filename",
        env = "PALETTE_RBAC_FILENAME",
        value_name = "FILE"
    )]
    filenames: Vec<PathBuf>,
    /// How the findings are printed
    #[arg(short, long, env = "PALETTE_RBAC_OUTPUT", value_enum, default_value_t)]
    output: ResultFormat,
    /// The mildest finding that makes exit code 1
    #[arg(long, env = "PALETTE_RBAC_FAIL_ON", value_enum, default_value_t)]
    fail_on: FailOn,
    #[command(flatten)]
    rulebook: RulebookArgs,
    #[command(flatten)]
    cluster: LiveArgs,
}

impl AuditArgs {
    /// Judges, prints, and says whether something was found.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let rulebook = self.rulebook.rulebook(output, &self.cluster.from())?;
        let mut dump = self.read(output)?;
        for problem in &dump.problems {
            output.problem(problem)?;
        }
        let view = dump.facts.view();
        let context = Context::new(&rulebook, Cluster::seen(&view), self.rulebook.now());
        let answers = answers(&view, context);
        let audit = Audit {
            answers,
            problems: dump.problems,
            skipped: Skipped::default(),
        };
        let results = audit.results(self.fail_on, &rulebook);
        let out = &mut output.out;
        match self.output {
            ResultFormat::Text => write_text(results, out)?,
            ResultFormat::Json => report::write_result(out, "AuditResult", audit_result(results))?,
            ResultFormat::Junit => results.write_junit(out)?,
            ResultFormat::Sarif => results.write_sarif(out)?,
        }
        Ok(results.exit())
    }

    fn read(&self, output: &mut Output<'_>) -> Result<Dump, Failure> {
        if !self.filenames.is_empty() {
            return read_dump(&self.filenames, output);
        }
        Ok(Dump::of(self.cluster.ask(output)?))
    }
}

/// What was found, and what could not be judged.
struct Audit {
    answers: Vec<Answer>,
    problems: Vec<Problem>,
    /// A dump may hold more than was asked for, which is nobody's concern.
    skipped: Skipped,
}

impl Audit {
    fn results<'r>(&'r self, fail_on: FailOn, rulebook: &'r Rulebook) -> Results<'r> {
        Results {
            answers: &self.answers,
            problems: &self.problems,
            skipped: &self.skipped,
            fail_on,
            rulebook,
        }
    }
}

/// Every binding, then the VM roles that can do what they are documented not to.
fn answers(view: &View, context: Context<'_>) -> Vec<Answer> {
    let bindings = view.bindings().map(|binding| Answer {
        source: None,
        lines: Vec::new(),
        kind: binding.to_judge().kind().as_str(),
        namespace: binding.name.namespace.as_deref().map(str::to_owned),
        name: binding.name.name.to_string(),
        decision: audit::judge(binding, context),
    });
    bindings
        .chain(
            audit::drifts(view, context.rulebook)
                .into_iter()
                .map(drifted),
        )
        .collect()
}

/// A VM role as if it were written now.
fn drifted(drift: Finding) -> Answer {
    let name = match &drift.cause {
        Cause::Drift(role, _) => role.to_string(),
        _ => String::new(),
    };
    let role = RoleRef {
        kind: RoleKind::ClusterRole,
        name: name.clone().into(),
    };
    Answer {
        source: None,
        lines: Vec::new(),
        kind: role.kind.as_str(),
        namespace: None,
        name,
        decision: Decision {
            verdict: verdict_of(drift.effect),
            judged: Judged::Role,
            role,
            scope: Scope::Cluster,
            findings: vec![drift],
            notices: Vec::new(),
            unjudged: Vec::new(),
        },
    }
}

fn write_text(results: Results<'_>, out: &mut impl Write) -> io::Result<()> {
    table::write(results, out)?;
    writeln!(out, "{}", summary(results))?;
    let unjudged: Vec<Rule> = results.unjudged().collect();
    not_judged(&unjudged)
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
}

/// `nothing found in 214 bindings`, `214 bindings: 2 denied, 212 allowed; 1 object not judged`.
fn summary(results: Results<'_>) -> String {
    let bindings = results.objects();
    let has_findings = |one: &Answer| !one.decision.findings.is_empty();
    let is_clean = results.problems.is_empty() && !results.answers.iter().any(has_findings);
    if is_clean {
        return format!("{GOOD}nothing found{GOOD:#} in {bindings}");
    }
    let judged = match results.verdicts_in_words() {
        verdicts if verdicts.is_empty() => bindings,
        verdicts => format!("{bindings}: {verdicts}"),
    };
    match results.problems.len() {
        0 => judged,
        count => format!("{judged}; {} not judged", counted(count, "object")),
    }
}

fn audit_result(results: Results<'_>) -> Decisions<'_, AuditSummary> {
    let found = results.answers.iter();
    let found = found.filter(|answer| !answer.decision.findings.is_empty());
    Decisions {
        summary: AuditSummary {
            bindings: results.bindings(),
            roles: results.roles(),
            verdicts: results.verdicts(),
            unreadable: results.problems.len(),
            not_judged: results.unjudged().collect(),
        },
        decisions: found.map(Answer::report).collect(),
    }
}

const EXAMPLES: &str = "\
Examples:
  # The cluster of the current kubeconfig
  palette-rbac audit --directory directory.yaml --policy policy.yaml

  # Another cluster, for the test report of a pipeline that runs at night
  palette-rbac audit --context prod --directory directory.yaml --fail-on warn --output junit > junit.xml

  # Without access: from what somebody else has read
  kubectl get clusterroles,roles,clusterrolebindings,rolebindings --all-namespaces --output json > cluster.json
  palette-rbac audit -f cluster.json --directory directory.yaml --project orchard-prod

Exit codes: 0 nothing found that fails; 1 a finding that does; 2 bad input, or an object that cannot be understood; 3 a \
file or a cluster that cannot be read.";
