//! A snapshot in Secrets. The parts come first and the pointer last, so that whoever follows the pointer finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use tokio::time::timeout;
use tracing::warn;

use super::Kept;
use crate::directory::Snapshot;
use crate::sources::SourceError;
use crate::sources::cluster::describe;
use crate::sources::snapshots::{Content, Pointer, SecretName, pointer_of, read_secret};

/// The Secret that is always called the same, and its parts.
pub struct SecretOutput {
    pub(super) name: SecretName,
    client: Client,
    secrets: Api<Secret>,
}

/// What people write to `sync`, as annotations of the Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Whether there is a Secret at all.
    pub exists: bool,
    /// `palette-rbac.io/sync-now`: another value each time somebody wants it read at once.
    pub sync_now: Option<String>,
    /// `palette-rbac.io/accept-loss`: the digest of a snapshot that may take away what it takes.
    pub accept_loss: Option<String>,
}

impl SecretOutput {
    pub(super) fn new(client: &Client, name: SecretName) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), &name.namespace),
            client: client.clone(),
            name,
        }
    }

    pub(super) async fn kept(&self) -> Result<Option<Kept>, String> {
        let delivered = match read_secret(&self.client, &self.name, MAX_TEXT).await {
            Ok(Some(delivered)) => delivered,
            Ok(None) => return Ok(None),
            // Nobody else can read it either: it is written anew.
            Err(SourceError::Rejected(problems)) => {
                let problem = problems.join("; ");
                warn!(
                    problem,
                    "what was kept last is broken: this sync is compared with nothing"
                );
                return Ok(None);
            }
            Err(error) => return Err(error.to_string()),
        };
        let snapshot = Snapshot::from_json(&delivered.text).map_err(|error| {
            format!("it is not a snapshot that `palette-rbac sync` wrote: {error}")
        })?;
        let content = Content::pack(&delivered.text).map_err(|error| error.to_string())?;
        Ok(Some(Kept {
            snapshot,
            as_of: delivered.as_of,
            digest: content.digest,
        }))
    }

    pub(super) async fn notes(&self) -> Result<Notes, String> {
        let Some(secret) = self.get(&self.name.name).await? else {
            return Ok(Notes::default());
        };
        let annotations = secret.metadata.annotations.unwrap_or_default();
        Ok(Notes {
            exists: true,
            sync_now: annotations.get(SYNC_NOW).cloned(),
            accept_loss: annotations.get(ACCEPT_LOSS).cloned(),
        })
    }

    pub(super) async fn write(&self, content: &Content, as_of: Timestamp) -> Result<(), String> {
        let current = self.get(&self.name.name).await?;
        let before = current.as_ref().and_then(pointer_of);
        if current.is_some() && before.is_none() {
            return Err(
                "it is there, and not a snapshot that `palette-rbac sync` wrote: delete it first"
                    .to_owned(),
            );
        }
        // Another that led meanwhile, while this one was still reading.
        if before.as_ref().is_some_and(|before| before.as_of > as_of) {
            return Err("a later snapshot is there already".to_owned());
        }
        let mut parts = Vec::new();
        for (index, part) in content.packed.chunks(PART).enumerate() {
            let name = self.part_name(&content.digest, index);
            self.put_part(&name, part).await?;
            parts.push(name);
        }
        let pointer = Pointer {
            parts,
            sha256: content.digest.clone(),
            as_of,
        };
        self.point(current, &pointer).await?;
        // What was in force until now may still be being read.
        let keep: BTreeSet<&String> = pointer
            .parts
            .iter()
            .chain(before.iter().flat_map(|it| &it.parts))
            .collect();
        if let Err(reason) = self.remove_parts_but(&keep).await {
            // The snapshot is in force all the same; the next one tries again.
            warn!(reason, "parts of former snapshots cannot be removed");
        }
        Ok(())
    }

    fn part_name(&self, digest: &str, index: usize) -> String {
        let digest = digest.get(..16).unwrap_or(digest);
        format!("{}-{digest}-{index}", self.name.name)
    }

    /// A part that is there already is the same, since it is called after its content and never changes.
    async fn put_part(&self, name: &str, part: &[u8]) -> Result<(), String> {
        if let Some(known) = self.get(name).await? {
            let data = known.data.as_ref().and_then(|data| data.get(Pointer::PART));
            if data.is_some_and(|data| data.0 == part) {
                return Ok(());
            }
            return Err(format!(
                "its part `{name}` is there with another content: delete it"
            ));
        }
        let secret = Secret {
            metadata: self.metadata(name),
            immutable: Some(true),
            data: Some(BTreeMap::from([(
                Pointer::PART.to_owned(),
                ByteString(part.to_vec()),
            )])),
            ..Secret::default()
        };
        let params = params();
        let created = self.secrets.create(&params, &secret);
        in_time(created).await.map(drop)
    }

    async fn point(&self, current: Option<Secret>, pointer: &Pointer) -> Result<(), String> {
        let text = serde_json::to_vec(pointer).map_err(|error| error.to_string())?;
        let data = Some(BTreeMap::from([(
            Pointer::KEY.to_owned(),
            ByteString(text),
        )]));
        let params = params();
        let Some(current) = current else {
            let secret = Secret {
                metadata: self.metadata(&self.name.name),
                data,
                ..Secret::default()
            };
            let created = self.secrets.create(&params, &secret);
            return in_time(created).await.map(drop);
        };
        // With the version that was read: whoever wrote it meanwhile is not written over.
        let secret = Secret { data, ..current };
        let replaced = self.secrets.replace(&self.name.name, &params, &secret);
        in_time(replaced).await.map(drop)
    }

    async fn remove_parts_but(&self, keep: &BTreeSet<&String>) -> Result<(), String> {
        let ours = ListParams::default().labels(&format!("{PART_OF}={}", self.name.name));
        let parts = in_time(self.secrets.list_metadata(&ours)).await?;
        for part in parts {
            let Some(name) = part.metadata.name.filter(|name| !keep.contains(name)) else {
                continue;
            };
            let params = DeleteParams::default();
            let deleted = self.secrets.delete(&name, &params);
            in_time(deleted).await?;
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, String> {
        in_time(self.secrets.get_opt(name)).await
    }

    fn metadata(&self, name: &str) -> ObjectMeta {
        let mut labels = BTreeMap::from([(
            "app.kubernetes.io/managed-by".to_owned(),
            MANAGER.to_owned(),
        )]);
        if name != self.name.name {
            labels.insert(PART_OF.to_owned(), self.name.name.clone());
        }
        ObjectMeta {
            namespace: Some(self.name.namespace.clone()),
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        }
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(|error| describe(&error)),
        Err(_) => Err("the API server does not answer in time".to_owned()),
    }
}

fn params() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

const MANAGER: &str = "palette-rbac-sync";
const PART_OF: &str = "palette-rbac.io/part-of";
const SYNC_NOW: &str = "palette-rbac.io/sync-now";
const ACCEPT_LOSS: &str = "palette-rbac.io/accept-loss";

/// The API server refuses Secrets with more data.
const PART: usize = 1024 * 1024;

/// As `serve` reads by default.
const MAX_TEXT: usize = 256 * 1024 * 1024;

const ANSWER: Duration = Duration::from_secs(15);
