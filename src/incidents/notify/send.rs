//! One message on its way: how long it is waited for, how often it is tried, what was answered.
//!
//! A URL may be the secret that lets one post there, a body may hold a key: neither is in an error, nor what an answer
//! repeats of them.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::time::sleep;

use super::Message;
use crate::model::{Notifier, Secret, Target};

/// Characters of an answer that are kept.
const WORDS: usize = 200;
/// Bytes of an answer that are read for them.
const ANSWER: usize = 8 << 10;
/// Shorter parts of a URL are words, not secrets.
const SECRET: usize = 8;

/// How long and how often is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of one message before it is given up for the moment.
    pub tries: u32,
    /// Time one has.
    pub timeout: Duration,
    /// Pause after the first failure; each further one is twice as long, half more or less by chance.
    pub pause: Duration,
    /// Longest pause between two tries.
    pub longest: Duration,
    /// Pause after the first message that was given up; doubles as well, up to twenty times as long.
    pub rest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            timeout: Duration::from_secs(10),
            pause: Duration::from_secs(1),
            longest: Duration::from_secs(8),
            rest: Duration::from_secs(15),
        }
    }
}

impl Patience {
    /// The pause after so many failures of one message, from 1.
    pub(super) fn between(&self, failures: u32) -> Duration {
        jittered(doubled(self.pause, failures).min(self.longest))
    }

    /// The pause after so many messages in a row were given up, from 1.
    pub(super) fn after(&self, given_up: u32) -> Duration {
        jittered(doubled(self.rest, given_up).min(self.rest * 20))
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first * 2_u32.pow(times.saturating_sub(1).min(16))
}

/// Between half and one and a half: not everybody who failed at one moment comes back at one moment.
fn jittered(pause: Duration) -> Duration {
    let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause.mul_f64(0.5 + f64::from(chance) / f64::from(u32::MAX))
}

/// Why a notifier cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("notifier {name}: no HTTP client can be made")]
pub struct SetupError {
    name: String,
    #[source]
    source: reqwest::Error,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection, or it broke.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// No answer came in time.
    #[error("it gave no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The answer is no success.
    #[error("it answered {0}")]
    Refused(Answer),
}

impl SendError {
    /// Whether another try may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => true,
            Self::Refused(answer) => {
                let status = answer.status;
                status.is_server_error()
                    || status == StatusCode::TOO_MANY_REQUESTS
                    || status == StatusCode::REQUEST_TIMEOUT
            }
        }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    words: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = if self.words.is_empty() { String::new() } else { format!(": {}", self.words) };
        write!(f, "{}{words}", self.status)
    }
}

/// Sends messages of one notifier.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    patience: Patience,
    secrets: Vec<String>,
}

impl Sender {
    /// A client for it. Proxies of the environment are used for `https` only: they do not see what is sent then.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(notifier: &Notifier, patience: Patience) -> Result<Self, SetupError> {
        let (url, secrets) = match &notifier.target {
            Target::Alertmanager(url) => (url.as_str(), Vec::new()),
            Target::PagerDuty { routing_key, url } => (url.as_str(), vec![routing_key.reveal().to_owned()]),
            Target::Slack(url) | Target::Webhook { url, .. } => (url.reveal(), parts(url)),
        };
        let mut builder = Client::builder()
            .user_agent(concat!("beacondeck/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(patience.timeout);
        if url.starts_with("http:") {
            // The system's roots, which a bare container may lack, need not be there.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let client = builder.build().map_err(|source| SetupError { name: notifier.name.clone(), source })?;
        Ok(Self { client, patience, secrets })
    }

    /// How patient it is.
    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// Sends it until it is taken, refused for good, or tried often enough.
    ///
    /// # Errors
    /// The last try's.
    pub async fn send(&self, message: &Message) -> Result<Answer, SendError> {
        let mut failures = 0;
        loop {
            match self.once(message).await {
                Err(error) if error.is_passing() && failures + 1 < self.patience.tries => {
                    failures += 1;
                    tracing::debug!(%error, failures, "a notification is tried again");
                    sleep(self.patience.between(failures)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn once(&self, message: &Message) -> Result<Answer, SendError> {
        let request = self
            .client
            .post(message.url.reveal())
            .header(CONTENT_TYPE, message.content_type)
            .body(message.body.reveal().to_owned());
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let answer = Answer { status: response.status(), words: self.words(response).await };
        if answer.status.is_success() { Ok(answer) } else { Err(SendError::Refused(answer)) }
    }

    fn failed(&self, error: reqwest::Error) -> SendError {
        if error.is_timeout() {
            return SendError::TimedOut(self.patience.timeout);
        }
        let error = error.without_url();
        let mut causes = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        causes.dedup();
        SendError::Unreachable(self.shown(&causes.join(": ")))
    }

    async fn words(&self, mut response: Response) -> String {
        let mut body = Vec::new();
        // The status is known; a body that breaks off only shortens the words.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER {
                break;
            }
        }
        self.shown(&String::from_utf8_lossy(&body))
    }

    /// One short line without secrets.
    fn shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, "(secret)");
        }
        let line: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let line = line.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        line.chars().take(WORDS).collect()
    }
}

/// What of a URL may be a secret: the whole, path and query, and each long part of them.
fn parts(url: &Secret) -> Vec<String> {
    let url = url.reveal();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    let user = rest.split('/').next().and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    let words = path.split(['/', '?', '&', '=', '#']).chain(user).filter(|word| word.len() >= SECRET);
    let mut all: Vec<String> = words.map(str::to_owned).collect();
    all.extend([url, path].into_iter().filter(|text| text.len() >= SECRET).map(str::to_owned));
    all.sort_by_key(|text| std::cmp::Reverse(text.len()));
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_grow_and_are_bounded(failures in 1_u32..100) {
            let patience = Patience::default();
            let most = patience.longest.mul_f64(1.5);
            prop_assert!(patience.between(failures) <= most);
            prop_assert!(patience.between(1) <= patience.pause.mul_f64(1.5));
            prop_assert!(patience.after(failures) >= patience.rest / 2);
            prop_assert!(patience.after(failures) <= patience.rest * 30);
        }
    }

    #[test]
    fn nothing_of_a_secret_url_is_shown() {
        let url = Secret::new("https://hooks.example/services/T0000/hunter2secret?k=hunter3secret");
        let notifier = Notifier {
            name: "s".into(),
            target: Target::Slack(url.clone()),
            least: crate::model::Severity::Warning,
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sender = Sender::new(&notifier, Patience::default()).unwrap();
        let told = format!("no such hook:\n{} or hunter2secret or hunter3secret", url.reveal());
        let shown = sender.shown(&told);
        assert!(shown.starts_with("no such hook: (secret) or") && !shown.contains("hunter"), "{shown}");
    }
}
