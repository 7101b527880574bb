//! Every word from a closed list, as it stands in policies, messages, metrics and logs.

use palette_rbac::admission::{ObjectKind, OperationLabel};
use palette_rbac::domain::{Action, Effect, Mode, Rule, SubjectKind, Verdict};
use palette_rbac::facts::Kind;
use palette_rbac::metrics::{
    ClusterState, Handshake, Label, ReferenceState, Rejection, ReloadResult, Reloaded,
    ReportResult, RoleReadResult,
};
use palette_rbac::policy::{Disclose, OnStale, RoleClass, RoleReads};
use palette_rbac::rbac::{Capability, Level};
use palette_rbac::review::DecisionLabel;

macro_rules! words {
    ($($type:ident: $all:expr, $word:expr;)*) => {
        [$((stringify!($type), $all.iter().map(|it| $word(*it)).collect::<Vec<&str>>())),*]
    };
}

/// A word that changes breaks somebody's policy, dashboard or query: it is changed on purpose or not at all.
#[test]
fn words_stay() {
    let words = words! {
        Action: Action::ALL, Action::as_str;
        Capability: Capability::ALL, Capability::as_str;
        ClusterState: ClusterState::ALL, Label::as_str;
        DecisionLabel: DecisionLabel::ALL, DecisionLabel::as_str;
        Disclose: Disclose::ALL, Disclose::as_str;
        Effect: Effect::ALL, Effect::as_str;
        Handshake: Handshake::ALL, Label::as_str;
        Kind: Kind::ALL, Kind::as_str;
        Level: Level::ALL, Level::role;
        Mode: Mode::ALL, Mode::as_str;
        ObjectKind: ObjectKind::ALL, ObjectKind::as_str;
        OnStale: OnStale::ALL, OnStale::as_str;
        OperationLabel: OperationLabel::ALL, OperationLabel::as_str;
        ReferenceState: ReferenceState::ALL, Label::as_str;
        Rejection: Rejection::ALL, Label::as_str;
        ReloadResult: ReloadResult::ALL, Label::as_str;
        Reloaded: Reloaded::ALL, Label::as_str;
        ReportResult: ReportResult::ALL, Label::as_str;
        RoleClass: RoleClass::ALL, |class: RoleClass| class.rule().as_str();
        RoleReadResult: RoleReadResult::ALL, Label::as_str;
        RoleReads: RoleReads::ALL, RoleReads::as_str;
        Rule: Rule::ALL, Rule::as_str;
        SubjectKind: SubjectKind::ALL, SubjectKind::as_str;
        Verdict: Verdict::ALL, Verdict::as_str;
    };
    let lines = words.map(|(name, words)| format!("{name}: {}", words.join(" | ")));
    insta::assert_snapshot!("words", lines.join("\n"));
}
