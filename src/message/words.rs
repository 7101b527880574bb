//! Names, subjects, roles and scopes in words.

use std::sync::Arc;

use crate::domain::{
    Applicability, BindingName, Cause, Decision, Finding, Holding, Scope, Standing, Subject,
    SubjectKind,
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

/// Whom a finding is about: the subject, or the role itself; where a role is written, with the binding that hands it out.
pub fn who(finding: &Finding, decision: &Decision) -> String {
    let whom = match (&finding.subject, &finding.cause) {
        (Some(meant), _) => subject(meant),
        (None, Cause::Drift(role, _)) => format!("ClusterRole {}", name(role)),
        (None, Cause::Takes(object, _)) => object.to_string(),
        (None, _) => role(decision),
    };
    match &finding.binding {
        Some(binding) => format!("{whom} through {}", binding_name(binding)),
        None => whom,
    }
}

/// `RoleBinding vms/dev`, `ClusterRoleBinding admins`.
pub(super) fn binding_name(binding: &BindingName) -> String {
    let (kind, own) = (binding.kind(), name(&binding.name));
    match binding.scope.namespace() {
        Some(namespace) => format!("{kind} {}/{own}", name(namespace)),
        None => format!("{kind} {own}"),
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
pub fn in_scope(scope: &Scope<'_>) -> String {
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

/// `Cluster Viewer (project orchard-prod)`, or why a subject of that kind holds nothing.
pub fn held(kind: SubjectKind, holds: &[Holding], standing: &Standing) -> String {
    let kind = match kind {
        SubjectKind::Group => "team",
        SubjectKind::User | SubjectKind::ServiceAccount => "user",
    };
    match standing {
        _ if !holds.is_empty() => holdings(holds),
        Standing::Known | Standing::Undisclosed => String::from("nothing in Palette"),
        Standing::KnownHere => String::from("nothing that counts in this cluster"),
        Standing::Inactive => String::from("nothing: the user is not active in Palette"),
        Standing::Unknown { near } => {
            format!(
                "nothing: Palette has no {kind} of this name{}",
                did_you_mean(near.as_deref())
            )
        }
        Standing::Prefixed {
            prefix,
            name: known,
        } => format!(
            "nothing: Palette has no {kind} of this name; without `{}` it has `{}`",
            name(prefix),
            name(known)
        ),
        Standing::Unprefixed { prefix, near } => format!(
            "nothing: here, the names of Palette's {kind}s begin with `{}`{}",
            name(prefix),
            did_you_mean(near.as_deref())
        ),
        Standing::ClusterIdentity => {
            String::from("nothing: a name of the cluster's own, unknown to Palette")
        }
        Standing::Everybody => String::from("nothing: no Palette role is everybody's"),
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean {}?", spelled(near)))
        .unwrap_or_default()
}

/// A name that another looks like: beyond ASCII, with its code points, since two forms of a letter look the same.
pub(super) fn spelled(text: &str) -> String {
    let strange = text.chars().filter(|letter| !letter.is_ascii());
    let points: Vec<String> = strange
        .take(CODE_POINTS_SHOWN)
        .map(|letter| format!("U+{:04X}", u32::from(letter)))
        .collect();
    match &*points {
        [] => format!("`{}`", name(text)),
        points => format!("`{}` (with {})", name(text), points.join(", ")),
    }
}

/// `Cluster Viewer, Virtual Machine User (project orchard-prod)`, what counts first.
fn holdings(holdings: &[Holding]) -> String {
    let mut groups: Vec<String> = Vec::new();
    for group in holdings.chunk_by(|a, b| a.applicability == b.applicability && a.scope == b.scope)
    {
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
            applicability(first.applicability)
        ));
    }
    let more = more(groups.len(), SCOPES_SHOWN);
    groups.truncate(SCOPES_SHOWN);
    format!("{}{more}", groups.join("; "))
}

pub(super) fn more(count: usize, shown: usize) -> String {
    if count > shown {
        format!(" and {} more", count - shown)
    } else {
        String::new()
    }
}

/// Why what is held does not count: `, not for this namespace`; empty where it does.
pub fn applicability(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Counts => "",
        Applicability::OtherNamespace => ", not for this namespace",
        Applicability::ClusterWide => ", never cluster-wide",
        Applicability::OtherWorkspace => ", which this cluster is not in",
        Applicability::OtherProject => ", which is not this cluster's",
        Applicability::NoProject => ", but this cluster belongs to no project",
        Applicability::ProjectUnknown => ", but the policy does not name this cluster's project",
    }
}

/// The findings about the same subject.
pub(super) fn siblings<'d>(
    finding: &Finding,
    decision: &'d Decision,
) -> impl Iterator<Item = &'d Finding> {
    let field = finding.field;
    decision
        .findings
        .iter()
        .filter(move |other| other.field == field)
}

const CUT: &str = "...";
/// The length of a DNS label, so that no name of an ordinary object is cut.
const NAME_CHARACTERS: usize = 63;
/// Names that look alike differ in one or two characters.
const CODE_POINTS_SHOWN: usize = 4;
/// An administrator holds dozens.
const ROLES_SHOWN: usize = 12;
const SCOPES_SHOWN: usize = 6;
