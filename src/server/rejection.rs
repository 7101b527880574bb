//! What is answered where nothing is reviewed.

use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use crate::metrics::Rejection;

use super::connection::FullBody;

impl Rejection {
    /// The answer without a review; a line for whoever tries the webhook by hand.
    pub(super) fn response(self, reason: Option<String>) -> Response<FullBody> {
        let (status, text) = self.words();
        let text = reason.map_or_else(|| text.to_owned(), |reason| format!("{text}: {reason}"));
        let mut response = plain(status, &text);
        if let Some((name, value)) = self.header() {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }

    const fn words(self) -> (StatusCode, &'static str) {
        match self {
            Self::Path => (StatusCode::NOT_FOUND, "reviews are answered at /validate"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "send the review by POST"),
            Self::ContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send the review as application/json",
            ),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
            Self::NoUid => (
                StatusCode::BAD_REQUEST,
                "no AdmissionReview with a request.uid that could be answered",
            ),
            Self::Saturated => (
                StatusCode::SERVICE_UNAVAILABLE,
                "as many reviews as may be are in flight (--max-in-flight, --max-buffered-bytes)",
            ),
            Self::Draining => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is shutting down",
            ),
            Self::NotReady => (
                StatusCode::SERVICE_UNAVAILABLE,
                "what the cluster's roles allow is not known: /readyz of the admin address says why",
            ),
        }
    }

    const fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Method => Some((ALLOW, "POST")),
            Self::Saturated | Self::Draining | Self::NotReady => Some((RETRY_AFTER, "1")),
            // What is still to come of the body must not be taken for the next request.
            Self::Timeout => Some((CONNECTION, "close")),
            Self::Path | Self::ContentType | Self::NoUid => None,
        }
    }
}

/// A line of text.
pub(super) fn plain(status: StatusCode, text: &str) -> Response<FullBody> {
    let mut response = Response::new(FullBody::from(format!("{text}\n")));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}
