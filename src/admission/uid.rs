//! The uid of a body that is otherwise no review: without it, no answer counts.

use std::ops::RangeInclusive;

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};

/// How long a uid may be. The API server's are 36 bytes; longer ones are no uid.
pub(super) const UID_BYTES: RangeInclusive<usize> = 1..=256;

/// The uid of a review that may be broken or cut off after it.
///
/// Reads as far as it must and no further, so that the first kilobytes of a body over the limit are enough.
pub fn uid_of(bytes: &[u8]) -> Option<String> {
    let mut uid = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // The error only says that reading stopped: at the uid, or before it.
    let _ = reader.deserialize_map(Walk {
        wanted: "request",
        uid: &mut uid,
    });
    uid
}

/// Walks into the map's `wanted` key, and there into `uid`; stops with an error once it has the uid.
struct Walk<'u> {
    wanted: &'static str,
    uid: &'u mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key != self.wanted {
                map.next_value::<IgnoredAny>()?;
            } else if self.wanted == "request" {
                return map.next_value_seed(Walk {
                    wanted: "uid",
                    uid: self.uid,
                });
            } else {
                let text: String = map.next_value()?;
                *self.uid = Some(text).filter(|uid| UID_BYTES.contains(&uid.len()));
                return Err(A::Error::custom("found"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_uid_before_whatever_is_broken() {
        let cut = br#"{"kind":"AdmissionReview","request":{"uid":"705ab4f5","object":{"metadata":{"name":"<<<<"#;
        assert_eq!(uid_of(cut).as_deref(), Some("705ab4f5"));
        assert_eq!(uid_of(br#"{"request":{"dryRun":tru"#), None);
        assert_eq!(uid_of(br#"{"request":{"uid":7}}"#), None);
        assert_eq!(uid_of(br#"{"request":{"uid":""}}"#), None);
        assert_eq!(uid_of(br#"{"uid":"outside"}"#), None);
        assert_eq!(uid_of(b"[]"), None);
        assert_eq!(uid_of(b""), None);
    }

    #[test]
    fn does_not_take_the_object_s_uid_for_the_request_s() {
        let nested =
            br#"{"request":{"object":{"uid":"theirs","metadata":{"uid":"theirs"}},"uid":"ours"}}"#;
        assert_eq!(uid_of(nested).as_deref(), Some("ours"));
    }

    #[test]
    fn a_uid_longer_than_any_is_none() {
        let long = format!(r#"{{"request":{{"uid":"{}"}}}}"#, "a".repeat(257));
        assert_eq!(uid_of(long.as_bytes()), None);
    }
}
