//! The asking side: one connection, one question at a time.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{
    ANSWER_LIMIT, Answer, AnswerFrame, ControlError, FrameError, Request, RequestFrame, SOCKET, VERSION,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a running serve.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    asked: u64,
}

impl Client {
    /// Connects to the serve that holds `dir`. Errors: none runs, or this user may not ask it.
    pub async fn connect(dir: &Path) -> Result<Self, ControlError> {
        let path = dir.join(SOCKET);
        match UnixStream::connect(&path).await {
            Ok(stream) => Ok(Self { stream: BufReader::new(stream), asked: 0 }),
            Err(source) if source.kind() == ErrorKind::PermissionDenied => {
                Err(ControlError::Forbidden { path, source })
            }
            Err(source) => Err(ControlError::NoServe { path, source }),
        }
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

    async fn exchange(&mut self, line: &[u8]) -> Result<Vec<u8>, ControlError> {
        // A serve that turns a connection away has answered before it closed: its line counts, not the failed write.
        let sent = self.stream.write_all(line).await;
        let mut answer = Vec::new();
        let limit = ANSWER_LIMIT as u64 + 1;
        let read = (&mut self.stream).take(limit).read_until(b'\n', &mut answer).await;
        if answer.ends_with(b"\n") {
            return Ok(answer);
        }
        sent.map_err(|source| ControlError::Broken { doing: "sending an order", source })?;
        let doing = "waiting for the answer";
        read.map_err(|source| ControlError::Broken { doing, source })?;
        if answer.len() > ANSWER_LIMIT {
            let error = FrameError::TooLong { len: answer.len(), limit: ANSWER_LIMIT };
            return Err(ControlError::Frame(error));
        }
        Err(ControlError::Broken { doing, source: io::Error::from(ErrorKind::UnexpectedEof) })
    }
}
