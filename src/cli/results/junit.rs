//! `JUnit` XML: a suite a file (or a namespace, of a cluster), a case an object.

use std::io::{self, Write};

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::{ElementWriter, Writer};

use super::super::output::printable;
use super::{Answer, FailOn, Problem, Results};
use crate::domain::{Decision, Finding, Word};
use crate::message;
use crate::sources::manifests::Source;

pub(super) fn write(results: Results<'_>, out: &mut impl Write) -> io::Result<()> {
    let suites = Suites::of(results);
    let mut writer = Writer::new_with_indent(&mut *out, b' ', 4);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    suites.write(&mut writer)?;
    writeln!(out)
}

/// In the order in which each was met first.
#[derive(Default)]
struct Suites(Vec<Suite>);

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    /// Where readers such as GitLab's look for it.
    place: Option<(String, usize)>,
    outcome: TestStatus,
}

enum TestStatus {
    /// It does not fail the run; what there is to say all the same.
    Passed(String),
    Failed {
        decision: &'static str,
        headline: String,
        text: String,
    },
    /// It could not be judged: an error, not a failure.
    Broken(String),
    /// It is of another kind.
    Skipped,
}

impl Suites {
    fn of(results: Results<'_>) -> Self {
        let mut suites = Self::default();
        for answer in results.answers {
            suites.add(&suite_of(answer), Case::of(answer, results.fail_on));
        }
        for (source, kind) in results.skipped.iter() {
            suites.add(&source.file, Case::skipped(source, kind));
        }
        for problem in results.problems {
            suites.add(&problem.file(), Case::broken(problem));
        }
        suites
    }

    fn add(&mut self, name: &str, case: Case) {
        // The objects of a file stand together, so the last suite is nearly always the one.
        let mut suites = self.0.iter_mut().rev();
        if let Some(suite) = suites.find(|suite| suite.name == name) {
            suite.cases.push(case);
            return;
        }
        self.0.push(Suite {
            name: name.to_owned(),
            cases: vec![case],
        });
    }

    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let cases = self.0.iter().flat_map(|suite| &suite.cases);
        element(writer, "testsuites", "palette-rbac", cases).write_inner_content(|writer| {
            let mut suites = self.0.iter();
            suites.try_for_each(|suite| suite.write(writer))
        })?;
        Ok(())
    }
}

impl Suite {
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let name = printable(&self.name);
        element(writer, "testsuite", &name, self.cases.iter()).write_inner_content(|writer| {
            let mut cases = self.cases.iter();
            cases.try_for_each(|case| case.write(&name, writer))
        })?;
        Ok(())
    }
}

/// An element that says how many cases it holds.
fn element<'w, 'c, W: Write>(
    writer: &'w mut Writer<W>,
    tag: &'static str,
    name: &str,
    cases: impl Iterator<Item = &'c Case>,
) -> ElementWriter<'w, W> {
    let element = writer.create_element(tag).with_attribute(("name", name));
    counts(cases)
        .iter()
        .fold(element, |element, (name, count)| {
            element.with_attribute((*name, &**count))
        })
}

/// How many there are, and of each kind that readers ask for.
fn counts<'c>(cases: impl Iterator<Item = &'c Case>) -> [(&'static str, String); 4] {
    let (mut tests, mut skipped, mut failures, mut errors) = (0, 0, 0, 0);
    for case in cases {
        tests += 1;
        match case.outcome {
            TestStatus::Passed(_) => {}
            TestStatus::Failed { .. } => failures += 1,
            TestStatus::Broken(_) => errors += 1,
            TestStatus::Skipped => skipped += 1,
        }
    }
    [
        ("tests", tests),
        ("skipped", skipped),
        ("failures", failures),
        ("errors", errors),
    ]
    .map(|(name, count): (_, usize)| (name, count.to_string()))
}

fn suite_of(answer: &Answer) -> String {
    match (&answer.source, &answer.namespace) {
        (Some(source), _) => source.file.clone(),
        (None, Some(namespace)) => format!("namespace {namespace}"),
        (None, None) => String::from("the whole cluster"),
    }
}

impl Case {
    fn of(answer: &Answer, fail_on: FailOn) -> Self {
        let (decision, text) = (&answer.decision, answer.message());
        Self {
            name: answer.display(),
            place: answer.source.as_ref().map(place),
            outcome: if fail_on.fails(decision) {
                TestStatus::Failed {
                    decision: decision.verdict.as_str(),
                    headline: headline(decision, fail_on),
                    text,
                }
            } else {
                TestStatus::Passed(text)
            },
        }
    }

    fn broken(problem: &Problem) -> Self {
        let source = problem.source();
        let text = problem.to_string();
        let lines: Vec<String> = text.lines().map(printable).collect();
        Self {
            name: source.map_or_else(
                || String::from("input"),
                |source| format!("document {}", source.document),
            ),
            place: source.map(place),
            outcome: TestStatus::Broken(lines.join("\n")),
        }
    }

    fn skipped(source: &Source, kind: &str) -> Self {
        Self {
            name: format!("document {} ({kind})", source.document),
            place: Some(place(source)),
            outcome: TestStatus::Skipped,
        }
    }

    fn write<W: Write>(&self, suite: &str, writer: &mut Writer<W>) -> io::Result<()> {
        let element = writer.create_element("testcase");
        let mut element = element
            .with_attribute(("name", &*self.name))
            .with_attribute(("classname", suite));
        if let Some((file, line)) = &self.place {
            element = element
                .with_attribute(("file", &**file))
                .with_attribute(("line", &*line.to_string()));
        }
        match &self.outcome {
            TestStatus::Passed(text) if text.is_empty() => element.write_empty(),
            outcome => element.write_inner_content(|writer| outcome.write(writer)),
        }?;
        Ok(())
    }
}

impl TestStatus {
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        match self {
            Self::Passed(text) => writer
                .create_element("system-out")
                .write_text_content(BytesText::new(text)),
            Self::Failed {
                decision,
                headline,
                text,
            } => writer
                .create_element("failure")
                .with_attribute(("message", &**headline))
                .with_attribute(("type", *decision))
                .write_text_content(BytesText::new(text)),
            Self::Broken(message) => writer
                .create_element("error")
                .with_attribute(("message", message.lines().next().unwrap_or_default()))
                .with_attribute(("type", "input"))
                .write_text_content(BytesText::new(message)),
            Self::Skipped => writer
                .create_element("skipped")
                .with_attribute(("message", "neither a binding nor a role"))
                .write_empty(),
        }?;
        Ok(())
    }
}

fn place(source: &Source) -> (String, usize) {
    (printable(&source.file), source.line)
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
