use std::fs;
use std::path::{Path, PathBuf};

/// A page of the documentation.
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block.
#[derive(Debug, Default)]
pub struct Block<'p> {
    pub language: &'p str,
    pub text: String,
    /// The directive on the line before it, or before the block before it.
    pub directive: Option<Directive<'p>>,
}

/// An HTML comment that says what is to be done with what follows: `<!-- word: argument -->`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directive<'p> {
    pub word: &'p str,
    pub argument: &'p str,
}

/// Every page, in the order of its path.
pub fn all() -> Vec<Page> {
    let mut paths = Vec::new();
    for folder in [".", "docs"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        paths.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "md")
        }));
    }
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

/// The folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Page {
    /// The page at a path below the package.
    pub fn named(path: &str) -> Self {
        Self::read(root().join(path))
    }

    pub fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    /// Its path below the package.
    pub fn name(&self) -> String {
        let path = self.path.strip_prefix(root()).unwrap_or(&self.path);
        path.display().to_string()
    }

    /// Its fenced blocks.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut open: Option<Block<'_>> = None;
        let mut directive = None;
        for line in self.text.lines() {
            match (&mut open, line.strip_prefix(FENCE)) {
                (None, Some(language)) => {
                    open = Some(Block {
                        language,
                        text: String::new(),
                        directive,
                    });
                }
                (Some(_), Some("")) => blocks.extend(open.take()),
                (Some(block), _) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) if line.is_empty() => {}
                (None, None) => directive = Directive::read(line),
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name());
        blocks
    }

    /// Its lines outside of fenced blocks.
    pub fn prose(&self) -> Vec<&str> {
        let mut is_open = false;
        let outside = self.text.lines().filter(|line| {
            let is_fence = line.starts_with(FENCE);
            is_open ^= is_fence;
            !is_open && !is_fence
        });
        outside.collect()
    }

    /// What stands between backticks in its prose.
    pub fn code(&self) -> Vec<&str> {
        let spans = self.prose().into_iter();
        spans
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .collect()
    }

    /// The cells of the first table after a directive, without its head.
    pub fn table(&self, directive: Directive<'_>) -> Option<Vec<Vec<&str>>> {
        let mut lines = self.text.lines();
        lines.find(|line| Directive::read(line) == Some(directive))?;
        let table = lines
            .skip_while(|line| !line.starts_with('|'))
            .take_while(|line| line.starts_with('|'));
        Some(table.skip(2).map(cells).collect())
    }

    /// The headings, without their marks.
    pub fn headings(&self) -> Vec<&str> {
        let lines = self.prose().into_iter();
        lines
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches('#').trim())
            .collect()
    }
}

impl<'p> Directive<'p> {
    pub fn read(line: &'p str) -> Option<Self> {
        let text = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
        let (word, argument) = text.split_once(": ").unwrap_or((text, ""));
        Some(Self { word, argument })
    }
}

fn cells(row: &str) -> Vec<&str> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(str::trim).collect()
}

/// What opens and closes a block.
pub const FENCE: &str = "```";
