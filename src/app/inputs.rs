//! What `serve` reads before it begins: policy, directory, certificate, the client of the API server.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::crypto::{CryptoProvider, ring};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::certificates::certificates_of;
use crate::cli::{CertificateFrom, DirectoryFrom, Failure, Settings};
use crate::live::{
    CertificateSource, Deliveries, DirectorySource, FirstDirectory, Follower, Live, RulebookFiles,
    Tls, TlsFiles, TlsOptions, notes,
};
use crate::metrics::Metrics;
use crate::rulebook::Rulebook;
use crate::sources::cluster::{Client, ClusterFrom, SecretWatch, connect, own_namespace};
use crate::sources::snapshots::{SecretName, SnapshotCache, follow_hub, follow_secret};
use crate::sources::{
    CertificateRequirements, ClientTrust, DevelopmentCertificates, DirectoryRead, PolicyRead,
    ServingCertificate, SourceError, Watched,
};

/// A client of the cluster's API server, if there is a cluster. Nothing is asked of it yet.
pub(super) async fn cluster(settings: &Settings) -> Result<Option<Client>, Failure> {
    connect(&settings.cluster).await.map_err(|error| {
        let way_out = "`--cluster off` judges roles by name, without a cluster";
        match Failure::from(error) {
            Failure::BadInput(mut problems) => {
                problems.push(way_out.to_owned());
                Failure::BadInput(problems)
            }
            Failure::CouldNotRun(problem) => Failure::CouldNotRun(format!("{problem}\n{way_out}")),
        }
    })
}

/// Where replicas agree on who writes reports; nothing where none are to be written.
///
/// Never by default outside a pod: who tries the webhook out at a cluster must not write over its reports.
pub(super) fn report_namespace(settings: &Settings) -> Option<String> {
    if !settings.writes_reports {
        return None;
    }
    let own = || match settings.cluster {
        ClusterFrom::Surroundings => own_namespace(),
        ClusterFrom::Kubeconfig(_) | ClusterFrom::Context(..) | ClusterFrom::Nowhere => None,
    };
    settings.lease_namespace.clone().or_else(own)
}

/// Where replicas agree on who leads; nothing where there is nothing that only one does.
pub(super) fn lease_namespace(settings: &Settings) -> Option<String> {
    let of_certificates = match &settings.certificate {
        CertificateFrom::Secret(name, _) => {
            let named = settings.lease_namespace.clone();
            Some(named.unwrap_or_else(|| name.namespace.clone()))
        }
        CertificateFrom::Files { .. } | CertificateFrom::Made => None,
    };
    report_namespace(settings).or(of_certificates)
}

/// Reads policy and directory for the first time.
///
/// A directory that is followed may come later: until then the webhook is not ready.
pub(super) async fn rulebook(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    cluster: Option<&Client>,
    (tracker, stop): (&TaskTracker, &CancellationToken),
) -> Result<RulebookFiles, Failure> {
    let (policy_file, policy) = policy(settings)?;
    let (directory_from, directory) = directory(settings, cluster, (tracker, stop)).await?;
    let now = Timestamp::now();
    let (directory, read_at) = match directory {
        FirstDirectory::Delivered(read) => (read, Some(now)),
        FirstDirectory::Kept(read) => {
            let as_of = read.directory.as_of();
            (read, as_of)
        }
        FirstDirectory::Nothing => {
            let (directory, warnings) = (Arc::default(), Vec::new());
            (
                DirectoryRead {
                    directory,
                    warnings,
                },
                None,
            )
        }
    };
    for problem in policy.warnings.iter().chain(&directory.warnings) {
        warn!(problem, "input");
    }
    let (policy, directory) = (policy.policy, directory.directory);
    let (rulebook, problems) = Rulebook::pair(Arc::clone(&policy), Arc::clone(&directory));
    // A role that nobody knows may come with the directory.
    if read_at.is_some() && !problems.is_empty() {
        let problems = problems.iter().map(|problem| format!("policy: {problem}"));
        return Err(Failure::BadInput(problems.collect()));
    }
    Ok(RulebookFiles {
        policy_file,
        waiting_policy: None,
        directory_from,
        policy,
        directory,
        // What was kept is no reading of today.
        failing_since: (read_at != Some(now)).then_some(now),
        notes: notes(&rulebook).collect(),
        live: Arc::new(match read_at {
            Some(read_at) => Live::new(rulebook, metrics, read_at),
            None => Live::without_directory(rulebook, metrics, now),
        }),
        metrics: Arc::clone(metrics),
    })
}

fn policy(settings: &Settings) -> Result<(Option<Watched<PolicyRead>>, PolicyRead), Failure> {
    let cluster = &settings.overrides;
    let Some(path) = settings.policy.clone() else {
        return Ok((None, PolicyRead::embedded(cluster)));
    };
    let mut file = PolicyRead::watched(path, cluster.clone());
    let read = file.load()?;
    Ok((Some(file), read))
}

async fn directory(
    settings: &Settings,
    cluster: Option<&Client>,
    (tracker, stop): (&TaskTracker, &CancellationToken),
) -> Result<(DirectorySource, FirstDirectory), Failure> {
    let limit = settings.max_directory_bytes;
    let cache = settings.directory_cache.clone().map(SnapshotCache::new);
    let (sender, receiver) = mpsc::channel(1);
    let stop = stop.clone();
    let mut follower = match &settings.directory {
        DirectoryFrom::File(path) => {
            let mut file = DirectoryRead::watched(path.clone(), limit);
            let read = file.load()?;
            return Ok((DirectorySource::File(file), FirstDirectory::Delivered(read)));
        }
        DirectoryFrom::Sample => {
            let read = DirectoryRead::sample().map_err(Failure::BadInput)?;
            return Ok((DirectorySource::Fixed, FirstDirectory::Delivered(read)));
        }
        DirectoryFrom::Secret(name) => {
            let no_cluster = || {
                let problem =
                    format!("{name} needs a cluster, and there is none: --kubeconfig names one");
                Failure::BadInput(vec![problem])
            };
            let client = cluster.ok_or_else(no_cluster)?.clone();
            let (what, name) = (name.to_string(), name.clone());
            tracker.spawn(async move {
                let follow = follow_secret(client, name, limit, sender);
                stop.run_until_cancelled(follow).await;
            });
            Follower::new(what, limit, receiver, cache)
        }
        DirectoryFrom::Hub(url) => {
            let options = settings.hub.clone();
            tracker.spawn(async move {
                if let Some(options) = options {
                    stop.run_until_cancelled(follow_hub(options, sender)).await;
                }
            });
            Follower::new(url.clone(), limit, receiver, cache)
        }
    };
    let first = follower.first().await;
    Ok((DirectorySource::Followed(follower), first))
}

/// Reads the certificate and the clients' CA for the first time.
pub(super) async fn tls(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    cluster: Option<&Client>,
    tasks: (&TaskTracker, &CancellationToken),
) -> Result<TlsFiles, Failure> {
    let provider = Arc::new(ring::default_provider());
    let (certificate_from, certificate) = certificate(settings, &provider, cluster, tasks).await?;
    let mut client_ca_file = settings.client_ca.clone().map(ClientTrust::watched);
    let clients = client_ca_file.as_mut().map(Watched::load).transpose()?;
    let rules = TlsOptions {
        min_version: settings.tls_min_version,
        client_names: settings.client_names.clone(),
        may_be_nobody: false,
        provider,
    };
    let tls = Tls::new(&certificate, clients.as_ref(), rules)
        .map_err(|error| Failure::BadInput(vec![format!("cannot use the certificate: {error}")]))?;
    Ok(TlsFiles {
        certificate_from,
        client_ca_file,
        certificate,
        clients,
        tls: Arc::new(tls),
        metrics: Arc::clone(metrics) as _,
    })
}

async fn certificate(
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
    cluster: Option<&Client>,
    (tracker, stop): (&TaskTracker, &CancellationToken),
) -> Result<(CertificateSource, ServingCertificate), Failure> {
    let rules = CertificateRequirements {
        server_names: settings.server_names.clone(),
        provider: Arc::clone(provider),
    };
    match &settings.certificate {
        CertificateFrom::Files { certificate, key } => {
            let mut files = ServingCertificate::watched(certificate.clone(), key.clone(), rules);
            let certificate = files.load()?;
            Ok((CertificateSource::Files(files), certificate))
        }
        CertificateFrom::Made => Ok((CertificateSource::Fixed, made(settings, &rules)?)),
        CertificateFrom::Secret(name, _) => {
            let no_cluster = || {
                let problem =
                    "--tls-secret needs a cluster, and there is none: --kubeconfig names one";
                Failure::BadInput(vec![problem.to_owned()])
            };
            let watch =
                SecretWatch::new(cluster.ok_or_else(no_cluster)?, &name.namespace, &name.name);
            let (sender, receiver) = mpsc::channel(1);
            let stop = stop.clone();
            tracker.spawn(async move {
                stop.run_until_cancelled(follow_certificate(watch, rules, sender))
                    .await;
            });
            let mut deliveries = Deliveries::new(receiver);
            let first = first_certificate(&mut deliveries, name).await?;
            Ok((CertificateSource::Followed(deliveries), first))
        }
    }
}

/// Waits for the certificate that the replica that leads makes, which may be this one.
async fn first_certificate(
    deliveries: &mut Deliveries<ServingCertificate>,
    name: &SecretName,
) -> Result<ServingCertificate, Failure> {
    let mut problem = "none is there".to_owned();
    let waited = timeout(FIRST_CERTIFICATE, async {
        loop {
            deliveries.wait().await;
            match deliveries.latest() {
                Some(Ok(certificate)) => return certificate,
                Some(Err(error)) => problem = error.to_string(),
                None => {}
            }
        }
    });
    let waited = waited.await;
    waited.map_err(|_| {
        Failure::CouldNotRun(format!(
            "{name} has no certificate to serve with (--tls-secret): {problem}"
        ))
    })
}

/// Delivers each certificate that the Secret has, and each reason why it has none.
async fn follow_certificate(
    mut watch: SecretWatch,
    rules: CertificateRequirements,
    listener: mpsc::Sender<Result<ServingCertificate, SourceError>>,
) {
    let mut known: Option<Result<(String, String), SourceError>> = None;
    loop {
        let read = match watch.next().await {
            Ok(Some(secret)) => certificates_of(&secret).ok_or("the Secret has no certificate yet"),
            Ok(None) => Err("there is no Secret yet"),
            Err(reason) => {
                warn!(
                    reason,
                    "the Secret of the certificate cannot be read; what is served stays"
                );
                continue;
            }
        };
        let read = read.map_err(|reason| SourceError::Rejected(vec![reason.to_owned()]));
        if known.as_ref() == Some(&read) {
            continue;
        }
        known = Some(read.clone());
        let made = read.and_then(|(certificate, key)| {
            let made = ServingCertificate::from_pem(&certificate, &key, &rules, Timestamp::now());
            made.map_err(|problem| SourceError::Rejected(vec![problem.to_string()]))
        });
        if made.is_err() {
            watch.failed();
        }
        if listener.send(made).await.is_err() {
            return;
        }
    }
}

/// A certificate for the names asked for and for this machine.
fn made(
    settings: &Settings,
    rules: &CertificateRequirements,
) -> Result<ServingCertificate, Failure> {
    let asked = settings
        .server_names
        .iter()
        .map(|name| name.to_str().into_owned());
    let names: Vec<String> = asked.chain(LOCAL_NAMES.map(String::from)).collect();
    let now = Timestamp::now();
    let failed =
        |error: String| Failure::CouldNotRun(format!("cannot make a certificate: {error}"));
    let made = DevelopmentCertificates::make(&names, THROW_AWAY_DAYS, now)
        .map_err(|error| failed(error.to_string()))?;
    ServingCertificate::from_pem(&made.leaf.certificate, &made.leaf.key, rules, now)
        .map_err(|problem| failed(problem.to_string()))
}

/// A Lease is to be had within its duration, and a CA announced within seconds.
const FIRST_CERTIFICATE: Duration = Duration::from_mins(1);

const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// It lives as long as the process, which nobody tries out for a month.
const THROW_AWAY_DAYS: u16 = 30;
