//! The tenant, and what is done in it.

use std::collections::BTreeMap;

use palette_rbac::palette::Catalogue;

/// A tenant. Everything by uid.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) key: String,
    /// Whose key it is.
    pub(crate) reader: String,
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) teams: BTreeMap<String, Team>,
    pub(crate) projects: BTreeMap<String, Project>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) workspaces: BTreeMap<String, Workspace>,
    pub(crate) audits: Vec<Audit>,
    next: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) scope: &'static str,
    pub(crate) is_built_in: bool,
    pub(crate) is_enabled: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) is_active: bool,
    pub(crate) roles: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) name: String,
    pub(crate) users: Vec<String>,
    pub(crate) roles: Vec<String>,
}

/// Grants in a project or a workspace: uids of roles by the uid of who holds them.
pub(crate) type Grants = BTreeMap<String, Vec<String>>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) is_disabled: bool,
    pub(crate) users: Grants,
    pub(crate) teams: Grants,
}

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) project: Option<String>,
    pub(crate) has_machines: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) hosts: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Workspace {
    pub(crate) name: String,
    pub(crate) project: String,
    pub(crate) clusters: Vec<String>,
    pub(crate) namespaces: Vec<(String, bool)>,
    /// The users for whom it has bindings.
    pub(crate) bound: Vec<String>,
    pub(crate) users: Grants,
    pub(crate) teams: Grants,
}

#[derive(Debug, Clone)]
pub(crate) struct Audit {
    pub(crate) uid: String,
    pub(crate) at: jiff::Timestamp,
    pub(crate) kind: &'static str,
    pub(crate) resource: String,
}

/// 24 hexadecimal digits, as Palette's are.
pub(crate) fn uid(kind: u8, number: u64) -> String {
    format!("{kind:02x}{number:022x}")
}

impl Tenant {
    /// With Palette's own roles, a reader with Tenant Viewer, and nobody else.
    pub(crate) fn new() -> Self {
        let mut tenant = Self {
            uid: uid(0x70, 1),
            name: "orchard".to_owned(),
            key: "k3y-of-the-orchard-0123456789abcdef".to_owned(),
            reader: String::new(),
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
            teams: BTreeMap::new(),
            projects: BTreeMap::new(),
            clusters: BTreeMap::new(),
            groups: BTreeMap::new(),
            workspaces: BTreeMap::new(),
            audits: Vec::new(),
            next: 0,
        };
        for role in Catalogue::builtin().iter() {
            let permissions = if role.name == "Tenant Viewer" {
                readers()
            } else {
                Vec::new()
            };
            let uid = tenant.new_uid(0x01);
            tenant.roles.insert(
                uid,
                Role {
                    name: role.name.to_owned(),
                    permissions,
                    scope: "project",
                    is_built_in: true,
                    is_enabled: true,
                },
            );
        }
        let viewer = tenant.role("Tenant Viewer");
        tenant.reader = tenant.add_user("reader@orchard.test");
        tenant.user_mut("reader@orchard.test").roles.push(viewer);
        tenant
    }

    /// The sample: a cluster in project orchard-prod, whose host group is cellar, and ines, who may use machines in it.
    pub(crate) fn sample() -> Self {
        let mut tenant = Self::new();
        let prod = tenant.add_project("orchard-prod");
        let cluster = tenant.add_cluster("press-1", Some(&prod));
        tenant.add_group("cellar", &[&cluster]);
        tenant.add_user("ines@orchard.test");
        tenant.add_user("omar@orchard.test");
        let pickers = tenant.add_team("pickers", &["omar@orchard.test"]);
        tenant.grant("ines@orchard.test", "Cluster Viewer", "orchard-prod");
        tenant.grant("ines@orchard.test", "Virtual Machine User", "orchard-prod");
        let viewer = tenant.role("Cluster Viewer");
        tenant
            .project_mut("orchard-prod")
            .teams
            .insert(pickers, vec![viewer]);
        tenant.audits.clear();
        tenant
    }

    /// 20,000 users, 500 teams and 50 projects, of whom some hundred hold something.
    pub(crate) fn large() -> Self {
        let mut tenant = Self::sample();
        for number in tenant.users.len()..20_000 {
            tenant.add_user(&format!("user-{number}@orchard.test"));
        }
        for number in 0..100 {
            let user = format!("user-{}@orchard.test", 100 + number * 7);
            tenant.grant(&user, "Cluster Viewer", "orchard-prod");
        }
        for number in tenant.teams.len()..500 {
            let members: Vec<String> = (0..5)
                .map(|it| format!("user-{}@orchard.test", 1000 + number * 5 + it))
                .collect();
            let members: Vec<&str> = members.iter().map(|name| &**name).collect();
            let team = tenant.add_team(&format!("team-{number}"), &members);
            if number % 20 == 0 {
                let viewer = tenant.role("Cluster Viewer");
                tenant
                    .project_mut("orchard-prod")
                    .teams
                    .insert(team, vec![viewer]);
            }
        }
        for number in tenant.projects.len()..50 {
            let name = format!("project-{number}");
            tenant.add_project(&name);
            tenant.grant(
                &format!("user-{}@orchard.test", number + 10),
                "Project Admin",
                &name,
            );
            let team = tenant.teams.keys().nth(number).unwrap().clone();
            let viewer = tenant.role("Cluster Viewer");
            tenant.project_mut(&name).teams.insert(team, vec![viewer]);
        }
        tenant.audits.clear();
        tenant
    }

    pub(crate) fn new_uid(&mut self, kind: u8) -> String {
        self.next += 1;
        uid(kind, self.next)
    }

    pub(crate) fn role(&self, name: &str) -> String {
        let found = self.roles.iter().find(|(_, role)| role.name == name);
        found.unwrap_or_else(|| panic!("no role {name}")).0.clone()
    }

    pub(crate) fn user(&self, name: &str) -> String {
        let found = self.users.iter().find(|(_, user)| user.name == name);
        found.unwrap_or_else(|| panic!("no user {name}")).0.clone()
    }

    pub(crate) fn team(&self, name: &str) -> String {
        let found = self.teams.iter().find(|(_, team)| team.name == name);
        found.unwrap_or_else(|| panic!("no team {name}")).0.clone()
    }

    pub(crate) fn project(&self, name: &str) -> String {
        let found = self
            .projects
            .iter()
            .find(|(_, project)| project.name == name);
        found
            .unwrap_or_else(|| panic!("no project {name}"))
            .0
            .clone()
    }

    pub(crate) fn cluster(&self) -> String {
        self.clusters.keys().next().unwrap().clone()
    }

    pub(crate) fn user_mut(&mut self, name: &str) -> &mut User {
        let uid = self.user(name);
        self.users.get_mut(&uid).unwrap()
    }

    pub(crate) fn project_mut(&mut self, name: &str) -> &mut Project {
        let uid = self.project(name);
        self.projects.get_mut(&uid).unwrap()
    }

    pub(crate) fn add_user(&mut self, name: &str) -> String {
        let uid = self.new_uid(0x02);
        let user = User {
            name: name.to_owned(),
            is_active: true,
            roles: Vec::new(),
        };
        self.users.insert(uid.clone(), user);
        uid
    }

    pub(crate) fn add_team(&mut self, name: &str, members: &[&str]) -> String {
        let users = members.iter().map(|name| self.user(name)).collect();
        let uid = self.new_uid(0x03);
        let team = Team {
            name: name.to_owned(),
            users,
            roles: Vec::new(),
        };
        self.teams.insert(uid.clone(), team);
        uid
    }

    pub(crate) fn add_role(&mut self, name: &str, permissions: &[&str]) -> String {
        let uid = self.new_uid(0x01);
        let role = Role {
            name: name.to_owned(),
            permissions: permissions.iter().map(ToString::to_string).collect(),
            scope: "project",
            is_built_in: false,
            is_enabled: true,
        };
        self.roles.insert(uid.clone(), role);
        uid
    }

    pub(crate) fn add_project(&mut self, name: &str) -> String {
        let uid = self.new_uid(0x04);
        let project = Project {
            name: name.to_owned(),
            ..Project::default()
        };
        self.projects.insert(uid.clone(), project);
        uid
    }

    pub(crate) fn add_cluster(&mut self, name: &str, project: Option<&str>) -> String {
        let uid = self.new_uid(0x05);
        let cluster = Cluster {
            name: name.to_owned(),
            project: project.map(str::to_owned),
            has_machines: true,
        };
        self.clusters.insert(uid.clone(), cluster);
        uid
    }

    pub(crate) fn add_group(&mut self, name: &str, hosts: &[&str]) {
        let uid = self.new_uid(0x06);
        let group = Group {
            name: name.to_owned(),
            hosts: hosts.iter().map(ToString::to_string).collect(),
        };
        self.groups.insert(uid, group);
    }

    pub(crate) fn add_workspace(&mut self, workspace: Workspace) -> String {
        let uid = self.new_uid(0x07);
        self.workspaces.insert(uid.clone(), workspace);
        uid
    }

    /// Gives a user a role in a project, as an administrator does in Palette.
    pub(crate) fn grant(&mut self, user: &str, role: &str, project: &str) {
        let (user, role) = (self.user(user), self.role(role));
        let grants = &mut self.project_mut(project).users;
        grants.entry(user.clone()).or_default().push(role);
        self.audit("user", user);
    }

    /// Takes it away.
    pub(crate) fn revoke(&mut self, user: &str, role: &str, project: &str) {
        let (user, role) = (self.user(user), self.role(role));
        let grants = &mut self.project_mut(project).users;
        if let Some(roles) = grants.get_mut(&user) {
            roles.retain(|it| *it != role);
        }
        grants.retain(|_, roles| !roles.is_empty());
        self.audit("user", user);
    }

    pub(crate) fn audit(&mut self, kind: &'static str, resource: String) {
        let uid = self.new_uid(0x08);
        self.audits.push(Audit {
            uid,
            at: jiff::Timestamp::now(),
            kind,
            resource,
        });
    }
}

/// What Tenant Viewer may read, as far as it matters here.
fn readers() -> Vec<String> {
    let resources = [
        "user",
        "team",
        "role",
        "project",
        "cluster",
        "clusterGroup",
        "workspace",
        "filter",
        "audit",
        "apiKey",
    ];
    let resources = resources.iter();
    resources
        .flat_map(|it| ["get", "list"].map(|verb| format!("{it}.{verb}")))
        .collect()
}
