//! The pack for Palette: what its registries check, and that its values are the chart's.
//!
//! The rules are those of the validator of `spectrocloud/pack-central`; that program itself is not run here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::helm::{CHART, Helm};
use crate::left_out;
use crate::machine::Machine;

/// The values of the pack for its chart, after these presets (`GROUP:NAME`), with Palette's macros filled in.
pub(crate) fn values(presets: &[&str]) -> Value {
    let text = fs::read_to_string(format!("{PACK}/values.yaml")).unwrap();
    let text = text
        .replace("{{ .spectro.system.project.name }}", "orchard-prod")
        .replace(
            "{{ .spectro.system.cluster.uid }}",
            "6479f0a1c3b5d7e9f1a2b3c4",
        );
    assert!(
        !text.contains("{{"),
        "a macro that is not filled in: {text}"
    );
    let mut values: Value = serde_saphyr::from_str(&text).unwrap();
    for preset in presets {
        merge(&mut values, &preset_of(preset));
    }
    values["charts"]["palette-rbac"].clone()
}

fn preset_of(name: &str) -> Value {
    let presets: Value = yaml("presets.yaml");
    let presets = presets["presets"].as_array().unwrap();
    let has_name = |preset: &&Value| {
        format!(
            "{}:{}",
            preset["group"].as_str().unwrap(),
            preset["name"].as_str().unwrap()
        ) == name
    };
    let preset = presets
        .iter()
        .find(has_name)
        .unwrap_or_else(|| panic!("no preset {name}"));
    serde_saphyr::from_str(preset["add"].as_str().unwrap()).unwrap()
}

fn merge(into: &mut Value, from: &Value) {
    match (into.as_object_mut(), from.as_object()) {
        (Some(object), Some(new)) => {
            for (key, value) in new {
                merge(object.entry(key).or_insert(Value::Null), value);
            }
        }
        _ => *into = from.clone(),
    }
}

#[test]
fn it_has_what_a_registry_checks() {
    let pack: Value = serde_json::from_str(&read("pack.json")).unwrap();
    for key in ["name", "displayName", "version", "layer"] {
        assert!(pack[key].is_string(), "{key}");
    }
    assert_eq!(pack["layer"], "addon");
    // Without a leading v.
    assert_eq!(pack["version"], env!("CARGO_PKG_VERSION"));
    let values: Value = yaml("values.yaml");
    let images = values["pack"]["content"]["images"].as_array().unwrap();
    assert_eq!(images.len(), 1);
    let repository = values["charts"]["palette-rbac"]["image"]["repository"]
        .as_str()
        .unwrap();
    let image = format!("{repository}:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(images[0]["image"], image);
    assert!(
        fs::read(format!("{PACK}/logo.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    let readme = read("README.md");
    assert!(readme.starts_with(&format!("# {}\n", pack["displayName"].as_str().unwrap())));
    for section in [
        "Prerequisites",
        "Parameters",
        "Upgrade",
        "Usage",
        "References",
    ] {
        assert!(readme.contains(&format!("\n## {section}\n")), "{section}");
    }
}

#[test]
fn the_presets_that_it_names_are_there_and_change_nothing_at_first() {
    let first = read("values.yaml");
    let named = first
        .lines()
        .next()
        .unwrap()
        .strip_prefix("# spectrocloud.com/enabled-presets: ");
    let named: Vec<_> = named.unwrap().split(", ").collect();
    assert_eq!(values(&named), values(&[]));
}

#[test]
fn its_values_are_the_charts_with_every_preset() {
    let Ok(program) = Machine::helm() else {
        return left_out("Helm is missing");
    };
    let helm = Helm {
        program,
        kubeconfig: PathBuf::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    for mode in ["Mode:audit", "Mode:enforce"] {
        for directory in ["Directory:sync", "Directory:file"] {
            let file = folder.path().join("values.json");
            fs::write(&file, values(&[mode, directory]).to_string()).unwrap();
            let rendered = helm.done(&format!(
                "template palette-rbac {CHART} -f {}",
                file.display()
            ));
            assert!(rendered.contains("project: orchard-prod"), "{rendered}");
            let syncs = rendered.contains("6479f0a1c3b5d7e9f1a2b3c4");
            assert_eq!(syncs, directory == "Directory:sync", "{rendered}");
        }
    }
}

#[test]
fn it_is_put_together_with_the_chart_in_it() {
    if Machine::helm().is_err() {
        return left_out("Helm is missing");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut build = Command::new(format!("{PACK}/build"));
    build
        .arg("registry.orchard.test/palette-rbac")
        .arg(folder.path());
    assert!(build.status().unwrap().success());
    let version = env!("CARGO_PKG_VERSION");
    let made = folder.path().join(format!("palette-rbac-{version}"));
    let pack: Value = serde_json::from_str(&read("pack.json")).unwrap();
    assert!(made.join(pack["charts"][0].as_str().unwrap()).is_file());
    let values = fs::read_to_string(made.join("values.yaml")).unwrap();
    assert_eq!(
        values.matches("registry.orchard.test/palette-rbac").count(),
        2,
        "{values}"
    );
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(PACK).join(name)).unwrap()
}

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/pack");
