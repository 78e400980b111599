//! How `audit` and `snapshot` look at a machine: which one, for how long, and what is had beside what its kernel says.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use super::{Failure, ask, complain, slots};
use crate::chain::SlotClock;
use crate::host::durable::{AT_ONCE, Durable, Order, SIGNING, measure};
use crate::host::pauses::{self, Scraper};
use crate::host::{self, Beside, Live, Record};
use crate::model::Fleet;

/// Most seconds a look takes.
const LONGEST: u64 = 3600;
/// Longest snapshot that is read, in bytes.
const SNAPSHOT: u64 = 256 << 20;

/// Arguments of commands that look at a machine.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// The machine whose `/` is this directory; for `audit` also a file written by `beacondeck snapshot`
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Seconds between the two looks at counters
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=LONGEST))]
    seconds: u64,
    /// Measure how long durable writes take in the directory of the signing records: 64 writes of 4 KiB to a file of its own
    #[arg(long, value_name = "DIR", conflicts_with = "root")]
    probe_dir: Option<PathBuf>,
    /// How many validators' signatures are recorded there; else `host.validators` of the fleet file
    #[arg(long, value_name = "N", requires = "probe_dir", value_parser = clap::value_parser!(u32).range(1..))]
    validators: Option<u32>,
    /// Where a client of this machine tells its metrics, for the pauses of its runtime; may be given several times
    #[arg(long, value_name = "URL", conflicts_with = "root")]
    metrics: Vec<String>,
}

impl Args {
    /// What is read of the machine or snapshot. A directory whose clock stands still is seen once.
    ///
    /// # Errors
    /// It is not there or no snapshot; a URL is none.
    pub fn record(&self, fleet: Option<&Fleet>) -> anyhow::Result<Record> {
        let Self { root, seconds, probe_dir, validators, metrics } = self;
        let unavailable = |problem: String| Failure::Unavailable(format!("{}: {problem}", root.display()));
        let about = std::fs::metadata(root).map_err(|error| unavailable(error.to_string()))?;
        if about.is_file() {
            if about.len() > SNAPSHOT {
                return Err(unavailable("too large for a snapshot".to_owned()).into());
            }
            let text =
                std::fs::read_to_string(root).with_context(|| format!("reading {}", root.display()))?;
            return Ok(Record::parse(&text).map_err(|error| unavailable(error.to_string()))?);
        }
        let live = Live::new(root);
        let beside = Beside::new(&live);
        if let Some(dir) = probe_dir {
            let of_fleet = fleet.and_then(|fleet| fleet.host.validators);
            beside.put(
                Durable::ask(),
                probed(dir, validators.or(of_fleet), fleet.and_then(slots::clock).as_ref()),
            );
        }
        let clients = Clients::new(metrics)?;
        clients.look(&beside);
        Ok(host::collect(&beside, || {
            if live.moves() {
                thread::sleep(Duration::from_secs(*seconds));
            }
            clients.look(&beside);
        }))
    }
}

/// A probe, when votes are signed if it is known when that is.
fn probed(dir: &Path, validators: Option<u32>, slots: Option<&SlotClock>) -> host::Reading {
    let plan = if slots.is_some() { SIGNING } else { AT_ONCE };
    if slots.is_some() {
        complain("the probe writes when votes are signed: it takes some slots");
    }
    measure(Order { dir, plan, slots, validators }, &ask::now, &|| None)
}

/// Clients whose metrics are looked at.
struct Clients {
    urls: Vec<(String, reqwest::Url)>,
    runtime: tokio::runtime::Runtime,
    scraper: Option<Scraper>,
}

impl Clients {
    fn new(metrics: &[String]) -> anyhow::Result<Self> {
        let urls = metrics.iter().map(|text| named(text).ok_or_else(|| not_a_url(text)));
        let urls = urls.collect::<Result<Vec<_>, _>>()?;
        let scraper = if urls.is_empty() { None } else { Some(Scraper::new()?) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { urls, runtime, scraper })
    }

    /// Puts beside a machine what they tell now.
    fn look(&self, beside: &Beside<'_>) {
        let Some(scraper) = &self.scraper else { return };
        let names: Vec<&str> = self.urls.iter().map(|(name, _)| name.as_str()).collect();
        beside.put(pauses::whose(), Ok(names.join("\n")));
        for (name, url) in &self.urls {
            beside.put(pauses::of(name), self.runtime.block_on(scraper.read(url.as_str())));
        }
    }
}

/// A URL, and what it is called: its host and port.
fn named(text: &str) -> Option<(String, reqwest::Url)> {
    let url = reqwest::Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()))?;
    let plain = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| plain)?;
    let name = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Some((name, url))
}

fn not_a_url(text: &str) -> Failure {
    let text = if text.contains('@') { "--metrics" } else { text };
    Failure::Usage(format!(
        "{text}: write for instance `http://127.0.0.1:5054/metrics`, without user information"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_called_by_host_and_port_and_a_password_is_not_shown() {
        let name = |text: &str| named(text).map(|(name, _)| name);
        assert_eq!(name("http://127.0.0.1:5054/metrics").as_deref(), Some("127.0.0.1:5054"));
        assert_eq!(name("https://teku.example/metrics").as_deref(), Some("teku.example"));
        for wrong in ["127.0.0.1:5054", "ftp://a/b", "http://bob:hunter2@a/metrics", "http://"] {
            assert_eq!(name(wrong), None);
            assert!(!not_a_url(wrong).to_string().contains("hunter2"));
        }
    }
}
