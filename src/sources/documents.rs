//! Policies and directories from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::directory::{CompiledDirectory, Directory};
use crate::document::{Mistake, Mistakes};
use crate::policy::{ClusterOverride, CompiledPolicy, Policy};

use super::files::read_once;
use super::snapshots::Delivered;
use super::{SourceError, Watched};

/// A directory, and what is odd about its file, a line each.
#[derive(Debug)]
pub struct DirectoryRead {
    /// The directory.
    pub directory: Arc<Directory>,
    /// What is likely not meant.
    pub warnings: Vec<String>,
}

/// A policy, and what is odd about its file, a line each.
#[derive(Debug)]
pub struct PolicyRead {
    /// The policy.
    pub policy: Arc<Policy>,
    /// What is likely not meant.
    pub warnings: Vec<String>,
}

impl PolicyRead {
    /// Follows a policy file; what flags say of the cluster counts more.
    pub fn watched(path: PathBuf, cluster: ClusterOverride) -> Watched<Self> {
        let name = path.display().to_string();
        let parse = move |contents: &[Vec<u8>]| {
            let compiled = Policy::compile(only(contents), &cluster);
            let compiled = compiled.map_err(|mistakes| lines(&mistakes.in_file(&name)))?;
            Ok(Self {
                warnings: in_file(&compiled.warnings, &name),
                policy: Arc::new(compiled.policy),
            })
        };
        Watched::new(vec![path], MAX_POLICY_BYTES, Box::new(parse))
    }

    /// The policy in the binary.
    pub fn embedded(cluster: &ClusterOverride) -> Self {
        Self {
            policy: Arc::new(Policy::embedded(cluster)),
            warnings: Vec::new(),
        }
    }
}

impl DirectoryRead {
    /// Follows a directory file of at most `limit` bytes.
    pub fn watched(path: PathBuf, limit: usize) -> Watched<Self> {
        let name = path.display().to_string();
        let parse = move |contents: &[Vec<u8>]| Self::compile(only(contents), limit, &name);
        Watched::new(vec![path], limit, Box::new(parse))
    }

    /// The sample in the binary.
    pub fn sample() -> Result<Self, Vec<String>> {
        let name = "examples/directory.yaml";
        Self::compile(SAMPLE.as_bytes(), SAMPLE.len(), name)
    }

    /// A snapshot of `sync`, which is as old as it says.
    pub fn delivered(delivered: &Delivered, limit: usize, name: &str) -> Result<Self, Vec<String>> {
        let compiled = Directory::compile(&delivered.text, limit);
        let compiled = compiled.map_err(|mistakes| lines(&mistakes.in_file(name)))?;
        Ok(Self {
            warnings: in_file(&compiled.warnings, name),
            directory: Arc::new(compiled.directory.known_at(delivered.as_of)),
        })
    }

    fn compile(bytes: &[u8], limit: usize, name: &str) -> Result<Self, Vec<String>> {
        let compiled = Directory::compile(bytes, limit);
        let compiled = compiled.map_err(|mistakes| lines(&mistakes.in_file(name)))?;
        Ok(Self {
            warnings: in_file(&compiled.warnings, name),
            directory: Arc::new(compiled.directory),
        })
    }
}

/// What a policy file says, or what is wrong with it, as the linter shows it.
pub fn lint_policy(path: &Path) -> Result<Result<CompiledPolicy, Mistakes>, SourceError> {
    let bytes = read_once(path, MAX_POLICY_BYTES)?;
    Ok(Policy::compile(&bytes, &ClusterOverride::default()))
}

/// The same of a directory file of at most `limit` bytes.
pub fn lint_directory(
    path: &Path,
    limit: usize,
) -> Result<Result<CompiledDirectory, Mistakes>, SourceError> {
    let bytes = read_once(path, limit)?;
    Ok(Directory::compile(&bytes, limit))
}

/// What a watched file holds, where it is watched alone.
fn only(contents: &[Vec<u8>]) -> &[u8] {
    contents.first().map_or(&[], Vec::as_slice)
}

fn in_file(warnings: &[Mistake], name: &str) -> Vec<String> {
    let warnings = warnings.iter();
    warnings
        .map(|warning| format!("{name}:{warning}"))
        .collect()
}

fn lines(text: &impl ToString) -> Vec<String> {
    text.to_string().lines().map(str::to_owned).collect()
}

/// A policy is written by hand; a megabyte is a mistake.
const MAX_POLICY_BYTES: usize = 1024 * 1024;

const SAMPLE: &str = include_str!("../../examples/directory.yaml");
