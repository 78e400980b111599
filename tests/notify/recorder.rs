//! A local HTTP server that writes down what it is sent and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request.
#[derive(Debug, Clone)]
pub struct Received {
    pub head: String,
    pub body: String,
}

impl Received {
    pub fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json\r\n"), "{}", self.head);
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What a request is answered: status and body; nothing at all for a status of 0.
pub type Script = VecDeque<(u16, &'static str)>;

#[derive(Clone)]
pub struct Recorder {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Recorder {
    /// Answers by the script, then 202 for good.
    pub async fn start(script: impl IntoIterator<Item = (u16, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (received, script) = (Arc::default(), Arc::new(Mutex::new(Script::from_iter(script))));
        let recorder = Self { address, received };
        let own = recorder.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(own.clone().serve(stream, script.clone()));
            }
        });
        recorder
    }

    #[allow(dead_code, reason = "each test file uses its own part of it")]
    pub fn url(&self) -> String {
        format!("http://{}/hook/hunter2-secret", self.address)
    }

    pub fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    async fn serve(self, mut stream: TcpStream, script: Arc<Mutex<Script>>) {
        let mut bytes = Vec::new();
        let (head, mut body) = loop {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(bytes[..end + 2].to_vec()).unwrap().to_lowercase();
                break (head, bytes.split_off(end + 4));
            }
        };
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.unwrap().parse().unwrap();
        while body.len() < length {
            if stream.read_buf(&mut body).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let received = Received { head, body: String::from_utf8(body).unwrap() };
        self.received.lock().unwrap().push(received);
        let (status, words) = script.lock().unwrap().pop_front().unwrap_or((202, "ok"));
        if status == 0 {
            return std::future::pending().await;
        }
        let answer = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{words}",
            words.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}
