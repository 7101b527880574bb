//! Names to places, and which known name is near an unknown one.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

/// Names in an order, with the place of each.
#[derive(Debug, Default)]
pub(super) struct DirectoryNames {
    list: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u32>,
    /// The hash of each folded name and its place, sorted: near misses without a second copy of the names.
    folded: Vec<(u64, u32)>,
}

impl DirectoryNames {
    /// Puts a name at the next place, unless it has one already.
    pub(super) fn add(&mut self, name: &str) -> Option<Arc<str>> {
        let cursor = u32::try_from(self.list.len()).ok()?;
        if self.places.contains_key(name) {
            return None;
        }
        let name: Arc<str> = name.into();
        self.places.insert(Arc::clone(&name), cursor);
        self.list.push(Arc::clone(&name));
        Some(name)
    }

    /// Makes near misses known, once all names are there.
    pub(super) fn index(&mut self) {
        self.folded = (0..)
            .zip(&self.list)
            .map(|(cursor, name)| (self.hash(&fold(name)), cursor))
            .collect();
        self.folded.sort_unstable();
    }

    /// The place of this exact name.
    pub(super) fn cursor(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    /// The first name that differs from this one in case, surrounding white space or Unicode form only.
    pub(super) fn near(&self, name: &str) -> Option<&str> {
        let meant = fold(name);
        let hash = self.hash(&meant);
        let first = self.folded.partition_point(|(other, _)| *other < hash);
        self.folded
            .get(first..)?
            .iter()
            .take_while(|(other, _)| *other == hash)
            .filter_map(|(_, cursor)| self.list.get(*cursor as usize))
            .map(|near| &**near)
            .find(|near| *near != name && fold(near) == meant)
    }

    /// Every name, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|name| &**name)
    }

    fn hash(&self, folded: &str) -> u64 {
        self.places.hasher().hash_one(folded)
    }
}

fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.trim().to_ascii_lowercase();
    }
    name.trim().nfkc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_differs_in_case_or_white_space_and_is_never_exact() {
        let mut names = DirectoryNames::default();
        for name in ["Ines@orchard.test", "ines@orchard.test", "ops ", "Ävatar"] {
            names.add(name).unwrap();
        }
        names.index();

        assert_eq!(names.near("INES@orchard.test "), Some("Ines@orchard.test"));
        assert_eq!(names.near("Ines@orchard.test"), Some("ines@orchard.test"));
        assert_eq!(names.near("ops"), Some("ops "));
        assert_eq!(names.near("ops "), None);
        assert_eq!(names.near("ävatar"), Some("Ävatar"));
        assert_eq!(names.near("A\u{308}vatar"), Some("Ävatar"));
        assert_eq!(names.near("in es@orchard.test"), None);
    }
}
