//! The webhook over HTTP/1.1 and TLS, and the admin endpoint beside it: accept, limits, answers, shutdown.
//!
//! Judges nothing by itself: bytes go to [`crate::review`]. Reads no file.

mod admin;
mod body;
mod connection;
mod connection_slots;
mod exchange;
mod handshake;
mod hub;
mod lifecycle;
mod limits;
mod listener;
mod rejection;
mod sync_admin;
mod validate;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::live::{Live, Tls};
use crate::metrics::Metrics;
use crate::sources::cluster::RoleReader;

pub use admin::Admin;
pub use hub::{Hub, HubClients};
pub use lifecycle::{Lifecycle, Phase};
pub use limits::{ByteSize, Limits, duration};
pub use sync_admin::SyncAdmin;

use connection::Connections;
use validate::Validate;

/// What the webhook answers from.
#[derive(Clone)]
pub struct Webhook {
    /// What requests are judged by.
    pub live: Arc<Live>,
    /// What reads a role that the view does not have; none without a cluster.
    pub roles: Option<Arc<RoleReader>>,
    /// What connections are met with.
    pub tls: Arc<Tls>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// How far the server is from its end.
    pub lifecycle: Arc<Lifecycle>,
    /// What a client may use up.
    pub limits: Limits,
    /// After so long without a watch, roles are judged by what is read anew or not at all.
    pub lost_after: Duration,
    /// Tells the time that decisions are made at.
    pub clock: fn() -> Timestamp,
}

impl Webhook {
    /// Serves on a bound listener until the server stops accepting; connections end on the tracker.
    pub async fn serve(self, listener: TcpListener, tracker: TaskTracker) {
        let connections = Arc::new(Connections::new(
            self.limits.max_header_bytes.0,
            self.limits.header_timeout,
            &self.lifecycle,
        ));
        let validate = Arc::new(Validate::new(&self));
        let accept = listener::Accept {
            listener,
            tracker,
            slots: connection_slots::ConnectionSlots::new(self.limits.max_connections),
            failed: accept_failed(&self.metrics),
            lifecycle: Arc::clone(&self.lifecycle),
        };
        accept
            .each(move |stream, slot| {
                let (tls, limits) = (self.tls.config(), self.limits.clone());
                let (connections, validate) = (Arc::clone(&connections), Arc::clone(&validate));
                let metrics = Arc::clone(&self.metrics);
                async move {
                    let longest = limits.handshake_timeout;
                    let observe = |result| metrics.handshake(result);
                    let accepted = handshake::accept(stream, tls, longest, observe, &slot).await;
                    if let Some(stream) = accepted {
                        connections
                            .serve(stream, validate, Some(&metrics), &slot)
                            .await;
                    }
                }
            })
            .await;
    }
}

/// Counts connections that the system could not hand over.
fn accept_failed(metrics: &Arc<Metrics>) -> Arc<dyn Fn() + Send + Sync> {
    let metrics = Arc::clone(metrics);
    Arc::new(move || metrics.accept_failed())
}
