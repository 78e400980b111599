//! Blocks to be signed: the best of several, in time, and the same bytes to whoever asks the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::house::House;
use crate::signable::slot;
use crate::stub::{Script, Seen, Step, Stub, answer, json};
use crate::wire::{Reply, ask, get, post, read, request};

/// The head that all stubs have.
const HEAD: u8 = 0xab;
const ETH: &str = "1000000000000000000";
/// Of a slot's budget: what nobody is waited for any longer, generously.
const LATE: Duration = Duration::from_millis(2_500);

fn target(slot: u64, more: &str) -> String {
    format!("/eth/v3/validator/blocks/{slot}?randao_reveal=0xaa{more}")
}

/// A block as JSON: by its parent, and by its state as one of many.
pub fn block(slot: u64, parent: u8, state: u8) -> String {
    let root = |byte: u8| format!("0x{}", format!("{byte:02x}").repeat(32));
    format!(
        r#"{{"slot":"{slot}","proposer_index":"7","parent_root":"{}","state_root":"{}","body":{{}}}}"#,
        root(parent),
        root(state)
    )
}

/// What a beacon makes of a question for a block.
#[derive(Clone)]
pub struct Maker {
    /// Header lines.
    pub says: Vec<String>,
    pub parent: u8,
    pub late: Duration,
    /// The state of its first block; each call makes another.
    pub state: u8,
}

impl Maker {
    pub fn new(state: u8) -> Self {
        Self { says: Vec::new(), parent: HEAD, late: Duration::ZERO, state }
    }

    fn worth(self, payload: &str) -> Self {
        self.says(&format!("eth-execution-payload-value: {payload}"))
    }

    pub fn says(mut self, line: &str) -> Self {
        self.says.push(line.to_owned());
        self
    }

    fn late(mut self, ms: u64) -> Self {
        self.late = Duration::from_millis(ms);
        self
    }

    fn upon(mut self, parent: u8) -> Self {
        self.parent = parent;
        self
    }

    /// A beacon that does so, and answers everything else well.
    pub async fn start(self) -> Stub {
        let calls = AtomicU8::new(0);
        let script: Script = Arc::new(move |seen: &Seen| {
            let Some(path) =
                seen.target.strip_prefix("/eth/v").filter(|path| path.contains("/validator/blocks/"))
            else {
                return vec![json(r#"{"data":"ok"}"#)];
            };
            let path = path.split('?').next().unwrap();
            let slot = path.split('/').nth(3).unwrap().parse().unwrap();
            let state = self.state + calls.fetch_add(1, SeqCst);
            let body = format!(r#"{{"version":"fulu","data":{}}}"#, block(slot, self.parent, state));
            let mut lines = vec!["content-type: application/json"];
            lines.extend(self.says.iter().map(String::as_str));
            vec![Step::Wait(self.late), answer("200 OK", &lines, body.as_bytes())]
        });
        Stub::start(script).await
    }
}

async fn house(makers: Vec<Maker>, extra: &str) -> House {
    let mut stubs = Vec::new();
    for maker in makers {
        stubs.push(maker.start().await);
    }
    House::with(stubs, extra).await
}

fn by(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.header("x-beacondeck-beacon"))
}

fn asked(house: &House) -> Vec<usize> {
    house.stubs.iter().map(|stub| stub.notes.of("/eth/v3/validator/blocks/").len()).collect()
}

#[rstest]
#[case::more("", &["eth-execution-payload-value: 1000000000000000000"], &["eth-execution-payload-value: 1000000000000000001"])]
#[case::both_values("", &["eth-execution-payload-value: 6"], &["eth-execution-payload-value: 5", "eth-consensus-block-value: 2"])]
#[case::zero("", &["eth-execution-payload-value: 0"], &["eth-execution-payload-value: 1"])]
#[case::empty("", &["eth-execution-payload-value: ", "eth-consensus-block-value: "], &["eth-execution-payload-value: 1"])]
#[case::missing("", &[], &["eth-consensus-block-value: 1"])]
#[case::builders_are_weighed(
    "&builder_boost_factor=50",
    &["eth-execution-payload-value: 190", "eth-execution-payload-blinded: true"],
    &["eth-execution-payload-value: 100", "eth-execution-payload-blinded: false"]
)]
#[case::no_builder_is_wanted(
    "&builder_boost_factor=0",
    &["eth-execution-payload-value: 190", "eth-execution-payload-blinded: true"],
    &["eth-execution-payload-blinded: false"]
)]
#[tokio::test(flavor = "multi_thread")]
async fn the_better_of_two_is_given(#[case] query: &str, #[case] worse: &[&str], #[case] better: &[&str]) {
    let maker = |state, lines: &[&str]| lines.iter().fold(Maker::new(state), |maker, line| maker.says(line));
    // The worse one is asked first and is the faster one.
    let house = house(vec![maker(1, worse), maker(101, better).late(150)], "").await;
    let reply = read(house.door, &target(slot() + 1, query)).await;
    assert_eq!(by(&reply), (200, "b1"), "{reply:?}");
    assert_eq!((reply.header("x-beacondeck-attempts"), asked(&house)), ("2", vec![1, 1]));
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_upon_another_head_loses_and_is_given_when_nobody_has_a_better_one() {
    let wrong = || Maker::new(1).worth(ETH).upon(0x11);
    let two = house(vec![wrong(), Maker::new(101).worth("1").late(200)], "").await;
    assert_eq!(by(&read(two.door, &target(slot() + 1, "")).await), (200, "b1"));
    let rich = wrong().says("eth-consensus-block-value: 1");
    let all_wrong = house(vec![wrong(), rich], "").await;
    assert_eq!(by(&read(all_wrong.door, &target(slot() + 1, "")).await), (200, "b1"), "the best of the bad");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_nothing_to_give_is_replaced() {
    let other_slot = Stub::start(Arc::new(|seen: &Seen| {
        let body = format!(r#"{{"data":{}}}"#, block(5, HEAD, 9));
        if seen.target.contains("/validator/blocks/") {
            vec![json(&body)]
        } else {
            vec![json(r#"{"data":"ok"}"#)]
        }
    }));
    let failing = Stub::start(Arc::new(|seen: &Seen| {
        let error = answer("500 Internal Server Error", &[], b"no payload");
        if seen.target.contains("/validator/blocks/") { vec![error] } else { vec![json(r#"{"data":"ok"}"#)] }
    }));
    let stubs = vec![other_slot.await, failing.await, Maker::new(1).start().await];
    let house = House::with(stubs, "").await;
    assert_eq!(by(&read(house.door, &target(slot() + 1, "")).await), (200, "b2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_beacon_is_not_waited_for_beyond_the_soft_deadline() {
    let rich = Maker::new(101).worth(ETH);
    let fast_and_slow = house(vec![Maker::new(1).worth("1"), rich.clone().late(3_500)], "").await;
    let began = Instant::now();
    assert_eq!(by(&read(fast_and_slow.door, &target(slot() + 1, "")).await), (200, "b0"));
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
    assert_eq!(asked(&fast_and_slow), [1, 1]);
    // If nobody is in time, the first that comes is taken.
    let both_slow = house(vec![Maker::new(1).worth("1").late(1_000), rich.late(3_500)], "").await;
    let began = Instant::now();
    assert_eq!(by(&read(both_slow.door, &target(slot() + 1, "")).await), (200, "b0"));
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
}

#[rstest]
#[case::default("", 2)]
#[case::one("routing: {producers: 1}\n", 1)]
#[case::more_than_there_are("routing: {producers: 9}\n", 3)]
#[tokio::test(flavor = "multi_thread")]
async fn as_many_are_asked_as_the_fleet_file_says(#[case] extra: &str, #[case] count: usize) {
    let house = house((0..3).map(|place| Maker::new(1 + 50 * place)).collect(), extra).await;
    assert_eq!(read(house.door, &target(slot() + 1, "")).await.status, 200);
    assert_eq!(asked(&house).iter().sum::<usize>(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_gets_the_same_bytes() {
    let house =
        house(vec![Maker::new(1).worth("1").late(100), Maker::new(101).worth("2").late(100)], "").await;
    let target = target(slot() + 1, "");
    let at_once = futures_util::future::join_all((0..8).map(|_| read(house.door, &target))).await;
    let first = &at_once[0];
    assert_eq!(by(first), (200, "b1"));
    for reply in at_once.iter().chain([&read(house.door, &target).await]) {
        assert_eq!((by(reply), &reply.body), (by(first), &first.body));
    }
    assert_eq!(asked(&house), [1, 1]);
    let line = format!("GET {target} HTTP/1.1");
    let either = "accept: application/octet-stream;q=1,application/json;q=0.9";
    let reply = ask(house.door, &request(&line, &["host: door", either], b"")).await.unwrap();
    assert_eq!((reply.status, &reply.body), (200, &first.body));
    let only = "accept: application/octet-stream";
    let reply = ask(house.door, &request(&line, &["host: door", only], b"")).await.unwrap();
    assert_eq!(reply.status, 406);
    assert!(reply.message().contains("was given to this client as JSON"), "{}", reply.message());
    let other = target.replace("0xaa", "0xbb");
    assert_ne!(read(house.door, &other).await.body, first.body, "another validator's");
    assert_eq!(asked(&house), [2, 2]);
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_not_remembered() {
    let calls = Arc::new(AtomicU8::new(0));
    let counted = calls.clone();
    let script: Script = Arc::new(move |seen: &Seen| {
        if !seen.target.contains("/validator/blocks/") {
            return vec![json(r#"{"data":"ok"}"#)];
        }
        if counted.fetch_add(1, SeqCst) == 0 {
            return vec![answer("500 Internal Server Error", &["content-type: application/json"], b"{}")];
        }
        let slot = seen.target.split(['/', '?']).nth(5).unwrap().parse().unwrap();
        vec![json(&format!(r#"{{"data":{}}}"#, block(slot, HEAD, 3)))]
    });
    let house = House::of(script, "").await;
    let target = target(slot() + 1, "");
    assert_eq!(read(house.door, &target).await.status, 500);
    assert_eq!(read(house.door, &target).await.status, 200);
}

/// Gloas: the configuration of builders is a body, and goes to each that is asked, with the question as it is.
#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_v4_are_asked_of_several() {
    let house = house(vec![Maker::new(1).worth("1"), Maker::new(101).worth("2")], "").await;
    let path = format!("/eth/v4/validator/blocks/{}?randao_reveal=0xaa&include_payload=false", slot() + 1);
    let by_get = ask(house.door, &get(&path)).await.unwrap();
    let body = br#"{"min_bid":"0","builder_boost_factor":"90","builders":[]}"#;
    let by_post = ask(house.door, &post(&path, body)).await.unwrap();
    for reply in [&by_get, &by_post] {
        assert_eq!(by(reply), (200, "b1"), "{reply:?}");
    }
    for stub in &house.stubs {
        let seen = stub.notes.of(&path);
        let told: Vec<(&str, &[u8])> = seen.iter().map(|seen| (seen.method.as_str(), &*seen.body)).collect();
        assert_eq!(told, [("GET", &b""[..]), ("POST", body)]);
    }
}

/// Before beacon-APIs#631 a v4 answer does not say what its payload is worth: what all say decides then.
#[tokio::test(flavor = "multi_thread")]
async fn v4_without_a_payloads_value_is_compared_by_what_all_say() {
    let makers = |payload: Option<&str>| {
        let told = Maker::new(1).worth(ETH).says("eth-consensus-block-value: 1");
        let other = Maker::new(101).says("eth-consensus-block-value: 2").late(150);
        vec![told, payload.into_iter().fold(other, Maker::worth)]
    };
    let path = format!("/eth/v4/validator/blocks/{}?randao_reveal=0xaa&include_payload=true", slot() + 1);
    for (payload, better) in [(None, "b1"), (Some("0"), "b0")] {
        let house = house(makers(payload), "").await;
        assert_eq!(by(&read(house.door, &path).await), (200, better), "{payload:?}");
    }
}
