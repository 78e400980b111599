//! A real Alertmanager on a free port, in a directory of its own, ended with its handle.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

pub struct Alertmanager {
    address: SocketAddr,
    client: reqwest::Client,
    _child: Child,
    _directory: tempfile::TempDir,
}

/// The first of these programs that is installed.
pub fn program(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut files = places.flat_map(|place| names.iter().map(move |name| place.join(name)));
    files.find(|file| file.is_file()).unwrap_or_else(|| panic!("{names:?}: tests/run.sh installs it"))
}

impl Alertmanager {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new(program(&["prometheus-alertmanager", "alertmanager"]))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let daemon = Self { address, client, _child: child, _directory: directory };
        let began = Instant::now();
        while daemon.get("/-/ready").await.is_none() {
            assert!(began.elapsed() < Duration::from_secs(30), "the Alertmanager does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        daemon
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn get(&self, path: &str) -> Option<String> {
        let answer = self.client.get(format!("{}{path}", self.url())).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }

    /// Alerts that go on.
    pub async fn alerts(&self) -> Vec<Value> {
        let text = self.get("/api/v2/alerts").await.expect("it answers");
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until its alerts are as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let alerts = self.alerts().await;
            if wanted(&alerts) {
                return alerts;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {alerts:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
