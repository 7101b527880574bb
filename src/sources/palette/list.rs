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
}

impl PaletteClient {
    /// All rows, from as many pages as there are.
    pub async fn list<T>(&self, call: &Call) -> Result<Vec<T>, ListError>
    where
        T: DeserializeOwned + Row,
    {
        let mut odd = String::new();
        for _ in 0..TIMES {
            match self.list_once(call).await? {
                Ok(rows) => return Ok(rows),
                Err(unstable) => odd = unstable,
            }
        }
        Err(ListError::Unstable(call.name(), odd))
    }

    async fn list_once<T>(&self, call: &Call) -> Result<Result<Vec<T>, String>, ApiError>
    where
        T: DeserializeOwned + Row,
    {
        let mut rows: Vec<T> = Vec::new();
        let mut uids: HashSet<Box<str>> = HashSet::new();
        let mut tokens: HashSet<String> = HashSet::new();
        let mut count = None;
        let mut call = call.clone().with("limit", PAGE.to_string());
        loop {
            let page: Page<T> = self.ask(&call).await?;
            let Some(meta) = page.listmeta else {
                let is_whole = page.items.is_empty() && rows.is_empty();
                let odd = || String::from("a page says nothing of the whole list (listmeta)");
                return Ok(is_whole.then_some(rows).ok_or_else(odd));
            };
            let said = *count.get_or_insert(meta.count);
            if said != meta.count {
                return Ok(Err(format!(
                    "the list has {} rows on one page and {said} on another",
                    meta.count
                )));
            }
            let is_empty = page.items.is_empty();
            for row in page.items {
                if let Some(uid) = row.uid()
                    && !uids.insert(uid.into())
                {
                    return Ok(Err(format!(
                        "the row of uid {} comes twice",
                        uid.escape_debug()
                    )));
                }
                rows.push(row);
            }
            let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            if read > said || read > MOST {
                return Ok(Err(format!("{read} rows came where {said} were announced")));
            }
            if meta.r#continue.is_empty() {
                let odd = || format!("{read} rows came where {said} were announced");
                return Ok((read == said).then_some(rows).ok_or_else(odd));
            }
            if is_empty || !tokens.insert(meta.r#continue.clone()) {
                return Ok(Err(String::from(
                    "the pages do not end: the same page was announced twice",
                )));
            }
            call = call.followed_by(meta.r#continue);
        }
    }
}

/// As often as a list is read while it changes.
const TIMES: usize = 3;

/// Palette's largest page.
const PAGE: usize = 50;

/// A tenant of a million users is none.
const MOST: i64 = 1_000_000;
