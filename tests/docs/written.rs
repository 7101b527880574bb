//! What the code writes into a page: messages, answers, mistakes and tables.

use std::collections::BTreeSet;
use std::env;
use std::fs;

use palette_rbac::domain::Rule;
use palette_rbac::palette::{Catalogue, implication};
use palette_rbac::policy::{Policy, RoleClass};
use palette_rbac::review::{Reply, review};
use serde_json::{Value, json};

use crate::CASES;
use crate::case::Case;
use crate::page::{Directive, FENCE, Page};
use crate::{metrics, samples};

/// Where a page differs from what the code says; with `UPDATE_DOCS` the page is written instead.
pub(crate) fn differences(page: &Page) -> Vec<String> {
    let written = rewritten(page);
    if written == page.text {
        return Vec::new();
    }
    // The only place where the tests look at the environment.
    #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page.path, written).unwrap();
        return Vec::new();
    }
    let lines = written.lines().zip(page.text.lines());
    let first = lines.clone().position(|(written, is)| written != is);
    let place = first.unwrap_or_else(|| lines.count());
    vec![format!(
        "line {}: the code says:\n    {}\nbut the page:\n    {}\n(UPDATE_DOCS=1 cargo test --test docs)",
        place + 1,
        written.lines().nth(place).unwrap_or_default(),
        page.text.lines().nth(place).unwrap_or_default()
    )]
}

/// The page as the code would have it.
fn rewritten(page: &Page) -> String {
    let mut writer = Writer {
        page,
        lines: page.text.lines().collect::<Vec<_>>().into_iter(),
        text: String::new(),
    };
    while let Some(line) = writer.copy() {
        if let Some(directive) = Directive::read(line) {
            writer.follow(directive);
        }
    }
    writer.text
}

struct Writer<'p> {
    page: &'p Page,
    lines: std::vec::IntoIter<&'p str>,
    text: String,
}

impl<'p> Writer<'p> {
    fn follow(&mut self, directive: Directive<'p>) {
        let Directive { word, argument } = directive;
        match word {
            "case" => self.replace_block(&shown(&answer(case_named(argument)))),
            "answer" => self.replace_block(&pretty(&answer(case_named(argument)))),
            "answer-to" => self.replace_block(&shown(&answer_to(argument))),
            "reads" => {
                let document = self.copy_block();
                self.replace_block(&samples::said_of(argument, &document));
            }
            "generated" => self.replace_to_end(&table(argument)),
            "fields" | "keys" | "end" => {}
            _ => panic!("{}: nobody follows {directive:?}", self.page.name()),
        }
    }

    /// Writes the next line as it is.
    fn copy(&mut self) -> Option<&'p str> {
        let line = self.lines.next()?;
        self.push(line);
        Some(line)
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn open_block(&mut self) {
        let opening = self.copy().unwrap_or_default();
        assert!(
            opening.starts_with(FENCE) && opening != FENCE,
            "{}: expected a block with a language, found {opening:?}",
            self.page.name()
        );
    }

    fn copy_block(&mut self) -> String {
        self.open_block();
        let mut content = String::new();
        while let Some(line) = self.copy().filter(|line| *line != FENCE) {
            content.push_str(line);
            content.push('\n');
        }
        content
    }

    fn replace_block(&mut self, content: &str) {
        self.open_block();
        self.lines.find(|line| *line == FENCE);
        self.push(content.trim_end());
        self.push(FENCE);
    }

    fn replace_to_end(&mut self, content: &str) {
        let end = self.lines.find(|line| *line == END);
        assert!(end.is_some(), "{}: {END} is missing", self.page.name());
        self.push("");
        self.push(content.trim_end());
        self.push("");
        self.push(END);
    }
}

fn case_named(name: &str) -> &'static Case {
    let found = CASES.iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("no case `{name}`"))
}

/// The whole AdmissionReview that answers a case.
fn answer(case: &Case) -> Value {
    let Reply::Review { body, .. } = review(&case.review(), &case.ruling(), case.now()) else {
        panic!("{}: no review", case.name)
    };
    serde_json::from_slice(&body).unwrap()
}

/// The keys of the audit annotations of an answer that has them all.
pub(crate) fn audit_annotations() -> BTreeSet<String> {
    let answer = answer(case_named("denies_vm_admin_and_names_all_that_is_missing"));
    let annotations = answer["response"]["auditAnnotations"].as_object().unwrap();
    annotations.keys().cloned().collect()
}

/// The answer to a request under the policy and directory of most cases.
fn answer_to(request: &str) -> Value {
    let mut request: Value = serde_json::from_str(request).unwrap();
    request["uid"] = json!("one");
    let body = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
    let any = case_named("admits_vm_admin_for_cluster_admin");
    let bytes = serde_json::to_vec(&body).unwrap();
    let Reply::Review { body, .. } = review(&bytes, &any.ruling(), any.now()) else {
        panic!("{request}: no review")
    };
    serde_json::from_slice(&body).unwrap()
}

/// What kubectl shows of an answer, after its own words.
fn shown(answer: &Value) -> String {
    let response = &answer["response"];
    let warnings = response["warnings"].as_array().into_iter().flatten();
    let warnings = warnings.map(|warning| format!("Warning: {}", warning.as_str().unwrap()));
    let message = response["status"]["message"].as_str().map(str::to_owned);
    let lines: Vec<String> = warnings.chain(message).collect();
    if lines.is_empty() {
        return String::from("(admitted)");
    }
    lines.join("\n")
}

/// The answer without what differs from request to request and from policy to policy.
fn pretty(answer: &Value) -> String {
    let mut answer = answer.clone();
    answer["response"]["uid"] = json!("(of the request)");
    answer["response"]["auditAnnotations"]["policy-revision"] = json!("(12 hex digits)");
    serde_json::to_string_pretty(&answer).unwrap()
}

fn table(name: &str) -> String {
    match name {
        "mapping" => mapping(),
        "rules" => rules(),
        "palette-roles" => palette_roles(),
        "metrics" => metrics::table(),
        _ => panic!("nobody generates `{name}`"),
    }
}

/// The default mapping.
fn mapping() -> String {
    let mut table = String::from("| cluster role | needs | rule |\n| --- | --- | --- |\n");
    for entry in &Policy::default().mapping {
        let rule = match entry.class {
            RoleClass::Vm => Rule::VmRoleMapping,
            RoleClass::Standard => Rule::StandardRoleMapping,
        };
        let groups = entry.requires.iter().map(|group| group.join(" or "));
        let needs = groups.collect::<Vec<_>>().join("; ");
        table.push_str(&format!("| `{}` | {needs} | `{rule}` |\n", entry.role));
    }
    table
}

fn rules() -> String {
    let mut table =
        String::from("| rule | default | reads what roles can do |\n| --- | --- | --- |\n");
    for rule in Rule::ALL {
        let reads = if rule.needs_cluster_facts() {
            "yes"
        } else {
            "no"
        };
        let action = rule.default_action();
        table.push_str(&format!("| [`{rule}`](#{rule}) | `{action}` | {reads} |\n"));
    }
    table
}

/// Palette's own roles, and what else counts as each.
fn palette_roles() -> String {
    let mut table = String::from(
        "| role | assigned in | also met by | permissions known |\n| --- | --- | --- | --- |\n",
    );
    let catalogue = Catalogue::builtin();
    for role in catalogue.iter() {
        let above = implication::implied_by(role.id);
        let above = above.iter().filter(|id| *id != role.id);
        let above = above.filter_map(|id| Some(catalogue.role_by_id(id)?.name));
        let above = above.collect::<Vec<_>>().join(", ");
        let known = if role.permissions.is_some() {
            "yes"
        } else {
            "no"
        };
        let scope = role.scope.as_str();
        table.push_str(&format!(
            "| {} | {scope} | {above} | {known} |\n",
            role.name
        ));
    }
    table
}

const END: &str = "<!-- end -->";
