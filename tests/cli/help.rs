use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::Folder;

/// Every command, as it is typed.
const COMMANDS: [&str; 18] = [
    "",
    "serve",
    "check",
    "audit",
    "review",
    "explain",
    "policy",
    "policy print",
    "policy lint",
    "policy schema",
    "directory",
    "directory lint",
    "directory schema",
    "certs",
    "registration",
    "registration check",
    "registration remove",
    "completions",
];

const INTRODUCTION: &str = "\
# The command line

Made from `--help` by `make generate`: change the comments of the flags, not this file.
";

#[test]
fn the_page_about_the_command_line_is_what_help_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/command-line.md");
    let generated = generated();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(page.parent().unwrap()).unwrap();
        fs::write(&page, &generated).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == generated,
        "docs/command-line.md is not what --help says; run `make generate`"
    );
}

fn generated() -> String {
    let folder = Folder::new();
    let mut page = String::from(INTRODUCTION);
    for command in COMMANDS {
        let ran = folder.run(&format!("{command} --help"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command}");
        let lines: Vec<&str> = ran.out.lines().map(str::trim_end).collect();
        let title = format!("palette-rbac {command}");
        let help = lines.join("\n");
        write!(page, "\n## {}\n```text\n{help}\n```\n", title.trim_end()).unwrap();
    }
    page
}

#[test]
fn every_command_teaches_by_example() {
    let folder = Folder::new();
    for command in COMMANDS.into_iter().filter(|command| !command.is_empty()) {
        let help = folder.run(&format!("{command} --help")).out;
        assert!(help.contains("palette-rbac "), "{command}");
        assert!(help.contains("Examples:"), "{command}");
    }
}

#[test]
fn a_plugin_of_kubectl_says_what_people_type() {
    let folder = Folder::new();
    let plugin = folder.path().join("kubectl-palette_rbac");
    symlink(env!("CARGO_BIN_EXE_palette-rbac"), &plugin).unwrap();
    let mut command = Command::new(&plugin);
    command.args(["check", "--help"]);
    let help = folder.finish(command, "").out;
    assert!(help.contains("Usage: kubectl palette-rbac check"), "{help}");
    assert!(help.contains("\n  kubectl palette-rbac check -f"), "{help}");
    let ran = folder.run("check --help");
    assert!(ran.out.contains("Usage: palette-rbac check"), "{}", ran.out);
}

#[test]
fn unknown_words_are_usage_errors() {
    let folder = Folder::new();
    for arguments in ["chekc", "check", "check -f a.yaml --output xml", ""] {
        assert_eq!(folder.run(arguments).code, 2, "{arguments}");
    }
}
