//! Certificate, policy and directory are swapped twenty times while requests run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::binding::{Binding, role_binding};
use crate::harness::http::{Client, SERVICE};
use crate::harness::process::{scratch, wait_for};
use crate::harness::review::creation;
use crate::harness::webhook::Webhook;
use crate::site::{Site, fixture, program, shared_cluster};

const SWAPS: usize = 20;

#[test]
fn twenty_policies_fail_no_request_and_each_gives_the_next_verdict() {
    let Some(cluster) = shared_cluster() else {
        return;
    };
    let folder = scratch("policy").unwrap();
    let enforce = fs::read_to_string(fixture("orchard.yaml")).unwrap();
    let audit = format!("{enforce}mode: audit\n");
    let mount = Mount::new(&folder.join("mount"), &[("policy.yaml", &enforce)]);
    let (policy, directory) = (mount.path("policy.yaml"), fixture("directory.yaml"));
    let webhook = Webhook::start(
        program(),
        &folder,
        &[
            "--policy",
            &policy,
            "--directory",
            &directory,
            "--reload-interval",
            "50ms",
        ],
    )
    .unwrap();
    let site = Site::open("policy", cluster, webhook, &["policy-vms"]);
    let bad = role_binding("policy-vms", "bad", "spectro-vm-admin").user("vm-user@orchard.test");

    let mut mount = mount;
    while_requests_run(&site.webhook, &bad, || {
        for swap in 1..=SWAPS {
            let refuses = swap % 2 == 0;
            let text = format!("{}# {swap}\n", if refuses { &enforce } else { &audit });
            swap_and_wait(&site.webhook, "policy", || {
                mount.swap(&[("policy.yaml", &text)]);
            });
            assert_verdict(&site, &bad, refuses);
        }
    });
}

#[test]
fn twenty_directories_fail_no_request_and_each_gives_the_next_verdict() {
    let Some(cluster) = shared_cluster() else {
        return;
    };
    let folder = scratch("directory").unwrap();
    let full = fs::read_to_string(fixture("directory.yaml")).unwrap();
    let without = full.replace("vm-user@orchard.test", "successor@orchard.test");
    let mut mount = Mount::new(&folder.join("mount"), &[("directory.yaml", &without)]);
    let (policy, directory) = (fixture("orchard.yaml"), mount.path("directory.yaml"));
    let webhook = Webhook::start(
        program(),
        &folder,
        &[
            "--policy",
            &policy,
            "--directory",
            &directory,
            "--reload-interval",
            "50ms",
        ],
    )
    .unwrap();
    let site = Site::open("directory", cluster, webhook, &["directory-vms"]);
    let granted =
        role_binding("directory-vms", "granted", "spectro-vm-user").user("vm-user@orchard.test");

    while_requests_run(&site.webhook, &granted, || {
        for swap in 1..=SWAPS {
            let refuses = swap % 2 == 0;
            let text = format!("{}# {swap}\n", if refuses { &without } else { &full });
            swap_and_wait(&site.webhook, "directory", || {
                mount.swap(&[("directory.yaml", &text)]);
            });
            assert_verdict(&site, &granted, refuses);
        }
    });
}

#[test]
fn twenty_certificates_fail_no_request_and_each_is_served_next() {
    let Some(cluster) = shared_cluster() else {
        return;
    };
    let folder = scratch("certificate").unwrap();
    let authority = authority();
    let (first, key) = serving_certificate(&authority);
    let mut mount = Mount::new(
        &folder.join("mount"),
        &[("tls.crt", &first), ("tls.key", &key)],
    );
    let ca = folder.join("ca.crt");
    fs::write(&ca, authority.pem()).unwrap();
    let (policy, directory) = (fixture("orchard.yaml"), fixture("directory.yaml"));
    let files = (
        PathBuf::from(mount.path("tls.crt")),
        PathBuf::from(mount.path("tls.key")),
    );
    let arguments = [
        "--policy",
        &policy,
        "--directory",
        &directory,
        "--reload-interval",
        "50ms",
    ];
    let webhook =
        Webhook::start_with(program(), &folder, &files.0, &files.1, &ca, &arguments).unwrap();
    let site = Site::open("certificate", cluster, webhook, &["certificate-vms"]);
    let bad =
        role_binding("certificate-vms", "bad", "spectro-vm-admin").user("vm-user@orchard.test");

    while_requests_run(&site.webhook, &bad, || {
        for _ in 1..=SWAPS {
            let (certificate, key) = serving_certificate(&authority);
            swap_and_wait(&site.webhook, "certificate", || {
                mount.swap(&[("tls.crt", &certificate), ("tls.key", &key)]);
            });
            assert_eq!(
                served(&site.webhook, &bad),
                CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()
            );
            assert_verdict(&site, &bad, true);
        }
    });
}

/// A mounted Secret or `ConfigMap` as the kubelet writes it: the files are links into `..data`, which is swapped whole.
struct Mount {
    folder: PathBuf,
    version: usize,
}

impl Mount {
    fn new(folder: &Path, files: &[(&str, &str)]) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut mount = Self {
            folder: folder.to_owned(),
            version: 0,
        };
        mount.swap(files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
        }
        mount
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn swap(&mut self, files: &[(&str, &str)]) {
        let old = self.folder.join(format!("..{}", self.version));
        self.version += 1;
        let new = format!("..{}", self.version);
        fs::create_dir(self.folder.join(&new)).unwrap();
        for (name, content) in files {
            fs::write(self.folder.join(&new).join(name), content).unwrap();
        }
        symlink(&new, self.folder.join("..data_tmp")).unwrap();
        fs::rename(self.folder.join("..data_tmp"), self.folder.join("..data")).unwrap();
        if old.exists() {
            fs::remove_dir_all(old).unwrap();
        }
    }
}

/// Swaps, and waits until the webhook counts one more reload.
fn swap_and_wait(webhook: &Webhook, what: &str, swap: impl FnOnce()) {
    let labels = [
        format!(r#"what="{what}""#),
        r#"result="applied""#.to_owned(),
    ];
    let applied = || {
        let metrics = webhook.metrics().unwrap();
        metrics.sum(
            "palette_rbac_reloads_total",
            &labels.each_ref().map(String::as_str),
        )
    };
    let before = applied();
    swap();
    wait_for("a reload", RELOADS_WITHIN, || {
        (applied() > before).then_some(())
    })
    .unwrap_or_else(|late| {
        panic!("{late} of the {what}:\n{}", webhook.log());
    });
}

/// Asks through the API server.
#[track_caller]
fn assert_verdict(site: &Site, binding: &Binding, refuses: bool) {
    let file = site.write(&binding.name, &binding.to_json());
    let asked = site.kubectl(&format!("create --dry-run=server -f {file}"));
    if refuses {
        asked.refused();
    } else {
        asked.admitted();
    }
}

/// The certificate that a new connection is served.
fn served(webhook: &Webhook, binding: &Binding) -> CertificateDer<'static> {
    webhook
        .client()
        .unwrap()
        .post(&creation(&binding.to_json(), "served"))
        .unwrap()
        .certificate
        .unwrap()
}

/// Posts reviews on new connections, two at a time, until `work` is done; each must be answered.
fn while_requests_run(webhook: &Webhook, binding: &Binding, work: impl FnOnce()) {
    let client = webhook.client().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = [0, 1].map(|thread| {
            scope.spawn({
                let (client, done) = (&client, &done);
                move || post_until(client, binding, thread, done)
            })
        });
        // Ends the load when `work` panics too: otherwise the scope would wait for ever.
        let stop = Stop(&done);
        work();
        drop(stop);
        for posted in load.map(|load| load.join().unwrap()) {
            assert!(posted > SWAPS, "only {posted} requests ran");
        }
    });
}

fn post_until(client: &Client, binding: &Binding, thread: usize, done: &AtomicBool) -> usize {
    let document = binding.to_json();
    let mut posted = 0;
    while !done.load(Ordering::Relaxed) {
        let uid = format!("{thread}-{posted}");
        let answer = client.post(&creation(&document, &uid)).unwrap();
        let review: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (answer.status, review["response"]["uid"].as_str()),
            (200, Some(uid.as_str()))
        );
        assert!(review["response"]["allowed"].is_boolean(), "{review}");
        posted += 1;
    }
    posted
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A new key, and its certificate for the Service and for the address that the tests register.
fn serving_certificate(authority: &CertifiedIssuer<'static, KeyPair>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![SERVICE.to_owned(), "127.0.0.1".to_owned()]).unwrap();
    (
        params.signed_by(&key, authority).unwrap().pem(),
        key.serialize_pem(),
    )
}

const RELOADS_WITHIN: Duration = Duration::from_mins(1);
