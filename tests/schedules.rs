//! Random schedules of faults, heals, drains and resumes over real sockets: no request is lost or duplicated by drain or
//! failover.
//!
//! One beacon, the anchor, stays healthy; it changes hands within a run once the next one is healthy. With that, and
//! whatever befalls all others at once:
//! * each request gets exactly one answer, its own, on the connection it was sent on;
//! * no read and no publication fails; each that is no attestation data, which is shared, was asked of a beacon;
//! * a publication that was answered reached a beacon, and none twice;
//! * a drained beacon gets nothing until it is resumed;
//! * afterwards every beacon comes back.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;

#[path = "schedules/clients.rs"]
mod clients;
#[path = "schedules/dice.rs"]
mod dice;

use std::collections::HashMap;
use std::time::Duration;

use beacondeck::model::{BeaconStatus, Lifecycle, Outcome};
use beacondeck::sim::{Fault, SimConfig, SimNetwork};
use clients::{Clients, Kind};
use common::{Rig, wait_for};
use dice::Dice;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Keep-alive clients.
const CLIENTS: usize = 8;
/// Things that happen in a run.
const STEPS: usize = 10;
/// Returning takes a few probes, more for one that was out often.
const KNOBS: &str = "probing: {interval: 200ms, timeout: 400ms}\nhealth: {rise: 2, warm-up-slots: 0}\n";
/// No step of a healthy fleet takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

fn config(beacons: usize, seed: u64) -> SimConfig {
    SimConfig {
        beacons,
        clients: 0,
        seed,
        slot_ms: 3_000,
        past_epochs: 3,
        auto_blocks_ms: Some(0),
        ..SimConfig::default()
    }
}

const FAULTS: [Fault; 10] = [
    Fault::Hang,
    Fault::Reset,
    Fault::Refuse,
    Fault::Restart,
    Fault::Slow(400),
    Fault::Errors(500),
    Fault::Truncate,
    Fault::Gc { pause_ms: 300, run_ms: 200 },
    Fault::Optimistic,
    Fault::Syncing,
];

/// A beacon as the schedule left it.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Well,
    Faulty,
    /// Drained; so many tagged requests had arrived by then.
    Drained(u64),
}

struct Run {
    network: SimNetwork,
    rig: Rig,
    dice: Dice,
    states: Vec<State>,
    anchor: usize,
    /// What happened, for the reader of a failure.
    log: Vec<String>,
}

fn used(status: &BeaconStatus) -> bool {
    status.healthy && status.lifecycle == Lifecycle::Active
}

impl Run {
    async fn start(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let beacons = 3 + dice.below(2);
        let network = SimNetwork::start(config(beacons, seed)).await.unwrap();
        let rig = Rig::start(&network, KNOBS).await;
        let all = wait_for(PATIENCE, || rig.status().beacons.iter().all(used)).await;
        assert!(all, "{:?}", rig.status());
        let anchor = dice.below(beacons);
        Self { network, rig, dice, states: vec![State::Well; beacons], anchor, log: Vec::new() }
    }

    fn tagged(&self, place: usize) -> u64 {
        self.network.beacon(place).tags().values().map(|count| u64::from(*count)).sum()
    }

    /// One thing happens to one beacon that is not the anchor.
    async fn step(&mut self) {
        let place = (self.anchor + 1 + self.dice.below(self.states.len() - 1)) % self.states.len();
        self.log.push(format!("{place} {:?} (anchor {})", self.states[place], self.anchor));
        match self.states[place] {
            State::Faulty => {
                self.network.beacon(place).heal();
                self.states[place] = State::Well;
            }
            State::Drained(_) => self.resume(place).await,
            // Only one that serves is drained here: a stuck one would read later what was sent before.
            State::Well if self.dice.below(3) == 0 && used(&self.rig.beacon(place)) => {
                self.drain(place).await;
            }
            State::Well => {
                let fault = FAULTS[self.dice.below(FAULTS.len())];
                self.log.push(format!("{fault:?}"));
                self.network.beacon(place).set(fault);
                self.states[place] = State::Faulty;
            }
        }
    }

    async fn drain(&mut self, place: usize) {
        drain(&self.rig, place).await;
        self.states[place] = State::Drained(self.tagged(place));
    }

    async fn resume(&mut self, place: usize) {
        if let State::Drained(before) = self.states[place] {
            assert_eq!(self.tagged(place), before, "{place} is drained and got requests\n{:#?}", self.log);
        }
        self.rig.order(place, false).await;
        self.states[place] = State::Well;
    }

    /// Another beacon is made well and becomes the anchor once the router uses it.
    async fn hand_over(&mut self) {
        let next = (self.anchor + 1) % self.states.len();
        match self.states[next] {
            State::Faulty => self.network.beacon(next).heal(),
            State::Drained(_) => self.resume(next).await,
            State::Well => {}
        }
        self.states[next] = State::Well;
        let back = wait_for(PATIENCE, || used(&self.rig.beacon(next))).await;
        assert!(back, "{next} does not come back: {:?}\n{:#?}", self.rig.beacon(next), self.log);
        self.anchor = next;
    }

    async fn calm(&mut self) {
        for place in 0..self.states.len() {
            match self.states[place] {
                State::Faulty => self.network.beacon(place).heal(),
                State::Drained(_) => self.resume(place).await,
                State::Well => {}
            }
            self.states[place] = State::Well;
        }
        let back = wait_for(PATIENCE, || self.rig.status().beacons.iter().all(used)).await;
        assert!(back, "{:?}\n{:#?}", self.rig.status().beacons, self.log);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_duplicated_whatever_befalls_the_others(
    #[values(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)] seed: u64,
) {
    let mut run = Run::start(seed).await;
    let clients = Clients::start(CLIENTS, &run.network, &run.rig.url());
    for step in 0..STEPS {
        run.step().await;
        let pause = 100 + run.dice.below(400) as u64;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if step == STEPS / 2 {
            run.hand_over().await;
        }
    }
    run.calm().await;
    let done = clients.stop().await;
    // Copies that were still on their way to beacons that hung have arrived or never will.
    let arrivals: Vec<HashMap<String, u32>> =
        run.network.beacons().iter().map(|beacon| beacon.tags()).collect();
    let story = || format!("seed {seed}: {:#?}", run.log);
    assert!(done.len() > 200, "{} requests are no load: {}", done.len(), story());
    assert!(
        done.iter().any(|one| one.kind == Kind::Publish) && done.iter().any(|one| one.kind == Kind::Sign)
    );
    for one in &done {
        assert_eq!(one.wrong, None, "{one:?}\n{}", story());
        let each: Vec<u32> = arrivals.iter().map(|tags| tags.get(&one.tag).copied().unwrap_or(0)).collect();
        let most = if one.kind == Kind::Publish { 1 } else { 2 };
        let shared = one.kind == Kind::Sign;
        assert!(
            shared || each.iter().any(|count| *count > 0),
            "{one:?} was answered and asked of nobody\n{}",
            story()
        );
        assert!(each.iter().all(|count| *count <= most), "{one:?} arrived {each:?} times\n{}", story());
    }
    run.rig.stop().await;
    run.network.stop().await;
}

/// A network and a router all of whose beacons are used.
async fn calm(beacons: usize, slot_ms: u64, extra: &str) -> (SimNetwork, Rig) {
    let network = SimNetwork::start(SimConfig { slot_ms, ..config(beacons, 7) }).await.unwrap();
    let rig = Rig::start(&network, &format!("{KNOBS}{extra}")).await;
    assert!(wait_for(PATIENCE, || rig.status().beacons.iter().all(used)).await, "{:?}", rig.status());
    (network, rig)
}

async fn drain(rig: &Rig, place: usize) {
    rig.order(place, true).await;
    let drained = wait_for(PATIENCE, || rig.beacon(place).lifecycle == Lifecycle::Drained).await;
    assert!(drained, "{:?}", rig.beacon(place));
}

fn tagged(network: &SimNetwork) -> Vec<usize> {
    network.beacons().iter().map(|beacon| beacon.tags().len()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_by_what_is_so_when_its_body_is_complete() {
    let (network, rig) = calm(2, 3_000, "").await;
    let (head, body) = clients::publication("late", clients::slot(&network));
    let (first, rest) = body.split_at(body.len() / 2);
    let mut stream = tokio::net::TcpStream::connect(rig.engine.doors[0]).await.unwrap();
    stream.write_all((head + first).as_bytes()).await.unwrap();
    network.beacon(0).set(Fault::Refuse);
    assert!(wait_for(PATIENCE, || !used(&rig.beacon(0))).await);
    drain(&rig, 1).await;
    rig.order(1, false).await;
    network.beacon(0).heal();
    network.beacon(0).settled().await;
    drain(&rig, 0).await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("x-beacondeck-attempts: 1\r\n"),
        "{answer}"
    );
    assert_eq!(tagged(&network), [0, 1]);
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_drained_since_the_choice_is_not_asked_any_more() {
    let (network, rig) = calm(3, 12_000, "routing: {broadcast: {messages: 1}}\n").await;
    // Takes longer than the router waits before it asks another.
    network.beacons().iter().for_each(|beacon| beacon.set(Fault::Slow(3_000)));
    let (head, body) = clients::publication("slow", clients::slot(&network));
    let answer = tokio::spawn(clients::exchange(rig.engine.doors[0], head + &body));
    assert!(wait_for(PATIENCE, || tagged(&network).contains(&1)).await);
    let first = tagged(&network);
    for other in (0..3).filter(|place| first[*place] == 0) {
        drain(&rig, other).await;
    }
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(tagged(&network), first, "the drained ones were next in turn");
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_lasts_as_long_as_a_block_of_this_beacon_may_have_to_be_finished() {
    let (network, rig) = calm(2, 1_500, "").await;
    let answer = clients::exchange(rig.engine.doors[0], clients::production(clients::slot(&network))).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let producer = usize::from(answer.contains("x-beacondeck-beacon: b1\r\n"));
    let asked = std::time::Instant::now();
    drain(&rig, 1 - producer).await;
    let idle = asked.elapsed();
    rig.order(1 - producer, false).await;
    drain(&rig, producer).await;
    assert!(idle < Duration::from_millis(1_400), "the other one owes nothing: {idle:?}");
    assert!(
        asked.elapsed() >= Duration::from_millis(1_400),
        "{:?}: its block may be on its way",
        asked.elapsed()
    );
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_beacon_that_was_overtaken_is_told_of() {
    let (network, rig) = calm(2, 3_000, "").await;
    let clients = Clients::start(1, &network, &rig.url());
    let served = async || {
        let reads = rig.explain(1_000).await;
        reads.iter().find(|one| one.endpoint == "getStateValidator").map(|one| one.served_by.clone())
    };
    let mut by = None;
    while by.is_none() {
        by = served().await;
    }
    let first = usize::from(by.as_deref() == Some("b1"));
    network.beacon(first).set(Fault::Hang);
    assert!(wait_for(PATIENCE, || !used(&rig.beacon(first))).await);
    let done = clients.stop().await;
    assert!(done.iter().all(|one| one.wrong.is_none()), "{done:?}");
    let explained = rig.explain(1_000).await;
    let overtaken =
        explained.iter().find(|one| one.endpoint == "getStateValidator" && one.attempts.len() == 2);
    let [late, early] = &overtaken.unwrap_or_else(|| panic!("{explained:#?}")).attempts[..] else { panic!() };
    assert_eq!((late.beacon.to_string(), late.outcome), (format!("b{first}"), Outcome::Overtaken));
    assert_eq!((early.beacon.to_string(), early.outcome), (format!("b{}", 1 - first), Outcome::Ok));
    assert!(late.start_ms < early.start_ms && late.took_ms > early.took_ms);
    rig.stop().await;
    network.stop().await;
}
