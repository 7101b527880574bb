//! What is shipped beside the program fits it, as far as that shows without building an image.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so and ends"
)]

mod image;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::CommandFactory;
use palette_rbac::cli::Cli;
use palette_rbac::decide::needs;
use palette_rbac::domain::{Installation, RoleKind, Scope, Word};
use palette_rbac::facts::{Kind, Role};
use palette_rbac::server::{ByteSize, duration};
use serde_json::{Value, json};
use strum::IntoEnumIterator;

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
    let root = fs::canonicalize(ROOT).unwrap();
    let mut count = 0;
    for source in rust_files(&root.join("src")) {
        let text = fs::read_to_string(&source).unwrap();
        for rest in text.split("include_str!(\"").skip(1) {
            let path = source
                .parent()
                .unwrap()
                .join(rest.split('"').next().unwrap());
            let path = fs::canonicalize(path).unwrap();
            let folder = path.strip_prefix(&root).unwrap().iter().next().unwrap();
            let folder = folder.to_str().unwrap();
            let copied = format!("COPY {folder} {folder}");
            assert!(
                dockerfile.lines().any(|line| line == copied),
                "no `{copied}`"
            );
            count += 1;
        }
    }
    assert!(count > 0);
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
    assert_eq!(container()["image"], image);
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
fn the_pods_may_read_what_is_watched_and_write_what_is_theirs_and_nothing_else() {
    let role: Value = yaml_of_kind("manifests/base/rbac.yaml", "kind: ClusterRole\n");
    let [only, listed, written] = &role["rules"].as_array().unwrap()[..] else {
        unreachable!("{role}");
    };
    assert_eq!(only["verbs"], json!(["get", "list", "watch"]));
    assert_eq!(only["apiGroups"], json!(["rbac.authorization.k8s.io"]));
    let resource = |kind: Kind| format!("{}s", kind.as_str().to_lowercase());
    let watched: BTreeSet<String> = Kind::iter().map(resource).collect();
    let readable = only["resources"].as_array().unwrap().iter();
    let readable: BTreeSet<_> = readable.map(|it| it.as_str().unwrap().to_owned()).collect();
    assert_eq!(readable, watched);

    let reports = json!(["openreports.io", "wgpolicyk8s.io"]);
    assert_eq!(listed["apiGroups"], reports);
    assert_eq!(listed["verbs"], json!(["list"]));
    assert_eq!(written["apiGroups"], reports);
    assert_eq!(written["resourceNames"], json!(["palette-rbac"]));
    let leases: Value = yaml_of_kind("manifests/base/rbac.yaml", "kind: Role\n");
    let rules = leases["rules"].as_array().unwrap();
    let of_leases = |rule: &Value| rule["resources"] == json!(["leases"]);
    assert!(rules.iter().all(of_leases), "{leases}");

    let binding = yaml_of_kind("manifests/base/rbac.yaml", "kind: ClusterRoleBinding\n");
    let deployment: Value = yaml("manifests/base/deployment.yaml");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(binding["subjects"][0]["name"], pod["serviceAccountName"]);
    assert_eq!(pod["automountServiceAccountToken"], true);
}

#[test]
fn what_the_webhook_keeps_is_what_the_manifests_give_it() {
    for (line, kind) in [
        ("kind: ClusterRole\n", RoleKind::ClusterRole),
        ("kind: Role\n", RoleKind::Role),
    ] {
        let role: Value = yaml_of_kind("manifests/base/rbac.yaml", line);
        let role = Role::from_json(kind, &role.to_string()).unwrap();
        assert_eq!(&role.rules, needs(kind));
        let webhook = Installation::default();
        assert_eq!(role.name.name, webhook.name);
        let scope = role
            .name
            .namespace
            .map(|it| Scope::Namespace(it.to_string().into()));
        assert!(webhook.is_within(&scope.unwrap_or(Scope::Cluster)));
    }
}

/// The flags follow the overlay that moves or renames the installation.
#[test]
fn the_pods_are_told_where_they_are_and_what_they_are_called() {
    let container = container();
    let field = |name: &str| {
        let mut variables = container["env"].as_array().unwrap().iter();
        let variable = variables.find(|it| it["name"] == name).unwrap();
        variable["valueFrom"]["fieldRef"]["fieldPath"].clone()
    };
    assert_eq!(field("PALETTE_RBAC_OWN_NAMESPACE"), "metadata.namespace");
    assert_eq!(field("PALETTE_RBAC_OWN_NAME"), "spec.serviceAccountName");
    let registration: Value = yaml("manifests/base/webhook.yaml");
    let webhooks = registration["webhooks"].as_array().unwrap();
    let deleted = webhooks
        .iter()
        .filter(|it| it["rules"][0]["operations"] == json!(["DELETE"]));
    let conditions: Vec<&Value> = deleted.map(|it| &it["matchConditions"]).collect();
    let [conditions] = conditions[..] else {
        unreachable!("{registration}");
    };
    assert_eq!(conditions.as_array().unwrap().len(), 1);
    let expression = conditions[0]["expression"].as_str().unwrap();
    let webhook = Installation::default();
    for part in [
        format!("metadata.name == \"{}\"", webhook.name),
        format!("metadata.namespace == \"{}\"", webhook.namespace),
    ] {
        assert!(expression.contains(&part), "{expression}");
    }
}

#[test]
fn reviews_that_are_read_at_once_fit_into_the_pods_memory() {
    let container = container();
    let arguments = container["args"].as_array().unwrap().iter();
    let mut arguments = arguments.filter_map(Value::as_str);
    let at_once = arguments.find_map(|argument| argument.strip_prefix("--max-in-flight="));
    let at_once: usize = at_once.unwrap().parse().unwrap();
    let body: ByteSize = default_of("max_body_bytes").parse().unwrap();
    let limit = container["resources"]["limits"]["memory"].as_str().unwrap();
    let limit: ByteSize = limit.parse().unwrap();
    assert!(at_once * body.0 + MEMORY_FOR_THE_REST <= limit.0);
}

#[test]
fn pods_are_not_killed_before_they_have_drained() {
    let deployment: Value = yaml("manifests/base/deployment.yaml");
    let grace = &deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    let drain = duration(&default_of("drain_timeout")).unwrap();
    assert!(grace.as_u64().unwrap() > (SHUTDOWN_DELAY + drain).as_secs());
}

#[test]
fn the_operators_rules_are_those_of_prometheus() {
    let plain: Value = yaml("monitoring/alerts.yaml");
    let generated: Value = yaml("monitoring/prometheus-rule.yaml");
    assert_eq!(generated["spec"], plain, "`make generate` writes it anew");
}

#[test]
fn every_alert_has_a_line_on_its_page_and_names_pages_that_exist() {
    let alerts: Value = yaml("monitoring/alerts.yaml");
    let page = read("docs/monitoring.md");
    for rule in alerts["groups"][0]["rules"].as_array().unwrap() {
        let (alert, severity) = (&rule["alert"], &rule["labels"]["severity"]);
        let row = format!(
            "| `{}` | {} |",
            alert.as_str().unwrap(),
            severity.as_str().unwrap()
        );
        assert!(page.contains(&row), "no `{row}`");
        let description = rule["annotations"]["description"].as_str().unwrap();
        for word in description
            .split([' ', '`'])
            .filter(|word| word.starts_with("docs/"))
        {
            assert!(
                Path::new(ROOT).join(word.trim_end_matches('.')).exists(),
                "`{word}`"
            );
        }
    }
}

fn container() -> Value {
    let deployment: Value = yaml("manifests/base/deployment.yaml");
    deployment["spec"]["template"]["spec"]["containers"][0].clone()
}

/// What `serve` does when it is not told.
fn default_of(argument: &str) -> String {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let argument = serve.get_arguments().find(|it| it.get_id() == argument);
    argument.unwrap().get_default_values()[0]
        .to_str()
        .unwrap()
        .to_owned()
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

/// The document of a file that has this line.
fn yaml_of_kind(path: &str, line: &str) -> Value {
    let text = read(path);
    let document = text.split("---\n").find(|it| it.contains(line));
    serde_saphyr::from_str(document.unwrap()).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The program, and a directory as large as a `ConfigMap`, twice while it is read anew: 15 MiB were seen.
const MEMORY_FOR_THE_REST: usize = 64 << 20;

/// As `serve --help` says.
const SHUTDOWN_DELAY: Duration = Duration::from_secs(5);
