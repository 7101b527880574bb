//! Escalation paths, which the documents call detours: what lets a role reach rights that its own rules do not give.
//!
//! None of them says that the rights are reached: that depends on what else is in the cluster. They are named, so that
//! whoever hands out such a role knows.

use std::sync::LazyLock;

use super::lookup::{Lookup, LookupLines};
use super::rules::ResourceRule;
use super::{RBAC_GROUP, Rules};
use crate::domain::{Installation, Scope};

/// A way to rights that the rules do not give themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EscalationPath {
    /// Its name in messages, documents and reports.
    pub name: &'static str,
    /// What opens it: any of these.
    pub through: &'static [Access],
    /// How the rights are reached.
    pub why: &'static str,
}

/// Any of the verbs on any of the resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The group; the core group is empty.
    pub group: &'static str,
    /// The resources.
    pub resources: &'static [&'static str],
    /// The verbs.
    pub verbs: &'static [&'static str],
}

/// The whole list, in the order of the documentation.
pub fn escalation_paths() -> &'static [EscalationPath] {
    ESCALATION_PATHS
}

impl EscalationPath {
    /// Whether it is a way to change this webhook, which only a grant that [reaches it](Rules::reach_installation) opens.
    pub fn is_to_the_webhook(&self) -> bool {
        self.name == CHANGE_WEBHOOK
    }

    /// Whether what it leads through is there: the list of EKS is one object of one namespace.
    pub fn is_within(&self, scope: &Scope<'_>) -> bool {
        let is_there = || {
            scope
                .namespace()
                .is_none_or(|namespace| namespace == "kube-system")
        };
        self.name != MAP_IDENTITIES || is_there()
    }

    fn is_about(&self, rule: ResourceRule<'_>) -> bool {
        let mut names = rule.in_words(rule.names);
        self.name != MAP_IDENTITIES || rule.names.is_empty() || names.any(|name| name == "aws-auth")
    }
}

impl Rules {
    /// Whether a grant of these rules in that scope opens the way to change this webhook.
    ///
    /// In its own namespace and in that of its directory every object counts; in the whole cluster a rule for objects by name does if one of the
    /// names may be its own.
    pub fn reach_installation(&self, webhook: &Installation, scope: &Scope<'_>) -> bool {
        let in_its_namespace = scope.namespace().is_some();
        let is_meant = |rule: ResourceRule<'_>| {
            let mut names = rule.in_words(rule.names);
            in_its_namespace || rule.names.is_empty() || names.any(|name| webhook.may_own(name))
        };
        let leads_there = |line| {
            ways()
                .of_line(line)
                .is_some_and(EscalationPath::is_to_the_webhook)
        };
        let mut rules = self.resource_rules();
        webhook.is_read_within(scope)
            && rules.any(|rule| {
                let lines = ways().lookup.met(rule);
                lines.iter().any(leads_there) && is_meant(rule)
            })
    }

    /// The detours that these rules open; for a grant in a namespace ask the [namespaced](Self::namespaced) rules, and
    /// whether the detour [is there](EscalationPath::is_within).
    pub fn escalation_paths(&self) -> impl Iterator<Item = &'static EscalationPath> {
        let met = self
            .resource_rules()
            .fold(LookupLines::default(), |all, rule| {
                let is_open = |line: &usize| {
                    let detour = ways().of_line(*line);
                    detour.is_some_and(|detour| detour.is_about(rule))
                };
                let lines = ways().lookup.met(rule).without(all);
                all.or(lines.iter().filter(is_open).collect())
            });
        let ways = ways();
        let is_open = move |(place, _): &(usize, &EscalationPath)| {
            met.iter().any(|line| ways.detours.get(line) == Some(place))
        };
        let detours = ESCALATION_PATHS.iter().enumerate().filter(is_open);
        detours.map(|(_, detour)| detour)
    }
}

/// What opens the detours, one line for each [`Access`].
struct Ways {
    lookup: Lookup,
    /// Of each line, the detour that it opens.
    detours: Vec<usize>,
}

impl Ways {
    fn of_line(&self, line: usize) -> Option<&'static EscalationPath> {
        ESCALATION_PATHS.get(*self.detours.get(line)?)
    }
}

fn ways() -> &'static Ways {
    static WAYS: LazyLock<Ways> = LazyLock::new(|| {
        let mut lookup = Lookup::default();
        let mut detours = Vec::new();
        for (detour, of_detour) in ESCALATION_PATHS.iter().enumerate() {
            for access in of_detour.through {
                lookup.insert(detours.len(), access.group, access.resources, access.verbs);
                detours.push(detour);
            }
        }
        Ways { lookup, detours }
    });
    &WAYS
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch"];
const WRITE_OR_REMOVE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const CHANGE_OR_REMOVE: &[&str] = &["update", "patch", "delete", "deletecollection"];
const MAP_IDENTITIES: &str = "map-identities";
const CHANGE_WEBHOOK: &str = "change-palette-rbac";

const ESCALATION_PATHS: &[EscalationPath] = &[
    EscalationPath {
        name: "impersonate",
        through: &[
            Access {
                group: "",
                resources: &["users", "groups", "serviceaccounts"],
                verbs: &["impersonate"],
            },
            Access {
                group: "authentication.k8s.io",
                resources: &[
                    "users",
                    "groups",
                    "serviceaccounts",
                    "nodes",
                    "uids",
                    "userextras",
                ],
                verbs: &[
                    "impersonate",
                    "impersonate:user-info",
                    "impersonate:serviceaccount",
                    "impersonate:arbitrary-node",
                    "impersonate:associated-node",
                ],
            },
        ],
        why: "acts as somebody who holds the rights",
    },
    EscalationPath {
        name: "bind",
        through: &[Access {
            group: RBAC_GROUP,
            resources: &["roles", "clusterroles"],
            verbs: &["bind"],
        }],
        why: "binds a role without holding what it allows",
    },
    EscalationPath {
        name: "escalate",
        through: &[Access {
            group: RBAC_GROUP,
            resources: &["roles", "clusterroles"],
            verbs: &["escalate"],
        }],
        why: "writes rights into a role without holding them",
    },
    EscalationPath {
        name: "write-roles",
        through: &[Access {
            group: RBAC_GROUP,
            resources: &["roles", "clusterroles"],
            verbs: WRITE,
        }],
        why: "passes on in a role what it holds, also to roles that are bound already",
    },
    EscalationPath {
        name: "write-bindings",
        through: &[Access {
            group: RBAC_GROUP,
            resources: &["rolebindings", "clusterrolebindings"],
            verbs: WRITE,
        }],
        why: "binds what it holds to others",
    },
    EscalationPath {
        name: "create-tokens",
        through: &[Access {
            group: "",
            resources: &["serviceaccounts/token"],
            verbs: &["create"],
        }],
        why: "takes a token of a ServiceAccount that holds the rights",
    },
    EscalationPath {
        name: "read-secrets",
        through: &[Access {
            group: "",
            resources: &["secrets"],
            verbs: READ,
        }],
        why: "reads tokens and kubeconfigs that are kept in Secrets",
    },
    EscalationPath {
        name: "write-secrets",
        through: &[Access {
            group: "",
            resources: &["secrets"],
            verbs: WRITE,
        }],
        why: "has a token of a ServiceAccount written into a Secret of its own",
    },
    EscalationPath {
        name: "enter-pods",
        through: &[Access {
            group: "",
            resources: &["pods/exec", "pods/attach", "pods/ephemeralcontainers"],
            verbs: &["get", "create", "update", "patch"],
        }],
        why: "works inside a pod that holds the rights, or that runs a virtual machine",
    },
    EscalationPath {
        name: "create-pods",
        through: &[
            Access {
                group: "",
                resources: &["pods", "replicationcontrollers", "podtemplates"],
                verbs: WRITE,
            },
            Access {
                group: "apps",
                resources: &["daemonsets", "deployments", "replicasets", "statefulsets"],
                verbs: WRITE,
            },
            Access {
                group: "batch",
                resources: &["cronjobs", "jobs"],
                verbs: WRITE,
            },
        ],
        why: "runs a pod as any ServiceAccount of the namespace",
    },
    EscalationPath {
        name: "remove-pods",
        through: &[
            Access {
                group: "",
                resources: &["pods"],
                verbs: &["delete", "deletecollection"],
            },
            Access {
                group: "",
                resources: &["pods/eviction"],
                verbs: &["create"],
            },
        ],
        why: "ends the pod that runs a virtual machine, or has the machine moved",
    },
    EscalationPath {
        name: "connect-to-pods",
        through: &[Access {
            group: "",
            resources: &["pods/portforward", "pods/proxy", "services/proxy"],
            verbs: &["get", "create", "update", "patch", "delete"],
        }],
        why: "reaches the ports of a pod, and of the virtual machine in it, from outside the cluster",
    },
    EscalationPath {
        name: "maintain-nodes",
        through: &[
            Access {
                group: "nodemaintenance.medik8s.io",
                resources: &["nodemaintenances"],
                verbs: WRITE,
            },
            Access {
                group: "nodemaintenance.kubevirt.io",
                resources: &["nodemaintenances"],
                verbs: WRITE,
            },
        ],
        why: "has every virtual machine moved from a node, or ended",
    },
    EscalationPath {
        name: "write-by-proxy",
        through: &[
            Access {
                group: "argoproj.io",
                resources: &["applications", "applicationsets", "appprojects"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "kustomize.toolkit.fluxcd.io",
                resources: &["kustomizations"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "helm.toolkit.fluxcd.io",
                resources: &["helmreleases"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "helm.cattle.io",
                resources: &["helmcharts", "helmchartconfigs"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "k3s.cattle.io",
                resources: &["addons"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "fleet.cattle.io",
                resources: &["gitrepos", "helmops", "bundles", "bundledeployments"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "kubernetes.crossplane.io",
                resources: &["objects"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "kubernetes.m.crossplane.io",
                resources: &["objects"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "helm.crossplane.io",
                resources: &["releases"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "helm.m.crossplane.io",
                resources: &["releases"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "work.open-cluster-management.io",
                resources: &["manifestworks"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "cluster.spectrocloud.com",
                resources: &["packs"],
                verbs: WRITE_OR_REMOVE,
            },
        ],
        why: "has a controller write, with its own rights, what the object says",
    },
    EscalationPath {
        name: "write-access-lists",
        through: &[Access {
            group: "spectrocloud.com",
            resources: &[
                "vmoroles",
                "vmolocalusers",
                "vmoconfigs",
                "vmoprovisioningtemplates",
                "vmoadmissionpolicies",
            ],
            verbs: WRITE_OR_REMOVE,
        }],
        why: "is let in by VMO, which asks its own lists and acts with its own rights",
    },
    EscalationPath {
        name: MAP_IDENTITIES,
        through: &[Access {
            group: "",
            resources: &["configmaps"],
            verbs: WRITE,
        }],
        why: "takes any name and group by the ConfigMap `aws-auth` of `kube-system`, which EKS asks",
    },
    EscalationPath {
        name: "proxy-to-nodes",
        through: &[Access {
            group: "",
            resources: &["nodes/proxy"],
            verbs: &["get", "create", "update", "patch", "delete"],
        }],
        why: "runs commands in every pod of a node, unseen by admission and audit",
    },
    EscalationPath {
        name: "write-volumes",
        through: &[Access {
            group: "",
            resources: &["persistentvolumes"],
            verbs: WRITE,
        }],
        why: "mounts the file system of a node",
    },
    EscalationPath {
        name: "sign-certificates",
        through: &[
            Access {
                group: "certificates.k8s.io",
                resources: &[
                    "certificatesigningrequests/approval",
                    "certificatesigningrequests/status",
                ],
                verbs: &["update", "patch"],
            },
            Access {
                group: "certificates.k8s.io",
                resources: &["signers"],
                verbs: &["approve", "sign"],
            },
        ],
        why: "has a client certificate of any name signed",
    },
    EscalationPath {
        name: CHANGE_WEBHOOK,
        through: &[
            Access {
                group: "",
                // The policy and the directory; the key of its certificate.
                resources: &["configmaps"],
                verbs: CHANGE_OR_REMOVE,
            },
            // To make one is enough: the snapshot of the directory is a Secret that may not be there yet.
            Access {
                group: "",
                resources: &["secrets"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "",
                resources: &["secrets"],
                verbs: READ,
            },
            Access {
                group: "",
                resources: &["pods", "replicationcontrollers"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "",
                resources: &[
                    "pods/ephemeralcontainers",
                    "pods/eviction",
                    "serviceaccounts/token",
                ],
                verbs: WRITE,
            },
            Access {
                group: "",
                resources: &["services", "endpoints", "serviceaccounts"],
                verbs: CHANGE_OR_REMOVE,
            },
            Access {
                group: "",
                resources: &["namespaces"],
                verbs: CHANGE_OR_REMOVE,
            },
            Access {
                group: "",
                resources: &["limitranges", "resourcequotas"],
                verbs: WRITE,
            },
            Access {
                group: "apps",
                resources: &[
                    "daemonsets",
                    "deployments",
                    "deployments/scale",
                    "replicasets",
                    "replicasets/scale",
                    "statefulsets",
                ],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "batch",
                resources: &["cronjobs", "jobs"],
                verbs: WRITE,
            },
            Access {
                group: "networking.k8s.io",
                resources: &["networkpolicies"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "discovery.k8s.io",
                resources: &["endpointslices"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "cert-manager.io",
                resources: &["certificates", "issuers"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: RBAC_GROUP,
                resources: &[
                    "clusterroles",
                    "clusterrolebindings",
                    "roles",
                    "rolebindings",
                ],
                verbs: CHANGE_OR_REMOVE,
            },
            Access {
                group: "admissionregistration.k8s.io",
                resources: &["validatingwebhookconfigurations"],
                verbs: CHANGE_OR_REMOVE,
            },
        ],
        why: "changes what this webhook reads, takes its rights or stops it, where the grant reaches its namespace",
    },
    EscalationPath {
        name: "change-admission",
        through: &[Access {
            group: "admissionregistration.k8s.io",
            resources: &[
                "mutatingwebhookconfigurations",
                "validatingwebhookconfigurations",
                "mutatingadmissionpolicies",
                "mutatingadmissionpolicybindings",
                "validatingadmissionpolicies",
                "validatingadmissionpolicybindings",
            ],
            verbs: WRITE_OR_REMOVE,
        }],
        why: "takes this webhook away, or sees and rewrites what others send",
    },
    EscalationPath {
        name: "change-apis",
        through: &[
            Access {
                group: "apiregistration.k8s.io",
                resources: &["apiservices"],
                verbs: WRITE_OR_REMOVE,
            },
            Access {
                group: "apiextensions.k8s.io",
                resources: &["customresourcedefinitions"],
                verbs: WRITE_OR_REMOVE,
            },
        ],
        why: "answers in the place of the virtual machines' own API, or removes all machines with their definition",
    },
    EscalationPath {
        name: "delete-namespaces",
        through: &[Access {
            group: "",
            resources: &["namespaces"],
            verbs: &["delete", "deletecollection"],
        }],
        why: "removes all virtual machines of a namespace with it",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::PolicyRule;

    fn names(rules: &Rules) -> Vec<&'static str> {
        rules.escalation_paths().map(|detour| detour.name).collect()
    }

    /// But for the way to this webhook, which is many ways.
    fn of(verbs: &[&str], group: &str, resource: &str) -> Vec<&'static str> {
        let rule = PolicyRule::resources(verbs, &[group], &[resource]);
        let mut names = names(&Rules::new(&[rule]));
        names.retain(|name| *name != CHANGE_WEBHOOK);
        names
    }

    #[test]
    fn each_detour_is_named() {
        assert_eq!(of(&["impersonate"], "", "groups"), ["impersonate"]);
        assert_eq!(
            of(&["impersonate:user-info"], "authentication.k8s.io", "users"),
            ["impersonate"]
        );
        assert_eq!(
            of(&["create"], "", "serviceaccounts/token"),
            ["create-tokens"]
        );
        assert_eq!(of(&["get"], "", "secrets"), ["read-secrets"]);
        assert_eq!(of(&["create"], "", "*/exec"), ["enter-pods"]);
        assert_eq!(of(&["create"], "batch", "jobs"), ["create-pods"]);
        assert_eq!(of(&["get"], "", "nodes/proxy"), ["proxy-to-nodes"]);
        assert_eq!(
            of(&["*"], RBAC_GROUP, "roles"),
            ["bind", "escalate", "write-roles"]
        );
        assert_eq!(
            of(&["approve"], "certificates.k8s.io", "signers"),
            ["sign-certificates"]
        );
        assert_eq!(of(&["delete"], "", "pods"), ["remove-pods"]);
        assert_eq!(of(&["create"], "", "pods/eviction"), ["remove-pods"]);
        assert_eq!(of(&["create"], "", "pods/portforward"), ["connect-to-pods"]);
        assert_eq!(of(&["get"], "", "services/proxy"), ["connect-to-pods"]);
        for group in ["nodemaintenance.medik8s.io", "nodemaintenance.kubevirt.io"] {
            assert_eq!(
                of(&["create"], group, "nodemaintenances"),
                ["maintain-nodes"]
            );
        }
        for (group, resource) in [
            ("argoproj.io", "applications"),
            ("kustomize.toolkit.fluxcd.io", "kustomizations"),
            ("helm.toolkit.fluxcd.io", "helmreleases"),
            ("helm.cattle.io", "helmcharts"),
            ("kubernetes.crossplane.io", "objects"),
            ("cluster.spectrocloud.com", "packs"),
        ] {
            assert_eq!(of(&["patch"], group, resource), ["write-by-proxy"]);
            assert_eq!(of(&["get"], group, resource), Vec::<&str>::new());
        }
        assert_eq!(
            of(&["update"], "spectrocloud.com", "vmoroles"),
            ["write-access-lists"]
        );
        assert_eq!(of(&["get", "list"], "", "pods"), Vec::<&str>::new());
    }

    #[test]
    fn the_list_of_eks_is_one_object_of_one_namespace() {
        let named = |name: &str| PolicyRule {
            resource_names: [name].into_iter().collect(),
            ..PolicyRule::resources(&["patch"], &[""], &["configmaps"])
        };
        let opens = |rule| names(&Rules::new(&[rule])).contains(&MAP_IDENTITIES);
        assert!(opens(named("aws-auth")));
        assert!(!opens(named("other")));
        assert!(opens(PolicyRule::resources(
            &["patch"],
            &[""],
            &["configmaps"]
        )));
        let detour = escalation_paths()
            .iter()
            .find(|it| it.name == MAP_IDENTITIES);
        let is_within = |scope: Scope<'_>| detour.unwrap().is_within(&scope);
        assert!(is_within(Scope::Cluster));
        assert!(is_within(Scope::Namespace("kube-system".into())));
        assert!(!is_within(Scope::Namespace("vms".into())));
    }

    #[test]
    fn everything_opens_every_detour_and_a_namespace_closes_those_of_the_cluster() {
        let all = Rules::new(&[PolicyRule::resources(&["*"], &["*"], &["*"])]);
        assert_eq!(names(&all).len(), escalation_paths().len());
        let users = Rules::new(&[PolicyRule::resources(&["impersonate"], &[""], &["users"])]);
        assert_eq!(names(&users), ["impersonate"]);
        assert!(names(&users.namespaced()).is_empty());
    }

    /// Each of the ways that leads to what this webhook is made of.
    #[test]
    fn each_way_to_the_webhook_is_named_where_it_is() {
        let webhook = Installation::default();
        let (own, other) = (
            Scope::Namespace("palette-rbac".into()),
            Scope::Namespace("vms".into()),
        );
        for (verb, group, resource) in [
            ("patch", "", "configmaps"),
            ("get", "", "secrets"),
            ("update", "", "secrets"),
            ("delete", "", "pods"),
            ("create", "", "pods/eviction"),
            ("patch", "", "pods/ephemeralcontainers"),
            ("patch", "", "services"),
            ("delete", "", "namespaces"),
            ("create", "", "resourcequotas"),
            ("patch", "apps", "deployments"),
            ("update", "apps", "deployments/scale"),
            ("patch", "apps", "*/scale"),
            ("create", "apps", "daemonsets"),
            ("create", "batch", "jobs"),
            ("create", "networking.k8s.io", "networkpolicies"),
            ("update", "discovery.k8s.io", "endpointslices"),
            ("delete", "cert-manager.io", "certificates"),
            ("delete", RBAC_GROUP, "roles"),
            ("*", "*", "*"),
        ] {
            let rule = PolicyRule::resources(&[verb], &[group], &[resource]);
            let rules = Rules::new(&[rule]);
            assert!(names(&rules).contains(&CHANGE_WEBHOOK), "{verb} {resource}");
            let reaches =
                [&own, &Scope::Cluster, &other].map(|it| rules.reach_installation(&webhook, it));
            assert_eq!(reaches, [true, true, false], "{verb} {resource}");
        }
        for (verb, group, resource) in [
            ("get", "", "configmaps"),
            ("create", "", "configmaps"),
            ("get", "", "pods"),
            ("patch", "kubevirt.io", "virtualmachines"),
            ("create", RBAC_GROUP, "rolebindings"),
        ] {
            let rules = Rules::new(&[PolicyRule::resources(&[verb], &[group], &[resource])]);
            assert!(
                !rules.reach_installation(&webhook, &own),
                "{verb} {resource}"
            );
        }
    }

    #[test]
    fn who_writes_the_secrets_of_its_directory_reaches_it() {
        let webhook = Installation {
            directory_namespace: Some("palette-rbac-directory".into()),
            ..Installation::default()
        };
        let there = Scope::Namespace("palette-rbac-directory".into());
        for verb in ["create", "update", "patch", "delete", "get"] {
            let rule = PolicyRule::resources(&[verb], &[""], &["secrets"]);
            let rules = Rules::new(&[rule]);
            assert!(rules.reach_installation(&webhook, &there), "{verb}");
            assert!(
                !rules.reach_installation(&Installation::default(), &there),
                "{verb}"
            );
        }
    }

    #[test]
    fn its_own_roles_and_registration_are_the_clusters() {
        let webhook = Installation::default();
        for (group, resource) in [
            (RBAC_GROUP, "clusterroles"),
            (RBAC_GROUP, "clusterrolebindings"),
            (
                "admissionregistration.k8s.io",
                "validatingwebhookconfigurations",
            ),
        ] {
            let rule = PolicyRule::resources(&["patch"], &[group], &[resource]);
            let rules = Rules::new(&[rule]);
            assert!(
                rules.reach_installation(&webhook, &Scope::Cluster),
                "{resource}"
            );
            let here = Scope::Namespace("palette-rbac".into());
            assert!(
                !rules.namespaced().reach_installation(&webhook, &here),
                "{resource}"
            );
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = escalation_paths()
            .iter()
            .map(|detour| detour.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), escalation_paths().len());
    }
}
