//! What holds in any tenant: a snapshot is what each user's own word says, and more in Palette never refuses more here.

use std::collections::BTreeSet;
use std::sync::Arc;

use palette_rbac::admission::{Manifest, read_manifest};
use palette_rbac::decide::{Context, decide};
use palette_rbac::directory::{Directory, Snapshot};
use palette_rbac::domain::BindingRequest;
use palette_rbac::facts::Cluster;
use palette_rbac::policy::{ClusterOverride, Policy};
use palette_rbac::rulebook::Rulebook;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{Site, held};
use crate::stand_in::{Tenant, Workspace};

const USERS: [&str; 4] = [
    "ines@orchard.test",
    "omar@orchard.test",
    "zara@orchard.test",
    "lea@orchard.test",
];
const TEAMS: [&str; 2] = ["pickers", "pressers"];
const PROJECTS: [&str; 2] = ["orchard-prod", "elsewhere"];
const ROLES: [&str; 7] = [
    "Cluster Admin",
    "Cluster Viewer",
    "Cluster Profile Admin",
    "Virtual Machine Admin",
    "Virtual Machine User",
    "Project Admin",
    "VM Launcher",
];
const VM_ROLES: [&str; 4] = [
    "spectro-vm-admin",
    "spectro-vm-power-user",
    "spectro-vm-user",
    "spectro-vm-viewer",
];

/// Something that an administrator gives in Palette.
#[derive(Debug, Clone)]
enum Gift {
    InTenant(usize, usize),
    TeamInTenant(usize, usize),
    InProject(usize, usize, usize),
    TeamInProject(usize, usize, usize),
    InWorkspace(usize, usize),
    TeamInWorkspace(usize, usize),
    Membership(usize, usize),
}

/// Something that makes gifts count for nothing.
#[derive(Debug, Clone)]
enum Limit {
    Inactive(usize),
    DisabledRole(usize),
    DisabledProject(usize),
}

fn gift() -> impl Strategy<Value = Gift> {
    let (users, teams, projects, roles) = (
        0..USERS.len(),
        0..TEAMS.len(),
        0..PROJECTS.len(),
        0..ROLES.len(),
    );
    prop_oneof![
        (users.clone(), roles.clone()).prop_map(|(user, role)| Gift::InTenant(user, role)),
        (teams.clone(), roles.clone()).prop_map(|(team, role)| Gift::TeamInTenant(team, role)),
        (users.clone(), roles.clone(), projects.clone())
            .prop_map(|(user, role, at)| Gift::InProject(user, role, at)),
        (teams.clone(), roles.clone(), projects)
            .prop_map(|(team, role, at)| Gift::TeamInProject(team, role, at)),
        (users.clone(), roles.clone()).prop_map(|(user, role)| Gift::InWorkspace(user, role)),
        (teams.clone(), roles).prop_map(|(team, role)| Gift::TeamInWorkspace(team, role)),
        (users, teams).prop_map(|(user, team)| Gift::Membership(user, team)),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        (0..USERS.len()).prop_map(Limit::Inactive),
        (0..ROLES.len()).prop_map(Limit::DisabledRole),
        (0..PROJECTS.len()).prop_map(Limit::DisabledProject),
    ]
}

fn tenant(gifts: &[Gift], limits: &[Limit]) -> Tenant {
    let mut tenant = Tenant::new();
    tenant.add_role(
        "VM Launcher",
        &[
            "virtualMachine.create",
            "project.get",
            "virtualMachine.get",
            "virtualMachine.list",
        ],
    );
    let projects = PROJECTS.map(|name| tenant.add_project(name));
    let cluster = tenant.add_cluster("press-1", Some(&projects[0]));
    for user in USERS {
        tenant.add_user(user);
        // Whoever belongs to the project is asked for roles in workspaces.
        tenant.grant(user, "Project Viewer", PROJECTS[0]);
    }
    for team in TEAMS {
        tenant.add_team(team, &[]);
    }
    let workspace = Workspace {
        name: "harvest".to_owned(),
        project: projects[0].clone(),
        clusters: vec![cluster],
        namespaces: vec![("vms".to_owned(), false)],
        ..Workspace::default()
    };
    let workspace = tenant.add_workspace(workspace);
    for gift in gifts {
        give(&mut tenant, gift, &workspace);
    }
    for limit in limits {
        match *limit {
            Limit::Inactive(user) => tenant.user_mut(USERS[user]).is_active = false,
            Limit::DisabledRole(role) => {
                let role = tenant.role(ROLES[role]);
                tenant.roles.get_mut(&role).unwrap().is_enabled = false;
            }
            Limit::DisabledProject(project) => {
                tenant.project_mut(PROJECTS[project]).is_disabled = true;
            }
        }
    }
    tenant
}

fn give(tenant: &mut Tenant, gift: &Gift, workspace: &str) {
    let role = |tenant: &Tenant, role: usize| tenant.role(ROLES[role]);
    match *gift {
        Gift::InTenant(user, of) => {
            let role = role(tenant, of);
            tenant.user_mut(USERS[user]).roles.push(role);
        }
        Gift::TeamInTenant(team, of) => {
            let (team, role) = (tenant.team(TEAMS[team]), role(tenant, of));
            tenant.teams.get_mut(&team).unwrap().roles.push(role);
        }
        Gift::InProject(user, of, project) => {
            tenant.grant(USERS[user], ROLES[of], PROJECTS[project]);
        }
        Gift::TeamInProject(team, of, project) => {
            let (team, role) = (tenant.team(TEAMS[team]), role(tenant, of));
            tenant
                .project_mut(PROJECTS[project])
                .teams
                .entry(team)
                .or_default()
                .push(role);
        }
        Gift::InWorkspace(user, of) => {
            let (user, role) = (tenant.user(USERS[user]), role(tenant, of));
            tenant
                .workspaces
                .get_mut(workspace)
                .unwrap()
                .users
                .entry(user)
                .or_default()
                .push(role);
        }
        Gift::TeamInWorkspace(team, of) => {
            let (team, role) = (tenant.team(TEAMS[team]), role(tenant, of));
            tenant
                .workspaces
                .get_mut(workspace)
                .unwrap()
                .teams
                .entry(team)
                .or_default()
                .push(role);
        }
        Gift::Membership(user, team) => {
            let (user, team) = (tenant.user(USERS[user]), tenant.team(TEAMS[team]));
            let members = &mut tenant.teams.get_mut(&team).unwrap().users;
            if !members.contains(&user) {
                members.push(user);
            }
        }
    }
}

/// What a user holds by the calls that Palette joins itself, one user at a time: another reading than that of `sync`.
fn by_own_word(site: &Site, user: &str) -> Vec<String> {
    let (uid, active, disabled): (String, bool, BTreeSet<String>) = site.palette.change(|tenant| {
        let uid = tenant.user(user);
        let disabled = tenant.roles.values().filter(|role| !role.is_enabled);
        let disabled = disabled.map(|role| role.name.clone()).collect();
        (uid.clone(), tenant.users[&uid].is_active, disabled)
    });
    let is_counted = |project: &str| {
        site.palette
            .change(|tenant| !tenant.projects[project].is_disabled)
    };
    let cluster = site
        .palette
        .change(|tenant| tenant.clusters[&tenant.cluster()].project.clone().unwrap());
    let names = |roles: &Value| -> Vec<String> {
        let roles = roles.as_array().cloned().unwrap_or_default();
        let names = roles
            .iter()
            .map(|role| role["name"].as_str().unwrap().to_owned());
        names.filter(|name| !disabled.contains(name)).collect()
    };
    let both = |of: &Value| [names(&of["roles"]), names(&of["inheritedRoles"])].concat();
    let mut held = BTreeSet::new();
    let in_tenant = ask(site, &format!("users/{uid}/roles"));
    held.extend(
        both(&in_tenant)
            .into_iter()
            .map(|role| format!("{role} (tenant)")),
    );
    let projects = ask(site, &format!("users/{uid}/projects"));
    for project in projects["projects"].as_array().into_iter().flatten() {
        let (of, name) = (
            project["uid"].as_str().unwrap(),
            project["name"].as_str().unwrap(),
        );
        if of == cluster && is_counted(of) {
            held.extend(
                both(project)
                    .into_iter()
                    .map(|role| format!("{role} (project {name})")),
            );
        }
    }
    let workspaces = ask(site, &format!("workspaces/users/{uid}/roles"));
    for project in workspaces["projects"].as_array().into_iter().flatten() {
        for workspace in project["workspaces"].as_array().into_iter().flatten() {
            let name = workspace["name"].as_str().unwrap();
            held.extend(
                both(workspace)
                    .into_iter()
                    .map(|role| format!("{role} (workspace {name})")),
            );
        }
    }
    if active {
        held.into_iter().collect()
    } else {
        Vec::new()
    }
}

fn ask(site: &Site, path: &str) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let key = std::fs::read_to_string(site.path("key")).unwrap();
    runtime.block_on(async {
        let request = reqwest::Client::new().get(format!("{}/v1/{path}", site.palette.url()));
        let response = request.header("ApiKey", key.trim()).send().await.unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    })
}

/// Which users may be given which VM roles in namespace `vms`.
fn admitted(snapshot: &Snapshot) -> BTreeSet<(&'static str, &'static str)> {
    let text = snapshot.to_json().unwrap();
    let directory = Directory::compile(&text, text.len()).unwrap().directory;
    let policy = Policy::embedded(&ClusterOverride::default());
    let (rulebook, _) = Rulebook::pair(Arc::new(policy), Arc::new(directory));
    let mut admitted = BTreeSet::new();
    for (user, role) in USERS
        .iter()
        .flat_map(|user| VM_ROLES.iter().map(move |role| (*user, *role)))
    {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "b", "namespace": "vms" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
        });
        let text = binding.to_string();
        let Ok(Manifest::Binding(binding)) = read_manifest(&text, "default") else {
            panic!("{text} is a binding");
        };
        let request = BindingRequest::create(binding, None);
        let context = Context::new(&rulebook, Cluster::default(), jiff::Timestamp::now());
        if decide(&request, context).verdict.admits() {
            admitted.insert((user, role));
        }
    }
    admitted
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_is_what_each_user_holds_by_its_own_word(
        gifts in prop::collection::vec(gift(), 0..12),
        limits in prop::collection::vec(limit(), 0..3),
    ) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let site = Site::new(tenant(&gifts, &limits));
        let snapshot = site.synced();
        for user in USERS {
            prop_assert_eq!(held(&snapshot, user), by_own_word(&site, user), "{}", user);
        }
    }

    #[test]
    fn more_in_palette_never_turns_an_admission_into_a_refusal(
        gifts in prop::collection::vec(gift(), 0..12),
        limits in prop::collection::vec(limit(), 0..2),
        more in gift(),
    ) {
        let site = Site::new(tenant(&gifts, &limits));
        let before = admitted(&site.synced());
        let more: Vec<Gift> = gifts.iter().cloned().chain([more]).collect();
        let now = Site::new(tenant(&more, &limits)).synced();
        let missing: Vec<_> = before.difference(&admitted(&now)).copied().collect();
        prop_assert_eq!(missing, []);
    }
}
