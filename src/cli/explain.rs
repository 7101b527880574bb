//! `explain`: what a subject holds in Palette, and what it may be given here.

#![expect(
    clippy::doc_markdown,
    reason = "comments of flags are printed as help, where backticks are noise"
)]

use std::io::{self, Write};
use std::str::FromStr;

use clap::Args;
use serde::Serialize;

use super::inputs::RulingArgs;
use super::output::{BAD, CAUTION, GOOD, Output};
use super::report::{self, FindingReport, HoldingReport, RoleReport, ScopeReport, SubjectReport};
use super::{Exit, Failure, OutputFormat};
use crate::decide::Class;
use crate::domain::{
    Decision, Effect, Finding, Principal, Reach, RoleKind, RoleRef, Scope, Subject, SubjectKind,
    Verdict,
};
use crate::explain::{Explanation, explain};
use crate::facts::Cluster;
use crate::message;
use crate::ruling::Ruling;

/// Tell what a subject holds in Palette, which roles it may be given here, and why not
///
/// The answer comes from policy and directory alone, by the rules that judge a binding. With --namespace it is about
/// that namespace, otherwise about the whole cluster.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// KIND:NAME or KIND/NAME, where KIND is User, Group or ServiceAccount (NAMESPACE/NAME); a bare NAME is a User
    #[arg(short, long, env = "PALETTE_RBAC_SUBJECT", value_name = "SUBJECT")]
    subject: SubjectName,
    /// The namespace; without it, the whole cluster
    #[arg(short, long, env = "PALETTE_RBAC_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// The role to explain, a ClusterRole or `Role/NAME`; without it, every role of the mapping
    #[arg(short, long, env = "PALETTE_RBAC_ROLE", value_name = "ROLE")]
    role: Option<RoleName>,
    /// How the answer is printed
    #[arg(short, long, env = "PALETTE_RBAC_OUTPUT", value_enum, default_value_t)]
    output: OutputFormat,
    #[command(flatten)]
    ruling: RulingArgs,
}

impl ExplainArgs {
    /// Explains; with a role, the exit code says whether it would be refused.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let (subject, role) = (self.subject()?, self.role()?);
        let ruling = self.ruling.ruling(output)?;
        let explanation = explain(
            &subject,
            &self.scope(),
            role.as_ref(),
            &ruling,
            Cluster::default(),
            self.ruling.now(),
        );
        match self.output {
            OutputFormat::Text => self.write_text(&explanation, &ruling, &mut output.out)?,
            OutputFormat::Json => {
                report::write_json(&mut output.out, &ExplainResult::new(&explanation))?;
            }
        }
        Ok(self.exit(&explanation))
    }

    fn scope(&self) -> Scope<'_> {
        match &self.namespace {
            Some(namespace) => Scope::Namespace(namespace.into()),
            None => Scope::Cluster,
        }
    }

    fn subject(&self) -> Result<Subject<'_>, Failure> {
        self.subject.subject(self.namespace.as_deref())
    }

    fn role(&self) -> Result<Option<RoleRef<'_>>, Failure> {
        let Some(role) = &self.role else {
            return Ok(None);
        };
        if role.kind == RoleKind::Role && self.namespace.is_none() {
            return Err(Failure::usage(
                "a Role is in a namespace; name it with --namespace",
            ));
        }
        Ok(Some(RoleRef {
            kind: role.kind,
            name: role.name.as_str().into(),
        }))
    }

    fn exit(&self, explanation: &Explanation) -> Exit {
        let mut verdicts = explanation.roles.iter().map(|decision| decision.verdict);
        if self.role.is_some() && verdicts.any(|verdict| !verdict.admits()) {
            Exit::Denied
        } else {
            Exit::Success
        }
    }

    fn write_text(
        &self,
        explanation: &Explanation,
        ruling: &Ruling,
        out: &mut impl Write,
    ) -> io::Result<()> {
        write_subject(explanation, out)?;
        match &self.role {
            Some(_) => explanation
                .roles
                .iter()
                .try_for_each(|decision| write_reason(decision, ruling, out)),
            None => write_roles(explanation, out),
        }
    }
}

/// `User ines@orchard.test in namespace vms`, its standing, its teams and what it holds.
fn write_subject(explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    let subject = &explanation.subject;
    writeln!(
        out,
        "{} {}",
        message::subject(subject),
        message::place(&explanation.scope)
    )?;
    if let Some(class) = class_in_words(explanation.class) {
        return writeln!(out, "  is    {class}");
    }
    if !explanation.teams.is_empty() {
        let teams: Vec<String> = explanation
            .teams
            .iter()
            .map(|team| message::name(team))
            .collect();
        writeln!(out, "  in    team {}", teams.join(", "))?;
    }
    if explanation.holds.is_empty() {
        let nothing = message::held(subject.kind, &[], &explanation.standing);
        return writeln!(out, "  holds {nothing}");
    }
    writeln!(out, "  holds")?;
    for holding in &explanation.holds {
        let (style, counts) = match holding.reach {
            Reach::Counts => (GOOD, "counts"),
            _ => (CAUTION, "does not"),
        };
        writeln!(
            out,
            "    {style}{counts:8}{style:#} {} ({}{})",
            message::name(&holding.role),
            message::name(&holding.scope),
            message::reach(holding.reach)
        )?;
    }
    Ok(())
}

/// Why what Palette says of a name does not matter.
const fn class_in_words(class: Class) -> Option<&'static str> {
    match class {
        Class::Masters => Some("a group that may do everything anyway; it is not judged"),
        Class::ServiceAccount => Some("a ServiceAccount, which has no roles in Palette"),
        Class::AllServiceAccounts => Some("all ServiceAccounts, of the cluster or of a namespace"),
        Class::Everybody => Some("everybody"),
        Class::ClusterIdentity => Some("a name of the cluster's own, unknown to Palette"),
        Class::Person => None,
    }
}

/// Every role of the mapping with its verdict, and what each refusal is about.
fn write_roles(explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  may be given")?;
    let width = explanation
        .roles
        .iter()
        .map(|decision| decision.role.name.chars().count())
        .max()
        .unwrap_or_default();
    for decision in &explanation.roles {
        let (style, word) = verdict_in_words(decision.verdict);
        let name = message::name(&decision.role.name);
        let reasons: Vec<String> = decision.findings.iter().map(reason).collect();
        let line = format!("{name:width$}  {}", reasons.join("; "));
        writeln!(out, "    {style}{word:8}{style:#} {}", line.trim_end())?;
    }
    Ok(())
}

/// The one role that was asked about, in the words of a refusal.
fn write_reason(decision: &Decision, ruling: &Ruling, out: &mut impl Write) -> io::Result<()> {
    let (style, word) = verdict_in_words(decision.verdict);
    let role = format!(
        "{} {}",
        decision.role.kind,
        message::name(&decision.role.name)
    );
    writeln!(out, "  may be given")?;
    writeln!(out, "    {style}{word:8}{style:#} {role}")?;
    if ruling.governs(&decision.role).is_none() {
        writeln!(
            out,
            "             no role of the mapping, so nothing is asked of who is given it by this name"
        )?;
    }
    for line in in_words(decision) {
        writeln!(out, "             {line}")?;
    }
    Ok(())
}

/// A refusal as kubectl shows it; otherwise every finding on a line, with what it does.
fn in_words(decision: &Decision) -> Vec<String> {
    if !decision.verdict.admits() {
        let refusal = message::refusal(decision);
        return refusal.lines().map(str::to_owned).collect();
    }
    let line = |finding: &Finding| {
        let words = message::line(finding, decision);
        format!("[{}, {}] {words}", finding.rule, finding.effect)
    };
    decision.findings.iter().map(line).collect()
}

const fn verdict_in_words(verdict: Verdict) -> (anstyle::Style, &'static str) {
    match verdict {
        Verdict::Denied => (BAD, "no"),
        Verdict::Warned => (CAUTION, "warning"),
        Verdict::Exempted => (CAUTION, "exempted"),
        Verdict::Audited => (CAUTION, "audited"),
        Verdict::Unchanged | Verdict::Allowed => (GOOD, "yes"),
    }
}

/// What is lacking, or the rule that says no whatever is held.
fn reason(finding: &Finding) -> String {
    let exempted = match (finding.effect, &finding.exemption) {
        (Effect::Exempt, Some(exemption)) => format!(" (exemption {})", message::name(exemption)),
        _ => String::new(),
    };
    if finding.lacks.is_empty() {
        format!("[{}]{exempted}", finding.rule)
    } else {
        format!("lacks {}{exempted}", message::groups(&finding.lacks))
    }
}

/// A subject as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SubjectName {
    kind: SubjectKind,
    name: String,
}

impl FromStr for SubjectName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text
            .split_once([':', '/'])
            .and_then(|(kind, name)| Some((subject_kind(kind)?, name)))
            .unwrap_or((SubjectKind::User, text));
        if name.is_empty() {
            return Err("the name is empty");
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

impl SubjectName {
    /// A ServiceAccount without a namespace is one of the namespace that is asked about, as in a binding.
    fn subject<'s>(&'s self, namespace: Option<&'s str>) -> Result<Subject<'s>, Failure> {
        let (namespace, name) = match (self.kind, Principal::of_username(&self.name)) {
            (SubjectKind::User | SubjectKind::Group, _) => (None, &*self.name),
            (SubjectKind::ServiceAccount, Principal::ServiceAccount { namespace, name }) => {
                (Some(namespace), name)
            }
            (SubjectKind::ServiceAccount, _) => {
                let (own, name) = self.namespace_and_name();
                let namespace = own.or(namespace);
                let namespace = namespace.ok_or_else(|| Failure::usage(NO_NAMESPACE))?;
                (Some(namespace), name)
            }
        };
        Ok(Subject {
            kind: self.kind,
            namespace: namespace.map(Into::into),
            name: name.into(),
        })
    }

    /// `NAMESPACE/NAME`, or `NAMESPACE:NAME` as in kubectl's flags.
    fn namespace_and_name(&self) -> (Option<&str>, &str) {
        self.name
            .split_once(['/', ':'])
            .map_or((None, &self.name), |(namespace, name)| {
                (Some(namespace), name)
            })
    }
}

/// Kinds are taken in any case here, as kubectl takes them.
fn subject_kind(word: &str) -> Option<SubjectKind> {
    SubjectKind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(word))
}

/// A role as it is typed: a ClusterRole, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RoleName {
    kind: RoleKind,
    name: String,
}

impl FromStr for RoleName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kinds = [RoleKind::ClusterRole, RoleKind::Role];
        let (kind, name) = text
            .split_once('/')
            .and_then(|(word, name)| {
                let mut kinds = kinds.into_iter();
                let kind = kinds.find(|kind| kind.as_str().eq_ignore_ascii_case(word))?;
                Some((kind, name))
            })
            .unwrap_or((RoleKind::ClusterRole, text));
        if name.is_empty() {
            return Err("the name is empty");
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

/// What `explain --output json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainResult<'a> {
    api_version: &'static str,
    kind: &'static str,
    subject: SubjectReport<'a>,
    scope: ScopeReport<'a>,
    teams: Vec<&'a str>,
    holds: Vec<HoldingReport<'a>>,
    roles: Vec<RoleAnswer<'a>>,
}

#[derive(Debug, Serialize)]
struct RoleAnswer<'a> {
    role: RoleReport<'a>,
    decision: &'static str,
    findings: Vec<FindingReport<'a>>,
}

impl<'a> ExplainResult<'a> {
    fn new(explanation: &'a Explanation) -> Self {
        Self {
            api_version: report::API_VERSION,
            kind: "ExplainResult",
            subject: SubjectReport::new(&explanation.subject),
            scope: ScopeReport::new(&explanation.scope),
            teams: explanation.teams.iter().map(|team| &**team).collect(),
            holds: report::holdings(&explanation.holds),
            roles: explanation.roles.iter().map(RoleAnswer::new).collect(),
        }
    }
}

impl<'a> RoleAnswer<'a> {
    fn new(decision: &'a Decision) -> Self {
        Self {
            role: RoleReport::new(&decision.role),
            decision: decision.verdict.as_str(),
            findings: report::findings(decision),
        }
    }
}

const NO_NAMESPACE: &str =
    "a ServiceAccount is in a namespace; write ServiceAccount:NAMESPACE/NAME";

const EXAMPLES: &str = "\
Examples:
  # What does she hold, and what may she be given in that namespace?
  palette-rbac explain --subject ines@orchard.test --namespace vms --directory directory.yaml

  # Why may the team not have this role in the whole cluster?
  palette-rbac explain --subject Group:orchard-vm-ops --role spectro-vm-admin \\
    --directory directory.yaml

  # Of a ServiceAccount, for a script
  palette-rbac explain --subject ServiceAccount:vms/picker --namespace vms --output json \\
    --directory directory.yaml

Exit codes: 0; 1 the role that --role names would be refused; 2 bad input; 3 a file that cannot be read.";
