//! HTTP/1.1 as cheap as it can be sent: one socket, one prepared request at a time, the answer read and forgotten.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest head of an answer, and how much of a body is read at once.
const BUFFER: usize = 64 * 1024;

/// A prepared request.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\naccept: application/json\r\n\r\n").into_bytes()
}

/// A prepared request with a JSON body.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\neth-consensus-version: electra\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

/// How an answer's body ends.
enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER].into_boxed_slice() })
    }

    /// Sends a request and reads its whole answer; gives the status.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        let (head, filled) = self.read_head().await?;
        let (status, length) = parse(&self.buffer[..head])?;
        match length {
            Length::Known(length) => {
                let got = filled - head;
                self.skip(length.checked_sub(got).ok_or_else(|| odd("bytes after the answer"))?).await?;
            }
            Length::Chunked => self.skip_chunks(head, filled).await?,
        }
        Ok(status)
    }

    /// Where the head ends and the read bytes end.
    async fn read_head(&mut self) -> io::Result<(usize, usize)> {
        let mut filled = 0;
        loop {
            let got = self.stream.read(&mut self.buffer[filled..]).await?;
            if got == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let from = filled.saturating_sub(3);
            filled += got;
            let seen = &self.buffer[from..filled];
            if let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
                return Ok((from + end + 4, filled));
            }
        }
    }

    async fn skip(&mut self, mut left: usize) -> io::Result<()> {
        while left > 0 {
            let take = left.min(BUFFER);
            match self.stream.read(&mut self.buffer[..take]).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                got => left -= got,
            }
        }
        Ok(())
    }

    async fn skip_chunks(&mut self, head: usize, mut filled: usize) -> io::Result<()> {
        let mut chunks = Chunks::default();
        let mut at = head;
        while !chunks.feed(&self.buffer[at..filled])? {
            (at, filled) = (0, self.stream.read(&mut self.buffer).await?);
            if filled == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

fn parse(head: &[u8]) -> io::Result<(u16, Length)> {
    let text = std::str::from_utf8(head).map_err(|_| odd("a head that is not text"))?;
    let mut lines = text.split("\r\n");
    let status =
        lines.next().and_then(|line| line.get(9..12)?.parse().ok()).ok_or_else(|| odd("no status"))?;
    let mut length = None;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok().map(Length::Known);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Some(Length::Chunked);
        }
    }
    let empty = matches!(status, 204 | 304);
    let length = length.or(empty.then_some(Length::Known(0)));
    Ok((status, length.ok_or_else(|| odd("an answer without length"))?))
}

fn odd(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Finds the end of a chunked body (RFC 9112, 7.1) without extensions or trailers of interest.
#[derive(Default)]
struct Chunks {
    line: Vec<u8>,
    /// Bytes of the present chunk and its line break still to come.
    left: usize,
    last: bool,
}

impl Chunks {
    /// Whether the body ended within these bytes.
    fn feed(&mut self, mut bytes: &[u8]) -> io::Result<bool> {
        while !bytes.is_empty() {
            let skip = self.left.min(bytes.len());
            self.left -= skip;
            bytes = &bytes[skip..];
            let Some((byte, rest)) = bytes.split_first() else { break };
            bytes = rest;
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = line.trim_ascii();
            if self.last {
                if line.is_empty() {
                    return Ok(true);
                }
                continue;
            }
            let size = std::str::from_utf8(line).ok().and_then(|line| line.split(';').next());
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            match size.ok_or_else(|| odd("a chunk without size"))? {
                0 => self.last = true,
                size => self.left = size + 2,
            }
        }
        Ok(false)
    }
}
