//! The text of a snapshot, packed, with its digest.

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// A snapshot as it is stored and sent: without the time at which it was true, which changes when nothing else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Packed by gzip.
    pub packed: Vec<u8>,
    /// SHA-256 of the text, in hexadecimal digits: its name.
    pub digest: String,
}

/// A snapshot as it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The text.
    pub text: Vec<u8>,
    /// When the last whole, verified reading began that said so.
    pub as_of: Timestamp,
}

impl Content {
    /// Packs a text; the same text always alike.
    pub fn pack(text: &[u8]) -> io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text)?;
        Ok(Self {
            packed: encoder.finish()?,
            digest: digest(text),
        })
    }

    /// The text, if it is what the digest says and no longer than `limit` bytes, whatever it unpacks to.
    pub fn unpack(&self, limit: usize) -> Result<Vec<u8>, String> {
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut text = Vec::new();
        let read = GzDecoder::new(&*self.packed)
            .take(most)
            .read_to_end(&mut text);
        read.map_err(|error| format!("it cannot be unpacked: {error}"))?;
        if text.len() > limit {
            return Err(format!("it has more than {limit} bytes"));
        }
        if digest(&text) != self.digest {
            return Err("it is not what its digest says".to_owned());
        }
        Ok(text)
    }
}

fn digest(text: &[u8]) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
