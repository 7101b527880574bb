//! `sync` from the first request to the last.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::fault;
use super::logging::{self, Log};
use super::signals::Signals;
use crate::cli::{
    Exit, Failure, HubSettings, Output as Printer, SyncArgs, SyncSettings, broken_bindings,
    print_preview,
};
use crate::leader::{Leader, LeaderTask};
use crate::live::{CertificateSource, Reload, Tls, TlsFiles, TlsOptions, TlsVersion};
use crate::metrics::SyncMetrics;
use crate::policy::Policy;
use crate::server::{Hub, HubClients, Lifecycle, SyncAdmin};
use crate::sources::cluster::{connect, own_namespace};
use crate::sources::palette::PaletteClient;
use crate::sources::{CertificateRequirements, ClientTrust, ServingCertificate, Watched};
use crate::sync::{Keeper, Kept, Output, OutputName, Syncer};

/// Does what the arguments say.
pub(super) fn sync(arguments: &SyncArgs) -> Result<ExitCode, Failure> {
    let settings = arguments.resolve()?;
    let log = logging::start(arguments.log());
    fault::told_in_the_log();
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::CouldNotRun(format!("cannot start threads: {error}")))?;
    let done = runtime.block_on(async {
        if settings.dry_run {
            return dry_run(&settings, arguments.policy().read()?.policy).await;
        }
        if settings.once {
            return once(settings).await;
        }
        run(settings).await
    });
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    drop::<Log>(log);
    done.map(ExitCode::from)
}

/// One sync, and no more.
async fn once(settings: SyncSettings) -> Result<Exit, Failure> {
    let mut syncer = syncer(&settings, &[]).await?;
    match syncer.once().await {
        Ok(Kept::Written(_) | Kept::Unchanged) => Ok(Exit::Success),
        Ok(Kept::Held(change, digest)) => Err(Failure::CouldNotRun(format!(
            "held back: {} of {} who hold something would lose something, or it is another tenant; nothing was \
             written. `--accept-loss {digest}` takes this snapshot",
            change.losses.len(),
            change.holders
        ))),
        Err(error) => Err(Failure::CouldNotRun(error.to_string())),
    }
}

/// What one sync would change.
async fn dry_run(settings: &SyncSettings, policy: Arc<Policy>) -> Result<Exit, Failure> {
    let mut syncer = syncer(settings, &[]).await?;
    let (joined, change) = syncer
        .preview()
        .await
        .map_err(|error| Failure::CouldNotRun(error.to_string()))?;
    let before = syncer.keeper.before(&joined.snapshot);
    let broken = match &syncer.cluster {
        Some(client) => Some(broken_bindings(client, &policy, &before, &joined.snapshot).await?),
        None => None,
    };
    let mut output = Printer::standard();
    print_preview(&mut output, &joined, &change, broken)?;
    output.flush()?;
    Ok(Exit::Success)
}

async fn run(settings: SyncSettings) -> Result<Exit, Failure> {
    let listening = Listening::bind(&settings).await?;
    let mut signals = Signals::listen()
        .map_err(|error| Failure::CouldNotRun(format!("cannot handle signals: {error}")))?;
    let (clients, problems) = hub_clients(&settings)?;
    for problem in problems {
        warn!(problem, "hub");
    }
    let of_hub = clients.clusters();
    let mut syncer = syncer(&settings, &of_hub).await?;
    let (stop, tracker, lifecycle) = (CancellationToken::new(), TaskTracker::new(), Arc::default());
    if let Some((hub, listener)) = settings.hub.as_ref().zip(listening.hub) {
        let clients = Arc::new(ArcSwap::from_pointee(clients));
        serve_hub(
            hub,
            listener,
            &syncer,
            &clients,
            (&lifecycle, &tracker, &stop),
        )?;
        let (fleet, changes) = watch::channel(of_hub);
        syncer.fleet = Some(changes);
        let named = settings.options.clusters.clone();
        let follow = follow_tokens((hub.tokens.clone(), named), clients, fleet, stop.clone());
        tracker.spawn(follow);
    }
    let admin = SyncAdmin {
        metrics: Arc::clone(&syncer.metrics),
        lifecycle: Arc::clone(&lifecycle),
    };
    tracker.spawn(admin.serve(listening.admin, tracker.clone()));
    lead(&settings, &mut syncer, &tracker, &stop).await?;
    tracker.spawn(on_hangup(Arc::clone(&syncer.now), stop.clone()));
    info!("syncing");
    tracker.spawn(syncer.run(stop.clone()));
    let signal = signals.next().await;
    info!(signal, "ending");
    stop.cancel();
    lifecycle.leave();
    lifecycle.drain();
    tracker.close();
    // A reading that is under way is lost, and nothing with it.
    let _ = timeout(DRAIN, tracker.wait()).await;
    Ok(Exit::Success)
}

/// The ports, before anything is read.
struct Listening {
    admin: TcpListener,
    hub: Option<TcpListener>,
}

impl Listening {
    async fn bind(settings: &SyncSettings) -> Result<Self, Failure> {
        Ok(Self {
            admin: super::service::bind(settings.admin_listen, "admin", "--admin-listen").await?,
            hub: match &settings.hub {
                Some(hub) => Some(super::service::bind(hub.listen, "hub", "--listen").await?),
                None => None,
            },
        })
    }
}

/// Everything but what runs beside it.
async fn syncer(settings: &SyncSettings, of_hub: &[String]) -> Result<Syncer, Failure> {
    let metrics = SyncMetrics::new()
        .map_err(|error| Failure::CouldNotRun(format!("cannot set up metrics: {error}")))?;
    let metrics = Arc::new(metrics);
    let counted = Arc::clone(&metrics);
    let observed = Arc::new(move |endpoint, result| counted.request(endpoint, result));
    let palette = PaletteClient::new(settings.palette.clone(), observed)?;
    let mut options = settings.options.clone();
    options.clusters.extend(of_hub.iter().cloned());
    options.clusters.sort();
    options.clusters.dedup();
    let needs_cluster = settings
        .to
        .iter()
        .any(|to| matches!(to, OutputName::Secret(_)));
    let client = match connect(&settings.cluster).await {
        Ok(client) => client,
        // What it is for can be done without one.
        Err(_) if !needs_cluster => None,
        Err(error) => return Err(error.into()),
    };
    let outputs = || {
        let outputs = settings
            .to
            .iter()
            .map(|to| Output::new(to, client.as_ref()));
        let outputs: Result<Vec<Output>, _> = outputs.collect();
        outputs.map_err(|error| Failure::CouldNotRun(error.to_string()))
    };
    Ok(Syncer {
        palette,
        keeper: Keeper::new(
            outputs()?,
            settings.max_loss,
            settings.accept_loss.clone(),
            Arc::clone(&metrics),
        ),
        outputs: outputs()?,
        // One cluster's snapshot beside that cluster.
        cluster: client.clone().filter(|_| options.clusters.len() == 1),
        options,
        metrics,
        fleet: None,
        now: Arc::default(),
        leads: None,
    })
}

/// Takes part in the Lease where a Secret is written, which others may write too.
async fn lead(
    settings: &SyncSettings,
    syncer: &mut Syncer,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let is_shared = settings
        .to
        .iter()
        .any(|to| matches!(to, OutputName::Secret(_)));
    let namespace = settings.lease_namespace.clone().or_else(own_namespace);
    let client = connect(&settings.cluster).await.ok().flatten();
    let (true, Some(namespace), Some(client)) = (is_shared, namespace, client) else {
        return Ok(());
    };
    let task = LeaderTask {
        lease: "palette-rbac-sync",
        does: "reads Palette",
    };
    let metrics = Arc::clone(&syncer.metrics);
    let leader = Leader::new(client, &namespace, task, settings.lease_duration, metrics);
    syncer.leads = Some(leader.leads());
    tracker.spawn(leader.run(stop.clone()));
    Ok(())
}

fn hub_clients(settings: &SyncSettings) -> Result<(HubClients, Vec<String>), Failure> {
    let tokens = settings.hub.as_ref().and_then(|hub| hub.tokens.as_deref());
    HubClients::read(tokens, &settings.options.clusters).map_err(Failure::CouldNotRun)
}

/// Looks at the folder of tokens again and again.
async fn follow_tokens(
    (folder, named): (Option<std::path::PathBuf>, Vec<String>),
    clients: Arc<ArcSwap<HubClients>>,
    fleet: watch::Sender<Vec<String>>,
    stop: CancellationToken,
) {
    let mut told = Vec::new();
    while stop.run_until_cancelled(sleep(TOKENS)).await.is_some() {
        match HubClients::read(folder.as_deref(), &named) {
            Ok((read, problems)) => {
                for problem in problems.iter().filter(|problem| !told.contains(*problem)) {
                    warn!(problem, "hub");
                }
                told = problems;
                let clusters = read.clusters();
                fleet.send_if_modified(|known| {
                    let is_other = *known != clusters;
                    known.clone_from(&clusters);
                    is_other
                });
                clients.store(Arc::new(read));
            }
            Err(error) => warn!(error, "the last tokens stay"),
        }
    }
}

fn serve_hub(
    settings: &HubSettings,
    listener: TcpListener,
    syncer: &Syncer,
    clients: &Arc<ArcSwap<HubClients>>,
    (lifecycle, tracker, stop): (&Arc<Lifecycle>, &TaskTracker, &CancellationToken),
) -> Result<(), Failure> {
    let provider = Arc::new(ring::default_provider());
    let rules = CertificateRequirements {
        server_names: Vec::new(),
        provider: Arc::clone(&provider),
    };
    let (certificate, key) = (settings.certificate.clone(), settings.key.clone());
    let mut certificate_files = ServingCertificate::watched(certificate, key, rules);
    let certificate = certificate_files.load()?;
    let mut client_ca_file = settings.client_ca.clone().map(ClientTrust::watched);
    let trust = client_ca_file.as_mut().map(Watched::load).transpose()?;
    let options = TlsOptions {
        min_version: TlsVersion::V1_3,
        client_names: Vec::new(),
        may_be_nobody: settings.tokens.is_some(),
        provider,
    };
    let tls = Tls::new(&certificate, trust.as_ref(), options)
        .map_err(|error| Failure::BadInput(vec![format!("cannot use the certificate: {error}")]))?;
    let tls = Arc::new(tls);
    let hub = Hub {
        published: syncer.keeper.published(),
        tls: Arc::clone(&tls),
        clients: Arc::clone(clients),
        lifecycle: Arc::clone(lifecycle),
        metrics: Arc::clone(&syncer.metrics),
    };
    tracker.spawn(hub.serve(listener, tracker.clone()));
    let files = TlsFiles {
        certificate_from: CertificateSource::Files(certificate_files),
        client_ca_file,
        certificate,
        clients: trust,
        tls,
        metrics: Arc::clone(&syncer.metrics) as _,
    };
    tracker.spawn(files.run(CERTIFICATES, stop.clone()));
    Ok(())
}

/// SIGHUP asks for a sync at once.
async fn on_hangup(now: Arc<Notify>, stop: CancellationToken) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return warn!("SIGHUP cannot be handled");
    };
    while stop
        .run_until_cancelled(hangup.recv())
        .await
        .flatten()
        .is_some()
    {
        info!("SIGHUP: Palette is read now");
        now.notify_one();
    }
}

const BLOCKING_TIMEOUT: Duration = Duration::from_millis(500);
const DRAIN: Duration = Duration::from_secs(2);
const CERTIFICATES: Duration = Duration::from_secs(1);
const TOKENS: Duration = Duration::from_secs(10);
