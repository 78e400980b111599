//! The event stream of one beacon.
//!
//! Owns the connection and its silence. It never reconnects: who reads it decides when, and with which topics.

use std::pin::Pin;

use reqwest::{RequestBuilder, Response};
use tokio::time::{Instant, timeout_at};

use super::error::{DecodeError, ReadError};
use super::http::{Subject, Success};
use super::sse::{EVENT_MAX, SseEvent, SseParser};

type Opening = Pin<Box<dyn Future<Output = Result<Success, ReadError>> + Send>>;

/// Events of one beacon, in the order it sent them.
pub struct EventStream {
    subject: Subject,
    state: State,
    parser: SseParser,
    /// When silence becomes an error; none before the first poll.
    deadline: Option<Instant>,
}

enum State {
    Opening(Opening),
    Open(Response),
    Over,
}

impl EventStream {
    pub(super) fn new(subject: Subject, request: RequestBuilder) -> Self {
        let about = subject.clone();
        let opening: Opening = Box::pin(async move {
            let response = request.send().await.map_err(|e| about.failed(e))?;
            about.success(response).await
        });
        Self { subject, state: State::Opening(opening), parser: SseParser::new(), deadline: None }
    }

    /// Waits until the beacon has accepted the stream; returns at once when it has.
    ///
    /// # Errors
    /// As [`EventStream::next`].
    pub async fn open(&mut self) -> Result<(), ReadError> {
        self.advance(false).await.map(drop)
    }

    /// The next event. May be cancelled and called again without losing anything.
    ///
    /// # Errors
    /// Any error ends the stream; open another. [`ReadError::Status`] with 400 means an unknown topic,
    /// [`ReadError::TimedOut`] that nothing came for the given time, [`ReadError::Broken`] that the connection ended.
    pub async fn next(&mut self) -> Result<SseEvent, ReadError> {
        loop {
            if let Some(event) = self.parser.pop() {
                return Ok(event);
            }
            self.advance(true).await?;
        }
    }

    /// One step: the answer's head, or (if `read`) the next bytes.
    async fn advance(&mut self, read: bool) -> Result<(), ReadError> {
        let outcome = self.step(read).await;
        if outcome.is_err() {
            self.state = State::Over;
        }
        outcome
    }

    async fn step(&mut self, read: bool) -> Result<(), ReadError> {
        let time = self.subject.time;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + time);
        match &mut self.state {
            State::Opening(opening) => {
                let late = |_| self.subject.timed_out();
                let Success(response) = timeout_at(deadline, opening).await.map_err(late)??;
                self.state = State::Open(response);
            }
            State::Open(response) if read => {
                let late = |_| self.subject.timed_out();
                let chunk = timeout_at(deadline, response.chunk()).await.map_err(late)?;
                let Some(chunk) = chunk.map_err(|e| self.subject.failed(e))? else {
                    return Err(self.subject.ended("the beacon closed the stream"));
                };
                let too_long = |_| self.subject.unreadable(DecodeError::TooLong { limit: EVENT_MAX });
                self.parser.push(&chunk).map_err(too_long)?;
            }
            State::Open(_) => return Ok(()),
            State::Over => return Err(self.subject.ended("the stream is over")),
        }
        self.deadline = Some(Instant::now() + time);
        Ok(())
    }
}
