//! A snapshot in Secrets: one that is always called the same and names the parts, and parts that never change.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use super::content::{Content, Delivered};
use super::unreadable;
use crate::sources::SourceError;
use crate::sources::cluster::{SecretWatch, describe};

/// A Secret, as `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl FromStr for SecretName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |name: &str| {
            let is_of_it =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_of_it)
        };
        match text.split_once('/') {
            Some((namespace, name)) if is_name(namespace) && is_name(name) => Ok(Self {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(format!(
                "a Secret is named as `secret:NAMESPACE/NAME`, in small letters, digits and dashes, not `{text}`"
            )),
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret:{}/{}", self.namespace, self.name)
    }
}

/// What the Secret that is always called the same says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pointer {
    /// The names of the parts, in their order.
    pub parts: Vec<String>,
    /// Of the text, unpacked.
    pub sha256: String,
    /// When the last whole, verified reading began that said so.
    pub as_of: Timestamp,
}

impl Pointer {
    /// The key of the Secret under which it stands.
    pub const KEY: &str = "snapshot.json";

    /// The key under which a part stands in its Secret.
    pub const PART: &str = "part";
}

/// What a Secret points to; nothing where it is not one of `sync`.
pub fn pointer_of(secret: &Secret) -> Option<Pointer> {
    let data = secret.data.as_ref()?;
    serde_json::from_slice(&data.get(Pointer::KEY)?.0).ok()
}

/// The snapshot that is in force, if its text has at most `limit` bytes; nothing where there is no such Secret.
pub async fn read_secret(
    client: &Client,
    name: &SecretName,
    limit: usize,
) -> Result<Option<Delivered>, SourceError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &name.namespace);
    let what = name.to_string();
    let failed = |error: kube::Error| unreadable(&what, &describe(&error));
    let Some(secret) = within(&what, secrets.get_opt(&name.name), failed).await? else {
        return Ok(None);
    };
    let pointer = pointer_of(&secret).ok_or_else(|| unreadable(&what, NOT_OURS))?;
    delivered(&secrets, &what, pointer, limit).await.map(Some)
}

async fn delivered(
    secrets: &Api<Secret>,
    what: &str,
    pointer: Pointer,
    limit: usize,
) -> Result<Delivered, SourceError> {
    let failed = |error: kube::Error| unreadable(what, &describe(&error));
    let mut packed = Vec::new();
    for part in &pointer.parts {
        let secret = within(what, secrets.get_opt(part), failed).await?;
        let data = secret.and_then(|mut secret| secret.data.as_mut()?.remove(Pointer::PART));
        let missing = || broken(what, &format!("its part `{part}` is not there"));
        let bytes = data.ok_or_else(missing)?;
        packed.extend(bytes.0);
        if packed.len() > limit {
            return Err(broken(what, &format!("it has more than {limit} bytes")));
        }
    }
    let content = Content {
        packed,
        digest: pointer.sha256,
    };
    let text = content
        .unpack(limit)
        .map_err(|reason| broken(what, &reason))?;
    Ok(Delivered {
        text,
        as_of: pointer.as_of,
    })
}

/// It was read, and is no snapshot.
fn broken(what: &str, reason: &str) -> SourceError {
    SourceError::Rejected(vec![format!("{what}: {reason}")])
}

async fn within<T>(
    what: &str,
    answer: impl Future<Output = Result<T, kube::Error>>,
    failed: impl Fn(kube::Error) -> SourceError,
) -> Result<T, SourceError> {
    match timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(unreadable(what, "the API server does not answer in time")),
    }
}

/// Delivers each snapshot that the Secret points to, and each reason why there is none; for as long as it is polled.
///
/// By a watch of that one Secret, so that a change is known at once; and by a look now and then, whatever the watch says.
pub async fn follow_secret(
    client: Client,
    name: SecretName,
    limit: usize,
    listener: Sender<Result<Delivered, SourceError>>,
) {
    let mut watch = SecretWatch::new(&client, &name.namespace, &name.name);
    let secrets = watch.secrets().clone();
    let what = name.to_string();
    let mut known: Option<Pointer> = None;
    loop {
        let read = match watch.next().await {
            Err(reason) => Err(unreadable(&what, &reason)),
            Ok(None) => Err(unreadable(&what, "there is no such Secret")),
            Ok(Some(secret)) => match pointer_of(&secret) {
                Some(pointer) if known.as_ref() == Some(&pointer) => continue,
                Some(pointer) => {
                    let read = delivered(&secrets, &what, pointer.clone(), limit).await;
                    read.map(|read| (pointer, read))
                }
                None => Err(unreadable(&what, NOT_OURS)),
            },
        };
        let news = match read {
            Ok((pointer, read)) => {
                known = Some(pointer);
                Ok(read)
            }
            Err(error) => {
                // What is there once it can be read again is told, even if it is the same.
                known = None;
                watch.failed();
                Err(error)
            }
        };
        if listener.send(news).await.is_err() {
            return;
        }
    }
}

const ANSWER: Duration = Duration::from_secs(10);

const NOT_OURS: &str = "it is not a snapshot that `palette-rbac sync` wrote";

/// Room for what is added to it: parts are called after it.
const LONGEST_NAME: usize = 200;
