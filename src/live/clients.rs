//! Which client certificates are let in.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// Lets in the clients whose certificate is good and has one of these names.
#[derive(Debug)]
pub(super) struct AllowedClients {
    inner: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl AllowedClients {
    pub(super) fn new(inner: Arc<dyn ClientCertVerifier>, names: Vec<String>) -> Self {
        Self { inner, names }
    }

    fn is_named(&self, certificate: &CertificateDer<'_>) -> bool {
        parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| {
            let mut names = names_of(&parsed);
            names.any(|name| self.names.iter().any(|allowed| *allowed == name))
        })
    }
}

impl ClientCertVerifier for AllowedClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .inner
            .verify_client_cert(end_entity, intermediates, now)?;
        if !self.is_named(end_entity) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The names by which a client's certificate knows it; none where it is no certificate.
pub fn names_of_client(certificate: &CertificateDer<'_>) -> Vec<String> {
    match parse_x509_certificate(certificate) {
        Ok((_, parsed)) => names_of(&parsed).map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    }
}

/// The common name, which is how Kubernetes names its clients, and the DNS names and URIs beside it.
fn names_of<'c>(certificate: &'c X509Certificate<'_>) -> impl Iterator<Item = &'c str> {
    let common = certificate.subject().iter_common_name();
    let common = common.filter_map(|name| name.as_str().ok());
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.map(|names| names.value.general_names.iter());
    let text = |name: &'c GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some(*name),
        _ => None,
    };
    common.chain(alternative.into_iter().flatten().filter_map(text))
}
