use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A page of the documentation.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block.
#[derive(Debug, Default)]
pub(crate) struct Block<'p> {
    pub(crate) language: &'p str,
    pub(crate) text: String,
    /// The directive on the line before it, or before the block before it.
    pub(crate) directive: Option<Directive<'p>>,
}

/// An HTML comment that says what is to be done with what follows: `<!-- word: argument -->`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Directive<'p> {
    pub(crate) word: &'p str,
    pub(crate) argument: &'p str,
}

/// Every page, in the order of its path.
pub(crate) fn all() -> Vec<Page> {
    let mut paths = Vec::new();
    for folder in [".", "docs"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        paths.extend(
            entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "md")),
        );
    }
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

/// The folder of the package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Page {
    /// The page at a path below the package.
    pub(crate) fn named(path: &str) -> Self {
        Self::read(root().join(path))
    }

    pub(crate) fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    /// Its path below the package.
    pub(crate) fn name(&self) -> String {
        let path = self.path.strip_prefix(root()).unwrap_or(&self.path);
        path.display().to_string()
    }

    /// Its fenced blocks.
    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
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
    pub(crate) fn prose(&self) -> Vec<&str> {
        let mut is_open = false;
        let outside = self.text.lines().filter(|line| {
            let is_fence = line.starts_with(FENCE);
            is_open ^= is_fence;
            !is_open && !is_fence
        });
        outside.collect()
    }

    /// What stands between backticks in its prose; a line's end is a space.
    pub(crate) fn code(&self) -> Vec<String> {
        let prose = self.prose().join("\n");
        let paragraphs = prose.split("\n\n").map(|text| text.replace('\n', " "));
        let spans = paragraphs.flat_map(|text| {
            let spans = text.split('`').skip(1).step_by(2);
            spans.map(str::to_owned).collect::<Vec<_>>()
        });
        spans.collect()
    }

    /// The cells of the first table after a directive, without its head.
    pub(crate) fn table(&self, directive: Directive<'_>) -> Option<Vec<Vec<&str>>> {
        let mut lines = self.text.lines();
        lines.find(|line| Directive::read(line) == Some(directive))?;
        let table = lines
            .skip_while(|line| !line.starts_with('|'))
            .take_while(|line| line.starts_with('|'));
        Some(table.skip(2).map(cells).collect())
    }

    /// The first column of that table, without its backticks.
    pub(crate) fn first_column(&self, directive: Directive<'_>) -> Option<BTreeSet<String>> {
        let table = self.table(directive)?;
        let cells = table.iter().filter_map(|row| row.first());
        Some(
            cells
                .map(|cell| cell.trim_matches('`').to_owned())
                .collect(),
        )
    }

    /// The headings, without their marks.
    pub(crate) fn headings(&self) -> Vec<&str> {
        let lines = self.prose().into_iter();
        lines
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches('#').trim())
            .collect()
    }
}

impl<'p> Directive<'p> {
    pub(crate) fn read(line: &'p str) -> Option<Self> {
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
pub(crate) const FENCE: &str = "```";
