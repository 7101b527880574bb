//! Texts in JSON, which most often stand for themselves.

/// Writes a text in quotes.
pub(crate) fn write_text(to: &mut Vec<u8>, text: &str) {
    if special(text.as_bytes(), 0).is_some() {
        // Texts can always be written, and a vector takes them.
        let _ = serde_json::to_writer(to, text);
        return;
    }
    to.push(b'"');
    to.extend_from_slice(text.as_bytes());
    to.push(b'"');
}

/// Where the first byte is, from `start` on, that may not stand for itself in a text: a quote, a backslash, a control
/// character.
///
/// By eight bytes at a time; a byte is found by the borrow of a subtraction, which may mark those above it too.
#[inline]
pub(crate) fn special(bytes: &[u8], start: usize) -> Option<usize> {
    let mut place = start;
    while let Some(eight) = bytes.get(place..)?.first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (EACH * 0x22);
        let backslash = word ^ (EACH * 0x5c);
        let marks = word.wrapping_sub(EACH * 0x20) & !word
            | quote.wrapping_sub(EACH) & !quote
            | backslash.wrapping_sub(EACH) & !backslash;
        let marks = marks & (EACH * 0x80);
        if marks != 0 {
            return Some(place.wrapping_add((marks.trailing_zeros() / 8) as usize));
        }
        place = place.wrapping_add(8);
    }
    special_one_by_one(bytes, place)
}

fn special_one_by_one(bytes: &[u8], start: usize) -> Option<usize> {
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let ahead = bytes.get(start..)?.iter().position(is_special)?;
    Some(start + ahead)
}

/// A one in each byte.
const EACH: u64 = u64::MAX / 255;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_special_byte_is_found_wherever_it_is(
            text in proptest::collection::vec(any::<u8>(), 0..40),
            start in 0..40_usize,
        ) {
            let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            let rest = text.get(start..).unwrap_or_default();
            let place = rest.iter().position(is_special).map(|ahead| start + ahead);
            prop_assert_eq!(special(&text, start), place);
        }

        #[test]
        fn a_text_is_written_as_serde_json_does(text in any::<String>()) {
            let mut written = Vec::new();
            write_text(&mut written, &text);
            prop_assert_eq!(written, serde_json::to_vec(&text).unwrap());
        }
    }
}
