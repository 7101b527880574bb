//! What Prometheus sees of it.

use std::sync::LazyLock;

use insta::assert_snapshot;

use crate::binding::role_binding;
use crate::harness::process::scratch;
use crate::harness::webhook::Webhook;
use crate::site::{Site, fixture, program, shared_cluster};

#[test]
fn every_verdict_of_the_api_server_is_counted_once() {
    let Some(site) = counted() else { return };
    let before = site.webhook.metrics().unwrap();
    let good = role_binding("counted-vms", "good", "spectro-vm-user").user("vm-user@orchard.test");
    site.admits(&good);
    site.admits(&good.clone().user("vm-admin@orchard.test"));
    site.admits(&good);
    site.kubectl("label rolebinding -n counted-vms good reviewed=yes")
        .admitted();
    site.refuses(
        &role_binding("counted-vms", "bad", "spectro-vm-admin").user("vm-user@orchard.test"),
    );
    site.kubectl("delete rolebinding -n counted-vms good")
        .admitted();

    let after = site.webhook.metrics().unwrap();
    let moved: Vec<_> = after
        .since(&before)
        .iter()
        .map(|(series, added)| format!("{series} +{added}"))
        .collect();
    let judged = |series: &&String| !series.contains("tls_handshakes");
    assert_snapshot!(
        moved
            .iter()
            .filter(judged)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

fn counted() -> Option<&'static Site> {
    static SITE: LazyLock<Option<Site>> = LazyLock::new(|| {
        let cluster = shared_cluster()?;
        let (policy, directory) = (fixture("orchard.yaml"), fixture("directory.yaml"));
        let arguments = ["--policy", &policy, "--directory", &directory];
        let webhook = Webhook::start(program(), &scratch("counted").unwrap(), &arguments).unwrap();
        Some(Site::open("counted", cluster, webhook, &["counted-vms"]))
    });
    SITE.as_ref()
}
