//! What is wrong with a file, printed one line a mistake.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{BAD, CAUTION, GOOD, Output};
use super::{Exit, Failure};
use crate::document::{InFile, Mistake, Mistakes};

/// The files to look at.
#[derive(Debug, Args)]
pub(super) struct LintFiles {
    /// The file, or `-` for the standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same as FILE; may be given more than once
    #[arg(
        short = 'f',
        long = "filename",
        env = "PALETTE_RBAC_FILENAME",
        value_name = "FILE"
    )]
    filenames: Vec<PathBuf>,
}

impl LintFiles {
    /// Looks at each, or at the one given where none is named; the worst makes the exit code.
    pub(super) fn lint(
        &self,
        otherwise: Option<&Path>,
        output: &mut Output<'_>,
        lint: impl Fn(&Path) -> Result<Lint, Failure>,
    ) -> Result<Exit, Failure> {
        let named = self
            .file
            .iter()
            .chain(&self.filenames)
            .map(PathBuf::as_path);
        let mut paths: Vec<&Path> = named.collect();
        if paths.is_empty() {
            paths.extend(otherwise);
        }
        let mut exit = Exit::Success;
        for path in paths {
            exit = exit.max(match lint(path) {
                Ok(lint) => lint.write(&mut output.out)?,
                // The others are looked at all the same.
                Err(failure) => {
                    output.problem(&failure)?;
                    failure.exit()
                }
            });
        }
        Ok(exit)
    }

    /// Whether no file is named.
    pub(super) const fn is_empty(&self) -> bool {
        self.file.is_none() && self.filenames.is_empty()
    }
}

/// What was found in one file.
pub(super) struct Lint {
    pub(super) file: String,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
}

impl Lint {
    /// Nothing wrong yet.
    pub(super) fn new(file: String) -> Self {
        Self {
            file,
            mistakes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// A file that cannot be used.
    pub(super) fn mistaken(file: String, mistakes: &Mistakes) -> Self {
        Self {
            mistakes: mistakes.iter().cloned().collect(),
            ..Self::new(file)
        }
    }

    /// Prints everything in the order of the file; warnings alone are no failure.
    fn write(&self, out: &mut impl Write) -> io::Result<Exit> {
        for (style, word, found) in [
            (BAD, "mistake", &self.mistakes),
            (CAUTION, "warning", &self.warnings),
        ] {
            for mistake in found {
                let line = InFile::new(&self.file, std::slice::from_ref(mistake));
                writeln!(out, "{style}{word}{style:#}: {line}")?;
            }
        }
        if self.mistakes.is_empty() {
            let warnings = match self.warnings.len() {
                0 => String::from("no warnings"),
                1 => String::from("1 warning"),
                count => format!("{count} warnings"),
            };
            writeln!(
                out,
                "{GOOD}good{GOOD:#}: {} has no mistakes and {warnings}",
                self.file
            )?;
            return Ok(Exit::Success);
        }
        Ok(Exit::BadInput)
    }
}
