//! Doors that speak TLS, want certificates or tokens: with real clients of TLS, and with clients that are wrong.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rstest::rstest;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::common::Rig;
use crate::house::{House, beacons};
use crate::stub::{Stub, good};
use crate::wire::{PATIENCE, PUBLISH, READ, Wire, ask, get, request, until};

const TOKEN: &str = "a-token-of-this-test";

/// Authorities so far.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// An authority, and a directory for what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

/// A certificate and its key.
struct Signed {
    certificate: String,
    key: KeyPair,
}

impl Signed {
    fn write(&self, dir: &tempfile::TempDir) {
        fs::write(dir.path().join("door.pem"), &self.certificate).unwrap();
        fs::write(dir.path().join("door.key"), self.key.serialize_pem()).unwrap();
    }
}

impl Authority {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two authorities of one name would be told apart by a bad signature only.
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {}", NUMBER.fetch_add(1, SeqCst)));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, dir: tempfile::tempdir().unwrap() }
    }

    fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        Signed { certificate: params.signed_by(&key, &self.issuer).unwrap().pem(), key }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a door's pair and its authority, and how `tls:` names them.
    fn door(&self, signed: &Signed, client_ca: bool) -> String {
        signed.write(&self.dir);
        fs::write(self.file("ca.pem"), self.issuer.pem()).unwrap();
        let [certificate, key, ca] = ["door.pem", "door.key", "ca.pem"].map(|name| self.file(name));
        let ca = if client_ca { format!(", client-ca: {}", ca.display()) } else { String::new() };
        format!("{{certificate: {}, key: {}{ca}}}", certificate.display(), key.display())
    }

    /// A client that trusts this authority and shows a certificate, if one is given.
    fn client(&self, shown: Option<&Signed>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = ClientConfig::builder().with_root_certificates(roots);
        match shown {
            None => builder.with_no_client_auth(),
            Some(signed) => {
                let chain = vec![CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.key.serialize_der()));
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }

    /// A browser-like client, which speaks HTTP/2 if it may.
    fn reqwest(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.issuer.pem().as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).build().unwrap()
    }
}

/// Two doors: the first as told, the second open to all.
async fn house(first: &str, extra: &str) -> House {
    let stub = Stub::start(good()).await;
    let listen = format!("[{{address: \"127.0.0.1:0\", {first}}}, \"127.0.0.1:0\"]");
    // A shadow of the read that finds the beacon healthy would reach it while a test counts its own.
    let rig = Rig::at(&listen, &(beacons(&[stub.url()]) + "probing: {shadow: 0%}\n" + extra)).await;
    let open = rig.engine.doors[1];
    until("a healthy beacon", async || ask(open, &get(READ)).await.unwrap().status == 200).await;
    House { door: open, rig, stubs: vec![stub] }
}

impl House {
    fn locked(&self) -> std::net::SocketAddr {
        self.rig.engine.doors[0]
    }
}

/// One request over TLS; everything that came back, or how it failed.
async fn over_tls(at: std::net::SocketAddr, config: ClientConfig, bytes: &[u8]) -> Result<String, String> {
    let asking = async {
        let stream = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream =
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|e| e.to_string())?;
        stream.write_all(bytes).await.map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        let mut buffer = [0; 4_096];
        while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
            let got = stream.read(&mut buffer).await.map_err(|error| error.to_string())?;
            if got == 0 {
                break;
            }
            answer.extend_from_slice(&buffer[..got]);
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("no answer over TLS")
}

#[rstest]
#[case::http2(true, "HTTP/2.0")]
#[case::http1(false, "HTTP/1.1")]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_tls_is_served_in_the_version_it_likes(#[case] http2: bool, #[case] version: &str) {
    let authority = Authority::new();
    let house = house(&format!("tls: {}", authority.door(&authority.sign(|_| {}), false)), "").await;
    let url = format!("https://{}", house.locked());
    if http2 {
        let client = authority.reqwest();
        let read = client.get(format!("{url}{READ}")).send().await.unwrap();
        assert_eq!((read.status().as_u16(), format!("{:?}", read.version())), (200, version.into()));
        let sent = client.post(format!("{url}{PUBLISH}")).body("[1]").send().await.unwrap();
        assert_eq!(sent.status(), 200);
        assert_eq!(&*house.stubs[0].notes.of(PUBLISH)[0].body, b"[1]");
    } else {
        let answer = over_tls(house.locked(), authority.client(None), &get(READ)).await.unwrap();
        assert!(answer.starts_with(&format!("{version} 200")), "{answer}");
    }
    house.is_well().await;
}

/// Who is met and who is not, where client certificates are wanted.
#[tokio::test(flavor = "multi_thread")]
async fn only_clients_with_a_certificate_of_the_authority_are_met() {
    let authority = Authority::new();
    let house = house(&format!("tls: {}", authority.door(&authority.sign(|_| {}), true)), "").await;
    let at = house.locked();
    let good = authority.sign(|_| {});
    let answer = over_tls(at, authority.client(Some(&good)), &get(READ)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let before = house.stubs[0].notes.of(READ).len();
    let stranger = Authority::new().sign(|_| {});
    let expired = authority.sign(|params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    for (shown, alert) in [
        (None, "CertificateRequired"),
        (Some(&stranger), "UnknownCA"),
        (Some(&expired), "CertificateExpired"),
    ] {
        let refused = over_tls(at, authority.client(shown), &get(READ)).await.unwrap_err();
        assert!(refused.contains(alert), "{alert}: {refused}");
    }
    assert_eq!(house.stubs[0].notes.of(READ).len(), before, "nothing of theirs reached a beacon");
    house.is_well().await;
}

/// What is no TLS at a door of TLS: words where they can be read, and the next client is served.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_is_told_so_or_hung_up_on() {
    let authority = Authority::new();
    let door = authority.door(&authority.sign(|_| {}), false);
    let house = house(&format!("tls: {door}"), "limits: {head-time: 500ms}\n").await;
    let at = house.locked();
    let reply = ask(at, &get(READ)).await.expect("an answer that says why");
    assert_eq!(reply.status, 400);
    assert!(reply.message().contains("https://"), "{}", reply.message());
    for garbage in [
        &b"\x16\x03\x01\x00\x05hello"[..],
        b"\x16\x03\x03\xff\xff",
        b"\x80\x2e\x01\x03\x01",
        &[0; 64],
        b"\x16",
    ] {
        let mut wire = Wire::to(at).await;
        wire.send(garbage).await;
        let began = Instant::now();
        let rest = wire.rest().await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{garbage:?}");
        assert!(began.elapsed() < Duration::from_secs(4), "{garbage:?}: {:?}", began.elapsed());
    }
    let answer = over_tls(at, authority.client(None), &get(READ)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let distrusts = Authority::new().client(None);
    assert!(over_tls(at, distrusts, &get(READ)).await.is_err());
    until("all were counted", async || house.metric("beacondeck_connections_refused_total").await >= 7).await;
    house.is_well().await;
}

/// Sixty who connect and say nothing: those who mean it are met meanwhile, and the sixty are gone in time.
#[tokio::test(flavor = "multi_thread")]
async fn slow_handshakes_hold_up_nobody() {
    let authority = Authority::new();
    let door = authority.door(&authority.sign(|_| {}), false);
    let house = house(&format!("tls: {door}"), "limits: {head-time: 1s}\n").await;
    let mut silent = Vec::new();
    for _ in 0..60 {
        let mut wire = Wire::to(house.locked()).await;
        wire.send(b"\x16\x03\x01").await;
        silent.push(wire);
    }
    let answer = over_tls(house.locked(), authority.client(None), &get(READ)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for wire in &mut silent {
        assert!(!wire.rest().await.starts_with(b"HTTP"));
    }
    house.is_well().await;
}

/// A certificate renewed on disk is shown to the next client.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let house = house(&format!("tls: {}", old.door(&old.sign(|_| {}), false)), "").await;
    let at = house.locked();
    let works = async |authority: &Authority| over_tls(at, authority.client(None), &get(READ)).await.is_ok();
    assert!(works(&old).await && !works(&new).await);
    new.sign(|_| {}).write(&old.dir);
    until("the new one is shown", async || works(&new).await).await;
    assert!(!works(&old).await);
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_with_a_token_serves_who_carries_it() {
    let stub_dir = tempfile::tempdir().unwrap();
    let file = stub_dir.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let house = house(&format!("token: {{file: {}}}", file.display()), "").await;
    let at = house.locked();
    let asked = async |authorization: &[&str]| {
        let headers = [&["host: door"], authorization].concat();
        ask(at, &request(&format!("GET {READ} HTTP/1.1"), &headers, b"")).await.unwrap()
    };
    let seen = || house.stubs[0].notes.of(READ);
    let before = seen().len();
    for (authorization, challenge) in [
        (&[][..], "Bearer"),
        (&["authorization: Bearer wrong"], "Bearer error=\"invalid_token\""),
        (&["authorization: Basic dmM6d3Jvbmc="], "Bearer error=\"invalid_token\""),
    ] {
        let reply = asked(authorization).await;
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, challenge), "{reply:?}");
        assert!(!reply.message().contains(TOKEN) && reply.message().contains("token"));
    }
    assert_eq!(seen().len(), before, "no beacon was asked");
    assert_eq!(asked(&[&format!("authorization: Bearer {TOKEN}")]).await.status, 200);
    let url = format!("http://anyone:{TOKEN}@{at}{READ}");
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200, "as Teku and Lodestar do");
    assert!(seen().iter().all(|seen| seen.all("authorization").is_empty()), "the token reaches no beacon");
    let refused = ask(at, &crate::wire::post(PUBLISH, b"[1]")).await.unwrap();
    assert_eq!((refused.status, house.stubs[0].notes.of(PUBLISH).len()), (401, 0));
    until("strangers are counted", async || {
        house.metric("beacondeck_requests_refused_total{reason=\"token\"}").await == 4
    })
    .await;
    house.is_well().await;
}

/// Orders come by the control socket alone: whatever path and method is tried, a drain does not happen.
#[tokio::test(flavor = "multi_thread")]
async fn no_order_comes_in_by_a_door() {
    let house = House::of(good(), "routing: {open: [debug, keymanager, exits, lighthouse]}\n").await;
    for path in [
        "/drain",
        "/resume",
        "/control",
        "/beacondeck/drain",
        "/eth/v1/beacondeck/drain",
        "/eth/v1/drain",
        "/status",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let body = br#"{"drain":{"beacon":"b0"}}"#;
            let length = format!("content-length: {}", body.len());
            let bytes = request(&format!("{method} {path} HTTP/1.1"), &["host: door", &length], body);
            let reply = ask(house.door, &bytes).await.unwrap();
            assert_ne!(reply.header("x-beacondeck-beacon"), "", "{method} {path}");
            assert!(
                reply.status >= 400 || reply.header("x-beacondeck-beacon") == "b0",
                "{method} {path}: {reply:?}"
            );
        }
    }
    // A frame as the control socket takes it.
    let mut wire = Wire::to(house.door).await;
    wire.send(b"{\"version\":1,\"drain\":{\"beacon\":\"b0\"}}\n").await;
    wire.finish().await;
    assert_eq!(wire.reply().await.map_or(400, |reply| reply.status), 400);
    assert_eq!(house.rig.beacon(0).lifecycle, beacondeck::model::Lifecycle::Active);
    house.is_well().await;
}
