//! One binding, read whole.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::{Api, Client};
use tokio::time::timeout;

use super::reader::{get, segment};
use super::trimmed::Trimmed;
use crate::facts::{ObjectName, StoredBinding, StoredObject};

/// Reads one binding from the API server, which there is no room to hold.
///
/// None if it went meanwhile or cannot be understood.
pub async fn read_binding(
    client: &Client,
    name: &ObjectName,
) -> Result<Option<StoredBinding>, String> {
    let read = timeout(ANSWER, ask(client, name)).await;
    let read = read.map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?;
    Ok(read?.and_then(|object| match object {
        StoredObject::Binding(binding) => Some(binding),
        StoredObject::Role(_) => None,
    }))
}

async fn ask(client: &Client, name: &ObjectName) -> Result<Option<StoredObject>, String> {
    let client = client.clone();
    match &name.namespace {
        None => get(&Api::<Trimmed<ClusterRoleBinding>>::all(client), name).await,
        Some(namespace) => {
            let namespace = segment(namespace)?;
            let api = Api::<Trimmed<RoleBinding>>::namespaced(client, &namespace);
            get(&api, name).await
        }
    }
}

/// A binding takes milliseconds, and from a busy API server seconds.
const ANSWER: Duration = Duration::from_secs(5);
