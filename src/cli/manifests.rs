//! Manifests out of files, folders and the standard input: each object on its own, with its place.

mod paths;

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Exit;
use super::output::Output;
use crate::document::{InFile, Mistake, Mistakes};
use crate::manifest::{self, Content};

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
#[derive(Debug)]
pub(super) struct SourcedManifest {
    pub(super) source: Source,
    pub(super) content: manifest::Object,
}

/// A List that is one page of many.
#[derive(Debug)]
pub(super) struct MissingPage {
    pub(super) source: Source,
    /// How many objects are missing, if it says so.
    pub(super) missing: Option<u64>,
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
    pub(super) fn broken(source: &Source, mistakes: Mistakes) -> Self {
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
    pub(super) fn file(&self) -> String {
        match self {
            Self::Unreadable { file, .. } => file.clone(),
            Self::EmptyFolder(folder) => folder.display().to_string(),
            Self::NoObjects | Self::NothingJudged(_) => String::from(STANDARD_INPUT),
            Self::Broken { at, .. } | Self::Page { at, .. } => at.file.clone(),
        }
    }

    /// Where in a file it is.
    pub(super) const fn source(&self) -> Option<&Source> {
        match self {
            Self::Broken { at, .. } | Self::Page { at, .. } => Some(at),
            Self::Unreadable { .. }
            | Self::EmptyFolder(_)
            | Self::NoObjects
            | Self::NothingJudged(_) => None,
        }
    }

    /// Whether there is an input that it keeps from being judged.
    pub(super) const fn is_about_input(&self) -> bool {
        !matches!(self, Self::NoObjects | Self::NothingJudged(_))
    }

    /// What it makes of the run.
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::CouldNotRun,
            Self::EmptyFolder(_)
            | Self::NoObjects
            | Self::NothingJudged(_)
            | Self::Page { .. }
            | Self::Broken { .. } => Exit::BadInput,
        }
    }
}

/// All that the named inputs hold; a part that cannot be read leaves the rest as it is.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// How many files were read.
    pub(super) files: usize,
    /// In the order of the inputs.
    pub(super) objects: Vec<SourcedManifest>,
    /// Those that are not whole.
    pub(super) pages: Vec<MissingPage>,
    /// In the order of the inputs.
    pub(super) problems: Vec<Problem>,
    /// Linked folders that were left out.
    pub(super) left_out: Vec<PathBuf>,
}

impl Manifests {
    /// Reads files, folders with all that is below them, and `-`, the standard input.
    pub(super) fn read(named: &[PathBuf]) -> Self {
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

    /// Says which folders were not looked into.
    pub(super) fn warn_of_left_out(&self, output: &mut Output<'_>) -> io::Result<()> {
        self.left_out.iter().try_for_each(|link| {
            output.warning(format_args!(
                "`{}` is a link to a folder and left out, as kubectl does; name it to have it read",
                link.display()
            ))
        })
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
pub(super) const STANDARD_INPUT: &str = "<stdin>";
