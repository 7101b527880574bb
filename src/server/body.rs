//! A body within its limit, within the memory of all bodies, and in time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// A body, as far as it is kept.
pub(super) enum Received<'b> {
    /// All of it.
    Whole(Buffered<'b>),
    /// Its beginning; it is larger than the limit.
    Oversized(Bytes),
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It was not there in time.
    TimedOut,
    /// The client broke it off.
    Disconnected,
    /// The memory that there is for bodies was needed for others.
    OverBudget,
}

/// Memory for bodies, in KiB, shared by all requests.
pub(super) struct Budget {
    free: Semaphore,
    // By the order in which they came to need it.
    awaited: Mutex<BTreeMap<u64, BodyHolder>>,
}

/// A body that is not whole yet, and what it holds.
struct BodyHolder {
    held: usize,
    gives_way: CancellationToken,
}

/// The place of a body among those that are awaited.
struct Awaited<'b> {
    number: u64,
    gives_way: CancellationToken,
    budget: &'b Budget,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            free: Semaphore::new((bytes / KIB).min(Semaphore::MAX_PERMITS)),
            awaited: Mutex::default(),
        }
    }

    fn enter(&self) -> Awaited<'_> {
        let gives_way = CancellationToken::new();
        let mut awaited = self.awaited();
        let number = awaited.last_key_value().map_or(0, |(last, _)| last + 1);
        let holder = BodyHolder {
            held: 0,
            gives_way: gives_way.clone(),
        };
        awaited.insert(number, holder);
        drop(awaited);
        Awaited {
            number,
            gives_way,
            budget: self,
        }
    }

    /// Takes so much from the bodies that are awaited for longest. Those that are whole keep what they have: they give it
    /// back as soon as they are judged.
    fn make_room(&self, needed: usize) {
        let awaited = self.awaited();
        let mut found = self.free.available_permits();
        for holder in awaited.values() {
            if found >= needed {
                break;
            }
            found += holder.held;
            holder.gives_way.cancel();
        }
    }

    fn awaited(&self) -> MutexGuard<'_, BTreeMap<u64, BodyHolder>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited<'_> {
    fn holds(&self, permits: usize) {
        if let Some(holder) = self.budget.awaited().get_mut(&self.number) {
            holder.held = permits;
        }
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.budget.awaited().remove(&self.number);
    }
}

/// Reads a body of at most `limit` bytes, or the beginning of a larger one.
pub(super) async fn read(
    mut body: Incoming,
    limit: usize,
    deadline: Instant,
    budget: &Budget,
) -> Result<Received<'_>, BodyError> {
    let is_announced_larger = body.size_hint().lower() > to_u64(limit);
    let enough = if is_announced_larger {
        HEAD
    } else {
        limit.saturating_add(1)
    };
    let mut kept = Buffered::new(budget);
    while kept.bytes().len() < enough {
        match kept.next(&mut body, deadline).await? {
            Some(data) => kept.push(data, deadline).await?,
            None => return Ok(Received::Whole(kept.whole())),
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
) -> Result<(), BodyError> {
    let mut passed = 0_usize;
    while let Some(data) = next(&mut body, deadline).await? {
        passed = passed.saturating_add(data.len());
        if passed > at_most {
            break;
        }
    }
    Ok(())
}

async fn next(body: &mut Incoming, deadline: Instant) -> Result<Option<Bytes>, BodyError> {
    match timeout_at(deadline, body.frame()).await {
        Ok(None) => Ok(None),
        // Trailers are not data.
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(_))) => Err(BodyError::Disconnected),
        Err(_) => Err(BodyError::TimedOut),
    }
}

/// What came so far. Most bodies come in one piece, which is then not copied; pieces are joined, since many small ones
/// would take more memory than what they carry.
pub(super) struct Buffered<'b> {
    first: Bytes,
    joined: Vec<u8>,
    budget: &'b Budget,
    held: Option<SemaphorePermit<'b>>,
    // From when it needs more than what is free, until it is whole.
    awaited: Option<Awaited<'b>>,
}

impl<'b> Buffered<'b> {
    fn new(budget: &'b Budget) -> Self {
        Self {
            first: Bytes::new(),
            joined: Vec::new(),
            budget,
            held: None,
            awaited: None,
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

    /// The next piece, unless this body has to give way.
    async fn next(
        &self,
        body: &mut Incoming,
        deadline: Instant,
    ) -> Result<Option<Bytes>, BodyError> {
        let Some(awaited) = &self.awaited else {
            return next(body, deadline).await;
        };
        let piece = awaited
            .gives_way
            .run_until_cancelled(next(body, deadline))
            .await;
        piece.unwrap_or(Err(BodyError::OverBudget))
    }

    fn whole(self) -> Self {
        Self {
            awaited: None,
            ..self
        }
    }

    async fn push(&mut self, data: Bytes, deadline: Instant) -> Result<(), BodyError> {
        self.hold(self.bytes().len() + data.len(), deadline).await?;
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

    /// Takes what so many bytes need beyond what is free, from other bodies where there is no more.
    async fn hold(&mut self, bytes: usize, deadline: Instant) -> Result<(), BodyError> {
        let needed = bytes.saturating_sub(FREE).div_ceil(KIB);
        let held = self.held.as_ref().map_or(0, SemaphorePermit::num_permits);
        let more = u32::try_from(needed.saturating_sub(held)).map_err(|_| BodyError::OverBudget)?;
        if more == 0 {
            return Ok(());
        }
        let budget = self.budget;
        let awaited = self.awaited.get_or_insert_with(|| budget.enter());
        budget.make_room(needed.saturating_sub(held));
        let permit = timeout_at(deadline, budget.free.acquire_many(more));
        // Without a wait where there is room.
        let permit = awaited.gives_way.run_until_cancelled(permit).await;
        let permit = permit.and_then(Result::ok).and_then(Result::ok);
        let permit = permit.ok_or(BodyError::OverBudget)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        awaited.holds(needed);
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

/// So much of each body is not counted: there are at most as many as connections.
const FREE: usize = 16 * KIB;
const KIB: usize = 1024;
