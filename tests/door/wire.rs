//! A client written by hand: it sends any bytes, and reads answers without believing in them.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Nothing that is meant to come takes longer, whatever the machine has to do.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// A cheap read that a beacon must answer.
pub const READ: &str = "/eth/v1/beacon/states/head/fork";
/// A signed message.
pub const PUBLISH: &str = "/eth/v2/beacon/pool/attestations";
/// A bulk read that is streamed.
pub const BULK: &str = "/eth/v2/beacon/blocks/head";

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body came to its end.
    pub whole: bool,
}

impl Reply {
    /// The first value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message of an error in the API's shape; its code must be the status.
    pub fn message(&self) -> String {
        let body: serde_json::Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(body["code"], self.status, "{body}");
        assert_eq!(self.header("content-type"), "application/json");
        body["message"].as_str().unwrap().to_owned()
    }
}

/// A request's bytes; `headers` are whole lines, `host` among them.
pub fn request(line: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{line}\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A plain GET.
pub fn get(target: &str) -> Vec<u8> {
    request(&format!("GET {target} HTTP/1.1"), &["host: door"], b"")
}

/// A plain POST of JSON.
pub fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}", body.len());
    let headers = ["host: door", "content-type: application/json", length.as_str()];
    request(&format!("POST {target} HTTP/1.1"), &headers, body)
}

/// One connection.
pub struct Wire {
    pub stream: TcpStream,
    buffer: Vec<u8>,
    ended: bool,
}

impl Wire {
    /// Connects.
    pub async fn to(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), buffer: Vec::new(), ended: false }
    }

    /// Sends; that the other side has closed is no failure of this side.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    async fn more(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
        match read.unwrap_or_else(|_| panic!("nothing more came; so far: {} bytes", self.buffer.len())) {
            Ok(0) | Err(_) => self.ended = true,
            Ok(_) => {}
        }
        !self.ended
    }

    /// The next answer; none if the connection ended before it.
    pub async fn reply(&mut self) -> Option<Reply> {
        self.reply_to("GET").await
    }

    /// The same where the method decides whether there is a body.
    pub async fn reply_to(&mut self, method: &str) -> Option<Reply> {
        let mut reply = self.head().await?;
        if reply.status == 100 {
            reply = self.head().await?;
        }
        let bodiless = method == "HEAD" || matches!(reply.status, 204 | 304);
        if bodiless {
            reply.whole = true;
        } else if reply.header("transfer-encoding") == "chunked" {
            self.chunks(&mut reply).await;
        } else {
            let length = reply.header("content-length").parse().unwrap_or(usize::MAX);
            while self.buffer.len() < length && self.more().await {}
            let length = length.min(self.buffer.len());
            reply.body = self.buffer.drain(..length).collect();
            reply.whole = reply.header("content-length").parse() == Ok(length);
        }
        Some(reply)
    }

    /// The head of the next answer.
    pub async fn head(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if !self.more().await {
                return None;
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Reply { status, headers, ..Reply::default() })
    }

    async fn chunks(&mut self, reply: &mut Reply) {
        while let Some(chunk) = self.chunk().await {
            if chunk.is_empty() {
                reply.whole = true;
                return;
            }
            reply.body.extend(chunk);
        }
    }

    /// The next chunk of a chunked body, an empty one at its end; none if the connection ended.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(end) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                break end;
            }
            if !self.more().await {
                return None;
            }
        };
        let size = String::from_utf8_lossy(&self.buffer[..line]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        while self.buffer.len() < line + 2 + size + 2 {
            if !self.more().await {
                return None;
            }
        }
        let chunk = self.buffer[line + 2..line + 2 + size].to_vec();
        self.buffer.drain(..line + 2 + size + 2);
        Some(chunk)
    }

    /// The same for one that may be silent for long.
    pub async fn quiet_chunk(&mut self) -> Option<Vec<u8>> {
        while !self.buffer.windows(2).any(|window| window == b"\r\n") {
            if matches!(self.stream.read_buf(&mut self.buffer).await, Ok(0) | Err(_)) {
                return None;
            }
        }
        self.chunk().await
    }

    /// Everything until the connection ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        while !self.ended && self.more().await {}
        std::mem::take(&mut self.buffer)
    }

    /// One request, one answer.
    pub async fn ask(&mut self, bytes: &[u8]) -> Option<Reply> {
        self.send(bytes).await;
        self.reply().await
    }
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    Wire::to(address).await.ask(bytes).await
}

/// A GET on a connection of its own that must be answered.
pub async fn read(address: SocketAddr, target: &str) -> Reply {
    ask(address, &get(target)).await.unwrap_or_else(|| panic!("no answer to {target}"))
}

/// Waits until an async condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
