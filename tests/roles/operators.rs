//! No false refusal: what Kubernetes, `KubeVirt`, CDI and well-known operators write, by its public shape.
//!
//! A file of `tests/operators` holds one operator's roles and bindings. One after the other is installed in a cluster,
//! beside people who have the default roles and meet them just so, and each object is judged under the embedded policy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use palette_rbac::decide::{Context, RoleRequest, decide, decide_role};
use palette_rbac::directory::Directory;
use palette_rbac::domain::{BindingRequest, Decision, Requester, Verdict};
use palette_rbac::facts::{Cluster, Event, Facts, Kind, ObjectName, StoredObject, View};
use palette_rbac::message;
use palette_rbac::policy::{ClusterOverride, Membership, Policy};
use palette_rbac::rulebook::Rulebook;
use strum::IntoEnumIterator;

use super::{KUBERNETES, KUBEVIRT, objects};

#[test]
fn nothing_that_a_known_operator_writes_is_refused() {
    let operators = Operators::read();
    // Where nearly every ClusterRoleBinding of people is refused.
    let in_a_cluster_group = ClusterOverride {
        cluster_group: Some(Membership::Of("cellar".into())),
        ..ClusterOverride::default()
    };
    for cluster in [ClusterOverride::default(), in_a_cluster_group] {
        let refused = operators.said(&rulebook(&cluster), |verdict| !verdict.admits());
        assert!(refused.is_empty(), "{refused}");
    }
}

#[test]
fn what_is_said_of_known_operators_is_as_documented() {
    let operators = Operators::read();
    let rulebook = rulebook(&ClusterOverride::default());
    let is_said = |verdict| !matches!(verdict, Verdict::Allowed | Verdict::Unchanged);
    let said = operators.said(&rulebook, is_said);
    insta::assert_snapshot!(said);
}

/// A mistake in the data must not pass for an admission.
#[test]
fn operators_bind_roles_that_are_there() {
    let operators = Operators::read();
    assert!(
        operators.files.len() > 45,
        "{} files",
        operators.files.len()
    );
    let view = operators.view();
    for (file, object) in operators.objects() {
        if let StoredObject::Binding(binding) = object {
            let name = binding.role_name().unwrap();
            let role = view.role(&name);
            assert!(role.is_some(), "{file}: {} binds {name}", binding.name);
        }
    }
}

/// What is written, file by file: roles first, as kubectl does it.
struct Operators {
    files: Vec<(String, Vec<StoredObject>)>,
}

impl Operators {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators");
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        let operators = paths
            .iter()
            .map(|path| (name(path), fs::read_to_string(path).unwrap()));
        let before = [
            ("roles/kubernetes", KUBERNETES),
            ("people", PEOPLE),
            ("roles/kubevirt", KUBEVIRT),
        ];
        let before = before.map(|(file, text)| (file.to_owned(), text.to_owned()));
        let files = before.into_iter().chain(operators).map(|(file, text)| {
            let mut objects = objects(&text);
            objects.sort_by_key(|object| matches!(object, StoredObject::Binding(_)));
            (file, objects)
        });
        Self {
            files: files.collect(),
        }
    }

    fn objects(&self) -> impl Iterator<Item = (&str, &StoredObject)> {
        self.files
            .iter()
            .flat_map(|(file, objects)| objects.iter().map(move |object| (&**file, object)))
    }

    /// The cluster when all is written.
    fn view(&self) -> Arc<View> {
        let mut facts = empty();
        let mut written: BTreeMap<(Kind, &ObjectName), &StoredObject> = BTreeMap::new();
        for (file, object) in self.objects() {
            let other = written.insert((object.kind(), object.name()), object);
            assert!(
                other.is_none_or(|other| other == object),
                "{file}: {} differs",
                object.name()
            );
            facts.apply(Event::Upsert(object.clone()));
        }
        facts.view()
    }

    /// A line for each object whose verdict is of interest, and one for each finding about it.
    fn said(&self, rulebook: &Rulebook, is_of_interest: impl Fn(Verdict) -> bool) -> String {
        let mut text = String::new();
        let mut facts = empty();
        for (file, object) in self.objects() {
            let decision = decision(file, object, rulebook, &facts.view());
            if is_of_interest(decision.verdict) {
                writeln!(text, "{file}: {} {}", object.kind(), object.name()).unwrap();
                text += &findings(&decision);
            }
            facts.apply(Event::Upsert(object.clone()));
        }
        text
    }
}

/// Who writes the objects of a file: a person, or `KubeVirt`'s operator its own roles.
fn requester(file: &str) -> Option<Requester<'static>> {
    (file == "roles/kubevirt").then(|| Requester {
        username: "system:serviceaccount:kubevirt:kubevirt-operator".into(),
        groups: Vec::new(),
    })
}

/// Of who writes an object into that cluster.
fn decision(file: &str, object: &StoredObject, rulebook: &Rulebook, view: &View) -> Decision {
    let context = Context::new(rulebook, Cluster::seen(view), Timestamp::UNIX_EPOCH);
    match object.clone() {
        StoredObject::Binding(binding) => {
            let request = BindingRequest::create(binding.to_judge(), requester(file));
            decide(&request, context)
        }
        StoredObject::Role(role) => {
            let request = RoleRequest {
                requester: requester(file),
                previous: view.role(&role.name).map(|role| role.role().clone()),
                role,
            };
            decide_role(&request, context)
        }
    }
}

fn findings(decision: &Decision) -> String {
    let lines = decision.findings.iter().map(|finding| {
        let line = message::line(finding, decision);
        format!("  {} {}: {line}\n", finding.effect, finding.rule)
    });
    lines.collect()
}

/// A cluster without a role or a binding, all of which is known.
fn empty() -> Facts {
    let mut facts = Facts::new();
    for kind in Kind::iter() {
        facts.apply(Event::Reset(kind, Vec::new()));
    }
    facts
}

fn rulebook(cluster: &ClusterOverride) -> Rulebook {
    let policy = Policy::embedded(cluster);
    let directory = Directory::compile(DIRECTORY.as_bytes(), DIRECTORY.len()).unwrap();
    Rulebook::pair(Arc::new(policy), Arc::new(directory.directory)).0
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

const PEOPLE: &str = "
- kind: RoleBinding
  metadata: { name: power-users, namespace: apps }
  roleRef: { kind: ClusterRole, name: admin }
  subjects: [{ kind: Group, name: power-users }]
- kind: RoleBinding
  metadata: { name: users, namespace: apps }
  roleRef: { kind: ClusterRole, name: edit }
  subjects: [{ kind: Group, name: users }]
- kind: RoleBinding
  metadata: { name: viewers, namespace: apps }
  roleRef: { kind: ClusterRole, name: view }
  subjects: [{ kind: Group, name: viewers }]
";

const DIRECTORY: &str = "
apiVersion: palette-rbac.io/v1alpha1
kind: Directory
teams:
  - name: power-users
    assignments: [{ role: Cluster Viewer, tenant: true }, { role: Virtual Machine Power User, tenant: true }]
  - name: users
    assignments: [{ role: Cluster Viewer, tenant: true }, { role: Virtual Machine User, tenant: true }]
  - name: viewers
    assignments: [{ role: Cluster Viewer, tenant: true }, { role: Virtual Machine Viewer, tenant: true }]
";
