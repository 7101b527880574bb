//! `serve` from the first listener to the last answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::certificates::CertificateKeeper;
use crate::cli::{CertificateFrom, Failure, Settings};
use crate::leader::{Leader, LeaderTask};
use crate::live::{Auditor, ClusterWatch, Reload, RulebookFiles, TlsFiles, notes};
use crate::metrics::Metrics;
use crate::reports::ReportWriter;
use crate::server::{Admin, Lifecycle, Webhook};
use crate::sources::cluster::{Client, RoleReader};

use super::signals::Signals;
use super::{Ended, inputs};

/// A server that runs.
pub(super) struct Service {
    lifecycle: Arc<Lifecycle>,
    connections: TaskTracker,
    admin_lifecycle: Arc<Lifecycle>,
    admin_connections: TaskTracker,
    stop_reloading: CancellationToken,
    shutdown_delay: Duration,
    drain_timeout: Duration,
}

impl Service {
    /// Binds both addresses, reads every input, and only then serves.
    pub(super) async fn start(
        settings: Settings,
        log_lines_dropped: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Result<Self, Failure> {
        let webhook = bind(settings.listen, "webhook", "--listen").await?;
        let admin = bind(settings.admin_listen, "admin", "--admin-listen").await?;
        let metrics = Metrics::new()
            .map_err(|error| Failure::CouldNotRun(format!("cannot set up metrics: {error}")))?;
        let metrics = Arc::new(metrics);
        let cluster = inputs::cluster(&settings).await?;
        let service = Self::new(&settings);
        let leads = service.lead(&settings, cluster.as_ref(), &metrics);
        service.keep_certificates(&settings, cluster.as_ref(), leads.as_ref());
        let tasks = (&service.admin_connections, &service.stop_reloading);
        let tls = inputs::tls(&settings, &metrics, cluster.as_ref(), tasks).await?;
        let rulebook = inputs::rulebook(&settings, &metrics, cluster.as_ref(), tasks).await?;
        // Before anybody asks whether it is ready.
        service.watch(&settings, cluster.as_ref(), leads, &rulebook);
        service.serve_webhook(&settings, webhook, cluster, (&rulebook, &tls));
        service.serve_admin(&settings, admin, (&rulebook, &tls), log_lines_dropped);
        log_startup(&rulebook);
        service.reload(&settings, rulebook, tls);
        Ok(service)
    }

    fn new(settings: &Settings) -> Self {
        Self {
            lifecycle: Arc::default(),
            connections: TaskTracker::new(),
            admin_lifecycle: Arc::default(),
            admin_connections: TaskTracker::new(),
            stop_reloading: CancellationToken::new(),
            shutdown_delay: settings.shutdown_delay,
            drain_timeout: settings.drain_timeout,
        }
    }

    /// Takes part in the Lease, where there is something that only one replica does.
    fn lead(
        &self,
        settings: &Settings,
        cluster: Option<&Client>,
        metrics: &Arc<Metrics>,
    ) -> Option<watch::Receiver<bool>> {
        let namespace = inputs::lease_namespace(settings)?;
        let leader = Leader::new(
            cluster?.clone(),
            &namespace,
            LeaderTask {
                lease: "palette-rbac",
                does: "writes the reports of the audit and keeps the certificates, where it is to",
            },
            settings.lease_duration,
            Arc::clone(metrics) as _,
        );
        let leads = leader.leads();
        let stop = self.stop_reloading.clone();
        self.admin_connections.spawn(leader.run(stop));
        Some(leads)
    }

    fn keep_certificates(
        &self,
        settings: &Settings,
        cluster: Option<&Client>,
        leads: Option<&watch::Receiver<bool>>,
    ) {
        let CertificateFrom::Secret(name, registration) = &settings.certificate else {
            return;
        };
        // Without a cluster there is no certificate either, which is said where it is asked for.
        let (Some(client), Some(leads)) = (cluster, leads) else {
            return;
        };
        let names = settings
            .server_names
            .iter()
            .map(|name| name.to_str().into_owned());
        let keeper = CertificateKeeper::new(
            client,
            name.clone(),
            registration.clone(),
            names.collect(),
            leads.clone(),
        );
        let stop = self.stop_reloading.clone();
        self.admin_connections.spawn(keeper.run(stop));
    }

    fn watch(
        &self,
        settings: &Settings,
        cluster: Option<&Client>,
        leads: Option<watch::Receiver<bool>>,
        rulebook: &RulebookFiles,
    ) {
        let Some(client) = cluster else {
            warn!("no cluster: roles are judged by name only");
            return;
        };
        let live = &rulebook.live;
        let watch = ClusterWatch::new(Arc::clone(live));
        let stop = self.stop_reloading.clone();
        self.admin_connections
            .spawn(watch.run(client.clone(), stop.clone()));
        let auditor = Auditor::new(
            Arc::clone(live),
            client.clone(),
            Arc::clone(&rulebook.metrics),
            settings.audit_interval,
        );
        self.admin_connections.spawn(auditor.run(stop));
        self.report(settings, client, leads, rulebook);
    }

    fn report(
        &self,
        settings: &Settings,
        client: &Client,
        leads: Option<watch::Receiver<bool>>,
        rulebook: &RulebookFiles,
    ) {
        let Some(leads) = leads.filter(|_| inputs::report_namespace(settings).is_some()) else {
            info!("no reports of the audit are written: not asked for, or not in a pod");
            return;
        };
        let writer = ReportWriter::new(
            Arc::clone(&rulebook.live),
            client.clone(),
            Arc::clone(&rulebook.metrics),
            leads,
            settings.audit_interval,
        );
        let stop = self.stop_reloading.clone();
        self.admin_connections.spawn(writer.run(stop));
    }

    fn serve_webhook(
        &self,
        settings: &Settings,
        listener: TcpListener,
        cluster: Option<Client>,
        (rulebook, tls): (&RulebookFiles, &TlsFiles),
    ) {
        let webhook = Webhook {
            live: Arc::clone(&rulebook.live),
            roles: cluster.map(|client| Arc::new(RoleReader::new(client))),
            tls: Arc::clone(&tls.tls),
            metrics: Arc::clone(&rulebook.metrics),
            lifecycle: Arc::clone(&self.lifecycle),
            limits: settings.limits.clone(),
            lost_after: settings.cluster_lost_after,
            clock: Timestamp::now,
        };
        let connections = self.connections.clone();
        self.connections.spawn(webhook.serve(listener, connections));
    }

    fn serve_admin(
        &self,
        settings: &Settings,
        listener: TcpListener,
        (rulebook, tls): (&RulebookFiles, &TlsFiles),
        log_lines_dropped: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) {
        let admin = Admin {
            live: Arc::clone(&rulebook.live),
            tls: Arc::clone(&tls.tls),
            metrics: Arc::clone(&rulebook.metrics),
            lifecycle: Arc::clone(&self.lifecycle),
            log_lines_dropped,
        };
        let connections = self.admin_connections.clone();
        let (limits, own) = (settings.limits.clone(), Arc::clone(&self.admin_lifecycle));
        self.admin_connections
            .spawn(async move { admin.serve(listener, connections, &limits, own).await });
    }

    fn reload(&self, settings: &Settings, rulebook: RulebookFiles, tls: TlsFiles) {
        let every = settings.reload_interval;
        let stop = || self.stop_reloading.clone();
        self.admin_connections.spawn(rulebook.run(every, stop()));
        self.admin_connections.spawn(tls.run(every, stop()));
    }

    /// Serves until a signal, and ends in order; a second signal ends it at once.
    pub(super) async fn run_until_signal(self, signals: &mut Signals) -> Ended {
        let signal = signals.next().await;
        info!(signal, "shutting down");
        tokio::select! {
            () = self.end() => Ended::Drained,
            signal = signals.next() => {
                warn!(signal, "second signal: connections are cut");
                Ended::Aborted
            }
        }
    }

    async fn end(&self) {
        self.lifecycle.leave();
        sleep(self.shutdown_delay).await;
        self.lifecycle.drain();
        self.connections.close();
        if timeout(self.drain_timeout, self.connections.wait())
            .await
            .is_err()
        {
            let left = self.connections.len();
            warn!(connections = left, "drain timeout: connections are cut");
        }
        self.stop_reloading.cancel();
        self.admin_lifecycle.drain();
        self.admin_connections.close();
        // A scrape or a look at the files; nothing is lost with it.
        let _ = timeout(ADMIN_DRAIN_TIMEOUT, self.admin_connections.wait()).await;
        info!("ended");
    }
}

pub(super) async fn bind(
    address: SocketAddr,
    endpoint: &str,
    flag: &str,
) -> Result<TcpListener, Failure> {
    let failed =
        |error| Failure::CouldNotRun(format!("cannot listen on {address} ({flag}): {error}"));
    // SO_REUSEADDR is set by tokio, so that a restart does not wait for old connections.
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    info!(endpoint, %address, "listening");
    Ok(listener)
}

fn log_startup(rulebook: &RulebookFiles) {
    for note in notes(&rulebook.live.current().rulebook) {
        warn!(note, "cluster");
    }
    let counts = rulebook.directory.counts();
    info!(
        revision = &*rulebook.policy.revision,
        users = counts.users,
        teams = counts.teams,
        "serving"
    );
}

/// How long scrapes and probes may take to finish once the webhook has drained.
const ADMIN_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
