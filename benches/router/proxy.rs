//! What is measured: nothing in between, HAProxy, beacondeck. Each starts from a file written here.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::http::Connection;
use crate::process;

/// Where Debian puts it; elsewhere it is looked for in the path.
const HAPROXY: &str = "/usr/sbin/haproxy";
/// How long a target may take until it answers.
const READY: Duration = Duration::from_secs(30);

/// What stands between load and origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Nothing: the first origin itself.
    Direct,
    /// HAProxy with one thread.
    Haproxy,
    /// `beacondeck serve`.
    Beacondeck,
}

impl Kind {
    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Direct => "direct",
            Kind::Haproxy => "haproxy",
            Kind::Beacondeck => "beacondeck",
        }
    }
}

/// A running target; it ends with this value.
#[derive(Debug)]
pub struct Target {
    pub kind: Kind,
    pub address: SocketAddr,
    process: Option<(u32, Child)>,
    log: PathBuf,
}

impl Target {
    /// Starts a target before the origins; its files are in `dir`.
    pub async fn start(
        kind: Kind,
        dir: &Path,
        origins: &[SocketAddr],
        broadcast: u8,
    ) -> anyhow::Result<Self> {
        let log = dir.join(format!("{}.log", kind.name()));
        let mut command = match kind {
            Kind::Direct => {
                let address = *origins.first().context("no origin to ask directly")?;
                return Ok(Self { kind, address, process: None, log });
            }
            Kind::Haproxy => Command::new(haproxy()),
            Kind::Beacondeck => Command::new(env!("CARGO_BIN_EXE_beacondeck")),
        };
        let address = free_address().await?;
        let (name, text) = match kind {
            Kind::Haproxy => ("haproxy.cfg", haproxy_config(address, origins)),
            _ => ("fleet.yaml", fleet(address, origins, dir, broadcast)),
        };
        let file = dir.join(name);
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        match kind {
            // In the foreground and without a master, so that the child is the process that works.
            Kind::Haproxy => command.arg("-db").arg("-f").arg(&file),
            _ => command.arg("serve").arg("--fleet").arg(&file),
        };
        let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", kind.name()))?;
        let pid = child.id().with_context(|| format!("{} ended at once", kind.name()))?;
        Ok(Self { kind, address, process: Some((pid, child)), log })
    }

    /// Waits until the request is answered with 200.
    pub async fn wait_until_ready(&mut self, request: &[u8]) -> anyhow::Result<()> {
        let end = Instant::now() + READY;
        let address = self.address;
        let ask = || async { Connection::open(address).await?.exchange(request).await };
        loop {
            let answer = timeout(Duration::from_secs(1), ask()).await;
            if matches!(answer, Ok(Ok(200))) {
                return Ok(());
            }
            let ended = self.process.as_mut().and_then(|(_, child)| child.try_wait().ok().flatten());
            let said = || std::fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(status) = ended {
                bail!("{} ended with {status}; it said:\n{}", self.kind.name(), said());
            }
            if Instant::now() >= end {
                let said = said();
                bail!("{} did not answer within {READY:?} ({answer:?}); it said:\n{said}", self.kind.name());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Nanoseconds of processor time it has used; none for a target without a process of its own.
    pub fn cpu_ns(&self) -> Option<u64> {
        process::cpu_ns(self.process.as_ref()?.0)
    }

    /// Resident kibibytes.
    pub fn resident(&self) -> anyhow::Result<u64> {
        let (pid, _) = self.process.as_ref().context("a direct target has no process")?;
        process::resident(*pid)
    }
}

fn haproxy() -> &'static str {
    if Path::new(HAPROXY).exists() { HAPROXY } else { "haproxy" }
}

/// Whether HAProxy can be run.
pub fn haproxy_is_there() -> bool {
    let mut command = std::process::Command::new(haproxy());
    command.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A port that was free a moment ago: neither program can be asked to choose one and tell.
async fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok(listener.local_addr()?)
}

/// As an operator would set it up: health checks, connections kept on both sides and shared.
fn haproxy_config(address: SocketAddr, origins: &[SocketAddr]) -> String {
    let mut text = format!(
        "global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
    option http-keep-alive
    option redispatch
    retries 2
frontend door
    bind {address}
    default_backend beacons
backend beacons
    balance roundrobin
    http-reuse always
    option httpchk GET /eth/v1/node/health
    default-server check inter 1s
"
    );
    for (number, origin) in origins.iter().enumerate() {
        let _ = writeln!(text, "    server b{} {origin}", number + 1);
    }
    text
}

fn fleet(address: SocketAddr, origins: &[SocketAddr], dir: &Path, broadcast: u8) -> String {
    let mut text = format!("fleet: bench\nlisten: {address}\nbeacons:\n");
    for (number, origin) in origins.iter().enumerate() {
        let number = number + 1;
        let _ =
            writeln!(text, "  - name: b{number}\n    url: http://{origin}\n    labels: {{host: h{number}}}");
    }
    let _ = writeln!(text, "control: {}\nstate: {}", dir.join("run").display(), dir.join("state").display());
    let _ = writeln!(text, "routing:\n  broadcast:\n    messages: {broadcast}\nlog:\n  filter: warn");
    // All of the load comes from one address: what one client may ask is not what is measured.
    text.push_str("\nlimits:\n  requests-per-second-per-client: 1000000\n");
    text
}
