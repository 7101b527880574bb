//! One request and its answer: how often, how long, how many times, and with which key.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use enum_map::EnumMap;
use reqwest::header::{HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Response, StatusCode};
use rustls::crypto::ring;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, sleep_until};

use super::error::{ApiError, ApiProblem};
use super::key::Key;
use super::{Endpoint, counted_as};
use crate::metrics::{RequestResult, VERSION};
use crate::sources::SourceError;

/// How Palette is reached.
#[derive(Debug, Clone)]
pub struct PaletteOptions {
    /// Its address, without `/v1`.
    pub url: String,
    /// The file of the API key, read for each request.
    pub key_file: PathBuf,
    /// The CAs that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How many requests a second for each resource.
    pub rate: u32,
    /// How long one answer may take.
    pub answer_timeout: Duration,
    /// How often a request is tried.
    pub tries: u32,
}

/// Told of each request that was answered or not.
pub type Observed = Arc<dyn Fn(Endpoint, RequestResult) + Send + Sync>;

/// A client of Palette's API, with at most so many requests a second for each resource.
pub struct PaletteClient {
    http: reqwest::Client,
    options: PaletteOptions,
    /// When the next request of each kind may leave.
    next: EnumMap<Endpoint, std::sync::Mutex<Instant>>,
    observed: Observed,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Call {
    endpoint: Endpoint,
    path: String,
    query: Vec<(&'static str, String)>,
    /// A POST where there is one.
    body: Option<String>,
    project: Option<String>,
}

impl Call {
    /// A GET of this path, below `/v1/`.
    pub fn get(endpoint: Endpoint, path: impl Into<String>) -> Self {
        Self {
            endpoint,
            path: path.into(),
            query: Vec::new(),
            body: None,
            project: None,
        }
    }

    /// A POST that reads: Palette's searches.
    pub fn post(endpoint: Endpoint, path: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            body: Some(body.into()),
            ..Self::get(endpoint, path)
        }
    }

    /// With this parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Within a project; without it, in the tenant.
    #[must_use]
    pub fn in_project(mut self, project: Option<&str>) -> Self {
        self.project = project.map(str::to_owned);
        self
    }

    /// The next page of the same list.
    pub(super) fn followed_by(mut self, token: String) -> Self {
        self.query.retain(|(name, _)| *name != CONTINUE);
        self.with(CONTINUE, token)
    }

    /// `GET /v1/users`, for messages.
    pub(super) fn name(&self) -> String {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        format!("{method} /v1/{}", self.path)
    }
}

impl PaletteClient {
    /// Reads the CA and checks the address; asks nothing yet.
    pub fn new(options: PaletteOptions, observed: Observed) -> Result<Self, SourceError> {
        let rejected = |problem: String| SourceError::Rejected(vec![problem]);
        check_url(&options.url).map_err(rejected)?;
        let http = http_client(options.ca_file.as_ref())?
            .timeout(options.answer_timeout)
            .build()
            .map_err(|error| rejected(format!("cannot set up HTTPS: {}", causes(&error))))?;
        let now = Instant::now();
        Ok(Self {
            http,
            options,
            next: EnumMap::from_fn(|_| std::sync::Mutex::new(now)),
            observed,
        })
    }

    /// The answer to one call, asked again while what is wrong may pass.
    pub async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ApiError> {
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(FIRST_DELAY)
            .with_max_delay(LONGEST_DELAY)
            .with_jitter()
            .without_max_times()
            .build();
        let mut tries = 1;
        loop {
            self.turn(counted_as(call.endpoint)).await;
            let answer = self.attempt(call).await;
            let result = answer.as_ref().err();
            (self.observed)(
                call.endpoint,
                result.map_or(RequestResult::Ok, ApiProblem::result),
            );
            let problem = match answer {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            if !problem.may_pass() || tries >= self.options.tries {
                return Err(ApiError {
                    request: call.name(),
                    problem,
                    tries,
                });
            }
            tries += 1;
            let delay = delays.next().unwrap_or(LONGEST_DELAY);
            let delay = problem.retry_after().map_or(delay, |asked| asked + delay);
            if matches!(problem, ApiProblem::TooMany(_)) {
                // It is meant for every request of that kind, not for this one only.
                self.hold(counted_as(call.endpoint), delay);
            }
            sleep(delay).await;
        }
    }

    /// Waits until a request of that kind may leave.
    async fn turn(&self, endpoint: Endpoint) {
        let gap = Duration::from_secs(1) / self.options.rate.max(1);
        let at = {
            let mut next = self.next[endpoint]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let at = (*next).max(Instant::now());
            *next = at + gap;
            at
        };
        sleep_until(at).await;
    }

    fn hold(&self, endpoint: Endpoint, delay: Duration) {
        let mut next = self.next[endpoint]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + delay);
    }

    async fn attempt<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ApiProblem> {
        let key = Key::read(&self.options.key_file).map_err(ApiProblem::Key)?;
        let header = key
            .header()
            .ok_or_else(|| ApiProblem::Key("the key cannot be sent in a header".to_owned()))?;
        let method = match call.body {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        let url = format!(
            "{}/v1/{}",
            self.options.url.trim_end_matches('/'),
            call.path
        );
        let url = reqwest::Url::parse_with_params(&url, &call.query)
            .map_err(|error| ApiProblem::Unreachable(error.to_string()))?;
        let mut request = self
            .http
            .request(method, url)
            .header(API_KEY, header)
            .header(reqwest::header::ACCEPT, "application/json");
        if let Some(project) = &call.project {
            request = request.header(PROJECT, project);
        }
        if let Some(body) = &call.body {
            request = request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let failed = |error: reqwest::Error| self.problem(error, &key);
        let response = request.send().await.map_err(failed)?;
        let (status, after) = (response.status(), retry_after(&response));
        let body = body(response).await.map_err(|error| match error {
            BodyError::Http(error) => self.problem(error, &key),
            BodyError::TooLarge => ApiProblem::TooLarge(MAX_ANSWER),
        });
        if status.is_success() {
            let text = body?;
            return serde_json::from_slice(&text)
                .map_err(|error| ApiProblem::Broken(key.redact(&error.to_string())));
        }
        // What cannot be read of an error is no more than its words.
        let said = key.redact(&said(&body.unwrap_or_default()));
        Err(refused(status, said, after))
    }

    fn problem(&self, error: reqwest::Error, key: &Key) -> ApiProblem {
        if error.is_timeout() {
            return ApiProblem::Timeout(self.options.answer_timeout);
        }
        let is_untrusted = sources(&error).any(is_of_tls);
        let text = key.redact(&causes(&error.without_url()));
        if is_untrusted {
            ApiProblem::Untrusted(text)
        } else {
            ApiProblem::Unreachable(text)
        }
    }
}

/// What every client of ours is: no redirects, a proxy by the usual variables, the named CAs or else the system's.
pub(in crate::sources) fn http_client(
    ca_file: Option<&PathBuf>,
) -> Result<reqwest::ClientBuilder, SourceError> {
    // reqwest asks rustls for the provider of the process. Where somebody chose one already, that is it.
    let _ = ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(format!("palette-rbac/{VERSION}"))
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT);
    let Some(path) = ca_file else {
        return Ok(builder);
    };
    let pem = std::fs::read(path).map_err(|error| SourceError::Unreadable {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    let trusted = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if trusted.is_empty() {
        let problem = format!("{}: no certificate in it", path.display());
        return Err(SourceError::Rejected(vec![problem]));
    }
    Ok(builder.tls_certs_only(trusted))
}

/// The key is sent in clear to nobody but this machine.
fn check_url(url: &str) -> Result<(), String> {
    let parsed = reqwest::Url::parse(url)
        .map_err(|error| format!("--palette-url `{url}` is no address: {error}"))?;
    let host = parsed.host_str().unwrap_or_default();
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    if parsed.scheme() == "https" || (parsed.scheme() == "http" && is_here) {
        return Ok(());
    }
    Err(format!(
        "--palette-url `{url}` must begin with https://: the key is sent there"
    ))
}

enum BodyError {
    Http(reqwest::Error),
    TooLarge,
}

async fn body(mut response: Response) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Http)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refused(status: StatusCode, said: String, after: Option<Duration>) -> ApiProblem {
    match status.as_u16() {
        401 => ApiProblem::Unauthorized(said),
        403 => ApiProblem::Forbidden(said),
        404 => ApiProblem::NotFound(said),
        429 => ApiProblem::TooMany(after),
        code @ 300..=399 => ApiProblem::Redirected(code),
        code @ 500.. => ApiProblem::Server(code, said, after),
        code => ApiProblem::Status(code, said),
    }
}

/// What Palette says of an error: `: user not found`, of no more than a line.
fn said(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(default)]
        message: String,
    }
    let problem = serde_json::from_slice::<Problem>(body);
    let message = problem.map(|problem| problem.message).unwrap_or_default();
    let end = message.floor_char_boundary(LONGEST_MESSAGE);
    match message.get(..end) {
        Some("") | None => String::new(),
        Some(message) => format!(": {}", message.escape_debug()),
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// What rustls says comes as it is, or within an error of the connection.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let within = error.downcast_ref::<std::io::Error>();
    let within = within.and_then(std::io::Error::get_ref);
    match within {
        Some(inner) => is_of_tls(inner),
        None => error.is::<rustls::Error>(),
    }
}

/// An error with what it came from; reqwest's own text says little.
pub(in crate::sources) fn causes(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = sources(error).skip(1).map(ToString::to_string).collect();
    match texts.last() {
        Some(last) => last.clone(),
        None => error.to_string(),
    }
}

const CONTINUE: &str = "continue";
const API_KEY: HeaderName = HeaderName::from_static("apikey");
const PROJECT: HeaderName = HeaderName::from_static("projectuid");

/// A page of 50 is some ten kilobytes; what lists all members of a project of 20,000 some megabytes.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

const LONGEST_MESSAGE: usize = 300;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
