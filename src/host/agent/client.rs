//! A router's connection to an agent.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, Error};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::frame::{self, ANSWER_LIMIT, FrameError, QUESTION_LIMIT};
use super::identity::Identity;
use super::pin::{self, Stranger};
use super::words::{Answer, Answered, Asked, Greeting, OrderState, Question, Report, Slots, What};
use crate::host::clock::Interval;
use crate::host::clock::fleet::exchange;
use crate::model::{AgentAddress, AgentKey, RemedyDraft, RemedyVerb};

/// Time for the connection, for the handshake, and for an answer's first byte.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why an agent gives no answer. `Display` is the sentence an operator reads.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error("nobody answers at {0}: {1}; does beacondeck-agent run there, is the port open?")]
    Connect(std::net::SocketAddr, io::Error),
    /// Somebody else is there.
    #[error("at {} an agent with key {found} listens, the fleet file says {}; `beacondeck agent pair` there prints its line",
        .agent.at, .agent.key)]
    Stranger {
        /// As the fleet file has it.
        agent: AgentAddress,
        /// The key it showed.
        found: AgentKey,
    },
    /// It does not know this router.
    #[error("the agent at {} does not let this router in; run `beacondeck agent pair {router}` there", .agent.at)]
    Unpaired {
        /// Which.
        agent: AgentAddress,
        /// This router's key.
        router: AgentKey,
    },
    /// The handshake failed otherwise.
    #[error("the agent at {0} and this router cannot speak to each other: {1}; have both the same version?")]
    Handshake(std::net::SocketAddr, io::Error),
    /// A frame could not be had.
    #[error("the agent at {0} broke off: {1}")]
    Frame(std::net::SocketAddr, FrameError),
    /// It answered something else.
    #[error("the agent at {0} answered another question than was asked")]
    Mixed(std::net::SocketAddr),
    /// It refused.
    #[error("the agent at {0} refuses: {1}")]
    Refused(std::net::SocketAddr, String),
}

impl ClientError {
    /// What kind of error it is, in one word of few.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Connect(..) => "connect",
            Self::Stranger { .. } => "stranger",
            Self::Unpaired { .. } => "unpaired",
            Self::Handshake(..) => "handshake",
            Self::Frame(..) => "broken-off",
            Self::Mixed(_) => "mixed",
            Self::Refused(..) => "refused",
        }
    }
}

/// An open connection.
pub struct Client {
    stream: TlsStream<TcpStream>,
    agent: AgentAddress,
    router: AgentKey,
    greeting: Greeting,
    number: u64,
}

impl Client {
    /// Connects and hears the greeting.
    ///
    /// # Errors
    /// Nobody or somebody else is there, or it does not let this router in.
    pub async fn connect(identity: &Identity, agent: AgentAddress) -> Result<Self, ClientError> {
        let at = agent.at;
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        let handshake = |error: io::Error| match Stranger::of(&error) {
            Some(Stranger(found)) => ClientError::Stranger { agent, found },
            None => ClientError::Handshake(at, error),
        };
        let stream = timeout(PATIENCE, TcpStream::connect(at)).await.unwrap_or_else(|_| Err(late()));
        let stream = stream.map_err(|error| ClientError::Connect(at, error))?;
        // Questions are small and what they measure is the way.
        let _ = stream.set_nodelay(true);
        let config = pin::client(identity, agent.key).map_err(|error| handshake(io::Error::other(error)))?;
        let connecting = TlsConnector::from(Arc::new(config)).connect(ServerName::from(at.ip()), stream);
        let connected = timeout(PATIENCE, connecting).await.unwrap_or_else(|_| Err(late()));
        let mut stream = connected.map_err(handshake)?;
        let router = identity.key();
        // An agent that does not know this router says so after its own half of the handshake.
        let greeting =
            frame::read(&mut stream, ANSWER_LIMIT, PATIENCE).await.map_err(|error| match error {
                FrameError::Broken(error) if refuses(&error) => ClientError::Unpaired { agent, router },
                error => ClientError::Frame(at, error),
            })?;
        Ok(Self { stream, agent, router, greeting, number: 0 })
    }

    /// What the agent said of itself.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The connection is of no use any more, but after [`ClientError::Refused`].
    pub async fn ask(&mut self, question: Question) -> Result<Answer, ClientError> {
        let at = self.agent.at;
        self.number += 1;
        let asked = Asked { session: self.greeting.session.clone(), number: self.number, question };
        let error = |error| match error {
            FrameError::Broken(error) if refuses(&error) => {
                ClientError::Unpaired { agent: self.agent, router: self.router }
            }
            error => ClientError::Frame(at, error),
        };
        frame::write(&mut self.stream, QUESTION_LIMIT, &asked).await.map_err(error)?;
        let Answered { number, answer } =
            frame::read(&mut self.stream, ANSWER_LIMIT, PATIENCE).await.map_err(error)?;
        match answer {
            _ if number != self.number => Err(ClientError::Mixed(at)),
            Answer::Refused { why } => Err(ClientError::Refused(at, why)),
            answer => Ok(answer),
        }
    }

    /// Where the host's clock less `micros` lies; none if its stamps cannot be.
    ///
    /// # Errors
    /// As of [`Self::ask`].
    pub async fn clock(
        &mut self,
        micros: &(dyn Fn() -> i64 + Send + Sync),
    ) -> Result<Option<Interval>, ClientError> {
        // The monotonic clock tells how long it took, so that a step of ours meanwhile is none of the host's.
        let (sent, began) = (micros(), Instant::now());
        match self.ask(Question::Clock).await? {
            Answer::Clock { came_us, left_us } => {
                let took = began.elapsed();
                // Whole microseconds: the answer may have come almost one later.
                let received = sent + i64::try_from(took.as_micros()).unwrap_or(i64::MAX / 2) + 1;
                Ok(exchange(sent, came_us, left_us, received))
            }
            _ => Err(ClientError::Mixed(self.agent.at)),
        }
    }

    /// Tells it where slots lie.
    ///
    /// # Errors
    /// As of [`Self::ask`].
    pub async fn slots(&mut self, slots: Slots) -> Result<(), ClientError> {
        match self.ask(Question::Slots(slots)).await? {
            Answer::Noted => Ok(()),
            _ => Err(ClientError::Mixed(self.agent.at)),
        }
    }

    /// What was found there, if it is newer than the look that is known.
    ///
    /// # Errors
    /// As of [`Self::ask`].
    pub async fn report(&mut self, known: Option<u64>) -> Result<Option<Report>, ClientError> {
        match self.ask(Question::Report { known }).await? {
            Answer::Report(report) => Ok(report.map(|report| *report)),
            _ => Err(ClientError::Mixed(self.agent.at)),
        }
    }

    /// What would be done about a check.
    ///
    /// # Errors
    /// As of [`Self::ask`]; refused is what the agent's file does not allow.
    pub async fn draft(&mut self, verb: RemedyVerb, check: &str) -> Result<RemedyDraft, ClientError> {
        match self.ask(Question::Draft { verb, check: check.to_owned() }).await? {
            Answer::Draft(draft) => Ok(*draft),
            _ => Err(ClientError::Mixed(self.agent.at)),
        }
    }

    /// Gives an order.
    ///
    /// # Errors
    /// As of [`Self::ask`]; refused is what the agent's file does not allow.
    pub async fn order(&mut self, order: impl Into<What>) -> Result<OrderState, ClientError> {
        self.state(order.into().question()).await
    }

    /// Asks what has become of an order.
    ///
    /// # Errors
    /// As of [`Self::ask`].
    pub async fn outcome(&mut self, id: &str) -> Result<OrderState, ClientError> {
        self.state(Question::Outcome { id: id.to_owned() }).await
    }

    /// Has an order ended before its time.
    ///
    /// # Errors
    /// As of [`Self::ask`].
    pub async fn end(&mut self, id: &str) -> Result<OrderState, ClientError> {
        self.state(Question::End { id: id.to_owned() }).await
    }

    async fn state(&mut self, question: Question) -> Result<OrderState, ClientError> {
        match self.ask(question).await? {
            Answer::Order(state) => Ok(state),
            _ => Err(ClientError::Mixed(self.agent.at)),
        }
    }
}

/// Whether the other side ended the handshake because of our key (RFC 8446, section 6.2).
fn refuses(error: &io::Error) -> bool {
    let alert = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(alert, Some(Error::AlertReceived(AlertDescription::CertificateUnknown)))
}
