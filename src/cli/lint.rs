//! What is wrong with a file, printed one line a mistake.

use std::io::{self, Write};

use super::Exit;
use super::output::{BAD, CAUTION, GOOD};
use crate::document::{InFile, Mistake, Mistakes};

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
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<Exit> {
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
