//! Files that are read anew when they change.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::SourceError;
use super::manifests::is_standard_input;

/// Files that belong together and are read anew when the content of any of them changes.
///
/// The content decides, not events: the kubelet swaps a Secret by renaming a directory, after which a watch on the file
/// itself is deaf.
pub struct Watched<T> {
    paths: Vec<PathBuf>,
    limit: usize,
    parse: Parse<T>,
    seen: Seen,
    stamps: Vec<Stamp>,
}

/// Makes a value of the bytes of each file, or says every mistake as a line.
type Parse<T> = Box<dyn Fn(&[Vec<u8>]) -> Result<T, Vec<String>> + Send>;

impl<T> Watched<T> {
    /// Files of at most `limit` bytes each.
    pub fn new(paths: Vec<PathBuf>, limit: usize, parse: Parse<T>) -> Self {
        Self {
            paths,
            limit,
            parse,
            seen: Seen::Nothing,
            stamps: Vec::new(),
        }
    }

    /// Reads now, whatever was seen before.
    pub fn load(&mut self) -> Result<T, SourceError> {
        self.seen = Seen::Nothing;
        // A write within the clock tick of this read would not change the stamp, so the next look reads once more.
        self.stamps.clear();
        match self.read() {
            Ok(contents) => self.parse(&contents),
            Err(error) => Err(self.note(error)),
        }
    }

    /// What a change has brought, once for each distinct content; `None` while there is nothing new.
    pub fn poll(&mut self) -> Option<Result<T, SourceError>> {
        let stamps = match self.stamps_now() {
            Ok(stamps) => stamps,
            Err(error) => return self.failed(error),
        };
        if stamps == self.stamps || stamps.iter().any(Stamp::is_fresh) {
            return None;
        }
        match self.read() {
            Ok(contents) => self.changed(stamps, &contents),
            Err(error) => self.failed(error),
        }
    }

    fn changed(
        &mut self,
        stamps: Vec<Stamp>,
        contents: &[Vec<u8>],
    ) -> Option<Result<T, SourceError>> {
        // Swapped while we read: the files may not belong together.
        if self.stamps_now().ok().as_ref() != Some(&stamps) {
            return None;
        }
        self.stamps = stamps;
        let content = Seen::Content(digest(contents));
        if content == self.seen {
            return None;
        }
        Some(self.parse(contents))
    }

    fn parse(&mut self, contents: &[Vec<u8>]) -> Result<T, SourceError> {
        self.seen = Seen::Content(digest(contents));
        (self.parse)(contents).map_err(SourceError::Rejected)
    }

    fn failed(&mut self, error: SourceError) -> Option<Result<T, SourceError>> {
        self.stamps.clear();
        let news = self.seen != Seen::Failed(error.clone());
        let error = self.note(error);
        news.then_some(Err(error))
    }

    fn note(&mut self, error: SourceError) -> SourceError {
        self.seen = Seen::Failed(error.clone());
        error
    }

    fn stamps_now(&self) -> Result<Vec<Stamp>, SourceError> {
        let stamp = |path: &PathBuf| match path.metadata() {
            Ok(metadata) => Ok(Stamp::of(&metadata)),
            Err(error) => Err(unreadable(path, &error)),
        };
        self.paths.iter().map(stamp).collect()
    }

    fn read(&self) -> Result<Vec<Vec<u8>>, SourceError> {
        self.paths
            .iter()
            .map(|path| read(path, self.limit))
            .collect()
    }
}

/// What was last made of the files.
#[derive(PartialEq, Eq)]
enum Seen {
    Nothing,
    Content([u8; 32]),
    Failed(SourceError),
}

/// What of a file changes when it is written or replaced.
#[derive(PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether somebody may still be writing: half a policy can be a valid one.
    fn is_fresh(&self) -> bool {
        let (seconds, nanoseconds) = self.modified;
        let since_1970 = u64::try_from(seconds)
            .ok()
            .zip(u32::try_from(nanoseconds).ok());
        since_1970.is_some_and(|(seconds, nanoseconds)| {
            let modified = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
            // A time in the future says nothing, and must not keep the file out.
            SystemTime::now()
                .duration_since(modified)
                .is_ok_and(|age| age < SETTLED)
        })
    }
}

/// All of a file of at most `limit` bytes, or of the standard input.
pub(super) fn read_once(path: &Path, limit: usize) -> Result<Vec<u8>, SourceError> {
    if is_standard_input(path) {
        return within(limit, path, Ok(io::stdin().lock()));
    }
    read(path, limit)
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, SourceError> {
    within(limit, path, File::open(path))
}

fn within(
    limit: usize,
    path: &Path,
    reader: io::Result<impl Read>,
) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let more_than_limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = reader.and_then(|reader| reader.take(more_than_limit).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() > limit {
        let problem = format!("`{}` has more than {limit} bytes", path.display());
        return Err(SourceError::Rejected(vec![problem]));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    SourceError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn digest(contents: &[Vec<u8>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for content in contents {
        // The length keeps two files from being taken for one.
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    hash.finalize().into()
}

/// A file that was written this long ago is taken as finished.
const SETTLED: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
