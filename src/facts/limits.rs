//! How much of a cluster is held: whoever may write roles does not choose how much memory they take.

use std::sync::Arc;

use super::sorted::Sorted;

/// How much of a cluster is held in memory, in bytes of roles and bindings; what is past it is not held, and the view
/// says so ([`View::holds_all`](super::View::holds_all)).
///
/// Objects of the cluster have room of their own, since whoever writes into namespaces must not displace them, and no
/// namespace has more than its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewLimits {
    /// For `ClusterRole`s and `ClusterRoleBinding`s.
    pub cluster: usize,
    /// For the Roles and `RoleBinding`s of all namespaces.
    pub namespaces: usize,
    /// For those of one namespace.
    pub namespace: usize,
}

impl ViewLimits {
    /// As much as there is: for who reads a cluster once, with memory of his own.
    pub const NONE: Self = Self {
        cluster: usize::MAX,
        namespaces: usize::MAX,
        namespace: usize::MAX,
    };

    /// What a replica holds of a cluster that it watches: with what is derived from it, and what reading takes for a
    /// moment, well within the 512 MiB of the manifests.
    pub const REPLICA: Self = Self {
        cluster: 48 * MIB,
        namespaces: 96 * MIB,
        namespace: 16 * MIB,
    };
}

/// What is held, by namespace.
#[derive(Debug, Clone)]
pub(super) struct Accounts {
    limits: ViewLimits,
    cluster: usize,
    all_namespaces: usize,
    namespaces: Sorted<Account>,
}

/// What is held of a namespace.
#[derive(Debug, Clone)]
struct Account {
    namespace: Arc<str>,
    bytes: usize,
    objects: usize,
}

impl Accounts {
    pub(super) fn new(limits: ViewLimits) -> Self {
        Self {
            limits,
            cluster: 0,
            all_namespaces: 0,
            namespaces: Sorted::default(),
        }
    }

    /// The same, with room for whatever comes.
    pub(super) fn unlimited(&self) -> Self {
        Self {
            limits: ViewLimits::NONE,
            ..self.clone()
        }
    }

    /// Bytes held in all.
    pub(super) const fn held(&self) -> usize {
        self.cluster + self.all_namespaces
    }

    /// Whether there is room for an object of that size.
    pub(super) fn fits(&self, namespace: Option<&str>, size: usize) -> bool {
        self.fits_within(self.limits, namespace, size)
    }

    fn fits_within(&self, limits: ViewLimits, namespace: Option<&str>, size: usize) -> bool {
        let Some(namespace) = namespace else {
            return self.cluster.saturating_add(size) <= limits.cluster;
        };
        let own = self.account(namespace).map_or(0, |account| account.bytes);
        own.saturating_add(size) <= limits.namespace
            && self.all_namespaces.saturating_add(size) <= limits.namespaces
    }

    /// Whether there is room for what stands for an object that there is no room for: a quarter more.
    pub(super) fn fits_in_name(&self, namespace: Option<&str>, size: usize) -> bool {
        let wider = |limit: usize| limit.saturating_add(limit / 4);
        let limits = ViewLimits {
            cluster: wider(self.limits.cluster),
            namespaces: wider(self.limits.namespaces),
            namespace: wider(self.limits.namespace),
        };
        self.fits_within(limits, namespace, size)
    }

    pub(super) fn add(&mut self, namespace: Option<&Arc<str>>, size: usize) {
        let Some(namespace) = namespace else {
            self.cluster += size;
            return;
        };
        self.all_namespaces += size;
        let (bytes, objects) = self
            .account(namespace)
            .map_or((0, 0), |account| (account.bytes, account.objects));
        self.set(namespace, bytes + size, objects + 1);
    }

    pub(super) fn take(&mut self, namespace: Option<&Arc<str>>, size: usize) {
        let Some(namespace) = namespace else {
            self.cluster -= size;
            return;
        };
        self.all_namespaces -= size;
        match self.account(namespace) {
            Some(account) if account.objects > 1 => {
                let (bytes, objects) = (account.bytes - size, account.objects - 1);
                self.set(namespace, bytes, objects);
            }
            _ => {
                self.namespaces.remove(|it| it.namespace.cmp(namespace));
            }
        }
    }

    fn account(&self, namespace: &str) -> Option<&Account> {
        self.namespaces.find(|it| (*it.namespace).cmp(namespace))
    }

    fn set(&mut self, namespace: &Arc<str>, bytes: usize, objects: usize) {
        let account = Account {
            namespace: Arc::clone(namespace),
            bytes,
            objects,
        };
        self.namespaces
            .insert(account, |it| it.namespace.cmp(namespace));
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new(ViewLimits::NONE)
    }
}

const MIB: usize = 1024 * 1024;
