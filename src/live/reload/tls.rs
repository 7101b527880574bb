//! Certificate and client CA, read anew.

use std::sync::Arc;

use tracing::info;

use crate::domain::Word;
use crate::live::Tls;
use crate::metrics::{ReloadObserver, Reloaded};
use crate::sources::{ClientTrust, ServingCertificate, SourceError, Watched};

use super::deliveries::Deliveries;
use super::{Reload, applied, keep};

/// The files behind TLS, and what they last brought.
pub struct TlsFiles {
    /// Where certificate and key come from.
    pub certificate_from: CertificateSource,
    /// The CA of clients, if they must have a certificate.
    pub client_ca_file: Option<Watched<ClientTrust>>,
    /// The certificate in use.
    pub certificate: ServingCertificate,
    /// The CA in use.
    pub clients: Option<ClientTrust>,
    /// Where it is swapped.
    pub tls: Arc<Tls>,
    /// Where it is counted.
    pub metrics: Arc<dyn ReloadObserver>,
}

/// Where a serving certificate comes from.
pub enum CertificateSource {
    /// It was made for this run.
    Fixed,
    /// Files.
    Files(Watched<ServingCertificate>),
    /// A Secret.
    Followed(Deliveries<ServingCertificate>),
}

impl Reload for TlsFiles {
    fn look(&mut self) {
        match self.certificate_from.poll() {
            Some(Ok(certificate)) => {
                self.swap(certificate, self.clients.clone(), Reloaded::Certificate);
            }
            Some(Err(error)) => keep(&*self.metrics, Reloaded::Certificate, &error),
            None => {}
        }
        match self.client_ca_file.as_mut().and_then(Watched::poll) {
            Some(Ok(clients)) => {
                self.swap(self.certificate.clone(), Some(clients), Reloaded::ClientCa);
            }
            Some(Err(error)) => keep(&*self.metrics, Reloaded::ClientCa, &error),
            None => {}
        }
    }

    async fn woken(&mut self) {
        match &mut self.certificate_from {
            CertificateSource::Followed(deliveries) => deliveries.wait().await,
            CertificateSource::Fixed | CertificateSource::Files(_) => std::future::pending().await,
        }
    }
}

impl CertificateSource {
    fn poll(&mut self) -> Option<Result<ServingCertificate, SourceError>> {
        match self {
            Self::Fixed => None,
            Self::Files(files) => files.poll(),
            Self::Followed(deliveries) => deliveries.latest(),
        }
    }
}

impl TlsFiles {
    fn swap(
        &mut self,
        certificate: ServingCertificate,
        clients: Option<ClientTrust>,
        what: Reloaded,
    ) {
        if let Err(error) = self.tls.swap(&certificate, clients.as_ref()) {
            let error = SourceError::Rejected(vec![error.to_string()]);
            return keep(&*self.metrics, what, &error);
        }
        self.certificate = certificate;
        self.clients = clients;
        applied(&*self.metrics, what);
        info!(what = what.as_str(), not_after = %self.certificate.not_after, "TLS reloaded");
    }
}
