//! From bytes to text, as kubectl's reader takes them.

use std::borrow::Cow;

use crate::document::{Mistake, utf8};

use super::START;

/// The text, by its byte order mark: UTF-16 of either order, otherwise UTF-8.
///
/// As kubectl (`unicode.BOMOverride` in `k8s.io/cli-runtime/pkg/resource`), which replaces what is no character and goes
/// on; here it is refused.
pub(super) fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, Mistake> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest).map(Cow::Borrowed),
        bytes => utf8(bytes).map(Cow::Borrowed),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Mistake> {
    let (units, odd) = bytes.as_chunks::<2>();
    let units = units.iter().map(|pair| unit(*pair));
    let text: Option<String> = char::decode_utf16(units).map(Result::ok).collect();
    text.filter(|_| odd.is_empty())
        .ok_or_else(|| Mistake::new(START, "", "not UTF-16, as its first bytes say"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_order_mark_says_what_it_is() {
        let read = |bytes: &[u8]| decoded(bytes).unwrap().into_owned();
        assert_eq!(read(b"k\xc3\xa4"), "kä");
        assert_eq!(read(b"\xef\xbb\xbfk\xc3\xa4"), "kä");
        assert_eq!(read(b"\xff\xfek\0\xe4\0\x3d\xd8\0\xde"), "kä😀");
        assert_eq!(read(b"\xfe\xff\0k\0\xe4"), "kä");
        for broken in [&b"\xff\xfek"[..], b"\xff\xfe\x3d\xd8", b"\xff", b"a: \xc3("] {
            assert!(decoded(broken).is_err(), "{broken:?}");
        }
    }
}
