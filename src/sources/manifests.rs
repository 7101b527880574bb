//! Manifests out of files, folders and the standard input: each object on its own, with its place.

mod dump;
mod paths;

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub(crate) use dump::Dump;

use crate::document::{InFile, Mistake, Mistakes};
use crate::facts::StoredObject;
use crate::manifest::{self, Content, Recognized, Strictness};

/// Where an object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The file as it was named, or as it was found in a folder.
    pub(crate) file: String,
    /// The document in the file, from 1; the items of a List share theirs.
    pub(crate) document: usize,
    /// The line of the object, from 1.
    pub(crate) line: usize,
}

/// One object.
#[derive(Debug)]
pub(crate) struct SourcedManifest {
    pub(crate) source: Source,
    pub(crate) content: manifest::Object,
}

impl SourcedManifest {
    /// The object as the cluster's facts know it, or nothing if it is no role and no binding.
    ///
    /// One that names no namespace is in the one given, and one that leaves its name to the API server is called by the
    /// prefix.
    pub(crate) fn read(
        &self,
        namespace: Option<&str>,
        strictness: Strictness,
    ) -> Option<Result<StoredObject, Problem>> {
        let broken = |mistakes| Problem::broken(&self.source, mistakes);
        match self.content.recognized() {
            Recognized::Judged(kind) => {
                let read = self.content.read(kind, namespace, strictness);
                Some(read.map_err(broken))
            }
            Recognized::Meant(mistake) => Some(Err(broken(mistake.into()))),
            Recognized::Other(_) => None,
        }
    }
}

/// A List that is one page of many.
#[derive(Debug)]
pub(crate) struct MissingPage {
    pub(crate) source: Source,
    /// How many objects are missing, if it says so.
    pub(crate) missing: Option<u64>,
}

/// Why a part of the input is not judged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The system does not hand it over.
    #[error("cannot read `{file}`: {reason}")]
    Unreadable { file: String, reason: String },
    /// Most likely the wrong folder, and nothing would be judged in silence.
    #[error("no manifests in folder `{}` (*.yaml, *.yml, *.json)", .0.display())]
    EmptyFolder(PathBuf),
    /// Most likely what should have written them failed.
    #[error("no objects in what was given to check")]
    NoObjects,
    /// Most likely the wrong files: a check that judges nothing would always succeed.
    #[error("no binding and no role in what was given to check{}; --allow-empty takes that for success", .0)]
    NothingJudged(String),
    /// Half of a cluster would look like a whole one.
    #[error("{}:{}: document {}: one page of many{}; read them all, without --limit and --chunk-size", at.file, at.line, at.document, missing(*.count))]
    Page { at: Source, count: Option<u64> },
    /// It is no object, or none of its kind. The source is the first mistake's.
    #[error("{}", InDocument(at, mistakes))]
    Broken { at: Source, mistakes: Mistakes },
}

fn missing(count: Option<u64>) -> String {
    count.map_or_else(
        || String::from(", more objects are missing"),
        |count| format!(", {count} more objects are missing"),
    )
}

/// `a.yaml:7:3: document 2: roleRef: expected a map, found a list`, a line each.
struct InDocument<'a>(&'a Source, &'a Mistakes);

impl fmt::Display for InDocument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(at, mistakes) = self;
        for (index, mistake) in mistakes.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            let named = Mistake {
                line: mistake.line,
                column: mistake.column,
                path: format!("document {}", at.document),
                message: mistake.said(),
            };
            let named = [named];
            write!(f, "{separator}{}", InFile::new(&at.file, &named))?;
        }
        Ok(())
    }
}

impl Problem {
    /// An object, or a part of a document, with these mistakes.
    pub(crate) fn broken(source: &Source, mistakes: Mistakes) -> Self {
        let first = mistakes.iter().map(|mistake| mistake.line);
        let line = first.min().filter(|line| *line > 0);
        Self::Broken {
            at: Source {
                line: line.unwrap_or(source.line),
                ..source.clone()
            },
            mistakes,
        }
    }

    /// The file or folder that it is about.
    pub(crate) fn file(&self) -> String {
        match self {
            Self::Unreadable { file, .. } => file.clone(),
            Self::EmptyFolder(folder) => folder.display().to_string(),
            Self::NoObjects | Self::NothingJudged(_) => String::from(STANDARD_INPUT),
            Self::Broken { at, .. } | Self::Page { at, .. } => at.file.clone(),
        }
    }

    /// Where in a file it is.
    pub(crate) const fn source(&self) -> Option<&Source> {
        match self {
            Self::Broken { at, .. } | Self::Page { at, .. } => Some(at),
            Self::Unreadable { .. }
            | Self::EmptyFolder(_)
            | Self::NoObjects
            | Self::NothingJudged(_) => None,
        }
    }

    /// Whether there is an input that it keeps from being judged.
    pub(crate) const fn is_about_input(&self) -> bool {
        !matches!(self, Self::NoObjects | Self::NothingJudged(_))
    }
}

/// All that the named inputs hold; a part that cannot be read leaves the rest as it is.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    /// How many files were read.
    pub(crate) files: usize,
    /// In the order of the inputs.
    pub(crate) objects: Vec<SourcedManifest>,
    /// Those that are not whole.
    pub(crate) pages: Vec<MissingPage>,
    /// In the order of the inputs.
    pub(crate) problems: Vec<Problem>,
    /// Linked folders that were left out.
    pub(crate) left_out: Vec<PathBuf>,
}

impl Manifests {
    /// Reads files, folders with all that is below them, and `-`, the standard input.
    pub(crate) fn read(named: &[PathBuf]) -> Self {
        let mut manifests = Self::default();
        for path in named {
            match paths::files(path) {
                Ok(mut found) => {
                    found.files.iter().for_each(|file| manifests.add_file(file));
                    manifests.left_out.append(&mut found.left_out);
                }
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
        self.files += 1;
        for part in manifest::parts(bytes) {
            let source = Source {
                file: file.to_owned(),
                document: part.document,
                line: part.line,
            };
            match part.content {
                Content::Object(content) => self.objects.push(SourcedManifest { source, content }),
                Content::Page(page) => self.pages.push(MissingPage {
                    source,
                    missing: page.missing,
                }),
                Content::Broken(mistakes) => self.problems.push(Problem::broken(&source, mistakes)),
            }
        }
    }
}

/// Whether it is the standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The name that messages and results give the file.
pub(crate) fn display_name(path: &Path) -> String {
    if is_standard_input(path) {
        String::from(STANDARD_INPUT)
    } else {
        path.display().to_string()
    }
}

/// All of a file or of the standard input.
pub(crate) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !is_standard_input(path) {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What messages call it.
pub(crate) const STANDARD_INPUT: &str = "<stdin>";
