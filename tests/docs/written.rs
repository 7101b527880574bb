//! What the code writes into a page.

use std::collections::BTreeSet;
use std::env;
use std::fs;

use palette_rbac::decide::Context;
use palette_rbac::facts::Cluster;
use palette_rbac::review::{Reply, review};
use serde_json::{Value, json};

use crate::CASES;
use crate::case::Case;
use crate::page::{Directive, FENCE, Page};
use crate::{samples, tables};

/// Where a page differs from what the code says; with `UPDATE_DOCS` the page is written instead.
pub(crate) fn differences(page: &Page) -> Vec<String> {
    let written = rewritten(page);
    if written == page.text {
        return Vec::new();
    }
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
            "case" => self.replace_block(&shown_for(case_named(argument))),
            "answer" => self.replace_block(&pretty(&answer(case_named(argument)))),
            "answer-to" => self.replace_block(&shown(&answer_to(argument))),
            "reads" => {
                let document = self.copy_block();
                self.replace_block(&samples::said_of(argument, &document));
            }
            "generated" => self.replace_to_end(&tables::named(argument)),
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

/// The whole review that answers a case.
fn answer(case: &Case) -> Value {
    let view = case.view();
    let cluster = crate::case::cluster(view.as_ref());
    let reply = review(
        &case.review(),
        Context::new(&case.rulebook(), cluster, case.now()),
    );
    let Reply::Review { body, .. } = reply else {
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
    let Reply::Review { body, .. } = review(
        &bytes,
        Context::new(&any.rulebook(), Cluster::default(), any.now()),
    ) else {
        panic!("{request}: no review")
    };
    serde_json::from_slice(&body).unwrap()
}

/// What kubectl shows for a case, after its own words.
pub(crate) fn shown_for(case: &Case) -> String {
    shown(&answer(case))
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

const END: &str = "<!-- end -->";
