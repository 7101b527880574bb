//! A binding: what it grants, and who of its subjects may have that.

use super::abilities::{Abilities, Required, required};
use crate::audit;
use crate::decide::{Class, Context, identity};
use crate::domain::{
    BindingKind, Decision, Field, Finding, Holding, RoleRef, Scope, Standing, Subject,
};
use crate::facts::{ObjectName, StoredBinding};

/// The answer about one binding that is there.
#[derive(Debug, Clone)]
pub struct BindingExplanation {
    /// Its kind.
    pub kind: BindingKind,
    /// Its name.
    pub name: ObjectName,
    /// What its role allows.
    pub allows: Allows,
    /// What is asked of its subjects.
    pub required: Vec<Required>,
    /// Its subjects, in its order.
    pub subjects: Vec<Bound>,
    /// What would be decided about it, were it made now.
    pub decision: Decision,
}

/// What is known of a binding's role.
#[derive(Debug, Clone)]
pub enum Allows {
    /// What it allows.
    Known(Box<Abilities>),
    /// There is none.
    Missing,
    /// Nothing.
    Unknown,
}

/// A subject of a binding.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Who.
    pub subject: Subject<'static>,
    /// Which rules judge it.
    pub class: Class,
    /// What Palette knows of it.
    pub standing: Standing,
    /// What it holds; what counts in the binding's scope comes first.
    pub holds: Vec<Holding>,
    field: Field,
}

impl Allows {
    fn of(role: &RoleRef<'_>, scope: &Scope<'_>, context: Context<'_>) -> Self {
        let Some(view) = context.cluster.view else {
            return Self::Unknown;
        };
        match Abilities::of(role, scope, view) {
            Some(abilities) => Self::Known(Box::new(abilities)),
            None if view.lacks(role, scope) => Self::Missing,
            None => Self::Unknown,
        }
    }
}

impl Bound {
    /// What is wrong with its grant; a subject that is listed twice is told of once.
    pub fn findings<'d>(&self, decision: &'d Decision) -> impl Iterator<Item = &'d Finding> {
        let field = self.field;
        let findings = decision.findings.iter();
        findings.filter(move |finding| finding.field == field)
    }
}

/// Explains a binding: what it grants, which VM role that is equivalent to, who may have it and why.
pub fn explain_binding(binding: &StoredBinding, context: Context<'_>) -> BindingExplanation {
    let rulebook = context.rulebook;
    let judged = binding.to_judge();
    let (role, scope) = (&judged.role, &judged.scope);
    let subjects = judged.subjects.iter().enumerate();
    BindingExplanation {
        kind: judged.kind(),
        name: binding.name.clone(),
        allows: Allows::of(role, scope, context),
        required: required(role, scope, context),
        subjects: subjects
            .map(|(index, subject)| {
                let principal = subject.principal();
                let holder = identity::holder(principal, rulebook).unwrap_or_default();
                Bound {
                    subject: subject.clone().into_owned(),
                    class: identity::class_of(principal, rulebook),
                    standing: identity::standing(principal, rulebook),
                    holds: rulebook.holdings(&holder, scope),
                    field: Field::Subject(index),
                }
            })
            .collect(),
        decision: audit::judge(binding, context),
    }
}
