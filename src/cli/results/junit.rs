//! `JUnit` XML: a suite a file (or a namespace, of a cluster), a case an object.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Answer, FailOn, Problem, Results};
use crate::domain::{Decision, Finding};
use crate::message;

pub(super) fn write(results: Results<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut suites = Suites::default();
    for answer in results.answers {
        suites.add(&suite_of(answer), case(answer, results.fail_on));
    }
    for problem in results.problems {
        suites.add(&problem.file(), broken(problem));
    }
    let mut report = Report::new("palette-rbac");
    report.add_test_suites(suites.0);
    report.serialize(&mut *out).map_err(io::Error::other)
}

/// In the order in which each was met first.
#[derive(Default)]
struct Suites(Vec<TestSuite>);

impl Suites {
    fn add(&mut self, name: &str, mut case: TestCase) {
        case.set_classname(name);
        // The objects of a file stand together, so the last suite is nearly always the one.
        let mut suites = self.0.iter_mut().rev();
        if let Some(suite) = suites.find(|suite| &*suite.name == name) {
            suite.add_test_case(case);
            return;
        }
        let mut suite = TestSuite::new(name);
        suite.add_test_case(case);
        self.0.push(suite);
    }
}

fn suite_of(answer: &Answer) -> String {
    match (&answer.source, &answer.namespace) {
        (Some(source), _) => source.file.clone(),
        (None, Some(namespace)) => format!("namespace {namespace}"),
        (None, None) => String::from("the whole cluster"),
    }
}

/// A failure if it fails the run; what else there is to say is the output of the case.
fn case(answer: &Answer, fail_on: FailOn) -> TestCase {
    let text = answer.message();
    let mut case = if fail_on.fails(&answer.decision) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_type(answer.decision.verdict.as_str())
            .set_message(headline(&answer.decision, fail_on))
            .set_description(text);
        TestCase::new(answer.display(), status)
    } else {
        let mut case = TestCase::new(answer.display(), TestCaseStatus::success());
        if !text.is_empty() {
            case.set_system_out(text);
        }
        case
    };
    if let Some(source) = &answer.source {
        place(&mut case, &source.file, source.line);
    }
    case
}

/// `[vm-role-mapping] User ines@orchard.test; and 1 more`: viewers show it in a list, where it has to be short.
fn headline(decision: &Decision, fail_on: FailOn) -> String {
    let fails = |finding: &&Finding| fail_on.includes(finding.effect);
    let mut failing = decision.findings.iter().filter(fails);
    let line = |first: &Finding| format!("[{}] {}", first.rule, message::who(first, decision));
    let first = failing.next().map(line).unwrap_or_default();
    match failing.count() {
        0 => first,
        more => format!("{first}; and {more} more"),
    }
}

/// A part of the input that could not be judged: an error, not a failure.
fn broken(problem: &Problem) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("input").set_message(problem.to_string());
    let name = match problem.source() {
        Some(source) => format!("document {}", source.document),
        None => String::from("input"),
    };
    let mut case = TestCase::new(name, status);
    if let Some(source) = problem.source() {
        place(&mut case, &source.file, source.line);
    }
    case
}

/// Where readers such as GitLab's look for it.
fn place(case: &mut TestCase, file: &str, line: usize) {
    case.extra.insert("file".into(), file.into());
    case.extra.insert("line".into(), line.to_string().into());
}
