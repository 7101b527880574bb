//! What the API server or the way to it says, in a line.

use std::error::Error;

/// What went wrong with a request to the API server, in a line.
pub(crate) fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        // These two say only that there is a cause.
        kube::Error::Service(error) => chain(&**error),
        kube::Error::HyperError(error) => chain(error),
        error => error.to_string(),
    }
}

/// Every cause that its effect does not say already.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let own = error.to_string();
        if !text.contains(&own) {
            text.push_str(": ");
            text.push_str(&own);
        }
        cause = error.source();
    }
    text
}
