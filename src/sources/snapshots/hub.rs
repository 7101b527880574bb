//! A snapshot from `sync --listen`, asked for again and again.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::content::Delivered;
use super::unreadable;
use crate::sources::SourceError;
use crate::sources::palette::{causes, http_client};

/// How the hub is reached.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// `https://HOST/v1/directories/CLUSTER`.
    pub url: String,
    /// The file of this cluster's token, read for each request.
    pub token_file: Option<PathBuf>,
    /// The CAs that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The client certificate and its key, in one PEM file.
    pub identity_file: Option<PathBuf>,
    /// How often it is asked.
    pub interval: Duration,
    /// The largest text.
    pub limit: usize,
}

/// Delivers each snapshot that is new, and each reason why none came; for as long as it is polled.
///
/// What is not changed is delivered as no text but the time at which it was true.
pub async fn follow_hub(options: HubOptions, listener: Sender<Result<Delivered, SourceError>>) {
    let mut known: Option<(HeaderValue, Delivered)> = None;
    let mut is_failing = false;
    loop {
        let answer = ask(&options, known.as_ref().map(|(tag, _)| tag)).await;
        let news = match answer {
            Ok(Answer::Same(as_of)) => known.as_mut().and_then(|(_, delivered)| {
                let is_news = is_failing || as_of > delivered.as_of;
                delivered.as_of = delivered.as_of.max(as_of);
                is_news.then(|| Ok(delivered.clone()))
            }),
            Ok(Answer::New(tag, delivered)) => {
                known = Some((tag, delivered.clone()));
                Some(Ok(delivered))
            }
            Err(reason) => Some(Err(unreadable(&options.url, &reason))),
        };
        is_failing = news.as_ref().map_or(is_failing, Result::is_err);
        if let Some(news) = news
            && listener.send(news).await.is_err()
        {
            return;
        }
        sleep(options.interval).await;
    }
}

enum Answer {
    Same(Timestamp),
    New(HeaderValue, Delivered),
}

async fn ask(options: &HubOptions, known: Option<&HeaderValue>) -> Result<Answer, String> {
    // Made anew each time: certificates and tokens are replaced in their files.
    let mut builder = http_client(options.ca_file.as_ref()).map_err(|error| error.to_string())?;
    if let Some(path) = &options.identity_file {
        let shown = path.display();
        let pem = fs::read(path).map_err(|error| format!("`{shown}`: {error}"))?;
        let identity = reqwest::Identity::from_pem(&pem)
            .map_err(|error| format!("`{shown}`: {}", causes(&error)))?;
        builder = builder.identity(identity);
    }
    let http = builder
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| causes(&error))?;
    let mut request = http.get(&options.url);
    if let Some(path) = &options.token_file {
        let shown = path.display();
        let token = fs::read_to_string(path).map_err(|error| format!("`{shown}`: {error}"))?;
        request = request.bearer_auth(token.trim());
    }
    if let Some(tag) = known {
        request = request.header(IF_NONE_MATCH, tag);
    }
    let mut response = request
        .send()
        .await
        .map_err(|error| causes(&error.without_url()))?;
    let as_of = response.headers().get(AS_OF_HEADER);
    let as_of: Option<Timestamp> = as_of.and_then(|it| it.to_str().ok()?.parse().ok());
    let Some(as_of) = as_of else {
        return Err(match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "the hub does not know this cluster's token or certificate".to_owned()
            }
            StatusCode::NOT_FOUND => "the hub has no snapshot for this cluster yet".to_owned(),
            status => format!("the hub answers {}", status.as_u16()),
        });
    };
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(Answer::Same(as_of));
    }
    let tag = response.headers().get(ETAG).cloned();
    let tag = tag.ok_or("the hub's answer has no ETag")?;
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error))? {
        if text.len() + chunk.len() > options.limit {
            return Err(format!("it has more than {} bytes", options.limit));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(Answer::New(tag, Delivered { text, as_of }))
}

/// In which the hub says when a snapshot was true.
pub const AS_OF_HEADER: &str = "palette-rbac-as-of";

/// The hub answers from memory; over a slow line a large directory takes a while.
const TIMEOUT: Duration = Duration::from_secs(30);
