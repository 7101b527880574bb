//! Why a grant breaks a rule, and what to do instead.

use std::sync::Arc;

use super::words::{binding_name, more, name, siblings};
use crate::domain::{
    BindingName, Cause, Decision, Effect, Equivalence, Finding, Judged, OwnObject, Standing,
    Subject, SubjectKind, Takes,
};

/// What is wrong, where it is not what the subject lacks.
pub(super) fn why(finding: &Finding, decision: &Decision) -> String {
    match &finding.cause {
        Cause::Requirement(_) => String::new(),
        Cause::Equivalent(equivalence, standing) => {
            format!(
                "the role {}{}",
                can(equivalence, decision),
                everybody(standing)
            )
        }
        Cause::Cumulative(equivalence, standing, others) => {
            // Whoever asks need not be allowed to list bindings.
            let others = match standing {
                Standing::Undisclosed => String::from("what it is bound to already"),
                _ => bindings(others),
            };
            format!("with {others}, it {}", can(equivalence, decision))
        }
        Cause::Everywhere(equivalence, _, count) => format!(
            "with this it is bound in all {count} namespaces that have bindings, which is as good as {} in the whole cluster",
            name(&equivalence.role)
        ),
        Cause::DanglingRole => {
            String::from("the role does not exist, and whoever creates it decides what it grants")
        }
        Cause::UnreadableRole => String::from(
            "the role could not be read from the API server, so nobody knows what it allows",
        ),
        Cause::EscalationPaths(names, standing) => format!(
            "the role opens ways to rights that it does not give: {}{}",
            names.join(", "),
            everybody(standing)
        ),
        Cause::Drift(vm_role, can) => {
            let when = match decision.judged {
                Judged::Binding => "at the moment",
                Judged::Role | Judged::Deletion => "with these rules",
            };
            format!(
                "{when} it can {}, which {} is documented not to",
                abilities(can),
                name(vm_role)
            )
        }
        Cause::Takes(object, takes) => taken(object, takes),
        Cause::BreaksBindings(grants) => format!(
            "with these rules {grants} {} would allow more than may be held",
            if *grants == 1 {
                "grant that is there"
            } else {
                "grants that are there"
            }
        ),
        Cause::StaleDirectory => {
            String::from("what is known of Palette's roles is older than the policy allows")
        }
        Cause::ClusterGroup(group, _) => format!(
            "the cluster belongs to cluster group {}, where every binding is made at namespace level",
            name(group)
        ),
        Cause::Workspace(workspaces) => {
            let workspaces: Vec<String> =
                workspaces.iter().map(|workspace| name(workspace)).collect();
            format!(
                "the cluster belongs to workspace {}, where every binding is made at namespace level",
                workspaces.join(", ")
            )
        }
        Cause::Everybody => String::from("this stands for everybody"),
        Cause::AllServiceAccounts => {
            String::from("this stands for all ServiceAccounts, of the cluster or of a namespace")
        }
        Cause::ServiceAccount => String::from(
            "a ServiceAccount has no roles in Palette, and its token is a way around them",
        ),
    }
}

/// The way out, where it is not the missing roles: what completes "may", and so begins with a verb.
pub(super) fn way_out(finding: &Finding, decision: &Decision) -> String {
    match &finding.cause {
        Cause::ClusterGroup(_, true) => format!(
            "be let through by an exemption of the policy that names {}: in a namespace it allows nothing",
            super::words::role(decision)
        ),
        Cause::ClusterGroup(_, false) | Cause::Workspace(_) => namespaced(finding, decision),
        Cause::Everybody
        | Cause::AllServiceAccounts
        | Cause::Equivalent(..)
        | Cause::EscalationPaths(..) => {
            String::from("be replaced by the users and teams who are meant")
        }
        Cause::ServiceAccount => String::from("be let through by an exemption of the policy"),
        Cause::Takes(..) => String::from(
            "be done once the webhook's registration is deleted, which comes first when it is uninstalled",
        ),
        Cause::StaleDirectory => String::from("be given the role once the directory is read again"),
        Cause::DanglingRole => String::from("be bound once the role exists"),
        Cause::UnreadableRole => {
            String::from("be bound when the API server answers the webhook again")
        }
        Cause::Drift(..) if decision.judged == Judged::Binding => {
            String::from("be bound without this once its rules are as documented again")
        }
        Cause::Drift(vm_role, _) => {
            format!(
                "be written without that, or the policy give {} another requirement",
                name(vm_role)
            )
        }
        Cause::BreaksBindings(_) => String::from(
            "be written without what is new; who may read bindings finds which they are with `palette-rbac explain`",
        ),
        Cause::Requirement(_) | Cause::Cumulative(..) | Cause::Everywhere(..) => String::new(),
    }
}

/// What the webhook would no longer have.
fn taken(object: &OwnObject, takes: &Takes) -> String {
    match takes {
        Takes::Everything => format!("this webhook sees and reports by the rights of {object}"),
        Takes::Rules => format!(
            "this webhook needs the rules of {object}, and what others are labelled would say them"
        ),
        Takes::Rights(rights) => {
            let shown: Vec<&String> = rights.iter().take(RIGHTS_SHOWN).collect();
            let more = more(rights.len(), RIGHTS_SHOWN);
            format!(
                "this webhook would lose what it needs: {}{more}",
                all_of(&shown)
            )
        }
        Takes::Account => String::from("this webhook would lose the rights that it needs"),
    }
}

const fn everybody(standing: &Standing) -> &'static str {
    match standing {
        Standing::Everybody => ", and this stands for everybody",
        _ => "",
    }
}

/// `can delete, migrate: as much as spectro-vm-power-user`.
fn can(equivalence: &Equivalence, decision: &Decision) -> String {
    let role = name(&equivalence.role);
    let (can, allows) = match decision.judged {
        Judged::Binding => ("can", "allows"),
        Judged::Role | Judged::Deletion => ("could then", "would then allow"),
    };
    if equivalence.is_too_large {
        let is = match decision.judged {
            Judged::Binding => "is",
            Judged::Role | Judged::Deletion => "would then be",
        };
        format!("{is} too large to judge: it counts as one that allows everything, as {role} does")
    } else if equivalence.can.is_empty() {
        format!("{allows} as much as {role} does in this cluster")
    } else {
        format!("{can} {}: as much as {role}", abilities(&equivalence.can))
    }
}

/// `launch and delete virtual machines, manage templates`.
fn abilities(capabilities: &[&str]) -> String {
    let (manage, machines): (Vec<&str>, Vec<&str>) = capabilities
        .iter()
        .partition(|capability| capability.starts_with("manage"));
    let machines =
        (!machines.is_empty()).then(|| format!("{} virtual machines", all_of(&machines)));
    let all: Vec<&str> = machines.as_deref().into_iter().chain(manage).collect();
    all_of(&all)
}

/// `RoleBinding vms/dev and ClusterRoleBinding admins`, the first of them.
fn bindings(others: &[Arc<BindingName>]) -> String {
    let shown = others.iter().take(BINDINGS_SHOWN);
    let shown: Vec<String> = shown.map(|other| binding_name(other)).collect();
    let more = more(others.len(), BINDINGS_SHOWN);
    format!("{}{more}", all_of(&shown))
}

/// `a, b and c`.
fn all_of(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// How to grant in a namespace what may be granted there.
fn namespaced(finding: &Finding, decision: &Decision) -> String {
    // What is merely told does not stand in the way, and what a detour asks for has nothing to do with the role.
    let mut others = siblings(finding, decision).filter(|other| other.effect == Effect::Deny);
    let unmet = others.find(|other| {
        matches!(
            other.cause,
            Cause::Requirement(_) | Cause::Equivalent(..) | Cause::Cumulative(..)
        )
    });
    let role = unmet.and_then(|unmet| unmet.may.as_deref());
    let Some(subject) = &finding.subject else {
        return String::new();
    };
    let command = command(subject, role.unwrap_or(&decision.role.name));
    match (unmet, role) {
        (Some(_), None) => format!("then be bound in each namespace: {command}"),
        _ => format!("be bound in each namespace: {command}"),
    }
}

/// The command that makes the grant in one namespace.
fn command(subject: &Subject<'_>, role: &str) -> String {
    let name = argument(&subject.name);
    let flag = match (subject.kind, &subject.namespace) {
        (SubjectKind::User, _) => format!("--user={name}"),
        (SubjectKind::Group, _) => format!("--group={name}"),
        (SubjectKind::ServiceAccount, namespace) => {
            let namespace = argument(namespace.as_deref().unwrap_or_default());
            format!("--serviceaccount={namespace}:{name}")
        }
    };
    let role = argument(role);
    format!("kubectl create rolebinding NAME --clusterrole={role} {flag} --namespace=NAMESPACE")
}

/// A word that is safe to paste into a shell; a name that is not is left for the reader to fill in.
fn argument(text: &str) -> &str {
    let is_safe =
        |character: char| character.is_ascii_alphanumeric() || "@%_+=:,./-".contains(character);
    if text.len() <= ARGUMENT_BYTES && text.chars().all(is_safe) {
        text
    } else {
        "SUBJECT"
    }
}

/// The longest name in a command to paste: a DNS name's, so that no real one is cut.
const ARGUMENT_BYTES: usize = 253;
/// Whoever looks for the others has `explain`.
const BINDINGS_SHOWN: usize = 3;
const RIGHTS_SHOWN: usize = 3;
