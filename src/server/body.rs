use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use tokio::time::{Instant, timeout_at};

/// A body, as far as it is kept.
pub(super) enum Received {
    /// All of it.
    Whole(Bytes),
    /// Its beginning; it is larger than the limit.
    Oversized(Bytes),
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// It was not there in time.
    Slow,
    /// The client broke it off.
    Broken,
}

/// Reads a body of at most `limit` bytes, or the beginning of a larger one.
pub(super) async fn read(
    mut body: Incoming,
    limit: usize,
    deadline: Instant,
) -> Result<Received, Lost> {
    let is_announced_larger = body.size_hint().lower() > to_u64(limit);
    let enough = if is_announced_larger {
        HEAD
    } else {
        limit.saturating_add(1)
    };
    let mut kept = Kept::default();
    while kept.len() < enough {
        match next(&mut body, deadline).await? {
            Some(data) => kept.push(data),
            None => return Ok(Received::Whole(kept.into_bytes())),
        }
    }
    let head = kept.into_head();
    let patience = limit.saturating_mul(PATIENCE);
    if body.size_hint().lower() <= to_u64(patience) {
        // Whatever comes of it: the head is there, which is all that the answer needs.
        let _ = skip(body, patience, deadline).await;
    }
    Ok(Received::Oversized(head))
}

/// Lets the rest of a body pass, up to some bytes: a client that sends all before it looks for an answer then finds it,
/// and not a closed connection.
pub(super) async fn skip(
    mut body: Incoming,
    at_most: usize,
    deadline: Instant,
) -> Result<(), Lost> {
    let mut passed = 0_usize;
    while let Some(data) = next(&mut body, deadline).await? {
        passed = passed.saturating_add(data.len());
        if passed > at_most {
            break;
        }
    }
    Ok(())
}

async fn next(body: &mut Incoming, deadline: Instant) -> Result<Option<Bytes>, Lost> {
    match timeout_at(deadline, body.frame()).await {
        Ok(None) => Ok(None),
        // Trailers are not data.
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(_))) => Err(Lost::Broken),
        Err(_) => Err(Lost::Slow),
    }
}

/// What came so far. Most bodies come in one piece, which is then not copied; pieces are joined, since many small ones
/// would take more memory than what they carry.
#[derive(Default)]
struct Kept {
    first: Bytes,
    joined: Vec<u8>,
}

impl Kept {
    fn len(&self) -> usize {
        self.first.len().max(self.joined.len())
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() {
            self.first
        } else {
            self.joined.into()
        }
    }

    /// A copy, so that what is cut off is freed.
    fn into_head(self) -> Bytes {
        let bytes = self.into_bytes();
        Bytes::copy_from_slice(bytes.get(..HEAD).unwrap_or(&bytes))
    }
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The uid is in the first hundred bytes of a review that an API server sends.
const HEAD: usize = 16 * 1024;

/// A legal object can be padded: the API server takes 3 MiB, its JSON escapes some characters sixfold, and an update
/// carries two of them. So much of an oversized body is let pass, as a multiple of the limit.
const PATIENCE: usize = 8;
