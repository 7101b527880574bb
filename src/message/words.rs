use std::fmt::Write as _;
use std::sync::Arc;

use crate::domain::{
    Cause, Decision, Field, Finding, Holding, Reach, Scope, Standing, Subject, SubjectKind,
};

/// A name of the request, for people: cut in the middle over 63 characters, and escaped.
pub fn name(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_CHARACTERS {
        return name.escape_debug().collect();
    }
    let kept = (NAME_CHARACTERS - CUT.len()) / 2;
    let head = name.chars().take(kept).flat_map(char::escape_debug);
    let tail = name
        .chars()
        .skip(length - kept)
        .flat_map(char::escape_debug);
    head.chain(CUT.chars()).chain(tail).collect()
}

/// One finding in one line: who, what is wrong, and the way out.
pub fn line(finding: &Finding, decision: &Decision) -> String {
    let mut line = subject(&finding.subject);
    for (label, text) in lines(finding, decision) {
        let separator = if label == WHY { ":" } else { ";" };
        let _ = write!(
            line,
            "{separator} {}",
            if label == WHY {
                text
            } else {
                format!("{label} {text}")
            }
        );
    }
    line
}

/// What is wrong, without who and without the way out.
pub fn reason(finding: &Finding, decision: &Decision) -> String {
    let first = lines(finding, decision).into_iter().next();
    first.map_or_else(String::new, |(label, text)| match label {
        WHY => text,
        label => format!("{label} {text}"),
    })
}

/// What people read below a subject, label and text: what is wrong first, the way out last.
pub(super) fn lines(finding: &Finding, decision: &Decision) -> Vec<(&'static str, String)> {
    match &finding.cause {
        Cause::Requirement(standing) => requirement(finding, standing, decision),
        cause => vec![(WHY, why(cause)), (MAY, way_out(finding, decision))],
    }
}

/// `User ines@orchard.test`, `ServiceAccount vms/picker`.
pub fn subject(subject: &Subject<'_>) -> String {
    match &subject.namespace {
        Some(namespace) => format!(
            "{} {}/{}",
            subject.kind,
            name(namespace),
            name(&subject.name)
        ),
        None => format!("{} {}", subject.kind, name(&subject.name)),
    }
}

/// `ClusterRole spectro-vm-admin`.
pub(super) fn role(decision: &Decision) -> String {
    format!("{} {}", decision.role.kind, name(&decision.role.name))
}

/// `in namespace vms`, `in the whole cluster`.
pub fn place(scope: &Scope<'_>) -> String {
    match scope {
        Scope::Namespace(namespace) => format!("in namespace {}", name(namespace)),
        Scope::Cluster => String::from("in the whole cluster"),
    }
}

/// `Cluster Admin or Cluster Editor; Virtual Machine Admin`.
pub fn groups(groups: &[Vec<Arc<str>>]) -> String {
    let groups: Vec<String> = groups
        .iter()
        .map(|group| {
            group
                .iter()
                .map(|role| name(role))
                .collect::<Vec<_>>()
                .join(" or ")
        })
        .collect();
    groups.join("; ")
}

fn requirement(
    finding: &Finding,
    standing: &Standing,
    decision: &Decision,
) -> Vec<(&'static str, String)> {
    let (lacks, may) = (groups(&finding.lacks), may(finding, standing, decision));
    if *standing == Standing::Undisclosed {
        return vec![(NEEDS, lacks), (MAY, may)];
    }
    let holds = held(finding.subject.kind, &finding.holds, standing);
    vec![(LACKS, lacks), (HOLDS, holds), (MAY, may)]
}

/// `Cluster Viewer (project orchard-prod)`, or why a subject of that kind holds nothing.
pub fn held(kind: SubjectKind, holds: &[Holding], standing: &Standing) -> String {
    let kind = match kind {
        SubjectKind::Group => "team",
        SubjectKind::User | SubjectKind::ServiceAccount => "user",
    };
    match standing {
        _ if !holds.is_empty() => holdings(holds),
        Standing::Known | Standing::Undisclosed => String::from("nothing in Palette"),
        Standing::Inactive => String::from("nothing: the user is not active in Palette"),
        Standing::Unknown { near } => {
            format!(
                "nothing: Palette has no {kind} of this name{}",
                did_you_mean(near.as_deref())
            )
        }
        Standing::Unprefixed { prefix, near } => format!(
            "nothing: here, the names of Palette's {kind}s begin with `{}`{}",
            name(prefix),
            did_you_mean(near.as_deref())
        ),
        Standing::ClusterIdentity => {
            String::from("nothing: a name of the cluster's own, unknown to Palette")
        }
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{}`?", name(near)))
        .unwrap_or_default()
}

/// `Cluster Viewer, Virtual Machine User (project orchard-prod)`, what counts first.
fn holdings(holdings: &[Holding]) -> String {
    let mut groups: Vec<String> = Vec::new();
    for group in holdings.chunk_by(|a, b| a.reach == b.reach && a.scope == b.scope) {
        let Some(first) = group.first() else { continue };
        let roles: Vec<String> = group
            .iter()
            .take(ROLES_SHOWN)
            .map(|holding| name(&holding.role))
            .collect();
        let more = more(group.len(), ROLES_SHOWN);
        groups.push(format!(
            "{}{more} ({}{})",
            roles.join(", "),
            name(&first.scope),
            reach(first.reach)
        ));
    }
    let more = more(groups.len(), SCOPES_SHOWN);
    groups.truncate(SCOPES_SHOWN);
    format!("{}{more}", groups.join("; "))
}

fn more(count: usize, shown: usize) -> String {
    if count > shown {
        format!(" and {} more", count - shown)
    } else {
        String::new()
    }
}

/// Why what is held does not count: `, not for this namespace`; empty where it does.
pub fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Counts => "",
        Reach::OtherNamespace => ", not for this namespace",
        Reach::ClusterWide => ", never cluster-wide",
        Reach::OtherWorkspace => ", which this cluster is not in",
        Reach::OtherProject => ", which is not this cluster's",
        Reach::NoProject => ", but this cluster belongs to no project",
        Reach::ProjectUnknown => ", but the policy does not name this cluster's project",
    }
}

fn may(finding: &Finding, standing: &Standing, decision: &Decision) -> String {
    let here = if is_wide_in_vain(finding, decision) {
        "in a namespace"
    } else {
        "here"
    };
    match (standing, finding.field, &finding.may) {
        (_, Field::UserInfo, _) => String::from("ask someone who has them to make this binding"),
        (_, _, Some(role)) => format!(
            "be given {} {here}; for more, ask for the missing roles in Palette",
            name(role)
        ),
        (
            Standing::Unknown { near: Some(near) }
            | Standing::Unprefixed {
                near: Some(near), ..
            },
            ..,
        ) => format!("be written `{}`, if that is who is meant", name(near)),
        (Standing::Unprefixed { near: None, .. } | Standing::Unknown { near: None }, ..) => {
            String::from(
                "be given the role once Palette knows the name and it has the missing roles",
            )
        }
        (Standing::Inactive, ..) => {
            String::from("be given the role once the user is active and has the missing roles")
        }
        (Standing::ClusterIdentity, ..) => {
            String::from("be let through by an exemption of the policy")
        }
        (Standing::Undisclosed, ..) => {
            String::from("be given the role once it has all of these in Palette")
        }
        (Standing::Known, ..) => {
            format!("be given no VM role {here} yet; ask for the missing roles in Palette")
        }
    }
}

/// Whether the grant is cluster-wide where only namespaces are allowed, whatever the role.
fn is_wide_in_vain(finding: &Finding, decision: &Decision) -> bool {
    siblings(finding, decision)
        .any(|other| matches!(other.cause, Cause::ClusterGroup(_) | Cause::Workspace(_)))
}

/// The findings about the same subject.
fn siblings<'d>(finding: &Finding, decision: &'d Decision) -> impl Iterator<Item = &'d Finding> {
    let field = finding.field;
    decision
        .findings
        .iter()
        .filter(move |other| other.field == field)
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Requirement(_) => String::new(),
        Cause::StaleDirectory => {
            String::from("what is known of Palette's roles is older than the policy allows")
        }
        Cause::ClusterGroup(group) => format!(
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

fn way_out(finding: &Finding, decision: &Decision) -> String {
    match &finding.cause {
        Cause::ClusterGroup(_) | Cause::Workspace(_) => namespaced(finding, decision),
        Cause::Everybody | Cause::AllServiceAccounts => {
            String::from("be replaced by the users and teams who are meant")
        }
        Cause::ServiceAccount => String::from("be let through by an exemption of the policy"),
        Cause::StaleDirectory => String::from("be given the role once the directory is read again"),
        Cause::Requirement(_) => String::new(),
    }
}

/// How to grant in a namespace what may be granted there.
fn namespaced(finding: &Finding, decision: &Decision) -> String {
    let unmet = siblings(finding, decision).find(|other| !other.lacks.is_empty());
    let role = unmet.and_then(|unmet| unmet.may.as_deref());
    let command = command(&finding.subject, role.unwrap_or(&decision.role.name));
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

const LACKS: &str = "lacks";
const NEEDS: &str = "needs";
const HOLDS: &str = "holds";
const WHY: &str = "why";
const MAY: &str = "may";

const CUT: &str = "...";
const NAME_CHARACTERS: usize = 63;
/// The longest name in a command to paste: a DNS name's, so that no real one is cut.
const ARGUMENT_BYTES: usize = 253;
const ROLES_SHOWN: usize = 12;
const SCOPES_SHOWN: usize = 6;
