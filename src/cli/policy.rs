//! `policy`: the policy as it is understood, what is wrong with a file, and the schema of one.

use std::cell::LazyCell;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::inputs::DirectoryArgs;
use super::lint::{Lint, LintFiles};
use super::output::Output;
use super::report::write_json;
use super::{ClusterArgs, Exit, Failure};
use crate::directory::Directory;
use crate::document::Mistake;
use crate::palette::Catalogue;
use crate::policy::{CompiledPolicy, Policy};
use crate::sources::cluster::ClusterFrom;
use crate::sources::manifests::display_name;
use crate::sources::{PolicyRead, lint_policy};

/// Print the compiled policy, find mistakes in a policy file, print its schema
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PolicyCommand {
    #[command(subcommand)]
    action: PolicyAction,
}

#[derive(Debug, Subcommand)]
enum PolicyAction {
    /// Print the compiled policy as a file of its own: everything that is in force, defaults included
    #[command(after_help = PRINT_EXAMPLES)]
    Print(PrintArgs),
    /// Find every mistake in a policy file; with a directory, also the Palette roles that nobody knows
    #[command(after_help = LINT_EXAMPLES)]
    Lint(PolicyLintArgs),
    /// Print the JSON schema of a policy file, for editors
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
}

#[derive(Debug, Args)]
struct PrintArgs {
    #[command(flatten)]
    file: PolicyFile,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Args)]
struct PolicyLintArgs {
    #[command(flatten)]
    files: LintFiles,
    /// The same as FILE, which counts more
    #[arg(long, env = "PALETTE_RBAC_POLICY", value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    directory: DirectoryArgs,
}

/// The file, named in either way.
#[derive(Debug, Args)]
struct PolicyFile {
    /// The policy file [default: the embedded policy]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same as FILE, which counts more
    #[arg(long, env = "PALETTE_RBAC_POLICY", value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl PolicyFile {
    fn path(&self) -> Option<&Path> {
        self.file.as_deref().or(self.policy.as_deref())
    }
}

impl PolicyCommand {
    /// Does what was asked for.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        match &self.action {
            PolicyAction::Print(print) => print.run(output),
            PolicyAction::Lint(lint) => lint.run(output),
            PolicyAction::Schema => {
                write_json(&mut output.out, &Policy::schema())?;
                Ok(Exit::Success)
            }
        }
    }
}

impl PrintArgs {
    fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let cluster = self.cluster.overrides();
        let policy = match self.file.path() {
            Some(path) => PolicyRead::watched(path.to_owned(), cluster).load()?,
            None => PolicyRead::embedded(&cluster),
        };
        let policy = policy.policy;
        writeln!(output.out, "# revision {}", policy.revision)?;
        output.out.write_all(policy.to_yaml().as_bytes())?;
        Ok(Exit::Success)
    }
}

impl PolicyLintArgs {
    /// A file that is named counts more than `--policy`.
    fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        if self.files.is_empty() && self.policy.is_none() {
            return Err(Failure::usage(
                "no policy file; name it: palette-rbac policy lint policy.yaml",
            ));
        }
        // A policy with mistakes needs none, and many policies need one.
        let directory = LazyCell::new(|| self.directory.read_if_named(&ClusterFrom::Surroundings));
        self.files.lint(self.policy.as_deref(), output, |path| {
            Ok(match lint_policy(path)? {
                Ok(compiled) => {
                    let read = directory.as_ref().map_err(Clone::clone)?;
                    paired(path, compiled, read.as_ref().map(|read| &*read.directory))
                }
                Err(mistakes) => Lint::mistaken(display_name(path), &mistakes),
            })
        })
    }
}

/// A role that neither Palette nor the directory has is a mistake; without a directory, it may be a custom one.
fn paired(path: &Path, compiled: CompiledPolicy, directory: Option<&Directory>) -> Lint {
    let is_known = |role: &str| match directory {
        Some(directory) => directory.role(role).is_some(),
        None => Catalogue::builtin().role(role).is_some(),
    };
    let unknown: Vec<Mistake> = compiled
        .references
        .iter()
        .filter(|reference| !is_known(&reference.role))
        .map(|reference| reference.unknown(Catalogue::builtin().iter().map(|role| role.name)))
        .collect();
    let mut lint = Lint::new(display_name(path));
    lint.warnings = compiled.warnings;
    if directory.is_some() {
        lint.mistakes = unknown;
    } else {
        lint.warnings.extend(unknown);
    }
    lint
}

const EXAMPLES: &str = "\
Examples:
  palette-rbac policy print
  palette-rbac policy lint policy.yaml --directory directory.yaml
  palette-rbac policy schema > policy.schema.json";

const PRINT_EXAMPLES: &str = "\
Examples:
  # The policy that is in force where nothing else is said: a file to start from
  palette-rbac policy print > policy.yaml

  # What a file and these flags amount to
  palette-rbac policy print policy.yaml --project orchard-prod --cluster-group cellar";

const LINT_EXAMPLES: &str = "\
Examples:
  palette-rbac policy lint policy.yaml
  palette-rbac policy lint policy.yaml --directory directory.yaml
  palette-rbac policy print | palette-rbac policy lint -f -

Exit codes: 0, with or without warnings; 2 a mistake; 3 a file that cannot be read.";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  # For editors: the first line of a policy file is then
  #   # yaml-language-server: $schema=policy.schema.json
  palette-rbac policy schema > policy.schema.json";
