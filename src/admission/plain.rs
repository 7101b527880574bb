//! JSON as an API server writes it, read faster than any JSON can be.
//!
//! Reads less than JSON is, and nothing that is not JSON: what it takes, `serde_json` reads alike. What it does not take,
//! a text with escapes that is wanted, say, or a number that is no natural one, is left to `serde_json`, as is all that
//! is wrong with a body.

use std::fmt;
use std::mem;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::json::special;

/// Reads text that is one such value.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, NotPlain> {
    let mut plain = Plain {
        text,
        place: 0,
        depth: 0,
    };
    let value = T::deserialize(&mut plain)?;
    match plain.token() {
        Ok(_) => Err(NotPlain),
        Err(NotPlain) => Ok(value),
    }
}

/// It has to be read by `serde_json`, or it is no JSON, or not what was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotPlain;

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain")
    }
}

impl std::error::Error for NotPlain {}

impl serde::de::Error for NotPlain {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// The text, how far it is read, and how many lists and maps are open there.
struct Plain<'de> {
    text: &'de str,
    place: usize,
    depth: usize,
}

impl<'de> Plain<'de> {
    /// The next byte that is no space.
    fn token(&mut self) -> Result<u8, NotPlain> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.place) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Ok(byte);
            }
            self.place += 1;
        }
        Err(NotPlain)
    }

    /// Passes this token.
    fn expect(&mut self, token: u8) -> Result<(), NotPlain> {
        // Most often nothing stands before it.
        if self.text.as_bytes().get(self.place) == Some(&token) {
            self.place += 1;
            return Ok(());
        }
        if self.token()? != token {
            return Err(NotPlain);
        }
        self.place += 1;
        Ok(())
    }

    /// Passes this word, if it is the next.
    fn word(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word.as_bytes());
        if is_next {
            self.place += word.len();
        }
        is_next
    }

    fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.place..).unwrap_or_default()
    }

    /// A text without escapes.
    fn string(&mut self) -> Result<&'de str, NotPlain> {
        self.expect(b'"')?;
        let (start, end) = (self.place, self.special()?);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return Err(NotPlain);
        }
        self.place = end + 1;
        self.text.get(start..end).ok_or(NotPlain)
    }

    fn special(&self) -> Result<usize, NotPlain> {
        special(self.text.as_bytes(), self.place).ok_or(NotPlain)
    }

    fn skip_string(&mut self) -> Result<(), NotPlain> {
        self.expect(b'"')?;
        loop {
            let end = self.special()?;
            self.place = end + 1;
            match self.text.as_bytes().get(end) {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.skip_escape()?,
                _ => return Err(NotPlain),
            }
        }
    }

    fn skip_escape(&mut self) -> Result<(), NotPlain> {
        self.place += match self.rest() {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 1,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) => 5,
            _ => return Err(NotPlain),
        };
        Ok(())
    }

    fn skip(&mut self) -> Result<(), NotPlain> {
        match self.token()? {
            b'"' => self.skip_string(),
            b'{' => self.skip_all(b'}'),
            b'[' => self.skip_all(b']'),
            b'0'..=b'9' => self.skip_natural(),
            _ if self.word("true") || self.word("false") || self.word("null") => Ok(()),
            _ => Err(NotPlain),
        }
    }

    fn skip_all(&mut self, end: u8) -> Result<(), NotPlain> {
        let mut items = Items::begin(self, end)?;
        while items.next()? {
            if end == b'}' {
                items.plain.skip_string()?;
                items.plain.expect(b':')?;
            }
            items.plain.skip()?;
        }
        Ok(())
    }

    fn skip_natural(&mut self) -> Result<(), NotPlain> {
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.place += digits;
        let has_leading_zero = digits > 1 && rest.first() == Some(&b'0');
        if has_leading_zero {
            Err(NotPlain)
        } else {
            Ok(())
        }
    }
}

/// The items of a list or a map, one after another.
struct Items<'p, 'de> {
    plain: &'p mut Plain<'de>,
    end: u8,
    is_first: bool,
}

impl<'p, 'de> Items<'p, 'de> {
    /// At the bracket that opens it.
    fn begin(plain: &'p mut Plain<'de>, end: u8) -> Result<Self, NotPlain> {
        plain.place += 1;
        plain.depth += 1;
        if plain.depth > DEEPEST {
            return Err(NotPlain);
        }
        Ok(Self {
            plain,
            end,
            is_first: true,
        })
    }

    /// Whether there is one more, which then is next.
    fn next(&mut self) -> Result<bool, NotPlain> {
        let token = self.plain.token()?;
        if token == self.end {
            self.plain.place += 1;
            self.plain.depth -= 1;
            return Ok(false);
        }
        if mem::take(&mut self.is_first) {
            return Ok(true);
        }
        self.plain.expect(b',')?;
        if self.plain.token()? == self.end {
            return Err(NotPlain);
        }
        Ok(true)
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = NotPlain;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotPlain> {
        if !self.next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.plain).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, NotPlain> {
        self.plain.expect(b':')?;
        seed.deserialize(&mut *self.plain)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = NotPlain;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, NotPlain> {
        if !self.next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.plain).map(Some)
    }
}

impl<'de> Deserializer<'de> for &mut Plain<'de> {
    type Error = NotPlain;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        match self.token()? {
            b'"' => visitor.visit_borrowed_str(self.string()?),
            b'{' => visitor.visit_map(Items::begin(self, b'}')?),
            b'[' => visitor.visit_seq(Items::begin(self, b']')?),
            _ if self.word("true") => visitor.visit_bool(true),
            _ if self.word("false") => visitor.visit_bool(false),
            // Whether a `null` is welcome is the caller's to say, and numbers are for serde_json.
            _ => Err(NotPlain),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        if self.token()? == b'n' {
            return if self.word("null") {
                visitor.visit_none()
            } else {
                Err(NotPlain)
            };
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        // Fields in a list, without their names, are for serde_json.
        self.expect(b'{')?;
        self.place -= 1;
        visitor.visit_map(Items::begin(self, b'}')?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier
    }
}

/// Deeper than any object of Kubernetes, and shallow enough for the stack.
const DEEPEST: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::Value;

    use std::sync::LazyLock;

    use super::*;

    /// What this takes, `serde_json` takes, and reads alike.
    fn agrees(text: &str) {
        if let Ok(value) = read::<Value>(text) {
            assert_eq!(
                serde_json::from_str::<Value>(text).unwrap(),
                value,
                "{text}"
            );
        }
        if read::<IgnoredAny>(text).is_ok() {
            serde_json::from_str::<IgnoredAny>(text).unwrap();
        }
    }

    /// As an API server sends it.
    static REVIEW: LazyLock<String> = LazyLock::new(|| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/review.json");
        std::fs::read_to_string(file).unwrap()
    });

    #[test]
    fn a_review_of_an_api_server_is_plain() {
        assert_eq!(read::<IgnoredAny>(&REVIEW).map(|_| ()), Ok(()));
        let escapes = r#"{"k:{\"uid\":\"1\"}":["\u003c\/", 10, 0, null, true, {}, []]}"#;
        assert_eq!(read::<IgnoredAny>(escapes).map(|_| ()), Ok(()));
    }

    #[test]
    fn what_is_no_json_or_not_so_plain_is_left_alone() {
        for text in [
            "",
            "{",
            "}",
            "[1,]",
            "[,1]",
            "[1 2]",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            "{1:1}",
            "01",
            "-1",
            "1e3",
            "1.5",
            "nul",
            "truer",
            "\"a",
            r#""\x""#,
            r#""\u12g4""#,
            "\"\n\"",
            "\"a\u{1f}bcdefghij\"",
            "[1]]",
            "{}{}",
            "[}",
            "{]",
            &"[".repeat(100_000),
        ] {
            assert_eq!(
                read::<IgnoredAny>(text).map(|_| ()),
                Err(NotPlain),
                "{text}"
            );
            agrees(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_it_takes_serde_json_takes(text in r#"([\[\]{}:, "\\a01\-.eu/\n]|null|true|"a"|"b":|\\u00e4|1){0,24}"#) {
            agrees(&text);
        }

        #[test]
        fn a_review_with_a_byte_changed_is_read_alike(place in 0..REVIEW.len(), byte in "[ -~\n\u{1}]") {
            let mut text = REVIEW.to_owned();
            text.replace_range(place..=place, &byte);
            agrees(&text);
        }
    }
}
