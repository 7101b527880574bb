//! One connection, and the request on it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::metrics::{Metrics, Rejection};

use super::connection_slots::ConnectionSlot;
use super::exchange::Exchange;
use super::lifecycle::Lifecycle;
use super::wire::{Wire, WireLimits};

/// A body that is at hand.
pub(super) type FullBody = http_body_util::Full<hyper::body::Bytes>;

/// Answers requests, one after another, of one connection after another.
pub(super) trait Handler: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(
        &self,
        request: Request<hyper::body::Incoming>,
        exchange: &Exchange,
    ) -> impl Future<Output = Response<FullBody>> + Send;
}

/// How connections are served.
pub(super) struct Connections {
    http: http1::Builder,
    wire: WireLimits,
    draining: CancellationToken,
}

impl Connections {
    pub(super) fn new(
        max_header_bytes: usize,
        header_timeout: Duration,
        lifecycle: &Lifecycle,
    ) -> Self {
        let mut http = http1::Builder::new();
        // Without a timer: hyper's would be armed anew for each request.
        http.max_header_size(max_header_bytes)
            .max_buf_size(max_header_bytes.max(SMALLEST_BUFFER));
        Self {
            http,
            wire: WireLimits {
                idle: IDLE_TIMEOUT,
                headers: header_timeout,
                write: WRITE_TIMEOUT,
            },
            draining: lifecycle.draining().clone(),
        }
    }

    /// Serves one connection to its end: the client's, the server's, or its place being needed. Headers that are too slow
    /// are counted where there are metrics.
    ///
    /// A client that is waited for loses its place at once, one whose request is there with the answer.
    pub(super) async fn serve<S, A>(
        &self,
        stream: S,
        answer: Arc<A>,
        metrics: Option<&Metrics>,
        slot: &ConnectionSlot,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        A: Handler,
    {
        let exchange = slot.exchange();
        let wire = Wire::new(stream, Arc::clone(exchange), self.wire);
        let service = service_fn(|request| {
            let (answer, exchange) = (Arc::clone(&answer), Arc::clone(exchange));
            async move { Ok::<_, std::convert::Infallible>(answer.answer(request, &exchange).await) }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(wire), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = slot.wanted() => {
                if exchange.waits_since().is_some() {
                    return debug!("a connection that waits gives way");
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Some(metrics) = metrics.filter(|_| exchange.headers_were_too_slow()) {
            metrics.rejected(Rejection::Timeout);
        }
        if let Err(error) = ended {
            debug!(%error, "connection broke");
        }
    }
}

/// Longer than the 90 s for which the API server's transport keeps a connection, or its next review would meet a closed
/// one.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// How long a client may leave an answer unread; answers are a few kilobytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// hyper refuses to work with less.
const SMALLEST_BUFFER: usize = 8192;
