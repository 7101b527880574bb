//! No false refusal: what Kubernetes, `KubeVirt`, CDI and well-known operators bind, by its public shape.
//!
//! A file of `tests/operators` holds one operator's roles and bindings. All are in one cluster, and each binding is
//! judged as if it were written anew, under the embedded policy, by a directory that knows nobody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use palette_rbac::decide::decide;
use palette_rbac::directory::Directory;
use palette_rbac::domain::{BindingRequest, Decision, Operation, Verdict};
use palette_rbac::facts::{Binding, Cluster, Event, Facts, Kind, Object, ObjectName, View};
use palette_rbac::message;
use palette_rbac::policy::{ClusterOverride, Membership, Policy};
use palette_rbac::ruling::Ruling;

use super::{KUBERNETES, KUBEVIRT, objects};

#[test]
fn no_binding_of_a_known_operator_is_refused() {
    let operators = Operators::read();
    // In a cluster group nearly every ClusterRoleBinding of people is refused.
    let in_a_cluster_group = ClusterOverride {
        cluster_group: Some(Membership::Of("cellar".into())),
        ..ClusterOverride::default()
    };
    for cluster in [ClusterOverride::default(), in_a_cluster_group] {
        let ruling = ruling(&cluster);
        let refused: Vec<_> = operators
            .decisions(&ruling)
            .filter(|(.., decision)| !decision.verdict.admits())
            .map(|(file, binding, decision)| report(file, binding, &decision))
            .collect();
        assert!(refused.is_empty(), "{}", refused.concat());
    }
}

#[test]
fn what_is_said_of_known_operators_is_as_documented() {
    let operators = Operators::read();
    let ruling = ruling(&ClusterOverride::default());
    let said: Vec<_> = operators
        .decisions(&ruling)
        .filter(|(.., decision)| decision.verdict != Verdict::Allowed)
        .map(|(file, binding, decision)| report(file, binding, &decision))
        .collect();
    insta::assert_snapshot!(said.concat());
}

/// A mistake in the data must not pass for an admission.
#[test]
fn operators_bind_roles_that_are_there() {
    let operators = Operators::read();
    assert!(operators.files.len() > 12, "{:?}", operators.files.keys());
    for (file, objects) in &operators.files {
        for binding in objects.iter().filter_map(binding) {
            let role = binding
                .role_name()
                .and_then(|role| operators.view.role(&role));
            assert!(
                role.is_some(),
                "{file}: {} binds {}",
                binding.name,
                binding.role
            );
        }
    }
}

/// The objects of every file, and the cluster that has them all.
struct Operators {
    files: BTreeMap<String, Vec<Object>>,
    view: Arc<View>,
}

impl Operators {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators");
        let files: BTreeMap<String, Vec<Object>> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (name(&path), objects(&fs::read_to_string(&path).unwrap())))
            .collect();
        let view = cluster_with(files.values().flatten());
        Self { files, view }
    }

    fn decisions(&self, ruling: &Ruling) -> impl Iterator<Item = (&str, &Binding, Decision)> {
        self.files.iter().flat_map(move |(file, objects)| {
            let bindings = objects.iter().filter_map(binding);
            bindings.map(move |binding| (&**file, binding, self.decision(binding, ruling)))
        })
    }

    fn decision(&self, binding: &Binding, ruling: &Ruling) -> Decision {
        let request = BindingRequest {
            operation: Operation::Create,
            requester: None,
            binding: binding.to_judge(),
            previous: None,
        };
        decide(
            &request,
            ruling,
            Cluster::seen(&self.view),
            Timestamp::UNIX_EPOCH,
        )
    }
}

fn cluster_with<'o>(operators: impl Iterator<Item = &'o Object>) -> Arc<View> {
    let mut facts = Facts::new();
    for kind in Kind::ALL {
        facts.apply(Event::Reset(kind, Vec::new()));
    }
    let published = [KUBERNETES, KUBEVIRT].into_iter().flat_map(objects);
    let mut written: BTreeMap<(Kind, ObjectName), Object> = BTreeMap::new();
    for object in published.chain(operators.cloned()) {
        let key = (object.kind(), object.name().clone());
        if let Some(other) = written.insert(key, object.clone()) {
            assert_eq!(other, object, "two that differ have one name");
        }
        facts.apply(Event::Upsert(object));
    }
    facts.view()
}

fn ruling(cluster: &ClusterOverride) -> Ruling {
    let policy = Policy::embedded(cluster);
    let directory = Directory::compile(NOBODY.as_bytes(), NOBODY.len()).unwrap();
    Ruling::pair(Arc::new(policy), Arc::new(directory.directory)).0
}

/// The binding, and a line for each finding.
fn report(file: &str, binding: &Binding, decision: &Decision) -> String {
    let kind = binding.to_judge().kind();
    let mut text = format!("{file}: {kind} {} of {}\n", binding.name, binding.role);
    for finding in &decision.findings {
        let line = message::line(finding, decision);
        writeln!(text, "  {} {}: {line}", finding.effect, finding.rule).unwrap();
    }
    text
}

fn binding(object: &Object) -> Option<&Binding> {
    match object {
        Object::Binding(binding) => Some(binding),
        Object::Role(_) => None,
    }
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

const NOBODY: &str = "apiVersion: palette-rbac.io/v1alpha1\nkind: Directory\nusers: []";
