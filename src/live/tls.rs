//! The TLS configuration that connections begin with.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, SupportedProtocolVersion};

use crate::sources::{ClientTrust, ServingCertificate};

use super::clients::AllowedClients;

/// What connections are met with.
pub struct Tls {
    current: ArcSwap<ServingIdentity>,
    rules: TlsOptions,
}

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Names of which a client certificate must have one; empty: any certificate of the CA.
    pub client_names: Vec<String>,
    /// Whether a client without a certificate is let in, to show who it is in another way.
    pub may_be_nobody: bool,
    /// Who does the cryptography.
    pub provider: Arc<CryptoProvider>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[value(name = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[value(name = "1.3")]
    V1_3,
}

struct ServingIdentity {
    config: Arc<ServerConfig>,
    not_after: Timestamp,
}

impl Tls {
    /// Serves with this certificate, and asks clients for one of theirs if there is a trust.
    pub fn new(
        certificate: &ServingCertificate,
        clients: Option<&ClientTrust>,
        rules: TlsOptions,
    ) -> Result<Self, rustls::Error> {
        let identity = ServingIdentity::new(certificate, clients, &rules)?;
        Ok(Self {
            current: ArcSwap::from_pointee(identity),
            rules,
        })
    }

    /// What a connection that begins now is met with.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// When the certificate in use runs out.
    pub fn not_after(&self) -> Timestamp {
        self.current.load().not_after
    }

    pub(super) fn swap(
        &self,
        certificate: &ServingCertificate,
        clients: Option<&ClientTrust>,
    ) -> Result<(), rustls::Error> {
        let identity = ServingIdentity::new(certificate, clients, &self.rules)?;
        self.current.store(Arc::new(identity));
        Ok(())
    }
}

impl ServingIdentity {
    fn new(
        certificate: &ServingCertificate,
        clients: Option<&ClientTrust>,
        rules: &TlsOptions,
    ) -> Result<Self, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&rules.provider))
            .with_protocol_versions(rules.min_version.and_newer())?;
        let builder = match clients {
            Some(trust) => builder.with_client_cert_verifier(verifier(trust, rules)?),
            None => builder.with_no_client_auth(),
        };
        let key = SingleCertAndKey::from(Arc::clone(&certificate.key));
        let mut config = builder.with_cert_resolver(Arc::new(key));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would outlive the CA that vouched for its client, and the API server resumes none.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            config: Arc::new(config),
            not_after: certificate.not_after,
        })
    }
}

impl TlsVersion {
    fn and_newer(self) -> &'static [&'static SupportedProtocolVersion] {
        static FROM_1_2: [&SupportedProtocolVersion; 2] =
            [&rustls::version::TLS13, &rustls::version::TLS12];
        static FROM_1_3: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match self {
            Self::V1_2 => &FROM_1_2,
            Self::V1_3 => &FROM_1_3,
        }
    }
}

fn verifier(
    trust: &ClientTrust,
    rules: &TlsOptions,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let roots = Arc::clone(&trust.roots);
    let provider = Arc::clone(&rules.provider);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let builder = if rules.may_be_nobody {
        builder.allow_unauthenticated()
    } else {
        builder
    };
    let any_of_the_ca = builder
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    if rules.client_names.is_empty() {
        return Ok(any_of_the_ca);
    }
    let names = rules.client_names.clone();
    Ok(Arc::new(AllowedClients::new(any_of_the_ca, names)))
}
