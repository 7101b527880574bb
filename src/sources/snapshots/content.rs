//! The text of a snapshot, packed, with its digest.

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
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
        Ok(Self {
            packed: pack(text)?,
            digest: digest(&[text]),
        })
    }

    /// A text of two parts of which the second is deflated already: one gzip stream, as if it were packed whole.
    pub fn pack_before(head: &[u8], tail: &Deflated) -> io::Result<Self> {
        let mut packed = GZIP_HEADER.to_vec();
        packed.extend(deflate(head, FlushCompress::Sync)?);
        packed.extend_from_slice(&tail.bytes);
        let mut sum = Crc::new();
        sum.update(head);
        sum.combine(&tail.sum);
        packed.extend(sum.sum().to_le_bytes());
        packed.extend(sum.amount().to_le_bytes());
        Ok(Self {
            packed,
            digest: digest(&[head, &tail.text]),
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
        if digest(&[&text]) != self.digest {
            return Err("it is not what its digest says".to_owned());
        }
        Ok(text)
    }
}

/// The end of a text, deflated by itself, so that it can follow any beginning (RFC 1951: blocks end on a byte where they
/// are flushed, and nothing refers to what is before it).
pub struct Deflated {
    text: Vec<u8>,
    bytes: Vec<u8>,
    sum: Crc,
}

impl Deflated {
    /// Of this text.
    pub fn new(text: Vec<u8>) -> io::Result<Self> {
        let mut sum = Crc::new();
        sum.update(&text);
        Ok(Self {
            bytes: deflate(&text, FlushCompress::Finish)?,
            text,
            sum,
        })
    }

    /// Whether there is no text.
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

fn deflate(text: &[u8], flush: FlushCompress) -> io::Result<Vec<u8>> {
    let mut deflater = Compress::new(Compression::default(), false);
    let mut bytes = Vec::with_capacity(text.len() / 2 + 64);
    loop {
        let read = usize::try_from(deflater.total_in()).unwrap_or(usize::MAX);
        let rest = text.get(read..).unwrap_or_default();
        let status = deflater
            .compress_vec(rest, &mut bytes, flush)
            .map_err(io::Error::other)?;
        let is_all = deflater.total_in() == u64::try_from(text.len()).unwrap_or(u64::MAX);
        let is_done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            // Room that is left says that nothing more is to come.
            _ => is_all && bytes.len() < bytes.capacity(),
        };
        if is_done {
            return Ok(bytes);
        }
        bytes.reserve(bytes.capacity().max(64));
    }
}

fn pack(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    encoder.finish()
}

/// Deflate, no name, no time, of no system (RFC 1952).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

fn digest(parts: &[&[u8]]) -> String {
    let mut digits = String::with_capacity(64);
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    for byte in hash.finalize() {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_are_one_text() {
        let long: Vec<u8> = (0_u32..200_000)
            .flat_map(|it| it.to_string().into_bytes())
            .collect();
        for (head, tail) in [
            (&b"{"[..], &b"}"[..]),
            (b"", b""),
            (b"", &long),
            (&long, b""),
            (&long, &long),
        ] {
            let deflated = Deflated::new(tail.to_vec()).unwrap();
            let content = Content::pack_before(head, &deflated).unwrap();
            let whole = [head, tail].concat();
            assert_eq!(content.unpack(whole.len()).unwrap(), whole);
            assert_eq!(content.digest, Content::pack(&whole).unwrap().digest);
        }
    }

    #[test]
    fn what_unpacks_to_too_much_or_to_something_else_is_refused() {
        let content = Content::pack(&vec![0; 1_000_000]).unwrap();
        assert!(content.unpack(999_999).unwrap_err().contains("more than"));
        let other = Content {
            digest: Content::pack(b"other").unwrap().digest,
            ..content.clone()
        };
        assert!(other.unpack(1_000_000).unwrap_err().contains("digest"));
        let half = Content {
            packed: content.packed[..content.packed.len() / 2].to_vec(),
            ..content
        };
        assert!(half.unpack(1_000_000).unwrap_err().contains("unpacked"));
    }
}
