//! All roles and bindings, once.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::{Api, Client};
use tokio::time::timeout;

use super::error::describe;
use super::pages::Pages;
use super::trimmed::{Followed, Trimmed, fail_closed_placeholder};
use crate::facts::{Event, Kind, ObjectName, StoredObject};

/// All objects of one kind, as they were when they were asked for.
#[derive(Debug)]
pub struct Listed {
    /// The kind.
    pub kind: Kind,
    /// All of them, or why the API server does not say.
    pub all: Result<Event, String>,
    /// Those that cannot be understood, and why.
    pub odd: Vec<(ObjectName, String)>,
}

/// Reads all roles and bindings once, each kind with its own outcome.
pub async fn list(client: &Client) -> [Listed; 4] {
    let (cluster_roles, roles, bindings, cluster_bindings) = tokio::join!(
        listed::<ClusterRole>(client),
        listed::<Role>(client),
        listed::<RoleBinding>(client),
        listed::<ClusterRoleBinding>(client),
    );
    [cluster_roles, roles, bindings, cluster_bindings]
}

async fn listed<K: Followed>(client: &Client) -> Listed {
    let mut odd = Vec::new();
    let items = all(&Api::<Trimmed<K>>::all(client.clone())).await;
    let understood = |items: Vec<Trimmed<K>>| {
        let objects = items.into_iter().filter_map(|item| object(item, &mut odd));
        Event::Reset(K::KIND, objects.collect())
    };
    Listed {
        kind: K::KIND,
        all: items.map(understood),
        odd,
    }
}

async fn all<K: Followed>(api: &Api<Trimmed<K>>) -> Result<Vec<Trimmed<K>>, String> {
    let mut pages = Pages::of(api);
    let mut items = Vec::new();
    loop {
        let page = timeout(ANSWER, pages.next()).await;
        let page = page.map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?;
        match page.map_err(|error| describe(&error))? {
            Some(page) => items.extend(page),
            None => return Ok(items),
        }
    }
}

fn object<K: Followed>(
    item: Trimmed<K>,
    odd: &mut Vec<(ObjectName, String)>,
) -> Option<StoredObject> {
    let name = item.name()?;
    match item.object {
        Ok(object) => Some(object),
        Err(reason) => {
            odd.push((name.clone(), reason));
            fail_closed_placeholder(K::KIND, &name)
        }
    }
}

/// A page of objects takes milliseconds, and from a busy API server seconds.
const ANSWER: Duration = Duration::from_secs(30);
