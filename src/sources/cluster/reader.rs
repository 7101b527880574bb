//! One role, read while a request waits for it.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kube::{Api, Client};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::error::describe;
use super::pages::Pages;
use super::trimmed::{Followed, Trimmed};
use crate::facts::{Event, Kind, ObjectName, StoredObject, ViewLimits};

/// Reads one role from the API server, for a request that cannot be judged without.
pub struct RoleReader {
    client: Client,
    places: Semaphore,
    lists: Semaphore,
}

/// What the API server says of a role.
#[derive(Debug)]
pub enum LiveRole {
    /// It is there: the role itself, or with an aggregated one all `ClusterRole`s.
    Found(Event),
    /// There is none.
    Absent(Event),
    /// It did not say, for this reason.
    Failed(String),
}

impl RoleReader {
    /// Reads with this client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            places: Semaphore::new(AT_ONCE),
            lists: Semaphore::new(LISTS_AT_ONCE),
        }
    }

    /// Asks once, and waits no longer than this.
    pub async fn read(&self, name: &ObjectName, patience: Duration) -> LiveRole {
        if patience.is_zero() {
            return LiveRole::Failed("no time is left for it".to_owned());
        }
        let Ok(_place) = self.places.try_acquire() else {
            return LiveRole::Failed(format!("{AT_ONCE} roles are being read already"));
        };
        match timeout(patience, self.ask(name)).await {
            Ok(answer) => answer.unwrap_or_else(LiveRole::Failed),
            Err(_) => LiveRole::Failed(format!("no answer within {} ms", patience.as_millis())),
        }
    }

    async fn ask(&self, name: &ObjectName) -> Result<LiveRole, String> {
        let object = match &name.namespace {
            None => get(&Api::<Trimmed<ClusterRole>>::all(self.client.clone()), name).await?,
            Some(namespace) => {
                let namespace = segment(namespace)?;
                let api = Api::<Trimmed<Role>>::namespaced(self.client.clone(), &namespace);
                get(&api, name).await?
            }
        };
        let Some(object) = object else {
            return Ok(LiveRole::Absent(Event::Delete(kind(name), name.clone())));
        };
        let is_aggregate =
            matches!(&object, StoredObject::Role(role) if role.aggregation.is_some());
        if is_aggregate {
            // Its members may be as new as it is.
            return Ok(LiveRole::Found(self.cluster_roles().await?));
        }
        Ok(LiveRole::Found(Event::Upsert(object)))
    }

    /// All `ClusterRole`s, of which there must not be too many to read while somebody waits.
    async fn cluster_roles(&self) -> Result<Event, String> {
        let _turn = self.lists.acquire().await;
        let api = Api::<Trimmed<ClusterRole>>::all(self.client.clone());
        let mut pages = Pages::of(&api);
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await.map_err(|error| describe(&error))? {
            objects.extend(page.into_iter().filter_map(Trimmed::or_placeholder));
            if objects.len() > MOST_CLUSTER_ROLES {
                let text = format!("there are more than {MOST_CLUSTER_ROLES} ClusterRoles");
                return Err(text);
            }
            let size: usize = objects.iter().map(StoredObject::size).sum();
            if size > ViewLimits::REPLICA.cluster {
                return Err("the ClusterRoles are too large to be read again".to_owned());
            }
        }
        Ok(Event::Reset(Kind::ClusterRole, objects))
    }
}

pub(super) async fn get<K: Followed>(
    api: &Api<Trimmed<K>>,
    name: &ObjectName,
) -> Result<Option<StoredObject>, String> {
    let found = api.get_opt(&segment(&name.name)?).await;
    let found = found.map_err(|error| describe(&error))?;
    let Some(item) = found else {
        return Ok(None);
    };
    if item.name().as_ref() != Some(name) {
        return Err("the API server answered with another object".to_owned());
    }
    item.object.map(Some)
}

/// A name as a part of a path: whoever writes a binding chooses it, and kube puts it into the URL as it is.
pub(super) fn segment(name: &str) -> Result<String, String> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '%']) {
        return Err("no object of the API server can have this name".to_owned());
    }
    Ok(utf8_percent_encode(name, NON_ALPHANUMERIC).to_string())
}

const fn kind(role: &ObjectName) -> Kind {
    match role.namespace {
        None => Kind::ClusterRole,
        Some(_) => Kind::Role,
    }
}

/// Past so many, somebody means to keep the API server busy: the others are judged by what the watch has seen.
const AT_ONCE: usize = 64;

/// Each holds all `ClusterRole`s in memory once more.
const LISTS_AT_ONCE: usize = 2;

/// A list of 2,000 takes some 50 ms.
const MOST_CLUSTER_ROLES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_the_path() {
        assert_eq!(segment("system:foo").as_deref(), Ok("system%3Afoo"));
        assert_eq!(segment("a b?c#d").as_deref(), Ok("a%20b%3Fc%23d"));
        for wrong in ["", ".", "..", "a/b", "../../api/v1/secrets", "%2e%2e"] {
            assert!(segment(wrong).is_err(), "{wrong}");
        }
    }
}
