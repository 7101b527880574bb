//! The API server shows a client certificate to the webhook that is named in its `AdmissionConfiguration`.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use serde_json::{Value, json};

use crate::binding::role_binding;
use crate::harness::cluster::Cluster;
use crate::harness::kubectl::{Kubectl, Transcript};
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::{STARTS_WITHIN, Webhook};
use crate::site::{USERS, assets, fixture, program};

/// Two webhooks that ask for a certificate, and the API server is told of one of them.
#[test]
fn a_webhook_that_is_named_is_shown_the_certificate_and_another_is_not() {
    let Some(assets) = assets() else {
        return;
    };
    let folder = scratch("client-certificates").unwrap();
    write_certificates(&folder);
    let [named, other] = ["named", "other"].map(|name| serve(&folder, name));
    let configuration = write_configuration(&folder, &named.address.to_string());
    let argument = format!("--admission-control-config-file={configuration}");
    let cluster =
        Cluster::start_with("client-certificates-cluster", &assets, &USERS, &[argument]).unwrap();
    let kubectl = &cluster.kubectl;
    for (name, webhook) in [("named", &named), ("other", &other)] {
        kubectl.read(&format!("create namespace {name}")).unwrap();
        let own = format!("request.namespace == '{name}'");
        webhook.register(kubectl, name, Some(&own)).unwrap();
    }

    wait_for("the named webhook to be asked", STARTS_WITHIN, || {
        let answer = create(kubectl, "named", "nobody@orchard.test");
        (!answer.succeeded()).then_some(answer)
    })
    .unwrap()
    .refused();
    create(kubectl, "named", "vm-user@orchard.test").admitted();
    let unasked = wait_for("the other webhook to be asked", STARTS_WITHIN, || {
        let answer = create(kubectl, "other", "vm-user@orchard.test");
        (!answer.succeeded()).then_some(answer)
    })
    .unwrap();

    assert!(
        unasked.output.contains("failed calling webhook"),
        "{unasked}"
    );
    assert!(handshakes(&named, "ok") > 0.0);
    assert_eq!(handshakes(&named, "no_client_certificate"), 0.0);
    assert_eq!(handshakes(&other, "ok"), 0.0);
    assert!(handshakes(&other, "no_client_certificate") > 0.0);
}

fn serve(folder: &Path, name: &str) -> Webhook {
    let own = folder.join(name);
    fs::create_dir_all(&own).unwrap();
    let (policy, directory) = (fixture("orchard.yaml"), fixture("directory.yaml"));
    let ca = folder.join("ca.crt").display().to_string();
    let arguments = [
        "--policy",
        &policy,
        "--directory",
        &directory,
        "--client-ca",
        &ca,
        "--client-name",
        "kube-apiserver",
    ];
    Webhook::start(program(), &own, &arguments).unwrap()
}

/// A binding of a VM role, in a dry run.
fn create(kubectl: &Kubectl, namespace: &str, user: &str) -> Transcript {
    let binding = role_binding(namespace, "asked", "spectro-vm-user").user(user);
    let file = format!("{namespace}-asked.json");
    fs::write(kubectl.folder.join(&file), binding.to_json().to_string()).unwrap();
    kubectl
        .run(&format!("create --dry-run=server -f {file}"))
        .unwrap()
}

fn handshakes(webhook: &Webhook, result: &str) -> f64 {
    let metrics = webhook.metrics().unwrap();
    let label = format!(r#"result="{result}""#);
    metrics.sum("palette_rbac_tls_handshakes_total", &[&label])
}

/// A CA, and the API server's certificate under the names of the shipped kubeconfig.
fn write_certificates(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    fs::write(folder.join("ca.crt"), ca.pem()).unwrap();
    fs::write(folder.join("client.crt"), certificate.pem()).unwrap();
    fs::write(folder.join("client.key"), key.serialize_pem()).unwrap();
}

/// The shipped files, for a webhook at an address in the place of the Service.
fn write_configuration(folder: &Path, address: &str) -> String {
    let mut kubeconfig = shipped("kubeconfig.yaml");
    assert_eq!(
        kubeconfig["users"][0]["name"],
        crate::harness::http::SERVICE
    );
    kubeconfig["users"][0]["name"] = json!(address);
    let mut configuration = shipped("admission-configuration.yaml");
    let file = &mut configuration["plugins"][0]["configuration"]["kubeConfigFile"];
    assert!(file.is_string());
    *file = json!(folder.join("kubeconfig.yaml"));
    fs::write(folder.join("kubeconfig.yaml"), kubeconfig.to_string()).unwrap();
    let path = folder.join("admission-configuration.yaml");
    fs::write(&path, configuration.to_string()).unwrap();
    path.display().to_string()
}

fn shipped(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/client-certificates");
    serde_saphyr::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}
