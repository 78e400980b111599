//! What the ledger costs: 200,000 validators of 200 clients in a network of a million, slot by slot.
//!
//! It owns a chain made while it is played: every block includes the votes of the slot before as Electra has them (all 64
//! committees in one) and some that are late. It measures what a slot takes (what passed, the block, counting, the sums by
//! path), what it takes to count a whole epoch anew, as after a reorg, and what memory the ledger has grown to. It never
//! judges speed: `--smoke` fails only if something does not work.
//!
//! ```text
//! cargo bench --bench ledger               # half a minute
//! cargo bench --bench ledger -- --smoke    # a smaller network, everything once (or BEACONDECK_BENCH_SMOKE=1)
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up fails, and prints"
)]

use std::time::{Duration, Instant};

use beacondeck::duties::{Block, Committee, Given, Included, Kind, Ledger, Passage, Shape};
use beacondeck::model::{BeaconId, BeaconSet, ClientId, Epoch, Root, Slot, Step, ValidatorIndex};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "ledger", about = "Measures the ledger of duties")]
struct Args {
    /// A smaller network, everything once; speed is not judged
    #[arg(long, env = "BEACONDECK_BENCH_SMOKE", value_parser = clap::builder::FalseyValueParser::new())]
    smoke: bool,
    /// Given by cargo; means nothing here
    #[arg(long, hide = true)]
    bench: bool,
}

const SLOTS_PER_EPOCH: u64 = 32;
const COMMITTEES: u64 = 64;
const CLIENTS: u64 = 200;
const BEACONS: u16 = 100;
/// One validator in so many is ours.
const OURS: u64 = 5;
/// Epochs played; the ledger keeps four.
const EPOCHS: u64 = 6;
/// One vote in so many comes a slot late.
const LATE: u64 = 50;
/// Coprime to the size of either network: who sits where is another each epoch.
const STRIDE: u64 = 7_919;

/// A network of so many validators.
#[derive(Debug, Clone, Copy)]
struct Network(u64);

impl Network {
    fn per_slot(self) -> u64 {
        self.0 / SLOTS_PER_EPOCH
    }

    /// Who sits at a place of a slot, over all its committees.
    fn seat(self, slot: u64, place: u64) -> u64 {
        let at = slot % SLOTS_PER_EPOCH * self.per_slot() + place;
        (at * STRIDE + slot / SLOTS_PER_EPOCH * 104_729) % self.0
    }

    fn committees(self, epoch: u64) -> Vec<Committee> {
        let of_slot = move |slot: u64| {
            let bound = move |index| self.per_slot() * index / COMMITTEES;
            (0..COMMITTEES).map(move |index| Committee {
                slot: Slot(slot),
                index,
                members: (bound(index)..bound(index + 1))
                    .map(|place| ValidatorIndex(self.seat(slot, place)))
                    .collect(),
            })
        };
        (epoch * SLOTS_PER_EPOCH..(epoch + 1) * SLOTS_PER_EPOCH).flat_map(of_slot).collect()
    }

    /// Votes of a slot: of those in time, or of the late ones.
    fn votes(self, slot: u64, late: bool) -> Included {
        let members = self.per_slot();
        let mut bits = vec![0_u8; (members as usize).div_ceil(8)];
        for place in (0..members).filter(|place| place.is_multiple_of(LATE) == late) {
            bits[place as usize / 8] |= 1 << (place % 8);
        }
        Included {
            slot: Slot(slot),
            committees: u64::MAX,
            bits: bits.into(),
            members: members as u32,
            head: root(slot),
            target: root(slot / SLOTS_PER_EPOCH * SLOTS_PER_EPOCH),
        }
    }

    fn block(self, slot: u64) -> Block {
        let mut votes = Vec::new();
        votes.extend(slot.checked_sub(1).map(|slot| self.votes(slot, false)));
        votes.extend(slot.checked_sub(2).map(|slot| self.votes(slot, true)));
        Block {
            root: root(slot),
            slot: Slot(slot),
            proposer: ValidatorIndex(self.seat(slot, 0)),
            parent: slot.checked_sub(1).map_or(Root([0xff; 32]), root),
            state: root(slot),
            votes,
            sync: Box::default(),
            payload: Vec::new(),
        }
    }

    /// Our validators that attest in a slot, by client.
    fn ours(self, slot: u64) -> Vec<Vec<ValidatorIndex>> {
        let mut by_client = vec![Vec::new(); CLIENTS as usize];
        let seats = (0..self.per_slot()).map(|place| self.seat(slot, place));
        for index in seats.filter(|index| index.is_multiple_of(OURS)) {
            by_client[(index / OURS % CLIENTS) as usize].push(ValidatorIndex(index));
        }
        by_client
    }
}

fn root(slot: u64) -> Root {
    let mut root = [0; 32];
    root[..8].copy_from_slice(&(slot + 1).to_le_bytes());
    Root(root)
}

/// What passed the router in a slot.
fn pass(ledger: &mut Ledger, slot: u64, ours: &[Vec<ValidatorIndex>]) {
    for (client, validators) in (0..).zip(ours) {
        let (beacon, client) = (BeaconId(client % BEACONS), ClientId(client));
        ledger.served(Slot(slot), Step::Attest, client, Given { beacon, after_due_ms: -20 });
        let mut via = BeaconSet(0);
        via.add(beacon);
        let passage = Passage { client, via, after_due_ms: 40 };
        ledger.published(Slot(slot), Kind::Attestation, validators, passage);
    }
}

fn settle(ledger: &mut Ledger) -> usize {
    std::iter::from_fn(|| ledger.settle()).count()
}

/// Memory that is resident, in MB (10^6 bytes).
fn memory() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1_024.0 / 1e6
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn main() {
    let network = Network(if Args::parse().smoke { 32 * 64 * 10 } else { 1_000_000 });
    println!(
        "{} validators of {CLIENTS} clients in a network of {}; promised: an epoch counted within a slot, 400 MB",
        network.0 / OURS,
        network.0
    );
    let before = memory();
    let shape = Shape { slots_per_epoch: SLOTS_PER_EPOCH, sync_period: 256 };
    let mut ledger = Ledger::new(shape);
    let mut slots = Vec::new();
    for slot in 0..EPOCHS * SLOTS_PER_EPOCH {
        let (ours, block) = (network.ours(slot), network.block(slot));
        if slot.is_multiple_of(SLOTS_PER_EPOCH) {
            let epoch = slot / SLOTS_PER_EPOCH;
            let decided = if epoch < 2 { Root::default() } else { root((epoch - 1) * SLOTS_PER_EPOCH - 1) };
            ledger.committees(Epoch(epoch), decided, network.committees(epoch)).unwrap();
        }
        let began = Instant::now();
        ledger.advance(Slot(slot));
        pass(&mut ledger, slot, &ours);
        let head = block.root;
        ledger.block(block);
        ledger.head(head);
        settle(&mut ledger);
        let paths = ledger.by_path(Slot(slot.saturating_sub(2)));
        slots.push(began.elapsed());
        if slot >= 2 {
            let due: usize = network.ours(slot - 2).iter().map(Vec::len).sum();
            let told: u32 = paths.iter().map(|path| path.due).sum();
            assert_eq!(told as usize, due, "everyone's duty of slot {} is counted", slot - 2);
            assert!(paths.iter().all(|path| path.missed == 0 && path.wrong_head == 0), "nothing was missed");
        }
    }
    assert_eq!(ledger.validators() as u64, network.0 / OURS, "all of ours are on the roll");
    let grown = memory() - before;
    slots.sort_unstable();
    println!("  a slot: p50 {:.1} ms, most {:.1} ms", ms(slots[slots.len() / 2]), ms(slots[slots.len() - 1]));
    let last = EPOCHS - 2;
    let decided = root((last - 1) * SLOTS_PER_EPOCH - 1);
    let committees = network.committees(last);
    let began = Instant::now();
    ledger.committees(Epoch(last), decided, committees).unwrap();
    let counted = settle(&mut ledger);
    println!("  an epoch counted anew: {:.0} ms ({counted} slots)", ms(began.elapsed()));
    println!("  memory: {grown:.0} MB more than before");
}
