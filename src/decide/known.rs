//! Bindings that clusters have by themselves, which no rule about what a role allows is to refuse.

use crate::domain::{Principal, RoleKind, RoleRef};

/// A name of the cluster's own and the `ClusterRole` that is bound to it where it comes from.
///
/// Only both together pass: neither the name nor the role earns anything alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBinding {
    /// User or Group.
    pub principal: Principal<'static>,
    /// The `ClusterRole`.
    pub cluster_role: &'static str,
    /// Who makes the binding, and where that was read.
    pub source: &'static str,
}

/// All of them.
pub fn known_bindings() -> &'static [KnownBinding] {
    KNOWN
}

pub(super) fn is_known(principal: Principal<'_>, role: &RoleRef<'_>) -> bool {
    let is_it =
        |known: &KnownBinding| known.principal == principal && known.cluster_role == role.name;
    role.kind == RoleKind::ClusterRole && KNOWN.iter().any(is_it)
}

const fn group(
    name: &'static str,
    cluster_role: &'static str,
    source: &'static str,
) -> KnownBinding {
    KnownBinding {
        principal: Principal::Group(name),
        cluster_role,
        source,
    }
}

const fn user(
    name: &'static str,
    cluster_role: &'static str,
    source: &'static str,
) -> KnownBinding {
    KnownBinding {
        principal: Principal::User(name),
        cluster_role,
        source,
    }
}

const KNOWN: &[KnownBinding] = &[
    group(
        "kubeadm:cluster-admins",
        "cluster-admin",
        "kubeadm, for the administrator's kubeconfig (`cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go`)",
    ),
    user(
        "system:kube-controller-manager",
        "system:kube-controller-manager",
        "the API server (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`)",
    ),
    user(
        "system:kube-scheduler",
        "system:kube-scheduler",
        "the API server (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`)",
    ),
    group(
        "system:monitoring",
        "system:monitoring",
        "the API server (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`)",
    ),
    user(
        "kube-apiserver",
        "system:kubelet-api-admin",
        "RKE2 and Cluster API providers, for the way to the kubelets (`rancher/rke2` `pkg/rke2/rke2.go`)",
    ),
    user(
        "kubelet-api",
        "system:kubelet-api-admin",
        "kOps, for the way to the kubelets (`kubernetes/kops` `upup/models/cloudup/resources/addons/rbac.addons.k8s.io`)",
    ),
    user(
        "kubelet",
        "system:node",
        "GCE's `cluster/gce/addons/rbac/legacy-kubelet-user`",
    ),
    user(
        "clusterAdmin",
        "cluster-admin",
        "AKS, ClusterRoleBinding `aks-cluster-admin-binding`",
    ),
    user(
        "clusterUser",
        "cluster-admin",
        "AKS, ClusterRoleBinding `aks-cluster-admin-binding`",
    ),
    user(
        "eks:addon-manager",
        "eks:addon-manager",
        "EKS, for its add-ons",
    ),
    user(
        "eks:addon-manager",
        "cluster-admin",
        "EKS, ClusterRoleBinding `eks:addon-cluster-admin`",
    ),
    group(
        "crossplane:masters",
        "crossplane-admin",
        "Crossplane's chart (`cluster/charts/crossplane/templates/rbac-manager-managed-clusterroles.yaml`)",
    ),
];
