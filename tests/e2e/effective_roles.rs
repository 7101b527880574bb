//! Roles are judged by what they can do, not by what they are called: the ways round a name, at a real API server.

use std::sync::LazyLock;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::binding::{Binding, cluster_role_binding, role_binding};
use crate::harness::kubectl::Transcript;
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::Webhook;
use crate::site::{Site, fixture, program, shared_cluster};

#[test]
fn t1_refuses_a_copy_of_a_vm_role_under_another_name() {
    effective(|site| {
        site.role("copy", &power_user());
        assert_snapshot!(site.refuses("copied", "copy"));
        assert!(
            site.bind("paid", "copy", "vm-power-user@orchard.test")
                .succeeded()
        );
    });
}

#[test]
fn t2_refuses_a_copy_of_a_vm_role_as_a_namespaced_role() {
    effective(|site| {
        let role = json!({
            "apiVersion": VERSION, "kind": "Role",
            "metadata": {"name": "copy", "namespace": NAMESPACE}, "rules": power_user(),
        });
        site.write(&role).admitted();
        let binding = role_binding(NAMESPACE, "copied-role", "copy").of_namespaced_role();
        assert_snapshot!(site.site.refuses(&binding.user(USER)));
    });
}

#[test]
fn t3_refuses_a_role_that_can_do_more() {
    effective(|site| {
        site.role("superset", &json!([all("kubevirt.io")]));
        assert_snapshot!(site.refuses("more", "superset"));
    });
}

#[test]
fn t4_refuses_the_same_rules_written_differently() {
    effective(|site| {
        let rule = |verb: &str, resource: &str| rule("kubevirt.io", resource, &[verb]);
        let split = json!([
            rule("delete", "virtualmachines"),
            rule("create", "*/nothing"),
            rule("get", "virtualmachineinstances"),
            rule("get", "virtualmachines"),
            rule("delete", "virtualmachines"),
        ]);
        site.role("split", &split);
        assert_snapshot!(site.refuses("split", "split"));
    });
}

#[test]
fn t6_refuses_an_aggregated_role_whose_rules_are_not_filled_yet() {
    effective(|site| {
        site.labelled("part", "effective-whole", &power_user());
        site.aggregate("whole", "effective-whole");
        let rules = site.kubectl("get clusterrole effective-whole -o jsonpath={.rules}");
        assert_eq!(rules.output, "null", "nobody fills it here");
        assert_snapshot!(site.refuses("aggregated", "whole"));
    });
}

#[test]
fn t9_refuses_a_role_and_its_binding_that_come_in_one_file() {
    effective(|site| {
        let role = cluster_role("effective-together", &power_user());
        let binding = role_binding(NAMESPACE, "together", "effective-together").user(USER);
        let both = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding.to_json()]});
        assert_snapshot!(site.write(&both).refused());
    });
}

#[test]
fn t9_warns_of_a_role_that_does_not_exist_and_refuses_it_when_it_is_written() {
    effective(|site| {
        assert_snapshot!(site.bind("early", "late", USER).admitted());
        site.knows_bindings_of("late");
        assert_snapshot!(
            site.write(&cluster_role("effective-late", &power_user()))
                .refused()
        );
    });
}

#[test]
fn t7_refuses_a_bound_role_that_is_widened_by_a_person() {
    effective(|site| {
        site.role("narrow", &json!([rule("", "pods", &["get"])]));
        site.bind("narrow", "narrow", USER).admitted();
        site.knows_bindings_of("narrow");
        assert_snapshot!(
            site.write(&cluster_role("effective-narrow", &power_user()))
                .refused()
        );
    });
}

#[test]
fn t7_warns_of_a_bound_role_that_is_widened_by_a_machine_and_finds_it_in_the_audit() {
    effective(|site| {
        site.role("harmless", &json!([rule("", "pods", &["get"])]));
        site.bind("widened", "harmless", USER).admitted();
        site.knows_bindings_of("harmless");
        let wider = cluster_role("effective-harmless", &power_user());
        let file = site.site.write("wider-harmless", &wider);
        assert_snapshot!(
            site.kubectl(&format!("apply -f {file} {AS_A_MACHINE}"))
                .admitted()
        );
        site.audit_finds("equivalent-role", "RoleBinding", "widened");
    });
}

#[test]
fn t8_refuses_a_label_that_grows_a_bound_aggregate() {
    effective(|site| {
        site.aggregate("grown", "effective-grown");
        site.bind("grown", "grown", USER).admitted();
        site.role("seed", &power_user());
        site.knows_bindings_of("grown");
        let label = "label clusterrole effective-seed effective-grown=true";
        assert_snapshot!(site.kubectl(label).refused());
        let dry = format!("{label} --dry-run=server {AS_A_MACHINE}");
        let warned = site.kubectl(&dry).admitted();
        assert!(warned.output.contains("Warning: [role-change]"), "{warned}");
    });
}

#[test]
fn t5_refuses_two_bindings_that_are_more_together() {
    let viewer = "vm-viewer@orchard.test";
    effective(|site| {
        site.role(
            "looker",
            &json!([rule("kubevirt.io", "virtualmachines", &["get"])]),
        );
        site.role("nodes", &json!([rule("", "nodes", &["delete"])]));
        let wide = cluster_role_binding("effective-nodes", "effective-nodes").user(viewer);
        site.site.admits(&wide);
        site.knows_bindings_of("nodes");
        let half = role_binding(NAMESPACE, "halves", "effective-looker").user(viewer);
        assert_snapshot!(site.site.refuses(&half));
    });
}

#[test]
fn t17_refuses_a_detour_where_the_rule_says_so() {
    effective(|site| {
        site.role("detour", &json!([rule("", "users", &["impersonate"])]));
        let wide = cluster_role_binding("effective-detour", "effective-detour").user(USER);
        assert_snapshot!(site.site.refuses(&wide));
    });
}

#[test]
fn t29_refuses_what_reaches_the_webhook_itself() {
    effective(|site| {
        let named = |name: &str| {
            let mut rule = rule("", "configmaps", &["patch"]);
            rule["resourceNames"] = json!([name]);
            json!([rule])
        };
        site.role("directory", &named("palette-rbac-directory"));
        site.role("menu", &named("menu"));
        let wide = |role: &str| cluster_role_binding(role, role).user(USER);
        assert_snapshot!(site.site.refuses(&wide("effective-directory")));
        site.site.admits(&wide("effective-menu"));
    });
}

/// RBAC has the last word: what it then allows is what the webhook asks for.
#[test]
fn t30_refuses_machines_that_are_reached_by_other_ways() {
    effective(|site| {
        for (name, verb, group, resource) in [
            (
                "from-template",
                "create",
                "subresources.template.kubevirt.io",
                "virtualmachinetemplates/create",
            ),
            (
                "move-disks",
                "create",
                "migrations.kubevirt.io",
                "virtualmachinestoragemigrations",
            ),
            ("twin", "create", "twin.kubevirt.io", "virtualmachinetwins"),
            ("vmo", "patch", "spectrocloud.com", "vmoroles"),
            ("kubevirt", "delete", "kubevirt.io", "kubevirts"),
            ("token", "get", "token.kubevirt.io", "virtualmachines/vnc"),
            (
                "restore",
                "create",
                "snapshot.kubevirt.io",
                "virtualmachinerestores",
            ),
        ] {
            site.role(name, &json!([rule(group, resource, &[verb])]));
            site.bind(&format!("{name}-paid"), name, ADMIN).admitted();
            let asked = |user: &str| site.may(user, verb, group, resource);
            wait_for("the rights to be there", PATIENCE, || {
                asked(ADMIN).then_some(())
            })
            .unwrap();
            let refused = site
                .site
                .refuses(&binding(&format!("{name}-unpaid"), name, VIEWER));
            assert!(refused.output.contains("equivalent-role"), "{refused}");
            assert!(!asked(VIEWER), "{name}");
        }
    });
}

/// A webhook that watches its cluster.
struct Effective {
    site: Site,
}

fn effective(test: impl FnOnce(&Effective)) {
    static SITE: LazyLock<Option<Effective>> = LazyLock::new(Effective::open);
    SITE.as_ref().map(test);
}

impl Effective {
    fn open() -> Option<Self> {
        let cluster = shared_cluster()?;
        let kubeconfig = cluster.kubectl.kubeconfig.display().to_string();
        let (policy, directory) = (fixture("effective.yaml"), fixture("directory.yaml"));
        let files = ["--policy", &policy, "--directory", &directory];
        let watch = ["--cluster", "auto", "--kubeconfig", &kubeconfig];
        let folder = scratch("effective").unwrap();
        let webhook = Webhook::start(program(), &folder, &[files, watch].concat()).unwrap();
        let site = Site::open("effective", cluster, webhook, &[NAMESPACE]);
        Some(Self { site })
    }

    fn kubectl(&self, command: &str) -> Transcript {
        self.site.kubectl(command)
    }

    fn write(&self, object: &Value) -> Transcript {
        let name = object["metadata"]["name"].as_str().unwrap_or("list");
        let kind = object["kind"].as_str().unwrap();
        let file = self.site.write(&format!("{kind}-{name}"), object);
        self.kubectl(&format!("apply -f {file}"))
    }

    fn role(&self, name: &str, rules: &Value) {
        self.write(&cluster_role(&format!("effective-{name}"), rules))
            .admitted();
    }

    fn labelled(&self, name: &str, label: &str, rules: &Value) {
        let mut role = cluster_role(&format!("effective-{name}"), rules);
        role["metadata"]["labels"] = json!({label: "true"});
        self.write(&role).admitted();
    }

    fn aggregate(&self, name: &str, label: &str) {
        let mut role = cluster_role(&format!("effective-{name}"), &json!([]));
        role["aggregationRule"] =
            json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]});
        self.write(&role).admitted();
    }

    /// A binding of a role of this test in its namespace.
    fn bind(&self, name: &str, role: &str, user: &str) -> Transcript {
        self.site.apply(&binding(name, role, user))
    }

    /// What the API server's own authorizer says; `kubectl auth can-i` asks it for no group that is not served.
    fn may(&self, user: &str, verb: &str, group: &str, resource: &str) -> bool {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": {
                "namespace": NAMESPACE, "verb": verb, "group": group,
                "resource": resource, "subresource": subresource,
            }},
        });
        let file = self.site.write("may", &review);
        let answer = self.kubectl(&format!("create -f {file} -o jsonpath={{.status.allowed}}"));
        answer.admitted().output == "true"
    }

    #[track_caller]
    fn refuses(&self, name: &str, role: &str) -> Transcript {
        self.site.refuses(&binding(name, role, USER))
    }

    /// The watch is a moment behind: waits until the role's binding is known.
    fn knows_bindings_of(&self, role: &str) {
        let written = cluster_role(&format!("effective-{role}"), &power_user());
        let file = self.site.write(&format!("probe-{role}"), &written);
        let command = format!("apply --dry-run=server -f {file}");
        wait_for("the binding to be known", PATIENCE, || {
            let transcript = self.kubectl(&command);
            transcript.output.contains("[role-change]").then_some(())
        })
        .unwrap();
    }

    /// Waits until the log tells that the audit found the binding.
    fn audit_finds(&self, rule: &str, kind: &str, name: &str) {
        let fields = [kind, NAMESPACE, name, rule, "the audit found"];
        wait_for("the audit to find the binding", PATIENCE, || {
            let log = self.site.webhook.log();
            let mut lines = log.lines();
            lines
                .any(|line| fields.iter().all(|field| line.contains(field)))
                .then_some(())
        })
        .unwrap();
    }
}

fn binding(name: &str, role: &str, user: &str) -> Binding {
    role_binding(NAMESPACE, name, &format!("effective-{role}")).user(user)
}

fn cluster_role(name: &str, rules: &Value) -> Value {
    json!({"apiVersion": VERSION, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "verbs": verbs})
}

fn all(group: &str) -> Value {
    rule(group, "*", &["*"])
}

/// What a power user may do, in short.
fn power_user() -> Value {
    json!([
        rule(
            "kubevirt.io",
            "virtualmachines",
            &["get", "create", "delete"]
        ),
        rule(
            "subresources.kubevirt.io",
            "virtualmachines/start",
            &["update"]
        ),
    ])
}

/// An operator, which may do anything.
const AS_A_MACHINE: &str =
    "--as=system:serviceaccount:kubevirt:kubevirt-operator --as-group=system:masters";
/// Somebody who may hold every VM role.
const ADMIN: &str = "vm-admin@orchard.test";
/// Somebody who may hold `spectro-vm-viewer`.
const VIEWER: &str = "vm-viewer@orchard.test";
/// Somebody who may hold `spectro-vm-user`.
const USER: &str = "vm-user@orchard.test";
const NAMESPACE: &str = "effective-vms";
const VERSION: &str = "rbac.authorization.k8s.io/v1";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
