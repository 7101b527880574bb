//! A snapshot in Secrets: one that is always called the same and names the parts, and parts that never change.

use std::fmt;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};

use super::content::{Content, Delivered};
use super::unreadable;
use crate::sources::SourceError;
use crate::sources::cluster::describe;

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
        let bytes =
            data.ok_or_else(|| unreadable(what, &format!("its part `{part}` is not there")))?;
        packed.extend(bytes.0);
        if packed.len() > limit {
            return Err(unreadable(what, &format!("it has more than {limit} bytes")));
        }
    }
    let content = Content {
        packed,
        digest: pointer.sha256,
    };
    let text = content
        .unpack(limit)
        .map_err(|reason| unreadable(what, &reason))?;
    Ok(Delivered {
        text,
        as_of: pointer.as_of,
    })
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
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &name.namespace);
    let mut known: Option<Pointer> = None;
    loop {
        let began = Instant::now();
        let what = name.to_string();
        let failed = |error: kube::Error| unreadable(&what, &describe(&error));
        let secret = within(&what, secrets.get_opt(&name.name), failed).await;
        let (read, version) = match secret {
            Err(error) => (Err(error), None),
            Ok(None) => (Err(unreadable(&what, "there is no such Secret")), None),
            Ok(Some(secret)) => {
                let version = secret.metadata.resource_version.clone();
                match pointer_of(&secret) {
                    Some(pointer) if known.as_ref() == Some(&pointer) => (Ok(None), version),
                    Some(pointer) => {
                        let read = delivered(&secrets, &what, pointer.clone(), limit).await;
                        (read.map(|read| Some((pointer, read))), version)
                    }
                    None => (Err(unreadable(&what, NOT_OURS)), None),
                }
            }
        };
        let is_failing = read.is_err();
        let news = match read {
            Ok(None) => None,
            Ok(Some((pointer, read))) => {
                known = Some(pointer);
                Some(Ok(read))
            }
            Err(error) => {
                // What is there once it can be read again is told, even if it is the same.
                known = None;
                Some(Err(error))
            }
        };
        if let Some(news) = news
            && listener.send(news).await.is_err()
        {
            return;
        }
        if let Some(version) = version.filter(|_| !is_failing) {
            wait_for_change(&secrets, &name.name, &version).await;
        }
        let pause = if is_failing { RETRY } else { PAUSE };
        sleep(pause.saturating_sub(began.elapsed())).await;
    }
}

/// Until the Secret is another, the watch ends, or it is time to look.
async fn wait_for_change(secrets: &Api<Secret>, name: &str, version: &str) {
    let params = WatchParams::default()
        .fields(&format!("metadata.name={name}"))
        .timeout(LOOK_SECONDS);
    let watched = async {
        let Ok(events) = secrets.watch(&params, version).await else {
            return;
        };
        let mut events = pin!(events);
        while let Ok(Some(event)) = events.try_next().await {
            if !matches!(event, WatchEvent::Bookmark(_)) {
                return;
            }
        }
    };
    // A connection that died without a word ends here too.
    let _ = timeout(Duration::from_secs(u64::from(LOOK_SECONDS) + 5), watched).await;
}

const ANSWER: Duration = Duration::from_secs(10);

/// Between two looks at the least, so that a Secret that changes without end costs no more.
const PAUSE: Duration = Duration::from_millis(250);

/// After a failure.
const RETRY: Duration = Duration::from_secs(1);

const NOT_OURS: &str = "it is not a snapshot that `palette-rbac sync` wrote";

const LOOK_SECONDS: u32 = 30;

/// Room for what is added to it: parts are called after it.
const LONGEST_NAME: usize = 200;
