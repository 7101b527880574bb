//! `check`: judges the bindings of manifests as the webhook would.

#![expect(
    clippy::doc_markdown,
    reason = "comments of flags are printed as help, where backticks are noise"
)]

mod views;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::facts::FactsArgs;
use super::inputs::{RequesterArgs, RulebookArgs};
use super::output::Output;
use super::report::{self, CheckSummary, Decisions};
use super::results::{Answer, FailOn, ResultFormat, Results, Skipped, counted, not_judged};
use super::{Exit, Failure};
use crate::decide::{Context, RoleRequest, decide, decide_role};
use crate::domain::{Binding, BindingRequest, Decision, Requester, Rule, Word};
use crate::facts::{Cluster, Role, StoredObject};
use crate::manifest::{self, Strictness};
use crate::rulebook::Rulebook;
use crate::sources::manifests::{Manifests, Problem, Source, SourcedManifest};
use views::Views;

/// Judge the bindings and roles of manifests as the webhook would, before they are applied
///
/// Every RoleBinding and ClusterRoleBinding is judged as if it were created, every Role and ClusterRole as if it were
/// written; other kinds are skipped and named. What a role allows is known of the roles among the manifests, and of
/// the cluster's if its facts are named; what neither has counts as unknown, not as missing.
///
/// Folders are read with all that is below them (*.yaml, *.yml, *.json), `-` is the standard input; List objects and
/// files of several documents are taken apart, as kubectl does it. A document that cannot be read leaves the others as
/// they are, and one that is plainly meant as a binding or role and is none by the letter is bad input.
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
    /// Succeeds where there is no binding and no role to judge
    #[arg(long, env = "PALETTE_RBAC_ALLOW_EMPTY")]
    allow_empty: bool,
    /// The mildest finding that fails the check
    #[arg(long, env = "PALETTE_RBAC_FAIL_ON", value_enum, default_value_t)]
    fail_on: FailOn,
    #[command(flatten)]
    rulebook: RulebookArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    requester: RequesterArgs,
}

impl CheckArgs {
    /// Judges, prints, and says whether something fails the check.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        self.facts.beside(&self.filenames)?;
        let rulebook = self.rulebook.rulebook(output, &self.facts.cluster())?;
        let manifests = Manifests::read(&self.filenames);
        output.left_out(&manifests.left_out)?;
        let known = self.facts.read(output)?.unwrap_or_default();
        let written = WrittenObjects::read(manifests, &self.namespace);
        let views = Views::of(known, written.facts());
        let mut check = Check::of(written, &self.judge(&rulebook, &views));
        if !self.allow_empty {
            check.fail_if_nothing();
        }
        for problem in &check.problems {
            output.problem(problem)?;
        }
        let (results, out) = (check.results(self.fail_on, &rulebook), &mut output.out);
        match self.output {
            ResultFormat::Text => check.write_text(results, out)?,
            ResultFormat::Json => report::write_result(out, "CheckResult", check.report(results))?,
            ResultFormat::Junit => results.write_junit(out)?,
            ResultFormat::Sarif => results.write_sarif(out)?,
        }
        Ok(results.exit())
    }

    fn judge<'a>(&'a self, rulebook: &'a Rulebook, views: &'a Views) -> ManifestJudge<'a> {
        let context = |view| Context::new(rulebook, Cluster::seen(view), self.rulebook.now());
        ManifestJudge {
            of_binding: context(&views.with_all),
            of_role: context(&views.with_roles),
            views,
            requester: self.requester.requester(),
        }
    }
}

/// What every binding is judged with.
struct ManifestJudge<'a> {
    of_binding: Context<'a>,
    of_role: Context<'a>,
    views: &'a Views,
    requester: Option<Requester<'a>>,
}

impl ManifestJudge<'_> {
    fn decide(&self, binding: &Binding<'_>) -> Decision {
        let request = BindingRequest::create(binding.clone(), self.requester.clone());
        decide(&request, self.of_binding)
    }
}

impl<'a> ManifestJudge<'a> {
    fn decide_role(&self, role: Role) -> Decision {
        let request: RoleRequest<'a> = RoleRequest {
            requester: self.requester.clone(),
            previous: self.views.previous(&role.name),
            role,
        };
        decide_role(&request, self.of_role)
    }
}

/// What the manifests hold, each object read once.
struct WrittenObjects {
    files: usize,
    objects: Vec<(Source, manifest::Object, StoredObject)>,
    skipped: Skipped,
    problems: Vec<Problem>,
}

impl WrittenObjects {
    fn read(manifests: Manifests, namespace: &str) -> Self {
        let mut written = Self {
            files: manifests.files,
            objects: Vec::new(),
            skipped: Skipped::default(),
            problems: manifests.problems,
        };
        for object in manifests.objects {
            written.add(object, namespace);
        }
        written
    }

    fn add(&mut self, object: SourcedManifest, namespace: &str) {
        match object.read(Some(namespace), Strictness::Written) {
            Some(Ok(fact)) => self.objects.push((object.source, object.content, fact)),
            Some(Err(problem)) => self.problems.push(problem),
            None => self.skipped.add(object),
        }
    }

    fn facts(&self) -> impl Iterator<Item = StoredObject> {
        self.objects.iter().map(|(_, _, fact)| fact.clone())
    }
}

/// All verdicts of a run.
struct Check {
    answers: Vec<Answer>,
    files: usize,
    skipped: Skipped,
    problems: Vec<Problem>,
}

impl Check {
    fn of(written: WrittenObjects, judge: &ManifestJudge<'_>) -> Self {
        let objects = written.objects.into_iter();
        Self {
            answers: objects
                .map(|(source, content, fact)| answer(source, &content, fact, judge))
                .collect(),
            files: written.files,
            skipped: written.skipped,
            problems: written.problems,
        }
    }

    fn fail_if_nothing(&mut self) {
        if !self.answers.is_empty() || !self.problems.is_empty() {
            return;
        }
        self.problems.push(match self.skipped.in_words() {
            None => Problem::NoObjects,
            Some(skipped) => Problem::NothingJudged(format!(", only {skipped}")),
        });
    }

    fn results<'r>(&'r self, fail_on: FailOn, rulebook: &'r Rulebook) -> Results<'r> {
        Results {
            answers: &self.answers,
            problems: &self.problems,
            skipped: &self.skipped,
            fail_on,
            rulebook,
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
        if let Some(skipped) = self.skipped.in_words() {
            line = format!("{line}; {skipped} skipped");
        }
        let unjudged = self
            .problems
            .iter()
            .filter(|problem| problem.is_about_input());
        match unjudged.count() {
            0 => {}
            count => line = format!("{line}; {} not judged", counted(count, "input")),
        }
        let unjudged: Vec<Rule> = results.unjudged().collect();
        let lines: Vec<String> = std::iter::once(line).chain(not_judged(&unjudged)).collect();
        lines.join("\n")
    }

    fn report(&self, results: Results<'_>) -> Decisions<'_, CheckSummary<'_>> {
        Decisions {
            summary: CheckSummary {
                files: self.files,
                bindings: results.bindings(),
                roles: results.roles(),
                verdicts: results.verdicts(),
                skipped: self.skipped.count(),
                skipped_kinds: self.skipped.kinds(),
                unreadable: self.problems.len(),
                not_judged: results.unjudged().collect(),
            },
            decisions: self.answers.iter().map(Answer::report).collect(),
        }
    }
}

fn answer(
    source: Source,
    content: &manifest::Object,
    fact: StoredObject,
    judge: &ManifestJudge<'_>,
) -> Answer {
    let kind = fact.kind().as_str();
    let name = fact.name().clone();
    let decision = match fact {
        StoredObject::Binding(binding) => judge.decide(&binding.to_judge()),
        StoredObject::Role(role) => judge.decide_role(role),
    };
    let findings = decision.findings.iter();
    Answer {
        lines: findings
            .map(|finding| content.line_of(&finding.field.to_string()))
            .collect(),
        decision,
        kind,
        namespace: name.namespace.as_deref().map(str::to_owned),
        name: name.name.to_string(),
        source: Some(source),
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
manifest in a folder, no binding and no role at all; 3 a file that cannot be read.";
