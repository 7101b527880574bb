//! One Secret as it changes.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};

use super::error::describe;

/// Looks at one Secret when it changes, and now and then whatever the watch says.
///
/// It asks for that name only, so that rights can be narrowed to it.
pub struct SecretWatch {
    secrets: Api<Secret>,
    name: String,
    /// As it was seen last; absent where there was none or it could not be had.
    version: Option<String>,
    last: Option<Instant>,
    is_failing: bool,
}

impl SecretWatch {
    /// Of the Secret of that name.
    pub fn new(client: &Client, namespace: &str, name: &str) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), namespace),
            name: name.to_owned(),
            version: None,
            last: None,
            is_failing: false,
        }
    }

    /// The Secrets of its namespace.
    pub fn secrets(&self) -> &Api<Secret> {
        &self.secrets
    }

    /// What is there now: at once when first asked, then after a change, after a while, or soon after a failure.
    pub async fn next(&mut self) -> Result<Option<Secret>, String> {
        if let Some(version) = self.version.take().filter(|_| !self.is_failing) {
            self.wait_for_change(&version).await;
        }
        if let Some(last) = self.last {
            let pause = if self.is_failing { RETRY } else { PAUSE };
            sleep(pause.saturating_sub(last.elapsed())).await;
        }
        self.last = Some(Instant::now());
        let answer = timeout(ANSWER, self.secrets.get_opt(&self.name)).await;
        let secret = match answer {
            Ok(Ok(secret)) => secret,
            Ok(Err(error)) => {
                self.is_failing = true;
                return Err(describe(&error));
            }
            Err(_) => {
                self.is_failing = true;
                return Err(String::from("the API server does not answer in time"));
            }
        };
        self.is_failing = secret.is_none();
        let version = secret
            .as_ref()
            .map(|it| it.metadata.resource_version.clone());
        self.version = version.flatten();
        Ok(secret)
    }

    /// What was there is of no use: look again before long.
    pub fn failed(&mut self) {
        self.is_failing = true;
    }

    /// Until the Secret is another, the watch ends, or it is time to look.
    async fn wait_for_change(&self, version: &str) {
        let params = WatchParams::default()
            .fields(&format!("metadata.name={}", self.name))
            .timeout(LOOK_SECONDS);
        let watched = async {
            let Ok(events) = self.secrets.watch(&params, version).await else {
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
}

/// Between two looks at the least, so that a Secret that changes without end costs no more.
const PAUSE: Duration = Duration::from_millis(250);

/// After a failure.
const RETRY: Duration = Duration::from_secs(1);

const LOOK_SECONDS: u32 = 30;
const ANSWER: Duration = Duration::from_secs(10);
