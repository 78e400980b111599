//! HTTP to one beacon: how its clients are built, and what their failures mean.
//!
//! Owns the translation from HTTP to [`ReadError`]. Never knows what an answer says.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, ClientBuilder, Response, redirect};

use super::error::{DecodeError, ReadError};
use crate::model::{Beacon, BeaconName, Secret};

/// Bytes an answer may have. The largest thing read here is the committees of an epoch: ten megabytes for a million validators.
const ANSWER_MAX: usize = 24 << 20;
/// Characters of a beacon's error message that are kept.
const MESSAGE_MAX: usize = 300;
/// Bytes of an error body that are read for its message.
const ERROR_BODY_MAX: usize = 64 << 10;
/// Idle time after which the kernel asks whether the other side still lives; streams may be silent for long.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What one read is about, for its errors.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) beacon: BeaconName,
    pub(super) path: String,
    /// The time it has: for the whole answer, or on a stream between two signs of life.
    pub(super) time: Duration,
    /// Values that must not appear in a message.
    pub(super) secrets: Vec<Secret>,
}

/// A client for a beacon: its headers, its CA, its protocol; no proxy, no redirect, for both would send secrets elsewhere.
pub(super) fn builder(beacon: &Beacon, connect: Duration) -> Result<ClientBuilder, ReadError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(setup(beacon, "TLS".to_owned(), "no crypto provider is installed".into()));
    }
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("beacondeck/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(beacon)?)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .tcp_keepalive(KEEPALIVE)
        .connect_timeout(connect);
    if beacon.h2c {
        builder = builder.http2_prior_knowledge();
    }
    if beacon.url.starts_with("http:") {
        // No TLS will be spoken: the system's roots, which a bare container may lack, need not be there.
        builder = builder.tls_certs_only([]);
    } else if let Some(file) = &beacon.ca_file {
        let unusable = |source| setup(beacon, format!("CA file {}", file.display()), source);
        builder = builder.tls_certs_only(authorities(file).map_err(unusable)?);
    }
    Ok(builder)
}

/// A failed set-up.
pub(super) fn setup(beacon: &Beacon, what: String, source: Box<dyn Error + Send + Sync>) -> ReadError {
    ReadError::Setup { beacon: beacon.name.clone(), what, source }
}

fn headers(beacon: &Beacon) -> Result<HeaderMap, ReadError> {
    let mut headers = HeaderMap::new();
    for header in &beacon.headers {
        let what = || format!("header {}", header.name);
        let name: HeaderName = header.name.parse().map_err(|e| setup(beacon, what(), Box::new(e)))?;
        let mut value: HeaderValue =
            header.value.reveal().parse().map_err(|e| setup(beacon, what(), Box::new(e)))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, Box<dyn Error + Send + Sync>> {
    let found = Certificate::from_pem_bundle(&std::fs::read(file)?)?;
    if found.is_empty() { Err("it holds no certificate".into()) } else { Ok(found) }
}

impl Subject {
    /// What a failure of the HTTP client means.
    pub(super) fn failed(&self, error: reqwest::Error) -> ReadError {
        let (beacon, path) = (self.beacon.clone(), self.path.clone());
        let (connect, timeout) = (error.is_connect(), error.is_timeout());
        let source = Box::new(error.without_url());
        if connect {
            ReadError::Unreachable { beacon, path, source }
        } else if timeout {
            self.timed_out()
        } else {
            ReadError::Broken { beacon, path, source }
        }
    }

    /// No sign of life within the time.
    pub(super) fn timed_out(&self) -> ReadError {
        ReadError::TimedOut { beacon: self.beacon.clone(), path: self.path.clone(), after: self.time }
    }

    /// The answer ended where it must not.
    pub(super) fn ended(&self, why: &'static str) -> ReadError {
        ReadError::Broken { beacon: self.beacon.clone(), path: self.path.clone(), source: why.into() }
    }

    /// The answer cannot be read.
    pub(super) fn unreadable(&self, source: impl Into<DecodeError>) -> ReadError {
        ReadError::Decode { beacon: self.beacon.clone(), path: self.path.clone(), source: source.into() }
    }

    /// The whole body of a successful answer, or the error it is.
    pub(super) async fn body(&self, response: Response) -> Result<Bytes, ReadError> {
        self.success(response).await?.whole(self).await
    }

    /// The answer if it is a success, else the error with the beacon's own words.
    pub(super) async fn success(&self, mut response: Response) -> Result<Success, ReadError> {
        if response.status().is_success() {
            return Ok(Success(response));
        }
        let mut body = BytesMut::new();
        // The status is known; a body that breaks off only shortens the message.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ERROR_BODY_MAX {
                break;
            }
        }
        Err(ReadError::Status {
            beacon: self.beacon.clone(),
            path: self.path.clone(),
            code: response.status().as_u16(),
            message: self.message(&body),
        })
    }

    /// The `message` of an error body, else its text: one line, short, without what we keep secret.
    fn message(&self, body: &[u8]) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let told = json.as_ref().and_then(|body| body.get("message")?.as_str());
        let mut text = told.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
        for secret in self.secrets.iter().map(Secret::reveal).filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "(secret)");
        }
        let line: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        line.into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(MESSAGE_MAX)
            .collect()
    }
}

/// A successful answer whose body was not read yet.
pub(super) struct Success(pub(super) Response);

impl Success {
    async fn whole(mut self, subject: &Subject) -> Result<Bytes, ReadError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.0.chunk().await.map_err(|e| subject.failed(e))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(subject.unreadable(DecodeError::TooLong { limit: ANSWER_MAX }));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}
