//! What is shipped beside the program fits it, as far as that shows without building an image.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so and ends"
)]

use std::fs;
use std::path::Path;

use serde_json::Value;

#[test]
fn everything_that_the_image_copies_exists_and_is_let_through() {
    let dockerfile = read("Dockerfile");
    let ignored = read(".dockerignore");
    let copies = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "));
    let from_here: Vec<_> = copies.filter(|copy| !copy.starts_with("--from=")).collect();
    assert!(!from_here.is_empty());
    for copy in from_here {
        let (sources, _) = copy.rsplit_once(' ').unwrap();
        for source in sources.split(' ') {
            assert!(
                Path::new(ROOT).join(source).exists(),
                "`{source}` is not there"
            );
            let exception = format!("!{source}");
            assert!(
                ignored.lines().any(|line| line == exception),
                "`{source}` is ignored"
            );
        }
    }
}

#[test]
fn the_image_has_every_file_that_the_sources_include() {
    let dockerfile = read("Dockerfile");
    let mut includes = 0;
    for file in rust_files(&Path::new(ROOT).join("src")) {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let Some((_, rest)) = line.split_once("include_str!(\"") else {
                continue;
            };
            let included = file.parent().unwrap().join(rest.split('"').next().unwrap());
            let included = fs::canonicalize(&included).unwrap();
            let relative = included
                .strip_prefix(fs::canonicalize(ROOT).unwrap())
                .unwrap();
            let folder = relative.iter().next().unwrap().to_str().unwrap();
            let copied = format!("COPY {folder} {folder}");
            assert!(
                dockerfile.lines().any(|line| line == copied),
                "`{}`",
                relative.display()
            );
            includes += 1;
        }
    }
    assert!(includes > 0);
}

#[test]
fn the_image_is_built_by_the_compiler_and_the_version_of_the_package() {
    let package = read("Cargo.toml");
    let of_package = |key: &str| {
        let start = format!("{key} = \"");
        let line = package.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap().trim_end_matches('"').to_owned()
    };
    let dockerfile = read("Dockerfile");
    let compiler = format!("FROM rust:{}-slim-", of_package("rust-version"));
    assert!(dockerfile.contains(&compiler), "no `{compiler}`");
    let image = format!("palette-rbac:{}", of_package("version"));
    assert!(dockerfile.contains(&image), "no `{image}`");
    let deployment: Value = yaml("manifests/base/deployment.yaml");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], image);
}

#[test]
fn the_pods_run_as_the_user_of_the_image() {
    let dockerfile = read("Dockerfile");
    let user = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("USER "));
    let (user, group) = user.unwrap().split_once(':').unwrap();
    let deployment: Value = yaml("manifests/base/deployment.yaml");
    let context = &deployment["spec"]["template"]["spec"]["securityContext"];
    assert_eq!(context["runAsUser"].to_string(), user);
    assert_eq!(context["runAsGroup"].to_string(), group);
}

#[test]
fn the_operators_rules_are_those_of_prometheus() {
    let plain: Value = yaml("monitoring/alerts.yaml");
    let generated: Value = yaml("monitoring/prometheus-rule.yaml");
    assert_eq!(generated["spec"], plain, "`make generate` writes it anew");
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut found: Vec<_> = folders
        .iter()
        .flat_map(|folder| rust_files(folder))
        .collect();
    found.extend(
        files
            .into_iter()
            .filter(|file| file.extension().is_some_and(|it| it == "rs")),
    );
    found
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
