//! `beacondeck agent`: reports this host to routers; pairs it with them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Global, complain, say};
use crate::config;
use crate::engine::Manager;
use crate::engine::agent::{Agent, AgentError};
use crate::host::agent::{Identity, identity, paired};
use crate::model::{AgentAddress, AgentFile, AgentKey};
use crate::telemetry;

/// Arguments of `agent`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's file; else /etc/beacondeck-agent/agent.yaml
    #[arg(long, value_name = "F")]
    config: Option<PathBuf>,
    /// Check the file and end: every problem at once, exit 78 if there is one
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print this router's key, which its agents are to be paired with; made if there is none yet
    RouterKey,
    /// Let a router in, and print the line of this agent for its fleet file; without a key, only print
    Pair {
        /// What `beacondeck agent router-key` prints on the router
        #[arg(value_name = "KEY")]
        router: Option<AgentKey>,
        /// The address by which the router reaches this agent, if it is not the one it listens at
        #[arg(long, value_name = "IP")]
        address: Option<IpAddr>,
    },
    /// Let a router in no more; one that is connected is out at its next question
    Unpair {
        /// The router's key
        #[arg(value_name = "KEY")]
        router: AgentKey,
    },
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { config, check, what } = args;
    if matches!(what, Some(What::RouterKey)) {
        let state = global.load()?.fleet.state;
        say(&key(&state, identity::ROUTER)?.key().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = config::locate_agent(config.as_deref());
    let (file, warnings) = config::load_agent(&path)?;
    if !warnings.is_empty() {
        complain(&warnings);
    }
    match what {
        Some(What::Pair { router, address }) => pair(&file, router, address)?,
        Some(What::Unpair { router }) => unpair(&file, router)?,
        _ if check => say(&format!("{}: valid", path.display()))?,
        _ => serve(&file)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn key(state: &Path, name: &str) -> anyhow::Result<Identity> {
    Identity::open(state, name).map_err(|error| Failure::Unavailable(error.to_string()).into())
}

fn pair(file: &AgentFile, router: Option<AgentKey>, address: Option<IpAddr>) -> anyhow::Result<()> {
    let own = key(&file.state, identity::AGENT)?;
    let at = reached_at(file.listen, address)?;
    if let Some(router) = router {
        let known = "it was let in already";
        let new = paired::add(&file.state, router)
            .map_err(|error| Failure::Unavailable(format!("{router} cannot be let in: {error}")))?;
        complain(&format!("router {router}: {}", if new { "let in from now on" } else { known }));
    }
    complain("for `hosts` of the fleet file, as `- {name: THIS HOST, agent: …}`:");
    say(&AgentAddress { key: own.key(), at }.to_string())?;
    Ok(())
}

fn unpair(file: &AgentFile, router: AgentKey) -> anyhow::Result<()> {
    let was = paired::remove(&file.state, router)
        .map_err(|error| Failure::Unavailable(format!("{router} cannot be let out: {error}")))?;
    if !was {
        return Err(Failure::Unavailable(format!("{router} is not let in; nothing is changed")).into());
    }
    Ok(say(&format!("router {router}: let in no more"))?)
}

/// The address for the fleet file. An agent that listens at all of them is reached at the one by which this machine
/// reaches others.
fn reached_at(listen: SocketAddr, given: Option<IpAddr>) -> anyhow::Result<SocketAddr> {
    let ip = match given {
        Some(given) => given,
        None if listen.ip().is_unspecified() => outward().ok_or_else(|| {
            Failure::Usage("this machine has no address of its own to name; say `--address IP`".to_owned())
        })?,
        None => listen.ip(),
    };
    if listen.port() == 0 {
        return Err(
            Failure::Usage("`listen` of the agent's file has port 0; give it a port".to_owned()).into()
        );
    }
    Ok(SocketAddr::new(ip, listen.port()))
}

/// A connected datagram socket has its own address, and nothing is sent (192.0.2.1 is nobody's, RFC 5737).
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

/// Reports until SIGTERM or SIGINT.
fn serve(file: &AgentFile) -> anyhow::Result<()> {
    // Before there are threads: it changes the environment.
    let manager = Manager::of_process();
    let logs = telemetry::start(&file.logging)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
        let agent = Agent::start(file).await.map_err(unavailable)?;
        let (address, key, paired) = (agent.address, agent.key, agent.paired);
        tracing::info!(%address, %key, routers = paired, "reporting");
        if paired == 0 {
            tracing::warn!("no router is let in: `beacondeck agent pair KEY` does that");
        }
        manager.ready();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        manager.stopping();
        agent.stop().await;
        tracing::info!("stopped");
        anyhow::Ok(())
    });
    runtime.shutdown_background();
    drop(logs);
    ended
}

fn unavailable(error: AgentError) -> anyhow::Error {
    Failure::Unavailable(format!("{:#}", anyhow::Error::from(error))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_an_address_that_can_be_reached() {
        let at = |listen: &str, given: Option<&str>| {
            let given = given.map(|ip| ip.parse().unwrap());
            reached_at(listen.parse().unwrap(), given).map(|at| at.to_string())
        };
        assert_eq!(at("10.0.1.1:5064", None).unwrap(), "10.0.1.1:5064");
        assert_eq!(at("0.0.0.0:5064", Some("fd00::1")).unwrap(), "[fd00::1]:5064");
        assert!(at("10.0.1.1:0", None).is_err());
        if let Ok(at) = at("[::]:5064", None) {
            assert!(at.ends_with(":5064") && !at.starts_with("[::]") && !at.starts_with("0.0.0.0"), "{at}");
        }
    }
}
