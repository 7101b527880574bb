//! The commands and flags that pages show.

use std::collections::BTreeSet;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};
use palette_rbac::cli::Cli;

use crate::page::{Block, Page};

/// Flags that no program has, and commands of ours that it would not take.
pub(crate) fn wrong(page: &Page) -> Vec<String> {
    let mut known = BTreeSet::from(["help", "version"].map(str::to_owned));
    add_flags(&Cli::command(), &mut known);
    // In a shell's block it depends on the program; ours are read by clap below.
    let blocks = page.blocks().into_iter();
    let blocks = blocks.filter(|block| !is_shell(block));
    let texts: Vec<String> = page
        .code()
        .into_iter()
        .chain(blocks.map(|block| block.text))
        .collect();
    let flags = texts.iter().flat_map(|text| flags(text));
    let unknown = flags.filter(|flag| !known.contains(*flag) && !OTHERS.contains(flag));
    let unknown = unknown.map(|flag| format!("no program has `--{flag}`"));
    unknown
        .chain(commands(page).iter().filter_map(|line| refused(line)))
        .collect()
}

fn add_flags(command: &Command, flags: &mut BTreeSet<String>) {
    let long = command.get_arguments().filter_map(clap::Arg::get_long);
    flags.extend(long.map(str::to_owned));
    for inner in command.get_subcommands() {
        add_flags(inner, flags);
    }
}

/// Every `--flag` of a text.
fn flags(text: &str) -> Vec<&str> {
    let after = text.split("--").skip(1).zip(text.split("--"));
    let words = after.filter_map(|(rest, before)| {
        let stands_alone = before.is_empty()
            || before.ends_with(|c: char| c.is_whitespace() || "(\"'[".contains(c));
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let (word, _) = rest.split_at(end.unwrap_or(rest.len()));
        let is_flag = word.starts_with(|c: char| c.is_ascii_lowercase());
        (stands_alone && is_flag).then_some(word)
    });
    words.collect()
}

/// The commands of ours: between backticks, and in the shell's blocks.
fn commands(page: &Page) -> Vec<String> {
    let blocks = page.blocks().into_iter();
    let shell = blocks.filter(is_shell);
    let shell: Vec<String> = shell.map(|block| block.text.replace("\\\n", " ")).collect();
    let pieces = shell.iter().flat_map(|text| text.split(['\n', '|']));
    let pieces = pieces.map(|piece| piece.trim().trim_start_matches("$ "));
    pieces
        .map(str::to_owned)
        .chain(page.code())
        .filter(|piece| piece.starts_with("palette-rbac "))
        .collect()
}

fn is_shell(block: &Block<'_>) -> bool {
    ["bash", "console", "sh", "shell"].contains(&block.language)
}

/// What clap says of a command that it does not take; one that is cut short is taken.
fn refused(line: &str) -> Option<String> {
    let line = line.split(" # ").next().unwrap_or(line);
    let words = line
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']));
    let error = Cli::command().try_get_matches_from(words).err()?;
    let is_short = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelp
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::DisplayVersion
    );
    (!is_short).then(|| {
        format!(
            "`{line}`: {}",
            error.to_string().lines().next().unwrap_or_default()
        )
    })
}

/// Flags of the programs beside ours: cargo, kubectl, the API server.
const OTHERS: [&str; 29] = [
    "admission-control-config-file",
    "all-namespaces",
    "build-arg",
    "cert",
    "clusterrole",
    "create-namespace",
    "dry-run",
    "group",
    "ignore-not-found",
    "key",
    "kubeconfig",
    "namespace",
    "no-default-features",
    "nocapture",
    "oidc-groups-prefix",
    "oidc-username-prefix",
    "output",
    "patch",
    "previous",
    "reset-then-reuse-values",
    "server-side",
    "serviceaccount",
    "set",
    "tag",
    "tail",
    "test",
    "type",
    "user",
    "values",
];
