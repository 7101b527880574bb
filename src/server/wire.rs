//! The bytes of a connection, with the limits that HTTP does not know.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::exchange::{Awaits, Exchange};

/// A connection's bytes, with the limits that HTTP does not know: a client that says nothing more, headers that trickle
/// in, answers that nobody reads.
///
/// It also tells the exchange when a request begins and when its answer is out.
pub(super) struct Wire<S> {
    stream: S,
    exchange: Arc<Exchange>,
    limits: WireLimits,
    read: Option<Pin<Box<Sleep>>>,
    write: Option<Pin<Box<Sleep>>>,
}

/// How long bytes may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct WireLimits {
    /// The first byte of a request, from the answer before.
    pub(super) idle: Duration,
    /// The headers of a request, from their first byte.
    pub(super) headers: Duration,
    /// A write that the client does not read.
    pub(super) write: Duration,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, exchange: Arc<Exchange>, limits: WireLimits) -> Self {
        Self {
            stream,
            exchange,
            limits,
            read: None,
            write: None,
        }
    }

    /// What to do when no byte comes, once that has lasted too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.exchange.awaits() {
            Awaits::Request(since) => {
                ready!(self.poll_deadline(cx, since + self.limits.idle));
                // As if the client had closed it, which it may: the connection ends in order.
                Poll::Ready(Ok(()))
            }
            Awaits::Headers(since) => {
                ready!(self.poll_deadline(cx, since + self.limits.headers));
                self.exchange.headers_are_too_slow();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            // Bodies and answers have their own deadlines. HTTP may not ask again once an answer that had to wait is out,
            // so it is woken to.
            Awaits::Nothing => {
                let _ = self.poll_deadline(cx, Instant::now() + self.limits.idle);
                Poll::Pending
            }
        }
    }

    /// The timer is left as it is where it fires too early: it is set once it has, not anew for each request.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self
            .read
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() < deadline {
            timer.as_mut().reset(deadline);
            return timer.as_mut().poll(cx);
        }
        Poll::Ready(())
    }

    /// Passes a write on, unless it has been waiting for too long.
    fn timed<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.write = None;
            return write;
        }
        let limit = self.limits.write;
        let timer = self
            .write
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            this.exchange.bytes_came();
        } else if read.is_pending() {
            return this.poll_late(cx);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.timed(cx, write)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.timed(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flush = Pin::new(&mut this.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flush {
            this.exchange.flushed();
        }
        this.timed(cx, flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shutdown = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.timed(cx, shutdown)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_mins(10);
    const SHORT: Duration = Duration::from_millis(10);

    fn wire(idle: Duration, headers: Duration) -> (DuplexStream, Wire<DuplexStream>) {
        let (client, server) = duplex(64);
        let limits = WireLimits {
            idle,
            headers,
            write: LONG,
        };
        (
            client,
            Wire::new(server, Arc::new(Exchange::begin()), limits),
        )
    }

    async fn read(wire: &mut Wire<DuplexStream>) -> io::Result<usize> {
        timeout(LONG, wire.read(&mut [0; 8])).await.unwrap()
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_is_closed_in_order() {
        let (_client, mut wire) = wire(SHORT, LONG);
        assert_eq!(read(&mut wire).await.unwrap(), 0);
        assert!(!wire.exchange.headers_were_too_slow());
    }

    #[tokio::test]
    async fn the_timer_of_an_idle_connection_does_not_hold_up_that_of_headers() {
        let (mut client, mut wire) = wire(LONG, SHORT);
        let nothing = timeout(Duration::ZERO, wire.read(&mut [0; 8])).await;
        assert!(nothing.is_err());
        client.write_all(b"P").await.unwrap();
        assert_eq!(read(&mut wire).await.unwrap(), 1);
        let late = read(&mut wire).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        assert!(wire.exchange.headers_were_too_slow());
    }

    #[tokio::test]
    async fn a_timer_that_was_set_for_an_earlier_wait_does_not_end_a_later_one() {
        let (mut client, mut wire) = wire(SHORT, LONG);
        let nothing = timeout(Duration::ZERO, wire.read(&mut [0; 8])).await;
        assert!(nothing.is_err());
        client.write_all(b"P").await.unwrap();
        assert_eq!(read(&mut wire).await.unwrap(), 1);
        // Its timer fires while the headers still have time.
        let later = timeout(SHORT * 5, wire.read(&mut [0; 8])).await;
        assert!(later.is_err());
    }

    #[tokio::test]
    async fn a_connection_whose_answer_had_to_wait_is_closed_too() {
        let (_client, mut wire) = wire(SHORT, LONG);
        let exchange = Arc::clone(&wire.exchange);
        exchange.headers_done();
        exchange.answer(None);
        let mut reading = std::pin::pin!(read(&mut wire));
        let nothing = timeout(Duration::ZERO, reading.as_mut()).await;
        assert!(nothing.is_err());
        exchange.flushed();
        assert_eq!(reading.await.unwrap(), 0);
    }
}
