//! `serve`: its flags, and what they amount to.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use rustls_pki_types::ServerName;
use tracing::level_filters::LevelFilter;

use super::inputs::{DirectoryArgs, PolicyArgs};
use super::{ClusterArgs, Failure};
use crate::live::TlsVersion;
use crate::policy::ClusterOverride;
use crate::server::{Limits, duration};
use crate::sources::cluster::ClusterFrom;
use crate::sources::snapshots::{HubOptions, SecretName};

/// Answer the API server's questions about role bindings
///
/// Answers the API server over HTTPS at `/validate`, and probes and Prometheus at `/healthz`, `/readyz` and `/metrics`
/// of the admin address.
///
/// Certificate, key, client CA, policy and directory are read again when their content changes; one that has mistakes
/// is kept out, and the last good one stays.
///
/// Where there is an API server to ask, the cluster's roles and bindings are watched: a role is judged by what it can do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Try it out: a certificate made for this run, the embedded policy, a sample directory, 127.0.0.1, no delay
    #[arg(long, env = "PALETTE_RBAC_DEV")]
    dev: bool,

    /// Where the API server's requests are answered [default: 0.0.0.0:8443, with --dev 127.0.0.1:8443]
    #[arg(long, value_name = "ADDRESS", env = "PALETTE_RBAC_LISTEN")]
    listen: Option<SocketAddr>,

    /// Where probes and scrapes are answered, without TLS [default: 0.0.0.0:8080, with --dev 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "PALETTE_RBAC_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,

    #[command(flatten)]
    tls: TlsArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    #[command(flatten)]
    directory: DirectoryArgs,

    #[command(flatten)]
    follow: FollowArgs,

    #[command(flatten)]
    api_server: ApiServerArgs,

    #[command(flatten)]
    reports: ReportArgs,

    /// How often the files are looked at
    ///
    /// The kubelet takes up to a minute to bring a changed Secret or `ConfigMap` to a pod.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_RELOAD_INTERVAL", default_value = "1s", value_parser = duration)]
    reload_interval: Duration,

    #[command(flatten)]
    limits: Limits,

    #[command(flatten)]
    shutdown: ShutdownArgs,

    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
struct TlsArgs {
    /// The serving certificate and what leads to its CA, PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "PALETTE_RBAC_TLS_CERT",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,

    /// The key of the certificate, PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "PALETTE_RBAC_TLS_KEY",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,

    /// Keeps a CA and a serving certificate of its own in this Secret, NAMESPACE/NAME, and the CA in the registration
    ///
    /// Nobody else has to make or renew them: the replica that leads does, and all serve what the Secret has.
    #[arg(
        long,
        value_name = "SECRET",
        env = "PALETTE_RBAC_TLS_SECRET",
        conflicts_with = "tls_cert"
    )]
    tls_secret: Option<SecretName>,

    /// The `ValidatingWebhookConfiguration` that calls this webhook, for --tls-secret
    #[arg(
        long,
        value_name = "NAME",
        env = "PALETTE_RBAC_REGISTRATION",
        default_value = "palette-rbac"
    )]
    registration: String,

    /// The oldest version of TLS that is spoken
    #[arg(
        long,
        value_name = "VERSION",
        env = "PALETTE_RBAC_TLS_MIN_VERSION",
        default_value = "1.3"
    )]
    tls_min_version: TlsVersion,

    /// A name that the certificate must be for; may be given several times
    ///
    /// The API server calls a Service as NAME.NAMESPACE.svc and refuses a certificate without that name.
    #[arg(
        long = "server-name",
        value_name = "NAME",
        env = "PALETTE_RBAC_SERVER_NAME",
        value_delimiter = ',',
        value_parser = server_name,
        default_value = "palette-rbac.palette-rbac.svc"
    )]
    server_names: Vec<ServerName<'static>>,

    /// CAs whose client certificates are let in, PEM; without it, clients need none
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_CLIENT_CA")]
    client_ca: Option<PathBuf>,

    /// A name of which a client certificate must have one, as common name or alternative name; may be given several times
    #[arg(
        long = "client-name",
        value_name = "NAME",
        env = "PALETTE_RBAC_CLIENT_NAME",
        value_delimiter = ',',
        requires = "client_ca"
    )]
    client_names: Vec<String>,
}

/// How a directory is followed that is no file.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Policy and directory")]
#[expect(clippy::struct_field_names, reason = "they are called as their flags")]
struct FollowArgs {
    /// Keeps the last good directory of `secret:` or `https:` here, so that a replica that starts without it goes on
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_DIRECTORY_CACHE")]
    directory_cache: Option<PathBuf>,

    /// The file of this cluster's token for `https:`, read for each request
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_DIRECTORY_TOKEN_FILE")]
    directory_token_file: Option<PathBuf>,

    /// The client certificate for `https:` and its key, in one PEM file, read for each request
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_DIRECTORY_IDENTITY")]
    directory_identity: Option<PathBuf>,

    /// CAs of the hub of `https:`, PEM, instead of the system's
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_DIRECTORY_CA")]
    directory_ca: Option<PathBuf>,

    /// How often the hub of `https:` is asked whether there is something new
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_DIRECTORY_INTERVAL", default_value = "10s", value_parser = duration)]
    directory_interval: Duration,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "API server")]
struct ApiServerArgs {
    /// Whether the cluster's roles and bindings are watched [default: auto, with --dev off]
    ///
    /// Without them roles are judged by their names only.
    #[arg(long, value_name = "WHETHER", env = "PALETTE_RBAC_CLUSTER")]
    cluster: Option<ClusterMode>,

    /// How the API server is reached [default: the token of the pod, or else what kubectl would take]
    ///
    /// kubectl takes what `KUBECONFIG` names, or `~/.kube/config`. Without any of them there is no cluster to ask.
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,

    /// How long the cluster may be out of reach before the last view of it counts for nothing
    ///
    /// From then on a role whose binding is judged by what it can do is read from the API server for each, and a binding
    /// whose role cannot be read is refused.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_CLUSTER_LOST_AFTER", default_value = "2m", value_parser = duration)]
    cluster_lost_after: Duration,

    /// How often every binding of the cluster is judged again
    ///
    /// That is done within a second of a change too; without one, exemptions expire and directories grow stale.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_AUDIT_INTERVAL", default_value = "5m", value_parser = duration)]
    audit_interval: Duration,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reports")]
struct ReportArgs {
    /// Whether what the audit finds is written into the cluster as reports
    ///
    /// That needs the kinds of `OpenReports` (openreports.io) or of `PolicyReports` (wgpolicyk8s.io) in the cluster.
    /// Whoever may read reports reads the names of subjects there.
    #[arg(
        long,
        value_name = "WHETHER",
        env = "PALETTE_RBAC_REPORTS",
        default_value = "auto"
    )]
    reports: ReportMode,

    /// The namespace of the Lease by which replicas agree which of them writes reports [default: the pod's own]
    ///
    /// Outside a pod, without it, no reports are written.
    #[arg(
        long,
        value_name = "NAME",
        env = "PALETTE_RBAC_LEASE_NAMESPACE",
        value_parser = NonEmptyStringValueParser::new()
    )]
    lease_namespace: Option<String>,

    /// How long the others wait for a replica that is gone before one of them writes reports; whole seconds
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_LEASE_DURATION", default_value = "15s", value_parser = duration)]
    lease_duration: Duration,
}

/// Whether reports are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReportMode {
    /// If the cluster has a kind for them
    Auto,
    /// No
    Off,
}

/// Whether there is a cluster to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ClusterMode {
    /// If there is one
    Auto,
    /// No: roles are judged by name
    Off,
}

impl ApiServerArgs {
    fn from(&self, dev: bool) -> Result<ClusterFrom, &'static str> {
        match (self.cluster, &self.kubeconfig) {
            (Some(ClusterMode::Off), Some(_)) => {
                Err("--cluster off asks no API server: --kubeconfig has no use")
            }
            (_, Some(path)) => Ok(ClusterFrom::Kubeconfig(path.clone())),
            (Some(ClusterMode::Off), None) => Ok(ClusterFrom::Nowhere),
            (None, None) if dev => Ok(ClusterFrom::Nowhere),
            (Some(ClusterMode::Auto) | None, None) => Ok(ClusterFrom::Surroundings),
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Shutdown")]
struct ShutdownArgs {
    /// How long requests are welcome after SIGTERM, while clients learn that it is not ready [default: 5s, with --dev 0s]
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_SHUTDOWN_DELAY", value_parser = duration)]
    shutdown_delay: Option<Duration>,

    /// How long requests that were begun may take after that
    ///
    /// With the delay it must stay below the pod's terminationGracePeriodSeconds.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_DRAIN_TIMEOUT", default_value = "10s", value_parser = duration)]
    drain_timeout: Duration,
}

/// What is logged, to stderr.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// How log lines are written
    #[arg(long, env = "PALETTE_RBAC_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged: off, error, warn, info (a line for each review), debug or trace
    #[arg(
        long,
        value_name = "LEVEL",
        env = "PALETTE_RBAC_LOG_LEVEL",
        default_value = "info"
    )]
    pub log_level: LevelFilter,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the directory comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryFrom {
    /// A file.
    File(PathBuf),
    /// The Secrets that `sync` writes.
    Secret(SecretName),
    /// The hub of a fleet.
    Hub(String),
    /// The sample in the binary.
    Sample,
}

impl FromStr for DirectoryFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(secret) = text.strip_prefix("secret:") {
            return secret.parse().map(Self::Secret);
        }
        if text.starts_with("https://") {
            return Ok(Self::Hub(text.to_owned()));
        }
        if text.starts_with("http://") {
            return Err("who holds what is told over https:// only".to_owned());
        }
        match text.strip_prefix("file:").unwrap_or(text) {
            "" => Err("the path is empty".to_owned()),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// Where the serving certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFrom {
    /// Files.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// Made for this run.
    Made,
    /// Kept in a Secret by the replica that leads, for this registration.
    Secret(SecretName, String),
}

/// What `serve` was told, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where reviews are answered.
    pub listen: SocketAddr,
    /// Where probes are answered.
    pub admin_listen: SocketAddr,
    /// The serving certificate.
    pub certificate: CertificateFrom,
    /// The oldest version of TLS.
    pub tls_min_version: TlsVersion,
    /// Names that the certificate must have.
    pub server_names: Vec<ServerName<'static>>,
    /// The CA of clients.
    pub client_ca: Option<PathBuf>,
    /// Names of clients that are let in; empty: all of the CA.
    pub client_names: Vec<String>,
    /// The policy file; none: the embedded policy.
    pub policy: Option<PathBuf>,
    /// What flags say over the policy.
    pub overrides: ClusterOverride,
    /// The API server.
    pub cluster: ClusterFrom,
    /// How long it may be out of reach before the last view counts for nothing.
    pub cluster_lost_after: Duration,
    /// How often its bindings are judged.
    pub audit_interval: Duration,
    /// Whether what is found may be written into the cluster.
    pub writes_reports: bool,
    /// Where the Lease is by which replicas agree who writes; none: where the pod is.
    pub lease_namespace: Option<String>,
    /// How long the Lease holds without being renewed.
    pub lease_duration: Duration,
    /// The directory.
    pub directory: DirectoryFrom,
    /// Where the last good one is kept that is no file.
    pub directory_cache: Option<PathBuf>,
    /// How the hub is asked, where there is one.
    pub hub: Option<HubOptions>,
    /// The largest directory file.
    pub max_directory_bytes: usize,
    /// How often files are looked at.
    pub reload_interval: Duration,
    /// What a client may use up.
    pub limits: Limits,
    /// How long to go on after a signal.
    pub shutdown_delay: Duration,
    /// How long requests may take after that.
    pub drain_timeout: Duration,
}

impl ServeArgs {
    /// What is logged.
    pub fn log(&self) -> LogArgs {
        self.log
    }

    /// What they mean together; everything that is missing at once.
    pub fn resolve(self) -> Result<Settings, Failure> {
        let given = (
            self.certificate(),
            self.directory(),
            self.api_server.from(self.dev),
        );
        let (certificate, directory, cluster) = match given {
            (Ok(certificate), Ok(directory), Ok(cluster)) => (certificate, directory, cluster),
            (certificate, directory, cluster) => {
                let wrong = [certificate.err(), directory.err(), cluster.err()];
                let wrong = wrong.into_iter().flatten();
                return Err(Failure::BadInput(wrong.map(str::to_owned).collect()));
            }
        };
        let address = |port: u16| {
            let ip = if self.dev {
                Ipv4Addr::LOCALHOST
            } else {
                Ipv4Addr::UNSPECIFIED
            };
            SocketAddr::from((ip, port))
        };
        let delay = if self.dev {
            Duration::ZERO
        } else {
            SHUTDOWN_DELAY
        };
        Ok(Settings {
            listen: self.listen.unwrap_or_else(|| address(8443)),
            admin_listen: self.admin_listen.unwrap_or_else(|| address(8080)),
            certificate,
            tls_min_version: self.tls.tls_min_version,
            server_names: self.tls.server_names.clone(),
            client_ca: self.tls.client_ca.clone(),
            client_names: self.tls.client_names.clone(),
            policy: self.policy.policy.clone(),
            overrides: self.overrides(&directory),
            cluster,
            hub: self.hub(&directory),
            directory_cache: self.follow.directory_cache.clone(),
            directory,
            max_directory_bytes: self.directory.limit(),
            reload_interval: self.reload_interval.max(SHORTEST_INTERVAL),
            cluster_lost_after: self.api_server.cluster_lost_after,
            audit_interval: self.api_server.audit_interval.max(SHORTEST_INTERVAL),
            writes_reports: self.reports.reports == ReportMode::Auto,
            lease_namespace: self.reports.lease_namespace.clone(),
            lease_duration: self.reports.lease_duration.max(SHORTEST_LEASE),
            shutdown_delay: self.shutdown.shutdown_delay.unwrap_or(delay),
            drain_timeout: self.shutdown.drain_timeout,
            limits: self.limits,
        })
    }

    fn certificate(&self) -> Result<CertificateFrom, &'static str> {
        if let Some(secret) = &self.tls.tls_secret {
            let registration = self.tls.registration.clone();
            return Ok(CertificateFrom::Secret(secret.clone(), registration));
        }
        match (&self.tls.tls_cert, &self.tls.tls_key) {
            (Some(certificate), Some(key)) => Ok(CertificateFrom::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            _ if self.dev => Ok(CertificateFrom::Made),
            _ => Err(
                "serve needs a certificate: --tls-cert FILE and --tls-key FILE, or --tls-secret NAMESPACE/NAME, in which it \
                 keeps its own. `palette-rbac certs --out DIR` makes one for development; `serve --dev` needs none",
            ),
        }
    }

    fn directory(&self) -> Result<DirectoryFrom, &'static str> {
        match &self.directory.directory {
            Some(directory) => Ok(directory.clone()),
            None if self.dev => Ok(DirectoryFrom::Sample),
            None => Err(
                "serve needs to know who holds which Palette roles: --directory FILE, or secret:NAMESPACE/NAME that \
                 `palette-rbac sync` writes. `serve --dev` tries it out with a sample",
            ),
        }
    }

    fn hub(&self, directory: &DirectoryFrom) -> Option<HubOptions> {
        let DirectoryFrom::Hub(url) = directory else {
            return None;
        };
        let follow = self.follow.clone();
        Some(HubOptions {
            url: url.clone(),
            token_file: follow.directory_token_file,
            ca_file: follow.directory_ca,
            identity_file: follow.directory_identity,
            interval: follow.directory_interval.max(SHORTEST_INTERVAL),
            limit: self.directory.limit(),
        })
    }

    /// What flags say of the cluster. Whoever may write the Secrets of the directory decides who holds what.
    fn overrides(&self, directory: &DirectoryFrom) -> ClusterOverride {
        let mut overrides = self.cluster_of(directory).overrides();
        if let DirectoryFrom::Secret(name) = directory {
            overrides.installation.directory_namespace = Some(name.namespace.as_str().into());
        }
        overrides
    }

    /// The sample speaks of a cluster; unless somebody says another, it is that one.
    fn cluster_of(&self, directory: &DirectoryFrom) -> ClusterArgs {
        let is_unsaid =
            self.policy.policy.is_none() && self.policy.cluster == ClusterArgs::default();
        if *directory == DirectoryFrom::Sample && is_unsaid {
            return ClusterArgs::of_sample();
        }
        self.policy.cluster.clone()
    }
}

fn server_name(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_owned()).map_err(|_| "is no DNS name or address".to_owned())
}

/// Endpoints take some seconds to reach every node; until then requests still come.
const SHUTDOWN_DELAY: Duration = Duration::from_secs(5);

/// Looking at files without a pause would be a busy loop.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// A Lease says in whole seconds how long it holds.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  # Try it out
  palette-rbac serve --dev

  # In a cluster
  palette-rbac serve --tls-cert /tls/tls.crt --tls-key /tls/tls.key \\
    --policy /etc/palette-rbac/policy.yaml --directory /etc/palette-rbac/directory.yaml

  # Let nobody but the API server ask
  palette-rbac serve … --client-ca /client-ca/ca.crt --client-name kube-apiserver

Exit codes: 0 ended by a signal; 2 bad input or usage; 3 could not run (port in use, unreadable file).";
