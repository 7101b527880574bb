//! Palette permissions, and sets of them that are cheap to unite and compare.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::id_set::IdSet;
use super::roles::{ROLES, RoleRow};

/// A Palette permission, `resourceKey.operation`.
///
/// Two that differ only in case are equal: Palette's own pages write both `virtualCloudconfig` and
/// `virtualCloudConfig`.
#[derive(Clone, Debug)]
pub struct Permission(Box<str>);

impl Permission {
    /// Those of a built-in role, if they are known.
    pub(super) fn of_row(row: &RoleRow) -> Option<Vec<Self>> {
        let rows = row.permissions?.iter();
        let texts = rows.flat_map(|(resource, operations)| {
            operations
                .split(' ')
                .map(move |operation| format!("{resource}.{operation}"))
        });
        #[expect(
            clippy::expect_used,
            reason = "the table is a literal, and tests read all of it"
        )]
        let parse = |text: String| text.parse().expect("a permission of the table");
        Some(texts.map(parse).collect())
    }

    /// The permission as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(PermissionError::Empty);
        }
        if let Some(character) = text.chars().find(|character| !is_allowed(*character)) {
            return Err(PermissionError::Character {
                permission: text.to_owned(),
                character,
            });
        }
        match text.split_once('.') {
            Some((resource, operation))
                if !resource.is_empty() && !operation.is_empty() && !operation.contains('.') =>
            {
                Ok(Self(text.into()))
            }
            _ => Err(PermissionError::Shape(text.to_owned())),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl PartialEq for Permission {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Permission {}

// Comparing without case is exact because only ASCII gets in. `*` stays out: Palette has no wildcards, and a `*` that
// is read as a name would silently hold nothing.
fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// Why a text is not a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// There is no text.
    #[error("empty permission")]
    Empty,
    /// The text has other than two parts.
    #[error("`{0}` is not of the form `resource.operation`")]
    Shape(String),
    /// The text holds a character that no permission has.
    #[error(
        "`{permission}` holds {character:?}, but a permission is two words of letters, digits, `-` and `_`"
    )]
    Character {
        /// The whole text.
        permission: String,
        /// The first character that does not belong.
        character: char,
    },
}

/// The number that a [`PermissionTable`] gave to a permission; means nothing with another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionId(usize);

/// Numbers permissions, so that sets of them are sets of bits.
///
/// The permissions of the built-in roles have the same numbers in every table. What a directory's custom roles bring
/// beyond them is numbered in a copy that the directory owns.
#[derive(Clone, Debug)]
pub struct PermissionTable {
    permissions: Vec<Permission>,
    ids: HashMap<Box<str>, PermissionId>,
}

impl PermissionTable {
    /// A table of the permissions that the built-in roles have.
    pub fn builtin() -> Self {
        let mut table = Self {
            permissions: Vec::new(),
            ids: HashMap::new(),
        };
        for permission in ROLES.iter().filter_map(Permission::of_row).flatten() {
            table.intern(&permission);
        }
        table
    }

    /// The number of `permission`, which it gets now if it has none yet.
    pub fn intern(&mut self, permission: &Permission) -> PermissionId {
        let next = PermissionId(self.permissions.len());
        let key = permission.as_str().to_ascii_lowercase().into_boxed_str();
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.permissions.push(permission.clone());
        }
        id
    }

    /// The set of `permissions`, each numbered if it is not yet.
    pub fn intern_all<'a>(
        &mut self,
        permissions: impl IntoIterator<Item = &'a Permission>,
    ) -> PermissionSet {
        permissions
            .into_iter()
            .map(|permission| self.intern(permission))
            .collect()
    }

    /// The permission behind a number, as it was first written.
    pub fn permission(&self, id: PermissionId) -> Option<&Permission> {
        self.permissions.get(id.0)
    }
}

/// A set of permissions, by their numbers in one [`PermissionTable`] or a copy that grew from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionSet(IdSet<KNOWN_WORDS>);

impl PermissionSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self(IdSet::new())
    }

    /// Adds one permission.
    pub fn insert(&mut self, id: PermissionId) {
        self.0.insert(id.0);
    }

    /// Whether the permission is in the set.
    pub fn contains(&self, id: PermissionId) -> bool {
        self.0.contains(id.0)
    }

    /// Adds every permission of `other`.
    pub fn union_with(&mut self, other: &Self) {
        self.0.union_with(&other.0);
    }

    /// Whether every permission of `other` is in this set. True of an empty `other`.
    pub fn is_superset(&self, other: &Self) -> bool {
        self.0.is_superset(&other.0)
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = PermissionId> + '_ {
        self.0.iter().map(PermissionId)
    }
}

impl Default for PermissionSet {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<PermissionId> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = PermissionId>>(ids: I) -> Self {
        let mut set = Self::new();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

/// Room for the built-in permissions, and for about as many again that a newer Palette may bring.
const KNOWN_WORDS: usize = 4;

#[cfg(test)]
mod tests {
    use super::{KNOWN_WORDS, Permission, PermissionError, PermissionSet, PermissionTable};

    fn permission(text: &str) -> Permission {
        text.parse().unwrap()
    }

    #[test]
    fn compares_permissions_without_case() {
        let mut table = PermissionTable::builtin();
        let known = table.intern(&permission("virtualCloudconfig.get"));

        assert_eq!(
            permission("virtualCloudconfig.get"),
            permission("VirtualCloudConfig.GET")
        );
        assert_eq!(table.intern(&permission("virtualCloudConfig.get")), known);
        assert_eq!(
            table.permission(known).map(Permission::as_str),
            Some("virtualCloudconfig.get")
        );
    }

    #[test]
    fn refuses_text_without_the_shape_of_a_permission() {
        let shape = |text: &str| PermissionError::Shape(text.to_owned());
        let character = |text: &str, character| PermissionError::Character {
            permission: text.to_owned(),
            character,
        };
        let refusals = [
            ("", PermissionError::Empty),
            ("cluster", shape("cluster")),
            (".get", shape(".get")),
            ("cluster.", shape("cluster.")),
            (".", shape(".")),
            ("cluster.get.all", shape("cluster.get.all")),
            ("cluster.*", character("cluster.*", '*')),
            (" cluster.get", character(" cluster.get", ' ')),
            ("cluster.get\n", character("cluster.get\n", '\n')),
            ("clüster.get", character("clüster.get", 'ü')),
        ];
        for (text, error) in refusals {
            assert_eq!(text.parse::<Permission>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_permission() {
        let message = |text: &str| text.parse::<Permission>().unwrap_err().to_string();
        assert_eq!(
            message("cluster"),
            "`cluster` is not of the form `resource.operation`"
        );
        assert_eq!(
            message("cluster.*"),
            "`cluster.*` holds '*', but a permission is two words of letters, digits, `-` and `_`"
        );
    }

    #[test]
    fn keeps_built_in_numbers_when_a_directory_adds_its_own() {
        let builtin = PermissionTable::builtin();
        let mut grown = builtin.clone();
        let added = grown.intern(&permission("orchardPress.run"));
        let known = PermissionTable::builtin().intern(&permission("virtualMachine.clone"));

        assert_eq!(builtin.permission(added), None);
        assert_eq!(
            grown.permission(added),
            Some(&permission("orchardPress.run"))
        );
        assert_eq!(grown.intern(&permission("virtualMachine.clone")), known);
    }

    #[test]
    fn compares_sets_beyond_the_built_in_numbers() {
        let mut table = PermissionTable::builtin();
        let own: Vec<_> = (0..300)
            .map(|n| permission(&format!("press{n}.run")))
            .collect();
        let all = table.intern_all(&own);
        let most = table.intern_all(own.iter().skip(1));
        let mut united = most.clone();
        united.union_with(&table.intern_all(own.iter().take(1)));

        assert!(all.is_superset(&most) && !most.is_superset(&all));
        assert_eq!(united, all);
        assert_eq!(all.iter().count(), 300);
        assert!(most.is_superset(&PermissionSet::new()) && PermissionSet::new().is_empty());
    }

    #[test]
    fn built_in_permissions_fit_the_bits() {
        assert!(PermissionTable::builtin().permissions.len() <= 64 * KNOWN_WORDS);
    }
}
