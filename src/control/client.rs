//! The asking side of one connection: question by question, or one watch.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    ANSWER_LIMIT, Access, Answer, AnswerFrame, ControlError, Event, FrameError, Request, RequestFrame,
    VERSION, Wanted, Welcome, place,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Silence after which serve counts as gone; it gives signs of life every 3 s.
const SILENCE: Duration = Duration::from_secs(10);

/// What a connection runs over.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection to a running serve. Serve closes one on which nothing is asked for 5 s.
pub struct Client {
    stream: BufReader<Box<dyn Wire>>,
    asked: u64,
    welcome: Welcome,
}

impl Client {
    /// Connects to the serve that holds `dir`; `program` is this program's name in one word. Errors: none runs, or this
    /// user may not ask it, or it speaks another version.
    pub async fn connect(dir: &Path, access: Access, program: &str) -> Result<Self, ControlError> {
        let path = place::socket(dir, access)?;
        match UnixStream::connect(&path).await {
            Ok(stream) => Self::over(stream, program).await,
            Err(source) if source.kind() == ErrorKind::PermissionDenied => {
                let group = place::owning_group(&path).unwrap_or_else(|| place::GROUP.to_owned());
                Err(ControlError::Forbidden { path, group, source })
            }
            Err(source) => Err(ControlError::NoServe { path, source }),
        }
    }

    /// Greets whoever serves the other end of `stream`.
    pub async fn over(stream: impl Wire + 'static, program: &str) -> Result<Self, ControlError> {
        let nobody =
            Welcome { beacondeck: String::new(), pid: 0, access: Access::Observe, you: String::new() };
        let mut client = Self { stream: BufReader::new(Box::new(stream)), asked: 0, welcome: nobody };
        let hello =
            Request::Hello { beacondeck: env!("CARGO_PKG_VERSION").to_owned(), program: program.to_owned() };
        match client.call(hello).await? {
            Answer::Welcome(welcome) => Ok(Self { welcome, ..client }),
            Answer::Refused { message } => Err(ControlError::TurnedAway { message }),
            _ => Err(ControlError::OffTopic),
        }
    }

    /// Who answers.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Asks and waits for the answer, at most 10 s; a refusal is an answer. Errors: the connection broke, nothing came in
    /// time, or what came was not understood.
    pub async fn call(&mut self, request: Request) -> Result<Answer, ControlError> {
        self.asked += 1;
        let frame = RequestFrame { v: VERSION, id: self.asked, request };
        let line = frame.encode().map_err(ControlError::Frame)?;
        let answered = timeout(PATIENCE, self.exchange(&line)).await;
        let line = answered.map_err(|_| ControlError::Silent { seconds: PATIENCE.as_secs() })??;
        let frame = AnswerFrame::decode(&line).map_err(ControlError::Frame)?;
        // Number 0 answers what serve could not read or would not: a connection too many, another version.
        if frame.id != self.asked && frame.id != 0 {
            return Err(ControlError::OtherAnswer { asked: self.asked, got: frame.id });
        }
        Ok(frame.answer)
    }

    /// Turns the connection into a watch.
    pub async fn watch(mut self, wanted: Wanted) -> Result<Watch, ControlError> {
        self.asked += 1;
        let frame = RequestFrame { v: VERSION, id: self.asked, request: Request::Watch(wanted) };
        let line = frame.encode().map_err(ControlError::Frame)?;
        let doing = "sending a request";
        let sent = timeout(PATIENCE, self.stream.write_all(&line)).await;
        let sent = sent.map_err(|_| ControlError::Silent { seconds: PATIENCE.as_secs() })?;
        sent.map_err(|source| ControlError::Broken { doing, source })?;
        let Self { stream, asked, welcome } = self;
        Ok(Watch { stream, id: asked, welcome, line: Vec::new(), heard: Instant::now() })
    }

    async fn exchange(&mut self, line: &[u8]) -> Result<Vec<u8>, ControlError> {
        // A serve that turns a connection away has answered before it closed: its line counts, not the failed write.
        let sent = self.stream.write_all(line).await;
        let mut answer = Vec::new();
        let read = read_line(&mut self.stream, &mut answer).await;
        if answer.ends_with(b"\n") {
            return Ok(answer);
        }
        sent.map_err(|source| ControlError::Broken { doing: "sending a request", source })?;
        Err(unfinished(read.err(), &answer, "waiting for the answer"))
    }
}

/// What serve tells from now on.
pub struct Watch {
    stream: BufReader<Box<dyn Wire>>,
    id: u64,
    welcome: Welcome,
    /// A line that has not come to its end.
    line: Vec<u8>,
    heard: Instant,
}

impl Watch {
    /// Who tells.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The next event. May be given up and called again without losing anything. Errors end the watch: serve ended it
    /// with a reason, the connection broke, or nothing was heard for 10 s.
    pub async fn next(&mut self) -> Result<Event, ControlError> {
        let deadline = self.heard + SILENCE;
        let read = timeout_at(deadline, read_line(&mut self.stream, &mut self.line)).await;
        let read = read.map_err(|_| ControlError::Silent { seconds: SILENCE.as_secs() })?;
        if !self.line.ends_with(b"\n") {
            return Err(unfinished(read.err(), &self.line, "watching"));
        }
        self.heard = Instant::now();
        let frame = AnswerFrame::decode(&std::mem::take(&mut self.line)).map_err(ControlError::Frame)?;
        match frame.answer {
            Answer::Event(Event::Ended { message }) => Err(ControlError::Ended { message }),
            Answer::Event(event) if frame.id == self.id => Ok(event),
            Answer::Refused { message } => Err(ControlError::TurnedAway { message }),
            _ => Err(ControlError::OffTopic),
        }
    }
}

/// Reads on until `line` ends, or is longer than an answer may be.
async fn read_line(stream: &mut BufReader<Box<dyn Wire>>, line: &mut Vec<u8>) -> io::Result<usize> {
    let room = (ANSWER_LIMIT + 1).saturating_sub(line.len()) as u64;
    stream.take(room).read_until(b'\n', line).await
}

fn unfinished(error: Option<io::Error>, line: &[u8], doing: &'static str) -> ControlError {
    match error {
        Some(source) => ControlError::Broken { doing, source },
        None if line.len() > ANSWER_LIMIT => {
            ControlError::Frame(FrameError::TooLong { len: line.len(), limit: ANSWER_LIMIT })
        }
        None if line.is_empty() => {
            ControlError::Broken { doing, source: io::Error::from(ErrorKind::UnexpectedEof) }
        }
        None => ControlError::Cut,
    }
}
