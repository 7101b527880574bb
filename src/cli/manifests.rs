//! Manifests out of files, folders and the standard input: each object on its own, in JSON, with its place.
//!
//! Files are taken apart as kubectl does it, so that what is judged is what would be applied. Nothing is judged here.

mod json;
mod list;
mod paths;
mod yaml;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Exit;

/// Where an object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// The file as it was named, or as it was found in a folder.
    pub(super) file: String,
    /// The document in the file, from 1; the items of a List share theirs.
    pub(super) document: usize,
    /// The line of the object, from 1.
    pub(super) line: usize,
}

/// One object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) source: Source,
    pub(super) json: String,
}

/// Why a part of the input is not judged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// The system does not hand it over.
    #[error("cannot read `{file}`: {reason}")]
    Unreadable { file: String, reason: String },
    /// Most likely the wrong folder, and nothing would be judged in silence.
    #[error("no manifests in folder `{}` (*.yaml, *.yml, *.json)", .0.display())]
    EmptyFolder(PathBuf),
    /// Most likely what should have written them failed.
    #[error("no objects in what was given to check")]
    NoObjects,
    /// It is no object.
    #[error("{}:{}: document {}: {message}", at.file, at.line, at.document)]
    Broken { at: Source, message: String },
}

impl Source {
    /// Whether it has no place in a file.
    pub(super) fn is_standard_input(&self) -> bool {
        self.file == STANDARD_INPUT
    }
}

impl Problem {
    /// The file or folder that it is about.
    pub(super) fn file(&self) -> String {
        match self {
            Self::Unreadable { file, .. } => file.clone(),
            Self::EmptyFolder(folder) => folder.display().to_string(),
            Self::NoObjects => String::from(STANDARD_INPUT),
            Self::Broken { at, .. } => at.file.clone(),
        }
    }

    /// Where in a file it is.
    pub(super) const fn source(&self) -> Option<&Source> {
        match self {
            Self::Broken { at, .. } => Some(at),
            Self::Unreadable { .. } | Self::EmptyFolder(_) | Self::NoObjects => None,
        }
    }

    /// What it makes of the run.
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::CouldNotRun,
            Self::EmptyFolder(_) | Self::NoObjects | Self::Broken { .. } => Exit::BadInput,
        }
    }
}

/// All that the named inputs hold; a part that cannot be read leaves the rest as it is.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// How many files were read.
    pub(super) files: usize,
    /// In the order of the inputs.
    pub(super) objects: Vec<Object>,
    /// In the order of the inputs.
    pub(super) problems: Vec<Problem>,
}

impl Manifests {
    /// Reads files, folders with all that is below them, and `-`, the standard input.
    pub(super) fn read(named: &[PathBuf]) -> Self {
        let mut manifests = Self::default();
        for path in named {
            match paths::files(path) {
                Ok(files) => files.iter().for_each(|file| manifests.add_file(file)),
                Err(problem) => manifests.problems.push(problem),
            }
        }
        manifests
    }

    fn add_file(&mut self, path: &Path) {
        let name = display_name(path);
        match read_bytes(path) {
            Ok(bytes) => self.add_bytes(&name, &bytes),
            Err(error) => self.problems.push(Problem::Unreadable {
                file: name,
                reason: error.to_string(),
            }),
        }
    }

    fn add_bytes(&mut self, file: &str, bytes: &[u8]) {
        match str::from_utf8(bytes) {
            Ok(text) => self.add_text(file, text),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = before.split(|byte| *byte == b'\n').count();
                self.problems.push(Problem::Broken {
                    at: Source {
                        file: file.to_owned(),
                        document: 1,
                        line,
                    },
                    message: String::from("is not UTF-8"),
                });
            }
        }
    }

    fn add_text(&mut self, file: &str, text: &str) {
        self.files += 1;
        // The byte order mark that some editors write is no part of the document.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for part in parts(text) {
            let at = |line| Source {
                file: file.to_owned(),
                document: part.document,
                line,
            };
            match part.content {
                Ok(json) => self.objects.push(Object {
                    source: at(part.line),
                    json,
                }),
                Err(message) => self.problems.push(Problem::Broken {
                    at: at(part.line),
                    message,
                }),
            }
        }
    }
}

/// An object of a text in JSON, or what is wrong there.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    document: usize,
    line: usize,
    content: Result<String, String>,
}

/// JSON is taken for JSON, which keeps keys that stand twice; what looks like it and is none may be YAML still.
fn parts(text: &str) -> Vec<Part> {
    if !text.trim_start().starts_with('{') {
        return yaml::parts(text);
    }
    let parts = json::parts(text);
    let is_broken = |parts: &[Part]| parts.iter().any(|part| part.content.is_err());
    if !is_broken(&parts) {
        return parts;
    }
    let as_yaml = yaml::parts(text);
    if is_broken(&as_yaml) { parts } else { as_yaml }
}

/// Whether it is the standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The name that messages and results give the file.
pub(super) fn display_name(path: &Path) -> String {
    if is_standard_input(path) {
        String::from(STANDARD_INPUT)
    } else {
        path.display().to_string()
    }
}

/// All of a file or of the standard input.
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !is_standard_input(path) {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What messages call it.
const STANDARD_INPUT: &str = "<stdin>";

#[cfg(test)]
mod tests;
