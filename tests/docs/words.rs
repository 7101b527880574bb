//! Every word from a closed list, as it stands in policies, messages, metrics and logs.

use enum_map::{Enum, EnumMap};
use palette_rbac::admission::{ObjectKind, OperationLabel};
use palette_rbac::domain::{Action, Effect, Mode, Rule, SubjectKind, Verdict};
use palette_rbac::facts::Kind;
use palette_rbac::metrics::{
    ChangeKind, ClusterState, Endpoint, Handshake, HubResult, ReferenceState, Rejection,
    ReloadResult, Reloaded, ReportResult, RequestResult, RoleReadResult, SyncResult,
};
use palette_rbac::policy::{Disclose, OnStale, RoleClass, RoleReads};
use palette_rbac::rbac::{Capability, Level};
use palette_rbac::review::DecisionLabel;
use palette_rbac::rulebook::Contradiction;
use strum::IntoEnumIterator;

/// The words of a closed list, in their order.
fn words<T: Enum + Into<&'static str>>() -> Vec<&'static str> {
    let all = EnumMap::<T, ()>::default().into_iter();
    all.map(|(value, ())| value.into()).collect()
}

/// The same of a list that is no key of a map.
fn listed<T: IntoEnumIterator + Into<&'static str>>() -> Vec<&'static str> {
    T::iter().map(Into::into).collect()
}

/// A word that changes breaks somebody's policy, dashboard or query: it is changed on purpose or not at all.
#[test]
fn words_stay() {
    let words = [
        ("Action", listed::<Action>()),
        ("Capability", listed::<Capability>()),
        ("ChangeKind", words::<ChangeKind>()),
        ("ClusterState", words::<ClusterState>()),
        ("Contradiction", words::<Contradiction>()),
        ("DecisionLabel", words::<DecisionLabel>()),
        ("Disclose", listed::<Disclose>()),
        ("Effect", words::<Effect>()),
        ("Endpoint", words::<Endpoint>()),
        ("Handshake", words::<Handshake>()),
        ("HubResult", words::<HubResult>()),
        ("Kind", words::<Kind>()),
        ("Level", words::<Level>()),
        ("Mode", listed::<Mode>()),
        ("ObjectKind", words::<ObjectKind>()),
        ("OnStale", listed::<OnStale>()),
        ("OperationLabel", words::<OperationLabel>()),
        ("ReferenceState", words::<ReferenceState>()),
        ("Rejection", words::<Rejection>()),
        ("ReloadResult", words::<ReloadResult>()),
        ("Reloaded", words::<Reloaded>()),
        ("ReportResult", words::<ReportResult>()),
        ("RequestResult", words::<RequestResult>()),
        ("RoleClass", listed::<RoleClass>()),
        ("RoleReadResult", words::<RoleReadResult>()),
        ("RoleReads", listed::<RoleReads>()),
        ("Rule", words::<Rule>()),
        ("SubjectKind", listed::<SubjectKind>()),
        ("SyncResult", words::<SyncResult>()),
        ("Verdict", words::<Verdict>()),
    ];
    let lines = words.map(|(name, words)| format!("{name}: {}", words.join(" | ")));
    insta::assert_snapshot!("words", lines.join("\n"));
}
