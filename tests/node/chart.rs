//! The chart without a cluster: the plain manifests are what it renders, and a wrong value is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helm::CHART;
use crate::machine::Machine;
use crate::{Helm, left_out};

fn helm() -> Option<Helm> {
    match Machine::helm() {
        Ok(program) => Some(Helm {
            program,
            kubeconfig: PathBuf::new(),
        }),
        Err(missing) => {
            left_out(&missing);
            None
        }
    }
}

#[test]
fn the_plain_manifests_are_what_the_chart_renders() {
    if helm().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let generated = Command::new(format!("{ROOT}/manifests/generate"))
        .arg(folder.path())
        .output();
    assert!(generated.unwrap().status.success());
    let mut count = 0;
    for path in files(folder.path()) {
        let name = path.strip_prefix(folder.path()).unwrap();
        let committed = fs::read_to_string(Path::new(ROOT).join(name)).unwrap_or_default();
        let rendered = fs::read_to_string(&path).unwrap();
        assert_eq!(
            committed,
            rendered,
            "{}: `make generate` writes it anew",
            name.display()
        );
        count += 1;
    }
    assert!(count > 15);
}

#[test]
fn the_chart_brings_the_alerts_as_they_are() {
    let of_chart = fs::read(format!("{CHART}/files/alerts.yaml")).unwrap();
    assert_eq!(
        of_chart,
        fs::read(format!("{ROOT}/monitoring/alerts.yaml")).unwrap()
    );
}

#[test]
fn helm_finds_nothing_to_say_of_the_chart() {
    let Some(helm) = helm() else { return };
    let said = helm.done(&format!("lint --strict {CHART}"));
    assert!(
        !said.contains("[WARNING]") && !said.contains("[ERROR]"),
        "{said}"
    );
}

#[test]
fn a_wrong_value_is_named() {
    let Some(helm) = helm() else { return };
    for (values, named) in [
        ("mode=strict", "/mode"),
        ("replicas=none", "/replicas"),
        ("replicas=0", "/replicas"),
        ("replica=3", "replica"),
        ("certificates.mode=certmanager", "/certificates/mode"),
        ("webhook.timeoutSeconds=60", "/webhook/timeoutSeconds"),
        ("webhook.failurePolicy=Never", "/webhook/failurePolicy"),
        ("image.digest=latest", "/image/digest"),
        ("directory.snapshot=snapshot", "/directory/snapshot"),
        ("directory.url=http://hub.example.com", "/directory/url"),
        (
            "directory.url=https://hub.example.com/v1/directories/uid",
            "directory.urlSecret",
        ),
        (
            "directory.existingSecret=names,directory.existingConfigMap=names",
            "existingConfigMap, existingSecret",
        ),
        ("sync.enabled=true", "sync.clusterUid"),
        (
            "sync.enabled=true,sync.clusterUid=uid,directory.existingSecret=names",
            "existingSecret, sync.enabled",
        ),
        ("policy.mode=audit", "/policy/mode"),
        (
            "existingPolicy=mine,policy.cluster.project=orchard",
            "existingPolicy",
        ),
        ("certificates.caBundle=PEM", "certificates.caBundle"),
        ("certificates.issuerRef.name=mine", "certificates.issuerRef"),
        ("unknown=1", "unknown"),
    ] {
        let (is_done, said) = helm.run(&format!("template palette-rbac {CHART} --set {values}"));
        assert!(!is_done && said.contains(named), "{values}: {said}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
