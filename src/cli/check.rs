//! `check`: judges the bindings of manifests as the webhook would.

#![expect(
    clippy::doc_markdown,
    reason = "comments of flags are printed as help, where backticks are noise"
)]

mod views;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::facts::{self, FactsArgs};
use super::inputs::{RequesterArgs, RulingArgs};
use super::manifests::{Manifests, Object, Problem};
use super::output::Output;
use super::report::{self, CheckResult, Summary};
use super::results::{Answer, FailOn, ResultFormat, Results, counted, not_judged};
use super::{Exit, Failure};
use crate::admission::{Manifest, read_manifest};
use crate::decide::{RoleRequest, decide, decide_role};
use crate::domain::{Binding, BindingRequest, Decision, Operation, Requester, Rule};
use crate::facts::{Cluster, Object as Fact, Role};
use crate::ruling::Ruling;
use views::Views;

/// Judge the bindings and roles of manifests as the webhook would, before they are applied
///
/// Every RoleBinding and ClusterRoleBinding is judged as if it were created, every Role and ClusterRole as if it were
/// written; other kinds are skipped and counted. What a role allows is known of the roles among the manifests, and of
/// the cluster's if its facts are named; what neither has counts as unknown, not as missing.
///
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
    output: ResultFormat,
    /// The mildest finding that fails the check
    #[arg(long, env = "PALETTE_RBAC_FAIL_ON", value_enum, default_value_t)]
    fail_on: FailOn,
    #[command(flatten)]
    ruling: RulingArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    requester: RequesterArgs,
}

impl CheckArgs {
    /// Judges, prints, and says whether something fails the check.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        self.facts.beside(&self.filenames)?;
        let ruling = self.ruling.ruling(output)?;
        let manifests = Manifests::read(&self.filenames);
        let known = self.facts.read(output)?.unwrap_or_default();
        let views = Views::of(known, &manifests.objects, &self.namespace);
        let check = Check::of(manifests, &self.judge(&ruling, &views));
        for problem in &check.problems {
            output.error(problem)?;
        }
        let (results, out) = (check.results(self.fail_on, &ruling), &mut output.out);
        match self.output {
            ResultFormat::Text => check.write_text(results, out)?,
            ResultFormat::Json => report::write_json(out, &check.report(results))?,
            ResultFormat::Junit => results.write_junit(out)?,
            ResultFormat::Sarif => results.write_sarif(out)?,
        }
        Ok(results.exit())
    }

    fn judge<'a>(&'a self, ruling: &'a Ruling, views: &'a Views) -> Judge<'a> {
        Judge {
            ruling,
            views,
            namespace: &self.namespace,
            requester: self.requester.requester(),
            now: self.ruling.now(),
        }
    }
}

/// What every binding is judged with.
struct Judge<'a> {
    ruling: &'a Ruling,
    views: &'a Views,
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
        let cluster = Cluster::seen(&self.views.with_all);
        decide(&request, self.ruling, cluster, self.now)
    }
}

impl<'a> Judge<'a> {
    fn decide_role(&self, role: Role) -> Decision {
        let request: RoleRequest<'a> = RoleRequest {
            requester: self.requester.clone(),
            previous: self.views.previous(&role.name),
            role,
        };
        let cluster = Cluster::seen(&self.views.with_roles);
        decide_role(&request, self.ruling, cluster, self.now)
    }
}

/// All verdicts of a run.
struct Check {
    answers: Vec<Answer>,
    files: usize,
    skipped: usize,
    problems: Vec<Problem>,
}

impl Check {
    fn of(manifests: Manifests, judge: &Judge<'_>) -> Self {
        let mut check = Self {
            answers: Vec::new(),
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
            Ok(Manifest::Binding(binding)) => self.answers.push(Answer {
                decision: judge.decide(&binding),
                kind: binding.kind().as_str(),
                namespace: binding.scope.namespace().map(str::to_owned),
                name: binding.name.into_owned(),
                source: Some(object.source),
            }),
            Ok(Manifest::Other) => self.add_other(&object, judge),
            Err(invalid) => self.problems.push(Problem::Broken {
                at: object.source,
                message: invalid.to_string(),
            }),
        }
    }

    fn add_other(&mut self, object: &Object, judge: &Judge<'_>) {
        match facts::read(object, Some(judge.namespace)) {
            Some(Ok(Fact::Role(role))) => self.answers.push(Answer {
                kind: role.object_kind().as_str(),
                namespace: role.name.namespace.as_deref().map(str::to_owned),
                name: role.name.name.to_string(),
                decision: judge.decide_role(role),
                source: Some(object.source.clone()),
            }),
            Some(Ok(Fact::Binding(_))) | None => self.skipped += 1,
            Some(Err(problem)) => self.problems.push(problem),
        }
    }

    fn results<'r>(&'r self, fail_on: FailOn, ruling: &'r Ruling) -> Results<'r> {
        Results {
            answers: &self.answers,
            problems: &self.problems,
            fail_on,
            ruling,
        }
    }

    fn write_text(&self, results: Results<'_>, out: &mut impl Write) -> io::Result<()> {
        for answer in &self.answers {
            answer.write_text(out)?;
        }
        writeln!(out, "{}", self.summary(results))
    }

    /// `5 bindings in 3 files: 2 denied, 3 allowed; 4 other objects skipped`.
    fn summary(&self, results: Results<'_>) -> String {
        let mut line = format!("{} in {}", results.objects(), counted(self.files, "file"));
        let verdicts = results.verdicts_in_words();
        if !verdicts.is_empty() {
            line = format!("{line}: {verdicts}");
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
        let unjudged: Vec<Rule> = results.unjudged().collect();
        let lines: Vec<String> = std::iter::once(line).chain(not_judged(&unjudged)).collect();
        lines.join("\n")
    }

    fn report(&self, results: Results<'_>) -> CheckResult<'_> {
        CheckResult::new(
            Summary {
                files: self.files,
                bindings: results.bindings(),
                roles: results.roles(),
                verdicts: results.verdicts(),
                skipped: self.skipped,
                unreadable: self.problems.len(),
                not_judged: results.unjudged().collect(),
            },
            self.answers.iter().map(Answer::report).collect(),
        )
    }
}

const EXAMPLES: &str = "\
Examples:
  # Would these be admitted?
  palette-rbac check -f manifests/ --directory directory.yaml --policy policy.yaml

  # What Helm or kustomize make of them, in a cluster of that project
  kustomize build . | palette-rbac check -f - --directory directory.yaml --project orchard-prod

  # With what is known of the cluster: what its roles allow, and whom a changed role would reach
  kubectl get clusterroles,roles,clusterrolebindings,rolebindings --all-namespaces --output json > cluster.json
  palette-rbac check -f manifests/ --directory directory.yaml --facts cluster.json

  # In a pipeline: warnings fail, too, and the findings are for scripts
  palette-rbac check -f manifests/ --directory directory.yaml --fail-on warn --output json

  # For the test report of a pipeline, and for code scanning
  palette-rbac check -f manifests/ --directory directory.yaml --output junit > junit.xml
  palette-rbac check -f manifests/ --directory directory.yaml --output sarif > bindings.sarif

Exit codes: 0 all admitted; 1 a finding that fails the check; 2 bad input: a document that cannot be understood, no \
manifest in a folder, no object at all; 3 a file that cannot be read.";
