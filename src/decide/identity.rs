//! Whom a raw name means, and which rules judge it.

use std::sync::Arc;

use crate::domain::{NamePattern, Principal, Standing};
use crate::rulebook::{Holder, Rulebook};

/// Who a subject is to the rules; decided on the raw name, exactly one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `system:masters`, which nothing can raise further.
    Masters,
    /// A service account.
    ServiceAccount,
    /// All service accounts, of the cluster or of a namespace.
    AllServiceAccounts,
    /// Everybody with, or without, a token.
    Everybody,
    /// A name of the cluster's own that the directory does not know.
    ClusterIdentity,
    /// Everybody else: users and groups that Palette may know.
    Person,
}

/// The class of a principal under the policy's lists of names.
///
/// A name of the cluster's own that the directory knows is a person's: a name earns no trust, and with Palette as identity
/// provider a team may be called anything.
pub(crate) fn class_of(principal: Principal<'_>, rulebook: &Rulebook) -> Class {
    let policy = rulebook.policy();
    let is_one_of = |names: &[NamePattern], name| names.iter().any(|it| it.matches(name));
    match principal {
        Principal::ServiceAccount { .. } => Class::ServiceAccount,
        Principal::Group("system:masters") => Class::Masters,
        Principal::User(name) | Principal::Group(name) if is_one_of(&policy.everybody, name) => {
            Class::Everybody
        }
        Principal::Group(name) if is_all_service_accounts(name) => Class::AllServiceAccounts,
        Principal::User(name) | Principal::Group(name)
            if is_one_of(&policy.cluster_identities, name)
                && holder(principal, rulebook).is_none() =>
        {
            Class::ClusterIdentity
        }
        Principal::User(_) | Principal::Group(_) => Class::Person,
    }
}

/// `system:serviceaccounts` and `system:serviceaccounts:NS` (`k8s.io/apiserver/pkg/authentication/serviceaccount`).
fn is_all_service_accounts(group: &str) -> bool {
    group
        .strip_prefix("system:serviceaccounts")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// What the directory holds of a user or group by its raw name; nothing for a service account.
pub(crate) fn holder<'r>(principal: Principal<'_>, rulebook: &'r Rulebook) -> Option<Holder<'r>> {
    match principal {
        Principal::User(name) => rulebook.user(name).map(Holder::user),
        Principal::Group(name) => rulebook.team(name).map(Holder::team),
        Principal::ServiceAccount { .. } => None,
    }
}

/// What Palette knows of a user or group, for the message.
pub(crate) fn standing(principal: Principal<'_>, rulebook: &Rulebook) -> Standing {
    let (policy, directory) = (rulebook.policy(), rulebook.directory());
    if class_of(principal, rulebook) == Class::ClusterIdentity {
        return Standing::ClusterIdentity;
    }
    let (users, groups) = (
        &*policy.identity.username_prefix,
        &*policy.identity.groups_prefix,
    );
    let known = if directory.clusters().is_empty() {
        Standing::Known
    } else {
        Standing::KnownHere
    };
    match principal {
        Principal::User(name) if rulebook.user(name).is_some_and(|user| !user.active) => {
            Standing::Inactive
        }
        Principal::User(name) => {
            let is_known = |name: &str| directory.user(name).is_some();
            let near = || directory.near_user(name);
            by_name(name, known, users, rulebook.user_name(name), is_known, near)
        }
        Principal::Group(name) => {
            let is_known = |name: &str| directory.team(name).is_some();
            let near = || directory.near_team(name);
            by_name(
                name,
                known,
                groups,
                rulebook.team_name(name),
                is_known,
                near,
            )
        }
        Principal::ServiceAccount { .. } => Standing::Unknown { near: None },
    }
}

/// The standing of a raw name, by what Palette would call it; nothing where it lacks the prefix.
fn by_name<'d>(
    raw: &str,
    known: Standing,
    prefix: &str,
    palette_name: Option<&str>,
    is_known: impl Fn(&str) -> bool,
    near: impl Fn() -> Option<&'d str>,
) -> Standing {
    match palette_name {
        Some(name) if is_known(name) => known,
        Some(_) => Standing::Unknown {
            near: with_prefix(prefix, near()),
        }
        .or_prefixed(raw, is_known),
        None => {
            let own = is_known(raw).then(|| with_prefix(prefix, Some(raw)));
            Standing::Unprefixed {
                prefix: prefix.into(),
                near: own.unwrap_or_else(|| with_prefix(prefix, near())),
            }
        }
    }
}

impl Standing {
    /// Where nothing is near, but for something before it the name is known.
    fn or_prefixed(self, name: &str, is_known: impl Fn(&str) -> bool) -> Self {
        if self != (Self::Unknown { near: None }) {
            return self;
        }
        let places = [
            name.rfind('#'),
            name.find(':'),
            name.rfind(':'),
            name.rfind('/'),
        ];
        let parts = places.into_iter().flatten().map(|at| name.split_at(at + 1));
        let known = parts.into_iter().find(|(_, rest)| is_known(rest));
        known.map_or(self, |(prefix, rest)| Self::Prefixed {
            prefix: prefix.into(),
            name: rest.into(),
        })
    }
}

fn with_prefix(prefix: &str, name: Option<&str>) -> Option<Arc<str>> {
    name.map(|name| format!("{prefix}{name}").into())
}
