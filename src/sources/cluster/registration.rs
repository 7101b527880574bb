//! How the API server is told of the webhook: its `ValidatingWebhookConfiguration`, asked as the API server would.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use k8s_openapi::api::admissionregistration::v1::{
    ServiceReference, ValidatingWebhook, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Service;
use kube::api::DeleteParams;
use kube::{Api, Client};
use reqwest::Certificate;
use serde::Deserialize;

use super::describe;
use crate::sources::palette::{causes, http_client};

/// What became of asking one webhook of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The webhook's name.
    pub webhook: String,
    /// How long the answer took, or why there was none.
    pub answer: Result<Duration, String>,
}

#[derive(Debug, Deserialize)]
struct Review {
    response: Response,
}

#[derive(Debug, Deserialize)]
struct Response {
    uid: String,
}

/// Asks each webhook of a registration about a binding that gives nothing, by the Service, the path and the CAs that the
/// registration names. In the order of the registration.
pub async fn ask(client: &Client, registration: &str) -> Result<Vec<Asked>, String> {
    let registrations: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let found = registrations.get_opt(registration).await;
    let found = found
        .map_err(|error| describe(&error))?
        .ok_or_else(|| format!("there is no ValidatingWebhookConfiguration `{registration}`"))?;
    let webhooks = found.webhooks.unwrap_or_default();
    if webhooks.is_empty() {
        return Err(format!("`{registration}` has no webhooks"));
    }
    let mut asked = Vec::new();
    for webhook in webhooks {
        asked.push(Asked {
            answer: ask_one(client, &webhook).await,
            webhook: webhook.name,
        });
    }
    Ok(asked)
}

async fn ask_one(client: &Client, webhook: &ValidatingWebhook) -> Result<Duration, String> {
    let config = &webhook.client_config;
    let service = config
        .service
        .as_ref()
        .ok_or("it is registered by `url`, which only the API server can be sure to reach")?;
    let bundle = config
        .ca_bundle
        .as_ref()
        .map_or(&[][..], |bundle| &bundle.0);
    let trusted = Certificate::from_pem_bundle(bundle).unwrap_or_default();
    if trusted.is_empty() {
        return Err(String::from(
            "its `caBundle` has no certificate: the API server trusts nobody",
        ));
    }
    let address = address_of(client, service).await?;
    let host = format!("{}.{}.svc", service.name, service.namespace);
    let port = address.port();
    let path = service.path.as_deref().unwrap_or("/");
    let http = http_client(None)
        .map_err(|error| error.to_string())?
        .tls_certs_only(trusted)
        // As the API server does: no proxy, and no name server either.
        .no_proxy()
        .resolve(&host, address)
        .timeout(LONGEST)
        .build()
        .map_err(|error| error.to_string())?;
    let began = Instant::now();
    let answer = http
        .post(format!("https://{host}:{port}{path}"))
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(REVIEW)
        .send()
        .await;
    let failed = |error: reqwest::Error| causes(&error.without_url());
    let answer = answer.and_then(reqwest::Response::error_for_status);
    let body = answer.map_err(failed)?.bytes().await.map_err(failed)?;
    let review: Review = serde_json::from_slice(&body)
        .map_err(|error| format!("its answer is no AdmissionReview: {error}"))?;
    if review.response.uid != UID {
        return Err(String::from("it answered another review than was asked"));
    }
    Ok(began.elapsed())
}

/// Where the Service is within the cluster.
async fn address_of(client: &Client, service: &ServiceReference) -> Result<SocketAddr, String> {
    let services: Api<Service> = Api::namespaced(client.clone(), &service.namespace);
    let found = services.get_opt(&service.name).await;
    let found = found.map_err(|error| describe(&error))?.ok_or_else(|| {
        format!(
            "there is no Service `{}/{}`",
            service.namespace, service.name
        )
    })?;
    let address = found.spec.and_then(|spec| spec.cluster_ip);
    let address: IpAddr = address
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| {
            format!(
                "the Service `{}/{}` has no address of its own",
                service.namespace, service.name
            )
        })?;
    let port = service.port.and_then(|port| u16::try_from(port).ok());
    Ok(SocketAddr::new(address, port.unwrap_or(443)))
}

/// Deletes a registration: from then on nothing is judged. Whether there was one.
pub async fn remove(client: &Client, registration: &str) -> Result<bool, String> {
    let registrations: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    match registrations
        .delete(registration, &DeleteParams::default())
        .await
    {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(describe(&error)),
    }
}

const UID: &str = "palette-rbac-registration-check";
/// A binding of nobody to a role that does not exist: whatever the policy says, there is an answer.
const REVIEW: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"palette-rbac-registration-check","kind":{"group":"rbac.authorization.k8s.io","version":"v1","kind":"RoleBinding"},"resource":{"group":"rbac.authorization.k8s.io","version":"v1","resource":"rolebindings"},"namespace":"default","name":"palette-rbac-registration-check","operation":"CREATE","userInfo":{"username":"palette-rbac-registration-check"},"dryRun":true,"object":{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"namespace":"default","name":"palette-rbac-registration-check"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"palette-rbac-registration-check"},"subjects":[]}}}"#;
/// As long as the API server waits by default.
const LONGEST: Duration = Duration::from_secs(10);
