//! One control plane for most tests, and several webhooks at it, each with its own policy and its own part of it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Once};
use std::thread;

use serde_json::Value;

use crate::binding::{Binding, role_binding};
use crate::harness::assets::Assets;
use crate::harness::cluster::{Cluster, User};
use crate::harness::kubectl::Transcript;
use crate::harness::process::scratch;
use crate::harness::webhook::{Webhook, wait_until_asked};

/// A webhook that is registered for a part of a cluster.
pub(crate) struct Site {
    pub(crate) cluster: &'static Cluster,
    pub(crate) webhook: Webhook,
    files: PathBuf,
}

impl Site {
    /// Registers `webhook` for `namespaces` and for the cluster-wide bindings whose names begin with `name`, and
    /// waits until it is asked.
    pub(crate) fn open(
        name: &str,
        cluster: &'static Cluster,
        webhook: Webhook,
        namespaces: &[&str],
    ) -> Self {
        let site = Self {
            cluster,
            webhook,
            files: scratch(&format!("{name}-files")).unwrap(),
        };
        site.webhook
            .register(
                &cluster.kubectl,
                &format!("palette-rbac-{name}"),
                Some(&part(name, namespaces)),
            )
            .unwrap();
        let refused = role_binding(namespaces[0], &format!("{name}-probe"), "spectro-vm-admin")
            .user("nobody@orchard.test");
        let file = site.write(&refused.name, &refused.to_json());
        wait_until_asked(&cluster.kubectl, &site.folder(), &file).unwrap();
        site
    }

    /// Where the test that runs has its files: others at the same site call theirs the same.
    pub(crate) fn folder(&self) -> PathBuf {
        let thread = thread::current();
        let test = thread.name().unwrap_or_default().replace("::", "-");
        let folder = self.files.join(test);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// `kubectl` with the words of `command`, in the folder of the files that [`Site::write`] writes.
    pub(crate) fn kubectl(&self, command: &str) -> Transcript {
        self.cluster
            .kubectl
            .run_in(&self.folder(), command)
            .unwrap()
    }

    /// Writes a file for kubectl and answers its name.
    pub(crate) fn write(&self, name: &str, document: &Value) -> String {
        let file = format!("{name}.yaml");
        fs::write(
            self.folder().join(&file),
            serde_json::to_string_pretty(document).unwrap(),
        )
        .unwrap();
        file
    }

    /// `kubectl apply` of one binding.
    pub(crate) fn apply(&self, binding: &Binding) -> Transcript {
        let file = self.write(&binding.name, &binding.to_json());
        self.kubectl(&format!("apply -f {file}"))
    }

    #[track_caller]
    pub(crate) fn admits(&self, binding: &Binding) -> Transcript {
        self.apply(binding).admitted()
    }

    #[track_caller]
    pub(crate) fn refuses(&self, binding: &Binding) -> Transcript {
        self.apply(binding).refused()
    }
}

/// The default rules, in project `orchard-prod` and workspace `harvest`.
pub(crate) fn orchard(test: impl FnOnce(&Site)) {
    static SITE: LazyLock<Option<Site>> =
        LazyLock::new(|| shared_site("orchard", &["vms", "vm-blue", "staging", "backoffice"]));
    SITE.as_ref().map(test);
}

/// The default rules, in cluster group `cellar`.
pub(crate) fn cellar(test: impl FnOnce(&Site)) {
    static SITE: LazyLock<Option<Site>> = LazyLock::new(|| shared_site("cellar", &["cellar-vms"]));
    SITE.as_ref().map(test);
}

/// `standard-role-mapping` and `requester` deny; group names have a prefix; exemptions and break-glass.
pub(crate) fn strict(test: impl FnOnce(&Site)) {
    static SITE: LazyLock<Option<Site>> =
        LazyLock::new(|| shared_site("strict", &["strict-vms", "strict-images"]));
    SITE.as_ref().map(test);
}

fn shared_site(name: &str, namespaces: &[&str]) -> Option<Site> {
    let cluster = shared_cluster()?;
    let folder = scratch(name).unwrap();
    let (policy, directory) = (fixture(&format!("{name}.yaml")), fixture("directory.yaml"));
    let webhook = Webhook::start(
        program(),
        &folder,
        &["--policy", &policy, "--directory", &directory],
    )
    .unwrap();
    Some(Site::open(name, cluster, webhook, namespaces))
}

/// A cluster-wide object has no namespace to compare with.
fn part(name: &str, namespaces: &[&str]) -> String {
    format!(
        r#"has(request.namespace) ? request.namespace in {namespaces:?} : request.name.startsWith("{name}-")"#
    )
}

/// The control plane of all tests that neither stop it nor change what others see; none where it cannot be had.
pub(crate) fn shared_cluster() -> Option<&'static Cluster> {
    static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| {
        let cluster = Cluster::start("shared", &assets()?, &USERS).unwrap();
        cluster
            .kubectl
            .run_in(Path::new(FIXTURES), "apply -f cluster.yaml")
            .unwrap()
            .admitted();
        Some(cluster)
    });
    CLUSTER.as_ref()
}

/// The programs of the control plane. Without them a test is skipped, except in CI, where that is a failure.
pub(crate) fn assets() -> Option<Assets> {
    let found = Assets::find();
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "{MISSING}"
    );
    if found.is_none() {
        static SAID: Once = Once::new();
        SAID.call_once(|| say(MISSING));
    }
    found
}

/// The one more program that not every set of them has, with the same rule.
pub(crate) fn controller_manager(assets: &Assets) -> Option<&Path> {
    let found = assets.kube_controller_manager.as_deref();
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "{NO_CONTROLLER_MANAGER}"
    );
    if found.is_none() {
        say(NO_CONTROLLER_MANAGER);
    }
    found
}

#[expect(
    clippy::explicit_write,
    reason = "what `eprintln!` prints is kept back for tests that pass"
)]
fn say(what_is_missing: &str) {
    writeln!(std::io::stderr(), "{what_is_missing}").unwrap();
}

/// The path of a file in `tests/e2e/fixtures`.
pub(crate) fn fixture(name: &str) -> String {
    format!("{FIXTURES}/{name}")
}

/// The webhook as it was built for these tests.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_palette-rbac"))
}

/// Who can log in: `kubectl --user NAME`.
pub(crate) const USERS: [User; 5] = [
    User {
        name: "admin",
        groups: &["system:masters"],
    },
    User {
        name: "cluster-editor@orchard.test",
        groups: &["platform"],
    },
    User {
        name: "outsider@orchard.test",
        groups: &["platform"],
    },
    User {
        name: "newcomer@orchard.test",
        groups: &["platform", "oidc:orchard-platform"],
    },
    User {
        name: "rescue@orchard.test",
        groups: &["platform", "oidc:breakglass"],
    },
];

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/fixtures");

const MISSING: &str = "\
skipped: the tests against a real API server; `make setup control-plane` builds one (or set KUBEBUILDER_ASSETS)";

const NO_CONTROLLER_MANAGER: &str = "\
skipped: the test beside kube-controller-manager, which is not where kube-apiserver is; `make control-plane` builds both";
