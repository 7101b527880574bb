use std::path::PathBuf;
use std::sync::Arc;

use crate::directory::Directory;
use crate::document::Mistake;
use crate::policy::{ClusterOverride, CompiledPolicy, Policy};

use super::Watched;

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
            let bytes = contents.first().map_or(&[][..], Vec::as_slice);
            match Policy::compile(bytes, &cluster) {
                Ok(compiled) => Ok(Self::of(compiled, &name)),
                Err(mistakes) => Err(lines(&mistakes.in_file(&name))),
            }
        };
        Watched::new(vec![path], MAX_POLICY_BYTES, Box::new(parse))
    }

    fn of(compiled: CompiledPolicy, name: &str) -> Self {
        Self {
            warnings: in_file(&compiled.warnings, name),
            policy: Arc::new(compiled.policy),
        }
    }
}

impl DirectoryRead {
    /// Follows a directory file of at most `limit` bytes.
    pub fn watched(path: PathBuf, limit: usize) -> Watched<Self> {
        let name = path.display().to_string();
        let parse = move |contents: &[Vec<u8>]| {
            let bytes = contents.first().map_or(&[][..], Vec::as_slice);
            Self::compile(bytes, limit, &name)
        };
        Watched::new(vec![path], limit, Box::new(parse))
    }

    /// The sample in the binary.
    pub fn sample() -> Result<Self, Vec<String>> {
        let name = "examples/directory.yaml";
        Self::compile(SAMPLE.as_bytes(), SAMPLE.len(), name)
    }

    fn compile(bytes: &[u8], limit: usize, name: &str) -> Result<Self, Vec<String>> {
        match Directory::compile(bytes, limit) {
            Ok(compiled) => Ok(Self {
                warnings: in_file(&compiled.warnings, name),
                directory: Arc::new(compiled.directory),
            }),
            Err(mistakes) => Err(lines(&mistakes.in_file(name))),
        }
    }
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
