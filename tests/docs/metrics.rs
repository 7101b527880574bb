//! Metrics, as the code registers them and as pages name them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use palette_rbac::metrics::{
    AuditSnapshot, ClusterSnapshot, ClusterState, Metrics, Snapshot, SyncMetrics,
};
use palette_rbac::policy::Policy;
use palette_rbac::rulebook::Rulebook;

use crate::page::Page;

/// A metric as it is exposed.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// Metrics, labels and values that a page names and the code does not have.
pub(crate) fn unknown(page: &Page) -> Vec<String> {
    let mentions = page.text.split(PREFIX).skip(1);
    mentions.filter_map(problem).collect()
}

/// Every metric of ours with its labels and its help.
pub(crate) fn table() -> String {
    let mut table =
        String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    let ours = FAMILIES.iter().filter(|(name, _)| name.starts_with(PREFIX));
    for (name, Family { kind, help, labels }) in ours {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, values)| format!("`{label}`: {}", values_in_words(label, values)))
            .collect();
        let _ = writeln!(
            table,
            "| `{name}` | {kind} | {} | {help} |",
            labels.join("; ")
        );
    }
    table
}

/// The values of a label.
pub(crate) fn values(metric: &str, label: &str) -> BTreeSet<String> {
    let labels = FAMILIES.get(metric).map(|family| &family.labels);
    let values = labels.and_then(|labels| labels.get(label));
    values
        .unwrap_or_else(|| panic!("no `{label}` of `{metric}`"))
        .clone()
}

/// Long lists and open ones are told by what they hold.
fn values_in_words(label: &str, values: &BTreeSet<String>) -> String {
    match label {
        "rule" => String::from("each [rule](rules.md)"),
        "role" if values.contains("other") => String::from("each role of the mapping, `other`"),
        "revision" | "version" => String::from("one"),
        _ => {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            values.join(", ")
        }
    }
}

/// What is wrong with a mention; its prefix is left out.
fn problem(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let name = format!("{PREFIX}{name}");
    let Some(family) = family_of(&name) else {
        return Some(format!("there is no metric `{name}`"));
    };
    let selectors = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let selectors = selectors.map(|(selectors, _)| selectors)?;
    let wrong = selectors
        .split(',')
        .find(|selector| !family.takes(selector));
    wrong.map(|selector| format!("`{name}` has no `{}`", selector.trim()))
}

fn family_of(name: &str) -> Option<&'static Family> {
    let parts = ["_bucket", "_sum", "_count"];
    let whole = parts.iter().find_map(|part| name.strip_suffix(part));
    let whole = whole.and_then(|whole| FAMILIES.get(whole));
    FAMILIES
        .get(name)
        .or_else(|| whole.filter(|family| family.kind == "histogram"))
}

impl Family {
    /// Whether a selector as in `action="deny"` can choose anything; `action`, alone, is a label.
    fn takes(&self, selector: &str) -> bool {
        let end = selector.find(['=', '!']).unwrap_or(selector.len());
        let (label, matcher) = selector.split_at(end);
        let Some(values) = self.labels.get(label.trim()) else {
            return false;
        };
        let value = matcher.trim_start_matches(['=', '!']);
        let is_literal = !value.starts_with('~') && !value.is_empty();
        !is_literal || values.contains(value.trim().trim_matches('"'))
    }
}

static FAMILIES: LazyLock<BTreeMap<String, Family>> = LazyLock::new(|| {
    let metrics = Metrics::new().unwrap();
    let _counters = metrics.finding_counters(&Policy::default());
    let (rulebook, _) = Rulebook::pair(Arc::default(), Arc::default());
    let snapshot = Snapshot {
        policy_revision: String::from("0123456789ab"),
        directory_is_stale: false,
        directory_last_success: 0.0,
        directory_users: 0,
        directory_teams: 0,
        contradictions: Vec::new(),
        certificate_not_after: 0.0,
        cluster: ClusterSnapshot::of(None, ClusterState::Off, 0.0),
        audit: AuditSnapshot {
            findings: AuditSnapshot::count(None, &rulebook),
            ..AuditSnapshot::default()
        },
        log_lines_dropped: 0,
    };
    let mut families = read(&SyncMetrics::new().unwrap().render().unwrap());
    families.extend(read(&metrics.render(&snapshot).unwrap()));
    families
});

fn read(exposition: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in exposition.lines() {
        if let Some((name, help)) = comment(line, "# HELP ") {
            let family = families.entry(name.to_owned()).or_default();
            family.help.push_str(help);
        } else if let Some((name, kind)) = comment(line, "# TYPE ") {
            let family = families.entry(name.to_owned()).or_default();
            family.kind.push_str(kind);
            name.clone_into(&mut current);
        } else if let Some((_, labels)) = line.split_once('{') {
            let labels = labels.rsplit_once('}').unwrap().0;
            add_labels(families.get_mut(&current).unwrap(), labels);
        }
    }
    families
}

fn comment<'l>(line: &'l str, word: &str) -> Option<(&'l str, &'l str)> {
    line.strip_prefix(word)?.split_once(' ')
}

fn add_labels(family: &mut Family, labels: &str) {
    for label in labels.split(',') {
        let (name, value) = label.split_once('=').unwrap();
        // A histogram's own.
        if name != "le" {
            let values = family.labels.entry(name.to_owned()).or_default();
            values.insert(value.trim_matches('"').to_owned());
        }
    }
}

/// What the names of our metrics begin with.
const PREFIX: &str = "palette_rbac_";
