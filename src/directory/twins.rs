//! Names that people would take for one another.

use std::hash::{DefaultHasher, Hash, Hasher};

use unicode_normalization::UnicodeNormalization;

/// The names that are the same as an earlier one but for case, blanks and Unicode form: each with the first such.
pub(super) fn near_twins<'n>(names: &[&'n str]) -> Vec<(usize, &'n str)> {
    let mut by_fold: Vec<(u64, usize)> = names.iter().map(|name| hash(name)).zip(0..).collect();
    by_fold.sort_unstable();
    let mut twins = Vec::new();
    for alike in by_fold.chunk_by(|(one, _), (two, _)| one == two) {
        let Some((_, first)) = alike.first() else {
            continue;
        };
        let Some(first) = names.get(*first) else {
            continue;
        };
        for (_, cursor) in alike.iter().skip(1) {
            // What has the same hash is not always the same.
            let is_twin = |name: &&&str| folded(name).eq(folded(first));
            if names.get(*cursor).as_ref().is_some_and(is_twin) {
                twins.push((*cursor, *first));
            }
        }
    }
    twins.sort_unstable();
    twins
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    if name.is_ascii() {
        // Nearly all are, and there may be 100,000.
        let bytes = name.bytes().filter(|byte| !byte.is_ascii_whitespace());
        bytes.for_each(|byte| char::from(byte.to_ascii_lowercase()).hash(&mut hasher));
    } else {
        folded(name).for_each(|letter| letter.hash(&mut hasher));
    }
    hasher.finish()
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    let letters = name.nfkc().filter(|letter| !letter.is_whitespace());
    letters.flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_blanks_and_form_make_no_other_name() {
        let names = [
            "Orchard",
            "harvest",
            "orchard ",
            "caf\u{e9}",
            "cafe\u{301}",
            "cafe",
            "OR CHARD",
        ];
        assert_eq!(
            near_twins(&names),
            [(2, "Orchard"), (4, "caf\u{e9}"), (6, "Orchard")]
        );
    }
}
