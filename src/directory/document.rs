//! The directory file as it is typed. A tree with positions would take five times the memory, so serde reads it, and a
//! mistake in its shape ends the reading; texts are borrowed from the file, which tells where they stand.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};

use super::Directory;
use crate::document::{Mistake, Position, syntax, without_defaults};
use crate::palette::RoleScope;

impl Directory {
    /// The JSON schema of a directory file.
    pub fn schema() -> Schema {
        let mut schema = schemars::schema_for!(Document<'_>);
        without_defaults(&mut schema);
        schema
    }
}

/// Who holds which Palette roles, where.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Directory")]
pub(super) struct Document<'a> {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: DirectoryKind,
    /// Allowed and ignored.
    #[serde(default, rename = "metadata")]
    _metadata: Option<Metadata>,
    /// When Palette said so, as in `2026-11-22T08:00:00Z`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) as_of: Option<Timestamp>,
    /// The tenant that it was read from.
    #[serde(borrow, default)]
    pub(super) tenant: Option<TenantDocument<'a>>,
    /// What Palette says of clusters. Of the cluster itself, the policy's word counts more.
    #[serde(borrow, default)]
    pub(super) clusters: Vec<ClusterDocument<'a>>,
    /// Custom Palette roles; the built-in ones are known.
    #[serde(borrow, default)]
    pub(super) roles: Vec<RoleDocument<'a>>,
    /// The users of Palette.
    #[serde(borrow, default)]
    pub(super) users: Vec<UserDocument<'a>>,
    /// The teams of Palette.
    #[serde(borrow, default)]
    pub(super) teams: Vec<TeamDocument<'a>>,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
enum ApiVersion {
    #[serde(rename = "palette-rbac.io/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
enum DirectoryKind {
    Directory,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Metadata {
    #[serde(default, rename = "name")]
    _name: Option<String>,
}

/// A tenant of Palette.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantDocument<'a> {
    /// Its uid in Palette.
    #[serde(borrow)]
    pub(super) uid: PlainText<'a>,
    /// Its name in Palette.
    #[serde(borrow, default, rename = "name")]
    _name: Option<PlainText<'a>>,
}

/// What Palette says of a cluster.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterDocument<'a> {
    /// Its uid in Palette.
    #[serde(borrow)]
    pub(super) uid: PlainText<'a>,
    /// Its name in Palette.
    #[serde(borrow, default, rename = "name")]
    _name: Option<PlainText<'a>>,
    /// The project that it belongs to; absent: none.
    #[serde(borrow, default)]
    pub(super) project: Option<PlainText<'a>>,
    /// The cluster group that it belongs to; absent: none.
    #[serde(borrow, default)]
    pub(super) cluster_group: Option<PlainText<'a>>,
    /// The workspaces that it belongs to.
    #[serde(borrow, default)]
    pub(super) workspaces: Vec<WorkspaceDocument<'a>>,
}

/// A workspace of a cluster.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspaceDocument<'a> {
    /// Its name in Palette.
    #[serde(borrow)]
    pub(super) name: PlainText<'a>,
    /// The namespaces that it has; for people, since an assignment says where it counts.
    #[serde(borrow, default, rename = "namespaces")]
    _namespaces: Vec<PlainText<'a>>,
}

/// A custom Palette role.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleDocument<'a> {
    /// Its name in Palette, which no built-in role has.
    #[serde(borrow)]
    pub(super) name: PlainText<'a>,
    /// Where Palette lets it be assigned.
    #[serde(default, rename = "scope")]
    _scope: Option<RoleScope>,
    /// What it allows, as in `virtualMachine.get`.
    #[serde(borrow)]
    pub(super) permissions: Vec<PlainText<'a>>,
}

/// A user of Palette.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserDocument<'a> {
    /// The e-mail address, exactly.
    #[serde(borrow)]
    pub(super) name: PlainText<'a>,
    /// A user who is not active holds nothing.
    #[serde(default = "yes")]
    pub(super) active: bool,
    /// The names of its teams.
    #[serde(borrow, default)]
    pub(super) teams: Box<[PlainText<'a>]>,
    /// What it holds by itself.
    #[serde(borrow, default)]
    pub(super) assignments: Box<[AssignmentDocument<'a>]>,
    /// Its uid in Palette, by which a renamed user is known.
    #[serde(borrow, default, rename = "uid")]
    _uid: Option<PlainText<'a>>,
}

const fn yes() -> bool {
    true
}

/// A team of Palette.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamDocument<'a> {
    /// Its name, exactly.
    #[serde(borrow)]
    pub(super) name: PlainText<'a>,
    /// What its members hold through it.
    #[serde(borrow, default)]
    pub(super) assignments: Box<[AssignmentDocument<'a>]>,
    /// Its uid in Palette, by which a renamed team is known.
    #[serde(borrow, default, rename = "uid")]
    _uid: Option<PlainText<'a>>,
}

/// A role held in one of a project, a workspace and the tenant.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentDocument<'a> {
    /// The name of the role.
    #[serde(borrow)]
    pub(super) role: PlainText<'a>,
    /// In the clusters of this project.
    #[serde(borrow, default)]
    pub(super) project: Option<PlainText<'a>>,
    /// In the clusters of this workspace.
    #[serde(borrow, default)]
    pub(super) workspace: Option<PlainText<'a>>,
    /// With a workspace: in these namespaces; names, `/regex/` for those that match, `~/regex/` for those that do not.
    #[serde(borrow, default)]
    pub(super) namespaces: Option<Box<[PlainText<'a>]>>,
    /// In every cluster.
    #[serde(default)]
    pub(super) tenant: Option<bool>,
}

/// A text, borrowed from the file where it stands there as it is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PlainText<'a>(Cow<'a, str>);

impl Deref for PlainText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PlainText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What is no text in JSON is none in YAML: asked for text, YAML would give a number or a word for `false` as it is
        // written, and another reader would not.
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text; a number, or a word such as `no`, is text in quotes")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

impl JsonSchema for PlainText<'_> {
    fn schema_name() -> Cow<'static, str> {
        "PlainText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl<'a> Document<'a> {
    /// Reads a file of one document, as JSON if it starts with `{`, which is four times as fast.
    pub(super) fn parse(text: &'a str) -> Result<Self, Mistake> {
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| json_mistake(&error));
        }
        serde_saphyr::from_str_with_options(text, options(text.len()))
            .map_err(|error| syntax(&error))
    }
}

/// No part of a file is counted more than once for each of its bytes, so the size of the file is the budget. Keys that
/// stand twice pass the parser, since serde finds them at less cost.
fn options(bytes: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_events: bytes.saturating_mul(3).max(1_000),
            max_nodes: bytes.max(1_000),
            max_total_scalar_bytes: bytes.max(1_000),
        },
    }
}

fn json_mistake(error: &serde_json::Error) -> Mistake {
    let position = Position {
        line: error.line(),
        column: error.column(),
    };
    let message = error.to_string();
    let place = format!(" at line {} column {}", position.line, position.column);
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let hint = match error.classify() {
        serde_json::error::Category::Syntax => " (a file that starts with `{` is read as JSON)",
        _ => "",
    };
    Mistake::new(position, "", format!("{message}{hint}"))
}
