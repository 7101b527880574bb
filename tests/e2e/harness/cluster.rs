//! etcd and kube-apiserver on loopback, with throw-away certificates.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::assets::Assets;
use super::kubectl::Kubectl;
use super::process::{Process, scratch, wait_for};

/// A running control plane; dropping it ends it.
pub(crate) struct Cluster {
    pub(crate) kubectl: Kubectl,
    assets: Assets,
    folder: PathBuf,
    ports: Ports,
    arguments: Vec<String>,
    api_server: Option<Process>,
    _etcd: Process,
}

/// Someone who can authenticate: `kubectl --user NAME`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) groups: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    etcd: u16,
    peer: u16,
    api_server: u16,
}

impl Cluster {
    /// Starts a control plane and waits until it is ready. The first user is kubectl's default.
    pub(crate) fn start(name: &str, assets: &Assets, users: &[User]) -> Result<Self> {
        Self::start_with(name, assets, users, &[])
    }

    /// The same with more arguments for the API server.
    pub(crate) fn start_with(
        name: &str,
        assets: &Assets,
        users: &[User],
        arguments: &[String],
    ) -> Result<Self> {
        let folder = scratch(name)?;
        write_credentials(&folder, users)?;
        // A port that was free a moment ago may be taken by now: then both are started again, on others.
        let mut failure = None;
        for _ in 0..ATTEMPTS {
            match Self::start_on(Ports::free()?, &folder, assets, (users, arguments)) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => bail!("the control plane did not start"),
        }
    }

    fn start_on(
        ports: Ports,
        folder: &Path,
        assets: &Assets,
        (users, arguments): (&[User], &[String]),
    ) -> Result<Self> {
        let etcd = start_etcd(ports, folder, assets)?;
        let kubectl = Kubectl {
            program: assets.kubectl.clone(),
            kubeconfig: write_kubeconfig(ports, folder, users)?,
            folder: folder.to_owned(),
        };
        let mut cluster = Self {
            kubectl,
            assets: assets.clone(),
            folder: folder.to_owned(),
            ports,
            arguments: arguments.to_owned(),
            api_server: None,
            _etcd: etcd,
        };
        cluster.start_api_server()?;
        Ok(cluster)
    }

    /// Starts `program`, a kube-controller-manager with these controllers only. [`CONTROLLER_MANAGER`] is a user.
    pub(crate) fn start_controller_manager(
        &self,
        program: &Path,
        controllers: &[&str],
    ) -> Result<Process> {
        let name = CONTROLLER_MANAGER.name;
        let token = fs::read_to_string(self.folder.join(format!("{name}.token")))?;
        let kubeconfig = self.kubeconfig_of(name, &token)?;
        let mut command = Command::new(program);
        command
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg(format!("--controllers={}", controllers.join(",")))
            // Each controller asks as its own ServiceAccount, as where kubeadm or Cluster API made the cluster.
            .arg("--use-service-account-credentials")
            .args(["--leader-elect=false", "--secure-port=0"]);
        Process::start(
            &mut command,
            &self.folder.join("kube-controller-manager.log"),
        )
    }

    /// Ends the API server and starts it again on the same data and port.
    pub(crate) fn restart_api_server(&mut self) -> Result<()> {
        self.stop_api_server();
        self.start_api_server()
    }

    /// Ends the API server without a word, as when its node goes.
    pub(crate) fn stop_api_server(&mut self) {
        self.api_server = None;
    }

    /// A kubeconfig for whoever has a token.
    pub(crate) fn kubeconfig_of(&self, name: &str, token: &str) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.kubeconfig"));
        let users = json!([{"name": name, "user": {"token": token}}]);
        let document = kubeconfig(self.ports, &self.folder, name, &users);
        fs::write(&path, document.to_string())?;
        Ok(path)
    }

    /// Starts the API server where it was stopped, and waits until it is ready.
    pub(crate) fn start_api_server(&mut self) -> Result<()> {
        let mut process = self.spawn_api_server()?;
        let kubectl = &self.kubectl;
        let ready = wait_for(
            "the API server to be ready",
            READY_WITHIN,
            || match process.exited() {
                Some(status) => Some(Err(status)),
                None => kubectl
                    .run("get --raw /readyz")
                    .ok()?
                    .succeeded()
                    .then_some(Ok(())),
            },
        );
        match ready {
            Ok(Ok(())) => {
                self.api_server = Some(process);
                Ok(())
            }
            Ok(Err(status)) => bail!(
                "kube-apiserver ended ({status}): {}",
                last_lines(&process.output())
            ),
            Err(late) => bail!("{late}: {}", last_lines(&process.output())),
        }
    }

    fn spawn_api_server(&self) -> Result<Process> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let mut command = Command::new(&self.assets.kube_apiserver);
        command.args([
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.api_server),
            format!("--etcd-servers=http://127.0.0.1:{}", self.ports.etcd),
            "--authorization-mode=RBAC".to_owned(),
            // It waits for a ServiceAccount that only kube-controller-manager would make.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("service-account.pub")),
            format!(
                "--service-account-signing-key-file={}",
                file("service-account.key")
            ),
            format!("--token-auth-file={}", file("tokens.csv")),
            format!("--tls-cert-file={}", file("api-server.crt")),
            format!("--tls-private-key-file={}", file("api-server.key")),
            format!("--cert-dir={}", file("made")),
        ]);
        command.args(&self.arguments);
        Process::start(&mut command, &self.folder.join("kube-apiserver.log"))
    }
}

impl Ports {
    fn free() -> Result<Self> {
        // All three are held until all are known, so that they differ.
        let listeners = [bind()?, bind()?, bind()?];
        let [etcd, peer, api_server] = listeners.each_ref().map(TcpListener::local_addr);
        Ok(Self {
            etcd: etcd?.port(),
            peer: peer?.port(),
            api_server: api_server?.port(),
        })
    }
}

fn bind() -> std::io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0")
}

fn start_etcd(ports: Ports, folder: &Path, assets: &Assets) -> Result<Process> {
    let (client, peer) = (loopback(ports.etcd), loopback(ports.peer));
    let data = folder.join("etcd");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let mut command = Command::new(&assets.etcd);
    command.arg("--data-dir").arg(data).args([
        "--unsafe-no-fsync".to_owned(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
    ]);
    Process::start(&mut command, &folder.join("etcd.log"))
}

fn loopback(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The certificate of the API server, the key of `ServiceAccount` tokens, and a token for each user.
fn write_credentials(folder: &Path, users: &[User]) -> Result<()> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
    fs::write(folder.join("api-server.crt"), certificate.pem())?;
    fs::write(folder.join("api-server.key"), key.serialize_pem())?;
    let service_accounts = KeyPair::generate()?;
    fs::write(
        folder.join("service-account.key"),
        service_accounts.serialize_pem(),
    )?;
    fs::write(
        folder.join("service-account.pub"),
        service_accounts.public_key_pem(),
    )?;
    let mut tokens = String::new();
    for user in users {
        let (name, groups) = (user.name, user.groups.join(","));
        let token = token()?;
        writeln!(tokens, "{token},{name},{name},\"{groups}\"")?;
        fs::write(folder.join(format!("{name}.token")), token)?;
    }
    fs::write(folder.join("tokens.csv"), tokens)?;
    Ok(())
}

/// Other users of the machine reach loopback too: a token nobody can guess.
fn token() -> Result<String> {
    let mut random = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

fn write_kubeconfig(ports: Ports, folder: &Path, users: &[User]) -> Result<PathBuf> {
    let mut entries = Vec::new();
    for user in users {
        let token = fs::read_to_string(folder.join(format!("{}.token", user.name)))?;
        entries.push(json!({"name": user.name, "user": {"token": token}}));
    }
    let first = users.first().map_or("", |user| user.name);
    let document = kubeconfig(ports, folder, first, &entries.into());
    let path = folder.join("kubeconfig");
    fs::write(&path, document.to_string())?;
    Ok(path)
}

fn kubeconfig(ports: Ports, folder: &Path, user: &str, users: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "orchard",
        "clusters": [{"name": "orchard", "cluster": {
            "server": format!("https://127.0.0.1:{}", ports.api_server),
            "certificate-authority": folder.join("api-server.crt"),
        }}],
        "contexts": [{"name": "orchard", "context": {
            "cluster": "orchard",
            "user": user,
            "namespace": "default",
        }}],
        "users": users,
    })
}

fn last_lines(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// Who kube-controller-manager is; Kubernetes binds its role to this name.
pub(crate) const CONTROLLER_MANAGER: User = User {
    name: "system:kube-controller-manager",
    groups: &[],
};

const ATTEMPTS: usize = 4;

/// 3 to 5 s on two idle cores; the API server gives up by itself after 30 s.
const READY_WITHIN: Duration = Duration::from_secs(90);
