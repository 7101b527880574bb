//! The TLS handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{CertificateError, Error, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use crate::domain::Word;
use crate::metrics::Handshake;

use super::connection_slots::ConnectionSlot;

/// Makes a TLS connection, or counts why it is none.
pub(super) async fn accept(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    longest: Duration,
    observe: impl Fn(Handshake),
    slot: &ConnectionSlot,
) -> Option<TlsStream<TcpStream>> {
    let handshake = timeout(longest, TlsAcceptor::from(config).accept(stream));
    let (result, accepted) = tokio::select! {
        accepted = handshake => match accepted {
            Ok(Ok(stream)) => (Handshake::Ok, Some(stream)),
            Ok(Err(error)) => (failure(&error), None),
            Err(_) => (Handshake::Timeout, None),
        },
        // The oldest connection, and it has not even said hello.
        () = slot.wanted() => (Handshake::Timeout, None),
    };
    observe(result);
    if result != Handshake::Ok {
        debug!(result = result.as_str(), "TLS handshake failed");
    }
    accepted
}

fn failure(error: &io::Error) -> Handshake {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match tls {
        Some(Error::NoCertificatesPresented) => Handshake::NoClientCertificate,
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            Handshake::ClientNotAllowed
        }
        Some(Error::InvalidCertificate(_)) => Handshake::BadClientCertificate,
        _ => Handshake::Error,
    }
}
