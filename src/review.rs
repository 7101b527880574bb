//! The whole pure path: bytes in, bytes and [`Outcome`] out.

use std::borrow::Cow;

use enum_map::Enum;
use jiff::Timestamp;
use serde::Deserialize;
use strum::{IntoEnumIterator, IntoStaticStr};

use crate::admission::{
    self, AdmissionRequest, Envelope, InvalidObject, ObjectKind, OperationLabel, Response,
    RoleObjects, uid_of,
};
use crate::decide::{Context, RoleRequest, decide, decide_deletion, decide_role, role_to_read};
use crate::domain::{BindingRequest, Decision, Deletion, Effect, Notice, Rule, Verdict, Word};
use crate::facts::{ObjectName, Role, StoredObject};
use crate::message;
use crate::rulebook::Rulebook;

/// What is sent back for a body.
#[derive(Debug)]
pub enum Reply {
    /// HTTP 200 with this `AdmissionReview`.
    Review {
        /// Its bytes.
        body: Vec<u8>,
        /// What was decided, for counting and logging.
        outcome: Outcome,
    },
    /// Nothing yet: this role has to be read from the API server.
    RoleToRead(ObjectName),
    /// HTTP 400: there is no uid to answer with.
    NoUid {
        /// What is wrong with the body.
        reason: String,
    },
}

/// What was decided about one review, for counting and logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The uid of the request.
    pub uid: String,
    /// The kind of object.
    pub kind: ObjectKind,
    /// What the request does.
    pub operation: OperationLabel,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// What was decided.
    pub decision: DecisionLabel,
    /// The namespace of the object, raw.
    pub namespace: Option<String>,
    /// The name of the object, raw.
    pub name: String,
    /// How many subjects the binding has.
    pub subjects: usize,
    /// Every finding.
    pub findings: Vec<FindingLabels>,
    /// Whether a break-glass group turned a refusal into an admission.
    pub break_glass: bool,
    /// Rules that could not be judged, since what they ask about is not known.
    pub unjudged: Vec<Rule>,
}

/// A finding as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingLabels {
    /// The rule.
    pub rule: Rule,
    /// What took effect.
    pub effect: Effect,
    /// The role's place in the policy's mapping; absent: another role.
    pub role: Option<usize>,
}

/// The decision as the metrics and the log tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum DecisionLabel {
    /// Refused: it could not be understood.
    Invalid,
    /// What the engine said.
    #[strum(transparent)]
    Judged(Verdict),
}

impl Outcome {
    /// The rules that were broken, each once, in the order of the table.
    pub fn rules(&self) -> Vec<Rule> {
        Rule::iter()
            .filter(|rule| self.findings.iter().any(|found| found.rule == *rule))
            .collect()
    }

    /// Whether an exemption covered a finding.
    pub fn exempted(&self) -> bool {
        !self.break_glass
            && self
                .findings
                .iter()
                .any(|found| found.effect == Effect::Exempt)
    }
}

/// The role or binding that a review would write; none for a dry run, a deletion, and what cannot be read.
pub fn written_object(body: &[u8]) -> Option<StoredObject> {
    #[derive(Deserialize)]
    struct Written {
        request: WrittenRequest,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct WrittenRequest {
        dry_run: Option<bool>,
        object: Option<StoredObject>,
    }
    let review: Written = serde_json::from_slice(body).ok()?;
    let is_dry = review.request.dry_run.unwrap_or_default();
    review.request.object.filter(|_| !is_dry)
}

/// Judges one body. Whatever is wrong with it, a uid that can be read is answered.
///
/// Where a role has to be read from the API server first, [`Reply::RoleToRead`] says so; the body is then judged again,
/// with a view that has the role.
pub fn review(body: &[u8], context: Context<'_>) -> Reply {
    let rulebook = context.rulebook;
    let envelope = match Envelope::read(body) {
        Ok(envelope) => envelope,
        Err(admission::Unreadable {
            uid: Some(uid),
            reason,
        }) => {
            return unreadable(uid, &reason, rulebook);
        }
        Err(admission::Unreadable { uid: None, reason }) => return Reply::NoUid { reason },
    };
    match envelope.ask() {
        Ok(AdmissionRequest::Binding(request)) => binding(&envelope, &request, context),
        Ok(AdmissionRequest::Role(objects)) => match role_request(&objects) {
            Ok(request) => role(&envelope, &request, context),
            Err(invalid) => refused(&envelope, &invalid, rulebook),
        },
        Ok(AdmissionRequest::Delete(request)) => deletion(&envelope, &request, context),
        Err(invalid) => refused(&envelope, &invalid, rulebook),
    }
}

/// Refuses a body over the limit, with the uid of its first bytes: a legal object can be padded past any limit.
pub fn review_oversized(first_bytes: &[u8], limit: usize, rulebook: &Rulebook) -> Reply {
    let reason = format!("the review is larger than {limit} bytes (--max-body-bytes)");
    match uid_of(first_bytes) {
        Some(uid) => unreadable(uid, &reason, rulebook),
        None => Reply::NoUid { reason },
    }
}

fn binding(envelope: &Envelope<'_>, request: &BindingRequest<'_>, context: Context<'_>) -> Reply {
    if let Some(role) = role_to_read(request, context) {
        return Reply::RoleToRead(role);
    }
    let decision = decide(request, context);
    let mut outcome = outcome(envelope, DecisionLabel::Judged(decision.verdict));
    outcome.subjects = request.binding.subjects.len();
    request.binding.name.as_ref().clone_into(&mut outcome.name);
    judged(outcome, &decision, context)
}

fn role(envelope: &Envelope<'_>, request: &RoleRequest<'_>, context: Context<'_>) -> Reply {
    let decision = decide_role(request, context);
    let outcome = outcome(envelope, DecisionLabel::Judged(decision.verdict));
    judged(outcome, &decision, context)
}

/// An old role that cannot be read counts as none: everything that the new one allows is new.
fn role_request<'a>(objects: &RoleObjects<'a>) -> Result<RoleRequest<'a>, InvalidObject> {
    let read = |json| Role::from_json(objects.kind, json);
    Ok(RoleRequest {
        requester: Some(objects.requester.clone()),
        role: read(objects.object)
            .map_err(|error| InvalidObject::one("request.object", error.to_string()))?,
        previous: objects.old.and_then(|old| read(old).ok()),
    })
}

fn judged(mut outcome: Outcome, decision: &Decision, context: Context<'_>) -> Reply {
    let Context { rulebook, now, .. } = context;
    let role = rulebook.governs(&decision.role);
    outcome.findings = decision
        .findings
        .iter()
        .map(|finding| FindingLabels {
            rule: finding.rule,
            effect: finding.effect,
            role,
        })
        .collect();
    outcome.break_glass = decision
        .notices
        .iter()
        .any(|notice| matches!(notice, Notice::BreakGlass { .. }));
    outcome.unjudged.clone_from(&decision.unjudged);
    let response = Response {
        uid: &outcome.uid,
        refusal: (!decision.verdict.admits()).then(|| message::refusal(decision)),
        causes: causes(decision),
        warnings: message::warnings(decision),
        audit_annotations: annotations(&outcome, rulebook, Some(now)),
    };
    Reply::Review {
        body: response.to_bytes(),
        outcome,
    }
}

fn deletion(envelope: &Envelope<'_>, request: &Deletion<'_>, context: Context<'_>) -> Reply {
    let decision = decide_deletion(request, context);
    let mut outcome = outcome(envelope, DecisionLabel::Judged(decision.verdict));
    if !decision.findings.is_empty() {
        request.name.as_ref().clone_into(&mut outcome.name);
        return judged(outcome, &decision, context);
    }
    let audit_annotations = annotations(&outcome, context.rulebook, None);
    let response = Response {
        uid: envelope.uid(),
        audit_annotations,
        ..Response::default()
    };
    Reply::Review {
        body: response.to_bytes(),
        outcome,
    }
}

fn refused(envelope: &Envelope<'_>, invalid: &InvalidObject, rulebook: &Rulebook) -> Reply {
    let outcome = outcome(envelope, DecisionLabel::Invalid);
    let kind = match outcome.kind {
        ObjectKind::Other => None,
        kind => Some(kind.as_str()),
    };
    let problems = invalid
        .fields
        .iter()
        .map(|field| (&*field.field, &*field.problem));
    let refusal = message::invalid(kind, &outcome.name, outcome.namespace.as_deref(), problems);
    let response = Response {
        uid: envelope.uid(),
        refusal: Some(refusal),
        audit_annotations: annotations(&outcome, rulebook, None),
        ..Response::default()
    };
    Reply::Review {
        body: response.to_bytes(),
        outcome,
    }
}

fn unreadable(uid: String, reason: &str, rulebook: &Rulebook) -> Reply {
    let outcome = Outcome {
        uid,
        kind: ObjectKind::Other,
        operation: OperationLabel::Other,
        dry_run: false,
        decision: DecisionLabel::Invalid,
        namespace: None,
        name: String::new(),
        subjects: 0,
        findings: Vec::new(),
        break_glass: false,
        unjudged: Vec::new(),
    };
    let reason: String = reason.escape_debug().collect();
    let response = Response {
        uid: &outcome.uid,
        refusal: Some(message::invalid(
            None,
            "",
            None,
            std::iter::once(("body", &*reason)),
        )),
        audit_annotations: annotations(&outcome, rulebook, None),
        ..Response::default()
    };
    Reply::Review {
        body: response.to_bytes(),
        outcome,
    }
}

fn outcome(envelope: &Envelope<'_>, decision: DecisionLabel) -> Outcome {
    Outcome {
        uid: envelope.uid().to_owned(),
        kind: envelope.kind(),
        operation: envelope.operation(),
        dry_run: envelope.is_dry_run(),
        decision,
        namespace: envelope.namespace().map(str::to_owned),
        name: envelope.name().to_owned(),
        subjects: 0,
        findings: Vec::new(),
        break_glass: false,
        unjudged: Vec::new(),
    }
}

fn causes(decision: &Decision) -> Vec<admission::StatusCause> {
    decision
        .findings
        .iter()
        .filter(|finding| finding.effect == Effect::Deny)
        .take(CAUSES)
        .map(|finding| admission::StatusCause {
            reason: finding.rule.as_str(),
            message: message::line(finding, decision),
            field: finding.field.to_string(),
        })
        .collect()
}

fn annotations<'r>(
    outcome: &Outcome,
    rulebook: &'r Rulebook,
    now: Option<Timestamp>,
) -> Vec<(&'static str, Cow<'r, str>)> {
    let mut annotations = vec![
        ("decision", Cow::Borrowed(outcome.decision.as_str())),
        ("policy-revision", Cow::Borrowed(&**rulebook.revision())),
    ];
    let rules: Vec<&str> = outcome.rules().into_iter().map(Into::into).collect();
    if !rules.is_empty() {
        annotations.push(("rules", rules.join(",").into()));
    }
    if let Some(now) = now {
        annotations.push((
            "directory-age-seconds",
            rulebook.directory_age(now).as_secs().to_string().into(),
        ));
    }
    annotations
}

/// How many causes a refusal lists.
const CAUSES: usize = 100;
