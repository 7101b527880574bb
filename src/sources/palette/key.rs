//! The API key, which nobody is to read anywhere.

use std::fmt;
use std::fs;
use std::path::Path;

use reqwest::header::HeaderValue;

/// A key as it stands in its file; it prints as nothing.
pub(super) struct Key(String);

impl Key {
    /// Reads it anew, so that a key that was replaced is used from the next request on.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read the key file `{shown}`: {error}"))?;
        let key = text.trim();
        if key.is_empty() {
            return Err(format!("the key file `{shown}` is empty"));
        }
        // A whole kubeconfig or a password file in its place must not be sent anywhere.
        if key.len() > LONGEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "the key file `{shown}` has more in it than a key: one word of at most {LONGEST} letters is expected"
            ));
        }
        Ok(Self(key.to_owned()))
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A text of another's without the key: an answer may repeat what it was asked with.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Keys of Palette are some 32 letters, tokens of a session some thousand.
const LONGEST: usize = 8192;
