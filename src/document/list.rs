//! A list that is read one item after another.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// Hands on each item of a list as it is read, so that the list is never in memory as a whole.
///
/// As leniently as the API server stores lists: `null` is an empty one. `expected` completes "expected …".
pub(crate) fn for_each<'de, D, T, E>(
    deserializer: D,
    expected: &'static str,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
    E: Display,
{
    deserializer.deserialize_any(Items {
        expected,
        take,
        item: PhantomData,
    })
}

struct Items<T, F> {
    expected: &'static str,
    take: F,
    item: PhantomData<T>,
}

impl<'de, T, E, F> Visitor<'de> for Items<T, F>
where
    T: Deserialize<'de>,
    E: Display,
    F: FnMut(T) -> Result<(), E>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_unit<X>(self) -> Result<(), X> {
        Ok(())
    }

    fn visit_none<X>(self) -> Result<(), X> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.take)(item).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
