//! The `AdmissionReview` as it comes in: who asks for what, read in one pass, with the uid before everything else.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::kind::{ObjectKind, OperationLabel};
use super::object::{AdmittedObject, InvalidField, InvalidObject, object, read_binding};
use super::text::{ReviewText, given};
use super::uid::{UID_BYTES, uid_of};
use crate::document::Map;
use crate::domain::{
    BindingKind, BindingRequest, Deletion, JudgedKind, Requester, RoleKind, Scope,
};
use crate::rbac::RBAC_GROUP;

/// A review whose uid could be read: whatever follows, it is answered with that uid.
#[derive(Debug)]
pub struct Envelope<'a> {
    text: &'a str,
    request: Request<'a, ParsedObject<'a>>,
    /// Why this is no review of `admission.k8s.io/v1`.
    wrong_type: Option<InvalidObject>,
}

/// A body that is no review.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The uid, where it stands before what is broken.
    pub uid: Option<String>,
    /// What is wrong, for people.
    pub reason: String,
}

/// What a review asks.
#[derive(Debug, PartialEq, Eq)]
pub enum AdmissionRequest<'a> {
    /// To judge a binding.
    Binding(BindingRequest<'a>),
    /// To judge a role.
    Role(RoleObjects<'a>),
    /// To let a binding or a role be deleted.
    Delete(Deletion<'a>),
}

/// A role as it would be and as it is, in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleObjects<'a> {
    /// `ClusterRole` or `Role`.
    pub kind: RoleKind,
    /// Who asks.
    pub requester: Requester<'a>,
    /// The role as it would be.
    pub object: &'a str,
    /// Of an UPDATE: the role as it is.
    pub old: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Reads a body. An error carries the uid if it could be read all the same.
    pub fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let unreadable = |reason| Unreadable {
            uid: uid_of(body),
            reason,
        };
        let text = std::str::from_utf8(body).map_err(|error| unreadable(error.to_string()))?;
        let review = read_review(text).map_err(|error| unreadable(error.to_string()))?;
        let wrong_type = review.wrong_type();
        let Map(request) = review.request.unwrap_or_default();
        if UID_BYTES.contains(&request.uid.0.len()) {
            Ok(Self {
                text,
                request,
                wrong_type,
            })
        } else {
            Err(Unreadable {
                uid: None,
                reason: String::from("`request.uid` is missing"),
            })
        }
    }

    /// The uid to answer with; never empty.
    pub fn uid(&self) -> &str {
        &self.request.uid.0
    }

    /// The kind of object that the review is about.
    pub fn kind(&self) -> ObjectKind {
        let kind = &self.request.kind;
        match (&*kind.group.0, &*kind.kind.0) {
            (RBAC_GROUP, "RoleBinding") => ObjectKind::RoleBinding,
            (RBAC_GROUP, "ClusterRoleBinding") => ObjectKind::ClusterRoleBinding,
            (RBAC_GROUP, "Role") => ObjectKind::Role,
            (RBAC_GROUP, "ClusterRole") => ObjectKind::ClusterRole,
            _ => ObjectKind::Other,
        }
    }

    /// What the request does.
    pub fn operation(&self) -> OperationLabel {
        match &*self.request.operation.0 {
            "CREATE" => OperationLabel::Create,
            "UPDATE" => OperationLabel::Update,
            "DELETE" => OperationLabel::Delete,
            _ => OperationLabel::Other,
        }
    }

    /// Whether nothing will be stored.
    pub fn is_dry_run(&self) -> bool {
        self.request.dry_run.unwrap_or_default()
    }

    /// The object's name as the request gives it.
    pub fn name(&self) -> &str {
        self.request.name.as_ref().map_or("", |name| &name.0)
    }

    /// The object's namespace as the request gives it.
    pub fn namespace(&self) -> Option<&str> {
        self.request
            .namespace
            .as_ref()
            .map(|namespace| &*namespace.0)
            .filter(|namespace| !namespace.is_empty())
    }

    /// What is asked, or everything that keeps it from being understood.
    pub fn ask(&self) -> Result<AdmissionRequest<'_>, InvalidObject> {
        if let Some(wrong_type) = &self.wrong_type {
            return Err(wrong_type.clone());
        }
        let kind = self.kind().judged().ok_or_else(|| self.not_judged())?;
        match self.operation() {
            OperationLabel::Create | OperationLabel::Update => self.ask_about(kind),
            OperationLabel::Delete => Ok(AdmissionRequest::Delete(self.deletion(kind))),
            OperationLabel::Other => Err(InvalidObject::one(
                "request.operation",
                format!(
                    "`{}` is not CREATE, UPDATE or DELETE",
                    self.request.operation.0.escape_debug()
                ),
            )),
        }
    }

    fn ask_about(&self, kind: JudgedKind) -> Result<AdmissionRequest<'_>, InvalidObject> {
        match kind {
            JudgedKind::Binding(kind) => self.binding(kind).map(AdmissionRequest::Binding),
            JudgedKind::Role(kind) => self.role(kind).map(AdmissionRequest::Role),
        }
    }

    /// Only an UPDATE has an object that it was.
    fn is_update(&self) -> bool {
        self.operation() == OperationLabel::Update
    }

    /// Roles are written rarely, so their objects are looked for a second time rather than in each review.
    fn role(&self, kind: RoleKind) -> Result<RoleObjects<'_>, InvalidObject> {
        let Map(review): Map<Review<'_, &RawValue>> = serde_json::from_str(self.text)
            .map_err(|error| InvalidObject::one("request", error.to_string()))?;
        let Map(request) = review.request.unwrap_or_default();
        let object = request
            .object
            .ok_or_else(|| InvalidObject::one("request.object", "is missing"))?;
        let old = request.old_object.filter(|_| self.is_update());
        Ok(RoleObjects {
            kind,
            requester: self.requester(),
            object: object.get(),
            old: old.map(RawValue::get),
        })
    }

    /// Where many are deleted at once, the request has no name (`registry/generic/registry/store.go`,
    /// `DeleteCollection`), so that the object's own counts.
    fn deletion(&self, kind: JudgedKind) -> Deletion<'_> {
        let review: Option<Review<'_, Named<'_>>> = serde_json::from_str(self.text).ok();
        let old = review.and_then(|review| review.request?.0.old_object);
        let metadata = old.unwrap_or_default().metadata;
        let namespace = given(metadata.namespace).or_else(|| self.namespace().map(Cow::Borrowed));
        Deletion {
            requester: self.requester(),
            kind,
            scope: namespace.map_or(Scope::Cluster, Scope::Namespace),
            name: given(metadata.name).unwrap_or_else(|| Cow::Borrowed(self.name())),
        }
    }

    fn binding(&self, kind: BindingKind) -> Result<BindingRequest<'_>, InvalidObject> {
        let object = self
            .request
            .object
            .as_ref()
            .ok_or_else(|| InvalidObject::one("request.object", "is missing"))?
            .as_ref()
            .map_err(Clone::clone)?;
        let binding = read_binding(object, kind, self.name(), self.namespace())?;
        // Without a readable old object every grant counts as added.
        let old = self
            .request
            .old_object
            .as_ref()
            .filter(|_| self.is_update());
        let previous = old
            .and_then(|old| old.as_ref().ok())
            .and_then(|old| read_binding(old, kind, self.name(), self.namespace()).ok());
        Ok(BindingRequest {
            requester: Some(self.requester()),
            binding,
            previous,
        })
    }

    fn requester(&self) -> Requester<'_> {
        let user = &self.request.user_info;
        Requester {
            username: Cow::Borrowed(&user.username.0),
            groups: user
                .groups
                .iter()
                .flatten()
                .map(|group| Cow::Borrowed(&*group.0))
                .collect(),
        }
    }

    fn not_judged(&self) -> InvalidObject {
        let kind = &self.request.kind;
        InvalidObject::one(
            "request.kind",
            format!(
                "`{}` of group `{}` is no role and no binding of {RBAC_GROUP}; take it out of the webhook's rules",
                kind.kind.0.escape_debug(),
                kind.group.0.escape_debug(),
            ),
        )
    }
}

/// An object of a review, or why it is none that could be a binding.
type ParsedObject<'a> = Result<AdmittedObject<'a>, InvalidObject>;

/// Reads text that is a review, in one pass where its objects could be bindings, as nearly always.
///
/// Where it is not, or they could not, whether it is a review at all and what is wrong with each object are told apart.
fn read_review(text: &str) -> Result<Review<'_, ParsedObject<'_>>, serde_json::Error> {
    if let Ok(Map(review)) = serde_json::from_str::<Map<Review<'_, Map<AdmittedObject<'_>>>>>(text)
    {
        return Ok(review.map(|Map(object)| Ok(object)));
    }
    let Map(review) = serde_json::from_str::<Map<Review<'_, &RawValue>>>(text)?;
    Ok(review.map(|raw| object(raw.get())))
}

#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "'de: 'a, O: Deserialize<'de>")
)]
struct Review<'a, O> {
    api_version: Option<ReviewText<'a>>,
    kind: Option<ReviewText<'a>>,
    request: Option<Map<Request<'a, O>>>,
}

impl<'a, O> Review<'a, O> {
    fn map<P>(self, object: impl Fn(O) -> P) -> Review<'a, P> {
        Review {
            api_version: self.api_version,
            kind: self.kind,
            request: self.request.map(|Map(request)| Map(request.map(object))),
        }
    }
}

impl<O> Review<'_, O> {
    fn wrong_type(&self) -> Option<InvalidObject> {
        let expect = |field: &str, found: &Option<ReviewText<'_>>, wanted: &str| {
            let found = found.as_ref().map_or("", |text| &text.0);
            (found != wanted).then(|| InvalidField {
                field: field.into(),
                problem: format!("`{}` is not {wanted}", found.escape_debug()),
            })
        };
        let fields: Vec<_> = [
            expect("apiVersion", &self.api_version, "admission.k8s.io/v1"),
            expect("kind", &self.kind, "AdmissionReview"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!fields.is_empty()).then_some(InvalidObject { fields })
    }
}

#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    bound(deserialize = "'de: 'a, O: Deserialize<'de>")
)]
struct Request<'a, O> {
    uid: ReviewText<'a>,
    kind: Map<GroupKind<'a>>,
    operation: ReviewText<'a>,
    dry_run: Option<bool>,
    name: Option<ReviewText<'a>>,
    namespace: Option<ReviewText<'a>>,
    user_info: Map<UserInfo<'a>>,
    object: Option<O>,
    old_object: Option<O>,
}

impl<'a, O> Request<'a, O> {
    fn map<P>(self, object: impl Fn(O) -> P) -> Request<'a, P> {
        Request {
            object: self.object.map(&object),
            old_object: self.old_object.map(&object),
            uid: self.uid,
            kind: self.kind,
            operation: self.operation,
            dry_run: self.dry_run,
            name: self.name,
            namespace: self.namespace,
            user_info: self.user_info,
        }
    }
}

// Derived, it would ask the same of `O`.
impl<O> Default for Request<'_, O> {
    fn default() -> Self {
        Self {
            uid: ReviewText::default(),
            kind: Map::default(),
            operation: ReviewText::default(),
            dry_run: None,
            name: None,
            namespace: None,
            user_info: Map::default(),
            object: None,
            old_object: None,
        }
    }
}

/// An object of which only the name is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    metadata: NamedMetadata<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedMetadata<'a> {
    #[serde(borrow)]
    name: Option<ReviewText<'a>>,
    #[serde(borrow)]
    namespace: Option<ReviewText<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupKind<'a> {
    #[serde(borrow)]
    group: ReviewText<'a>,
    #[serde(borrow)]
    kind: ReviewText<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UserInfo<'a> {
    #[serde(borrow)]
    username: ReviewText<'a>,
    #[serde(borrow)]
    groups: Option<Vec<ReviewText<'a>>>,
}

#[cfg(test)]
mod tests;
