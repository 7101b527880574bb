//! Prism, which nobody here wrote, as Palette and before the stand-in: it serves the vendor's published document.
//!
//! Neither Prism nor the document is part of the project. Where one is not at hand, that is left out and said;
//! `make prism` installs Prism into the cache.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Site, skipped};
use crate::stand_in::Tenant;

const DOCUMENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../shared/reference/palette-api/palette-api-subset.json"
);

/// A Prism that runs; it ends with the test.
struct Prism {
    child: Child,
    address: SocketAddr,
}

impl Prism {
    /// `mock`, or `proxy` before an address, by a document.
    fn start(arguments: &[&str], document: &Path, before: Option<&str>) -> Option<Self> {
        let Some(program) = program() else {
            skipped("no Prism; `make prism` installs it");
            return None;
        };
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new(program)
            .args(arguments)
            .args(["-h", "127.0.0.1", "-p", &free.port().to_string()])
            .arg(document)
            .args(before)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(free).is_err() {
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "Prism does not listen"
            );
            std::thread::yield_now();
        }
        Some(Self {
            child,
            address: free,
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        // Gone already, or to be gone now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let program = cache.join("palette-rbac/prism/node_modules/.bin/prism");
    program.is_file().then_some(program)
}

/// The document, with what the vendor's own types do and it does not say: empty lists are `null`.
fn document(folder: &Path) -> Option<PathBuf> {
    let Ok(text) = std::fs::read_to_string(DOCUMENT) else {
        skipped("the document of Palette's API is not at hand");
        return None;
    };
    let mut document: Value = serde_json::from_str(&text).unwrap();
    allow_null(&mut document);
    // Known from the vendor's client only.
    document["paths"]["/v1/dashboard/spectroclusters/vms"] = json!({ "get": { "responses": { "200": {
        "description": "clusters with virtual machines", "schema": { "type": "object" },
    } } } });
    let path = folder.join("palette.json");
    std::fs::write(&path, document.to_string()).unwrap();
    Some(path)
}

fn allow_null(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("type") == Some(&json!("array")) && map.contains_key("items") {
                map.insert("x-nullable".to_owned(), json!(true));
            }
            map.values_mut().for_each(allow_null);
        }
        Value::Array(values) => values.iter_mut().for_each(allow_null),
        _ => {}
    }
}

#[test]
fn a_palette_whose_pages_never_end_is_not_read_for_ever() {
    let site = Site::new(Tenant::sample());
    let Some(document) = document(site.folder.path()) else {
        return;
    };
    let Some(prism) = Prism::start(&["mock"], &document, None) else {
        return;
    };
    let to = format!("file:{}", site.path("directory.json").display());
    let ended = site.run(&["--palette-url", &prism.url(), "--to", &to, "--once"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.err.contains("listed 3 times, and never whole"),
        "{}",
        ended.err
    );
    assert!(!site.path("directory.json").exists());
}

#[test]
fn nothing_is_wrong_with_what_the_stand_in_says_and_what_sync_asks() {
    let site = Site::new(Tenant::sample());
    let Some(document) = document(site.folder.path()) else {
        return;
    };
    let upstream = site.palette.url();
    let Some(prism) = Prism::start(&["proxy", "--errors"], &document, Some(&upstream)) else {
        return;
    };
    let cluster = site.palette.change(|tenant| tenant.cluster());
    let to = format!("file:{}", site.path("directory.json").display());
    let url = prism.url();
    let arguments = [
        "--palette-url",
        &*url,
        "--cluster-uid",
        &cluster,
        "--to",
        &to,
        "--once",
        "--tries",
        "1",
    ];
    let ended = site.run(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(site.snapshot().users.len(), 3);

    // And what is asked while it goes on: audits, and when the key runs out.
    site.palette.asked();
    let arguments = [
        "--palette-url",
        &*url,
        "--cluster-uid",
        &cluster,
        "--to",
        &to,
        "--hint-interval",
        "100ms",
    ];
    let mut running = site
        .command(&arguments)
        .args(["--admin-listen", "127.0.0.1:0", "--tries", "1"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asked = Vec::new();
    let began = Instant::now();
    while asked.iter().filter(|it| *it == "GET /v1/audits").count() < 3 {
        asked.extend(site.palette.asked());
        assert!(began.elapsed() < Duration::from_mins(1), "{asked:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(asked.iter().any(|it| it == "GET /v1/apiKeys"), "{asked:?}");
    running.kill().unwrap();
    let ended = running.wait_with_output().unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert!(!log.contains("WARN"), "{log}");
}
