//! Which built-in role counts as another.
//!
//! The list is kept short and is never worked out from the sets: `Project Editor` has all that Cluster Viewer and
//! Virtual Machine User have, and yet nobody who asks for these two roles by name means it. The sets only prove the
//! list.

use super::catalogue::{Catalogue, RoleId, RoleSet};

/// Each role with those that it implies. What these imply in turn is not repeated.
///
/// Missing because no set is at hand that would prove them: the families Project Cluster Group, Tenant Cluster Group,
/// Resource Cluster and Resource Cluster Profile, and Tenant Viewer under Tenant Admin.
const IMPLICATIONS: &[(&str, &[&str])] = &[
    // Palette's pages give both the whole of Project Admin, in every project.
    ("Tenant Admin", &["Project Admin"]),
    ("Tenant Project Admin", &["Project Admin"]),
    (
        "Project Admin",
        &[
            "App Deployment Admin",
            "App Profile Admin",
            "Cloud Account Admin",
            "Cluster Admin",
            "Cluster Profile Admin",
            "Project Editor",
            "Virtual Cluster Admin",
            "Virtual Machine Admin",
            "Workspace Admin",
        ],
    ),
    ("Project Editor", &["Project Viewer"]),
    ("App Deployment Admin", &["App Deployment Editor"]),
    ("App Deployment Editor", &["App Deployment Viewer"]),
    ("App Profile Admin", &["App Profile Editor"]),
    ("App Profile Editor", &["App Profile Viewer"]),
    ("Cloud Account Admin", &["Cloud Account Editor"]),
    ("Cloud Account Editor", &["Cloud Account Viewer"]),
    ("Cluster Admin", &["Cluster Editor"]),
    ("Cluster Editor", &["Cluster Viewer"]),
    ("Cluster Profile Admin", &["Cluster Profile Editor"]),
    ("Cluster Profile Editor", &["Cluster Profile Viewer"]),
    ("Virtual Cluster Admin", &["Virtual Cluster Editor"]),
    ("Virtual Cluster Editor", &["Virtual Cluster Viewer"]),
    ("Virtual Machine Admin", &["Virtual Machine Power User"]),
    ("Virtual Machine Power User", &["Virtual Machine User"]),
    ("Virtual Machine User", &["Virtual Machine Viewer"]),
    // The operator is what this family has for an editor.
    ("Workspace Admin", &["Workspace Operator"]),
];

/// The roles of which any one satisfies `role`: itself, and the built-in ones that imply it, directly or through others.
///
/// A custom role implies nothing and is implied by nothing; what its permissions are worth is the directory's business.
pub fn implied_by(role: RoleId) -> RoleSet {
    let mut satisfying: RoleSet = [role].into_iter().collect();
    let mut pending = vec![role];
    while let Some(implied) = pending.pop() {
        for higher in directly_above(implied) {
            if !satisfying.contains(higher) {
                satisfying.insert(higher);
                pending.push(higher);
            }
        }
    }
    satisfying
}

fn directly_above(role: RoleId) -> impl Iterator<Item = RoleId> {
    let catalogue = Catalogue::builtin();
    let name = catalogue.role_by_id(role).map(|role| role.name);
    let above = IMPLICATIONS
        .iter()
        .filter(move |(_, implied)| name.is_some_and(|name| implied.contains(&name)));
    above.filter_map(|(higher, _)| Some(catalogue.role(higher)?.id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Catalogue, IMPLICATIONS, implied_by};
    use crate::palette::Rank;
    use crate::palette::catalogue::{BuiltinRole, RoleId};
    use crate::palette::permission::PermissionSet;

    fn role(name: &str) -> &'static BuiltinRole {
        Catalogue::builtin()
            .role(name)
            .filter(|role| role.name == name)
            .unwrap_or_else(|| panic!("no role {name}"))
    }

    /// What a role allows at least. Palette's pages list Project Admin's permissions, all of them, under the two tenant
    /// roles.
    fn least_set(name: &str) -> &'static PermissionSet {
        let known = match name {
            "Tenant Admin" | "Tenant Project Admin" => "Project Admin",
            other => other,
        };
        role(known)
            .permissions
            .as_ref()
            .unwrap_or_else(|| panic!("nothing proves what {name} implies"))
    }

    fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
        IMPLICATIONS
            .iter()
            .flat_map(|(higher, implied)| implied.iter().map(move |lower| (*higher, *lower)))
    }

    fn satisfying(name: &str) -> BTreeSet<&'static str> {
        let roles = implied_by(role(name).id);
        let roles = roles
            .iter()
            .map(|id| Catalogue::builtin().role_by_id(id).unwrap());
        roles.map(|role| role.name).collect()
    }

    #[test]
    fn every_line_follows_from_the_permission_sets() {
        for (higher, lower) in lines() {
            assert!(
                least_set(higher).is_superset(least_set(lower)),
                "{higher} lacks permissions of {lower}"
            );
        }
    }

    #[test]
    fn what_follows_through_others_follows_from_the_sets_too() {
        for lower in Catalogue::builtin()
            .iter()
            .filter(|role| role.permissions.is_some())
        {
            for higher in satisfying(lower.name) {
                assert!(
                    least_set(higher).is_superset(least_set(lower.name)),
                    "{higher}, {}",
                    lower.name
                );
            }
        }
    }

    #[test]
    fn every_family_with_known_sets_is_a_chain() {
        let known: Vec<_> = Catalogue::builtin()
            .iter()
            .filter(|role| role.permissions.is_some())
            .collect();
        for lower in &known {
            for higher in known
                .iter()
                .filter(|role| role.family == lower.family && role.rank > lower.rank)
            {
                assert!(
                    satisfying(lower.name).contains(higher.name),
                    "{}, {}",
                    higher.name,
                    lower.name
                );
            }
        }
    }

    #[test]
    fn no_line_leads_up_within_a_family() {
        for (higher, lower) in lines().map(|(higher, lower)| (role(higher), role(lower))) {
            assert!(
                higher.family != lower.family || higher.rank > lower.rank,
                "{}",
                higher.name
            );
        }
    }

    #[test]
    fn three_admins_satisfy_every_project_role_with_a_known_set() {
        for known in Catalogue::builtin()
            .iter()
            .filter(|role| role.permissions.is_some())
        {
            for admin in ["Project Admin", "Tenant Admin", "Tenant Project Admin"] {
                assert!(
                    satisfying(known.name).contains(admin),
                    "{admin}, {}",
                    known.name
                );
            }
        }
    }

    #[test]
    fn lists_exactly_who_satisfies_the_roles_of_the_mapping() {
        let admins = ["Project Admin", "Tenant Admin", "Tenant Project Admin"];
        let expected =
            |own: &[&'static str]| own.iter().copied().chain(admins).collect::<BTreeSet<_>>();

        assert_eq!(satisfying("Cluster Admin"), expected(&["Cluster Admin"]));
        assert_eq!(
            satisfying("Cluster Viewer"),
            expected(&["Cluster Admin", "Cluster Editor", "Cluster Viewer"])
        );
        assert_eq!(
            satisfying("Cluster Profile Editor"),
            expected(&["Cluster Profile Admin", "Cluster Profile Editor"])
        );
        assert_eq!(
            satisfying("Virtual Machine Admin"),
            expected(&["Virtual Machine Admin"])
        );
        assert_eq!(
            satisfying("Virtual Machine User"),
            expected(&[
                "Virtual Machine Admin",
                "Virtual Machine Power User",
                "Virtual Machine User"
            ])
        );
    }

    #[test]
    fn what_is_not_listed_is_not_implied() {
        let absent = [
            ("Virtual Machine Viewer", "Cluster Viewer"),
            ("Cluster Viewer", "Project Editor"),
            ("Virtual Machine Viewer", "Project Viewer"),
            ("Cluster Viewer", "Tenant Viewer"),
            ("Cluster Viewer", "Resource Cluster Viewer"),
        ];
        for (role, other) in absent {
            assert!(!satisfying(role).contains(other), "{other} for {role}");
        }
    }

    #[test]
    fn a_custom_role_and_one_without_a_set_are_satisfied_by_themselves_alone() {
        let custom = RoleId::custom(3).unwrap();

        assert_eq!(implied_by(custom).iter().collect::<Vec<_>>(), [custom]);
        assert_eq!(
            satisfying("Tenant Viewer"),
            BTreeSet::from(["Tenant Viewer"])
        );
        assert_eq!(role("Tenant Viewer").rank, Rank::Viewer);
    }
}
