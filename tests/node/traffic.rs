//! Bindings that are written all the time: good and bad ones in turn, and what the API server says of each.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;

use crate::node::LONG;
use crate::process::wait_for;

/// Somebody who writes bindings until told to stop.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    thread: JoinHandle<Seen>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) count: usize,
    pub(crate) wrong: Vec<String>,
    pub(crate) slowest: Duration,
}

impl Traffic {
    pub(crate) fn start(kubeconfig: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&written);
        let (told, path) = (Arc::clone(&stop), kubeconfig.to_owned());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(write(&path, &told, &counted))
        });
        Self {
            stop,
            written,
            thread,
        }
    }

    /// Until so many have been written.
    pub(crate) fn wait_for(&self, count: usize) {
        wait_for("bindings", LONG, || {
            (self.written.load(Ordering::Relaxed) >= count).then_some(())
        })
        .unwrap();
    }

    pub(crate) fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

async fn write(kubeconfig: &Path, stop: &AtomicBool, written: &AtomicUsize) -> Seen {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options);
    let client = Client::try_from(config.await.unwrap()).unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(client, "default");
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let mut seen = Seen::default();
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let is_good = seen.count % 2 == 0;
        let role = if is_good {
            "view-something"
        } else {
            "spectro-vm-viewer"
        };
        let asked = Instant::now();
        let answer = bindings.create(&dry_run, &binding(role)).await;
        let took = asked.elapsed();
        seen.slowest = seen.slowest.max(took);
        let is_right = match &answer {
            Ok(_) => is_good,
            Err(error) => !is_good && error.to_string().contains("denied the request"),
        };
        if !is_right {
            let said = answer.map_or_else(|error| error.to_string(), |_| "admitted".to_owned());
            seen.wrong.push(format!(
                "{role} after {:.1} s, in {took:?}: {said}",
                began.elapsed().as_secs_f32()
            ));
        }
        seen.count += 1;
        written.store(seen.count, Ordering::Relaxed);
        tokio::time::sleep(BETWEEN).await;
    }
    seen
}

fn binding(role: &str) -> RoleBinding {
    serde_json::from_value(json!({
        "metadata": { "generateName": "traffic-" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody@example.com" }],
    }))
    .unwrap()
}

const BETWEEN: Duration = Duration::from_millis(20);
