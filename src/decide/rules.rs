//! The rules about one grant.

use strum::IntoEnumIterator;

use super::Context;
use super::equivalent_role::{self, EquivalentRole};
use super::grants::Grant;
use super::identity::{self, Class};
use super::known;
use super::role_knowledge::RoleKnowledge;
use crate::domain::{
    Action, BindingRequest, Cause, Effect, Field, Finding, Principal, Requester, RoleKind, RoleRef,
    Rule, Scope, Standing, Subject, SubjectKind,
};
use crate::policy::{Disclose, Membership, OnStale, RoleClass, Writer};
use crate::rbac::Capabilities;
use crate::rbac::escalation::EscalationPath;
use crate::rulebook::{Holder, Rulebook, requester_requirement};

/// Judges one request; each rule is a method that returns its finding about a grant, or nothing.
pub(super) struct Judge<'r> {
    pub(super) request: &'r BindingRequest<'r>,
    pub(super) context: Context<'r>,
    governed: Option<Governed>,
    /// What is known of the role; nothing needs to be where the mapping names the `ClusterRole`.
    knowledge: Option<RoleKnowledge<'r>>,
    /// The VM roles that the role is equivalent to, where its name does not say.
    equivalents: Vec<EquivalentRole>,
    /// What a VM role can do that it is documented not to.
    drift: Capabilities,
}

/// The entry of the mapping that the binding's role has.
#[derive(Debug, Clone, Copy)]
struct Governed {
    entry: usize,
    class: RoleClass,
}

impl<'r> Judge<'r> {
    pub(super) fn new(request: &'r BindingRequest<'r>, context: Context<'r>) -> Self {
        let rulebook = context.rulebook;
        let role = &request.binding.role;
        let judge = Self {
            request,
            context,
            governed: rulebook
                .governs(role)
                .and_then(|entry| rulebook.class(entry).map(|class| Governed { entry, class })),
            knowledge: None,
            equivalents: Vec::new(),
            drift: Capabilities::default(),
        };
        match judge.governed {
            _ if !is_judged_by_name(role, rulebook) => judge.with_rules(),
            Some(governed) => judge.looked_at(governed),
            None => judge,
        }
    }

    /// A `ClusterRole` of the mapping asks for its entry, and is looked at: a name hides no rules.
    ///
    /// A standard role is judged by the higher of its name and what it can do; of one that the API server restores, what
    /// goes beyond the published rules counts. A VM role stays one, and what it can do beyond its documents is told.
    fn looked_at(self, Governed { entry, class }: Governed) -> Self {
        let (role, scope) = (&self.request.binding.role, &self.request.binding.scope);
        let known = self
            .context
            .cluster
            .view
            .and_then(|view| view.resolve(role, scope));
        let Some(known) = known else {
            return self;
        };
        match class {
            RoleClass::Vm => Self {
                drift: equivalent_role::beyond_its_documents(known, scope, self.context.rulebook),
                ..self
            },
            RoleClass::Standard => Self {
                knowledge: Some(RoleKnowledge::Known(known)),
                equivalents: EquivalentRole::beyond_its_name(
                    known,
                    scope,
                    entry,
                    self.context.rulebook,
                ),
                ..self
            },
        }
    }

    /// The same, but the role is judged by what it can do even where the mapping names it.
    pub(super) fn by_rules(request: &'r BindingRequest<'r>, context: Context<'r>) -> Self {
        let judge = Self::new(request, context);
        if is_judged_by_name(&request.binding.role, context.rulebook) {
            judge.with_rules()
        } else {
            judge
        }
    }

    fn with_rules(self) -> Self {
        let (role, scope) = (&self.request.binding.role, &self.request.binding.scope);
        let knowledge = RoleKnowledge::of(role, scope, self.context.cluster);
        let equivalents = match knowledge {
            RoleKnowledge::Known(role) => {
                EquivalentRole::of_role(role, scope, self.context.rulebook)
            }
            RoleKnowledge::Unknown | RoleKnowledge::Dangling | RoleKnowledge::Unreadable => {
                Vec::new()
            }
        };
        Self {
            knowledge: Some(knowledge),
            equivalents,
            ..self
        }
    }

    /// Every finding about the grants, in the order of subjects, then of rules; the requester's comes last.
    pub(super) fn findings(&self, added: &[Grant<'_>]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for grant in added {
            self.about(grant, &mut findings);
        }
        findings.extend(self.drifted());
        findings.extend(self.requester());
        findings
    }

    /// Rule `role-drift` of the VM role that is granted.
    fn drifted(&self) -> Option<Finding> {
        if self.drift.is_empty() {
            return None;
        }
        let cause = Cause::Drift(
            (&*self.request.binding.role.name).into(),
            self.drift.iter().map(Into::into).collect(),
        );
        let effect = self.effect(Rule::RoleDrift)?;
        Some(Finding::new(Rule::RoleDrift, effect, Field::Role, cause))
    }

    /// Whether a grant is judged by what the directory says.
    pub(super) fn judges_people(&self, added: &[Grant<'_>]) -> bool {
        let asks = self.governed.is_some() || !self.equivalents.is_empty();
        asks && added.iter().any(|grant| self.class(grant) == Class::Person)
    }

    pub(super) fn class(&self, grant: &Grant<'_>) -> Class {
        identity::class_of(grant.principal, self.context.rulebook)
    }

    /// Only the rules of the subject's class judge it.
    fn about(&self, grant: &Grant<'_>, findings: &mut Vec<Finding>) {
        match self.class(grant) {
            Class::Masters => {}
            Class::ServiceAccount => findings.extend(self.service_account(grant)),
            Class::AllServiceAccounts => {
                findings.extend(self.all_service_accounts(grant));
                findings.extend(self.equivalent(grant));
            }
            Class::Everybody => {
                findings.extend(self.equivalent(grant));
                findings.extend(self.everybody(grant));
                findings.extend(self.indirect(grant));
            }
            Class::ClusterIdentity => self.about_cluster_identity(grant, findings),
            Class::Person => self.about_person(grant, findings),
        }
    }

    fn about_person(&self, grant: &Grant<'_>, findings: &mut Vec<Finding>) {
        findings.extend(self.mapping(grant));
        findings.extend(self.equivalent(grant));
        findings.extend(self.cluster_group(grant));
        findings.extend(self.workspace(grant));
        findings.extend(self.dangling(grant));
        findings.extend(self.indirect(grant));
        findings.extend(self.cumulative(grant));
    }

    /// A name of the cluster's own is free of the rules about scope and about what is merely noteworthy, and of nothing
    /// else; what clusters bind to it by themselves passes.
    fn about_cluster_identity(&self, grant: &Grant<'_>, findings: &mut Vec<Finding>) {
        if known::is_known(grant.principal, &self.request.binding.role) {
            return;
        }
        findings.extend(self.mapping(grant));
        findings.extend(self.equivalent(grant));
    }

    /// Rules `vm-role-mapping` and `standard-role-mapping`.
    fn mapping(&self, grant: &Grant<'_>) -> Option<Finding> {
        let Governed { entry, class } = self.governed?;
        let rule = match class {
            RoleClass::Vm => Rule::VmRoleMapping,
            RoleClass::Standard => Rule::StandardRoleMapping,
        };
        let scope = &self.request.binding.scope;
        self.unmet(rule, entry, scope, grant, Cause::Requirement)
            .or_else(|| match class {
                RoleClass::Vm => self.stale_directory(rule, grant),
                RoleClass::Standard => None,
            })
    }

    /// The finding that a person does not meet an entry of the mapping in that scope.
    pub(super) fn unmet(
        &self,
        rule: Rule,
        entry: usize,
        scope: &Scope<'_>,
        grant: &Grant<'_>,
        cause: impl FnOnce(Standing) -> Cause,
    ) -> Option<Finding> {
        self.unmet_with(rule, self.effect(rule)?, entry, scope, grant, cause)
    }

    /// The same, with the effect of one of the rule's cases.
    fn unmet_with(
        &self,
        rule: Rule,
        effect: Effect,
        entry: usize,
        scope: &Scope<'_>,
        grant: &Grant<'_>,
        cause: impl FnOnce(Standing) -> Cause,
    ) -> Option<Finding> {
        let holder = identity::holder(grant.principal, self.context.rulebook).unwrap_or_default();
        let lacks = self.context.rulebook.lacks(entry, &holder, scope);
        if lacks.is_empty() {
            return None;
        }
        let standing = identity::standing(grant.principal, self.context.rulebook);
        let finding = Finding {
            lacks,
            requires: self.context.rulebook.requirement(entry).to_vec(),
            holds: self.context.rulebook.holdings(&holder, scope),
            may: self.context.rulebook.highest(&holder, scope).cloned(),
            ..found(rule, effect, grant, cause(standing))
        };
        let is_hidden = !self.discloses(grant) && self.class(grant) == Class::Person;
        Some(if is_hidden {
            finding.undisclosed()
        } else {
            finding
        })
    }

    /// Rule `equivalent-role`.
    fn equivalent(&self, grant: &Grant<'_>) -> Option<Finding> {
        match self.knowledge? {
            RoleKnowledge::Known(_) => self
                .exceeds_its_name(Rule::EquivalentRole, grant)
                .or_else(|| self.stale_equivalent(grant)),
            RoleKnowledge::Unreadable => {
                self.finding(Rule::EquivalentRole, grant, Cause::UnreadableRole)
            }
            RoleKnowledge::Dangling | RoleKnowledge::Unknown => None,
        }
    }

    /// Whether the subject may not hold one of the VM roles that a role is equivalent to.
    ///
    /// The one that the role's name asks for is judged by its name.
    pub(super) fn exceeds_its_name(&self, rule: Rule, grant: &Grant<'_>) -> Option<Finding> {
        let scope = &self.request.binding.scope;
        let equivalence = |equivalent: &EquivalentRole| equivalent.equivalence.clone();
        match self.class(grant) {
            Class::Everybody => {
                let cause =
                    Cause::Equivalent(equivalence(self.equivalents.first()?), Standing::Everybody);
                self.finding(rule, grant, cause)
            }
            Class::AllServiceAccounts if !self.grants(RoleClass::Vm) => {
                let equivalent = self.equivalents.first()?;
                self.unmet(rule, equivalent.entry, scope, grant, |_| {
                    Cause::Equivalent(equivalence(equivalent), Standing::ClusterIdentity)
                })
            }
            Class::Person | Class::ClusterIdentity => self
                .equivalents
                .iter()
                .filter(|equivalent| !self.is_named(equivalent.entry))
                .find_map(|equivalent| {
                    self.unmet(rule, equivalent.entry, scope, grant, |standing| {
                        Cause::Equivalent(equivalence(equivalent), standing)
                    })
                }),
            Class::Masters | Class::ServiceAccount | Class::AllServiceAccounts => None,
        }
    }

    /// Whether the role's name asks for that entry of the mapping.
    fn is_named(&self, entry: usize) -> bool {
        self.governed
            .is_some_and(|governed| governed.entry == entry)
    }

    /// Whether the subject may not hold what the role's name asks for, whatever the rules do about it.
    pub(super) fn breaks_by_name(&self, grant: &Grant<'_>) -> bool {
        let scope = &self.request.binding.scope;
        let holder = identity::holder(grant.principal, self.context.rulebook).unwrap_or_default();
        self.governed.is_some_and(|governed| {
            let lacks = self.context.rulebook.lacks(governed.entry, &holder, scope);
            !lacks.is_empty()
        })
    }

    /// Whether the role is not judged by its name, and nothing is known of it.
    pub(super) const fn does_not_know_the_role(&self) -> bool {
        matches!(self.knowledge, Some(RoleKnowledge::Unknown))
    }

    /// Rule `dangling-role`.
    fn dangling(&self, grant: &Grant<'_>) -> Option<Finding> {
        matches!(self.knowledge, Some(RoleKnowledge::Dangling))
            .then(|| self.finding(Rule::DanglingRole, grant, Cause::DanglingRole))
            .flatten()
    }

    /// Rule `indirect-reach`: whoever meets the highest VM role has nothing to reach by a detour.
    ///
    /// One finding for all detours of which the policy says the same, the strictest first.
    fn indirect(&self, grant: &Grant<'_>) -> Vec<Finding> {
        let detours = self.escalation_paths(grant);
        let with = |effect: Effect| -> Vec<&'static str> {
            let meant = detours.iter().filter(|(_, does)| *does == effect);
            meant.map(|(detour, _)| detour.name).collect()
        };
        let found = Effect::iter().rev().filter_map(|effect| {
            let names = with(effect);
            (!names.is_empty()).then(|| self.opening(names, effect, grant))?
        });
        found.collect()
    }

    /// The detours that the role opens here, each with what the policy does about it.
    fn escalation_paths(&self, grant: &Grant<'_>) -> Vec<(&'static EscalationPath, Effect)> {
        let (role, scope) = (&self.request.binding.role, &self.request.binding.scope);
        let Some(known) = self
            .context
            .cluster
            .view
            .and_then(|view| view.resolve(role, scope))
        else {
            return Vec::new();
        };
        let policy = self.context.rulebook.policy();
        let is_open = |detour: &EscalationPath| {
            !detour.is_to_the_webhook()
                || known
                    .rules(scope)
                    .reach_installation(&policy.installation, scope)
        };
        let detours = known
            .escalation_paths(scope)
            .filter(|detour| is_open(detour));
        let effects = detours.filter_map(|detour| {
            let effect = policy.effect_of_case(Rule::IndirectReach, detour.name)?;
            Some((detour, self.of_named_role(detour, effect, grant)?))
        });
        effects.collect()
    }

    /// What a detour does where the mapping names the role, whose requirement pays for what it can do: nothing, unless
    /// it leads to this webhook.
    ///
    /// In the webhook's namespace that is as for any role. In the whole cluster it is not refused, since the mapping
    /// is there for such grants; whoever meets the requirement is warned.
    fn of_named_role(
        &self,
        detour: &EscalationPath,
        effect: Effect,
        grant: &Grant<'_>,
    ) -> Option<Effect> {
        let binding = &self.request.binding;
        if !is_judged_by_name(&binding.role, self.context.rulebook) {
            return Some(effect);
        }
        match binding.scope {
            _ if !detour.is_to_the_webhook() => None,
            Scope::Namespace(_) => Some(effect),
            Scope::Cluster if self.breaks_by_name(grant) => None,
            Scope::Cluster => Some(effect.min(Effect::Warn)),
        }
    }

    fn opening(
        &self,
        detours: Vec<&'static str>,
        effect: Effect,
        grant: &Grant<'_>,
    ) -> Option<Finding> {
        let entry = self.context.rulebook.highest_vm_role()?;
        let scope = &self.request.binding.scope;
        if self.class(grant) == Class::Everybody {
            let cause = Cause::EscalationPaths(detours, Standing::Everybody);
            return Some(found(Rule::IndirectReach, effect, grant, cause));
        }
        let cause = |standing| Cause::EscalationPaths(detours, standing);
        self.unmet_with(Rule::IndirectReach, effect, entry, scope, grant, cause)
    }

    /// `onStaleDirectory: deny`: what the directory says is too old to hand out a VM role by it.
    fn stale_directory(&self, rule: Rule, grant: &Grant<'_>) -> Option<Finding> {
        let policy = self.context.rulebook.policy();
        let refuses = policy.on_stale == OnStale::Deny
            && self.context.rulebook.directory_is_stale(self.context.now);
        let effect = Effect::of(policy.mode.cap(Action::Deny)).filter(|_| refuses)?;
        Some(found(rule, effect, grant, Cause::StaleDirectory))
    }

    /// The same for a role that is equivalent to a VM role, unless its name says so already.
    fn stale_equivalent(&self, grant: &Grant<'_>) -> Option<Finding> {
        self.effect(Rule::EquivalentRole)?;
        let is_judged = !self.equivalents.is_empty()
            && !self.grants(RoleClass::Vm)
            && self.class(grant) == Class::Person;
        is_judged
            .then(|| self.stale_directory(Rule::EquivalentRole, grant))
            .flatten()
    }

    /// Rule `cluster-group-scope`.
    fn cluster_group(&self, grant: &Grant<'_>) -> Option<Finding> {
        match (
            &self.request.binding.scope,
            &self.context.rulebook.cluster().cluster_group,
        ) {
            (Scope::Cluster, Membership::Of(group)) => self.finding(
                Rule::ClusterGroupScope,
                grant,
                Cause::ClusterGroup(group.clone(), self.is_of_no_use_in_a_namespace()),
            ),
            (Scope::Cluster, Membership::None | Membership::Unknown) | (Scope::Namespace(_), _) => {
                None
            }
        }
    }

    /// Whether the role is about what belongs to the cluster only, as nodes do.
    fn is_of_no_use_in_a_namespace(&self) -> bool {
        let (role, scope) = (&self.request.binding.role, &self.request.binding.scope);
        let view = self.context.cluster.view;
        let known = view.and_then(|view| view.resolve(role, scope));
        let somewhere = Scope::Namespace("".into());
        known.is_some_and(|known| {
            !known.rules(scope).is_empty() && known.rules(&somewhere).is_empty()
        })
    }

    /// Rule `workspace-scope`.
    fn workspace(&self, grant: &Grant<'_>) -> Option<Finding> {
        let workspaces = &self.context.rulebook.cluster().workspaces;
        let concerned = self.request.binding.scope == Scope::Cluster && !workspaces.is_empty();
        concerned
            .then(|| {
                self.finding(
                    Rule::WorkspaceScope,
                    grant,
                    Cause::Workspace(workspaces.clone()),
                )
            })
            .flatten()
    }

    /// Rule `system-group` for a subject that stands for everybody.
    fn everybody(&self, grant: &Grant<'_>) -> Option<Finding> {
        self.governed
            .and_then(|_| self.finding(Rule::SystemGroup, grant, Cause::Everybody))
    }

    /// Rule `system-group` for all service accounts: VM roles only, since a standard role for them is Kubernetes' own
    /// documented practice.
    fn all_service_accounts(&self, grant: &Grant<'_>) -> Option<Finding> {
        self.grants(RoleClass::Vm)
            .then(|| self.finding(Rule::SystemGroup, grant, Cause::AllServiceAccounts))
            .flatten()
    }

    /// Rule `service-account`.
    fn service_account(&self, grant: &Grant<'_>) -> Option<Finding> {
        if self.grants(RoleClass::Vm) {
            return self.finding(Rule::ServiceAccount, grant, Cause::ServiceAccount);
        }
        // Operators have their own roles; a copy of a VM role is none of them.
        let scope = &self.request.binding.scope;
        let RoleKnowledge::Known(role) = self.knowledge? else {
            return None;
        };
        let equivalent = self
            .equivalents
            .first()
            .filter(|_| role.is_copy_of_vm_role(scope))?;
        let effect = self.effect(Rule::ServiceAccount)?.min(Effect::Warn);
        let cause = Cause::Equivalent(equivalent.equivalence.clone(), Standing::ClusterIdentity);
        Some(found(Rule::ServiceAccount, effect, grant, cause))
    }

    /// Rule `requester`: once a request, whatever the number of grants.
    fn requester(&self) -> Option<Finding> {
        self.governed?;
        let effect = self.effect(Rule::Requester)?;
        let requester = self
            .request
            .requester
            .as_ref()
            .filter(|requester| self.is_person(requester))?;
        let principal = Principal::of_username(&requester.username);
        let holder = self.requester_holder(requester);
        let scope = &self.request.binding.scope;
        let lacks = self.context.rulebook.requester_lacks(&holder, scope);
        let cause = Cause::Requirement(identity::standing(principal, self.context.rulebook));
        (!lacks.is_empty()).then(|| Finding {
            subject: Some(user(&requester.username)),
            requires: requester_requirement().to_vec(),
            lacks,
            holds: self.context.rulebook.holdings(&holder, scope),
            ..Finding::new(Rule::Requester, effect, Field::UserInfo, cause)
        })
    }

    fn requester_holder(&self, requester: &Requester<'_>) -> Holder<'_> {
        let groups = requester.groups.iter();
        let teams = groups
            .filter_map(|group| self.context.rulebook.team(group))
            .collect();
        Holder::requester(self.context.rulebook.user(&requester.username), teams)
    }

    fn is_person(&self, requester: &Requester<'_>) -> bool {
        let principal = Principal::of_username(&requester.username);
        let unjudged =
            |group: &std::borrow::Cow<'_, str>| UNJUDGED_REQUESTER_GROUPS.contains(&&**group);
        identity::class_of(principal, self.context.rulebook) == Class::Person
            && !requester.groups.iter().any(unjudged)
    }

    fn grants(&self, class: RoleClass) -> bool {
        self.governed
            .is_some_and(|governed| governed.class == class)
    }

    /// What the rule does, or nothing when it is off for this requester.
    pub(super) fn effect(&self, rule: Rule) -> Option<Effect> {
        let policy = self.context.rulebook.policy();
        match rule {
            Rule::RoleChange => policy.effect_of_case(rule, self.writer().as_case()),
            _ => policy.effect(rule),
        }
    }

    /// Who asks; where nobody does, as when a file is checked, a person will.
    fn writer(&self) -> Writer {
        let name = self.request.requester.as_ref().map(|it| &*it.username);
        match name
            .map(|name| identity::class_of(Principal::of_username(name), self.context.rulebook))
        {
            Some(Class::ServiceAccount | Class::ClusterIdentity) => Writer::Machine,
            _ => Writer::Person,
        }
    }

    fn finding(&self, rule: Rule, grant: &Grant<'_>, cause: Cause) -> Option<Finding> {
        self.effect(rule)
            .map(|effect| found(rule, effect, grant, cause))
    }

    /// Whether the requester may see what this subject holds.
    fn discloses(&self, grant: &Grant<'_>) -> bool {
        match (
            self.context.rulebook.policy().disclose,
            &self.request.requester,
        ) {
            (Disclose::Full, _) | (_, None) => true,
            (Disclose::Own, Some(requester)) => {
                grant.principal == Principal::of_username(&requester.username)
            }
            (Disclose::None, Some(_)) => false,
        }
    }
}

fn found(rule: Rule, effect: Effect, grant: &Grant<'_>, cause: Cause) -> Finding {
    Finding {
        subject: Some(grant.subject.clone().into_owned()),
        ..Finding::new(rule, effect, Field::Subject(grant.index), cause)
    }
}

/// Only the `ClusterRole`s of the mapping are: a Role's name is chosen by whoever may write roles in a namespace.
pub(crate) fn is_judged_by_name(role: &RoleRef<'_>, rulebook: &Rulebook) -> bool {
    role.kind == RoleKind::ClusterRole && rulebook.governs(role).is_some()
}

fn user(name: &str) -> Subject<'static> {
    Subject {
        kind: SubjectKind::User,
        namespace: None,
        name: name.to_owned().into(),
    }
}

/// Requesters of these groups may do anything anyway.
const UNJUDGED_REQUESTER_GROUPS: [&str; 2] = ["system:masters", "kubeadm:cluster-admins"];
