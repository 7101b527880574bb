//! `explain`: what a subject holds in Palette, and what it may be given here.

#![expect(
    clippy::doc_markdown,
    reason = "comments of flags are printed as help, where backticks are noise"
)]

mod abilities;
mod binding;
mod names;
mod roles;
mod subject;

use std::sync::Arc;

use clap::Args;

use super::facts::FactsArgs;
use super::inputs::RulebookArgs;
use super::output::Output;
use super::{Exit, Failure, OutputFormat};
use crate::decide::Context;
use crate::domain::{Decision, RoleKind, RoleRef, Scope, Word, nearest};
use crate::explain::{Abilities, Comparison, explain, explain_binding, highest, required};
use crate::facts::{Cluster, ObjectName, View};
use names::{BindingArgument, RoleName, SubjectName};

/// Tell what a subject may be given and why, what a binding grants, what a role can do, and how two roles compare
///
/// Of a subject the answer comes from policy and directory, by the rules that judge a binding, and from the cluster's
/// facts if they are named. With --namespace it is about that namespace, otherwise about the whole cluster, with the
/// highest VM role by namespace.
///
/// Bindings and roles are read from --facts, or from the cluster of the current kubeconfig.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// KIND:NAME or KIND/NAME, where KIND is User, Group or ServiceAccount (NAMESPACE/NAME); a bare NAME is a User
    #[arg(
        short,
        long,
        env = "PALETTE_RBAC_SUBJECT",
        value_name = "SUBJECT",
        required_unless_present_any = ["binding", "role"]
    )]
    subject: Option<SubjectName>,
    /// A binding of the cluster: NAMESPACE/NAME, or the NAME of a ClusterRoleBinding
    #[arg(
        short,
        long,
        env = "PALETTE_RBAC_BINDING",
        value_name = "BINDING",
        conflicts_with_all = ["subject", "role"]
    )]
    binding: Option<BindingArgument>,
    /// The role to explain, a ClusterRole or `Role/NAME`; for a subject, without it: every role of the mapping
    #[arg(short, long, env = "PALETTE_RBAC_ROLE", value_name = "ROLE")]
    role: Option<RoleName>,
    /// The role to compare that of --role with
    #[arg(
        long,
        env = "PALETTE_RBAC_COMPARE",
        value_name = "ROLE",
        requires = "role",
        conflicts_with = "subject"
    )]
    compare: Option<RoleName>,
    /// The namespace; without it, the whole cluster
    #[arg(short, long, env = "PALETTE_RBAC_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// How the answer is printed
    #[arg(short, long, env = "PALETTE_RBAC_OUTPUT", value_enum, default_value_t)]
    output: OutputFormat,
    #[command(flatten)]
    rulebook: RulebookArgs,
    #[command(flatten)]
    facts: FactsArgs,
}

impl ExplainArgs {
    /// Explains; the exit code says whether what was asked about would be refused.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        match (&self.binding, &self.subject, &self.role, &self.compare) {
            (Some(binding), ..) => self.explain_binding(binding, output),
            (None, Some(subject), ..) => self.explain_subject(subject, output),
            (None, None, Some(role), None) => self.explain_role(role, output),
            (None, None, Some(role), Some(other)) => self.compare(role, other, output),
            // clap asks for one of them.
            (None, None, None, _) => Err(Failure::usage("name a subject, a binding or a role")),
        }
    }

    fn explain_subject(
        &self,
        subject: &SubjectName,
        output: &mut Output<'_>,
    ) -> Result<Exit, Failure> {
        let namespace = self.namespace.as_deref();
        let subject = subject.subject(namespace)?;
        let role = self.role.as_ref().map(|role| role.role(namespace));
        let role = role.transpose()?;
        let rulebook = self.rulebook.rulebook(output, &self.facts.cluster())?;
        let view = self.facts.read(output)?.map(|mut facts| facts.view());
        let cluster = view.as_deref().map_or_else(Cluster::default, Cluster::seen);
        let context = Context::new(&rulebook, cluster, self.rulebook.now());
        let explanation = explain(&subject, &self.scope(), role.as_ref(), context);
        let highest = match (&role, namespace) {
            (None, None) => highest(&subject, context),
            _ => Vec::new(),
        };
        let out = &mut output.out;
        match self.output {
            OutputFormat::Text => {
                subject::write_text(&explanation, &highest, role.is_some(), &rulebook, out)?;
            }
            OutputFormat::Json => subject::write_json(&explanation, &highest, out)?,
        }
        let of_role = explanation.roles.iter().filter(|_| role.is_some());
        Ok(exit(of_role))
    }

    fn explain_binding(
        &self,
        binding: &BindingArgument,
        output: &mut Output<'_>,
    ) -> Result<Exit, Failure> {
        let rulebook = self.rulebook.rulebook(output, &self.facts.cluster())?;
        let view = self.facts.read_or_ask(output)?.view();
        let name = binding.object(self.namespace.as_deref());
        let found = view.binding(&name);
        let found = found.ok_or_else(|| no_binding(&name, &view))?;
        let context = Context::new(&rulebook, Cluster::seen(&view), self.rulebook.now());
        let explanation = explain_binding(found, context);
        let out = &mut output.out;
        match self.output {
            OutputFormat::Text => binding::write_text(&explanation, out)?,
            OutputFormat::Json => binding::write_json(&explanation, out)?,
        }
        Ok(exit([&explanation.decision].into_iter()))
    }

    fn explain_role(&self, role: &RoleName, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let role = role.role(self.namespace.as_deref())?;
        let rulebook = self.rulebook.rulebook(output, &self.facts.cluster())?;
        let view = self.facts.read_or_ask(output)?.view();
        let abilities = self.abilities(&role, &view)?;
        let context = Context::new(&rulebook, Cluster::seen(&view), self.rulebook.now());
        let required = required(&role, &self.scope(), context);
        let out = &mut output.out;
        match self.output {
            OutputFormat::Text => roles::write_role(&abilities, &required, out)?,
            OutputFormat::Json => roles::write_role_json(&abilities, &required, out)?,
        }
        Ok(Exit::Success)
    }

    fn compare(
        &self,
        role: &RoleName,
        other: &RoleName,
        output: &mut Output<'_>,
    ) -> Result<Exit, Failure> {
        let namespace = self.namespace.as_deref();
        let (role, other) = (role.role(namespace)?, other.role(namespace)?);
        let view = self.facts.read_or_ask(output)?.view();
        let first = self.abilities(&role, &view)?;
        let comparison = Comparison::of(first, self.abilities(&other, &view)?);
        let out = &mut output.out;
        match self.output {
            OutputFormat::Text => roles::write_comparison(&comparison, out)?,
            OutputFormat::Json => roles::write_comparison_json(&comparison, out)?,
        }
        Ok(Exit::Success)
    }

    fn abilities(&self, role: &RoleRef<'_>, view: &View) -> Result<Abilities, Failure> {
        let scope = self.scope();
        Abilities::of(role, &scope, view).ok_or_else(|| no_role(role, &scope, view))
    }

    fn scope(&self) -> Scope<'_> {
        match &self.namespace {
            Some(namespace) => Scope::Namespace(namespace.into()),
            None => Scope::Cluster,
        }
    }
}

fn exit<'d>(mut decisions: impl Iterator<Item = &'d Decision>) -> Exit {
    if decisions.any(|decision| !decision.verdict.admits()) {
        Exit::Denied
    } else {
        Exit::Success
    }
}

fn no_binding(name: &ObjectName, view: &View) -> Failure {
    let kind = match name.namespace {
        Some(_) => "RoleBinding",
        None => "ClusterRoleBinding",
    };
    let others = view.bindings().map(|binding| &binding.name);
    not_found(kind, name, others)
}

fn no_role(role: &RoleRef<'_>, scope: &Scope<'_>, view: &View) -> Failure {
    let namespace = scope.namespace().filter(|_| role.kind == RoleKind::Role);
    let name = ObjectName {
        namespace: namespace.map(Arc::from),
        name: (&*role.name).into(),
    };
    let others = view.roles().map(|known| &known.role().name);
    not_found(role.kind.as_str(), &name, others)
}

/// Names the nearest one that is of the cluster, or of a namespace, too.
fn not_found<'v>(
    kind: &str,
    name: &ObjectName,
    others: impl Iterator<Item = &'v ObjectName>,
) -> Failure {
    let alike = others.filter(|other| other.namespace.is_some() == name.namespace.is_some());
    let alike: Vec<String> = alike.map(ToString::to_string).collect();
    let near = nearest(&name.to_string(), alike.iter().map(String::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?"));
    Failure::usage(&format!(
        "no {kind} `{name}` in the cluster{}",
        near.unwrap_or_default()
    ))
}

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

  # What does that binding grant, and who may have it? Of the current cluster
  palette-rbac explain --binding vms/dev-admins --directory directory.yaml

  # What can the copy do that the original cannot? From a dump
  palette-rbac explain --role spectro-vm-user --compare pickers --facts cluster.json

Exit codes: 0; 1 the role that --role names, or the binding, would be refused; 2 bad input, or no such binding or role; \
3 a file or a cluster that cannot be read.";
