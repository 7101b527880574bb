//! A finding in lines: what is wrong, what is lacking, what is held, the way out.

use std::fmt::Write as _;

use super::reasons::{way_out, why};
use super::words::{groups, held, name, siblings, spelled, who};
use crate::domain::{Cause, Decision, Field, Finding, Judged, Standing, SubjectKind};

/// One finding in one line: who, what is wrong, and the way out.
pub fn line(finding: &Finding, decision: &Decision) -> String {
    let mut line = who(finding, decision);
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

/// What is wrong and what is lacking, without who, what is held and the way out.
pub fn reason(finding: &Finding, decision: &Decision) -> String {
    let lines = lines(finding, decision).into_iter();
    let told: Vec<String> = lines
        .filter_map(|(label, text)| match label {
            WHY => Some(text),
            LACKS | NEEDS => Some(format!("{label} {text}")),
            _ => None,
        })
        .collect();
    told.join("; ")
}

/// What people read below a subject, label and text: what is wrong first, the way out last.
pub fn lines(finding: &Finding, decision: &Decision) -> Vec<(&'static str, String)> {
    match &finding.cause {
        Cause::Requirement(standing) => requirement(finding, standing, decision),
        Cause::Equivalent(_, standing)
        | Cause::Cumulative(_, standing, _)
        | Cause::Everywhere(_, standing, _)
        | Cause::EscalationPaths(_, standing)
            if *standing != Standing::Everybody =>
        {
            let mut lines = vec![(WHY, why(finding, decision))];
            lines.extend(requirement(finding, standing, decision));
            lines
        }
        _ => vec![
            (WHY, why(finding, decision)),
            (MAY, way_out(finding, decision)),
        ],
    }
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
    let kind = finding.subject.as_ref().map(|subject| subject.kind);
    let holds = held(kind.unwrap_or(SubjectKind::User), &finding.holds, standing);
    vec![(LACKS, lacks), (HOLDS, holds), (MAY, may)]
}

fn may(finding: &Finding, standing: &Standing, decision: &Decision) -> String {
    if decision.judged == Judged::Role {
        return String::from(
            "be taken out of the binding first, or be given the missing roles in Palette",
        );
    }
    let here = if is_wide_in_vain(finding, decision) {
        "in a namespace"
    } else {
        "here"
    };
    match (standing, finding.field, &finding.may) {
        (_, Field::UserInfo, _) => String::from("ask someone who has them to make this binding"),
        (_, _, Some(_)) | (Standing::Known | Standing::KnownHere, ..)
            if matches!(finding.cause, Cause::EscalationPaths(..)) =>
        {
            String::from(
                "be bound once it has the missing roles in Palette, or the role no longer opens that",
            )
        }
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
        ) => format!("be written {}, if that is who is meant", spelled(near)),
        (Standing::Unprefixed { near: None, .. } | Standing::Unknown { near: None }, ..) => {
            once_palette_knows(finding)
        }
        (
            Standing::Prefixed {
                prefix,
                name: known,
            },
            ..,
        ) => {
            let field = match finding.subject.as_ref().map(|subject| subject.kind) {
                Some(SubjectKind::Group) => "groupsPrefix",
                _ => "usernamePrefix",
            };
            format!(
                "be written `{}`; or if the API server puts `{}` before names, `identity.{field}` of the policy has to say so",
                name(known),
                name(prefix)
            )
        }
        (Standing::Inactive, ..) => {
            String::from("be given the role once the user is active and has the missing roles")
        }
        (Standing::ClusterIdentity, ..) => {
            String::from("be let through by an exemption of the policy")
        }
        (Standing::Everybody, ..) => {
            String::from("be replaced by the users and teams who are meant")
        }
        (Standing::Undisclosed, ..) => {
            String::from("be given the role once it has all of these in Palette")
        }
        (Standing::Known | Standing::KnownHere, ..) => {
            format!("be given no VM role {here} yet; ask for the missing roles in Palette")
        }
    }
}

/// What to do about a name that nobody in Palette has: a group may be another identity provider's.
fn once_palette_knows(finding: &Finding) -> String {
    let kind = finding.subject.as_ref().map(|subject| subject.kind);
    String::from(match kind {
        Some(SubjectKind::Group) => {
            "be given the role once a team of this name has the missing roles in Palette, or `identity.aliases` of the policy says which team it is"
        }
        _ => "be given the role once Palette knows the name and it has the missing roles",
    })
}

/// Whether the grant is cluster-wide where only namespaces are allowed, whatever the role.
fn is_wide_in_vain(finding: &Finding, decision: &Decision) -> bool {
    siblings(finding, decision)
        .any(|other| matches!(other.cause, Cause::ClusterGroup(..) | Cause::Workspace(_)))
}

const LACKS: &str = "lacks";
const NEEDS: &str = "needs";
const HOLDS: &str = "holds";
const WHY: &str = "why";
const MAY: &str = "may";
