use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// A body, as far as it is kept.
pub(super) enum Received<'b> {
    /// All of it.
    Whole(Kept<'b>),
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
    /// Others take all the memory that there is for bodies.
    Crowded,
}

/// Memory for bodies, in KiB, shared by all requests.
pub(super) struct Budget(Semaphore);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Semaphore::new((bytes / KIB).min(Semaphore::MAX_PERMITS)))
    }
}

/// Reads a body of at most `limit` bytes, or the beginning of a larger one.
pub(super) async fn read(
    mut body: Incoming,
    limit: usize,
    deadline: Instant,
    budget: &Budget,
) -> Result<Received<'_>, Lost> {
    let is_announced_larger = body.size_hint().lower() > to_u64(limit);
    let enough = if is_announced_larger {
        HEAD
    } else {
        limit.saturating_add(1)
    };
    let mut kept = Kept::new(budget);
    while kept.bytes().len() < enough {
        match next(&mut body, deadline).await? {
            Some(data) => kept.push(data)?,
            None => return Ok(Received::Whole(kept)),
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
pub(super) struct Kept<'b> {
    first: Bytes,
    joined: Vec<u8>,
    budget: &'b Budget,
    held: Option<SemaphorePermit<'b>>,
}

impl<'b> Kept<'b> {
    fn new(budget: &'b Budget) -> Self {
        Self {
            first: Bytes::new(),
            joined: Vec::new(),
            budget,
            held: None,
        }
    }

    /// The body.
    pub(super) fn bytes(&self) -> &[u8] {
        if self.joined.is_empty() {
            &self.first
        } else {
            &self.joined
        }
    }

    fn push(&mut self, data: Bytes) -> Result<(), Lost> {
        self.hold(self.bytes().len() + data.len())?;
        if self.bytes().is_empty() {
            self.first = data;
            return Ok(());
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&data);
        Ok(())
    }

    /// Takes what so many bytes need beyond what is free.
    fn hold(&mut self, bytes: usize) -> Result<(), Lost> {
        let needed = bytes.saturating_sub(FREE).div_ceil(KIB);
        let held = self.held.as_ref().map_or(0, SemaphorePermit::num_permits);
        let more = u32::try_from(needed.saturating_sub(held)).map_err(|_| Lost::Crowded)?;
        if more == 0 {
            return Ok(());
        }
        let permit = self.budget.0.try_acquire_many(more);
        let permit = permit.map_err(|_| Lost::Crowded)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }

    /// A copy, so that what is cut off is freed.
    fn into_head(self) -> Bytes {
        let bytes = self.bytes();
        Bytes::copy_from_slice(bytes.get(..HEAD).unwrap_or(bytes))
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

/// So much of each body is not counted: there are at most as many as may be in flight.
const FREE: usize = 64 * KIB;
const KIB: usize = 1024;
