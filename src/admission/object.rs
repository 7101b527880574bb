//! Bindings as a review or a manifest writes them, to the domain's; every problem at once, each with its field.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

use super::text::ReviewText;
use crate::document::Map;
use crate::domain::{Binding, BindingKind, RoleKind, RoleRef, Scope, Subject, SubjectKind, Word};
use crate::manifest::mistakes_in;
use crate::rbac::RBAC_GROUP;

/// Everything that keeps an object from being understood; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidObject {
    /// In the order of the object.
    pub fields: Vec<InvalidField>,
}

/// One field that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// Its path, as in `subjects[2].name`.
    pub field: String,
    /// What is wrong with it; user input is escaped.
    pub problem: String,
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl fmt::Display for InvalidObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{field}")?;
        }
        Ok(())
    }
}

impl InvalidObject {
    pub(crate) fn one(field: &str, problem: impl Into<String>) -> Self {
        Self {
            fields: vec![InvalidField {
                field: field.into(),
                problem: problem.into(),
            }],
        }
    }
}

/// A binding from a file: which kind it is, and what it says.
#[derive(Debug)]
pub enum Manifest<'a> {
    /// A binding to judge.
    Binding(Binding<'a>),
    /// Another kind of object.
    Other,
}

/// Reads one manifest in JSON; a `RoleBinding` without a namespace gets the one given, and a binding that leaves its
/// name to the API server is called by the prefix (`generateName`).
pub fn read_manifest<'a>(json: &'a str, namespace: &'a str) -> Result<Manifest<'a>, InvalidObject> {
    let Map(head): Map<TypeMeta<'a>> =
        serde_json::from_str(json).map_err(|error| misshapen(json, &error))?;
    let (api_version, kind) = (text(head.api_version.as_ref()), text(head.kind.as_ref()));
    let kind = match (api_version.split_once('/'), kind) {
        (Some((RBAC_GROUP, _)), "RoleBinding") => BindingKind::RoleBinding,
        (Some((RBAC_GROUP, _)), "ClusterRoleBinding") => BindingKind::ClusterRoleBinding,
        _ => return Ok(Manifest::Other),
    };
    let metadata = head.metadata.unwrap_or_default().0;
    let own = metadata
        .namespace
        .map(|own| own.0)
        .filter(|own| !own.is_empty());
    let namespace = own.unwrap_or(Cow::Borrowed(namespace));
    let name = metadata.generate_name.unwrap_or_default().0;
    read(&object(json)?, kind, name, Some(namespace)).map(Manifest::Binding)
}

/// Reads a binding of a review, where the request's name and namespace fill what the object leaves out.
pub(super) fn read_binding<'a>(
    object: &AdmittedObject<'a>,
    kind: BindingKind,
    name: &'a str,
    namespace: Option<&'a str>,
) -> Result<Binding<'a>, InvalidObject> {
    let (name, namespace) = (Cow::Borrowed(name), namespace.map(Cow::Borrowed));
    read(object, kind, name, namespace)
}

/// Reads the parts of an object that make a binding.
pub(super) fn object(json: &str) -> Result<AdmittedObject<'_>, InvalidObject> {
    serde_json::from_str(json)
        .map(|Map(object)| object)
        .map_err(|error| misshapen(json, &error))
}

/// Says in which fields an object is none that could be a binding; serde knows only the first of them, by its own names.
fn misshapen(json: &str, error: &serde_json::Error) -> InvalidObject {
    let fields = mistakes_in(json).map(|mistakes| {
        let fields = mistakes.iter().map(|mistake| InvalidField {
            field: match mistake.path.as_str() {
                "" => String::from("object"),
                path => path.escape_debug().collect(),
            },
            problem: mistake.message.escape_debug().collect(),
        });
        fields.collect()
    });
    match fields {
        Some(fields) => InvalidObject { fields },
        None => InvalidObject::one("object", error.to_string()),
    }
}

fn read<'a>(
    object: &AdmittedObject<'a>,
    kind: BindingKind,
    name: Cow<'a, str>,
    namespace: Option<Cow<'a, str>>,
) -> Result<Binding<'a>, InvalidObject> {
    let mut reader = SubjectReader::default();
    reader.kind(object, kind);
    let metadata = object.metadata.clone().unwrap_or_default().0;
    let name = metadata.name.map_or(name, |name| name.0);
    let scope = reader.scope(kind, namespace, metadata.namespace);
    reader.filled("metadata.name", &name);
    let role = reader.role(object.role_ref.clone(), &scope);
    let subjects = reader.subjects(object.subjects.as_deref().unwrap_or_default(), &scope);
    match (role, reader.fields.is_empty()) {
        (Some(role), true) => Ok(Binding {
            name,
            scope,
            role,
            subjects,
        }),
        _ => Err(InvalidObject {
            fields: reader.fields,
        }),
    }
}

/// Collects what is wrong, so that all of it is reported at once.
#[derive(Default)]
struct SubjectReader {
    fields: Vec<InvalidField>,
}

impl SubjectReader {
    fn wrong(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.fields.push(InvalidField {
            field: field.into(),
            problem: problem.into(),
        });
    }

    fn filled(&mut self, field: impl Into<String>, value: &str) {
        if value.is_empty() {
            self.wrong(field, "is missing or empty");
        }
    }

    /// The object's own kind must be the review's, or the review would be about another object.
    fn kind(&mut self, object: &AdmittedObject<'_>, kind: BindingKind) {
        let found = text(object.kind.as_ref());
        if !found.is_empty() && found != kind.as_str() {
            self.wrong("kind", format!("`{}` is not {kind}", found.escape_debug()));
        }
    }

    fn scope<'a>(
        &mut self,
        kind: BindingKind,
        given: Option<Cow<'a, str>>,
        own: Option<ReviewText<'a>>,
    ) -> Scope<'a> {
        if kind == BindingKind::ClusterRoleBinding {
            return Scope::Cluster;
        }
        let own = own.map(|own| own.0).filter(|own| !own.is_empty());
        if let (Some(given), Some(own)) = (&given, &own)
            && given != own
        {
            self.wrong("metadata.namespace", "is not the namespace of the request");
        }
        let namespace = own.or(given).unwrap_or_default();
        self.filled("metadata.namespace", &namespace);
        Scope::Namespace(namespace)
    }

    fn role<'a>(
        &mut self,
        reference: Option<Map<RoleRefObject<'a>>>,
        scope: &Scope<'_>,
    ) -> Option<RoleRef<'a>> {
        let Some(Map(reference)) = reference else {
            self.wrong(
                "roleRef",
                "is missing; name the role that the binding grants",
            );
            return None;
        };
        self.group(
            "roleRef.apiGroup",
            text(reference.api_group.as_ref()),
            &["", RBAC_GROUP],
        );
        let name = reference.name.unwrap_or_default().0;
        self.filled("roleRef.name", &name);
        let kind = match (text(reference.kind.as_ref()), scope) {
            ("ClusterRole", _) => Some(RoleKind::ClusterRole),
            ("Role", Scope::Namespace(_)) => Some(RoleKind::Role),
            ("Role", Scope::Cluster) => {
                self.wrong(
                    "roleRef.kind",
                    "a ClusterRoleBinding can only refer to a ClusterRole",
                );
                None
            }
            (other, _) => {
                self.wrong(
                    "roleRef.kind",
                    format!("`{}` is not ClusterRole or Role", other.escape_debug()),
                );
                None
            }
        };
        kind.map(|kind| RoleRef { kind, name })
    }

    fn subjects<'a>(
        &mut self,
        subjects: &[Map<SubjectObject<'a>>],
        scope: &Scope<'a>,
    ) -> Vec<Subject<'a>> {
        subjects
            .iter()
            .enumerate()
            .filter_map(|(index, subject)| self.subject(index, subject.0.clone(), scope))
            .collect()
    }

    fn subject<'a>(
        &mut self,
        index: usize,
        subject: SubjectObject<'a>,
        scope: &Scope<'a>,
    ) -> Option<Subject<'a>> {
        let name = subject.name.unwrap_or_default().0;
        if name.is_empty() {
            self.wrong(format!("subjects[{index}].name"), "is missing or empty");
        }
        let Ok(kind) = text(subject.kind.as_ref()).parse::<SubjectKind>() else {
            let found = text(subject.kind.as_ref()).escape_debug();
            self.wrong(
                format!("subjects[{index}].kind"),
                format!("`{found}` is not User, Group or ServiceAccount"),
            );
            return None;
        };
        let group = text(subject.api_group.as_ref());
        let allowed: &[&str] = if kind == SubjectKind::ServiceAccount {
            &[""]
        } else {
            &["", RBAC_GROUP]
        };
        if !allowed.contains(&group) {
            self.group(&format!("subjects[{index}].apiGroup"), group, allowed);
        }
        let namespace = match kind {
            SubjectKind::ServiceAccount => {
                Some(self.account_namespace(index, subject.namespace, scope))
            }
            SubjectKind::User | SubjectKind::Group => None,
        };
        Some(Subject {
            kind,
            namespace,
            name,
        })
    }

    /// A service account without a namespace means the binding's (seen on a real API server).
    fn account_namespace<'a>(
        &mut self,
        index: usize,
        own: Option<ReviewText<'a>>,
        scope: &Scope<'a>,
    ) -> Cow<'a, str> {
        match (own.map(|own| own.0).filter(|own| !own.is_empty()), scope) {
            (Some(own), _) => own,
            (None, Scope::Namespace(namespace)) => namespace.clone(),
            (None, Scope::Cluster) => {
                self.wrong(
                    format!("subjects[{index}].namespace"),
                    "is missing; a ServiceAccount has one",
                );
                Cow::Borrowed("")
            }
        }
    }

    fn group(&mut self, field: &str, found: &str, allowed: &[&str]) {
        if !allowed.contains(&found) {
            let found = found.escape_debug();
            self.wrong(
                field,
                match allowed.last() {
                    Some(wanted) if !wanted.is_empty() => format!("`{found}` is not `{wanted}`"),
                    _ => format!("`{found}` belongs to no ServiceAccount; leave the field out"),
                },
            );
        }
    }
}

fn text<'t>(text: Option<&'t ReviewText<'_>>) -> &'t str {
    text.map_or("", |text| &text.0)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeMeta<'a> {
    #[serde(borrow)]
    api_version: Option<ReviewText<'a>>,
    #[serde(borrow)]
    kind: Option<ReviewText<'a>>,
    #[serde(borrow)]
    metadata: Option<Map<NameAndNamespace<'a>>>,
}

/// The parts of an object that make a binding. A copy is cheap: its texts are borrowed wherever they have no escapes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmittedObject<'a> {
    #[serde(borrow)]
    kind: Option<ReviewText<'a>>,
    #[serde(borrow)]
    metadata: Option<Map<NameAndNamespace<'a>>>,
    #[serde(borrow)]
    role_ref: Option<Map<RoleRefObject<'a>>>,
    #[serde(borrow)]
    subjects: Option<Vec<Map<SubjectObject<'a>>>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameAndNamespace<'a> {
    #[serde(borrow)]
    name: Option<ReviewText<'a>>,
    #[serde(borrow)]
    generate_name: Option<ReviewText<'a>>,
    #[serde(borrow)]
    namespace: Option<ReviewText<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleRefObject<'a> {
    #[serde(borrow)]
    api_group: Option<ReviewText<'a>>,
    #[serde(borrow)]
    kind: Option<ReviewText<'a>>,
    #[serde(borrow)]
    name: Option<ReviewText<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubjectObject<'a> {
    #[serde(borrow)]
    api_group: Option<ReviewText<'a>>,
    #[serde(borrow)]
    kind: Option<ReviewText<'a>>,
    #[serde(borrow)]
    name: Option<ReviewText<'a>>,
    #[serde(borrow)]
    namespace: Option<ReviewText<'a>>,
}
