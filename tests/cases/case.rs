use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use palette_rbac::directory::Directory;
use palette_rbac::facts::{Cluster, Event, Facts, Kind, StoredObject, View};
use palette_rbac::policy::{ClusterOverride, Policy};
use palette_rbac::rulebook::Rulebook;
use serde::Deserialize;
use serde_json::Value;
use strum::IntoEnumIterator;

/// One case of the corpus: what is asked, under which policy and directory, and what must come of it. `README.md` beside
/// this file describes the format.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default = "default_policy")]
    policy: Value,
    #[serde(default = "default_directory")]
    directory: Value,
    /// The roles and bindings that the cluster has; left out, they are not known.
    #[serde(default)]
    cluster: Option<Value>,
    #[serde(default)]
    now: Option<Timestamp>,
    pub(crate) request: Request,
    expect: Expect,
    #[serde(skip)]
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    operation: Option<String>,
    user: Option<String>,
    groups: Option<Vec<String>>,
    /// Of DELETE: the object that goes.
    pub(crate) object: Value,
    #[serde(default)]
    pub(crate) old: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    decision: String,
    #[serde(default)]
    findings: Vec<ExpectedFinding>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

fn default_policy() -> Value {
    "data/policy.yaml".into()
}

fn default_directory() -> Value {
    "data/directory.yaml".into()
}

impl Request {
    /// An UPDATE is what has an old object.
    pub(crate) fn operation(&self) -> &str {
        let by_old = if self.old.is_some() {
            "UPDATE"
        } else {
            "CREATE"
        };
        self.operation.as_deref().unwrap_or(by_old)
    }

    pub(crate) fn user(&self) -> &str {
        self.user.as_deref().unwrap_or(ADMINISTRATOR)
    }

    /// Those of the administrator, where nobody else asks.
    pub(crate) fn groups(&self) -> Vec<&str> {
        match (&self.groups, &self.user) {
            (Some(groups), _) => groups.iter().map(String::as_str).collect(),
            (None, Some(_)) => Vec::new(),
            (None, None) => vec!["system:masters"],
        }
    }
}

/// Whom kubeadm's own kubeconfig names.
const ADMINISTRATOR: &str = "kubernetes-admin";

/// What is left out is not compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFinding {
    rule: String,
    action: String,
    field: String,
    lacks: Option<Vec<Vec<String>>>,
    may: Option<String>,
    exemption: Option<String>,
}

/// What one level made of a case. A level that cannot tell a thing leaves it out.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) decision: String,
    pub(crate) findings: Vec<SeenFinding>,
    pub(crate) message: Option<String>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct SeenFinding {
    pub(crate) rule: String,
    pub(crate) action: String,
    pub(crate) details: Option<Details>,
}

#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) field: String,
    pub(crate) lacks: Vec<Vec<String>>,
    pub(crate) may: String,
    pub(crate) exemption: String,
}

/// Every case of every file, in the order of the files' names.
pub(crate) fn all() -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files.iter().flat_map(|file| cases_of(file)).collect()
}

fn cases_of(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap();
    let options = serde_saphyr::options! { strict_booleans: true };
    let mut cases: Vec<Case> = serde_saphyr::from_multiple_with_options(&text, options)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for case in &mut cases {
        file.clone_into(&mut case.file);
    }
    cases
}

impl Case {
    pub(crate) fn now(&self) -> Timestamp {
        self.now
            .unwrap_or_else(|| "2026-11-22T09:00:00Z".parse().unwrap())
    }

    pub(crate) fn rulebook(&self) -> Rulebook {
        let policy = Arc::new(self.compile_policy());
        let directory = Arc::new(self.read_directory());
        let (rulebook, unknown) = Rulebook::pair(policy, directory);
        assert_eq!(unknown, [], "{}", self.name);
        rulebook
    }

    /// The cluster's roles and bindings, all of them, if they are known.
    pub(crate) fn view(&self) -> Option<Arc<View>> {
        let bytes = document(self.cluster.as_ref()?);
        let options = serde_saphyr::options! { strict_booleans: true };
        let text = str::from_utf8(&bytes).unwrap();
        let objects: Vec<StoredObject> = serde_saphyr::from_str_with_options(text, options)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut facts = Facts::new();
        for kind in Kind::iter() {
            facts.apply(Event::Reset(kind, Vec::new()));
        }
        for object in objects {
            facts.apply(Event::Upsert(object));
        }
        Some(facts.view())
    }

    /// The review that the API server would send.
    pub(crate) fn review(&self) -> Vec<u8> {
        let object = &self.request.object;
        let (new, old) = match self.request.operation() {
            "DELETE" => (None, Some(object)),
            _ => (Some(object), self.request.old.as_ref()),
        };
        let review = serde_json::json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": self.name,
                "kind": { "group": "rbac.authorization.k8s.io", "version": "v1", "kind": object["kind"] },
                "name": object["metadata"]["name"],
                "namespace": object["metadata"].get("namespace").cloned().unwrap_or_default(),
                "operation": self.request.operation(),
                "userInfo": { "username": self.request.user(), "groups": self.request.groups() },
                "object": new,
                "oldObject": old,
                "dryRun": false,
            },
        });
        serde_json::to_vec(&review).unwrap()
    }

    /// What is wrong with what a level saw, or nothing.
    pub(crate) fn compare(&self, seen: &Seen) -> Option<String> {
        let expect = &self.expect;
        let same_message = match (&expect.message, &seen.message) {
            (Some(expected), Some(message)) => expected.trim_end() == message,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let same = expect.decision == seen.decision
            && same_message
            && expect
                .warnings
                .as_ref()
                .is_none_or(|warnings| *warnings == seen.warnings)
            && expect.findings.len() == seen.findings.len()
            && expect
                .findings
                .iter()
                .zip(&seen.findings)
                .all(|(expected, seen)| expected.is(seen));
        (!same).then(|| {
            format!(
                "{} ({}): expected {expect:#?}, but saw {seen:#?}",
                self.name,
                self.file.display()
            )
        })
    }

    fn compile_policy(&self) -> Policy {
        let bytes = document(&self.policy);
        let compiled = Policy::compile(&bytes, &ClusterOverride::default())
            .unwrap_or_else(|mistakes| panic!("{}: {mistakes}", self.name));
        compiled.policy
    }

    fn read_directory(&self) -> Directory {
        let bytes = document(&self.directory);
        let compiled = Directory::compile(&bytes, bytes.len())
            .unwrap_or_else(|mistakes| panic!("{}: {mistakes}", self.name));
        compiled.directory
    }
}

impl ExpectedFinding {
    fn is(&self, seen: &SeenFinding) -> bool {
        let details = seen.details.as_ref().is_none_or(|seen| self.agrees(seen));
        self.rule == seen.rule && self.action == seen.action && details
    }

    fn agrees(&self, seen: &Details) -> bool {
        fn same<T: PartialEq>(expected: Option<&T>, seen: &T) -> bool {
            expected.is_none_or(|expected| expected == seen)
        }
        self.field == seen.field
            && same(self.lacks.as_ref(), &seen.lacks)
            && same(self.may.as_ref(), &seen.may)
            && same(self.exemption.as_ref(), &seen.exemption)
    }
}

/// A cluster of which there is no more to know than this view, if there is one.
pub(crate) fn cluster(view: Option<&Arc<View>>) -> Cluster<'_> {
    view.map_or_else(Cluster::default, |view| Cluster::seen(view))
}

fn document(field: &Value) -> Vec<u8> {
    match field {
        Value::String(path) => fs::read(folder().join(path)).unwrap(),
        inline => serde_json::to_vec(inline).unwrap(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}
