//! Detours: what lets a role reach rights that its own rules do not give.
//!
//! None of them says that the rights are reached: that depends on what else is in the cluster. They are named, so that
//! whoever hands out such a role knows.

use super::Rules;

/// A way to rights that the rules do not give themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detour {
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
pub fn detours() -> &'static [Detour] {
    DETOURS
}

impl Rules {
    /// The detours that these rules open; for a grant in a namespace ask the [namespaced](Self::namespaced) rules.
    pub fn detours(&self) -> impl Iterator<Item = &'static Detour> {
        DETOURS.iter().filter(|detour| self.opens(detour))
    }

    fn opens(&self, detour: &Detour) -> bool {
        detour.through.iter().any(|access| {
            self.targets().iter().any(|target| {
                let is_meant = |resource: &&str| target.allows(access.group, resource);
                access.resources.iter().any(is_meant)
                    && access.verbs.iter().any(|verb| target.verbs.allow(verb))
            })
        })
    }
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch"];
const WRITE_OR_REMOVE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const RBAC: &str = "rbac.authorization.k8s.io";

const DETOURS: &[Detour] = &[
    Detour {
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
    Detour {
        name: "bind",
        through: &[Access {
            group: RBAC,
            resources: &["roles", "clusterroles"],
            verbs: &["bind"],
        }],
        why: "binds a role without holding what it allows",
    },
    Detour {
        name: "escalate",
        through: &[Access {
            group: RBAC,
            resources: &["roles", "clusterroles"],
            verbs: &["escalate"],
        }],
        why: "writes rights into a role without holding them",
    },
    Detour {
        name: "write-roles",
        through: &[Access {
            group: RBAC,
            resources: &["roles", "clusterroles"],
            verbs: WRITE,
        }],
        why: "passes on in a role what it holds, also to roles that are bound already",
    },
    Detour {
        name: "write-bindings",
        through: &[Access {
            group: RBAC,
            resources: &["rolebindings", "clusterrolebindings"],
            verbs: WRITE,
        }],
        why: "binds what it holds to others",
    },
    Detour {
        name: "create-tokens",
        through: &[Access {
            group: "",
            resources: &["serviceaccounts/token"],
            verbs: &["create"],
        }],
        why: "takes a token of a ServiceAccount that holds the rights",
    },
    Detour {
        name: "read-secrets",
        through: &[Access {
            group: "",
            resources: &["secrets"],
            verbs: READ,
        }],
        why: "reads tokens and kubeconfigs that are kept in Secrets",
    },
    Detour {
        name: "write-secrets",
        through: &[Access {
            group: "",
            resources: &["secrets"],
            verbs: WRITE,
        }],
        why: "has a token of a ServiceAccount written into a Secret of its own",
    },
    Detour {
        name: "enter-pods",
        through: &[Access {
            group: "",
            resources: &["pods/exec", "pods/attach", "pods/ephemeralcontainers"],
            verbs: &["get", "create", "update", "patch"],
        }],
        why: "works inside a pod that holds the rights, or that runs a virtual machine",
    },
    Detour {
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
    Detour {
        name: "proxy-to-nodes",
        through: &[Access {
            group: "",
            resources: &["nodes/proxy"],
            verbs: &["get", "create", "update", "patch", "delete"],
        }],
        why: "runs commands in every pod of a node, unseen by admission and audit",
    },
    Detour {
        name: "write-volumes",
        through: &[Access {
            group: "",
            resources: &["persistentvolumes"],
            verbs: WRITE,
        }],
        why: "mounts the file system of a node",
    },
    Detour {
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
    Detour {
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
    Detour {
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
    Detour {
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
        rules.detours().map(|detour| detour.name).collect()
    }

    fn of(verbs: &[&str], group: &str, resource: &str) -> Vec<&'static str> {
        names(&Rules::new(&[PolicyRule::resources(
            verbs,
            &[group],
            &[resource],
        )]))
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
            of(&["*"], RBAC, "roles"),
            ["bind", "escalate", "write-roles"]
        );
        assert_eq!(
            of(&["approve"], "certificates.k8s.io", "signers"),
            ["sign-certificates"]
        );
        assert_eq!(of(&["get", "list"], "", "pods"), Vec::<&str>::new());
    }

    #[test]
    fn everything_opens_every_detour_and_a_namespace_closes_those_of_the_cluster() {
        let all = Rules::new(&[PolicyRule::resources(&["*"], &["*"], &["*"])]);
        assert_eq!(names(&all).len(), detours().len());
        let users = Rules::new(&[PolicyRule::resources(&["impersonate"], &[""], &["users"])]);
        assert_eq!(names(&users), ["impersonate"]);
        assert!(names(&users.namespaced()).is_empty());
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = detours().iter().map(|detour| detour.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), detours().len());
    }
}
