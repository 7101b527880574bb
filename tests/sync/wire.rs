//! The stand-in says nothing that Palette's document does not have: its answers against the schema that was made of it.
//!
//! The schema is not part of the project. Where it is not at hand, that is left out and said.

use std::path::Path;
use std::sync::{Arc, Mutex};

use jsonschema::Draft;
use serde_json::{Value, json};

use crate::harness::{Site, skipped};
use crate::stand_in::{Tenant, Workspace};

const SCHEMA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../shared/reference/palette-api/palette-api-wire.schema.json"
);

#[test]
fn the_stand_in_speaks_the_documented_api() {
    let Ok(text) = std::fs::read_to_string(Path::new(SCHEMA)) else {
        skipped("the schema of Palette's API is not at hand");
        return;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let answers: Arc<Mutex<Vec<(String, String, Value)>>> = Arc::default();
    let site = Site::new(everything());
    let seen = Arc::clone(&answers);
    site.palette.check(move |method, path, body| {
        seen.lock()
            .unwrap()
            .push((method.to_owned(), path.to_owned(), body.clone()));
    });
    site.synced();
    site.palette
        .change(|tenant| tenant.revoke("ines@orchard.test", "Cluster Viewer", "orchard-prod"));
    site.synced();
    let mut checked = std::collections::BTreeSet::new();
    for (method, path, body) in answers.lock().unwrap().iter() {
        let operations = schema["x-operations"].as_object().unwrap();
        let operation = operations
            .keys()
            .find(|operation| is_of(operation, method, path));
        let Some(operation) = operation else {
            // `…/vms` is known from the vendor's client only.
            assert_eq!(path, "/v1/dashboard/spectroclusters/vms");
            continue;
        };
        let mut of_operation = operations[operation].clone();
        of_operation["definitions"] = schema["definitions"].clone();
        let whole = json!({ "allOf": [{ "$ref": of_operation["$ref"] }], "definitions": schema["definitions"] });
        let compiled = jsonschema::options()
            .with_draft(Draft::Draft4)
            .build(&whole)
            .unwrap();
        if let Err(errors) = compiled.validate(body) {
            let errors: Vec<String> = errors
                .map(|error| format!("{}: {error}", error.instance_path))
                .collect();
            panic!("{operation}: {}\n{body}", errors.join("\n"));
        }
        checked.insert(operation.clone());
    }
    assert!(checked.len() >= 14, "{checked:?}");
}

/// Whether a path is one of `GET /v1/users/{uid}`; the longest words count, so `{uid}` is no fixed part.
fn is_of(operation: &str, method: &str, path: &str) -> bool {
    let Some((of_method, of_path)) = operation.split_once(' ') else {
        return false;
    };
    let (own, other): (Vec<&str>, Vec<&str>) =
        (of_path.split('/').collect(), path.split('/').collect());
    let fits = |(own, other): (&&str, &&str)| {
        own == other || (own.starts_with('{') && other.chars().all(|it| it.is_ascii_hexdigit()))
    };
    of_method == method && own.len() == other.len() && own.iter().zip(&other).all(fits)
}

fn everything() -> Tenant {
    let mut tenant = Tenant::sample();
    let workspace = Workspace {
        name: "harvest".to_owned(),
        project: tenant.project("orchard-prod"),
        clusters: vec![tenant.cluster()],
        namespaces: vec![("/^vm-/".to_owned(), true)],
        bound: vec!["ines@orchard.test".to_owned()],
        ..Workspace::default()
    };
    tenant.add_workspace(workspace);
    let cluster = tenant.add_cluster("no-machines", None);
    tenant.clusters.get_mut(&cluster).unwrap().has_machines = false;
    tenant
}
