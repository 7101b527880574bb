use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::facts::{Event, limits::ViewLimits};
use crate::facts::{Facts, Kind, Role, StoredObject};

/// A `ClusterRole` with a label of its own letter, that selects by others' letters if it is an aggregate.
fn role(name: usize, label: Option<char>, selects: Option<&[&str]>) -> Role {
    let labels = label.map_or_else(|| json!({}), |label| json!({ label.to_string(): "true" }));
    let selectors = selects.map(|all| {
        let selector = |letter: &&str| match *letter {
            "" => json!({}),
            letter => json!({"matchLabels": {letter: "true"}}),
        };
        json!({"clusterRoleSelectors": all.iter().map(selector).collect::<Vec<_>>()})
    });
    let role = json!({
        "kind": "ClusterRole",
        "metadata": {"name": format!("r{name:03}"), "labels": labels},
        "aggregationRule": selectors,
    });
    match serde_json::from_value(role).unwrap() {
        StoredObject::Role(role) => role,
        StoredObject::Binding(_) => unreachable!("it is a role"),
    }
}

fn index(roles: &[Role]) -> Index {
    let mut facts = Facts::within(ViewLimits::NONE);
    let objects = roles.iter().cloned().map(StoredObject::Role).collect();
    facts.apply(Event::Reset(Kind::ClusterRole, objects));
    facts.index
}

/// Whom an aggregate is made of, by going through all roles again and again.
fn plainly(roles: &[Role], aggregate: &Role) -> BTreeSet<Arc<str>> {
    let mut made_of = BTreeSet::from([Arc::clone(&aggregate.name.name)]);
    loop {
        let found = roles.iter().filter(|it| made_of.contains(&it.name.name));
        let found: Vec<_> = found.filter_map(|it| it.aggregation.as_ref()).collect();
        let is_selected = |it: &&Role| found.iter().any(|rule| rule.selects(&it.labels));
        let selected = roles.iter().filter(is_selected);
        let before = made_of.len();
        made_of.extend(
            selected
                .map(|it| Arc::clone(&it.name.name))
                .collect::<Vec<_>>(),
        );
        if made_of.len() == before {
            return made_of;
        }
    }
}

fn made_of(selection: &Selection, aggregate: &str) -> BTreeSet<Arc<str>> {
    let component = selection.component(aggregate).unwrap();
    selection.made_of(component).into_iter().cloned().collect()
}

fn any_role() -> impl Strategy<Value = (Option<char>, Option<Vec<&'static str>>)> {
    let label = prop::option::of(prop::sample::select(vec!['a', 'b', 'c', 'd', 'e', 'f']));
    let letters = prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "f", "e", "z", ""]);
    let selects = prop::option::weighted(0.5, prop::collection::vec(letters, 0..3));
    (label, selects)
}

proptest! {
    #[test]
    fn an_aggregate_is_made_of_whom_its_selectors_select(
        all in prop::collection::vec(any_role(), 1..12),
    ) {
        let roles: Vec<Role> = all
            .iter()
            .enumerate()
            .map(|(name, (label, selects))| role(name, *label, selects.as_deref()))
            .collect();
        let selection = Selection::of(&index(&roles));
        for aggregate in roles.iter().filter(|role| role.is_aggregate()) {
            let name = &aggregate.name.name;
            let right = plainly(&roles, aggregate);
            prop_assert_eq!(&made_of(&selection, name), &right);
            for role in roles.iter().filter(|role| role.name != aggregate.name) {
                let containing = selection.containing(&role.name.name);
                prop_assert_eq!(containing.contains(&name), right.contains(&role.name.name));
            }
        }
        // With no time to ask, they are taken to be made of more.
        let hurried = Selection::within(&index(&roles), 0);
        for aggregate in roles.iter().filter(|role| role.is_aggregate()) {
            let name = &aggregate.name.name;
            prop_assert!(made_of(&hurried, name).is_superset(&made_of(&selection, name)));
        }
    }
}

#[test]
fn those_that_select_each_other_share_what_they_are_made_of() {
    let all: Vec<Role> = (0..600).map(|name| role(name, None, Some(&[""]))).collect();
    let selection = Selection::of(&index(&all));
    assert_eq!(selection.components(), 1);
    assert_eq!(selection.made_of(0).len(), 600);
    let chain: Vec<Role> = (0..26u8)
        .map(|it| {
            let (own, next) = (char::from(b'a' + it), char::from(b'b' + it).to_string());
            role(it.into(), Some(own), Some(&[&next]))
        })
        .collect();
    assert_eq!(Selection::of(&index(&chain)).components(), 26);
}
