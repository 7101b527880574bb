//! `registration`: what the API server is told of the webhook, from within the cluster.

use std::io::Write;
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::runtime::Builder;

use super::facts::LiveArgs;
use super::output::Output;
use super::{Exit, Failure};
use crate::sources::cluster::connect;
use crate::sources::cluster::registration::{ask, remove};

/// Check or remove what the API server is told of the webhook
///
/// For `helm test`, and before an uninstallation. Needs an API server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RegistrationCommand {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Ask each webhook of it as the API server would: by its Service, its path and its CAs
    ///
    /// From within the cluster. Takes the permission to get the registration and its Service.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(RegistrationArgs),
    /// Delete it, and wait until the API servers have heard of that
    ///
    /// From then on nothing is judged. One that is not there is no mistake.
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove(RegistrationArgs),
}

#[derive(Debug, Args)]
struct RegistrationArgs {
    /// The name of the webhook configuration
    #[arg(default_value = "palette-rbac", env = "PALETTE_RBAC_REGISTRATION")]
    name: String,
    #[command(flatten)]
    cluster: LiveArgs,
}

impl RegistrationCommand {
    /// Does it, and says what came of it.
    pub fn run(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        match &self.command {
            Subcommands::Check(arguments) => arguments.check(output),
            Subcommands::Remove(arguments) => arguments.remove(output),
        }
    }
}

impl RegistrationArgs {
    fn check(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let asked = self.at_the_api_server(async |client| ask(&client, &self.name).await)?;
        let mut exit = Exit::Success;
        for it in asked {
            match it.answer {
                Ok(took) => writeln!(
                    output.out,
                    "{}: answered in {} ms",
                    it.webhook,
                    took.as_millis()
                )?,
                Err(problem) => {
                    exit = Exit::Denied;
                    writeln!(output.out, "{}: {problem}", it.webhook)?;
                }
            }
        }
        Ok(exit)
    }

    fn remove(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let name = &self.name;
        if self.at_the_api_server(async |client| remove(&client, name).await)? {
            thread::sleep(HEARD);
            writeln!(
                output.out,
                "validatingwebhookconfiguration `{name}` is deleted: nothing is judged any more"
            )?;
        } else {
            writeln!(
                output.out,
                "there is no validatingwebhookconfiguration `{name}`"
            )?;
        }
        Ok(Exit::Success)
    }

    fn at_the_api_server<T>(
        &self,
        act: impl AsyncFnOnce(kube::Client) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::CouldNotRun(format!("cannot start: {error}")))?;
        runtime.block_on(async {
            let client = connect(&self.cluster.from()).await?.ok_or_else(|| {
                Failure::usage("there is no cluster to ask: no ServiceAccount and no kubeconfig; --kubeconfig names one")
            })?;
            act(client).await.map_err(Failure::CouldNotRun)
        })
    }
}

/// API servers watch registrations: they hear of a deletion within a second.
const HEARD: Duration = Duration::from_secs(2);
const EXAMPLES: &str = "\
Examples:
  palette-rbac registration check
  palette-rbac registration remove";
const CHECK_EXAMPLES: &str = "\
Examples:
  palette-rbac registration check
  palette-rbac registration check palette-rbac --kubeconfig kubeconfig";
const REMOVE_EXAMPLES: &str = "\
Examples:
  palette-rbac registration remove
  palette-rbac registration remove palette-rbac --context orchard";
