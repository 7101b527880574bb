//! `POST /validate`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::decide::Context;
use crate::domain::Verdict;
use crate::facts::{Cluster, Event, ObjectName, RoleRead, StoredObject, View};
use crate::live::{Current, Live};
use crate::metrics::{Metrics, Rejection, RoleReadResult};
use crate::review::{DecisionLabel, Reply, review, review_oversized, written_object};
use crate::sources::cluster::{LiveRole, RoleReader};

use super::Webhook;
use super::body::{self, BodyError, Budget, Received};
use super::connection::{FullBody, Handler};
use super::exchange::{Exchange, Observation};
use super::lifecycle::{Lifecycle, Phase};

/// `POST /validate`.
pub(super) struct Validate {
    live: Arc<Live>,
    roles: Option<Arc<RoleReader>>,
    metrics: Arc<Metrics>,
    lifecycle: Arc<Lifecycle>,
    in_flight: Semaphore,
    large: Semaphore,
    memory: Budget,
    max_body: usize,
    body_timeout: Duration,
    lost_after: Duration,
    clock: fn() -> Timestamp,
}

/// Why a request gets no review.
enum Refused {
    /// It is told so.
    Rejected(Rejection, Option<String>),
    /// Nobody is left to be told.
    Canceled,
}

impl Handler for Validate {
    async fn answer(&self, request: Request<Incoming>, exchange: &Exchange) -> Response<FullBody> {
        let began = exchange.headers_done();
        let (mut response, review) = match self.review(request, began, exchange).await {
            Ok((response, observation)) => (response, Some(observation)),
            Err(Refused::Rejected(rejection, reason)) => {
                self.metrics.rejected(rejection);
                (rejection.response(reason), None)
            }
            Err(Refused::Canceled) => (Rejection::NoUid.response(None), None),
        };
        exchange.answer(review);
        if self.lifecycle.phase() > Phase::Serving {
            close(&mut response);
        }
        response
    }
}

impl Validate {
    pub(super) fn new(webhook: &Webhook) -> Self {
        let limits = &webhook.limits;
        // The piece that makes a body too large is held too.
        let largest = limits.max_body_bytes.0.saturating_add(LARGE);
        let permits = |count: NonZeroUsize| count.get().min(Semaphore::MAX_PERMITS);
        let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            live: Arc::clone(&webhook.live),
            roles: webhook.roles.clone(),
            metrics: Arc::clone(&webhook.metrics),
            lifecycle: Arc::clone(&webhook.lifecycle),
            in_flight: Semaphore::new(permits(limits.max_in_flight)),
            large: Semaphore::new(permits(processors)),
            memory: Budget::new(limits.max_buffered_bytes.0.max(largest)),
            max_body: limits.max_body_bytes.0,
            body_timeout: limits.body_timeout,
            lost_after: webhook.lost_after,
            clock: webhook.clock,
        }
    }

    /// What is wrong is told in this order: path, method, content type, an ending server or one that knows no roles yet, a slow body, a full
    /// server, the body.
    async fn review(
        &self,
        request: Request<Incoming>,
        began: Instant,
        exchange: &Exchange,
    ) -> Result<(Response<FullBody>, Observation), Refused> {
        check_head(&request)?;
        let deadline = began + self.patience(request.uri());
        let current = self.live.current();
        let mut observation = Observation::begin(Arc::clone(&self.metrics), current, began);
        match self
            .judge(request.into_body(), deadline, exchange, &mut observation)
            .await
        {
            Ok(response) => Ok((response, observation)),
            Err(refused) => {
                if let Refused::Rejected(..) = refused {
                    observation.rejected();
                }
                Err(refused)
            }
        }
    }

    async fn judge(
        &self,
        body: Incoming,
        deadline: Instant,
        exchange: &Exchange,
        observation: &mut Observation,
    ) -> Result<Response<FullBody>, Refused> {
        if let Err(rejection) = self.can_judge() {
            // Whoever still writes when the connection closes sees a reset, and not the answer.
            body::skip(body, self.max_body, deadline).await?;
            return Err(rejection.into());
        }
        let received = body::read(body, self.max_body, deadline, &self.memory).await?;
        exchange.body_done();
        // Only now: whoever sends slowly must not keep a place from those whose body is there.
        let _slot = self.slot(deadline).await?;
        let is_oversized = matches!(received, Received::Oversized(_));
        let reply = self.reply_from_cluster(&received, observation.current(), deadline);
        match reply.await {
            Reply::Review { body, outcome } => {
                observation.decided(outcome);
                let mut response = json(body);
                if is_oversized {
                    close(&mut response);
                }
                Ok(response)
            }
            // A role that was read, or cannot be, is not asked for: this does not happen. It would be no admission.
            Reply::RoleToRead(_) => Err(Rejection::Saturated.into()),
            Reply::NoUid { reason } => Err(Refused::Rejected(Rejection::NoUid, Some(reason))),
        }
    }

    fn can_judge(&self) -> Result<(), Rejection> {
        if self.lifecycle.phase() == Phase::Draining {
            return Err(Rejection::Draining);
        }
        // Whoever asks by its address asks although it is not ready.
        if !self.live.cluster().is_ready() || !self.live.has_directory() {
            return Err(Rejection::NotReady);
        }
        Ok(())
    }

    /// A place in flight, for a body that has arrived: one that is awaited must not keep others from being judged.
    async fn slot(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Rejection> {
        let slot = timeout_at(deadline, self.in_flight.acquire()).await;
        slot.ok().and_then(Result::ok).ok_or(Rejection::Saturated)
    }

    /// Judges by what is known of the cluster and what others are about to write; where that leaves out the role, it is
    /// read first, once.
    async fn reply_from_cluster(
        &self,
        received: &Received<'_>,
        current: &Current,
        deadline: Instant,
    ) -> Reply {
        let Some(view) = self.live.view() else {
            return self.reply(received, current, Cluster::default()).await;
        };
        let pending = &self.live.pending;
        let own = written(received).map(|object| pending.enter(object, Instant::now()));
        let over = |view: &Arc<View>| pending.over(view, own.as_ref(), Instant::now());
        let is_lost = self
            .live
            .cluster()
            .is_lost_since(self.lost_after, (self.clock)());
        let seen = |view, role_read| Cluster {
            view: Some(view),
            role_read,
            is_lost,
        };
        let reader = self.roles.as_ref();
        let first = reader.map_or(RoleRead::Never, |_| RoleRead::Possible);
        let before = over(&view);
        let mut reply = self.reply(received, current, seen(&before, first)).await;
        if let (Reply::RoleToRead(role), Some(reader)) = (&reply, reader) {
            // Boxed, since it is rare and takes 4 kB, which would be moved with every request.
            let read = Box::pin(self.read_role(reader, role, deadline)).await;
            let role_read = read.as_ref().map_or(RoleRead::Failed, |_| RoleRead::Done);
            // Of the view from before the read: what the read said is at least as new as that.
            // With all ClusterRoles of a large cluster that takes milliseconds.
            let after = tokio::task::block_in_place(|| match read {
                Some(event) => over(&view.after(event)),
                None => over(&view),
            });
            reply = self.reply(received, current, seen(&after, role_read)).await;
        }
        if let (Some(own), true) = (own, is_let_through(&reply)) {
            own.keep();
        }
        reply
    }

    /// What the API server says of a role, while the request has time.
    async fn read_role(
        &self,
        reader: &RoleReader,
        role: &ObjectName,
        deadline: Instant,
    ) -> Option<Event> {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = left.saturating_sub(TIME_TO_ANSWER).min(ROLE_READ);
        let (result, event) = match reader.read(role, patience).await {
            LiveRole::Found(event) => (RoleReadResult::Found, Some(event)),
            LiveRole::Absent(event) => (RoleReadResult::Absent, Some(event)),
            LiveRole::Failed(reason) => {
                debug!(reason, "a role could not be read");
                (RoleReadResult::Failed, None)
            }
        };
        self.metrics.role_read(result);
        event
    }

    async fn reply(
        &self,
        received: &Received<'_>,
        current: &Current,
        cluster: Cluster<'_>,
    ) -> Reply {
        let context = Context::new(&current.rulebook, cluster, (self.clock)());
        match received {
            Received::Oversized(head) => review_oversized(head, self.max_body, &current.rulebook),
            Received::Whole(body) if body.bytes().len() > LARGE => {
                self.reply_apart(body.bytes(), context).await
            }
            Received::Whole(body) => review(body.bytes(), context),
        }
    }

    /// A review of megabytes takes as long as thousands of small ones, so it leaves them the thread, and large ones take
    /// turns on as many threads as there are processors.
    async fn reply_apart(&self, body: &[u8], context: Context<'_>) -> Reply {
        let _turn = self.large.acquire().await;
        tokio::task::block_in_place(|| review(body, context))
    }

    /// How long the body may take: the API server says in the query when it gives up.
    fn patience(&self, uri: &Uri) -> Duration {
        let asked = uri.query().and_then(timeout_of);
        asked.map_or(self.body_timeout, |asked| asked.min(self.body_timeout))
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection, None)
    }
}

impl From<BodyError> for Refused {
    fn from(lost: BodyError) -> Self {
        match lost {
            BodyError::TimedOut => Rejection::Timeout.into(),
            BodyError::OverBudget => Rejection::Saturated.into(),
            BodyError::Disconnected => Self::Canceled,
        }
    }
}

/// The role or binding that a review would write, unless it is a dry run.
fn written(received: &Received<'_>) -> Option<StoredObject> {
    match received {
        Received::Whole(body) => written_object(body.bytes()),
        Received::Oversized(_) => None,
    }
}

fn is_let_through(reply: &Reply) -> bool {
    match reply {
        Reply::Review { outcome, .. } => match outcome.decision {
            DecisionLabel::Judged(verdict) => verdict != Verdict::Denied,
            DecisionLabel::Invalid => false,
        },
        Reply::RoleToRead(_) | Reply::NoUid { .. } => false,
    }
}

fn check_head(request: &Request<Incoming>) -> Result<(), Rejection> {
    if request.uri().path() != PATH {
        return Err(Rejection::Path);
    }
    if request.method() != Method::POST {
        return Err(Rejection::Method);
    }
    if !is_json(request.headers()) {
        return Err(Rejection::ContentType);
    }
    Ok(())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = value.to_str().ok().and_then(|text| text.split(';').next());
    media_type.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/json"))
}

/// The API server writes whole seconds.
fn timeout_of(query: &str) -> Option<Duration> {
    let mut pairs = query.split('&');
    let value = pairs.find_map(|pair| pair.strip_prefix("timeout="))?;
    let seconds = value.strip_suffix('s')?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn json(body: Vec<u8>) -> Response<FullBody> {
    let mut response = Response::new(FullBody::from(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn close(response: &mut Response<FullBody>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
}

const PATH: &str = "/validate";

/// From here on a review is not judged on a thread that serves others: it takes about a millisecond.
const LARGE: usize = 256 * 1024;

/// How long a request waits for a role at most: an API server that is well answers in milliseconds.
const ROLE_READ: Duration = Duration::from_secs(2);

/// What is left of a request's time for the judgement and its way back.
const TIME_TO_ANSWER: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_servers_timeout_is_read_from_the_query() {
        assert_eq!(timeout_of("timeout=5s"), Some(Duration::from_secs(5)));
        assert_eq!(timeout_of("a=b&timeout=30s"), Some(Duration::from_secs(30)));
        for other in [
            "",
            "timeout=",
            "timeout=s",
            "timeout=-1s",
            "timeout=5",
            "xtimeout=5s",
        ] {
            assert_eq!(timeout_of(other), None, "{other}");
        }
    }

    #[test]
    fn json_may_have_parameters_and_only_one_header() {
        let one = |value| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
        assert!(is_json(&one("application/json")));
        assert!(is_json(&one("Application/JSON ; charset=utf-8")));
        assert!(!is_json(&one("application/jsonx")));
        assert!(!is_json(&one("text/plain; application/json")));
        assert!(!is_json(&HeaderMap::new()));
        let mut two = one("application/json");
        two.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(!is_json(&two));
    }
}
