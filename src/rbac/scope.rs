//! What a binding in a namespace cannot hand out: resources that belong to the cluster.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::RBAC_GROUP;

/// A resource, with its subresources, of which there is one set for the whole cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterScoped {
    /// Its group; the core group is empty.
    pub group: &'static str,
    /// Its name.
    pub resource: &'static str,
}

/// The resources that are known to be the cluster's.
///
/// Every other one is taken to be a namespace's: in doubt it counts.
pub fn cluster_scoped() -> impl Iterator<Item = ClusterScoped> {
    CLUSTER_SCOPED.iter().flat_map(|(group, resources)| {
        resources
            .iter()
            .map(|resource| ClusterScoped { group, resource })
    })
}

/// Of each group.
pub(super) static BY_GROUP: LazyLock<HashMap<&str, &[&str]>> =
    LazyLock::new(|| CLUSTER_SCOPED.iter().copied().collect());

/// Of the resources of all groups.
pub(super) static NAMES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| cluster_scoped().map(|it| it.resource).collect());

/// `namespaces` is not among them: a request for the namespace itself is one within it, so that a binding there hands
/// it out (`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`).
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "componentstatuses",
            "groups",
            "nodes",
            "persistentvolumes",
            "users",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
    ("apiregistration.k8s.io", &["apiservices"]),
    (
        "authentication.k8s.io",
        &["selfsubjectreviews", "tokenreviews", "uids", "userextras"],
    ),
    (
        "authorization.k8s.io",
        &[
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
        ],
    ),
    (
        "cdi.kubevirt.io",
        &["cdiconfigs", "cdis", "objecttransfers", "storageprofiles"],
    ),
    (
        "certificates.k8s.io",
        &[
            "certificatesigningrequests",
            "clustertrustbundles",
            "signers",
        ],
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["flowschemas", "prioritylevelconfigurations"],
    ),
    (
        "instancetype.kubevirt.io",
        &[
            "virtualmachineclusterinstancetypes",
            "virtualmachineclusterpreferences",
        ],
    ),
    ("internal.apiserver.k8s.io", &["storageversions"]),
    ("metrics.k8s.io", &["nodes"]),
    ("migrations.kubevirt.io", &["migrationpolicies"]),
    (
        "networking.k8s.io",
        &["ingressclasses", "ipaddresses", "servicecidrs"],
    ),
    (
        "networkaddonsoperator.network.kubevirt.io",
        &["networkaddonsconfigs"],
    ),
    ("node.k8s.io", &["runtimeclasses"]),
    ("plugin.kubevirt.io", &["plugins"]),
    (RBAC_GROUP, &["clusterrolebindings", "clusterroles"]),
    (
        "resource.k8s.io",
        &["deviceclasses", "devicetaintrules", "resourceslices"],
    ),
    ("scheduling.k8s.io", &["priorityclasses"]),
    (
        "snapshot.storage.k8s.io",
        &["volumesnapshotclasses", "volumesnapshotcontents"],
    ),
    (
        "storage.k8s.io",
        &[
            "csidrivers",
            "csinodes",
            "storageclasses",
            "volumeattachments",
            "volumeattributesclasses",
        ],
    ),
    ("storagemigration.k8s.io", &["storageversionmigrations"]),
    ("subresources.kubevirt.io", &["guestfs", "version"]),
];

#[cfg(test)]
mod tests {
    use crate::rbac::{PolicyRule, RBAC_GROUP, Rules};

    fn namespaced(rule: PolicyRule) -> Rules {
        Rules::new(&[rule]).namespaced()
    }

    #[test]
    fn the_clusters_resources_and_paths_do_not_count_in_a_namespace() {
        let rules = [
            PolicyRule::resources(&["get"], &[""], &["nodes", "nodes/proxy", "pods"]),
            PolicyRule::resources(&["create"], &[RBAC_GROUP], &["clusterroles"]),
            PolicyRule::urls(&["get"], &["*"]),
        ];
        let pods = PolicyRule::resources(&["get"], &[""], &["pods"]);
        assert_eq!(Rules::new(&rules).namespaced(), Rules::new(&[pods]));
    }

    #[test]
    fn wildcards_and_unknown_resources_count_in_a_namespace() {
        for (group, resource) in [
            ("*", "nodes"),
            ("", "*"),
            ("", "*/proxy"),
            ("orchard.test", "trees"),
        ] {
            let rule = PolicyRule::resources(&["get"], &[group], &[resource]);
            assert_eq!(namespaced(rule.clone()), Rules::new(&[rule]));
        }
    }

    #[test]
    fn the_namespace_itself_counts() {
        let rule = PolicyRule::resources(&["delete"], &[""], &["namespaces"]);
        assert_eq!(namespaced(rule.clone()), Rules::new(&[rule]));
    }

    #[test]
    fn bind_on_cluster_roles_is_asked_for_in_the_namespace() {
        let on = |verbs: &[&str]| PolicyRule::resources(verbs, &[RBAC_GROUP], &["clusterroles"]);
        let bind = Rules::new(&[on(&["bind"])]);
        assert_eq!(namespaced(on(&["*"])), bind);
        assert_eq!(namespaced(on(&["bind", "get"])), bind);
        assert!(namespaced(on(&["escalate"])).is_empty());
    }
}
