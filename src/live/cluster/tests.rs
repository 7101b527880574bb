use serde_json::json;
use strum::IntoEnumIterator;

use super::*;
use crate::directory::Directory;
use crate::facts::{Event, ObjectName, StoredObject};
use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::rulebook::Rulebook;

fn watch() -> ClusterWatch {
    let (policy, directory) = (Policy::default(), Directory::default());
    let (rulebook, _) = Rulebook::pair(Arc::new(policy), Arc::new(directory));
    let live = Live::new(rulebook, &Metrics::new().unwrap(), at(0));
    ClusterWatch::new(Arc::new(live))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

impl ClusterWatch {
    fn at(&mut self, second: i64, kind: Kind, signal: WatchSignal) -> ClusterState {
        self.take([WatchUpdate { kind, signal }].into_iter(), at(second));
        self.live.cluster().state
    }

    fn all_at(&mut self, second: i64, signal: impl Fn(Kind) -> WatchSignal) -> ClusterState {
        for kind in Kind::iter() {
            self.at(second, kind, signal(kind));
        }
        self.live.cluster().state
    }
}

fn nothing(kind: Kind) -> WatchSignal {
    WatchSignal::Event(Event::Reset(kind, Vec::new()))
}

fn forbidden(_: Kind) -> WatchSignal {
    WatchSignal::Failed(WatchError::Forbidden("forbidden".to_owned()))
}

fn unreachable(_: Kind) -> WatchSignal {
    WatchSignal::Failed(WatchError::Unreachable("refused".to_owned()))
}

fn role() -> Event {
    let role = json!({"kind": "ClusterRole", "metadata": {"name": "a"}, "rules": []});
    Event::Upsert(serde_json::from_value::<StoredObject>(role).unwrap())
}

#[test]
fn requests_wait_until_all_of_every_kind_is_read() {
    let mut watch = watch();
    for kind in Kind::iter() {
        assert!(!watch.live.cluster().is_ready());
        assert!(watch.live.view().is_none());
        watch.at(1, kind, nothing(kind));
    }
    assert_eq!(watch.live.cluster().state, ClusterState::Synced);
    assert!(watch.live.cluster().is_ready());
    assert!(watch.live.view().unwrap().is_complete());
}

#[test]
fn what_is_heard_together_is_published_once_and_no_news_never() {
    let mut watch = watch();
    watch.all_at(1, nothing);
    let before = watch.live.view().unwrap();
    watch.at(2, Kind::ClusterRole, WatchSignal::Contact);
    assert!(Arc::ptr_eq(&before, &watch.live.view().unwrap()));
    watch.at(3, Kind::ClusterRole, WatchSignal::Event(role()));
    let after = watch.live.view().unwrap();
    assert!(after.cluster_role("a").is_some());
    watch.at(4, Kind::ClusterRole, WatchSignal::Event(role()));
    assert!(Arc::ptr_eq(&after, &watch.live.view().unwrap()));
}

#[test]
fn a_cluster_that_cannot_be_reached_is_waited_for() {
    let mut watch = watch();
    assert_eq!(watch.all_at(100, unreachable), ClusterState::Syncing);
    let status = watch.live.cluster();
    assert!(!status.is_ready());
    assert_eq!(status.reason.as_deref(), Some("refused"));
    assert_eq!(watch.live.cluster_last_contact(), None);
    assert_eq!(watch.all_at(200, nothing), ClusterState::Synced);
    assert_eq!(watch.live.cluster_last_contact(), Some(at(200)));
    assert_eq!(watch.live.cluster().reason, None);
}

#[test]
fn without_permission_requests_wait_until_it_is_given() {
    let mut watch = watch();
    watch.at(1, Kind::ClusterRole, nothing(Kind::ClusterRole));
    watch.at(10, Kind::Role, unreachable(Kind::Role));
    // An API server that starts forbids everything for a moment.
    let state = watch.at(20, Kind::Role, forbidden(Kind::Role));
    assert_eq!(state, ClusterState::Syncing);
    let state = watch.at(23, Kind::Role, forbidden(Kind::Role));
    assert_eq!(state, ClusterState::NoPermission);
    assert!(!watch.live.cluster().is_ready());
    assert!(watch.live.view().is_none());
    let state = watch.all_at(24, unreachable);
    assert_eq!(state, ClusterState::Syncing);
    assert_eq!(watch.all_at(30, nothing), ClusterState::Synced);
    assert!(watch.live.view().is_some());
}

#[test]
fn what_is_lost_keeps_its_last_view_and_says_since_when() {
    let mut watch = watch();
    watch.all_at(1, nothing);
    watch.at(2, Kind::ClusterRole, WatchSignal::Event(role()));
    for (second, signal) in [(5, unreachable as fn(Kind) -> WatchSignal), (6, forbidden)] {
        let state = watch.at(second, Kind::Role, signal(Kind::Role));
        assert_eq!(state, ClusterState::Lost);
    }
    let status = watch.live.cluster();
    assert!(status.is_ready());
    assert_eq!(status.since, at(5));
    assert_eq!(status.reason.as_deref(), Some("forbidden"));
    assert!(watch.live.view().unwrap().cluster_role("a").is_some());
    let state = watch.at(7, Kind::Role, WatchSignal::Contact);
    assert_eq!(state, ClusterState::Synced);
}

#[test]
fn an_object_that_cannot_be_understood_changes_nothing() {
    let mut watch = watch();
    watch.all_at(1, nothing);
    let odd = WatchSignal::Undecodable(ObjectName::cluster_scoped("a"), "no roleRef".to_owned());
    let state = watch.at(2, Kind::ClusterRoleBinding, odd);
    assert_eq!(state, ClusterState::Synced);
}
