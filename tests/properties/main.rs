//! What must hold whatever is asked: laws of the engine, and of the bytes that it answers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so and ends"
)]

mod world;

use palette_rbac::admission::{Envelope, uid_of};
use palette_rbac::decide::{Context, decide};
use palette_rbac::domain::Verdict;
use palette_rbac::facts::Cluster;
use palette_rbac::message;
use palette_rbac::review::{Reply, review};
use proptest::prelude::*;
use serde_json::Value;

use strum::IntoEnumIterator;
use world::{ask, now, world};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_palette_roles_never_turn_an_admission_into_a_refusal(
        world in world(),
        more in world::assignment(),
        ask in ask(),
    ) {
        let before = ask.decide(&world).verdict;
        let richer = world.with(&more);
        let after = ask.decide(&richer).verdict;
        prop_assert!(!before.admits() || after.admits(), "{before:?} became {after:?} with {more:?}");
    }

    #[test]
    fn more_subjects_never_turn_a_refusal_into_an_admission(
        world in world(),
        ask in ask(),
        more in world::subject(),
    ) {
        let before = ask.decide(&world).verdict;
        let mut longer = ask.clone();
        longer.subjects.push(more);
        let after = longer.decide(&world).verdict;
        prop_assert!(before.admits() || !after.admits(), "{before:?} became {after:?}");
    }

    #[test]
    fn a_role_that_can_do_more_is_never_judged_more_mildly(
        world in world(),
        more in world::rules(),
        ask in ask(),
    ) {
        let ask = ask.of_custom_role();
        let before = ask.decide(&world).verdict;
        let after = ask.decide(&world.where_the_role_can(&more)).verdict;
        let is_milder = strictness(after) < strictness(before);
        // A ServiceAccount is warned of where the role copies a VM role. With much more, it is an
        // operator's own role, and no copy.
        let is_lost_warning = before.admits() && ask.has_service_account();
        prop_assert!(!is_milder || is_lost_warning, "{before:?} became {after:?} with {more:?}");
    }

    #[test]
    fn the_order_of_subjects_does_not_matter(world in world(), ask in ask()) {
        let mut reversed = ask.clone();
        reversed.subjects.reverse();
        prop_assert_eq!(ask.decide(&world).verdict, reversed.decide(&world).verdict);
    }

    #[test]
    fn granting_again_what_is_granted_is_unchanged(world in world(), ask in ask()) {
        prop_assume!(!ask.subjects.is_empty());
        let json = ask.object().to_string();
        let mut request = ask.request(&json);
        request.previous = Some(request.binding.clone());
        let verdict = decide(&request, Context::new(&world.rulebook(), Cluster::default(), now())).verdict;
        prop_assert_eq!(verdict, Verdict::Unchanged);
    }

    #[test]
    fn a_message_has_no_character_that_could_forge_a_line(
        world in world(),
        mut ask in ask(),
        name in "\\PC{0,8}[\\x00-\\x1f\u{7f}-\u{9f}\u{202e}\u{2028}\u{feff}]\\PC{0,80}",
    ) {
        ask.subjects.push(("User".into(), name));
        let decision = ask.decide(&world);
        let text = message::refusal(&decision);
        let lines = decision.findings.iter().map(|finding| message::line(finding, &decision));
        let warnings = message::warnings(&decision);
        prop_assert!(warnings.iter().all(|warning| warning.chars().count() <= 120), "{warnings:?}");
        for line in text.lines().map(str::to_owned).chain(lines).chain(warnings) {
            let hidden = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}' | '\u{feff}');
            prop_assert!(!line.contains(hidden), "{line:?}");
        }
    }

    #[test]
    fn a_body_is_answered_with_its_uid_or_not_at_all(world in world(), ask in ask(), damage in damage()) {
        let mut body = ask.review();
        damage.apply(&mut body);
        let uid = Envelope::read(&body).map_or_else(|error| error.uid, |envelope| Some(envelope.uid().to_owned()));
        match review(&body, Context::new(&world.rulebook(), Cluster::default(), now())) {
            Reply::RoleToRead(role) => prop_assert!(false, "{role:?}"),
            Reply::NoUid { .. } => prop_assert_eq!(uid, None),
            Reply::Review { body, outcome } => {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                prop_assert_eq!(answer["response"]["uid"].as_str(), uid.as_deref());
                prop_assert_eq!(answer["response"]["uid"].as_str(), Some(&*outcome.uid));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_trouble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = uid_of(&bytes);
        let _ = Envelope::read(&bytes).map(|envelope| envelope.ask().is_ok());
    }
}

fn strictness(verdict: Verdict) -> usize {
    let mildest_first = Verdict::iter().rev();
    mildest_first
        .clone()
        .position(|other| other == verdict)
        .unwrap()
}

/// A body on its way: cut off, or with a byte changed.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Cut(prop::sample::Index),
    Change(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::None),
        any::<prop::sample::Index>().prop_map(Damage::Cut),
        any::<(prop::sample::Index, u8)>().prop_map(|(at, byte)| Damage::Change(at, byte)),
    ]
}

impl Damage {
    fn apply(&self, body: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Cut(at) => body.truncate(at.index(body.len())),
            Self::Change(at, byte) => {
                let at = at.index(body.len());
                body[at] = *byte;
            }
        }
    }
}
