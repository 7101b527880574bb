//! Does what the plan says, while this replica leads.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::plan::{Asked, Kept, Step, certificates, plan};
use crate::sources::cluster::describe;
use crate::sources::snapshots::SecretName;
use crate::sources::{Authority, Leaf};

/// Keeps the CA and the serving certificate in their Secret, and the CA in the registration.
pub struct CertificateKeeper {
    secrets: Api<Secret>,
    registrations: Api<ValidatingWebhookConfiguration>,
    name: SecretName,
    registration: String,
    names: Vec<String>,
    leads: watch::Receiver<bool>,
    /// What was wrong last, which is told once.
    failing: Option<String>,
}

/// What is noted beside the certificates.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Notes {
    announced: Option<Timestamp>,
    issued: Option<Timestamp>,
    /// The values of the annotations that were acted on.
    rotated_ca: Option<String>,
    rotated_certificate: Option<String>,
}

/// The serving certificate and its key, as the Secret has them.
pub fn certificates_of(secret: &Secret) -> Option<(String, String)> {
    let kept = read(secret).0.leaf?;
    Some((kept.certificate, kept.key))
}

impl CertificateKeeper {
    /// For the webhooks of that registration, which call it by these names.
    pub fn new(
        client: &Client,
        name: SecretName,
        registration: String,
        names: Vec<String>,
        leads: watch::Receiver<bool>,
    ) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), &name.namespace),
            registrations: Api::all(client.clone()),
            name,
            registration,
            names,
            leads,
            failing: None,
        }
    }

    /// Until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                // A sender that is gone ends with the process.
                let _ = self.leads.wait_for(|leads| *leads).await;
                let is_done = match timeout(LONGEST, self.step()).await {
                    Ok(Ok(is_done)) => {
                        if self.failing.take().is_some() {
                            info!("certificates can be kept again");
                        }
                        is_done
                    }
                    Ok(Err(error)) => {
                        self.tell(error);
                        true
                    }
                    Err(_) => {
                        self.tell(String::from("the API server does not answer in time"));
                        true
                    }
                };
                if is_done {
                    sleep(LOOK).await;
                }
            }
        })
        .await;
    }

    fn tell(&mut self, error: String) {
        if self.failing.as_ref() != Some(&error) {
            let (secret, registration) = (self.name.to_string(), &self.registration);
            warn!(
                error,
                secret, registration, "certificates cannot be kept; what is served stays"
            );
            self.failing = Some(error);
        }
    }

    /// One step; whether there is nothing more to be done now.
    async fn step(&self) -> Result<bool, String> {
        let failed = |error: kube::Error| describe(&error);
        let secret = self
            .secrets
            .get_opt(&self.name.name)
            .await
            .map_err(failed)?;
        let registration = self
            .registrations
            .get_opt(&self.registration)
            .await
            .map_err(failed)?;
        let bundles = registration.as_ref().map(bundles);
        let (mut kept, mut notes) = secret.as_ref().map(read).unwrap_or_default();
        let now = Timestamp::now();
        let step = plan(&kept, bundles.as_deref(), &self.names, now);
        match step {
            Step::Wait => return Ok(true),
            Step::Announce { bundle } => {
                let registration = registration.unwrap_or_default();
                self.announce(&registration, &bundle).await?;
                info!(
                    cas = bundle.len(),
                    "the registration trusts the CA of this webhook"
                );
                return Ok(false);
            }
            Step::MakeAuthority { former } => {
                kept.authority = Some(new_authority(now)?);
                kept.former = former;
                notes.announced = None;
                notes.rotated_ca = secret
                    .as_ref()
                    .and_then(|secret| annotation(secret, ROTATE_CA));
                info!("a new CA is made");
            }
            Step::NoteAnnounced => notes.announced = Some(now),
            Step::Issue => {
                let authority = kept.authority.as_ref().ok_or("there is no CA")?;
                let leaf = authority.issue(&self.names, LEAF_DAYS, now);
                kept.leaf = Some(leaf.map_err(|error| error.to_string())?);
                notes.issued = Some(now);
                let asked = secret
                    .as_ref()
                    .and_then(|secret| annotation(secret, ROTATE_LEAF));
                notes.rotated_certificate = asked;
                info!(days = LEAF_DAYS, "a new serving certificate is signed");
            }
            Step::ForgetFormer => kept.former.clear(),
        }
        self.write(secret, &kept, &notes).await?;
        Ok(false)
    }

    async fn write(
        &self,
        secret: Option<Secret>,
        kept: &Kept,
        notes: &Notes,
    ) -> Result<(), String> {
        let data = data(kept, notes)?;
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let written = if let Some(secret) = secret {
            // With the version that was read: whoever wrote it meanwhile is not written over.
            let secret = Secret {
                data: Some(data),
                ..secret
            };
            let replaced = self.secrets.replace(&self.name.name, &params, &secret);
            replaced.await
        } else {
            let secret = Secret {
                metadata: ObjectMeta {
                    namespace: Some(self.name.namespace.clone()),
                    name: Some(self.name.name.clone()),
                    ..ObjectMeta::default()
                },
                data: Some(data),
                ..Secret::default()
            };
            self.secrets.create(&params, &secret).await
        };
        written.map(drop).map_err(|error| describe(&error))
    }

    /// By the names of the webhooks, so that nothing else of them is touched.
    async fn announce(
        &self,
        registration: &ValidatingWebhookConfiguration,
        bundle: &[String],
    ) -> Result<(), String> {
        let text = bundle.join("\n") + "\n";
        let webhooks: Vec<_> = registration
            .webhooks
            .iter()
            .flatten()
            .map(|webhook| {
                let ca = ByteString(text.clone().into_bytes());
                json!({ "name": webhook.name, "clientConfig": { "caBundle": ca } })
            })
            .collect();
        let patch = Patch::Strategic(json!({ "webhooks": webhooks }));
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = self
            .registrations
            .patch(&self.registration, &params, &patch)
            .await;
        patched.map(drop).map_err(|error| describe(&error))
    }
}

fn bundles(registration: &ValidatingWebhookConfiguration) -> Vec<String> {
    let webhooks = registration.webhooks.iter().flatten();
    let bundles = webhooks.map(|webhook| webhook.client_config.ca_bundle.as_ref());
    let text = |bundle: &ByteString| String::from_utf8_lossy(&bundle.0).into_owned();
    bundles
        .map(|bundle| bundle.map(text).unwrap_or_default())
        .collect()
}

fn read(secret: &Secret) -> (Kept, Notes) {
    let text = |key: &str| {
        let bytes = secret.data.as_ref()?.get(key)?;
        String::from_utf8(bytes.0.clone()).ok()
    };
    let notes = text(NOTES).and_then(|text| serde_json::from_str(&text).ok());
    let notes: Notes = notes.unwrap_or_default();
    let is_asked = |name: &str, done: &Option<String>| {
        let asked = annotation(secret, name);
        asked.is_some() && asked != *done
    };
    let asked = if is_asked(ROTATE_CA, &notes.rotated_ca) {
        Some(Asked::Authority)
    } else {
        is_asked(ROTATE_LEAF, &notes.rotated_certificate).then_some(Asked::Leaf)
    };
    let pair = |certificate: &str, key: &str| text(certificate).zip(text(key));
    let kept = Kept {
        authority: pair("ca.crt", "ca.key")
            .map(|(certificate, key)| Authority { certificate, key }),
        former: text(FORMER)
            .map(|text| certificates(&text))
            .unwrap_or_default(),
        leaf: pair("tls.crt", "tls.key").map(|(certificate, key)| Leaf { certificate, key }),
        announced: notes.announced,
        issued: notes.issued,
        asked,
    };
    (kept, notes)
}

fn data(kept: &Kept, notes: &Notes) -> Result<BTreeMap<String, ByteString>, String> {
    let notes = serde_json::to_string(notes).map_err(|error| error.to_string())?;
    let mut data = BTreeMap::from([(NOTES, notes), (FORMER, kept.former.join("\n"))]);
    if let Some(authority) = &kept.authority {
        data.insert("ca.crt", authority.certificate.clone());
        data.insert("ca.key", authority.key.clone());
    }
    if let Some(leaf) = &kept.leaf {
        data.insert("tls.crt", leaf.certificate.clone());
        data.insert("tls.key", leaf.key.clone());
    }
    let bytes = |(key, text): (&str, String)| (key.to_owned(), ByteString(text.into_bytes()));
    Ok(data.into_iter().map(bytes).collect())
}

fn annotation(secret: &Secret, name: &str) -> Option<String> {
    secret.metadata.annotations.as_ref()?.get(name).cloned()
}

/// With its time in its name: two of the same name would be taken for one by who looks.
fn new_authority(now: Timestamp) -> Result<Authority, String> {
    let name = format!("palette-rbac CA of {}", now.strftime("%FT%TZ"));
    Authority::make(&name, AUTHORITY_DAYS, now).map_err(|error| error.to_string())
}

const MANAGER: &str = "palette-rbac";
const NOTES: &str = "notes.json";
const FORMER: &str = "former-ca.crt";
const ROTATE_CA: &str = "palette-rbac.io/rotate-ca";
const ROTATE_LEAF: &str = "palette-rbac.io/rotate-certificate";

/// Ten years, replaced after some seven.
const AUTHORITY_DAYS: u16 = 3650;

/// Replaced after two thirds.
const LEAF_DAYS: u16 = 90;

/// How often it is looked after.
const LOOK: Duration = Duration::from_secs(5);

const LONGEST: Duration = Duration::from_secs(20);
