//! Probes, metrics and the state in words, without TLS.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use prometheus::TEXT_FORMAT;
use strum::IntoEnumIterator;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::domain::Word;
use crate::facts::Kind;
use crate::live::{Live, Tls, notes};
use crate::metrics::{AuditSnapshot, ClusterSnapshot, ClusterState, Metrics, Snapshot};
use crate::rulebook::Rulebook;

use super::accept_failed;
use super::connection::{Connections, FullBody, Handler};
use super::connection_slots::ConnectionSlots;
use super::exchange::Exchange;
use super::lifecycle::{Lifecycle, Phase};
use super::limits::Limits;
use super::listener::Accept;
use super::rejection::plain;

/// `/healthz`, `/readyz` and `/metrics`, over plain HTTP; nothing that changes anything.
#[derive(Clone)]
pub struct Admin {
    /// What requests are judged by.
    pub live: Arc<Live>,
    /// What connections are met with.
    pub tls: Arc<Tls>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How far the server is from its end.
    pub lifecycle: Arc<Lifecycle>,
    /// How many log lines were left out so far.
    pub log_lines_dropped: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Admin {
    /// Serves until `lifecycle` drains: that of the admin endpoint itself, which outlives the webhook's.
    pub async fn serve(
        self,
        listener: TcpListener,
        tracker: TaskTracker,
        limits: &Limits,
        lifecycle: Arc<Lifecycle>,
    ) {
        let connections = Arc::new(Connections::new(
            limits.max_header_bytes.0,
            limits.header_timeout,
            &lifecycle,
        ));
        let accept = Accept {
            listener,
            tracker,
            slots: ConnectionSlots::new(CONNECTIONS),
            failed: accept_failed(&self.metrics),
            lifecycle,
        };
        let admin = Arc::new(self);
        accept
            .each(move |stream, slot| {
                let (connections, admin) = (Arc::clone(&connections), Arc::clone(&admin));
                async move { connections.serve(stream, admin, None, &slot).await }
            })
            .await;
    }

    fn ready(&self) -> Response<FullBody> {
        let phase = self.lifecycle.phase();
        let cluster = self.live.cluster();
        let (status, word) = match phase {
            Phase::Serving if !self.live.has_directory() => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: who holds what in Palette was not read yet (--directory)",
            ),
            Phase::Serving if cluster.is_ready() => (StatusCode::OK, "ready"),
            Phase::Serving if cluster.state == ClusterState::NoPermission => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: the cluster's roles may not be read (`--cluster off` judges them by name)",
            ),
            Phase::Serving => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: the cluster's roles are not read yet",
            ),
            Phase::Leaving | Phase::Draining => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: the server is shutting down",
            ),
        };
        plain(status, &format!("{word}\n{}", self.state(Timestamp::now())))
    }

    /// What it judges by, a line each.
    fn state(&self, now: Timestamp) -> String {
        let current = self.live.current();
        let rulebook = &current.rulebook;
        let counts = rulebook.directory().counts();
        let mut state = format!("policy: revision {}\n", rulebook.revision());
        let _ = write!(
            state,
            "directory: {} users, {} teams",
            counts.users, counts.teams
        );
        let read = self.live.directory_read().strftime("%FT%TZ");
        let _ = write!(state, ", last read without a fault at {read}");
        let age = rulebook.directory_age(now).as_secs();
        if age > 0 {
            let _ = write!(state, ", {age} s old");
        }
        if rulebook.directory_is_stale(now) {
            state.push_str(", which is more than the policy's staleAfter");
        }
        let not_after = self.tls.not_after();
        let word = if not_after < now {
            "ran out at"
        } else {
            "good until"
        };
        let _ = write!(state, "\ncertificate: {word} {not_after}");
        let _ = write!(state, "\ncluster: {}", self.cluster(now));
        for note in notes(rulebook) {
            let _ = write!(state, "\nnote: {note}");
        }
        state
    }

    /// How it stands with the cluster, for people.
    fn cluster(&self, now: Timestamp) -> String {
        let status = self.live.cluster();
        let since = status.since.strftime("%FT%TZ");
        let reason = status.reason.as_deref().map(|it| it.escape_debug());
        let reason = reason.map_or_else(String::new, |it| format!(": {it}"));
        match status.state {
            ClusterState::Off => "not configured; roles are judged by name only".to_owned(),
            ClusterState::NoPermission => {
                format!("no permission since {since}{reason}")
            }
            ClusterState::Syncing => format!("syncing since {since}{reason}"),
            ClusterState::Synced => format!("synced, {}", self.view(now)),
            ClusterState::Lost => format!("lost since {since}{reason}; {}", self.view(now)),
        }
    }

    /// What is known of the cluster, and how old that can be.
    fn view(&self, now: Timestamp) -> String {
        let mut text = String::new();
        if let Some(view) = self.live.view() {
            for kind in Kind::iter() {
                let _ = write!(text, "{} {}s, ", view.count(kind), kind.as_str());
                let in_name_only = view.in_name_only(kind);
                if in_name_only > 0 {
                    let _ = write!(text, "{in_name_only} of them too large to judge, ");
                }
            }
        }
        if let Some(audited) = self.live.audited() {
            let age = now.duration_since(audited.at).as_secs();
            let _ = write!(text, "audited {age} s ago, ");
            if audited.unread > 0 {
                let _ = write!(
                    text,
                    "{} bindings still to be read for it, ",
                    audited.unread
                );
            }
        }
        let age = self
            .live
            .cluster_last_contact()
            .map(|at| now.duration_since(at));
        let _ = write!(
            text,
            "last contact {} s ago",
            age.unwrap_or_default().as_secs()
        );
        text
    }

    fn metrics(&self) -> Response<FullBody> {
        match self.metrics.render(&self.snapshot(Timestamp::now())) {
            Ok(text) => {
                let mut response = Response::new(FullBody::from(text));
                let format = HeaderValue::from_static(TEXT_FORMAT);
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    fn audit(&self, rulebook: &Rulebook) -> AuditSnapshot {
        let audited = self.live.audited();
        let report = audited.as_ref().map(|audited| &audited.report);
        // The roles of a policy that was replaced since are not those of the report.
        let rulebook = audited.as_ref().map_or(rulebook, |it| &it.current.rulebook);
        AuditSnapshot {
            last_run: audited.as_ref().map_or(0.0, |audited| seconds(audited.at)),
            duration: audited.as_ref().map_or(0.0, |it| it.took.as_secs_f64()),
            unread: audited.as_ref().map_or(0, |it| it.unread),
            findings: AuditSnapshot::count(report, rulebook),
        }
    }

    fn snapshot(&self, now: Timestamp) -> Snapshot {
        let current = self.live.current();
        let counts = current.rulebook.directory().counts();
        Snapshot {
            policy_revision: current.rulebook.revision().to_string(),
            directory_is_stale: current.rulebook.directory_is_stale(now),
            directory_last_success: seconds(self.live.directory_read()),
            directory_users: counts.users,
            directory_teams: counts.teams,
            contradictions: current.rulebook.contradictions().collect(),
            certificate_not_after: seconds(self.tls.not_after()),
            cluster: ClusterSnapshot::of(
                self.live.view().as_deref(),
                self.live.cluster().state,
                self.live.cluster_last_contact().map_or(0.0, seconds),
            ),
            audit: self.audit(&current.rulebook),
            log_lines_dropped: (self.log_lines_dropped)(),
        }
    }
}

impl Handler for Admin {
    async fn answer(&self, request: Request<Incoming>, exchange: &Exchange) -> Response<FullBody> {
        exchange.headers_done();
        exchange.answer(None);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "nothing here can be changed",
            );
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allow);
            return response;
        }
        match request.uri().path() {
            "/healthz" => plain(StatusCode::OK, "ok"),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics(),
            _ => plain(
                StatusCode::NOT_FOUND,
                "/healthz, /readyz and /metrics are here",
            ),
        }
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

/// Probes and scrapes come one at a time.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
