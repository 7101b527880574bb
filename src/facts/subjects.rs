//! The subjects of a binding, in little room.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use crate::document::for_each;
use crate::domain::{Principal, Subject, SubjectKind};

/// The subjects of a binding, in the order of the object: one text and a mark for each, so that a list of 40,000 names
/// takes no more room than in the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Of each subject the namespace, if it writes one that counts, and the name.
    text: Box<str>,
    marks: Box<[Mark]>,
    /// There was no room for them.
    are_not_held: bool,
}

/// A subject, which begins where the one before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    kind: SubjectKind,
    /// Where its name begins.
    name: u32,
    end: u32,
}

impl Subjects {
    /// Of a binding that there was no room for.
    pub(super) fn not_held() -> Self {
        Self {
            are_not_held: true,
            ..Self::default()
        }
    }

    /// Whether there was no room for them: the binding is known by its name and role only.
    pub const fn are_not_held(&self) -> bool {
        self.are_not_held
    }

    /// These, and then those.
    pub(super) fn together_with(&self, others: &Self) -> Self {
        let text = [&*self.text, &*others.text].concat();
        let Ok(shift) = u32::try_from(self.text.len()) else {
            return self.clone();
        };
        let shifted = others.marks.iter().map(|mark| Mark {
            name: mark.name.saturating_add(shift),
            end: mark.end.saturating_add(shift),
            ..*mark
        });
        Self {
            text: text.into(),
            marks: self.marks.iter().copied().chain(shifted).collect(),
            are_not_held: self.are_not_held || others.are_not_held,
        }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The subject at that place of a binding in that namespace.
    pub fn get<'s>(&'s self, place: usize, namespace: Option<&'s str>) -> Option<Subject<'s>> {
        let parts = self.parts(place, namespace)?;
        Some(Subject {
            kind: parts.kind,
            namespace: parts.namespace.map(Cow::Borrowed),
            name: Cow::Borrowed(parts.name),
        })
    }

    /// Who that is.
    pub(super) fn principal<'s>(
        &'s self,
        place: usize,
        namespace: Option<&'s str>,
    ) -> Option<Principal<'s>> {
        let parts = self.parts(place, namespace)?;
        Some(Principal::of_subject(
            parts.kind,
            parts.namespace,
            parts.name,
        ))
    }

    fn parts<'s>(&'s self, place: usize, namespace: Option<&'s str>) -> Option<Parts<'s>> {
        let mark = self.marks.get(place)?;
        let before = place.checked_sub(1).and_then(|it| self.marks.get(it));
        let begin = before.map_or(0, |mark| mark.end);
        let text = |from: u32, to: u32| self.text.get(from as usize..to as usize);
        let own = Some(text(begin, mark.name)?).filter(|own| !own.is_empty());
        let is_account = mark.kind == SubjectKind::ServiceAccount;
        Some(Parts {
            kind: mark.kind,
            namespace: own.or(namespace).filter(|_| is_account),
            name: text(mark.name, mark.end)?,
        })
    }

    /// All of them, those of a binding in that namespace.
    pub fn iter<'s>(&'s self, namespace: Option<&'s str>) -> impl Iterator<Item = Subject<'s>> {
        (0..self.len()).filter_map(move |place| self.get(place, namespace))
    }

    /// Bytes held for them.
    pub const fn size(&self) -> usize {
        self.text.len() + size_of_val::<[Mark]>(&self.marks)
    }
}

struct Parts<'s> {
    kind: SubjectKind,
    namespace: Option<&'s str>,
    name: &'s str,
}

/// Why a subject is none.
#[derive(Debug, thiserror::Error)]
enum UnreadableSubjects {
    #[error("`{0}` is no kind of subject")]
    Kind(String),
    #[error("a subject's name is empty")]
    Name,
    #[error("the subjects are too many to keep")]
    Size,
}

#[derive(Default)]
struct Builder {
    text: String,
    marks: Vec<Mark>,
}

/// A subject as it is written.
#[derive(Deserialize)]
struct SubjectMarks<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Option<Cow<'a, str>>,
}

impl Builder {
    fn push(&mut self, written: &SubjectMarks<'_>) -> Result<(), UnreadableSubjects> {
        let Ok(kind) = written.kind.parse::<SubjectKind>() else {
            return Err(UnreadableSubjects::Kind(written.kind.to_string()));
        };
        if written.name.is_empty() {
            return Err(UnreadableSubjects::Name);
        }
        if kind == SubjectKind::ServiceAccount {
            self.text
                .push_str(written.namespace.as_deref().unwrap_or_default());
        }
        let name = self.place()?;
        self.text.push_str(&written.name);
        let end = self.place()?;
        self.marks.push(Mark { kind, name, end });
        Ok(())
    }

    fn place(&self) -> Result<u32, UnreadableSubjects> {
        u32::try_from(self.text.len()).map_err(|_| UnreadableSubjects::Size)
    }
}

impl<'de> Deserialize<'de> for Subjects {
    /// One subject is read after the other: what they are in the document is never all in memory.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut builder = Builder::default();
        let take = |written: SubjectMarks<'de>| builder.push(&written);
        for_each(deserializer, "a list of subjects", take)?;
        Ok(Self {
            text: builder.text.into(),
            marks: builder.marks.into(),
            are_not_held: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: serde_json::Value) -> Result<Subjects, serde_json::Error> {
        serde_json::from_value(document)
    }

    #[test]
    fn they_come_back_as_they_were_written() {
        let subjects = read(json!([
            {"kind": "User", "name": "ines@orchard.test", "namespace": "ignored"},
            {"kind": "ServiceAccount", "name": "picker"},
            {"kind": "ServiceAccount", "name": "picker", "namespace": "other"},
            {"kind": "Group", "name": "größe"},
        ]))
        .unwrap();
        let told: Vec<String> = subjects
            .iter(Some("vms"))
            .map(|it| format!("{} {:?} {}", it.kind, it.namespace.as_deref(), it.name))
            .collect();
        assert_eq!(
            told,
            [
                "User None ines@orchard.test",
                "ServiceAccount Some(\"vms\") picker",
                "ServiceAccount Some(\"other\") picker",
                "Group None größe",
            ]
        );
        assert_eq!(subjects.get(1, None).unwrap().namespace, None);
        assert_eq!(subjects.get(4, None), None);
    }

    #[test]
    fn no_list_is_an_empty_one_and_what_is_no_subject_is_a_mistake() {
        assert!(read(json!(null)).unwrap().is_empty());
        for wrong in [
            json!([{"kind": "User", "name": ""}]),
            json!([{"kind": "Pod", "name": "a"}]),
            json!([{"name": "a"}]),
            json!({}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn many_short_names_take_less_room_than_in_the_object() {
        let many: Vec<_> = (0..10_000)
            .map(|number| json!({"kind": "User", "name": format!("u{number}")}))
            .collect();
        let written = json!(many).to_string();
        assert!(read(json!(many)).unwrap().size() < written.len());
    }
}
