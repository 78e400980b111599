//! Owns what event streams tell of heads while something befalls a beacon: the router's, beside that of a beacon which
//! is left in peace. Neither a gap nor a duplicate is forgiven.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::task::JoinHandle;

/// A head: its slot and block.
type Head = (u64, String);

/// Reads heads until it is dropped.
#[derive(Debug)]
struct Reader {
    heads: Arc<Mutex<Vec<Head>>>,
    task: JoinHandle<()>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reader {
    fn open(base: &str) -> Result<Self> {
        // A stream has no end by which it could be late.
        let http = Client::builder().no_proxy().build().context("building the HTTP client")?;
        let request = http.get(format!("{base}/eth/v1/events?topics=head"));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        let task = tokio::spawn(async move {
            // A stream that cannot be opened or breaks off is seen by what it does not tell.
            if let Ok(answer) = request.send().await {
                read(answer, &kept).await;
            }
        });
        Ok(Self { heads, task })
    }

    fn of_slots(&self, slots: &std::ops::Range<u64>) -> Vec<Head> {
        self.heads.lock().unwrap().iter().filter(|(slot, _)| slots.contains(slot)).cloned().collect()
    }
}

async fn read(mut answer: Response, kept: &Mutex<Vec<Head>>) {
    let mut text = String::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some(end) = text.find("\n\n") {
            let frame: String = text.drain(..end + 2).collect();
            kept.lock().unwrap().extend(head(&frame));
        }
    }
}

fn head(frame: &str) -> Option<Head> {
    let data = frame.lines().find_map(|line| line.strip_prefix("data:"))?;
    let data: Value = serde_json::from_str(data).ok()?;
    Some((data["slot"].as_str()?.parse().ok()?, data["block"].as_str()?.to_owned()))
}

/// Two streams side by side.
#[derive(Debug)]
pub struct Beside {
    router: Reader,
    direct: Reader,
}

impl Beside {
    /// Opens both.
    pub fn open(router: &str, direct: &str) -> Result<Self> {
        Ok(Self { router: Reader::open(router)?, direct: Reader::open(direct)? })
    }

    /// Fails if the router did not tell what the beacon told of these slots, or told it more often.
    pub fn judge(&self, slots: &std::ops::Range<u64>) -> Result<()> {
        let (told, there) = (self.router.of_slots(slots), self.direct.of_slots(slots));
        println!("heads of slots {slots:?}: {} direct, {} through the router", there.len(), told.len());
        ensure!(there.len() as u64 > (slots.end - slots.start) / 2, "a beacon left in peace told {there:?}");
        let times = |heads: &[Head], head: &Head| heads.iter().filter(|other| *other == head).count();
        for head in &there {
            ensure!(
                times(&told, head) > 0,
                "{head:?} was not told through the router: {told:?}, direct {there:?}"
            );
        }
        for head in &told {
            let most = times(&there, head).max(1);
            ensure!(times(&told, head) <= most, "{head:?} was told again through the router: {told:?}");
        }
        Ok(())
    }
}

#[test]
fn a_head_is_read_from_its_frame() {
    let frame = "event: head\ndata: {\"slot\":\"7\",\"block\":\"0xab\"}\n\n";
    assert_eq!(head(frame), Some((7, "0xab".to_owned())));
    assert_eq!(head(":\n\n"), None);
}
