//! The tenant as the API tells it: as the vendor's types write it, `null` for an empty list, nothing for an empty text.

use serde_json::{Map, Value, json};

use super::tenant::{Grants, Project, Tenant, Workspace};

/// One answer: a status and a body.
pub(super) type Answer = (u16, Value);

/// What was asked.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Vec<(String, String)>,
    pub(super) project: Option<String>,
    pub(super) body: Value,
    /// Whether projects say nothing of their members.
    pub(super) no_members: bool,
}

impl Asked<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| &**value)
    }
}

impl Tenant {
    #[expect(clippy::too_many_lines, reason = "one line or two for each path")]
    pub(super) fn answer(&self, asked: &Asked<'_>) -> Answer {
        let parts: Vec<&str> = asked.path.trim_start_matches("/v1/").split('/').collect();
        match (asked.method, &*parts) {
            ("GET", ["users", "info"]) => ok(json!({
                "orgName": self.name, "tenantUid": self.uid, "userUid": self.reader,
            })),
            ("GET", ["users"]) => page(asked, &self.users.keys().collect::<Vec<_>>(), |uid| self.user_json(uid)),
            ("GET", ["users", uid]) => found(self.user_json(uid)),
            ("GET", ["users", uid, "roles"]) => found(self.users.get(*uid).map(|user| {
                let teams = self.teams.values().filter(|team| team.users.iter().any(|it| it == uid));
                json!({
                    "roles": self.references(&user.roles),
                    "inheritedRoles": self.references(teams.flat_map(|team| &team.roles)),
                })
            })),
            ("GET", ["users", uid, "projects"]) => {
                found(self.users.get(*uid).map(|_| self.project_roles(uid, |it| &it.users, &self.teams_of(uid))))
            }
            ("GET", ["teams"]) => page(asked, &self.teams.keys().collect::<Vec<_>>(), |uid| self.team_json(uid)),
            ("GET", ["teams", uid]) => found(self.team_json(uid)),
            ("GET", ["teams", uid, "projects"]) => {
                found(self.teams.get(*uid).map(|_| self.project_roles(uid, |it| &it.teams, &[])))
            }
            ("GET", ["roles"]) => page(asked, &self.roles.keys().collect::<Vec<_>>(), |uid| self.role_json(uid)),
            ("GET", ["roles", uid]) => found(self.role_json(uid)),
            ("GET", ["projects", uid]) => found(self.project_json(uid, asked.no_members)),
            ("POST", ["dashboard", "projects"]) => self.project_summaries(asked),
            ("GET", ["dashboard", "spectroclusters", "vms"]) => {
                let machines = self.clusters.iter().filter(|(_, cluster)| cluster.has_machines);
                let items = machines.map(|(uid, cluster)| {
                    let mut metadata = metadata(uid, &cluster.name);
                    if let Some(project) = &cluster.project {
                        metadata["projectUid"] = json!(project);
                    }
                    json!({ "metadata": metadata })
                });
                ok(json!({ "items": list(items) }))
            }
            ("POST", ["dashboard", "spectroclusters", "search"]) => {
                let items = self.clusters.iter().map(|(uid, cluster)| {
                    let project = cluster.project.as_ref().map(|project| self.project_reference(project));
                    let mut summary = Map::new();
                    summary.extend(project.map(|it| ("projectMeta".to_owned(), it)));
                    json!({ "metadata": metadata(uid, &cluster.name), "specSummary": summary })
                });
                page(asked, &items.collect::<Vec<_>>(), |row| Some(row.clone()))
            }
            ("GET", ["dashboard", "spectroclusters", uid]) => found(self.within(asked, uid).map(|name| {
                let workspaces = self.workspaces.iter();
                let own = workspaces.filter(|(_, it)| it.clusters.iter().any(|cluster| cluster == uid));
                let own = own.map(|(uid, it)| json!({ "uid": uid, "name": it.name, "kind": "workspace" }));
                json!({ "metadata": metadata(uid, name), "status": { "workspaces": list(own), "virtual": {} } })
            })),
            ("GET", ["spectroclusters", uid]) => found(self.within(asked, uid).map(|name| {
                json!({
                    "metadata": metadata(uid, name),
                    "spec": { "clusterConfig": { "hostClusterConfig": { "isHostCluster": false } } },
                })
            })),
            ("GET", ["clustergroups", "hostCluster"]) => {
                let groups = self.groups.iter().map(|(uid, group)| {
                    let hosts = group.hosts.iter().map(|host| json!({ "uid": host, "kind": "spectrocluster" }));
                    json!({ "metadata": metadata(uid, &group.name), "spec": {
                        "hostClusters": list(hosts), "endpointType": "Ingress",
                        "clusterProfileTemplates": null,
                    } })
                });
                ok(json!({ "summaries": list(groups) }))
            }
            ("GET", ["workspaces", uid]) => found(self.workspaces.get(*uid).map(|it| {
                let namespaces = it.namespaces.iter();
                let namespaces = namespaces.map(|(name, is_regex)| json!({ "name": name, "isRegex": is_regex }));
                let clusters = it.clusters.iter().map(|uid| json!({ "clusterUid": uid }));
                    let rbacs = it.bound.iter().map(|user| {
                        json!({ "spec": { "bindings": [{
                            "type": "RoleBinding",
                            "namespace": "vms",
                            "role": { "kind": "ClusterRole", "name": "spectro-vm-user" },
                            "subjects": [{ "type": "User", "name": user }],
                        }] } })
                    });
                json!({ "metadata": metadata(uid, &it.name), "spec": {
                    "clusterNamespaces": list(namespaces), "clusterRefs": list(clusters), "clusterRbacs": list(rbacs),
                } })
            })),
            ("GET", ["workspaces", "users", uid, "roles"]) => {
                ok(self.workspace_roles(uid, |it| &it.users, &self.teams_of(uid)))
            }
            ("GET", ["workspaces", "teams", uid, "roles"]) => {
                ok(self.workspace_roles(uid, |it| &it.teams, &[]))
            }
            ("GET", ["audits"]) => {
                let since = asked.parameter("startTime").map(|at| at.parse::<jiff::Timestamp>().unwrap());
                let since = since.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                let audits = self.audits.iter().filter(|audit| audit.at >= since);
                let audits: Vec<Value> = audits
                    .map(|audit| json!({
                        "metadata": { "uid": audit.uid, "creationTimestamp": audit.at.strftime("%FT%T.000Z").to_string() },
                        "spec": { "actionType": "update", "resource": { "kind": audit.kind, "uid": audit.resource } },
                    }))
                    .collect();
                page(asked, &audits, |row| Some(row.clone()))
            }
            ("GET", ["apiKeys"]) => ok(json!({ "items": [{
                "metadata": metadata(&super::tenant::uid(0x09, 1), "sync"),
                "spec": { "expiry": "2030-01-01T00:00:00.000Z", "user": { "uid": self.reader } },
                "status": { "isActive": true },
            }] })),
            _ => missing(),
        }
    }

    fn user_json(&self, uid: &str) -> Option<Value> {
        let user = self.users.get(uid)?;
        Some(json!({
            "metadata": metadata(uid, &user.name),
            "spec": { "emailId": user.name, "roles": list(user.roles.iter().map(|it| json!(it))) },
            "status": { "isActive": user.is_active },
        }))
    }

    fn team_json(&self, uid: &str) -> Option<Value> {
        let team = self.teams.get(uid)?;
        Some(json!({
            "metadata": metadata(uid, &team.name),
            "spec": {
                "users": list(team.users.iter().map(|it| json!(it))),
                "roles": list(team.roles.iter().map(|it| json!(it))),
                "sources": null,
            },
            "status": {},
        }))
    }

    fn role_json(&self, uid: &str) -> Option<Value> {
        let role = self.roles.get(uid)?;
        Some(json!({
            "metadata": metadata(uid, &role.name),
            "spec": {
                "permissions": list(role.permissions.iter().map(|it| json!(it))),
                "scope": role.scope,
                "type": if role.is_built_in { "system" } else { "user" },
            },
            "status": { "isEnabled": role.is_enabled },
        }))
    }

    fn project_json(&self, uid: &str, no_members: bool) -> Option<Value> {
        let project = self.projects.get(uid)?;
        let mut spec = json!({ "alerts": null, "users": null, "teams": null });
        if !no_members {
            spec["users"] = list(grants(&project.users, "userId"));
            spec["teams"] = list(grants(&project.teams, "teamId"));
        }
        let mut status = Map::new();
        if project.is_disabled {
            status.insert("isDisabled".to_owned(), json!(true));
        }
        Some(json!({ "metadata": metadata(uid, &project.name), "spec": spec, "status": status }))
    }

    fn project_summaries(&self, asked: &Asked<'_>) -> Answer {
        let name = asked.body["filter"]["name"]["eq"].as_str();
        let projects = self.projects.iter();
        let projects = projects.filter(|(_, it)| name.is_none_or(|name| it.name == name));
        let projects = projects.map(|(uid, project)| {
            let users = project.users.keys().map(|uid| json!({ "uid": uid }));
            let teams = project.teams.keys().map(|uid| json!({ "uid": uid }));
            json!({ "metadata": metadata(uid, &project.name), "specSummary": {
                "users": list(users), "teams": list(teams),
            } })
        });
        page(asked, &projects.collect::<Vec<_>>(), |row| {
            Some(row.clone())
        })
    }

    fn project_reference(&self, uid: &str) -> Value {
        json!({ "uid": uid, "name": self.projects[uid].name })
    }

    /// The name of a cluster, for who asks in its project, by whatever case the header is written.
    fn within(&self, asked: &Asked<'_>, uid: &str) -> Option<&str> {
        let cluster = self.clusters.get(uid)?;
        (cluster.project == asked.project).then_some(&cluster.name)
    }

    fn teams_of(&self, user: &str) -> Vec<&String> {
        let teams = self.teams.iter();
        let own = teams.filter(|(_, team)| team.users.iter().any(|it| it == user));
        own.map(|(uid, _)| uid).collect()
    }

    /// Its own roles in each project, and those of its teams.
    fn project_roles(&self, uid: &str, of: fn(&Project) -> &Grants, teams: &[&String]) -> Value {
        let projects = self.projects.iter().filter_map(|(project, it)| {
            let own = of(it).get(uid).into_iter().flatten();
            let inherited = teams.iter().filter_map(|team| it.teams.get(*team)).flatten();
            let (own, inherited) = (self.references(own), self.references(inherited));
            let holds = !own.is_null() || !inherited.is_null();
            holds.then(|| json!({ "uid": project, "name": it.name, "roles": own, "inheritedRoles": inherited }))
        });
        json!({ "projects": list(projects) })
    }

    fn workspace_roles(
        &self,
        uid: &str,
        of: fn(&Workspace) -> &Grants,
        teams: &[&String],
    ) -> Value {
        let workspaces = self.workspaces.iter().filter_map(|(workspace, it)| {
            let own = of(it).get(uid).into_iter().flatten();
            let inherited = teams.iter().filter_map(|team| it.teams.get(*team)).flatten();
            let (own, inherited) = (self.references(own), self.references(inherited));
            let holds = !own.is_null() || !inherited.is_null();
            let roles = json!({ "uid": workspace, "name": it.name, "roles": own, "inheritedRoles": inherited });
            holds.then(|| json!({ "uid": it.project, "workspaces": [roles] }))
        });
        json!({ "projects": list(workspaces) })
    }

    fn references<'t>(&self, uids: impl IntoIterator<Item = &'t String>) -> Value {
        list(
            uids.into_iter()
                .map(|uid| json!({ "uid": uid, "name": self.roles[uid].name })),
        )
    }
}

/// By Palette's tokens, which hold an offset.
fn page<T>(asked: &Asked<'_>, rows: &[T], row: impl Fn(&T) -> Option<Value>) -> Answer {
    let limit = asked
        .parameter("limit")
        .map_or(50, |limit| limit.parse().unwrap());
    if !(1..=50).contains(&limit) {
        return (
            400,
            json!({ "code": "InvalidLimit", "message": "limit must be within 1 and 50", "ref": "" }),
        );
    }
    let token = asked
        .parameter("continue")
        .filter(|token| !token.is_empty());
    let offset = token.map_or(0, |token| {
        token.strip_prefix("offset-").unwrap().parse().unwrap()
    });
    let next = offset + limit;
    let token = if next < rows.len() {
        format!("offset-{next}")
    } else {
        String::new()
    };
    let items = rows.iter().skip(offset).take(limit).filter_map(row);
    ok(json!({
        "items": list(items),
        "listmeta": { "continue": token, "count": rows.len(), "limit": limit, "offset": offset },
    }))
}

fn grants<'g>(grants: &'g Grants, key: &'g str) -> impl Iterator<Item = Value> + 'g {
    grants
        .iter()
        .map(move |(uid, roles)| json!({ key: uid, "roles": roles }))
}

fn metadata(uid: &str, name: &str) -> Value {
    json!({ "uid": uid, "name": name })
}

/// An empty list is `null`.
fn list(rows: impl Iterator<Item = Value>) -> Value {
    let rows: Vec<Value> = rows.collect();
    if rows.is_empty() {
        Value::Null
    } else {
        json!(rows)
    }
}

fn ok(body: Value) -> Answer {
    (200, body)
}

fn found(body: Option<Value>) -> Answer {
    body.map_or_else(missing, ok)
}

fn missing() -> Answer {
    (
        404,
        json!({ "code": "ResourceNotFound", "message": "not found", "ref": "" }),
    )
}
