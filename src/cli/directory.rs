//! `directory`: what is wrong with a directory file, and the schema of one.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::inputs::DirectoryArgs;
use super::lint::Lint;
use super::manifests::display_name;
use super::output::Output;
use super::report::write_json;
use super::{Exit, Failure};
use crate::directory::Directory;
use crate::sources::lint_directory;

/// Find mistakes in a directory file, print its schema
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DirectoryCommand {
    #[command(subcommand)]
    action: DirectoryAction,
}

#[derive(Debug, Subcommand)]
enum DirectoryAction {
    /// Find every mistake in a directory file, and roles that nobody knows
    #[command(after_help = LINT_EXAMPLES)]
    Lint(DirectoryLintArgs),
    /// Print the JSON schema of a directory file, for editors
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
}

#[derive(Debug, Args)]
struct DirectoryLintArgs {
    /// The directory file; counts more than --directory
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl DirectoryCommand {
    /// Does what was asked for.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        match &self.action {
            DirectoryAction::Lint(lint) => lint.run(output),
            DirectoryAction::Schema => {
                write_json(&mut output.out, &Directory::schema())?;
                Ok(Exit::Success)
            }
        }
    }
}

impl DirectoryLintArgs {
    fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let path = self.path()?;
        let limit = self.directory.limit();
        let lint = match lint_directory(path, limit)? {
            Ok(compiled) => Lint {
                warnings: compiled.warnings,
                ..Lint::new(display_name(path))
            },
            Err(mistakes) => Lint::mistaken(display_name(path), &mistakes),
        };
        Ok(lint.write(&mut output.out)?)
    }

    fn path(&self) -> Result<&Path, Failure> {
        match &self.file {
            Some(path) => Ok(path),
            None => self.directory.path(),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  palette-rbac directory lint directory.yaml
  palette-rbac directory schema > directory.schema.json";

const LINT_EXAMPLES: &str = "\
Examples:
  palette-rbac directory lint directory.yaml

Exit codes: 0, with or without warnings; 2 a mistake; 3 a file that cannot be read.";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  # For editors: the first line of a directory file is then
  #   # yaml-language-server: $schema=directory.schema.json
  palette-rbac directory schema > directory.schema.json";
