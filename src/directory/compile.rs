//! From the document to the look-ups: names to places, roles to numbers, scopes once each.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::document::{
    AssignmentDocument, ClusterDocument, Document, PlainText, RoleDocument, TeamDocument,
    UserDocument,
};
use super::twins::near_twins;
use super::{Assignment, AssignmentScope, ClusterFacts, Directory, ScopeId, Team, TeamId, User};
use crate::document::{Diagnostics, Lines, Location, Mistake, Mistakes, Position, utf8};
use crate::domain::nearest;
use crate::palette::{Catalogue, NamespacePattern, Permission};

/// A directory and what is odd about its file.
#[derive(Debug)]
pub struct CompiledDirectory {
    /// What the file means.
    pub directory: Directory,
    /// What is likely not meant, in the order of the file.
    pub warnings: Vec<Mistake>,
}

impl Directory {
    /// Compiles a directory file of at most `max_bytes`.
    ///
    /// The first mistake in its shape ends the reading; in its meaning, all are found.
    pub fn compile(bytes: &[u8], max_bytes: usize) -> Result<CompiledDirectory, Mistakes> {
        if bytes.len() > max_bytes {
            let message = format!("{} bytes; at most {max_bytes} are read", bytes.len());
            return Err(Mistake::new(Position::default(), "", message).into());
        }
        let text = utf8(bytes)?;
        let document = Document::parse(text)?;
        let mut compiler = Compiler::new(text);
        compiler.add(&document);
        compiler.finish()
    }
}

/// A directory in the making.
struct Compiler<'a> {
    directory: Directory,
    lines: Lines<'a>,
    diagnostics: Diagnostics,
    scopes: HashMap<ScopeKey<'a>, ScopeId>,
    /// Roles that nobody knows: where each is assigned first, and how often it is.
    unknown_roles: HashMap<&'a str, (Location, usize)>,
    /// How many more near names are searched.
    hints: usize,
}

/// Each search for a near name compares with all names: a file that is wrong throughout must not take minutes.
const MAX_HINTS: usize = 50;

/// So many twins are told of.
const MAX_TWINS: usize = 50;

/// How names begin that clusters have for themselves.
const OWN: [&str; 3] = ["system:", "kubeadm:", "eks:"];

/// What makes two scopes the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ScopeKey<'a> {
    Tenant,
    Project(&'a str),
    Workspace(&'a str, &'a [PlainText<'a>]),
}

/// An assignment's place, written when there is something to say about it.
#[derive(Clone, Copy)]
struct At {
    holders: &'static str,
    holder: usize,
    index: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}[{}].assignments[{}]",
            self.holders, self.holder, self.index
        )
    }
}

impl<'a> Compiler<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            directory: Directory::default(),
            lines: Lines::new(text),
            diagnostics: Diagnostics::default(),
            scopes: HashMap::new(),
            unknown_roles: HashMap::new(),
            hints: MAX_HINTS,
        }
    }

    /// Roles first, then teams: what comes later refers to them, wherever the file has them.
    fn add(&mut self, document: &'a Document<'a>) {
        self.directory.as_of = document.as_of;
        self.directory.tenant = document.tenant.as_ref().map(|it| Box::from(&*it.uid));
        for (index, cluster) in document.clusters.iter().enumerate() {
            self.add_cluster(cluster, index);
        }
        for (index, role) in document.roles.iter().enumerate() {
            self.add_role(role, index);
        }
        for (index, team) in document.teams.iter().enumerate() {
            self.add_team(team, index);
        }
        self.directory.team_names.index();
        for (index, user) in document.users.iter().enumerate() {
            self.add_user(user, index);
        }
        self.directory.user_names.index();
        let teams: Vec<_> = document.teams.iter().map(|team| &team.name).collect();
        let users: Vec<_> = document.users.iter().map(|user| &user.name).collect();
        self.warn_of_names("teams", &teams);
        self.warn_of_names("users", &users);
    }

    /// Names that people, or the rules, would take for another's.
    fn warn_of_names(&self, list: &str, names: &[&PlainText<'a>]) {
        let path = |index| format!("{list}[{index}].name");
        for (index, name) in names.iter().enumerate() {
            if OWN.iter().any(|own| name.starts_with(own)) {
                let message = format!(
                    "`{}` looks like a name of the cluster's own: in a binding it is taken for this one",
                    &***name
                );
                self.warn(name, path(index), message);
            }
        }
        let texts: Vec<&str> = names.iter().map(|name| &***name).collect();
        for (index, first) in near_twins(&texts).into_iter().take(MAX_TWINS) {
            if let Some(name) = names.get(index)
                && *first != ***name
            {
                let message = format!(
                    "`{}` and `{}` are two names to Palette and Kubernetes, which compare letter for letter",
                    &***name,
                    first.escape_debug()
                );
                self.warn(name, path(index), message);
            }
        }
    }

    fn finish(mut self) -> Result<CompiledDirectory, Mistakes> {
        let mut unknown: Vec<_> = self.unknown_roles.drain().collect();
        unknown.sort_by(|(_, (one, _)), (_, (other, _))| one.cmp(other));
        for (name, (location, times)) in unknown {
            let hint = hint(&mut self.hints, name, self.directory.roles.names());
            self.diagnostics.warn(
                &location,
                match times {
                    1 => format!("no Palette role `{name}`, so it grants nothing{hint}"),
                    _ => format!(
                        "no Palette role `{name}`, so its {times} assignments grant nothing{hint}"
                    ),
                },
            );
        }
        let (directory, warnings) = self.diagnostics.finish(self.directory)?;
        Ok(CompiledDirectory {
            directory,
            warnings,
        })
    }

    fn add_cluster(&mut self, cluster: &'a ClusterDocument<'a>, index: usize) {
        if self.directory.cluster(&cluster.uid).is_some() {
            self.stands_twice(&cluster.uid, format!("clusters[{index}].uid"));
        }
        let workspaces = cluster.workspaces.iter();
        self.directory.clusters.push(ClusterFacts {
            uid: Box::from(&*cluster.uid),
            project: cluster.project.as_ref().map(|it| Arc::from(&**it)),
            cluster_group: cluster.cluster_group.as_ref().map(|it| Arc::from(&**it)),
            workspaces: workspaces.map(|it| Arc::from(&*it.name)).collect(),
        });
    }

    fn add_role(&mut self, role: &'a RoleDocument<'a>, index: usize) {
        let mut permissions = Vec::with_capacity(role.permissions.len());
        for (at, permission) in role.permissions.iter().enumerate() {
            match permission.parse::<Permission>() {
                Ok(permission) => permissions.push(permission),
                Err(error) => {
                    let path = format!("roles[{index}].permissions[{at}]");
                    self.mistake(permission, path, error.to_string());
                }
            }
        }
        let permissions = self.directory.permissions.intern_all(&permissions);
        let path = format!("roles[{index}].name");
        let name = &*role.name;
        if name.trim().is_empty() {
            self.mistake(&role.name, path, "is empty");
        } else if let Some(builtin) = Catalogue::builtin().role_ignoring_case(name) {
            let message = format!("`{name}` is built in, as {:?}", builtin.name);
            self.mistake(&role.name, path, message);
        } else if self.directory.roles.has(name) {
            self.mistake(&role.name, path, format!("`{name}` stands twice"));
        } else if self.directory.roles.add(name, permissions).is_none() {
            self.mistake(&role.name, path, "one custom role too many");
        }
    }

    fn add_team(&mut self, team: &'a TeamDocument<'a>, index: usize) {
        let assignments = self.assignments(&team.assignments, "teams", index);
        if team.name.trim().is_empty() {
            self.mistake(&team.name, format!("teams[{index}].name"), "is empty");
        } else if let Some(name) = self.directory.team_names.add(&team.name) {
            self.directory.teams.push(Team { name, assignments });
        } else {
            self.stands_twice(&team.name, format!("teams[{index}].name"));
        }
    }

    fn add_user(&mut self, user: &'a UserDocument<'a>, index: usize) {
        let compiled = User {
            active: user.active,
            assignments: self.assignments(&user.assignments, "users", index),
            teams: self.teams(&user.teams, index),
        };
        if user.name.trim().is_empty() {
            self.mistake(&user.name, format!("users[{index}].name"), "is empty");
        } else if self.directory.user_names.add(&user.name).is_some() {
            self.directory.users.push(compiled);
        } else {
            self.stands_twice(&user.name, format!("users[{index}].name"));
        }
    }

    fn teams(&mut self, teams: &'a [PlainText<'a>], user: usize) -> Box<[TeamId]> {
        let mut ids = Vec::with_capacity(teams.len());
        for (index, team) in teams.iter().enumerate() {
            match self.directory.team_names.cursor(team) {
                Some(cursor) if ids.contains(&TeamId(cursor)) => {}
                Some(cursor) => ids.push(TeamId(cursor)),
                None => {
                    let hint = hint(&mut self.hints, team, self.directory.team_names.iter());
                    let message = format!("no team `{}`{hint}", &**team);
                    self.mistake(team, format!("users[{user}].teams[{index}]"), message);
                }
            }
        }
        ids.into()
    }

    fn assignments(
        &mut self,
        assignments: &'a [AssignmentDocument<'a>],
        holders: &'static str,
        holder: usize,
    ) -> Box<[Assignment]> {
        let mut compiled = Vec::with_capacity(assignments.len());
        for (index, assignment) in assignments.iter().enumerate() {
            let at = At {
                holders,
                holder,
                index,
            };
            let role = self.directory.role(&assignment.role);
            if role.is_none() {
                self.count_unknown_role(&assignment.role, at);
            }
            if let (Some(scope), Some(role)) = (self.scope(assignment, at), role) {
                compiled.push(Assignment { role, scope });
            }
        }
        compiled.into()
    }

    fn count_unknown_role(&mut self, role: &'a PlainText<'a>, at: At) {
        let first = || Location {
            position: self.lines.position_of(role),
            path: format!("{at}.role"),
        };
        let (_, times) = self
            .unknown_roles
            .entry(role)
            .or_insert_with(|| (first(), 0));
        *times += 1;
    }

    fn scope(&mut self, assignment: &'a AssignmentDocument<'a>, at: At) -> Option<ScopeId> {
        let key = match scope_key(assignment) {
            Ok(key) => key,
            Err(message) => {
                self.mistake(&assignment.role, at.to_string(), message);
                return None;
            }
        };
        if let Some(id) = self.scopes.get(&key) {
            return Some(*id);
        }
        let scope = self.compile_scope(key, at)?;
        let id = ScopeId(u32::try_from(self.directory.scopes.len()).ok()?);
        self.directory.scopes.push(scope);
        self.scopes.insert(key, id);
        Some(id)
    }

    fn compile_scope(&self, key: ScopeKey<'a>, at: At) -> Option<AssignmentScope> {
        match key {
            ScopeKey::Tenant => Some(AssignmentScope::Tenant),
            ScopeKey::Project(name) => Some(AssignmentScope::Project(name.into())),
            ScopeKey::Workspace(name, texts) => Some(AssignmentScope::Workspace {
                name: name.into(),
                namespaces: self.patterns(texts, at)?,
            }),
        }
    }

    fn patterns(&self, texts: &'a [PlainText<'a>], at: At) -> Option<Box<[NamespacePattern]>> {
        let mut patterns = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let path = format!("{at}.namespaces[{index}]");
            match text.parse::<NamespacePattern>() {
                Ok(pattern) => {
                    if pattern.is_negated() && texts.len() > 1 {
                        self.warn(text, path, "widens the other patterns: a namespace is selected if one of them does");
                    }
                    patterns.push(pattern);
                }
                Err(error) => self.mistake(text, path, error.to_string()),
            }
        }
        (patterns.len() == texts.len()).then(|| patterns.into())
    }

    fn stands_twice(&self, name: &PlainText<'a>, path: String) {
        self.mistake(name, path, format!("`{}` stands twice", &**name));
    }

    fn mistake(&self, part: &PlainText<'a>, path: String, message: impl Into<String>) {
        self.diagnostics
            .mistake(&self.location(part, path), message);
    }

    fn warn(&self, part: &PlainText<'a>, path: String, message: impl Into<String>) {
        self.diagnostics.warn(&self.location(part, path), message);
    }

    fn location(&self, part: &PlainText<'a>, path: String) -> Location {
        Location {
            position: self.lines.position_of(part),
            path,
        }
    }
}

fn scope_key<'a>(assignment: &'a AssignmentDocument<'a>) -> Result<ScopeKey<'a>, &'static str> {
    let namespaces = assignment.namespaces.as_deref();
    match (
        &assignment.project,
        &assignment.workspace,
        assignment.tenant,
    ) {
        (None, Some(workspace), None) => match namespaces {
            None | Some([]) => Err("a workspace needs `namespaces`; `[\"/.*/\"]` selects all"),
            Some(namespaces) => Ok(ScopeKey::Workspace(name_of(workspace)?, namespaces)),
        },
        (Some(_), None, None) | (None, None, Some(true)) if namespaces.is_some() => {
            Err("only an assignment in a workspace has `namespaces`")
        }
        (Some(project), None, None) => Ok(ScopeKey::Project(name_of(project)?)),
        (None, None, Some(true)) => Ok(ScopeKey::Tenant),
        _ => Err("needs exactly one of `project`, `workspace` and `tenant: true`"),
    }
}

fn name_of<'a>(text: &'a PlainText<'a>) -> Result<&'a str, &'static str> {
    if text.trim().is_empty() {
        return Err("the project or workspace has an empty name");
    }
    Ok(text)
}

/// The near name, as the end of a message.
fn hint<'n>(left: &mut usize, name: &str, known: impl Iterator<Item = &'n str>) -> String {
    if *left == 0 {
        return String::new();
    }
    *left -= 1;
    match nearest(name, known) {
        Some(near) => format!("; did you mean {near:?}?"),
        None => String::new(),
    }
}
