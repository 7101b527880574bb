//! A role and its binding written back to back: the watch has not seen the role, so it is read live.

use std::fs;
use std::sync::LazyLock;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::binding::{Binding, role_binding};
use crate::harness::kubectl::{DENIED, Transcript};
use crate::harness::process::scratch;
use crate::site::{Site, fixture};
use crate::watch::{aggregate, kubeconfig, labelled, machines, role, serve_with, shared};

#[test]
fn a_role_bound_as_soon_as_it_is_there_is_refused_every_time() {
    watched(|site| {
        let before = reads(site);
        let written = write(site, "create", ("pair", 200), |name| {
            let role = role(WATCHED, name, &machines("delete"));
            let binding = binding(WATCHED, name).of_namespaced_role();
            vec![role, binding.to_json()]
        });
        assert_each_refused(&written);
        // Either the watch or the review of the role itself had it, or it was read; none was taken for absent.
        let [_, absent, failed] = reads(site);
        assert_eq!([absent, failed], [before[1], before[2]]);
    });
}

#[test]
fn an_aggregate_bound_as_soon_as_it_is_there_is_refused_every_time() {
    watched(|site| {
        let written = write(site, "create", ("whole", 50), |name| {
            let [aggregate, member] = aggregate_and_member(name);
            vec![member, aggregate, binding(WATCHED, name).to_json()]
        });
        assert_each_refused(&written);
    });
}

/// The watch may have seen the aggregate, and not what it is made of since.
#[test]
fn an_aggregate_grown_and_bound_at_once_is_refused_every_time_where_roles_are_read_live() {
    live(|site| {
        let written = write(site, "create", ("grown", 50), |name| {
            let [aggregate, member] = aggregate_and_member(name);
            vec![aggregate, member, binding(LIVE, name).to_json()]
        });
        assert_each_refused(&written);
    });
}

#[test]
fn a_role_bound_as_soon_as_it_is_there_or_widened_is_refused_every_time_where_roles_are_read_live()
{
    live(|site| {
        let written = write(site, "create", ("new", 200), |name| {
            let binding = binding(LIVE, name).of_namespaced_role();
            vec![role(LIVE, name, &machines("delete")), binding.to_json()]
        });
        assert_each_refused(&written);
        let written = write(site, "apply", ("widened", 200), |name| {
            vec![
                role(LIVE, name, &json!([])),
                role(LIVE, name, &machines("delete")),
                binding(LIVE, name).of_namespaced_role().to_json(),
            ]
        });
        assert_each_refused(&written);
    });
}

#[test]
fn a_role_that_does_not_exist_is_warned_of_and_one_that_cannot_be_read_is_refused() {
    live(|site| {
        let [_, absent, _] = reads(site);
        let written = dry_run(site, &binding(LIVE, "nowhere"));
        assert!(written.admitted().output.contains("dangling-role"));
        assert_eq!(reads(site)[1], absent + 1.0);
    });
    let Some(cluster) = shared() else {
        return;
    };
    let kubeconfig = kubeconfig(cluster, UNREAD, false);
    for command in [
        "clusterrole no-get --verb=list,watch --resource=roles,clusterroles,rolebindings,clusterrolebindings",
        "clusterrolebinding no-get --clusterrole=no-get --serviceaccount=default:races-unread",
        "namespace races-unread",
    ] {
        cluster.kubectl.read(&format!("create {command}")).unwrap();
    }
    let webhook = serve_with(cluster, UNREAD, &kubeconfig, &fixture("orchard.yaml"));
    let site = Site::open(UNREAD, cluster, webhook, &[UNREAD]);
    let written = dry_run(&site, &binding(UNREAD, "nowhere")).refused();
    assert_snapshot!(written);
    assert_eq!(reads(&site), [0.0, 0.0, 1.0]);
}

fn dry_run(site: &Site, binding: &Binding) -> Transcript {
    let file = site.write(&binding.name, &binding.to_json());
    site.kubectl(&format!("create --dry-run=server -f {file}"))
}

/// With `roleReads: watched`.
fn watched(test: impl FnOnce(&Site)) {
    static SITE: LazyLock<Option<Site>> = LazyLock::new(|| {
        let policy = fs::read_to_string(fixture("orchard.yaml")).unwrap();
        let file = scratch("live-reads").unwrap().join("watched.yaml");
        fs::write(&file, policy + "roleReads: watched\n").unwrap();
        open(WATCHED, &file.display().to_string())
    });
    SITE.as_ref().map(test);
}

fn live(test: impl FnOnce(&Site)) {
    static SITE: LazyLock<Option<Site>> = LazyLock::new(|| open(LIVE, &fixture("orchard.yaml")));
    SITE.as_ref().map(test);
}

fn open(name: &str, policy: &str) -> Option<Site> {
    let cluster = shared()?;
    let webhook = serve_with(cluster, name, &kubeconfig(cluster, name, true), policy);
    let create = format!("create namespace {name}");
    cluster.kubectl.read(&create).unwrap();
    Some(Site::open(name, cluster, webhook, &[name]))
}

/// Writes what belongs to each name, one after the other, in one call of kubectl.
fn write(
    site: &Site,
    verb: &str,
    (name, rounds): (&str, usize),
    of: impl Fn(&str) -> Vec<Value>,
) -> Written {
    let names = (0..rounds).map(|round| format!("{name}-{round}"));
    let items: Vec<Value> = names.flat_map(|name| of(&name)).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let file = site.write(name, &list);
    Written {
        rounds,
        transcript: site.kubectl(&format!("{verb} -f {file}")),
    }
}

struct Written {
    rounds: usize,
    transcript: Transcript,
}

#[track_caller]
fn assert_each_refused(Written { rounds, transcript }: &Written) {
    let count = |text: &str| transcript.output.matches(text).count();
    let counts = [count(DENIED), count("[equivalent-role]")];
    assert_eq!(counts, [*rounds; 2], "{transcript}");
}

fn aggregate_and_member(name: &str) -> [Value; 2] {
    let label = format!("to-{name}");
    let member = labelled(&format!("part-of-{name}"), &label, &machines("delete"));
    [aggregate(name, &label), member]
}

/// Of a person whom Palette gave nothing.
fn binding(namespace: &str, name: &str) -> Binding {
    role_binding(namespace, name, name).user("nobody@orchard.test")
}

/// How many roles were read live: found, absent, failed.
fn reads(site: &Site) -> [f64; 3] {
    let metrics = site.webhook.metrics().unwrap();
    ["found", "absent", "failed"].map(|result| {
        let label = format!(r#"result="{result}""#);
        metrics.sum("palette_rbac_role_reads_total", &[&label])
    })
}

const WATCHED: &str = "races-watched";
const LIVE: &str = "races-live";
const UNREAD: &str = "races-unread";
