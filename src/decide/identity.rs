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
    match principal {
        Principal::User(name) => {
            let prefix = &*policy.identity.username_prefix;
            match rulebook.user_name(name).map(|name| directory.user(name)) {
                Some(Some(user)) if user.active => Standing::Known,
                Some(Some(_)) => Standing::Inactive,
                Some(None) => unknown(prefix, directory.near_user(name))
                    .or_prefixed(name, |name| directory.user(name).is_some()),
                None if directory.user(name).is_some() => unprefixed(prefix, Some(name)),
                None => unprefixed(prefix, directory.near_user(name)),
            }
        }
        Principal::Group(name) => {
            let prefix = &*policy.identity.groups_prefix;
            match rulebook.team_name(name).map(|name| directory.team(name)) {
                Some(Some(_)) => Standing::Known,
                Some(None) => unknown(prefix, directory.near_team(name))
                    .or_prefixed(name, |name| directory.team(name).is_some()),
                None if directory.team(name).is_some() => unprefixed(prefix, Some(name)),
                None => unprefixed(prefix, directory.near_team(name)),
            }
        }
        Principal::ServiceAccount { .. } => Standing::Unknown { near: None },
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

fn unknown(prefix: &str, near: Option<&str>) -> Standing {
    Standing::Unknown {
        near: with_prefix(prefix, near),
    }
}

fn unprefixed(prefix: &str, near: Option<&str>) -> Standing {
    Standing::Unprefixed {
        prefix: prefix.into(),
        near: with_prefix(prefix, near),
    }
}

fn with_prefix(prefix: &str, name: Option<&str>) -> Option<Arc<str>> {
    name.map(|name| format!("{prefix}{name}").into())
}
