//! What a reading makes of a tenant.

use crate::harness::{Site, held, undated};
use crate::stand_in::Tenant;

#[test]
fn it_holds_who_has_something_here_and_the_names_of_everybody_else() {
    let mut tenant = Tenant::sample();
    tenant.add_user("nobody@orchard.test");
    tenant.add_project("elsewhere");
    tenant.add_user("zara@orchard.test");
    tenant.grant("zara@orchard.test", "Project Admin", "elsewhere");
    let site = Site::new(tenant);
    let snapshot = site.synced();
    assert_eq!(
        held(&snapshot, "ines@orchard.test"),
        [
            "Cluster Viewer (project orchard-prod)",
            "Virtual Machine User (project orchard-prod)"
        ]
    );
    assert_eq!(
        held(&snapshot, "omar@orchard.test"),
        ["Cluster Viewer (project orchard-prod)"]
    );
    for name in ["nobody@orchard.test", "zara@orchard.test"] {
        let user = snapshot
            .users
            .iter()
            .find(|user| user.name == name)
            .unwrap();
        assert_eq!((&user.uid, user.assignments.len()), (&None, 0), "{name}");
    }
    let cluster = &snapshot.clusters[0];
    assert_eq!(cluster.project.as_deref(), Some("orchard-prod"));
    assert_eq!(cluster.cluster_group.as_deref(), Some("cellar"));
    assert_eq!(snapshot.tenant.name, "orchard");
    assert!(snapshot.as_of.is_some());
}

#[test]
fn without_a_cluster_it_holds_all_projects() {
    let mut tenant = Tenant::sample();
    tenant.add_project("elsewhere");
    tenant.add_user("zara@orchard.test");
    tenant.grant("zara@orchard.test", "Project Admin", "elsewhere");
    let site = Site::new(tenant);
    let to = format!("file:{}", site.path("directory.json").display());
    let ended = site.run(&["--to", &to, "--once"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let snapshot = site.snapshot();
    assert_eq!(
        held(&snapshot, "zara@orchard.test"),
        ["Project Admin (project elsewhere)"]
    );
    assert_eq!(snapshot.clusters, []);
}

#[test]
fn who_is_inactive_and_what_is_disabled_gives_nothing() {
    let mut tenant = Tenant::sample();
    tenant.user_mut("ines@orchard.test").is_active = false;
    let viewer = tenant.role("Cluster Viewer");
    tenant.roles.get_mut(&viewer).unwrap().is_enabled = false;
    let site = Site::new(tenant);
    let snapshot = site.synced();
    let ines = snapshot
        .users
        .iter()
        .find(|user| user.name == "ines@orchard.test")
        .unwrap();
    assert!(!ines.active && ines.assignments.is_empty());
    assert_eq!(held(&snapshot, "omar@orchard.test"), [""; 0]);
    site.palette.change(|tenant| {
        tenant.user_mut("ines@orchard.test").is_active = true;
        tenant.project_mut("orchard-prod").is_disabled = true;
    });
    assert_eq!(held(&site.synced(), "ines@orchard.test"), [""; 0]);
}

#[test]
fn roles_in_workspaces_count_in_their_namespaces() {
    use crate::stand_in::Workspace;
    let mut tenant = Tenant::sample();
    let (ines, role) = (
        tenant.user("ines@orchard.test"),
        tenant.role("Virtual Machine Admin"),
    );
    let pickers = tenant.team("pickers");
    // Whom Palette itself is to bind, and who belongs to nothing else.
    let lea = tenant.add_user("lea@orchard.test");
    let workspace = Workspace {
        bound: vec!["lea@orchard.test".to_owned()],
        name: "harvest".to_owned(),
        project: tenant.project("orchard-prod"),
        clusters: vec![tenant.cluster()],
        namespaces: vec![
            ("/^vm-/".to_owned(), true),
            ("staging".to_owned(), false),
            ("pick.*".to_owned(), true),
        ],
        users: [(ines, vec![role.clone()]), (lea, vec![role.clone()])].into(),
        teams: [(pickers, vec![role])].into(),
    };
    tenant.add_workspace(workspace);
    let site = Site::new(tenant);
    let snapshot = site.synced();
    let given = "Virtual Machine Admin (workspace harvest)".to_owned();
    for name in ["ines@orchard.test", "omar@orchard.test", "lea@orchard.test"] {
        assert!(held(&snapshot, name).contains(&given), "{name}");
    }
    let ines = snapshot
        .users
        .iter()
        .find(|user| user.name == "ines@orchard.test")
        .unwrap();
    let namespaces = ines
        .assignments
        .iter()
        .find_map(|it| it.namespaces.clone())
        .unwrap();
    assert_eq!(namespaces, ["/^vm-/", "staging", "/pick.*/"]);
    assert_eq!(snapshot.clusters[0].workspaces[0].name, "harvest");
}

#[test]
fn a_custom_role_counts_by_its_permissions_and_never_by_a_name_of_palettes() {
    let mut tenant = Tenant::sample();
    tenant.add_role(
        "VM Launcher",
        &[
            "virtualMachine.create",
            "virtualMachine.get",
            "not a permission",
        ],
    );
    tenant.add_role("cluster admin", &["cluster.get"]);
    tenant.grant("ines@orchard.test", "VM Launcher", "orchard-prod");
    tenant.grant("ines@orchard.test", "cluster admin", "orchard-prod");
    let site = Site::new(tenant);
    let ended = site.once();
    let snapshot = site.snapshot();
    assert_eq!(snapshot.roles.len(), 1);
    assert_eq!(
        snapshot.roles[0].permissions,
        ["virtualMachine.create", "virtualMachine.get"]
    );
    let held = held(&snapshot, "ines@orchard.test");
    assert!(
        held.contains(&"VM Launcher (project orchard-prod)".to_owned()),
        "{held:?}"
    );
    assert!(
        !held.iter().any(|role| role.starts_with("cluster admin")),
        "{held:?}"
    );
    assert!(
        ended
            .err
            .contains("role `cluster admin` is not Palette's own"),
        "{}",
        ended.err
    );
    assert!(
        ended
            .err
            .contains("permission `not a permission` of role `VM Launcher`"),
        "{}",
        ended.err
    );
}

#[test]
fn a_name_that_two_have_holds_nothing() {
    let mut tenant = Tenant::sample();
    tenant.add_user("ines@orchard.test");
    tenant.add_team("pickers", &[]);
    tenant.add_project("orchard-prod");
    let site = Site::new(tenant);
    let to = format!("file:{}", site.path("directory.json").display());
    let ended = site.run(&["--to", &to, "--once"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let snapshot = site.snapshot();
    assert_eq!(held(&snapshot, "ines@orchard.test"), [""; 0]);
    assert_eq!(held(&snapshot, "omar@orchard.test"), [""; 0]);
    for kind in [
        "user `ines@orchard.test`",
        "team `pickers`",
        "project `orchard-prod`",
    ] {
        assert!(ended.err.contains(kind), "{kind}: {}", ended.err);
    }
}

#[test]
fn a_cluster_without_machines_and_one_of_the_tenant_are_found() {
    let mut tenant = Tenant::sample();
    let cluster = tenant.cluster();
    tenant.clusters.get_mut(&cluster).unwrap().has_machines = false;
    let site = Site::new(tenant);
    assert_eq!(
        site.synced().clusters[0].project.as_deref(),
        Some("orchard-prod")
    );
    site.palette
        .change(|tenant| tenant.clusters.get_mut(&cluster).unwrap().project = None);
    let ended = site.once_with(&["--accept-loss", "none"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let snapshot = site.snapshot();
    assert_eq!(snapshot.clusters[0].project, None);
    assert_eq!(held(&snapshot, "ines@orchard.test"), [""; 0]);
}

#[test]
fn the_same_tenant_makes_the_same_text() {
    let site = Site::new(Tenant::sample());
    site.synced();
    let first = undated(&site.text());
    site.synced();
    assert_eq!(undated(&site.text()), first);
}

#[test]
fn a_dry_run_says_who_would_gain_what_and_writes_nothing() {
    let site = Site::new(Tenant::sample());
    let cluster = site.palette.change(|tenant| tenant.cluster());
    let to = format!("file:{}", site.path("directory.json").display());
    let ended = site.run(&["--cluster-uid", &cluster, "--to", &to, "--dry-run"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(!site.path("directory.json").exists());
    for line in [
        "3 users, 3 of whom hold something that counts; 1 teams; 0 custom roles",
        "(press-1): project orchard-prod, cluster group cellar, workspaces none",
        "+ user ines@orchard.test gains Cluster Viewer (project orchard-prod), Virtual Machine User (project orchard-prod)",
        "+ team pickers gains Cluster Viewer (project orchard-prod)",
    ] {
        assert!(ended.out.contains(line), "{line}\nnot in\n{}", ended.out);
    }
}
