//! Lists that come in pages, and what shows that one is not whole.
//!
//! Palette's `continue` holds an offset: while the list changes, rows can be left out or come twice. So a list counts
//! only if the count is the same on each page, no row comes twice, and there are as many as it says.

use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::client::{Call, PaletteClient};
use super::error::ApiError;
use super::wire::{Page, Row};

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A page cannot be had.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It was listed several times and was never whole.
    #[error("{0}: {1}; listed {TIMES} times, and never whole")]
    Unstable(String, String),
    /// There are more than are wanted.
    #[error("{0}: {1} rows")]
    TooMany(String, i64),
}

impl PaletteClient {
    /// All rows, from as many pages as there are.
    pub async fn list<T>(&self, call: &Call) -> Result<Vec<T>, ListError>
    where
        T: DeserializeOwned + Row,
    {
        self.list_up_to(call, MOST).await
    }

    /// The same, unless there are more than so many.
    pub async fn list_up_to<T>(&self, call: &Call, most: i64) -> Result<Vec<T>, ListError>
    where
        T: DeserializeOwned + Row,
    {
        let mut odd = String::new();
        for _ in 0..TIMES {
            match self.list_once(call, most).await? {
                Ok(rows) => return Ok(rows),
                Err(Unwhole::TooMany(count)) => {
                    return Err(ListError::TooMany(call.name(), count));
                }
                Err(Unwhole::Odd(unstable)) => odd = unstable,
            }
        }
        Err(ListError::Unstable(call.name(), odd))
    }

    async fn list_once<T>(
        &self,
        call: &Call,
        most: i64,
    ) -> Result<Result<Vec<T>, Unwhole>, ApiError>
    where
        T: DeserializeOwned + Row,
    {
        let mut listing = Listing::new(most);
        let mut call = call.clone().with("limit", PAGE.to_string());
        loop {
            match listing.add(self.ask(&call).await?) {
                Ok(Some(token)) => call = call.followed_by(token),
                Ok(None) => return Ok(Ok(listing.rows)),
                Err(unwhole) => return Ok(Err(unwhole)),
            }
        }
    }
}

/// Why a list cannot be taken as it came.
enum Unwhole {
    TooMany(i64),
    Odd(String),
}

/// A list in the making.
struct Listing<T> {
    most: i64,
    count: Option<i64>,
    rows: Vec<T>,
    uids: HashSet<Box<str>>,
    tokens: HashSet<String>,
}

impl<T: Row> Listing<T> {
    fn new(most: i64) -> Self {
        Self {
            most,
            count: None,
            rows: Vec::new(),
            uids: HashSet::new(),
            tokens: HashSet::new(),
        }
    }

    /// Takes a page, and tells the token of the next; none where the list is whole.
    fn add(&mut self, page: Page<T>) -> Result<Option<String>, Unwhole> {
        let odd = |text: String| Err(Unwhole::Odd(text));
        let Some(meta) = page.listmeta else {
            if page.items.is_empty() && self.rows.is_empty() {
                return Ok(None);
            }
            return odd("a page says nothing of the whole list (listmeta)".to_owned());
        };
        let said = *self.count.get_or_insert(meta.count);
        if said > self.most {
            return Err(Unwhole::TooMany(said));
        }
        if said != meta.count {
            let now = meta.count;
            return odd(format!(
                "the list has {now} rows on one page and {said} on another"
            ));
        }
        let is_empty = page.items.is_empty();
        for row in page.items {
            if let Some(uid) = row.uid()
                && !self.uids.insert(uid.into())
            {
                return odd(format!("the row of uid {} comes twice", uid.escape_debug()));
            }
            self.rows.push(row);
        }
        let read = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let is_last = meta.r#continue.is_empty();
        if read > said || (is_last && read < said) {
            return odd(format!("{read} rows came where {said} were announced"));
        }
        if is_last {
            return Ok(None);
        }
        if is_empty || !self.tokens.insert(meta.r#continue.clone()) {
            return odd("the pages do not end: the same page was announced twice".to_owned());
        }
        Ok(Some(meta.r#continue))
    }
}

/// As often as a list is read while it changes.
const TIMES: usize = 3;

/// Palette's largest page.
const PAGE: usize = 50;

/// A tenant of a million users is none.
const MOST: i64 = 1_000_000;
