//! Owns the fleet file of the router under test: what it says, and saying it anew for a reload.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::network::{BEACONS as CLIENTS, Network};

/// What the fleet file says.
#[derive(Clone, Debug)]
pub struct Fleet {
    dir: PathBuf,
    listen: u16,
    metrics: u16,
    /// The beacons, in order.
    pub beacons: Vec<Entry>,
}

/// One beacon of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// Its label `host`.
    pub host: String,
    /// Whether it is asked for blocks and given them.
    pub proposes: bool,
}

impl Fleet {
    /// One of all beacons of a network, in the folder `dir`.
    pub fn new(dir: &Path, listen: u16, metrics: u16, net: &Network) -> Self {
        let entry =
            |(name, url): (String, String)| Entry { host: format!("host-{name}"), name, url, proposes: true };
        let named = net.beacons.iter().map(|beacon| (beacon.name.clone(), beacon.url()));
        Self { dir: dir.to_owned(), listen, metrics, beacons: named.map(entry).collect() }
    }

    /// Where a validator client knocks: an address of its own, by which it is known.
    pub fn door(&self, client: usize) -> String {
        format!("127.0.0.{}:{}", client + 1, self.listen)
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.dir.join("fleet.yaml")
    }

    /// The script by which a beacon is restarted.
    pub fn script(&self, name: &str) -> PathBuf {
        self.dir.join(format!("restart-{name}.sh"))
    }

    /// Puts it where it is read, whole at once.
    pub fn write(&self) -> Result<()> {
        let new = self.dir.join("fleet.new");
        std::fs::write(&new, self.text()).context("writing the fleet file")?;
        std::fs::rename(&new, self.path()).context("writing the fleet file")
    }

    fn text(&self) -> String {
        let doors: Vec<String> = (0..CLIENTS).map(|client| self.door(client)).collect();
        let mut text = format!(
            "fleet: devnet\n\
             listen: [{doors}]\n\
             control: {dir}/run\n\
             state: {dir}/state\n\
             metrics: 127.0.0.1:{metrics}\n\
             clients:\n",
            doors = doors.join(", "),
            metrics = self.metrics,
            dir = self.dir.display()
        );
        for (client, door) in doors.iter().enumerate() {
            let _ = writeln!(text, "  - {{name: v{}, from: \"{door}\"}}", client + 1);
        }
        text.push_str("beacons:\n");
        for Entry { name, url, host, proposes } in &self.beacons {
            let script = self.script(name);
            let _ = writeln!(
                text,
                "  - name: {name}\n    url: \"{url}\"\n    labels: {{host: {host}}}\n    \
                 restart: {{command: [/bin/sh, {script}], timeout: {RESTART_TIMEOUT}}}",
                script = script.display()
            );
            if !proposes {
                text.push_str("    roles: [attest, aggregate, events]\n");
            }
        }
        text
    }
}

/// Within this the script must have replaced a beacon's process; one that hangs is given up after it.
const RESTART_TIMEOUT: &str = "15s";

#[test]
fn fleet_file_names_every_beacon() {
    let entry = |name: &str, port| Entry {
        name: name.to_owned(),
        url: super::network::url_of(port),
        host: format!("h-{name}"),
        proposes: name != "b1",
    };
    let beacons = vec![entry("b1", 5_001), entry("b2", 5_002)];
    let text = Fleet { dir: "/d".into(), listen: 5_003, metrics: 5_004, beacons }.text();
    assert!(text.contains("control: /d/run\n"));
    assert!(text.contains("listen: [127.0.0.1:5003, 127.0.0.2:5003, "));
    assert!(text.contains("- {name: v2, from: \"127.0.0.2:5003\"}\n"));
    assert!(text.contains("- name: b2\n    url: \"http://127.0.0.1:5002\"\n    labels: {host: h-b2}\n"));
    assert!(text.contains("timeout: 15s}\n    roles: [attest, aggregate, events]\n  - name: b2\n"));
    assert!(text.ends_with("restart: {command: [/bin/sh, /d/restart-b2.sh], timeout: 15s}\n"));
}
