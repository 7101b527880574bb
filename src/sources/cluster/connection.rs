//! How the API server is found.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use rustls::crypto::ring;

use crate::sources::SourceError;

/// Where the cluster's API server is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterFrom {
    /// Nowhere: roles are judged by name.
    Nowhere,
    /// By the pod's `ServiceAccount`, or else as kubectl does: `KUBECONFIG`, `~/.kube/config`.
    Surroundings,
    /// This kubeconfig.
    Kubeconfig(PathBuf),
    /// This context of that kubeconfig, or of the one that kubectl would read.
    Context(Option<PathBuf>, String),
}

/// A client of the cluster's API server, if there is a cluster. Asks it nothing yet.
pub async fn connect(from: &ClusterFrom) -> Result<Option<Client>, SourceError> {
    let config = match from {
        ClusterFrom::Nowhere => None,
        ClusterFrom::Surroundings => surroundings().await?,
        ClusterFrom::Kubeconfig(path) => Some(named(path, None).await?),
        ClusterFrom::Context(Some(path), context) => Some(named(path, Some(context)).await?),
        ClusterFrom::Context(None, context) => Some(kubectls_context(context).await?),
    };
    config.map(client).transpose()
}

fn client(mut config: Config) -> Result<Client, SourceError> {
    // kube asks rustls for the provider of the process. Where somebody chose one already, that is it.
    let _ = ring::default_provider().install_default();
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let rejected =
        |error: kube::Error| problem(format!("cannot use the cluster's credentials: {error}"));
    Client::try_from(config).map_err(rejected)
}

async fn surroundings() -> Result<Option<Config>, SourceError> {
    match Config::incluster() {
        Ok(config) => return Ok(Some(config)),
        Err(error) if has_no_service_account(&error) => {}
        Err(error) => {
            return Err(problem(format!(
                "cannot use the pod's ServiceAccount: {error}"
            )));
        }
    }
    let Some(kubeconfig) = kubectls().map_err(|error| rejected(KUBECTLS, &error))? else {
        return Ok(None);
    };
    // An empty one, such as `/dev/null`, is a way of saying that there is none.
    if kubeconfig.current_context.is_none() && kubeconfig.clusters.is_empty() {
        return Ok(None);
    }
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    config.map(Some).map_err(|error| rejected(KUBECTLS, &error))
}

/// The kubeconfig that kubectl would read; one that `KUBECONFIG` names has to be there.
fn kubectls() -> Result<Option<Kubeconfig>, KubeconfigError> {
    if let Some(kubeconfig) = Kubeconfig::from_env()? {
        return Ok(Some(kubeconfig));
    }
    match Kubeconfig::read() {
        Ok(kubeconfig) => Ok(Some(kubeconfig)),
        Err(KubeconfigError::FindPath) => Ok(None),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The namespace of the pod that this process runs in; nothing where it runs in none.
pub fn own_namespace() -> Option<String> {
    let namespace = fs::read_to_string(NAMESPACE_FILE).ok()?;
    let namespace = namespace.trim();
    (!namespace.is_empty()).then(|| namespace.to_owned())
}

async fn named(path: &Path, context: Option<&str>) -> Result<Config, SourceError> {
    let which = path.display().to_string();
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| rejected(&which, &error))?;
    of_context(kubeconfig, &which, context).await
}

async fn kubectls_context(context: &str) -> Result<Config, SourceError> {
    let kubeconfig = kubectls().map_err(|error| rejected(KUBECTLS, &error))?;
    let kubeconfig = kubeconfig.ok_or_else(|| {
        problem(format!(
            "no kubeconfig that could have a context `{context}`: no KUBECONFIG and no ~/.kube/config"
        ))
    })?;
    of_context(kubeconfig, KUBECTLS, Some(context)).await
}

async fn of_context(
    kubeconfig: Kubeconfig,
    which: &str,
    context: Option<&str>,
) -> Result<Config, SourceError> {
    let contexts: Vec<&str> = kubeconfig.contexts.iter().map(|it| &*it.name).collect();
    if let Some(context) = context.filter(|context| !contexts.contains(context)) {
        let contexts = contexts.join(", ");
        return Err(problem(format!(
            "the kubeconfig `{which}` has no context `{context}`; it has: {contexts}"
        )));
    }
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| rejected(which, &error))
}

/// No pod, or one without a token: `automountServiceAccountToken: false`.
fn has_no_service_account(error: &InClusterError) -> bool {
    match error {
        InClusterError::ReadEnvironmentVariable(_) => true,
        InClusterError::ReadDefaultNamespace(error)
        | InClusterError::ReadCertificateBundle(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

fn rejected(which: &str, error: &KubeconfigError) -> SourceError {
    match error {
        KubeconfigError::ReadConfig(error, path) => SourceError::Unreadable {
            path: path.clone(),
            reason: error.to_string(),
        },
        error => problem(format!("cannot use the kubeconfig `{which}`: {error}")),
    }
}

fn problem(text: String) -> SourceError {
    SourceError::Rejected(vec![text])
}

/// Where the kubelet tells a pod with a `ServiceAccount` token its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// What messages call the default kubeconfig, which nobody named.
const KUBECTLS: &str = "KUBECONFIG or ~/.kube/config";

/// An API server that is there answers in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
