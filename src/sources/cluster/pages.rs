//! Lists in pages.

use std::fmt::Debug;

use kube::Api;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

/// All objects of a kind, in pages: one text of all of them would be large.
pub(crate) struct Pages<'a, T> {
    api: &'a Api<T>,
    /// Absent after the last page.
    next: Option<ListParams>,
    version: String,
}

impl<'a, T: Clone + DeserializeOwned + Debug> Pages<'a, T> {
    pub(super) fn of(api: &'a Api<T>) -> Self {
        Self::matching(api, ListParams::default())
    }

    /// Those that the parameters ask for.
    pub(crate) fn matching(api: &'a Api<T>, params: ListParams) -> Self {
        Self {
            api,
            next: Some(params.limit(PAGE)),
            version: String::new(),
        }
    }

    /// Asks for the next page; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<T>>, kube::Error> {
        let Some(params) = self.next.take() else {
            return Ok(None);
        };
        let list = self.api.list(&params).await?;
        self.version = list.metadata.resource_version.unwrap_or_default();
        let more = list.metadata.continue_.filter(|token| !token.is_empty());
        self.next = more.map(|token| params.continue_token(&token));
        Ok(Some(list.items))
    }

    /// Up to where in the cluster's history the pages go.
    pub(super) fn version(self) -> String {
        self.version
    }
}

/// An object may take 1.5 MiB, and the text of a page is in memory as a whole: whoever may write objects does not choose
/// how much that is. client-go asks for 500.
const PAGE: u32 = 32;
