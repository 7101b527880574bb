//! Reports in the cluster, in either format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use strum::{EnumIter, IntoEnumIterator};
use tokio::time::timeout;

use super::Contents;
use crate::sources::cluster::{Pages, describe};

/// The reports in the cluster, as they are read and written.
#[derive(Clone)]
pub(super) struct Store {
    client: Client,
}

/// A report in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReportKey {
    pub(super) format: Format,
    /// Absent for that of the cluster.
    pub(super) namespace: Option<Arc<str>>,
}

/// The kinds of report that readers know, the one that is preferred first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter)]
pub(super) enum Format {
    /// `openreports.io`.
    OpenReports,
    /// `wgpolicyk8s.io`, which came before it.
    PolicyReport,
}

/// What a report says, times aside.
pub(super) type Fingerprint = [u8; 32];

/// Why a report cannot be read or written.
#[derive(Debug)]
pub(super) enum StoreError {
    /// Its namespace goes, or is gone: so is the report.
    NoPlace,
    /// Anything else.
    Failed(String),
}

impl Format {
    pub(super) const fn group_version(self) -> &'static str {
        match self {
            Self::OpenReports => "openreports.io/v1alpha1",
            Self::PolicyReport => "wgpolicyk8s.io/v1alpha2",
        }
    }

    /// Kind and plural: of a namespace's report, of the cluster's.
    const fn names(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::OpenReports => [("Report", "reports"), ("ClusterReport", "clusterreports")],
            Self::PolicyReport => [
                ("PolicyReport", "policyreports"),
                ("ClusterPolicyReport", "clusterpolicyreports"),
            ],
        }
    }

    fn resources(self) -> [ApiResource; 2] {
        let api_version = self.group_version();
        let (group, version) = api_version.split_once('/').unwrap_or_default();
        self.names().map(|(kind, plural)| ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        })
    }
}

impl Store {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The formats that the cluster has the kinds of.
    pub(super) async fn formats(&self) -> Result<Vec<Format>, StoreError> {
        let mut formats = Vec::new();
        for format in Format::iter() {
            if self.has(format).await? {
                formats.push(format);
            }
        }
        Ok(formats)
    }

    async fn has(&self, format: Format) -> Result<bool, StoreError> {
        let found = self.client.list_api_group_resources(format.group_version());
        match answer(found).await {
            Ok(found) => {
                let is_there = |plural: &str| found.resources.iter().any(|it| it.name == plural);
                Ok(format.names().iter().all(|(_, plural)| is_there(plural)))
            }
            Err(kube::Error::Api(status)) if status.code == NOT_FOUND => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Every report of ours in that format.
    pub(super) async fn list(
        &self,
        format: Format,
    ) -> Result<BTreeMap<ReportKey, Fingerprint>, StoreError> {
        let mut all = BTreeMap::new();
        for resource in format.resources() {
            let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
            let mut pages = Pages::matching(&api, ListParams::default().labels(OURS));
            while let Some(page) = answer(pages.next()).await? {
                let ours = page.into_iter().filter(is_ours);
                all.extend(ours.map(|report| (key(format, &report), stored(report))));
            }
        }
        Ok(all)
    }

    /// Writes a report anew; what it said before keeps its times.
    pub(super) async fn write(
        &self,
        key: &ReportKey,
        contents: Contents,
    ) -> Result<(), StoreError> {
        let (api, resource) = self.api(key);
        let before = answer(api.get_opt(NAME)).await?;
        let before = before.map(|report| contents_of(report.data));
        let contents = contents.since(before.unwrap_or_default());
        let report = document(key, &resource, &contents);
        let params = PatchParams::apply(NAME).force();
        answer(api.patch(NAME, &params, &Patch::Apply(&report))).await?;
        Ok(())
    }

    /// Deletes a report, if it is there.
    pub(super) async fn delete(&self, key: &ReportKey) -> Result<(), StoreError> {
        let (api, _) = self.api(key);
        match answer(api.delete(NAME, &DeleteParams::default())).await {
            Err(kube::Error::Api(status)) if status.code == NOT_FOUND => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    fn api(&self, key: &ReportKey) -> (Api<DynamicObject>, ApiResource) {
        let [of_namespace, of_cluster] = key.format.resources();
        let client = self.client.clone();
        match &key.namespace {
            Some(namespace) => (
                Api::namespaced_with(client, namespace, &of_namespace),
                of_namespace,
            ),
            None => (Api::all_with(client, &of_cluster), of_cluster),
        }
    }
}

/// What a report with these contents says.
pub(super) fn fingerprint(contents: Contents) -> Fingerprint {
    let text = serde_json::to_string(&contents.timeless()).unwrap_or_default();
    Sha256::digest(text).into()
}

async fn answer<T>(request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let late = |_| {
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        Err(kube::Error::Service(late.into()))
    };
    timeout(ANSWER, request).await.unwrap_or_else(late)
}

fn is_ours(report: &DynamicObject) -> bool {
    report.metadata.name.as_deref() == Some(NAME)
}

fn key(format: Format, report: &DynamicObject) -> ReportKey {
    let namespace = report.metadata.namespace.as_deref().map(Arc::from);
    ReportKey { format, namespace }
}

fn stored(report: DynamicObject) -> Fingerprint {
    fingerprint(contents_of(report.data))
}

/// What somebody else wrote into it and we cannot read says nothing of ours.
fn contents_of(data: Value) -> Contents {
    serde_json::from_value(data).unwrap_or_default()
}

fn document(key: &ReportKey, resource: &ApiResource, contents: &Contents) -> Value {
    let mut metadata = json!({"name": NAME, "labels": {LABEL: NAME}});
    if let (Some(namespace), Some(fields)) = (&key.namespace, metadata.as_object_mut()) {
        fields.insert("namespace".to_owned(), json!(**namespace));
    }
    let left_out = contents.left_out();
    if let (true, Some(fields)) = (left_out > 0, metadata.as_object_mut()) {
        let annotations = json!({LEFT_OUT: left_out.to_string()});
        fields.insert("annotations".to_owned(), annotations);
    }
    json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata,
        "summary": contents.summary,
        "results": contents.results,
    })
}

impl From<kube::Error> for StoreError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if has_no_place(status) => Self::NoPlace,
            error => Self::Failed(describe(error)),
        }
    }
}

/// A namespace that is being deleted takes nothing new; one that is gone is not found; and what is written while it is
/// deleted is in conflict.
fn has_no_place(status: &kube::core::Status) -> bool {
    let details = status.details.as_ref();
    let is_terminating = details.is_some_and(|details| {
        let mut causes = details.causes.iter();
        causes.any(|cause| cause.reason == "NamespaceTerminating")
    });
    let is_of_namespace = details.is_some_and(|details| details.kind == "namespaces");
    match status.code {
        FORBIDDEN => is_terminating,
        NOT_FOUND => is_of_namespace,
        code => code == CONFLICT,
    }
}

/// Every report of ours, our field manager, and what our label says.
const NAME: &str = "palette-rbac";
const LABEL: &str = "app.kubernetes.io/managed-by";
const OURS: &str = "app.kubernetes.io/managed-by=palette-rbac";
const LEFT_OUT: &str = "palette-rbac.io/results-left-out";

/// A report is written within milliseconds, and at a busy API server within seconds.
const ANSWER: Duration = Duration::from_secs(10);

const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;
