//! Probes and metrics of `sync`, without TLS.

use std::num::NonZeroUsize;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use prometheus::TEXT_FORMAT;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::connection::{Connections, FullBody, Handler};
use super::exchange::Exchange;
use super::hub::{HEADER_TIMEOUT, MAX_HEADER_BYTES};
use super::lifecycle::Lifecycle;
use super::listener::Accept;
use super::rejection::plain;
use crate::metrics::SyncMetrics;

/// `/healthz`, `/readyz` and `/metrics`, over plain HTTP.
pub struct SyncAdmin {
    /// What is counted.
    pub metrics: Arc<SyncMetrics>,
    /// How far the process is from its end.
    pub lifecycle: Arc<Lifecycle>,
}

impl SyncAdmin {
    /// Serves until the process ends.
    pub async fn serve(self, listener: TcpListener, tracker: TaskTracker) {
        let connections = Connections::new(MAX_HEADER_BYTES, HEADER_TIMEOUT, &self.lifecycle);
        let accept = Accept::uncounted(listener, tracker, CONNECTIONS, &self.lifecycle);
        let (connections, admin) = (Arc::new(connections), Arc::new(self));
        accept
            .each(move |stream, slot| {
                let (connections, admin) = (Arc::clone(&connections), Arc::clone(&admin));
                async move { connections.serve(stream, admin, None, &slot).await }
            })
            .await;
    }
}

impl Handler for SyncAdmin {
    async fn answer(&self, request: Request<Incoming>, exchange: &Exchange) -> Response<FullBody> {
        exchange.headers_done();
        exchange.answer(None);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "nothing here can be changed",
            );
        }
        match request.uri().path() {
            // One that waits for the Lease is as ready as one that has it.
            "/healthz" | "/readyz" => plain(StatusCode::OK, "ok"),
            "/metrics" => match self.metrics.render() {
                Ok(text) => {
                    let mut response = Response::new(FullBody::from(text));
                    let format = HeaderValue::from_static(TEXT_FORMAT);
                    response.headers_mut().insert(CONTENT_TYPE, format);
                    response
                }
                Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            },
            _ => plain(
                StatusCode::NOT_FOUND,
                "/healthz, /readyz and /metrics are here",
            ),
        }
    }
}

const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
