//! What the four kinds have for fields (`k8s.io/api/rbac/v1`), and of what type each is.

use super::name;
use crate::document::{Cursor, Fields};
use crate::facts::Kind;

/// How much is asked of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It was written by somebody: what Kubernetes would refuse is a mistake, unknown fields too.
    Written,
    /// It was stored by an API server, perhaps a newer one: only what would mislead its reader is.
    Stored,
}

/// Notes what is wrong with the shape of an object of that kind.
pub(super) fn read(top: &Cursor<'_>, kind: Kind, strictness: Strictness) {
    let reader = ShapeReader(strictness);
    match kind {
        Kind::RoleBinding | Kind::ClusterRoleBinding => reader.binding(top, kind),
        Kind::Role | Kind::ClusterRole => reader.role(top, kind),
    }
}

struct ShapeReader(Strictness);

impl ShapeReader {
    fn binding(&self, top: &Cursor<'_>, kind: Kind) {
        let Some(fields) = self.fields(
            top,
            &["apiVersion", "kind", "metadata", "roleRef", "subjects"],
        ) else {
            return;
        };
        self.metadata(&fields, kind);
        if let Some(cursor) = fields.get("roleRef") {
            let role = self.fields(&cursor, &["apiGroup", "kind", "name"]);
            texts(role.as_ref(), &["apiGroup", "kind"]);
            self.named(role.as_ref(), "name", name::in_url);
        }
        for subject in list(&fields, "subjects") {
            self.subject(&subject);
        }
    }

    fn subject(&self, cursor: &Cursor<'_>) {
        let Some(fields) = self.fields(cursor, &["apiGroup", "kind", "name", "namespace"]) else {
            return;
        };
        texts(Some(&fields), &["apiGroup", "kind", "namespace"]);
        let kind = fields.get("kind").and_then(|kind| kind.quiet_text());
        match kind {
            Some("ServiceAccount") => {
                self.named(Some(&fields), "name", name::service_account);
                self.named(Some(&fields), "namespace", name::namespace);
            }
            _ => texts(Some(&fields), &["name"]),
        }
    }

    fn role(&self, top: &Cursor<'_>, kind: Kind) {
        let known: &[&'static str] = match kind {
            Kind::ClusterRole => &["apiVersion", "kind", "metadata", "rules", "aggregationRule"],
            _ => &["apiVersion", "kind", "metadata", "rules"],
        };
        let Some(fields) = self.fields(top, known) else {
            return;
        };
        self.metadata(&fields, kind);
        for rule in list(&fields, "rules") {
            let fields = self.fields(&rule, &RULE);
            for part in RULE {
                words(fields.as_ref(), part);
            }
        }
        if let Some(cursor) = fields.get("aggregationRule")
            && let Some(fields) = self.fields(&cursor, &["clusterRoleSelectors"])
        {
            for selector in list(&fields, "clusterRoleSelectors") {
                self.selector(&selector);
            }
        }
    }

    fn selector(&self, cursor: &Cursor<'_>) {
        let Some(fields) = self.fields(cursor, &["matchLabels", "matchExpressions"]) else {
            return;
        };
        map_of_texts(&fields, "matchLabels");
        for requirement in list(&fields, "matchExpressions") {
            let fields = self.fields(&requirement, &["key", "operator", "values"]);
            texts(fields.as_ref(), &["key", "operator"]);
            words(fields.as_ref(), "values");
        }
    }

    fn metadata(&self, fields: &Fields<'_>, kind: Kind) {
        let Some(cursor) = fields.get("metadata") else {
            return;
        };
        let Some(fields) = self.fields(&cursor, &METADATA) else {
            return;
        };
        self.named(Some(&fields), "name", name::in_url);
        self.named(Some(&fields), "generateName", name::in_url);
        if kind.is_namespaced() {
            self.named(Some(&fields), "namespace", name::namespace);
        } else {
            texts(Some(&fields), &["namespace"]);
        }
        map_of_texts(&fields, "labels");
        map_of_texts(&fields, "annotations");
    }

    fn fields<'a>(&self, cursor: &Cursor<'a>, known: &[&'static str]) -> Option<Fields<'a>> {
        match self.0 {
            Strictness::Written => cursor.fields(known),
            Strictness::Stored => cursor.fields_among_others(known),
        }
    }

    /// A name that Kubernetes has to take; an empty one is as good as none.
    fn named(&self, fields: Option<&Fields<'_>>, field: &str, refused: fn(&str) -> Option<String>) {
        let Some(cursor) = fields.and_then(|fields| fields.get(field)) else {
            return;
        };
        let text = cursor.text().unwrap_or_default();
        if self.0 == Strictness::Written
            && !text.is_empty()
            && let Some(why) = refused(text)
        {
            cursor.mistake(why);
        }
    }
}

fn list<'a>(fields: &Fields<'a>, name: &str) -> Vec<Cursor<'a>> {
    fields
        .get(name)
        .and_then(|cursor| cursor.list())
        .unwrap_or_default()
}

fn texts(fields: Option<&Fields<'_>>, names: &[&str]) {
    for name in names {
        fields.and_then(|fields| fields.get(name)?.text());
    }
}

fn words(fields: Option<&Fields<'_>>, name: &str) {
    for word in fields.map(|fields| list(fields, name)).unwrap_or_default() {
        word.text();
    }
}

/// A value that is left out is an empty text.
fn map_of_texts(fields: &Fields<'_>, name: &str) {
    let entries = fields.get(name).and_then(|cursor| cursor.entries());
    for entry in entries.unwrap_or_default() {
        if !entry.value.is_null() {
            entry.value.text();
        }
    }
}

const RULE: [&str; 5] = [
    "apiGroups",
    "resources",
    "verbs",
    "resourceNames",
    "nonResourceURLs",
];

/// `ObjectMeta` of `k8s.io/apimachinery/pkg/apis/meta/v1`.
const METADATA: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];
