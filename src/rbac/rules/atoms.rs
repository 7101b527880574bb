//! Rules in parts of one verb on one resource or path, for people.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::paths::Path;
use super::{ResourceRule, Rules, UrlRule};

/// The smallest thing that a role can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Atom<'a> {
    /// One verb on one resource, or on one object of it.
    Resource {
        /// The verb, or `*`.
        verb: &'a str,
        /// The group (the core group is empty), or `*`.
        group: &'a str,
        /// `resource`, `resource/subresource`, `*/subresource` or `*`.
        resource: &'a str,
        /// The only object meant.
        name: Option<&'a str>,
    },
    /// One verb on a path.
    Path {
        /// The verb, or `*`.
        verb: &'a str,
        /// The path, or what it begins with.
        path: &'a str,
        /// Whether every path that begins so is meant.
        is_prefix: bool,
    },
}

/// What a role allows, written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atoms<'a> {
    /// Sorted by group, resource and name, then the paths; without what another one covers as well.
    pub atoms: Vec<Atom<'a>>,
    /// Whether that is all. Otherwise it is what the first rules allow, and may repeat itself.
    pub are_all: bool,
}

impl Rules {
    /// Everything that they allow, up to so many; two roles that allow the same are written out alike.
    pub fn atoms(&self, most: usize) -> Atoms<'_> {
        let resources = || self.resource_rules().flat_map(of_resources);
        let paths = || self.url_rules().flat_map(of_paths);
        if self.atom_count() > most {
            return Atoms {
                atoms: resources().chain(paths()).take(most).collect(),
                are_all: false,
            };
        }
        let mut atoms = reduced(resources());
        atoms.extend(reduced_paths(paths()));
        Atoms {
            atoms,
            are_all: true,
        }
    }

    fn atom_count(&self) -> usize {
        let resources = self.resource_rules();
        let resources = resources.map(|rule| rule.targets().saturating_mul(rule.verbs.len()));
        let paths = self.url_rules();
        let paths = paths.map(|rule| rule.urls.len().saturating_mul(rule.verbs.len()));
        resources.chain(paths).fold(0, usize::saturating_add)
    }
}

fn of_resources(rule: ResourceRule<'_>) -> impl Iterator<Item = Atom<'_>> {
    let names = move || {
        let every = rule.names.is_empty().then_some(None);
        every.into_iter().chain(rule.in_words(rule.names).map(Some))
    };
    rule.in_words(rule.groups).flat_map(move |group| {
        rule.in_words(rule.resources).flat_map(move |resource| {
            names().flat_map(move |name| {
                rule.in_words(rule.verbs).map(move |verb| Atom::Resource {
                    verb,
                    group,
                    resource,
                    name,
                })
            })
        })
    })
}

fn of_paths(rule: UrlRule<'_>) -> impl Iterator<Item = Atom<'_>> {
    rule.in_words(rule.urls)
        .map(Path::new)
        .flat_map(move |path| {
            rule.in_words(rule.verbs).map(move |verb| Atom::Path {
                verb,
                path: path.text,
                is_prefix: !path.is_exact,
            })
        })
}

/// Without what another one covers.
fn reduced<'a>(atoms: impl Iterator<Item = Atom<'a>>) -> Vec<Atom<'a>> {
    let all: HashSet<Atom<'_>> = atoms.collect();
    let any = all.iter().filter_map(|atom| match *atom {
        Atom::Resource { resource, .. } => Some((resource.strip_prefix("*/")?, resource)),
        Atom::Path { .. } => None,
    });
    let any: HashMap<&str, &str> = any.collect();
    let is_needed = |atom: &&Atom<'_>| {
        let mut wider = wider(**atom, &any).into_iter();
        !wider.any(|wider| wider != **atom && all.contains(&wider))
    };
    let mut needed: Vec<Atom<'_>> = all.iter().filter(is_needed).copied().collect();
    needed.sort_unstable_by_key(|atom| place(*atom));
    needed
}

/// What would stand for it, itself among them; of the texts `*/subresource` there are only those given.
fn wider<'a>(atom: Atom<'a>, any: &HashMap<&str, &'a str>) -> Vec<Atom<'a>> {
    let Atom::Resource {
        verb,
        group,
        resource,
        name,
    } = atom
    else {
        return Vec::new();
    };
    let of_sub = resource.split_once('/').and_then(|(_, sub)| any.get(sub));
    let resources = [Some("*"), of_sub.copied(), Some(resource)];
    let mut all = Vec::new();
    for (group, verb) in ["*", group]
        .into_iter()
        .flat_map(|group| [(group, "*"), (group, verb)])
    {
        for resource in resources.into_iter().flatten() {
            all.extend([None, name].map(|name| Atom::Resource {
                verb,
                group,
                resource,
                name,
            }));
        }
    }
    all
}

/// By target, and the usual verbs first.
fn place(atom: Atom<'_>) -> (bool, &str, &str, Option<&str>, usize, &str) {
    let of_verb = |verb| {
        VERBS
            .iter()
            .position(|usual| *usual == verb)
            .unwrap_or(VERBS.len())
    };
    match atom {
        Atom::Resource {
            verb,
            group,
            resource,
            name,
        } => (false, group, resource, name, of_verb(verb), verb),
        Atom::Path {
            verb,
            path,
            is_prefix,
        } => (is_prefix, path, "", None, of_verb(verb), verb),
    }
}

/// In order, each path lies within those that were last begun.
fn reduced_paths<'a>(atoms: impl Iterator<Item = Atom<'a>>) -> Vec<Atom<'a>> {
    let mut all: Vec<(Path<'_>, &str, Atom<'_>)> = atoms.filter_map(with_path).collect();
    all.sort_unstable_by_key(|(path, verb, _)| (*path, *verb != "*", *verb));
    all.dedup();
    let mut open: Vec<(Path<'_>, &str)> = Vec::new();
    let mut needed = Vec::new();
    for (path, verb, atom) in all {
        while open.pop_if(|(outer, _)| !outer.stands_for(path)).is_some() {}
        if open
            .iter()
            .all(|(_, outer)| *outer != "*" && *outer != verb)
        {
            needed.push(atom);
            open.push((path, verb));
        }
    }
    needed.sort_unstable_by_key(|atom| place(*atom));
    needed
}

fn with_path(atom: Atom<'_>) -> Option<(Path<'_>, &str, Atom<'_>)> {
    let Atom::Path {
        verb,
        path: text,
        is_prefix,
    } = atom
    else {
        return None;
    };
    let path = Path {
        text,
        is_exact: !is_prefix,
    };
    Some((path, verb, atom))
}

/// The verbs that nearly every rule is made of, in the order of a document.
const VERBS: [&str; 17] = [
    "*",
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "approve",
    "sign",
    "use",
    "proxy",
    "attest",
];

impl fmt::Display for Atom<'_> {
    /// As `kubectl auth can-i` takes it: `delete virtualmachines.kubevirt.io`, `get /healthz`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Resource {
                verb,
                group,
                resource,
                name,
            } => {
                let (whole, sub) = resource
                    .split_once('/')
                    .map_or((resource, None), |(whole, sub)| (whole, Some(sub)));
                write!(f, "{verb} {whole}")?;
                for part in [
                    (".", Some(group).filter(|g| !g.is_empty())),
                    ("/", sub),
                    (" ", name),
                ] {
                    if let (mark, Some(text)) = part {
                        write!(f, "{mark}{text}")?;
                    }
                }
                Ok(())
            }
            Self::Path {
                verb,
                path,
                is_prefix,
            } => write!(f, "{verb} {path}{}", if is_prefix { "*" } else { "" }),
        }
    }
}
