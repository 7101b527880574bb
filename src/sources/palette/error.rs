//! What can go wrong with one request.

use std::time::Duration;

use crate::metrics::RequestResult;

/// A request that has no answer to be used, with what to do where somebody can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{request}: {problem}{}", tried(*.tries))]
pub struct ApiError {
    /// `GET /v1/users`.
    pub request: String,
    /// What is wrong.
    pub problem: ApiProblem,
    /// How often it was tried.
    pub tries: u32,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiProblem {
    /// The file of the key.
    #[error("{0}")]
    Key(String),
    /// 401.
    #[error(
        "Palette does not accept the key (401{0}): it ran out, was taken back, or is another tenant's; \
         make a new one in Palette and put it into the key file"
    )]
    Unauthorized(String),
    /// 403.
    #[error("the key's user may not read this (403{0}): give it the tenant role Tenant Viewer")]
    Forbidden(String),
    /// 404.
    #[error("there is none (404{0})")]
    NotFound(String),
    /// 429, and for how long to wait.
    #[error("Palette has had too many requests from this address (429)")]
    TooMany(Option<Duration>),
    /// 5xx, and for how long to wait.
    #[error("Palette failed ({0}{1})")]
    Server(u16, String, Option<Duration>),
    /// Another status.
    #[error("not an answer that is documented ({0}{1})")]
    Status(u16, String),
    /// 3xx: the key is sent to nobody else.
    #[error(
        "the answer sends us to another address ({0}), where the key is not sent; is --palette-url right?"
    )]
    Redirected(u16),
    /// Nothing came in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// No connection, or it broke.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The certificate is not trusted.
    #[error("its certificate is not trusted: {0}; --palette-ca names the CA of a private one")]
    Untrusted(String),
    /// Not what the API documents.
    #[error("the answer is broken: {0}")]
    Broken(String),
    /// It would take too much memory.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

impl ApiProblem {
    /// Whether the next try may go better.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::TooMany(_)
            | Self::Server(..)
            | Self::Timeout(_)
            | Self::Unreachable(_)
            | Self::Broken(_) => true,
            Self::Key(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Status(..)
            | Self::Redirected(_)
            | Self::Untrusted(_)
            | Self::TooLarge(_) => false,
        }
    }

    /// How long Palette asks to wait.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooMany(after) | Self::Server(_, _, after) => *after,
            _ => None,
        }
    }

    /// As it is counted.
    pub(super) const fn result(&self) -> RequestResult {
        match self {
            Self::Unauthorized(_) | Self::Forbidden(_) | Self::Key(_) => RequestResult::Denied,
            Self::NotFound(_) => RequestResult::NotFound,
            Self::TooMany(_) => RequestResult::TooMany,
            Self::Server(..) => RequestResult::ServerError,
            Self::Timeout(_) => RequestResult::Timeout,
            Self::Unreachable(_) | Self::Untrusted(_) => RequestResult::Unreachable,
            Self::Status(..) | Self::Redirected(_) | Self::Broken(_) | Self::TooLarge(_) => {
                RequestResult::Broken
            }
        }
    }
}

impl ApiError {
    /// Whether Palette says that there is no such object.
    pub const fn is_not_found(&self) -> bool {
        matches!(self.problem, ApiProblem::NotFound(_))
    }
}

fn tried(tries: u32) -> String {
    match tries {
        0 | 1 => String::new(),
        tries => format!(" (after {tries} tries)"),
    }
}
