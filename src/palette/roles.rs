//! The table of built-in roles. Data only: `catalogue` answers questions about it.
//!
//! Names and sets are those of Palette's pages on tenant, project and resource roles, as read in 2026. The families App
//! Deployment, App Profile, Cloud Account, Virtual Cluster and Workspace come from an older edition of the project
//! page; where it is wrong or behind, a comment beside the line says what was corrected. Two corrections touch too many
//! lines for that:
//! - `clusterRbac`, which the older edition gives to the Project and Cluster roles, is no permission of today's Palette
//!   and is left out of them all;
//! - the older edition lacks the Virtual Machine and Project Cluster Group roles, and in the Project and Cluster roles
//!   the keys `appDeployment`, `appProfile`, `clusterGroup`, `clusterPair`, `clusterTemplate`, `spcPolicy`,
//!   `virtualCloudconfig`, `virtualCluster`, `virtualMachine` (and `project` in the Cluster ones), and
//!   `edgehost.sshUpdate` and `sshUserUpdate`.
//!
//! A role without a set is one whose permissions are not at hand. That is the careful side: a set that lacks something
//! would let a custom role pass for more than it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// Where a role can be assigned.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RoleScope {
    /// The whole tenant.
    Tenant,
    /// A project, or a workspace of it.
    Project,
    /// The resources of some projects that a tag filter selects.
    Resource,
}

/// The place of a role in its family, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Sees.
    Viewer,
    /// Uses what is there (virtual machines).
    User,
    /// Backs up and restores (workspaces).
    Operator,
    /// Changes what is there.
    Editor,
    /// All but creating and deleting (virtual machines).
    PowerUser,
    /// Everything.
    Admin,
}

/// One built-in role.
#[derive(Debug)]
pub(super) struct RoleRow {
    pub(super) name: &'static str,
    pub(super) scope: RoleScope,
    pub(super) family: &'static str,
    pub(super) rank: Rank,
    /// Resources, each with its operations; absent where they are not at hand.
    pub(super) permissions: Option<&'static [(&'static str, &'static str)]>,
}

impl RoleRow {
    const fn known(mut self, permissions: &'static [(&'static str, &'static str)]) -> Self {
        self.permissions = Some(permissions);
        self
    }
}

const fn tenant(name: &'static str, family: &'static str, rank: Rank) -> RoleRow {
    row(RoleScope::Tenant, name, family, rank)
}

const fn project(name: &'static str, family: &'static str, rank: Rank) -> RoleRow {
    row(RoleScope::Project, name, family, rank)
}

const fn resource(name: &'static str, family: &'static str, rank: Rank) -> RoleRow {
    row(RoleScope::Resource, name, family, rank)
}

const fn row(scope: RoleScope, name: &'static str, family: &'static str, rank: Rank) -> RoleRow {
    RoleRow {
        name,
        scope,
        family,
        rank,
        permissions: None,
    }
}

/// Every built-in role. Its place here is its number, so custom roles come after the last.
#[rustfmt::skip]
pub(super) const ROLES: &[RoleRow] = &[
    // Tenant Admin and Tenant Project Admin allow all that Project Admin does, and more that is not at hand.
    tenant("Tenant Admin", "Tenant", Rank::Admin),
    tenant("Tenant Viewer", "Tenant", Rank::Viewer),
    tenant("Tenant Cluster Group Admin", "Tenant Cluster Group", Rank::Admin),
    tenant("Tenant Cluster Group Editor", "Tenant Cluster Group", Rank::Editor),
    tenant("Tenant Cluster Group Viewer", "Tenant Cluster Group", Rank::Viewer),
    tenant("Tenant Cluster Profile Admin", "Tenant Cluster Profile", Rank::Admin),
    tenant("Tenant Project Admin", "Tenant Project", Rank::Admin),
    tenant("Tenant Role Admin", "Tenant Role", Rank::Admin),
    tenant("Tenant Team Admin", "Tenant Team", Rank::Admin),
    tenant("Tenant User Admin", "Tenant User", Rank::Admin),

    project("App Deployment Admin", "App Deployment", Rank::Admin).known(&[
        ("appDeployment", CRUD),
        ("appProfile", READ),
        ("cloudaccount", READ),
        ("clusterGroup", READ),
        ("location", CRUD),
        ("machine", READ),
        ("macro", CRUD),
        ("packRegistry", READ),
        ("project", READ),
        ("sshKey", CRUD),
        ("tag", "update"),
        ("virtualCloudconfig", CRUD),
        ("virtualCluster", CRUD),
    ]),
    project("App Deployment Editor", "App Deployment", Rank::Editor).known(&[
        ("appDeployment", EDIT),
        ("appProfile", READ),
        ("cloudaccount", READ),
        ("clusterGroup", READ),
        ("location", EDIT),
        ("machine", READ),
        ("macro", EDIT), // the older edition lacks update
        ("packRegistry", READ),
        ("project", READ),
        ("sshKey", EDIT),
        ("tag", "update"),
        ("virtualCloudconfig", EDIT),
        ("virtualCluster", EDIT),
    ]),
    project("App Deployment Viewer", "App Deployment", Rank::Viewer).known(&[
        ("appDeployment", READ),
        ("appProfile", READ),
        ("cloudaccount", READ),
        ("clusterGroup", READ),
        ("location", READ),
        ("machine", READ),
        ("macro", READ),
        ("packRegistry", READ),
        ("project", READ),
        ("sshKey", READ),
        ("virtualCloudconfig", READ),
        ("virtualCluster", READ),
    ]),

    project("App Profile Admin", "App Profile", Rank::Admin).known(&[
        ("appProfile", CRUD),
        ("macro", CRUD),
        ("packRegistry", READ),
        ("project", READ),
    ]),
    project("App Profile Editor", "App Profile", Rank::Editor).known(&[
        ("appProfile", EDIT),
        ("macro", EDIT),
        ("packRegistry", READ),
        ("project", READ),
    ]),
    project("App Profile Viewer", "App Profile", Rank::Viewer).known(&[
        ("appProfile", READ),
        ("macro", READ),
        ("packRegistry", READ),
        ("project", READ),
    ]),

    // The older edition calls these three `Cluster Account …`: see ALIASES.
    project("Cloud Account Admin", "Cloud Account", Rank::Admin).known(&[
        ("cloudaccount", CRUD),
        ("project", READ), // not in the older edition
    ]),
    project("Cloud Account Editor", "Cloud Account", Rank::Editor).known(&[
        ("cloudaccount", EDIT),
        ("project", READ), // not in the older edition
    ]),
    project("Cloud Account Viewer", "Cloud Account", Rank::Viewer).known(&[
        ("cloudaccount", READ),
        ("project", READ), // not in the older edition
    ]),

    project("Cluster Admin", "Cluster", Rank::Admin).known(&[
        ("cloudaccount", READ),
        ("cloudconfig", CRUD),
        ("cluster", "create delete get import list update"),
        ("clusterGroup", READ),
        ("clusterPair", CRUD),
        ("clusterProfile", READ), // the older edition ticks create and delete, two columns off
        ("clusterTemplate", READ),
        ("dnsMapping", CRUD),
        ("edgehost", EDGEHOST_ADMIN),
        ("location", CRUD),
        ("machine", CRUD),
        ("macro", CRUD),
        ("packRegistry", READ), // the same shift
        ("privateGateway", READ), // the same shift
        ("project", READ),
        ("spcPolicy", READ),
        ("sshKey", CRUD),
        ("tag", "update"),
        ("virtualCloudconfig", CRUD),
        ("virtualCluster", CRUD),
        ("virtualMachine", VM_ADMIN),
    ]),
    project("Cluster Editor", "Cluster", Rank::Editor).known(&[
        ("cloudaccount", READ),
        ("cloudconfig", EDIT),
        ("cluster", EDIT), // the page's text says delete too, its matrix only for machine
        ("clusterGroup", READ),
        ("clusterPair", EDIT),
        ("clusterProfile", READ),
        ("clusterTemplate", READ),
        ("dnsMapping", EDIT),
        ("edgehost", EDIT),
        ("location", EDIT),
        ("machine", "delete get list update"),
        ("macro", EDIT),
        ("packRegistry", READ),
        ("privateGateway", READ),
        ("project", READ),
        ("spcPolicy", READ),
        ("sshKey", EDIT),
        ("tag", "update"),
        ("virtualCloudconfig", EDIT),
        ("virtualCluster", EDIT),
        ("virtualMachine", VM_USER),
    ]),
    project("Cluster Viewer", "Cluster", Rank::Viewer).known(&[
        ("cloudaccount", READ),
        ("cloudconfig", READ),
        ("cluster", READ),
        ("clusterGroup", READ),
        ("clusterPair", READ),
        ("clusterProfile", READ),
        ("clusterTemplate", READ),
        ("dnsMapping", READ),
        ("edgehost", READ),
        ("location", READ),
        ("machine", READ),
        ("macro", READ),
        ("packRegistry", READ),
        ("privateGateway", READ),
        ("project", READ),
        ("spcPolicy", READ),
        ("sshKey", READ),
        ("virtualCloudconfig", READ),
        ("virtualCluster", READ),
        ("virtualMachine", READ),
    ]),

    project("Cluster Profile Admin", "Cluster Profile", Rank::Admin).known(&[
        ("clusterProfile", "create delete get list publish update"),
        ("macro", CRUD),
        ("packRegistry", READ), // the older edition ticks create and delete, two columns off
        ("project", READ), // not in the older edition
        ("tag", "update"),
    ]),
    project("Cluster Profile Editor", "Cluster Profile", Rank::Editor).known(&[
        ("clusterProfile", "get list publish update"),
        ("macro", EDIT),
        ("packRegistry", READ),
        ("project", READ), // not in the older edition
        ("tag", "update"),
    ]),
    project("Cluster Profile Viewer", "Cluster Profile", Rank::Viewer).known(&[
        ("clusterProfile", READ),
        ("macro", READ),
        ("packRegistry", READ),
        ("project", READ), // not in the older edition
    ]),

    project("Project Admin", "Project", Rank::Admin).known(&[
        ("appDeployment", CRUD),
        ("appProfile", CRUD),
        ("audit", READ),
        ("cloudaccount", CRUD),
        ("cloudconfig", CRUD),
        ("cluster", "create delete get import list update"),
        ("clusterGroup", CRUD),
        ("clusterPair", CRUD),
        ("clusterProfile", "create delete get list publish update"),
        ("clusterTemplate", CRUD),
        ("dnsMapping", CRUD),
        ("edgehost", EDGEHOST_ADMIN),
        ("location", CRUD),
        ("machine", CRUD),
        ("macro", CRUD),
        ("packRegistry", READ),
        ("privateGateway", CRUD),
        ("project", EDIT),
        ("spcPolicy", CRUD),
        ("sshKey", CRUD),
        ("tag", "update"),
        ("virtualCloudconfig", CRUD),
        ("virtualCluster", CRUD),
        ("virtualMachine", VM_ADMIN),
        ("workspace", "backup create delete get list restore update"),
    ]),
    project("Project Editor", "Project", Rank::Editor).known(&[
        ("appDeployment", EDIT),
        ("appProfile", EDIT),
        ("audit", READ),
        ("cloudaccount", EDIT),
        ("cloudconfig", "create get list update"), // the page's text says no create; both its matrices have it
        ("cluster", EDIT),
        ("clusterGroup", EDIT),
        ("clusterPair", EDIT),
        ("clusterProfile", "get list publish update"),
        ("clusterTemplate", EDIT),
        ("dnsMapping", EDIT),
        ("edgehost", EDIT),
        ("location", EDIT),
        ("machine", "delete get list update"),
        ("macro", EDIT),
        ("packRegistry", READ),
        ("privateGateway", EDIT),
        ("project", EDIT),
        ("spcPolicy", EDIT),
        ("sshKey", EDIT),
        ("tag", "update"),
        ("virtualCloudconfig", EDIT),
        ("virtualCluster", EDIT),
        ("virtualMachine", VM_USER),
        ("workspace", "backup get list restore update"),
    ]),
    // The older edition ticks create and update on each of its lines here, in place of get and list.
    project("Project Viewer", "Project", Rank::Viewer).known(&[
        ("appDeployment", READ),
        ("appProfile", READ),
        ("audit", READ),
        ("cloudaccount", READ),
        ("cloudconfig", READ),
        ("cluster", READ),
        ("clusterGroup", READ),
        ("clusterPair", READ),
        ("clusterProfile", READ),
        ("clusterTemplate", READ),
        ("dnsMapping", READ),
        ("edgehost", READ),
        ("location", READ),
        ("machine", READ),
        ("macro", READ),
        ("packRegistry", READ),
        ("privateGateway", READ),
        ("project", READ),
        ("spcPolicy", READ),
        ("sshKey", READ),
        ("virtualCloudconfig", READ),
        ("virtualCluster", READ),
        ("workspace", READ), // and no virtualMachine: Project Viewer does not stand in for Virtual Machine Viewer
    ]),

    project("Project Cluster Group Admin", "Project Cluster Group", Rank::Admin),
    project("Project Cluster Group Editor", "Project Cluster Group", Rank::Editor),
    project("Project Cluster Group Viewer", "Project Cluster Group", Rank::Viewer),

    project("Virtual Cluster Admin", "Virtual Cluster", Rank::Admin).known(&[
        ("clusterGroup", READ),
        ("location", READ),
        ("macro", CRUD),
        ("project", READ),
        ("tag", "update"),
        ("virtualCloudconfig", CRUD),
        ("virtualCluster", CRUD),
    ]),
    project("Virtual Cluster Editor", "Virtual Cluster", Rank::Editor).known(&[
        ("clusterGroup", READ),
        ("location", READ),
        ("macro", EDIT),
        ("project", READ),
        ("tag", "update"),
        ("virtualCloudconfig", EDIT),
        ("virtualCluster", EDIT),
    ]),
    // The older edition labels this one's tab `App Deployment Viewer`; its heading has the right name.
    project("Virtual Cluster Viewer", "Virtual Cluster", Rank::Viewer).known(&[
        ("clusterGroup", READ),
        ("location", READ),
        ("macro", READ),
        ("project", READ),
        ("virtualCloudconfig", READ),
        ("virtualCluster", READ),
    ]),

    project("Virtual Machine Admin", "Virtual Machine", Rank::Admin).known(&[
        ("project", "get"),
        ("virtualMachine", VM_ADMIN),
    ]),
    project("Virtual Machine Power User", "Virtual Machine", Rank::PowerUser).known(&[
        ("project", "get"),
        ("virtualMachine", VM_POWER_USER),
    ]),
    project("Virtual Machine User", "Virtual Machine", Rank::User).known(&[
        ("project", "get"),
        ("virtualMachine", VM_USER),
    ]),
    project("Virtual Machine Viewer", "Virtual Machine", Rank::Viewer).known(&[
        ("project", "get"),
        ("virtualMachine", READ),
    ]),

    project("Workspace Admin", "Workspace", Rank::Admin).known(&[
        ("cluster", "list"), // not in the older edition
        ("location", "list"), // not in the older edition
        ("project", READ), // not in the older edition
        ("tag", "update"), // not in the older edition
        ("workspace", "backup create delete get list restore update"),
    ]),
    // Both editions' tables call it `Workspace Editor`, their panels and Palette itself `Workspace Operator`: see ALIASES.
    project("Workspace Operator", "Workspace", Rank::Operator).known(&[
        ("cluster", "list"), // not in the older edition
        ("location", "list"), // not in the older edition
        ("project", READ), // not in the older edition
        ("workspace", "backup get list restore"),
    ]),

    resource("Resource Cluster Admin", "Resource Cluster", Rank::Admin),
    resource("Resource Cluster Editor", "Resource Cluster", Rank::Editor),
    resource("Resource Cluster Viewer", "Resource Cluster", Rank::Viewer),
    resource("Resource Cluster Profile Admin", "Resource Cluster Profile", Rank::Admin),
    resource("Resource Cluster Profile Editor", "Resource Cluster Profile", Rank::Editor),
    resource("Resource Cluster Profile Viewer", "Resource Cluster Profile", Rank::Viewer),
];

/// Other words of Palette's pages for a role: `(alias, role)`.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("Workspace Editor", "Workspace Operator"),
    ("Cluster Account Admin", "Cloud Account Admin"),
    ("Cluster Account Editor", "Cloud Account Editor"),
    ("Cluster Account Viewer", "Cloud Account Viewer"),
    // The tenant page's table; its panel and the other pages leave `Role` out.
    ("Tenant User Admin Role", "Tenant User Admin"),
];

const CRUD: &str = "create delete get list update";
const EDIT: &str = "get list update";
const READ: &str = "get list";
const EDGEHOST_ADMIN: &str = "create delete get list sshUpdate sshUserUpdate update";

const VM_ADMIN: &str = "clone create delete get list migrate pause restart resume \
    snapshotCreate snapshotDelete snapshotGet snapshotList snapshotUpdate start stop update";
const VM_POWER_USER: &str = "clone get list migrate pause restart resume \
    snapshotCreate snapshotDelete snapshotGet snapshotList snapshotUpdate start stop update";
const VM_USER: &str = "get list pause restart resume \
    snapshotCreate snapshotDelete snapshotGet snapshotList snapshotUpdate start stop update";
