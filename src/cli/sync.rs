//! `sync`: its flags, and what they amount to.

mod preview;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;

use super::inputs::PolicyArgs;
use super::{Failure, LogArgs};
use crate::server::duration;
use crate::sources::cluster::ClusterFrom;
use crate::sources::palette::PaletteOptions;
use crate::sync::{OutputName, SyncOptions};

pub(crate) use preview::{broken_bindings, print_preview};

/// Keep who holds what in Palette where `serve` finds it
///
/// Reads users, teams, roles, projects, workspaces and clusters by Palette's API, makes a snapshot of each whole, verified
/// reading, and swaps it whole or not at all. It is the only process that needs Palette's key; that of a user with the
/// tenant role Tenant Viewer is enough. Nothing is ever written to Palette.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct SyncArgs {
    #[command(flatten)]
    palette: PaletteArgs,

    #[command(flatten)]
    what: WhatArgs,

    #[command(flatten)]
    turns: TurnArgs,

    #[command(flatten)]
    hub: HubArgs,

    #[command(flatten)]
    cluster: ClusterOfSyncArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    /// Where probes and scrapes are answered, without TLS
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "PALETTE_RBAC_ADMIN_LISTEN",
        default_value = "0.0.0.0:8080"
    )]
    admin_listen: SocketAddr,

    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Palette")]
struct PaletteArgs {
    /// Palette's address
    #[arg(
        long,
        value_name = "URL",
        env = "PALETTE_RBAC_PALETTE_URL",
        default_value = "https://api.spectrocloud.com"
    )]
    palette_url: String,

    /// The file of the API key, read for each request: a key that is replaced is used from the next one on
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_PALETTE_KEY_FILE")]
    palette_key_file: PathBuf,

    /// CAs of a private Palette, PEM, instead of the system's
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_PALETTE_CA")]
    palette_ca: Option<PathBuf>,

    /// How many requests a second there may be for each kind of object; Palette allows 10 for an address
    #[arg(long, value_name = "N", env = "PALETTE_RBAC_REQUESTS_PER_SECOND", default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_second: u32,

    /// How long one answer may take
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_ANSWER_TIMEOUT", default_value = "30s", value_parser = duration)]
    answer_timeout: Duration,

    /// How often a request is tried before the sync fails
    #[arg(long, value_name = "N", env = "PALETTE_RBAC_TRIES", default_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,

    /// How long a whole reading may take
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_SYNC_TIMEOUT", default_value = "5m", value_parser = duration)]
    sync_timeout: Duration,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Snapshot")]
struct WhatArgs {
    /// The uid of a cluster that the snapshot is for; may be given several times [default: all projects, no facts of clusters]
    #[arg(
        long = "cluster-uid",
        value_name = "UID",
        env = "PALETTE_RBAC_CLUSTER_UID",
        value_delimiter = ',',
        value_parser = uid
    )]
    cluster_uids: Vec<String>,

    /// Where the snapshot is kept: `secret:NAMESPACE/NAME` or `file:PATH`; may be given several times
    #[arg(
        long = "to",
        value_name = "PLACE",
        env = "PALETTE_RBAC_TO",
        value_delimiter = ','
    )]
    to: Vec<OutputName>,

    /// Ends after one sync: with 0 if a whole, verified reading is kept, with 3 if not; opens no port
    #[arg(long, env = "PALETTE_RBAC_ONCE")]
    once: bool,

    /// Says who would gain and lose what, and with a cluster at hand which bindings would break; writes nothing
    #[arg(long, env = "PALETTE_RBAC_DRY_RUN", conflicts_with = "once")]
    dry_run: bool,

    /// Of those who hold something, how many in a hundred may lose something at once; ten always may
    ///
    /// A sync that takes more waits for a person, and the last snapshot stays.
    #[arg(long, value_name = "PERCENT", env = "PALETTE_RBAC_MAX_LOSS", default_value = "20", value_parser = percent)]
    max_loss: u8,

    /// The digest of a snapshot that may take away whatever it takes, as the message that holds it back names it
    #[arg(long, value_name = "DIGEST", env = "PALETTE_RBAC_ACCEPT_LOSS")]
    accept_loss: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "When")]
struct TurnArgs {
    /// How often all of Palette is read, whatever it says has changed
    ///
    /// At once on SIGHUP, or when the annotation palette-rbac.io/sync-now of the Secret has another value.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_INTERVAL", default_value = "15m", value_parser = duration)]
    interval: Duration,

    /// How often Palette is asked what was done, and what that names read again at once; 0s: never
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_HINT_INTERVAL", default_value = "30s", value_parser = duration)]
    hint_interval: Duration,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Hub")]
struct HubArgs {
    /// Serves each cluster its own snapshot over HTTPS, to whoever shows that cluster's token or certificate
    #[arg(long, value_name = "ADDRESS", env = "PALETTE_RBAC_LISTEN", requires_all = ["tls_cert", "tls_key"])]
    listen: Option<SocketAddr>,

    /// The serving certificate and what leads to its CA, PEM
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_TLS_KEY")]
    tls_key: Option<PathBuf>,

    /// A folder with a file for each cluster, called after its uid, with its token in it; looked at every 10 seconds
    #[arg(
        long,
        value_name = "FOLDER",
        env = "PALETTE_RBAC_CLUSTER_TOKENS",
        requires = "listen"
    )]
    cluster_tokens: Option<PathBuf>,

    /// CAs of clusters' client certificates, PEM; the common name or an alternative name is the cluster's uid
    #[arg(
        long,
        value_name = "FILE",
        env = "PALETTE_RBAC_CLIENT_CA",
        requires = "listen"
    )]
    client_ca: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "API server")]
struct ClusterOfSyncArgs {
    /// How the API server is reached [default: the token of the pod, or else what kubectl would take]
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,

    /// The namespace of the Lease by which replicas agree which of them syncs [default: the pod's own; outside a pod, none]
    #[arg(
        long,
        value_name = "NAME",
        env = "PALETTE_RBAC_LEASE_NAMESPACE",
        value_parser = NonEmptyStringValueParser::new()
    )]
    lease_namespace: Option<String>,

    /// How long the others wait for a replica that is gone before one of them goes on; whole seconds
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_LEASE_DURATION", default_value = "15s", value_parser = duration)]
    lease_duration: Duration,
}

/// What `sync` was told, resolved.
#[derive(Debug)]
pub struct SyncSettings {
    /// Palette.
    pub palette: PaletteOptions,
    /// What is read, and when.
    pub options: SyncOptions,
    /// Where it is kept.
    pub to: Vec<OutputName>,
    /// Once, and no more.
    pub once: bool,
    /// Only what it would change.
    pub dry_run: bool,
    /// The breaker.
    pub max_loss: u8,
    /// The snapshot that it lets through.
    pub accept_loss: Option<String>,
    /// The hub.
    pub hub: Option<HubSettings>,
    /// The cluster.
    pub cluster: ClusterFrom,
    /// Where the Lease is; none: where the pod is.
    pub lease_namespace: Option<String>,
    /// How long it holds.
    pub lease_duration: Duration,
    /// Where probes are answered.
    pub admin_listen: SocketAddr,
}

/// What the hub was told.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Where clusters are answered.
    pub listen: SocketAddr,
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
    /// The folder of tokens.
    pub tokens: Option<PathBuf>,
    /// The CA of clusters.
    pub client_ca: Option<PathBuf>,
}

impl SyncArgs {
    /// What is logged.
    pub fn log(&self) -> LogArgs {
        self.log
    }

    /// The policy by which bindings would break.
    pub(crate) fn policy(&self) -> &PolicyArgs {
        &self.policy
    }

    /// What they mean together.
    pub fn resolve(&self) -> Result<SyncSettings, Failure> {
        if self.what.to.is_empty() && self.hub.listen.is_none() && !self.what.dry_run {
            return Err(Failure::usage(
                "sync needs a place for the snapshot: --to secret:NAMESPACE/NAME or --to file:PATH; --dry-run says what it \
                 would hold",
            ));
        }
        if self.what.once && self.hub.listen.is_some() {
            return Err(Failure::usage("--once opens no port: --listen has no use"));
        }
        Ok(SyncSettings {
            palette: PaletteOptions {
                url: self.palette.palette_url.clone(),
                key_file: self.palette.palette_key_file.clone(),
                ca_file: self.palette.palette_ca.clone(),
                rate: self.palette.requests_per_second,
                answer_timeout: self.palette.answer_timeout,
                tries: self.palette.tries,
            },
            options: SyncOptions {
                clusters: self.what.cluster_uids.clone(),
                longest: self.palette.sync_timeout,
                interval: self.turns.interval.max(SHORTEST_INTERVAL),
                hint_interval: self.turns.hint_interval,
                is_fleet: self.hub.listen.is_some(),
            },
            to: self.what.to.clone(),
            once: self.what.once,
            dry_run: self.what.dry_run,
            max_loss: self.what.max_loss,
            accept_loss: self.what.accept_loss.clone(),
            hub: self.hub.resolve()?,
            cluster: match &self.cluster.kubeconfig {
                Some(path) => ClusterFrom::Kubeconfig(path.clone()),
                None => ClusterFrom::Surroundings,
            },
            lease_namespace: self.cluster.lease_namespace.clone(),
            lease_duration: self.cluster.lease_duration.max(SHORTEST_INTERVAL),
            admin_listen: self.admin_listen,
        })
    }
}

impl HubArgs {
    fn resolve(&self) -> Result<Option<HubSettings>, Failure> {
        let (Some(listen), Some(certificate), Some(key)) =
            (self.listen, &self.tls_cert, &self.tls_key)
        else {
            return Ok(None);
        };
        if self.cluster_tokens.is_none() && self.client_ca.is_none() {
            return Err(Failure::usage(
                "--listen serves nobody without --cluster-tokens or --client-ca",
            ));
        }
        Ok(Some(HubSettings {
            listen,
            certificate: certificate.clone(),
            key: key.clone(),
            tokens: self.cluster_tokens.clone(),
            client_ca: self.client_ca.clone(),
        }))
    }
}

/// A uid is a part of a path, so it is nothing but letters and digits.
fn uid(text: &str) -> Result<String, String> {
    let is_uid = !text.is_empty() && text.len() <= 64;
    if is_uid
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Ok(text.to_owned());
    }
    Err("a uid has letters, digits and dashes, as 70a1b2c3d4e5f60718294001".to_owned())
}

/// `20` or `20%`.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<u8>();
    let wrong = || "write a part of a hundred, as in `20`".to_owned();
    number.ok().filter(|it| *it <= 100).ok_or_else(wrong)
}

const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  # What it would say of one cluster, and nothing else
  palette-rbac sync --palette-key-file key --cluster-uid 70a1b2c3d4e5f60718294001 --dry-run

  # A file, once: for a pipeline, or to begin with
  palette-rbac sync --palette-key-file key --cluster-uid 70a1b2c3d4e5f60718294001 --to file:directory.json --once

  # In a cluster, for the replicas of `serve --directory secret:palette-rbac-directory/snapshot`
  palette-rbac sync --palette-key-file /key/key --cluster-uid 70a1b2c3d4e5f60718294001 \\
    --to secret:palette-rbac-directory/snapshot

  # For a fleet: the replicas ask `https://HUB/v1/directories/CLUSTER-UID`
  palette-rbac sync --palette-key-file /key/key --listen 0.0.0.0:8443 --tls-cert /tls/tls.crt --tls-key /tls/tls.key \\
    --cluster-tokens /tokens

Exit codes: 0 ended by a signal, or with --once a whole reading is kept; 2 bad usage; 3 could not run, or with --once not kept.";
