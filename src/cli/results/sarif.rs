//! SARIF 2.1.0: every rule with its help, one result a finding.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use strum::IntoEnumIterator;

use super::super::report::write_json;
use super::{Answer, Problem, Results, not_judged};
use crate::domain::{Action, Decision, Effect, Finding, Principal, Rule, Subject, Word};
use crate::message;
use crate::metrics::VERSION;
use crate::rulebook::Rulebook;
use crate::sources::manifests::{STANDARD_INPUT, Source};

pub(super) fn write(results: Results<'_>, out: &mut impl Write) -> io::Result<()> {
    write_json(out, &SarifLog::new(results))
}

#[derive(Serialize)]
struct SarifLog {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    short_description: SarifText,
    rules: Vec<RuleReport>,
}

#[derive(Serialize)]
struct SarifText {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

/// A rule of the table; the index of a result is its place there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleReport {
    id: &'static str,
    name: String,
    short_description: SarifText,
    help: SarifText,
    default_configuration: Configuration,
    properties: Tags,
}

#[derive(Serialize)]
struct Configuration {
    enabled: bool,
    level: &'static str,
}

#[derive(Serialize)]
struct Tags {
    tags: [&'static str; 3],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
    tool_configuration_notifications: Vec<Notification>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    level: &'static str,
    message: SarifText,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<SarifLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<RuleReference>,
}

#[derive(Serialize)]
struct RuleReference {
    id: &'static str,
    index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: SarifText,
    locations: [SarifLocation; 1],
    partial_fingerprints: Fingerprints,
    /// Empty says that it is not suppressed; absent would leave that open.
    suppressions: Vec<Suppression>,
    properties: OutcomeProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation {
    /// Code scanning refuses a whole file for one result without.
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

/// What stays the same when a file is moved or a line is added above.
#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "grant/v1")]
    grant: String,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Serialize)]
struct OutcomeProperties {
    decision: &'static str,
    action: &'static str,
}

impl SarifLog {
    fn new(results: Results<'_>) -> Self {
        Self {
            schema: SCHEMA,
            version: "2.1.0",
            runs: [Run {
                tool: Tool {
                    driver: Driver::new(),
                },
                invocations: [Invocation::new(results)],
                column_kind: "unicodeCodePoints",
                results: results
                    .answers
                    .iter()
                    .flat_map(|answer| outcomes(answer, results.rulebook))
                    .collect(),
            }],
        }
    }
}

impl Driver {
    fn new() -> Self {
        Self {
            name: "palette-rbac",
            version: VERSION,
            short_description: SarifText::new(
                "Judges whether the subjects of a role binding may hold its role, by what they hold in Palette.",
            ),
            rules: Rule::iter().map(RuleReport::new).collect(),
        }
    }
}

impl RuleReport {
    fn new(rule: Rule) -> Self {
        let action = rule.default_action();
        let broken = format!("Breaks when {}.", rule.breaks_when());
        let page = format!("docs/rules.md#{rule}");
        Self {
            id: rule.as_str(),
            name: in_pascal_case(rule.as_str()),
            help: SarifText {
                text: format!("{broken} More, and the way out: {page}"),
                markdown: Some(format!("{broken} More, and the way out: [{page}]({page})")),
            },
            short_description: SarifText::new(broken),
            default_configuration: Configuration {
                enabled: action != Action::Off,
                level: level_of(action),
            },
            properties: Tags {
                tags: ["security", "kubernetes", "rbac"],
            },
        }
    }
}

impl SarifText {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            markdown: None,
        }
    }
}

impl Invocation {
    fn new(results: Results<'_>) -> Self {
        let problems = results.problems.iter().map(Notification::of_problem);
        Self {
            execution_successful: results.problems.is_empty(),
            tool_execution_notifications: problems
                .chain(Notification::of_skipped(results))
                .collect(),
            tool_configuration_notifications: results
                .unjudged()
                .map(Notification::of_unjudged)
                .collect(),
        }
    }
}

impl Notification {
    fn of_problem(problem: &Problem) -> Self {
        let location = |source: &Source| SarifLocation {
            physical_location: PhysicalLocation::new(&source.file, source.line),
            logical_locations: Vec::new(),
        };
        Self {
            level: "error",
            message: SarifText::new(problem.to_string()),
            locations: problem.source().map(location).into_iter().collect(),
            associated_rule: None,
        }
    }

    fn of_skipped(results: Results<'_>) -> Option<Self> {
        let skipped = results.skipped.in_words()?;
        Some(Self {
            level: "note",
            message: SarifText::new(format!("{skipped} skipped")),
            locations: Vec::new(),
            associated_rule: None,
        })
    }

    fn of_unjudged(rule: Rule) -> Self {
        Self {
            level: "warning",
            message: SarifText::new(not_judged(&[rule]).join("; ")),
            locations: Vec::new(),
            associated_rule: Some(RuleReference {
                id: rule.as_str(),
                index: rule as usize,
            }),
        }
    }
}

fn outcomes<'r>(
    answer: &'r Answer,
    rulebook: &'r Rulebook,
) -> impl Iterator<Item = SarifResult> + 'r {
    let findings = answer.decision.findings.iter().enumerate();
    findings.map(move |(index, finding)| {
        let line = answer.lines.get(index).copied();
        SarifResult::new(finding, line, answer, rulebook)
    })
}

impl SarifResult {
    fn new(finding: &Finding, line: Option<usize>, answer: &Answer, rulebook: &Rulebook) -> Self {
        let decision = &answer.decision;
        Self {
            rule_id: finding.rule.as_str(),
            rule_index: finding.rule as usize,
            level: level(finding, rulebook),
            message: SarifText::new(message_of(finding, decision)),
            locations: [SarifLocation::new(finding, line, answer)],
            partial_fingerprints: Fingerprints {
                grant: fingerprint(finding, answer),
            },
            suppressions: suppression(finding, rulebook).into_iter().collect(),
            properties: OutcomeProperties {
                decision: decision.verdict.as_str(),
                action: finding.effect.as_str(),
            },
        }
    }
}

impl SarifLocation {
    /// The subject's line; what was read from a cluster has a path of its own for each object, so that it is told
    /// apart.
    fn new(finding: &Finding, line: Option<usize>, answer: &Answer) -> Self {
        let physical_location = match &answer.source {
            Some(source) => PhysicalLocation::new(&source.file, line.unwrap_or(source.line)),
            None => PhysicalLocation::in_cluster(answer),
        };
        Self {
            physical_location,
            logical_locations: vec![LogicalLocation {
                name: answer.name.clone(),
                fully_qualified_name: format!("{} {}", answer.display(), finding.field),
                kind: "resource",
            }],
        }
    }
}

impl PhysicalLocation {
    fn new(file: &str, line: usize) -> Self {
        let folder = std::env::current_dir().unwrap_or_default();
        let file = if file == STANDARD_INPUT {
            "stdin"
        } else {
            file
        };
        Self::at(uri(&relative(file, &folder)), line)
    }

    fn in_cluster(answer: &Answer) -> Self {
        let namespace = answer.namespace.as_deref().into_iter();
        let parts = ["cluster"].into_iter().chain(namespace);
        let parts = parts.chain([answer.kind, &*answer.name]).map(|part| {
            let part: String = part.chars().take(LONGEST).collect();
            uri(&part)
        });
        let parts: Vec<String> = parts.collect();
        Self::at(format!("{}.yaml", parts.join("/")), 1)
    }

    fn at(uri: String, line: usize) -> Self {
        Self {
            artifact_location: ArtifactLocation { uri },
            region: Region {
                start_line: line.max(1),
            },
        }
    }
}

/// The path without `.` and `..`, from the folder if it is below it, otherwise from the root.
fn relative(file: &str, folder: &Path) -> String {
    let mut path = PathBuf::new();
    for component in folder.join(file).components() {
        match component {
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
        }
    }
    let folder = folder.strip_prefix("/").unwrap_or(folder);
    let path = path.strip_prefix(folder).unwrap_or(&path);
    path.display().to_string()
}

/// `ClusterRole spectro-vm-admin in namespace vms: User ines@orchard.test; lacks …`.
fn message_of(finding: &Finding, decision: &Decision) -> String {
    let role = &decision.role;
    format!(
        "{} {} {}: {}",
        role.kind,
        message::name(&role.name),
        message::in_scope(&decision.scope),
        message::line(finding, decision)
    )
}

/// An exempted finding has the level that it would have had.
fn level(finding: &Finding, rulebook: &Rulebook) -> &'static str {
    match finding.effect {
        Effect::Deny => "error",
        Effect::Warn => "warning",
        Effect::Audit => "note",
        Effect::Exempt => {
            let policy = rulebook.policy();
            level_of(policy.action(finding.rule))
        }
    }
}

const fn level_of(action: Action) -> &'static str {
    match action {
        Action::Deny => "error",
        Action::Warn => "warning",
        Action::Audit | Action::Off => "note",
    }
}

fn suppression(finding: &Finding, rulebook: &Rulebook) -> Option<Suppression> {
    if finding.effect != Effect::Exempt {
        return None;
    }
    let named = |name: &str| {
        let mut exemptions = rulebook.policy().exemptions.iter();
        let reason = exemptions.find(|exemption| *exemption.name == *name)?;
        Some(format!("exemption {name}: {}", reason.reason))
    };
    let exemption = finding.exemption.as_deref().and_then(named);
    Some(Suppression {
        kind: "external",
        status: "accepted",
        justification: exemption.unwrap_or_else(|| String::from("break-glass group")),
    })
}

/// Of the rule and the grant, wherever the object stands.
fn fingerprint(finding: &Finding, answer: &Answer) -> String {
    let role = &answer.decision.role;
    let namespace = answer.namespace.as_deref().unwrap_or_default();
    let principal = finding.subject.as_ref().map(Subject::principal);
    let (kind, in_namespace, name) = match principal {
        Some(Principal::User(name)) => ("User", "", name),
        Some(Principal::Group(name)) => ("Group", "", name),
        Some(Principal::ServiceAccount { namespace, name }) => ("ServiceAccount", namespace, name),
        None => ("", "", ""),
    };
    let (through, in_which) = finding.binding.as_deref().map_or(("", ""), |binding| {
        (
            &*binding.name,
            binding.scope.namespace().unwrap_or_default(),
        )
    });
    let parts = [
        finding.rule.as_str(),
        answer.kind,
        namespace,
        &answer.name,
        role.kind.as_str(),
        &role.name,
        kind,
        in_namespace,
        name,
        through,
        in_which,
    ];
    let digest = Sha256::digest(parts.join("\0"));
    let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
    digest.iter().fold(String::new(), hex)
}

/// `vm-role-mapping` as `VmRoleMapping`, which viewers expect of names.
fn in_pascal_case(name: &str) -> String {
    name.split('-')
        .flat_map(|word| {
            let mut characters = word.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(characters)
        })
        .collect()
}

/// The path as a reference.
fn uri(path: &str) -> String {
    utf8_percent_encode(path, NOT_IN_PATHS).to_string()
}

/// What RFC 3986 does not let stand in a path; `:` too, which would make a scheme of what is before it.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Characters of a name that a path shows.
const LONGEST: usize = 253;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference_that_names_that_file() {
        for (file, expected) in [
            ("bindings/a.yaml", "bindings/a.yaml"),
            ("./a b.yaml", "a%20b.yaml"),
            ("a:b#%.yaml", "a%3Ab%23%25.yaml"),
            ("x/.././a.yaml", "a.yaml"),
            ("/home/orchard/a.yaml", "a.yaml"),
            ("../ä.yaml", "home/%C3%A4.yaml"),
            ("/../srv/a.yaml", "srv/a.yaml"),
        ] {
            assert_eq!(uri(&relative(file, Path::new("/home/orchard"))), expected);
        }
    }
}
