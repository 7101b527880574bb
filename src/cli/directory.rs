//! `directory`: what is wrong with a directory file, and the schema of one.

use clap::{Args, Subcommand};

use super::inputs::DirectoryArgs;
use super::lint::{Lint, LintFiles};
use super::output::Output;
use super::report::write_json;
use super::{Exit, Failure};
use crate::directory::Directory;
use crate::sources::lint_directory;
use crate::sources::manifests::display_name;

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
    #[command(flatten)]
    files: LintFiles,
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
    /// A file that is named counts more than `--directory`.
    fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let otherwise = if self.files.is_empty() {
            Some(self.directory.path()?)
        } else {
            None
        };
        let limit = self.directory.limit();
        self.files.lint(otherwise, output, |path| {
            Ok(match lint_directory(path, limit)? {
                Ok(compiled) => Lint {
                    warnings: compiled.warnings,
                    ..Lint::new(display_name(path))
                },
                Err(mistakes) => Lint::mistaken(display_name(path), &mistakes),
            })
        })
    }
}

const EXAMPLES: &str = "\
Examples:
  palette-rbac directory lint directory.yaml
  palette-rbac directory schema > directory.schema.json";

const LINT_EXAMPLES: &str = "\
Examples:
  palette-rbac directory lint directory.yaml
  palette-rbac directory lint -f orchard.yaml -f cellar.yaml

Exit codes: 0, with or without warnings; 2 a mistake; 3 a file that cannot be read.";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  # For editors: the first line of a directory file is then
  #   # yaml-language-server: $schema=directory.schema.json
  palette-rbac directory schema > directory.schema.json";
