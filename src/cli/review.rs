//! `review`: answers reviews from files with the bytes that the webhook would send.

#![expect(
    clippy::doc_markdown,
    reason = "comments of flags are printed as help, where backticks are noise"
)]

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::value::RawValue;

use super::facts::FactsArgs;
use super::inputs::RulebookArgs;
use super::output::Output;
use super::{Exit, Failure};
use crate::decide::Context;
use crate::facts::Cluster;
use crate::review::{DecisionLabel, Reply, review};
use crate::sources::cluster::ClusterFrom;
use crate::sources::manifests::{display_name, read_bytes};

/// Answer recorded reviews with the bytes that the webhook would send
///
/// A file holds one AdmissionReview, or one a line (JSON Lines); each answer is printed on a line of its own. Roles are
/// judged by what they can do if the cluster's facts are named, otherwise by name.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReviewArgs {
    /// A file with reviews, or `-` for the standard input; may be given more than once
    #[arg(
        short = 'f',
        long = "filename",
        env = "PALETTE_RBAC_FILENAME",
        value_name = "FILE",
        required = true
    )]
    filenames: Vec<PathBuf>,
    #[command(flatten)]
    rulebook: RulebookArgs,
    #[command(flatten)]
    facts: FactsArgs,
}

impl ReviewArgs {
    /// Answers every review; the worst answer makes the exit code.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        self.facts.beside(&self.filenames)?;
        let rulebook = self.rulebook.rulebook(output, &ClusterFrom::Surroundings)?;
        let view = self.facts.read(output)?.map(|mut facts| facts.view());
        let cluster = view.as_deref().map_or_else(Cluster::default, Cluster::seen);
        let reviewer = Reviewer(Context::new(&rulebook, cluster, self.rulebook.now()));
        let mut exit = Exit::Success;
        for path in &self.filenames {
            exit = exit.max(reviewer.answer_file(path, output)?);
        }
        Ok(exit)
    }
}

/// What every review is answered with.
struct Reviewer<'r>(Context<'r>);

impl Reviewer<'_> {
    fn answer_file(&self, path: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let file = display_name(path);
        let bytes = match read_bytes(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                output.error(format_args!("cannot read `{file}`: {error}"))?;
                return Ok(Exit::CouldNotRun);
            }
        };
        let mut exit = Exit::Success;
        for (line, body) in bodies(&bytes) {
            exit = exit.max(self.answer(&format!("{file}:{line}"), body, output)?);
        }
        Ok(exit)
    }

    fn answer(&self, place: &str, body: &[u8], output: &mut Output<'_>) -> Result<Exit, Failure> {
        match review(body, self.0) {
            Reply::Review { body, outcome } => {
                output.out.write_all(&body)?;
                output.out.write_all(b"\n")?;
                Ok(exit_of(outcome.decision))
            }
            Reply::RoleToRead(role) => Err(Failure::CouldNotRun(format!(
                "{place}: cannot read {role:?}"
            ))),
            Reply::NoUid { reason } => {
                output.error(format_args!("{place}: HTTP 400: {reason}"))?;
                Ok(Exit::BadInput)
            }
        }
    }
}

const fn exit_of(decision: DecisionLabel) -> Exit {
    match decision {
        DecisionLabel::Judged(verdict) if verdict.admits() => Exit::Success,
        DecisionLabel::Judged(_) | DecisionLabel::Invalid => Exit::Denied,
    }
}

/// The bodies of a file, each with its line: one a line where the first line is whole, otherwise the file as it is,
/// broken ones included, since the webhook would answer those, too.
fn bodies(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let lines = || {
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        lines
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_ascii().is_empty())
    };
    let is_json = |(_, line): (usize, &[u8])| serde_json::from_slice::<&RawValue>(line).is_ok();
    if lines().next().is_some_and(is_json) {
        lines().collect()
    } else {
        vec![(1, bytes)]
    }
}

const EXAMPLES: &str = "\
Examples:
  # The answer to a review that was recorded
  palette-rbac review -f review.json --directory directory.yaml --policy policy.yaml

  # Only the verdicts of many
  palette-rbac review -f - --directory directory.yaml < reviews.jsonl | jq .response.allowed

Exit codes: 0 all admitted; 1 one refused; 2 one without a uid, to which the webhook would answer HTTP 400; 3 a file \
that cannot be read.";
