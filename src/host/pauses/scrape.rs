//! Asking a client for its metrics.

use std::time::{Duration, Instant};

use super::kept;
use crate::host::source::{Reading, Unread};

/// How long an answer may take, and how many bytes it may have: Lighthouse's has two million.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST: usize = 16 << 20;

/// Asks. Cheap to clone; clones share connections and the beginning by which readings are dated.
#[derive(Debug, Clone)]
pub struct Scraper {
    client: reqwest::Client,
    begun: Instant,
}

impl Scraper {
    /// One that follows no redirect and knows no proxy, for both may lead elsewhere than an operator wrote.
    ///
    /// # Errors
    /// The process has not installed a rustls crypto provider, or this machine has no roots of certificates.
    pub fn new() -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("beacondeck/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .timeout(PATIENCE);
        Ok(Self { client: builder.build()?, begun: Instant::now() })
    }

    /// What a record keeps of the metrics at a URL.
    pub async fn read(&self, url: &str) -> Reading {
        let failed = |why: String| Unread::Failed(format!("its metrics cannot be read: {why}"));
        let broken = |error: reqwest::Error| {
            let why = if error.is_timeout() { "no answer within 5 s".to_owned() } else { deepest(&error) };
            failed(why)
        };
        let mut answer = self.client.get(url).send().await.map_err(broken)?;
        let seconds = self.begun.elapsed().as_secs_f64();
        if !answer.status().is_success() {
            return Err(failed(format!("the answer is {}", answer.status().as_u16())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MOST {
                return Err(failed("the answer is longer than 16 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(kept(&String::from_utf8_lossy(&body), seconds))
    }
}

/// The last cause of an error: what the others lead to.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string().replace('\n', " ")
}
