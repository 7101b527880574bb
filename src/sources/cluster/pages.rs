use kube::Api;
use kube::api::ListParams;

use super::trimmed::{Followed, Trimmed};

/// All objects of a kind, in pages: one text of all of them would be large.
pub(super) struct Pages<'a, K> {
    api: &'a Api<Trimmed<K>>,
    /// Absent after the last page.
    next: Option<ListParams>,
    version: String,
}

impl<'a, K: Followed> Pages<'a, K> {
    pub(super) fn of(api: &'a Api<Trimmed<K>>) -> Self {
        Self {
            api,
            next: Some(ListParams::default().limit(PAGE)),
            version: String::new(),
        }
    }

    /// Asks for the next page; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Trimmed<K>>>, kube::Error> {
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
