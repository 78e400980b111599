//! A door with beacons behind it, ready to be knocked at.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::common::Rig;
use crate::stub::{KNOWN_READ, Script, Stub, json};
use crate::wire::{READ, ask, get, read, until};

/// The engine, and the beacons it stands before.
pub struct House {
    pub rig: Rig,
    pub stubs: Vec<Stub>,
    pub door: SocketAddr,
}

impl House {
    /// One beacon; `extra` is appended to the fleet file.
    pub async fn of(script: Script, extra: &str) -> Self {
        Self::with(vec![Stub::start(script).await], extra).await
    }

    /// Beacons `b0`, `b1`, …: the first is nearer than the others, so that reads try it first.
    pub async fn with(stubs: Vec<Stub>, extra: &str) -> Self {
        let urls: Vec<String> = stubs.iter().map(Stub::url).collect();
        let rig = Rig::with(&(beacons(&urls) + extra)).await;
        Self::ready(rig, stubs, urls.len()).await
    }

    /// Waits until so many beacons are healthy.
    pub async fn ready(rig: Rig, stubs: Vec<Stub>, healthy: usize) -> Self {
        let door = rig.engine.doors[0];
        // The status is a second old at times; the table by which requests are routed is not.
        until("a healthy beacon", async || read(door, "/eth/v1/node/health").await.status == 200).await;
        until("the others", async || healthy == 1 || usable(&rig).await >= healthy).await;
        Self { rig, stubs, door }
    }

    /// Whoever knocks now is served.
    pub async fn is_well(&self) {
        let answer = ask(self.door, &get(READ)).await;
        let answer = answer.unwrap_or_else(|| panic!("the door is shut"));
        assert_eq!((answer.status, answer.whole), (200, true), "{answer:?}");
    }

    /// A metric of this name and these labels.
    pub async fn metric(&self, line: &str) -> u64 {
        let answer = read(self.rig.engine.metrics.unwrap(), "/metrics").await;
        let text = answer.text();
        let found = text.lines().find_map(|each| each.strip_prefix(line)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {line} in\n{text}")).parse().unwrap()
    }
}

/// How many beacons a read was given to or would have been.
async fn usable(rig: &Rig) -> usize {
    read(rig.engine.doors[0], KNOWN_READ).await;
    let told = rig.explain(5).await;
    let Some(each) = told.iter().find(|each| each.endpoint == "getStateRoot") else { return 0 };
    each.attempts.len() + each.skipped.iter().filter(|skipped| skipped.reason == "not needed").count()
}

/// The `beacons` of a fleet file; the first is in the router's zone.
pub fn beacons(urls: &[String]) -> String {
    let mut text = "zone: here\nbeacons:\n".to_owned();
    for (place, url) in urls.iter().enumerate() {
        let zone = if place == 0 { "here" } else { "there" };
        writeln!(text, "  - {{name: b{place}, url: \"{url}\", labels: {{host: h{place}, zone: {zone}}}}}")
            .unwrap();
    }
    text
}

/// A script that differs for targets that begin so; all others get a good answer.
pub fn only(target: &'static str, script: Script) -> Script {
    std::sync::Arc::new(move |seen| {
        if seen.target.starts_with(target) { script(seen) } else { vec![json(r#"{"data":"ok"}"#)] }
    })
}
