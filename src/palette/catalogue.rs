//! The roles that Palette has by itself, by name and by number.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::id_set::IdSet;
use super::permission::{Permission, PermissionSet, PermissionTable};
use super::roles::{ALIASES, ROLES, Rank, RoleRow, RoleScope};

/// The built-in roles.
#[derive(Debug)]
pub struct Catalogue {
    permission_table: PermissionTable,
    roles: Vec<BuiltinRole>,
    ids: HashMap<&'static str, RoleId>,
}

impl Catalogue {
    /// The catalogue that comes with the program, built at first use.
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Catalogue> = LazyLock::new(Catalogue::from_table);
        &BUILTIN
    }

    /// The role of this exact name, or the one that Palette's pages also call so.
    ///
    /// Palette lets a customer name a custom role like an alias, never like a role: look among the custom roles before
    /// an alias counts ([`BuiltinRole::name`] differs from what was asked for).
    pub fn role(&self, name: &str) -> Option<&BuiltinRole> {
        self.role_by_id(*self.ids.get(name)?)
    }

    /// The role whose name differs from this one in case at most. Aliases do not count.
    pub fn role_ignoring_case(&self, name: &str) -> Option<&BuiltinRole> {
        self.iter()
            .find(|role| role.name.eq_ignore_ascii_case(name))
    }

    /// The role behind a number; none for a custom role's.
    pub fn role_by_id(&self, id: RoleId) -> Option<&BuiltinRole> {
        self.roles.get(id.index())
    }

    /// All roles, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &BuiltinRole> {
        self.roles.iter()
    }

    /// The table that numbers the permissions of these roles. A directory extends a clone of it.
    pub fn permission_table(&self) -> &PermissionTable {
        &self.permission_table
    }

    fn from_table() -> Self {
        let mut permission_table = PermissionTable::builtin();
        let roles: Vec<_> = (0..)
            .zip(ROLES)
            .map(|(number, row)| BuiltinRole::new(RoleId(number), row, &mut permission_table))
            .collect();
        Self {
            permission_table,
            ids: ids_by_name(&roles),
            roles,
        }
    }
}

fn ids_by_name(roles: &[BuiltinRole]) -> HashMap<&'static str, RoleId> {
    let mut ids: HashMap<_, _> = roles.iter().map(|role| (role.name, role.id)).collect();
    for (alias, name) in ALIASES {
        if let Some(id) = ids.get(name).copied() {
            ids.insert(alias, id);
        }
    }
    ids
}

/// A role that every Palette has and nobody can change.
#[derive(Clone, Debug)]
pub struct BuiltinRole {
    /// Its number.
    pub id: RoleId,
    /// Its name, as Palette writes it.
    pub name: &'static str,
    /// Where Palette lets it be assigned.
    pub scope: RoleScope,
    /// What the roles are called that differ from it only in rank: `Cluster` for `Cluster Admin`.
    pub family: &'static str,
    /// How much it allows within its family.
    pub rank: Rank,
    /// All that it allows. `None` if not known: then no custom role can be said to allow as much.
    pub permissions: Option<PermissionSet>,
}

impl BuiltinRole {
    fn new(id: RoleId, row: &RoleRow, table: &mut PermissionTable) -> Self {
        Self {
            id,
            name: row.name,
            scope: row.scope,
            family: row.family,
            rank: row.rank,
            permissions: Permission::of_row(row).map(|permissions| table.intern_all(&permissions)),
        }
    }
}

/// The number of a Palette role: built-in ones first, then a directory's custom roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleId(u16);

impl RoleId {
    /// The number of a directory's custom role, counted from 0. `None` past 65,000 or so.
    pub fn custom(position: usize) -> Option<Self> {
        let number = ROLES.len().checked_add(position)?;
        u16::try_from(number).ok().map(Self)
    }

    /// Whether this is the number of a custom role.
    pub fn is_custom(self) -> bool {
        self.custom_position().is_some()
    }

    /// What [`RoleId::custom`] made this number from; `None` for a built-in role.
    pub fn custom_position(self) -> Option<usize> {
        self.index().checked_sub(ROLES.len())
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of roles, built in and custom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSet(IdSet<1>);

impl RoleSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self(IdSet::new())
    }

    /// Adds one role.
    pub fn insert(&mut self, id: RoleId) {
        self.0.insert(id.index());
    }

    /// Whether the role is in the set.
    pub fn contains(&self, id: RoleId) -> bool {
        self.0.contains(id.index())
    }

    /// Adds every role of `other`.
    pub fn union_with(&mut self, other: &Self) {
        self.0.union_with(&other.0);
    }

    /// Whether some role is in both sets.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.intersects(&other.0)
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = RoleId> + '_ {
        // Only a `RoleId` gets in, so every member fits.
        self.0
            .iter()
            .filter_map(|id| u16::try_from(id).ok())
            .map(RoleId)
    }
}

impl Default for RoleSet {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<RoleId> for RoleSet {
    fn from_iter<I: IntoIterator<Item = RoleId>>(ids: I) -> Self {
        let mut set = Self::new();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::palette::permission::Permission;

    use super::{ALIASES, Catalogue, ROLES, RoleId, RoleScope, RoleSet};

    fn names(scope: RoleScope) -> Vec<&'static str> {
        let of_scope = Catalogue::builtin()
            .iter()
            .filter(|role| role.scope == scope);
        of_scope.map(|role| role.name).collect()
    }

    /// The permissions that the first role has and the second has not, and the other way round.
    fn difference(left: &str, right: &str) -> [Vec<&'static str>; 2] {
        let catalogue = Catalogue::builtin();
        let set = |name: &str| catalogue.role(name).unwrap().permissions.as_ref().unwrap();
        let only = |one, other| {
            let outside = set(one).iter().filter(|id| !set(other).contains(*id));
            let named = outside.filter_map(|id| catalogue.permission_table().permission(id));
            named.map(Permission::as_str).collect()
        };
        [only(left, right), only(right, left)]
    }

    #[test]
    fn names_every_documented_role_once() {
        let counts = [RoleScope::Tenant, RoleScope::Project, RoleScope::Resource]
            .map(|scope| names(scope).len());
        let distinct: BTreeSet<_> = ROLES.iter().map(|row| row.name.to_lowercase()).collect();

        assert_eq!(counts, [10, 30, 6]);
        assert_eq!(distinct.len(), 46);
    }

    #[test]
    fn only_roles_of_no_page_at_hand_lack_a_set() {
        let unknown = Catalogue::builtin()
            .iter()
            .filter(|role| role.permissions.is_none());
        let unknown: Vec<_> = unknown.map(|role| role.name).collect();
        let mut expected = vec![
            "Project Cluster Group Admin",
            "Project Cluster Group Editor",
            "Project Cluster Group Viewer",
        ];
        expected.splice(0..0, names(RoleScope::Tenant));
        expected.extend(names(RoleScope::Resource));

        assert_eq!(unknown, expected);
    }

    #[test]
    fn sets_have_as_many_permissions_as_the_page_lists() {
        let expected = [
            ("App Deployment Admin", 43),
            ("App Deployment Editor", 31),
            ("App Deployment Viewer", 24),
            ("App Profile Admin", 14),
            ("App Profile Editor", 10),
            ("App Profile Viewer", 8),
            ("Cloud Account Admin", 7),
            ("Cloud Account Editor", 5),
            ("Cloud Account Viewer", 4),
            ("Cluster Admin", 92),
            ("Cluster Editor", 64),
            ("Cluster Viewer", 40),
            ("Cluster Profile Admin", 16),
            ("Cluster Profile Editor", 12),
            ("Cluster Profile Viewer", 8),
            ("Project Admin", 131),
            ("Project Editor", 86),
            ("Project Viewer", 46),
            ("Virtual Cluster Admin", 22),
            ("Virtual Cluster Editor", 16),
            ("Virtual Cluster Viewer", 12),
            ("Virtual Machine Admin", 18),
            ("Virtual Machine Power User", 16),
            ("Virtual Machine User", 14),
            ("Virtual Machine Viewer", 3),
            ("Workspace Admin", 12),
            ("Workspace Operator", 8),
        ];
        let found = Catalogue::builtin().iter().filter_map(|role| {
            let permissions = role.permissions.as_ref()?;
            Some((role.name, permissions.iter().count()))
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn tells_the_virtual_machine_roles_apart() {
        let (none, missing) = (Vec::new(), difference);
        assert_eq!(
            missing("Virtual Machine Admin", "Virtual Machine Power User"),
            [
                vec!["virtualMachine.create", "virtualMachine.delete"],
                none.clone()
            ]
        );
        assert_eq!(
            missing("Virtual Machine Power User", "Virtual Machine User"),
            [vec!["virtualMachine.clone", "virtualMachine.migrate"], none]
        );
    }

    #[test]
    fn finds_a_role_by_exact_name_and_alias_only() {
        let catalogue = Catalogue::builtin();
        let found = |name| catalogue.role(name).map(|role| role.name);

        assert_eq!(found("Cluster Viewer"), Some("Cluster Viewer"));
        assert_eq!(found("cluster viewer"), None);
        assert_eq!(found("Cluster Viewer "), None);
        assert_eq!(found("Workspace Editor"), Some("Workspace Operator"));
        assert_eq!(found("Cluster Account Admin"), Some("Cloud Account Admin"));
    }

    #[test]
    fn aliases_lead_to_roles_and_hide_none() {
        let catalogue = Catalogue::builtin();
        for (alias, name) in ALIASES {
            assert_eq!(catalogue.role(alias).map(|role| role.name), Some(*name));
            assert!(catalogue.role_ignoring_case(alias).is_none(), "{alias}");
        }
    }

    #[test]
    fn finds_a_role_whatever_its_case_where_asked_to() {
        let found = Catalogue::builtin().role_ignoring_case("CLUSTER viewer");
        assert_eq!(found.map(|role| role.name), Some("Cluster Viewer"));
    }

    #[test]
    fn custom_roles_are_numbered_after_the_built_in_ones() {
        let last = Catalogue::builtin().iter().last().unwrap().id;
        let first = RoleId::custom(0).unwrap();

        assert!(first > last && first.is_custom() && !last.is_custom());
        assert_eq!(RoleId::custom(7).and_then(RoleId::custom_position), Some(7));
        assert_eq!(
            Catalogue::builtin().role_by_id(first).map(|role| role.name),
            None
        );
        assert_eq!(RoleId::custom(usize::from(u16::MAX)), None);
        assert_eq!(RoleId::custom(usize::MAX), None);
    }

    #[test]
    fn role_sets_hold_built_in_and_custom_roles() {
        let viewer = Catalogue::builtin().role("Cluster Viewer").unwrap().id;
        let custom = RoleId::custom(5_000).unwrap();
        let both: RoleSet = [custom, viewer].into_iter().collect();
        let one: RoleSet = [custom].into_iter().collect();

        assert_eq!(both.iter().collect::<Vec<_>>(), [viewer, custom]);
        assert!(both.intersects(&one) && !one.contains(viewer));
        assert!(!one.intersects(&[viewer].into_iter().collect()));
    }
}
