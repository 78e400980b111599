//! A beacon that speaks HTTP/2, and HTTPS.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::stub::known;

/// What it was asked: version, target, body.
pub type Asked = (Version, String, Bytes);

/// A running one; it says every body back and ends when it is dropped.
pub struct Modern {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for Modern {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Modern {
    /// Over plain connections.
    pub async fn plain() -> Self {
        Self::start(None).await
    }

    /// Over TLS, its certificate signed by `authority`, choosing among these protocols.
    pub async fn tls(authority: &Authority, protocols: &[&str]) -> Self {
        let mut config = authority.server();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let notes = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (notes, tls) = (notes.clone(), tls.clone());
                let service = service_fn(move |request| serve(notes.clone(), request));
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    match tls {
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            server.serve_connection(TokioIo::new(stream), service).await.ok();
                        }
                        None => {
                            server.serve_connection(TokioIo::new(stream), service).await.ok();
                        }
                    }
                });
            }
        });
        Self { url, asked, task }
    }

    /// Requests besides those of probes.
    pub fn asked(&self) -> Vec<Asked> {
        // Blocks are read for the ledger.
        let own = |target: &str| {
            known(target).is_none()
                && !target.starts_with("/eth/v1/events")
                && !target.starts_with("/eth/v2/beacon/blocks/0x")
        };
        self.asked.lock().unwrap().iter().filter(|(_, target, _)| own(target)).cloned().collect()
    }

    /// Versions of HTTP that anyone used.
    pub fn versions(&self) -> Vec<Version> {
        let mut versions: Vec<_> = self.asked.lock().unwrap().iter().map(|(version, ..)| *version).collect();
        versions.dedup();
        versions
    }
}

async fn serve(
    notes: Arc<Mutex<Vec<Asked>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().unwrap().to_string();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    notes.lock().unwrap().push((parts.version, target.clone(), body.clone()));
    let body = known(&target).map_or(body, Bytes::from);
    Ok(Response::builder().header("content-type", "application/json").body(Full::new(body)).unwrap())
}

/// A certificate authority of a test's own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    _dir: tempfile::TempDir,
    /// Its certificate as PEM.
    pub file: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, _dir: dir, file }
    }

    fn server(&self) -> ServerConfig {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}
