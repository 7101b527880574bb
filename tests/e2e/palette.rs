//! From Palette to the verdict: what is given there is admitted here, what is taken away is refused, and what is gone takes
//! nothing with it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binding::{Binding, role_binding};
use crate::harness::cluster::Cluster;
use crate::harness::process::{scratch, wait_for};
use crate::harness::syncer::Syncer;
use crate::harness::webhook::Webhook;
use crate::manifests::{find, from_root_of_the_file_system, kustomize};
use crate::site::{Site, USERS, assets, program, shared_cluster};
use crate::stand_in::{StandIn, Tenant};

/// A stand-in, the namespace of its Secret, and a folder.
struct Palette {
    stand_in: StandIn,
    key: String,
    cluster_uid: String,
    cluster: &'static Cluster,
    name: &'static str,
    folder: PathBuf,
}

impl Palette {
    fn new(name: &'static str, tenant: Tenant) -> Option<Self> {
        let cluster = shared_cluster()?;
        let create = format!("create namespace {name}-directory");
        cluster.kubectl.read(&create).unwrap();
        cluster
            .kubectl
            .read(&format!("create namespace {name}-vms"))
            .unwrap();
        Some(Self {
            key: tenant.key.clone(),
            cluster_uid: tenant.cluster(),
            stand_in: StandIn::start(tenant),
            cluster,
            name,
            folder: scratch(name).unwrap(),
        })
    }

    fn secret(&self) -> String {
        format!("secret:{}-directory/snapshot", self.name)
    }

    /// A syncer for the Secret.
    fn sync(&self, arguments: &[&str]) -> Syncer {
        let kubeconfig = self.cluster.kubectl.kubeconfig.display().to_string();
        let (namespace, secret) = (format!("{}-directory", self.name), self.secret());
        let mut all = vec!["--cluster-uid", &self.cluster_uid, "--to", &secret];
        all.extend(["--kubeconfig", &kubeconfig, "--requests-per-second", "1000"]);
        all.extend(["--hint-interval", "500ms", "--lease-namespace", &namespace]);
        all.extend(["--lease-duration", "2s"]);
        all.extend(arguments);
        let palette = (&*self.stand_in.url(), &*self.key);
        Syncer::start(program(), &self.folder, palette, &all).unwrap()
    }

    /// What another sync would say.
    fn dry_run(&self) -> String {
        let key = self.folder.join("key");
        fs::write(&key, &self.key).unwrap();
        let output = Command::new(program())
            .args([
                "sync",
                "--dry-run",
                "--requests-per-second",
                "1000",
                "--palette-key-file",
            ])
            .arg(key)
            .args([
                "--palette-url",
                &self.stand_in.url(),
                "--cluster-uid",
                &self.cluster_uid,
            ])
            .args(["--to", &self.secret(), "--kubeconfig"])
            .arg(&self.cluster.kubectl.kubeconfig)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn serve(&self, arguments: &[&str]) -> Webhook {
        let kubeconfig = self.cluster.kubectl.kubeconfig.display().to_string();
        let secret = self.secret();
        let mut all = vec![
            "--directory",
            &*secret,
            "--cluster",
            "auto",
            "--kubeconfig",
            &kubeconfig,
        ];
        all.extend(arguments);
        let folder = scratch(self.name).unwrap();
        Webhook::start(program(), &folder, &all).unwrap()
    }

    fn site(&self, arguments: &[&str]) -> Site {
        let namespace = format!("{}-vms", self.name);
        Site::open(
            self.name,
            self.cluster,
            self.serve(arguments),
            &[&namespace],
        )
    }

    fn binding(&self, name: &str, role: &str) -> Binding {
        role_binding(&format!("{}-vms", self.name), name, role)
    }

    /// The Secret that is always called the same.
    fn pointer(&self) -> Value {
        let get = format!("get secret snapshot -n {}-directory -o json", self.name);
        serde_json::from_str(&self.cluster.kubectl.read(&get).unwrap()).unwrap()
    }

    fn until_there(&self) {
        let get = format!("get secret snapshot -n {}-directory", self.name);
        wait_for("the snapshot", PATIENCE, || {
            self.cluster
                .kubectl
                .run(&get)
                .unwrap()
                .succeeded()
                .then_some(())
        })
        .unwrap();
    }
}

#[track_caller]
fn until_admitted(site: &Site, binding: &Binding) {
    let is_admitted = || site.apply(binding).succeeded().then_some(());
    wait_for("the binding to be admitted", PATIENCE, is_admitted).unwrap();
}

#[test]
fn what_is_given_in_palette_is_admitted_and_what_is_taken_away_refused() {
    let Some(palette) = Palette::new("story", Tenant::large()) else {
        return;
    };
    let syncer = palette.sync(&[]);
    palette.until_there();
    let site = palette.site(&["--audit-interval", "1s"]);
    let binding = palette
        .binding("ines", "spectro-vm-power-user")
        .user("ines@orchard.test");
    site.refuses(&binding);
    let give = |tenant: &mut Tenant| {
        tenant.grant(
            "ines@orchard.test",
            "Virtual Machine Power User",
            "orchard-prod",
        );
    };
    palette.stand_in.change(give);
    until_admitted(&site, &binding);
    let findings = || {
        let metrics = site.webhook.metrics().unwrap();
        metrics.sum(
            "palette_rbac_audit_findings",
            &[r#"role="spectro-vm-power-user""#],
        )
    };
    let before = findings();
    palette.stand_in.change(|tenant| {
        tenant.revoke(
            "ines@orchard.test",
            "Virtual Machine Power User",
            "orchard-prod",
        );
    });
    let again = palette
        .binding("ines-again", "spectro-vm-power-user")
        .user("ines@orchard.test");
    wait_for("the binding to be refused", PATIENCE, || {
        let applied = site.apply(&again);
        let is_refused = !applied.succeeded();
        site.kubectl("delete rolebinding ines-again -n story-vms --ignore-not-found");
        is_refused.then_some(())
    })
    .unwrap();
    // The one that was made meanwhile is what the audit names.
    wait_for("the audit to name the old binding", PATIENCE, || {
        (findings() > before).then_some(())
    })
    .unwrap();
    let broken = palette.dry_run();
    assert!(
        broken.contains("Nobody would hold anything else."),
        "{broken}"
    );
    palette.stand_in.change(|tenant| {
        // With the next sync, and not by a hint.
        let viewer = tenant.role("Virtual Machine User");
        let ines = tenant.user("ines@orchard.test");
        let grants = &mut tenant.project_mut("orchard-prod").users;
        grants
            .get_mut(&ines)
            .unwrap()
            .retain(|role| *role != viewer);
    });
    let lesser = palette
        .binding("lesser", "spectro-vm-user")
        .user("ines@orchard.test");
    site.admits(&lesser);
    let broken = palette.dry_run();
    for line in [
        "- user ines@orchard.test loses Virtual Machine User (project orchard-prod)",
        "! RoleBinding story-vms/lesser would be refused if it were made then",
    ] {
        assert!(broken.contains(line), "{line}\nnot in\n{broken}");
    }
    assert!(
        memory_mib(syncer.id()) <= 120,
        "{} MiB",
        memory_mib(syncer.id())
    );
    let metrics = syncer.metrics().unwrap();
    assert!(metrics.sum("palette_rbac_sync_last_success_timestamp_seconds", &[]) > 0.0);
    assert!(metrics.sum("palette_rbac_palette_key_not_after_timestamp_seconds", &[]) > 0.0);
    assert!(metrics.sum("palette_rbac_sync_changes_total", &[r#"kind="lost""#]) >= 1.0);
    assert!(
        !syncer.log().contains(&palette.key),
        "the key is in the log"
    );
}

#[test]
fn an_unchanged_tenant_costs_one_request_and_no_write() {
    let Some(palette) = Palette::new("unchanged", Tenant::sample()) else {
        return;
    };
    let _syncer = palette.sync(&[]);
    palette.until_there();
    let version = palette.pointer()["metadata"]["resourceVersion"].clone();
    // What belongs to the first sync.
    wait_for("the first hint", PATIENCE, || {
        let asked = palette.stand_in.asked();
        asked
            .iter()
            .any(|asked| asked == "GET /v1/audits")
            .then_some(())
    })
    .unwrap();
    let mut asked = Vec::new();
    wait_for("some hints", PATIENCE, || {
        asked.extend(palette.stand_in.asked());
        (asked.len() >= 4).then_some(())
    })
    .unwrap();
    assert!(
        asked.iter().all(|asked| asked == "GET /v1/audits"),
        "{asked:?}"
    );
    assert_eq!(palette.pointer()["metadata"]["resourceVersion"], version);
}

#[test]
fn verdicts_go_on_without_palette_without_the_secret_and_without_its_parts() {
    let Some(palette) = Palette::new("outages", Tenant::sample()) else {
        return;
    };
    let syncer = palette.sync(&[]);
    palette.until_there();
    let cache = palette.folder.join("cache").display().to_string();
    let site = palette.site(&["--directory-cache", &cache]);
    let good = |name: &str| {
        palette
            .binding(name, "spectro-vm-user")
            .user("ines@orchard.test")
    };
    let bad = palette
        .binding("bad", "spectro-vm-user")
        .user("omar@orchard.test");
    let judged = |name: &str| {
        site.admits(&good(name));
        site.refuses(&bad);
    };
    judged("with-all");
    // Palette and sync are gone.
    drop(syncer);
    judged("without-sync");
    let delete = "delete secret -n outages-directory -l palette-rbac.io/part-of=snapshot";
    palette.cluster.kubectl.read(delete).unwrap();
    judged("without-parts");
    palette
        .cluster
        .kubectl
        .read("delete secret snapshot -n outages-directory")
        .unwrap();
    wait_for("the loss to be noticed", PATIENCE, || {
        site.webhook
            .log()
            .contains("there is no such Secret")
            .then_some(())
    })
    .unwrap();
    judged("without-the-secret");
    // One that starts now goes on with what was kept.
    let restarted = palette.serve(&["--directory-cache", &cache]);
    assert!(
        restarted
            .log()
            .contains("going on with the directory that was kept")
    );
    // And with sync it is all there again.
    let _syncer = palette.sync(&[]);
    palette.until_there();
    judged("with-all-again");
}

#[test]
fn a_secret_that_is_deleted_is_written_again_from_memory() {
    let Some(palette) = Palette::new("restored", Tenant::sample()) else {
        return;
    };
    let _syncer = palette.sync(&[]);
    palette.until_there();
    let sha = palette.pointer()["data"]["snapshot.json"].clone();
    palette
        .cluster
        .kubectl
        .read("delete secret snapshot -n restored-directory")
        .unwrap();
    palette.until_there();
    assert_eq!(palette.pointer()["data"]["snapshot.json"], sha);
}

#[test]
fn a_snapshot_whose_parts_are_gone_is_written_anew_by_whoever_starts() {
    let Some(palette) = Palette::new("broken", Tenant::sample()) else {
        return;
    };
    let syncer = palette.sync(&[]);
    palette.until_there();
    drop(syncer);
    let parts = "secret -n broken-directory -l palette-rbac.io/part-of=snapshot";
    palette
        .cluster
        .kubectl
        .read(&format!("delete {parts}"))
        .unwrap();
    let syncer = palette.sync(&[]);
    wait_for("the parts", PATIENCE, || {
        let found = palette
            .cluster
            .kubectl
            .read(&format!("get {parts} -o name"));
        (found.ok()?.lines().count() == 1).then_some(())
    })
    .unwrap();
    assert!(
        syncer.log().contains("what was kept last is broken"),
        "{}",
        syncer.log()
    );
    palette.serve(&[]);
}

#[test]
fn a_snapshot_of_more_than_one_part_is_used_whole_and_goes_on_without_half_of_them() {
    let Some(palette) = Palette::new("halved", incompressible()) else {
        return;
    };
    let get = "get secret -n halved-directory -l palette-rbac.io/part-of=snapshot -o name";
    let parts = || -> Vec<String> {
        let listed = palette.cluster.kubectl.read(get).unwrap();
        listed.lines().map(str::to_owned).collect()
    };
    let syncer = palette.sync(&[]);
    palette.until_there();
    let written = parts();
    assert!(written.len() >= 2, "{written:?}");
    let site = palette.site(&[]);
    let good = |name: &str| {
        palette
            .binding(name, "spectro-vm-user")
            .user("ines@orchard.test")
    };
    let bad = palette
        .binding("bad", "spectro-vm-user")
        .user("omar@orchard.test");
    site.admits(&good("with-all"));
    site.refuses(&bad);
    drop(syncer);
    let delete = format!("delete {} -n halved-directory", written[0]);
    palette.cluster.kubectl.read(&delete).unwrap();
    site.admits(&good("without-half"));
    site.refuses(&bad);
    let _syncer = palette.sync(&[]);
    wait_for("the part", PATIENCE, || (parts() == written).then_some(())).unwrap();
    palette.serve(&[]);
}

/// The sample, and names that are more than 1 MiB, compressed.
fn incompressible() -> Tenant {
    let mut tenant = Tenant::sample();
    let mut state = 1_u64;
    for _ in 0..10_000 {
        let mut name = String::new();
        for _ in 0..13 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            write!(name, "{:016x}", state ^ (state >> 29)).unwrap();
        }
        tenant.add_user(&format!("{name}@orchard.test"));
    }
    tenant
}

#[test]
fn a_replica_without_a_directory_is_not_ready_and_judges_nothing() {
    let Some(palette) = Palette::new("empty", Tenant::sample()) else {
        return;
    };
    let kubeconfig = palette.cluster.kubectl.kubeconfig.display().to_string();
    let secret = palette.secret();
    let arguments = [
        "--directory",
        &*secret,
        "--cluster",
        "auto",
        "--kubeconfig",
        &kubeconfig,
    ];
    let started = std::thread::scope(|scope| {
        let serving = scope.spawn(|| Webhook::start(program(), &palette.folder, &arguments));
        let log = palette.folder.join("palette-rbac.log");
        wait_for("it to say that it has none", PATIENCE, || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.contains("no directory is delivered").then_some(())
        })
        .unwrap();
        assert!(!serving.is_finished(), "it is ready without a directory");
        let _syncer = palette.sync(&[]);
        serving.join().unwrap()
    });
    assert!(started.unwrap().log().contains("directory reloaded"));
}

#[test]
fn a_directory_that_grows_old_acts_as_the_policy_says() {
    let Some(palette) = Palette::new("aged", Tenant::sample()) else {
        return;
    };
    let policy = palette.folder.join("policy.yaml");
    let text = "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\nstaleAfter: 5s\nonStaleDirectory: deny\n";
    fs::write(&policy, text).unwrap();
    let syncer = palette.sync(&["--interval", "1s"]);
    palette.until_there();
    let site = palette.site(&["--policy", &policy.display().to_string()]);
    let good = |name: &str| {
        palette
            .binding(name, "spectro-vm-user")
            .user("ines@orchard.test")
    };
    until_admitted(&site, &good("fresh"));
    drop(syncer);
    let stale = || {
        site.webhook
            .metrics()
            .unwrap()
            .sum("palette_rbac_directory_stale", &[])
    };
    wait_for("the directory to be stale", PATIENCE, || {
        (stale() > 0.0).then_some(())
    })
    .unwrap();
    let refused = site.refuses(&good("stale"));
    assert!(
        refused.output.contains("older than the policy allows"),
        "{refused}"
    );
    let _syncer = palette.sync(&["--interval", "1s"]);
    until_admitted(&site, &good("fresh-again"));
}

#[test]
fn of_two_syncers_one_reads_and_the_other_goes_on() {
    let Some(palette) = Palette::new("twins", Tenant::sample()) else {
        return;
    };
    let leads = |syncer: &Syncer| {
        let metrics = syncer.metrics().unwrap();
        metrics.sum("palette_rbac_sync_leader", &[]) > 0.0
    };
    let first = palette.sync(&[]);
    palette.until_there();
    let second = palette.sync(&[]);
    assert!(leads(&first) && !leads(&second));
    let parts = || {
        let get = "get secret -n twins-directory -l palette-rbac.io/part-of=snapshot -o name";
        palette.cluster.kubectl.read(get).unwrap()
    };
    let before = parts();
    drop(first);
    wait_for("the other to lead", PATIENCE, || {
        leads(&second).then_some(())
    })
    .unwrap();
    palette.stand_in.change(|tenant| {
        tenant.grant("omar@orchard.test", "Virtual Machine User", "orchard-prod");
    });
    wait_for("the change to be written", PATIENCE, || {
        (parts() != before).then_some(())
    })
    .unwrap();
    // The parts of the last snapshot stay for whoever still reads them, and no more of them.
    assert_eq!(parts().lines().count(), 2);
}

#[test]
fn people_ask_for_a_sync_and_accept_a_loss_by_annotations() {
    let mut tenant = Tenant::sample();
    for number in 0..20 {
        let name = format!("user-{number}@orchard.test");
        tenant.add_user(&name);
        tenant.grant(&name, "Cluster Viewer", "orchard-prod");
    }
    let Some(palette) = Palette::new("asked", tenant) else {
        return;
    };
    let syncer = palette.sync(&["--hint-interval", "0s"]);
    palette.until_there();
    wait_for("the notes to be seen", PATIENCE, || {
        (palette.stand_in.asked().is_empty()).then_some(())
    })
    .unwrap();
    let annotate = |text: &str| {
        let command = format!("annotate --overwrite secret snapshot -n asked-directory {text}");
        palette.cluster.kubectl.read(&command).unwrap();
    };
    let held = || syncer.metrics().unwrap().sum("palette_rbac_sync_held", &[]);
    palette
        .stand_in
        .change(|tenant| tenant.project_mut("orchard-prod").users.clear());
    annotate("palette-rbac.io/sync-now=1");
    wait_for("the loss to be held back", PATIENCE, || {
        (held() > 0.0).then_some(())
    })
    .unwrap();
    let log = syncer.log();
    let digest = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let digest = digest
        .filter_map(|line| line["digest"].as_str().map(str::to_owned))
        .next_back()
        .unwrap();
    annotate(&format!("palette-rbac.io/accept-loss={digest}"));
    wait_for("the loss to be accepted", PATIENCE, || {
        (held() == 0.0).then_some(())
    })
    .unwrap();
}

/// What manifests/sync and manifests/base give the pods is enough, and Palette's key is not within the webhook's reach.
#[test]
fn the_rights_of_the_manifests_are_enough_and_no_more() {
    let Some(assets) = assets() else {
        return;
    };
    let cluster = Cluster::start("sync-rights", &assets, &USERS).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "base/namespace.yaml",
        "base/rbac.yaml",
        "base/service-account.yaml",
    ] {
        let command = format!(
            "apply -n palette-rbac -f {}",
            root.join("manifests").join(file).display()
        );
        cluster.kubectl.read(&command).unwrap();
    }
    let applied = format!("apply -k {}", root.join("manifests/sync").display());
    let applied = cluster.kubectl.run(&applied).unwrap().admitted();
    assert!(!applied.output.contains("Warning"), "{applied}");
    let kubeconfig = |account: &str| {
        let create = format!("create token {account} -n palette-rbac");
        let token = cluster.kubectl.read(&create).unwrap();
        let path = cluster.kubeconfig_of(account, token.trim()).unwrap();
        path.display().to_string()
    };
    let palette = StandIn::start(Tenant::sample());
    let (key, uid) = palette.change(|tenant| (tenant.key.clone(), tenant.cluster()));
    let folder = scratch("sync-rights").unwrap();
    let (of_sync, of_webhook) = (kubeconfig("palette-rbac-sync"), kubeconfig("palette-rbac"));
    let secret = "secret:palette-rbac-directory/snapshot";
    let mut arguments = vec![
        "--cluster-uid",
        &*uid,
        "--to",
        secret,
        "--kubeconfig",
        &of_sync,
    ];
    arguments.extend([
        "--lease-namespace",
        "palette-rbac",
        "--hint-interval",
        "500ms",
    ]);
    let syncer = Syncer::start(program(), &folder, (&palette.url(), &key), &arguments).unwrap();
    let webhook = [
        "--directory",
        secret,
        "--cluster",
        "auto",
        "--kubeconfig",
        &of_webhook,
    ];
    let webhook = Webhook::start(program(), &folder, &webhook).unwrap();
    // Two changes: the parts of the first snapshot are removed with the second.
    for role in ["Virtual Machine User", "Virtual Machine Admin"] {
        let before = webhook.log().matches("directory reloaded").count();
        palette.change(|tenant| tenant.grant("omar@orchard.test", role, "orchard-prod"));
        wait_for("the change to arrive", PATIENCE, || {
            (webhook.log().matches("directory reloaded").count() > before).then_some(())
        })
        .unwrap();
    }
    assert!(!syncer.log().contains("forbidden"), "{}", syncer.log());
    let may = |account: &str, what: &str| {
        let command =
            format!("auth can-i {what} --as system:serviceaccount:palette-rbac:{account}");
        cluster.kubectl.run(&command).unwrap().succeeded()
    };
    assert!(may("palette-rbac", "get secrets -n palette-rbac-directory"));
    assert!(!may(
        "palette-rbac",
        "update secrets/snapshot -n palette-rbac-directory"
    ));
    for account in ["palette-rbac", "palette-rbac-sync"] {
        for what in [
            "get secrets -n palette-rbac",
            "list secrets -A",
            "create rolebindings -n default",
        ] {
            assert!(!may(account, what), "{account} may {what}");
        }
    }
    assert!(!may(
        "palette-rbac-sync",
        "update secrets/other -n palette-rbac-directory"
    ));
}

/// The component of docs/palette.md, in an overlay of one's own.
#[test]
fn the_component_for_the_directory_reads_what_sync_writes() {
    let Some(assets) = assets() else {
        return;
    };
    let folder = scratch("directory-overlay").unwrap();
    let manifests = from_root_of_the_file_system(&folder, "manifests");
    let kustomization = format!(
        "namespace: palette-rbac\ngeneratorOptions: {{ disableNameSuffixHash: true }}\n\
         resources: [{manifests}/overlays/enforce]\ncomponents: [{manifests}/directory-from-sync]\n"
    );
    fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    let objects = kustomize(&assets, &folder);
    let pod = &find(&objects, "Deployment", "palette-rbac")["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    assert!(arguments.contains(&json!("--directory=secret:palette-rbac-directory/snapshot")));
    let cache = "--directory-cache=/var/cache/palette-rbac/snapshot";
    assert_eq!(arguments.last(), Some(&json!(cache)));
    let directories = arguments
        .iter()
        .filter(|it| it.as_str().unwrap().starts_with("--directory="));
    assert_eq!(directories.count(), 1);
    assert_eq!(pod["volumes"][2]["emptyDir"]["sizeLimit"], "64Mi");
}

fn memory_mib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim()
        .trim_end_matches(" kB")
        .trim()
        .parse::<u64>()
        .unwrap()
        / 1024
}

/// A minute, as is promised.
const PATIENCE: Duration = Duration::from_mins(1);
