//! The serving certificate and its key, and what must hold of them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use x509_parser::parse_x509_certificate;

use super::Watched;

/// A certificate with its key, checked before anybody is served with it.
#[derive(Clone)]
pub struct ServingCertificate {
    /// The chain and the key.
    pub key: Arc<CertifiedKey>,
    /// When the leaf runs out.
    pub not_after: Timestamp,
}

/// What a serving certificate must be.
#[derive(Debug, Clone)]
pub struct CertificateRequirements {
    /// Names that the leaf must have: the API server calls the webhook by them.
    pub server_names: Vec<ServerName<'static>>,
    /// Who checks and uses the key.
    pub provider: Arc<CryptoProvider>,
}

impl ServingCertificate {
    /// Follows a file of certificates, the leaf first, and the file of its key.
    pub fn watched(
        certificate: PathBuf,
        key: PathBuf,
        rules: CertificateRequirements,
    ) -> Watched<Self> {
        let paths = vec![certificate, key];
        let names: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let parse = move |contents: &[Vec<u8>]| match (contents, &*names) {
            ([certificate, key], [certificate_name, key_name]) => {
                let problem = |problem| vec![format!("{certificate_name}: {problem}")];
                let chain = chain(certificate).map_err(problem)?;
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|error| vec![format!("{key_name}: no private key: {error}")])?;
                Self::check(chain, key, &rules, Timestamp::now()).map_err(problem)
            }
            _ => Err(vec!["a certificate and a key are needed".to_owned()]),
        };
        Watched::new(paths, MAX_PEM_BYTES, Box::new(parse))
    }

    /// Accepts a certificate and a key as texts.
    pub fn from_pem(
        certificate: &str,
        key: &str,
        rules: &CertificateRequirements,
        now: Timestamp,
    ) -> Result<Self, CertificateProblem> {
        let chain = chain(certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(CertificateProblem::Pem)?;
        Self::check(chain, key, rules, now)
    }

    /// Accepts a chain whose leaf belongs to the key, has every name and has not run out.
    fn check(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        rules: &CertificateRequirements,
        now: Timestamp,
    ) -> Result<Self, CertificateProblem> {
        let leaf = chain.first().ok_or(CertificateProblem::Empty)?;
        let not_after = lifetime(leaf, now)?;
        check_names(leaf, &rules.server_names)?;
        let key =
            CertifiedKey::from_der(chain, key, &rules.provider).map_err(CertificateProblem::Key)?;
        Ok(Self {
            key: Arc::new(key),
            not_after,
        })
    }
}

impl fmt::Debug for ServingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServingCertificate")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Why nobody is served with a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateProblem {
    /// The file has none.
    #[error("no certificate in it")]
    Empty,
    /// A block that is not what it says.
    #[error("broken PEM: {0}")]
    Pem(rustls_pki_types::pem::Error),
    /// The leaf or a CA is not X.509.
    #[error("not a certificate: {0}")]
    Form(String),
    /// Its time is over.
    #[error("the certificate ran out at {0}; `palette-rbac certs` makes one for development")]
    Expired(Timestamp),
    /// Its time has not come.
    #[error("the certificate is not valid before {0}")]
    NotYetValid(Timestamp),
    /// The API server would not find the name that it calls.
    #[error(
        "the certificate is not for `{name}` (--server-name), only for {}",
        list(names)
    )]
    Name {
        /// The name that is missing.
        name: String,
        /// The names that it has.
        names: Vec<String>,
    },
    /// Key and leaf are no pair, or the key is of an unknown kind.
    #[error("the key does not fit the certificate: {0}")]
    Key(rustls::Error),
}

/// Reads every certificate of a PEM file; one broken block fails all, since half a bundle looks like a whole one.
pub(super) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateProblem> {
    let blocks = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let blocks = blocks.map_err(CertificateProblem::Pem)?;
    if blocks.is_empty() {
        return Err(CertificateProblem::Empty);
    }
    Ok(blocks)
}

/// Roots of trust of a PEM file.
pub(super) fn roots(pem: &[u8]) -> Result<RootCertStore, CertificateProblem> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(pem)? {
        let added = roots.add(certificate);
        added.map_err(|error| CertificateProblem::Form(error.to_string()))?;
    }
    Ok(roots)
}

fn lifetime(leaf: &CertificateDer<'_>, now: Timestamp) -> Result<Timestamp, CertificateProblem> {
    let (_, parsed) = parse_x509_certificate(leaf)
        .map_err(|error| CertificateProblem::Form(error.to_string()))?;
    let not_before = instant(parsed.validity().not_before.timestamp())?;
    let not_after = instant(parsed.validity().not_after.timestamp())?;
    if now < not_before {
        return Err(CertificateProblem::NotYetValid(not_before));
    }
    if now > not_after {
        return Err(CertificateProblem::Expired(not_after));
    }
    Ok(not_after)
}

fn instant(seconds: i64) -> Result<Timestamp, CertificateProblem> {
    Timestamp::from_second(seconds).map_err(|error| CertificateProblem::Form(error.to_string()))
}

/// Whether a certificate, as PEM, is for all of these names.
pub fn is_for(certificate: &str, names: &[ServerName<'static>]) -> bool {
    let leaf = CertificateDer::from_pem_slice(certificate.as_bytes());
    leaf.is_ok_and(|leaf| check_names(&leaf, names).is_ok())
}

fn check_names(
    leaf: &CertificateDer<'_>,
    names: &[ServerName<'static>],
) -> Result<(), CertificateProblem> {
    let form = |error: rustls::Error| CertificateProblem::Form(error.to_string());
    let parsed = ParsedCertificate::try_from(leaf).map_err(form)?;
    for name in names {
        match verify_server_name(&parsed, name) {
            Ok(()) => {}
            Err(rustls::Error::InvalidCertificate(_)) => {
                return Err(CertificateProblem::Name {
                    name: name.to_str().into_owned(),
                    names: subject_names(leaf),
                });
            }
            Err(error) => return Err(form(error)),
        }
    }
    Ok(())
}

/// The alternative names of a certificate that a person can compare with what is asked for.
fn subject_names(leaf: &CertificateDer<'_>) -> Vec<String> {
    use x509_parser::extensions::GeneralName;

    let Ok((_, parsed)) = parse_x509_certificate(leaf) else {
        return Vec::new();
    };
    let extension = parsed.subject_alternative_name().ok().flatten();
    let names = extension.map(|names| names.value.general_names.iter());
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => Some(address(octets)),
        _ => None,
    };
    names.into_iter().flatten().filter_map(text).collect()
}

fn address(octets: &[u8]) -> String {
    use std::net::IpAddr;

    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let any = four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
    any.map_or_else(|_| "an unreadable address".to_owned(), |ip| ip.to_string())
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "its common name, which clients no longer look at".to_owned();
    }
    let quoted = names
        .iter()
        .map(|name| format!("`{}`", name.escape_debug()));
    quoted.collect::<Vec<_>>().join(", ")
}

/// A chain of many certificates has some ten kilobytes, a bundle of CAs some hundred.
pub(super) const MAX_PEM_BYTES: usize = 1024 * 1024;
