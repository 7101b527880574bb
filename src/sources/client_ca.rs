//! The CA of clients.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;

use super::Watched;
use super::certificate::{MAX_PEM_BYTES, roots};

/// Whose client certificates are good.
#[derive(Debug, Clone)]
pub struct ClientTrust {
    /// The CAs.
    pub roots: Arc<RootCertStore>,
}

impl ClientTrust {
    /// Follows a file of CA certificates.
    pub fn watched(path: PathBuf) -> Watched<Self> {
        let name = path.display().to_string();
        let parse = move |contents: &[Vec<u8>]| {
            let pem = contents.first().map_or(&[][..], Vec::as_slice);
            let roots = roots(pem).map_err(|problem| vec![format!("{name}: {problem}")])?;
            Ok(Self {
                roots: Arc::new(roots),
            })
        };
        Watched::new(vec![path], MAX_PEM_BYTES, Box::new(parse))
    }
}
