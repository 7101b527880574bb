//! Subjects, and who is meant by them.

use std::borrow::Cow;

use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// The kinds of subject that RBAC knows.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumString,
    Display,
    IntoStaticStr,
    EnumIter,
)]
pub enum SubjectKind {
    /// A user by name.
    User,
    /// A group by name.
    Group,
    /// A service account by namespace and name.
    ServiceAccount,
}

/// A subject as the binding writes it; its name is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'a> {
    /// User, Group or `ServiceAccount`.
    pub kind: SubjectKind,
    /// Of a `ServiceAccount`: its namespace, which is the binding's where it names none. Otherwise absent.
    pub namespace: Option<Cow<'a, str>>,
    /// The raw name, with any OIDC prefix.
    pub name: Cow<'a, str>,
}

/// Who a subject is, however it was written: the identity of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal<'a> {
    /// A user.
    User(&'a str),
    /// A group.
    Group(&'a str),
    /// A service account, also when it was written `User system:serviceaccount:NS:NAME`.
    ServiceAccount {
        /// Its namespace.
        namespace: &'a str,
        /// Its name.
        name: &'a str,
    },
}

/// How the API server spells a service account as a user
/// (`k8s.io/apiserver/pkg/authentication/serviceaccount.MakeUsername`).
const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

impl<'a> Principal<'a> {
    /// The principal of a user name, as a token carries it.
    pub fn of_username(name: &'a str) -> Self {
        name.strip_prefix(SERVICE_ACCOUNT_PREFIX)
            .and_then(|rest| rest.split_once(':'))
            .filter(|(namespace, name)| {
                !namespace.is_empty() && !name.is_empty() && !name.contains(':')
            })
            .map_or(Self::User(name), |(namespace, name)| Self::ServiceAccount {
                namespace,
                name,
            })
    }

    /// Whom a subject of a binding means, as it is written there.
    pub fn of_subject(kind: SubjectKind, namespace: Option<&'a str>, name: &'a str) -> Self {
        match kind {
            SubjectKind::User => Self::of_username(name),
            SubjectKind::Group => Self::Group(name),
            SubjectKind::ServiceAccount => Self::ServiceAccount {
                namespace: namespace.unwrap_or_default(),
                name,
            },
        }
    }
}

impl Subject<'_> {
    /// Who is meant.
    pub fn principal(&self) -> Principal<'_> {
        Principal::of_subject(self.kind, self.namespace.as_deref(), &self.name)
    }

    /// The same subject, independent of the request's bytes.
    pub fn into_owned(self) -> Subject<'static> {
        Subject {
            kind: self.kind,
            namespace: self
                .namespace
                .map(|namespace| Cow::Owned(namespace.into_owned())),
            name: Cow::Owned(self.name.into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_be_a_service_account_in_other_words() {
        let account = Principal::ServiceAccount {
            namespace: "vms",
            name: "picker",
        };
        assert_eq!(
            Principal::of_username("system:serviceaccount:vms:picker"),
            account
        );
        for user in [
            "system:serviceaccount:",
            "system:serviceaccount:vms",
            "system:serviceaccount:vms:",
            "ines@orchard.test",
        ] {
            assert_eq!(Principal::of_username(user), Principal::User(user));
        }
    }
}
