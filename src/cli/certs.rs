//! `certs`: certificates to try the webhook out with.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::sources::DevelopmentCertificates;

use super::Failure;

/// Make a CA and a serving certificate for development
///
/// Writes `ca.crt`, `ca.key`, `tls.crt` and `tls.key` to a folder.
/// Whoever has `ca.key` can speak for every name that the CA is trusted for: use cert-manager, or a CA of your own,
/// where it matters.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CertsArgs {
    /// The folder; made if it is not there
    #[arg(long, value_name = "DIR", env = "PALETTE_RBAC_CERTS_OUT")]
    out: PathBuf,

    /// A name or an address that the certificate is for; may be given several times
    #[arg(
        long = "server-name",
        value_name = "NAME",
        env = "PALETTE_RBAC_CERTS_SERVER_NAME",
        value_delimiter = ',',
        default_values_t = NAMES.map(String::from),
    )]
    server_names: Vec<String>,

    /// How many days both are good for
    #[arg(long, value_name = "N", env = "PALETTE_RBAC_CERTS_DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,

    /// Write over what is there
    #[arg(long, env = "PALETTE_RBAC_CERTS_FORCE")]
    force: bool,
}

impl CertsArgs {
    /// Writes the files and says what to do next.
    pub fn run(&self) -> Result<(), Failure> {
        let made = DevelopmentCertificates::make(&self.server_names, self.days, Timestamp::now())
            .map_err(|error| Failure::BadInput(vec![format!("--server-name: {error}")]))?;
        let files = [
            ("ca.crt", &made.authority.certificate, PUBLIC),
            ("ca.key", &made.authority.key, SECRET),
            ("tls.crt", &made.leaf.certificate, PUBLIC),
            ("tls.key", &made.leaf.key, SECRET),
        ];
        self.refuse_to_overwrite(files.map(|(name, ..)| name))?;
        fs::create_dir_all(&self.out).map_err(|error| could_not_write(&self.out, &error))?;
        for (name, text, mode) in files {
            let path = self.out.join(name);
            write(&path, text, mode).map_err(|error| could_not_write(&path, &error))?;
        }
        // The files are there whether or not anybody reads this.
        let _ = io::stdout().write_all(self.next_steps().as_bytes());
        Ok(())
    }

    fn refuse_to_overwrite(&self, names: [&str; 4]) -> Result<(), Failure> {
        let mut paths = names.iter().map(|name| self.out.join(name));
        match paths.find(|path| path.exists()) {
            Some(path) if !self.force => Err(Failure::BadInput(vec![format!(
                "`{}` is already there; `--force` writes over it, and what trusts its CA must be told of the new one",
                path.display()
            )])),
            _ => Ok(()),
        }
    }

    fn next_steps(&self) -> String {
        let out = self.out.display();
        format!(
            "Wrote to {out}:\n  \
             ca.crt   the CA, for caBundle in the webhook's registration (base64 -w0 {out}/ca.crt)\n  \
             ca.key   its key; keep it to yourself\n  \
             tls.crt  the serving certificate, for {}\n  \
             tls.key  its key\n\
             Next:\n  \
             palette-rbac serve --tls-cert {out}/tls.crt --tls-key {out}/tls.key --directory directory.yaml\n",
            self.server_names.join(", ")
        )
    }
}

/// Writes beside the file and renames, so that a server that reads it never sees half of it.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn could_not_write(path: &Path, error: &io::Error) -> Failure {
    Failure::CouldNotRun(format!(
        "cannot write `{}` (--out): {error}",
        path.display()
    ))
}

/// The Service of the manifests, and what a webhook on this machine is called by.
const NAMES: [&str; 4] = [
    "palette-rbac.palette-rbac.svc",
    "palette-rbac.palette-rbac.svc.cluster.local",
    "localhost",
    "127.0.0.1",
];
/// Whoever checks the certificate has to read it; the key is for its owner alone.
const PUBLIC: u32 = 0o644;
const SECRET: u32 = 0o600;
const EXAMPLES: &str = "\
Examples:
  palette-rbac certs --out certs/dev
  palette-rbac certs --out certs/dev --server-name webhook.orchard.test --server-name 192.0.2.7 --force";
