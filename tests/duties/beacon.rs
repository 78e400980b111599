//! A beacon written by hand that tells duties, and what a test changes about them.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::house::House;
use crate::stub::{Script, Seen, Step, Stub, answer, json};
use crate::wire::{Reply, ask, get, post, until};

pub const ATTESTER: &str = "/eth/v1/validator/duties/attester/";
pub const SYNC: &str = "/eth/v1/validator/duties/sync/";
pub const PAYLOAD: &str = "/eth/v1/validator/duties/ptc/";
pub const PROPOSER: &str = "/eth/v1/validator/duties/proposer/";
pub const PROPOSER_V2: &str = "/eth/v2/validator/duties/proposer/";
/// The epoch of every stub's head.
pub const EPOCH: u64 = 3;
/// First slot of that epoch's stub head.
const HEAD: u64 = 100;

/// What a beacon tells at present.
#[derive(Debug, Clone)]
pub struct View {
    /// The last block before the epoch before its head's.
    pub previous: u8,
    /// The last block before its head's epoch.
    pub current: u8,
    /// Told as the committee of each, so that it is seen who told.
    pub mark: u64,
    /// Validators for which a list is refused as a whole.
    pub unknown: Vec<u64>,
    /// How long it thinks.
    pub slow: Duration,
}

impl Default for View {
    fn default() -> Self {
        Self { previous: 1, current: 2, mark: 7, unknown: Vec::new(), slow: Duration::ZERO }
    }
}

pub type Shared = Arc<Mutex<View>>;

pub fn root(n: u8) -> String {
    format!("0x{}", format!("{n:02x}").repeat(32))
}

/// A beacon of this view.
pub async fn beacon(view: View) -> (Stub, Shared) {
    let view = Arc::new(Mutex::new(view));
    let kept = view.clone();
    let script: Script = Arc::new(move |seen| tell(seen, &kept.lock().unwrap()));
    (Stub::start(script).await, view)
}

/// A house of one beacon.
pub async fn alone(view: View) -> (House, Shared) {
    let (stub, view) = beacon(view).await;
    (House::with(vec![stub], "").await, view)
}

fn tell(seen: &Seen, view: &View) -> Vec<Step> {
    let (path, epoch) = seen.target.rsplit_once('/').unwrap_or_default();
    let (path, epoch) = (format!("{path}/"), epoch.parse().unwrap_or(0_u64));
    let decided = |before: u64| match before {
        before if before + 1 == EPOCH => root(view.previous),
        EPOCH => root(view.current),
        _ => root(99),
    };
    let body = match path.as_str() {
        PROPOSER => proposers(&decided(epoch), view.mark),
        PROPOSER_V2 => proposers(&decided(epoch - 1), view.mark),
        ATTESTER | SYNC | PAYLOAD => {
            let asked = validators(&seen.body);
            if asked.iter().any(|one| view.unknown.contains(one)) {
                let refusal = br#"{"code":400,"message":"Invalid validator index value(s)"}"#;
                return vec![
                    Step::Wait(view.slow),
                    answer("400 Bad Request", &["content-type: application/json"], refusal),
                ];
            }
            let rests = (path != SYNC).then(|| decided(epoch - 1));
            list(rests, asked.iter().filter(|one| path != SYNC || **one % 2 == 0), view.mark)
        }
        _ => return vec![json(r#"{"data":"ok"}"#)],
    };
    vec![Step::Wait(view.slow), json(&body)]
}

fn proposers(rests: &str, mark: u64) -> String {
    let line = format!(r#"{{"pubkey":"0x93","validator_index":"{mark}","slot":"97"}}"#);
    format!(r#"{{ "dependent_root":"{rests}", "execution_optimistic":false, "data":[{line}] }}"#)
}

fn list<'a>(rests: Option<String>, of: impl Iterator<Item = &'a u64>, mark: u64) -> String {
    let mut lines = String::new();
    for one in of {
        let comma = if lines.is_empty() { "" } else { "," };
        write!(
            lines,
            r#"{comma}{{"pubkey":"0x93","validator_index":"{one}","committee_index":"{mark}","slot":"97", "validator_committee_index":"1","validator_sync_committee_indices":["0"],"unheard-of":[{{"a":"]}}"}}]}}"#
        )
        .unwrap();
    }
    let rests = rests.map(|root| format!(r#""dependent_root":"{root}","#)).unwrap_or_default();
    format!(r#"{{{rests}"execution_optimistic":false,"data":[{lines}]}}"#)
}

/// The validators of a question's body.
pub fn validators(body: &[u8]) -> Vec<u64> {
    let list: Vec<String> = serde_json::from_slice(body).unwrap_or_default();
    list.iter().map(|one| one.parse().unwrap()).collect()
}

/// Asks for a list about these validators.
pub async fn about(house: &House, path: &str, epoch: u64, of: &[u64]) -> Reply {
    let body = serde_json::to_vec(&of.iter().map(u64::to_string).collect::<Vec<_>>()).unwrap();
    ask(house.door, &post(&format!("{path}{epoch}"), &body)).await.unwrap()
}

/// Asks for a list that is told whole.
pub async fn whole(house: &House, path: &str, epoch: u64) -> Reply {
    ask(house.door, &get(&format!("{path}{epoch}"))).await.unwrap()
}

/// What an answer tells: the root, and of each validator who told.
pub fn told(reply: &Reply) -> (Option<String>, Vec<(u64, u64)>) {
    assert_eq!(reply.status, 200, "{reply:?}");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let number = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().parse().unwrap();
    let lines = body["data"].as_array().unwrap();
    let lines = lines.iter().map(|line| (number(line, "validator_index"), number(line, "committee_index")));
    (body["dependent_root"].as_str().map(str::to_owned), lines.collect())
}

/// How an answer was come by, and whose it is.
pub fn by(reply: &Reply) -> (&str, &str) {
    (reply.header("x-beacondeck-shared"), reply.header("x-beacondeck-beacon"))
}

/// The bodies of what a beacon was asked about these duties.
pub fn asked(stub: &Stub, path: &str) -> Vec<Vec<u64>> {
    stub.notes.of(path).iter().map(|seen| validators(&seen.body)).collect()
}

/// A beacon's head event, of its one head, as its view has it.
pub fn announce(stub: &Stub, view: &Shared) {
    let View { previous, current, .. } = view.lock().unwrap().clone();
    let (block, previous, current) = (root(0xab), root(previous), root(current));
    stub.event(&format!(
        "event: head\ndata: {{\"slot\":\"{HEAD}\",\"block\":\"{block}\",\"state\":\"{block}\",\"epoch_transition\":false,\"previous_duty_dependent_root\":\"{previous}\",\"current_duty_dependent_root\":\"{current}\",\"execution_optimistic\":false}}\n\n"
    ));
}

/// Waits until the router has heard the head events of all: it knows then which block duties of this epoch rest on.
pub async fn heard(house: &House, views: &[Shared], expected: u8) {
    let probe = 1_000_000 + u64::from(expected);
    until("a head event", async || {
        for (stub, view) in house.stubs.iter().zip(views) {
            announce(stub, view);
        }
        let reply = about(house, ATTESTER, EPOCH, &[probe]).await;
        reply.header("x-beacondeck-shared") == "cached" && told(&reply).0 == Some(root(expected))
    })
    .await;
    // A beacon that heard nothing yet would be heard by now: each was told as often as the first.
    for stub in &house.stubs {
        assert!(stub.notes.open_streams() > 0, "its events are read");
    }
}
