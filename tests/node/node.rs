//! A cluster of two nodes: its control plane, and what runs on a node, all of it real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

use crate::images::{Images, SANDBOX_IMAGE, run};
use crate::kubectl::Kubectl;
use crate::machine::{CNI, Machine, make_cgroups};
use crate::process::{Process, wait_for};

pub(crate) struct Cluster {
    pub(crate) kubectl: Kubectl,
    pub(crate) nodes: Vec<Node>,
    _control_plane: Vec<Process>,
}

pub(crate) struct Node {
    pub(crate) name: String,
    _containerd: Process,
    pub(crate) kubelet: Process,
}

/// Where everything is written, and who signs.
struct Folder<'a> {
    path: PathBuf,
    machine: &'a Machine,
    ca: Issuer<'static, KeyPair>,
}

impl Cluster {
    /// Ready to schedule pods on all nodes. The folder has the images.
    pub(crate) fn start(folder: &Path, machine: &Machine, count: u8) -> Self {
        prepare_network(count);
        hide_kernel_settings(folder);
        let folder = Folder::new(folder, machine);
        for (name, organization, user) in [
            ("admin", "system:masters", "admin"),
            ("controllers", "", "system:kube-controller-manager"),
            ("scheduler", "", "system:kube-scheduler"),
            ("proxy", "", "system:kube-proxy"),
            (
                "kubelet-client",
                "system:masters",
                "kube-apiserver-kubelet-client",
            ),
        ] {
            folder.client(name, organization, user);
        }
        folder.serving("api-server", &[API_SERVER, "127.0.0.1", "10.0.0.1"]);
        let kubectl = Kubectl {
            program: machine.program("kubectl"),
            kubeconfig: folder.file("admin.kubeconfig"),
            folder: folder.path.clone(),
        };
        let mut control_plane = vec![folder.start_etcd(), folder.start_api_server()];
        wait_for("the API server", LONG, || {
            kubectl
                .run("get --raw /readyz")
                .ok()?
                .succeeded()
                .then_some(())
        })
        .unwrap();
        control_plane.push(folder.start_controllers());
        control_plane.push(folder.start(
            "kube-scheduler",
            &[
                format!("--kubeconfig={}", folder.text("scheduler.kubeconfig")),
                "--leader-elect=false".to_owned(),
            ],
        ));
        folder.write_pod_network();
        let nodes = (0..count).map(|number| folder.start_node(number)).collect();
        control_plane.push(folder.start_proxy());
        let cluster = Self {
            kubectl,
            nodes,
            _control_plane: control_plane,
        };
        cluster.wait("node --all --for=condition=Ready");
        cluster
    }

    /// Runs `kubectl wait` until it succeeds.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str) {
        let waited = wait_for(what, LONG, || {
            self.kubectl
                .run(&format!("wait --timeout=10s {what}"))
                .ok()?
                .succeeded()
                .then_some(())
        });
        assert!(waited.is_ok(), "waited for {what}:\n{}", self.state());
    }

    /// What a person would look at.
    pub(crate) fn state(&self) -> String {
        let of = |command: &str| {
            self.kubectl
                .run(command)
                .map_or_else(|error| error.to_string(), |it| it.output)
        };
        let kubelets = self.nodes.iter().map(|node| last(&node.kubelet.output()));
        [
            of("get nodes,pods,deployments -A -o wide"),
            of("-n palette-rbac describe pods"),
            of("-n palette-rbac logs -l app.kubernetes.io/name=palette-rbac --tail=20"),
            of("get events -A"),
        ]
        .into_iter()
        .chain(kubelets)
        .collect::<Vec<_>>()
        .join("\n")
    }
}

impl<'a> Folder<'a> {
    fn new(path: &Path, machine: &'a Machine) -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        parameters
            .distinguished_name
            .push(DnType::CommonName, "node-test");
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        fs::write(path.join("ca.crt"), certificate.pem()).unwrap();
        let accounts = KeyPair::generate().unwrap();
        fs::write(path.join("accounts.key"), accounts.serialize_pem()).unwrap();
        fs::write(path.join("accounts.pub"), accounts.public_key_pem()).unwrap();
        Self {
            path: path.to_owned(),
            machine,
            ca: Issuer::new(parameters, key),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    fn client(&self, name: &str, organization: &str, user: &str) {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, user);
        if !organization.is_empty() {
            parameters
                .distinguished_name
                .push(DnType::OrganizationName, organization);
        }
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(name, &parameters);
        let document = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "node",
            "clusters": [{ "name": "node", "cluster": {
                "server": format!("https://{API_SERVER}:6443"),
                "certificate-authority": self.file("ca.crt"),
            } }],
            "users": [{ "name": name, "user": {
                "client-certificate": self.file(&format!("{name}.crt")),
                "client-key": self.file(&format!("{name}.key")),
            } }],
            "contexts": [{ "name": "node", "context": { "cluster": "node", "user": name, "namespace": "default" } }],
        });
        self.json(&format!("{name}.kubeconfig"), &document);
    }

    fn serving(&self, name: &str, addresses: &[&str]) {
        let names: Vec<String> = addresses.iter().map(|it| (*it).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(name, &parameters);
    }

    fn sign(&self, name: &str, parameters: &CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.ca).unwrap();
        fs::write(self.file(&format!("{name}.crt")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn json(&self, name: &str, document: &Value) {
        fs::write(self.file(name), document.to_string()).unwrap();
    }

    fn start(&self, program: &str, arguments: &[String]) -> Process {
        let mut command = Command::new(self.machine.program(program));
        Process::start(
            command.args(arguments),
            &self.file(&format!("{program}.log")),
        )
        .unwrap()
    }

    fn start_etcd(&self) -> Process {
        self.start(
            "etcd",
            &[
                "--unsafe-no-fsync".to_owned(),
                format!("--data-dir={}", self.text("etcd")),
            ],
        )
    }

    fn start_api_server(&self) -> Process {
        self.start(
            "kube-apiserver",
            &[
                "--etcd-servers=http://127.0.0.1:2379".to_owned(),
                "--secure-port=6443".to_owned(),
                format!("--bind-address={API_SERVER}"),
                format!("--advertise-address={API_SERVER}"),
                format!("--tls-cert-file={}", self.text("api-server.crt")),
                format!("--tls-private-key-file={}", self.text("api-server.key")),
                format!("--client-ca-file={}", self.text("ca.crt")),
                format!("--service-account-key-file={}", self.text("accounts.pub")),
                format!(
                    "--service-account-signing-key-file={}",
                    self.text("accounts.key")
                ),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                "--authorization-mode=Node,RBAC".to_owned(),
                "--enable-admission-plugins=NodeRestriction".to_owned(),
                "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
                "--allow-privileged=true".to_owned(),
                "--kubelet-preferred-address-types=InternalIP".to_owned(),
                format!("--kubelet-certificate-authority={}", self.text("ca.crt")),
                format!(
                    "--kubelet-client-certificate={}",
                    self.text("kubelet-client.crt")
                ),
                format!("--kubelet-client-key={}", self.text("kubelet-client.key")),
                format!("--cert-dir={}", self.text("made")),
            ],
        )
    }

    fn start_controllers(&self) -> Process {
        self.start(
            "kube-controller-manager",
            &[
                format!("--kubeconfig={}", self.text("controllers.kubeconfig")),
                format!(
                    "--service-account-private-key-file={}",
                    self.text("accounts.key")
                ),
                format!("--root-ca-file={}", self.text("ca.crt")),
                "--leader-elect=false".to_owned(),
                "--use-service-account-credentials=true".to_owned(),
                "--controllers=*,-nodeipam".to_owned(),
                "--node-monitor-grace-period=10s".to_owned(),
            ],
        )
    }

    fn start_proxy(&self) -> Process {
        let document = json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
            "clientConnection": { "kubeconfig": self.file("proxy.kubeconfig") },
            "clusterCIDR": PODS, "hostnameOverride": "node0", "nodePortAddresses": ["127.0.0.1/32"],
            // These are settings of the machine.
            "conntrack": { "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s" },
        });
        self.json("proxy.yaml", &document);
        self.start(
            "kube-proxy",
            &[format!("--config={}", self.text("proxy.yaml"))],
        )
    }

    /// One bridge for the pods of all nodes.
    fn write_pod_network(&self) {
        fs::create_dir(self.file("cni")).unwrap();
        let document = json!({
            "cniVersion": "1.0.0", "name": "pods", "plugins": [{
                "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
                "ipam": {
                    "type": "host-local", "ranges": [[{ "subnet": PODS }]], "routes": [{ "dst": "0.0.0.0/0" }],
                    "dataDir": self.file("addresses"),
                },
            }],
        });
        self.json("cni/10-bridge.conflist", &document);
    }

    fn start_node(&self, number: u8) -> Node {
        let name = format!("node{number}");
        let address = format!("10.99.0.{}", number + 1);
        let containerd = self.start_containerd(&name);
        self.client(&name, "system:nodes", &format!("system:node:{name}"));
        self.serving(&format!("{name}-serving"), &[&address]);
        let document = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "address": address, "port": 10250, "readOnlyPort": 0, "healthzPort": 10248 + 10 * u32::from(number),
            "failCgroupV1": false, "cgroupDriver": "cgroupfs", "cgroupRoot": make_cgroups(&name),
            "authentication": {
                "anonymous": { "enabled": false }, "webhook": { "enabled": true },
                "x509": { "clientCAFile": self.file("ca.crt") },
            },
            "authorization": { "mode": "Webhook" },
            "tlsCertFile": self.file(&format!("{name}-serving.crt")),
            "tlsPrivateKeyFile": self.file(&format!("{name}-serving.key")),
            "clusterDNS": ["10.0.0.10"], "clusterDomain": "cluster.local", "resolvConf": "",
            "containerRuntimeEndpoint": format!("unix://{}", self.text(&format!("{name}/socket"))),
            // The machine's disk and memory are not this node's to judge.
            "evictionHard": { "memory.available": "50Mi" }, "imageGCHighThresholdPercent": 100,
            "failSwapOn": false, "oomScoreAdj": 0, "maxPods": 30,
            // A node that goes is missed sooner than by default.
            "nodeStatusUpdateFrequency": "2s", "nodeLeaseDurationSeconds": 4, "syncFrequency": "5s",
            "podLogsDir": self.file(&format!("{name}/logs")),
        });
        self.json(&format!("{name}.yaml"), &document);
        let mut command = Command::new(self.machine.program("kubelet"));
        command.args([
            format!("--config={}", self.text(&format!("{name}.yaml"))),
            format!("--kubeconfig={}", self.text(&format!("{name}.kubeconfig"))),
            format!("--hostname-override={name}"),
            format!("--node-ip={address}"),
            format!("--root-dir={}", self.text(&format!("{name}/kubelet"))),
            format!("--cert-dir={}", self.text(&format!("{name}/pki"))),
        ]);
        let kubelet =
            Process::start(&mut command, &self.file(&format!("{name}-kubelet.log"))).unwrap();
        Node {
            name,
            _containerd: containerd,
            kubelet,
        }
    }

    fn start_containerd(&self, name: &str) -> Process {
        let folder = self.file(name);
        fs::create_dir_all(&folder).unwrap();
        let (at, networks) = (folder.display(), self.text("cni"));
        let configuration = format!(
            "version = 2\n\
             root = \"{at}/root\"\n\
             state = \"{at}/state\"\n\
             [grpc]\n  address = \"{at}/socket\"\n\
             [ttrpc]\n  address = \"{at}/socket.ttrpc\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\n  \
               restrict_oom_score_adj = true\n  \
               sandbox_image = \"{SANDBOX_IMAGE}\"\n  \
               [plugins.\"io.containerd.grpc.v1.cri\".cni]\n    \
                 bin_dir = \"{CNI}\"\n    \
                 conf_dir = \"{networks}\"\n"
        );
        let file = folder.join("containerd.toml");
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new("containerd");
        let process =
            Process::start(command.arg("-c").arg(file), &folder.join("containerd.log")).unwrap();
        let socket = folder.join("socket");
        wait_for("containerd", LONG, || {
            let mut asked = Command::new("ctr");
            asked.arg("--address").arg(&socket).arg("version");
            asked.output().ok()?.status.success().then_some(())
        })
        .unwrap_or_else(|late| panic!("{late}: {}", last(&process.output())));
        Images::import(&self.path, &socket);
        process
    }
}

fn prepare_network(nodes: u8) {
    let ip = |arguments: &str| run(Command::new("ip").args(arguments.split(' ')));
    run(Command::new("mount").args(["-t", "tmpfs", "none", "/run"]));
    fs::create_dir_all("/run/netns").unwrap();
    ip("link set lo up");
    // kubelet and kube-proxy want a device that is up; a veth pair is one on every machine.
    ip("link add node0 type veth peer name node1");
    ip("link set node0 up");
    ip("link set node1 up");
    for number in 1..=nodes {
        ip(&format!("addr add 10.99.0.{number}/24 dev node0"));
    }
    ip("route add default dev node0");
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    // Without it a pod does not reach a pod of its own bridge by a Service. Some kernels have no such setting.
    let _ = fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1");
}

/// What the kubelet would write into the machine's kernel is shown to it as if it were there already.
fn hide_kernel_settings(folder: &Path) {
    for (setting, value) in [
        ("vm/overcommit_memory", "1"),
        ("vm/panic_on_oom", "0"),
        ("kernel/panic", "10"),
        ("kernel/panic_on_oops", "1"),
    ] {
        let shown = folder.join(setting.replace('/', "-"));
        fs::write(&shown, format!("{value}\n")).unwrap();
        run(Command::new("mount")
            .arg("--bind")
            .arg(&shown)
            .arg(format!("/proc/sys/{setting}")));
    }
}

fn last(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

const API_SERVER: &str = "10.99.0.1";
const PODS: &str = "10.88.0.0/16";
pub(crate) const LONG: Duration = Duration::from_mins(3);
