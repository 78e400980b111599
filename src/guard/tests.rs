//! Generated histories of a fleet: what is given is judged by a database of EIP-3076 at each client.
//!
//! Reorgs, late blocks, a clock that jumps, lagging and lying beacons, clients that ask early and often and again, blocks
//! published twice, garbage, and restarts of the router of which only the marks remain.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::chain::BlockKey;
use crate::model::{BeaconName, ClientId, Epoch, Root, Slot, UnixMs, ValidatorIndex};

const GENESIS: UnixMs = UnixMs(1);
/// Slots of an epoch here.
const EPOCH: u64 = 8;
/// Units of a slot: a question closes after five.
const SLOT: i64 = 12;
/// Histories begin in the tenth epoch.
const FIRST: i64 = 10 * EPOCH as i64 * SLOT;

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Happens {
    /// A new head is agreed: a block, a late one or a reorg.
    Head(u8),
    /// Time passes, or the clock jumps.
    Time(i64),
    /// A client asks for a slot near now; the beacon asked is at this head and that far behind with its source.
    Ask { client: u16, off: i64, head: u8, lag: u64 },
    /// A client asks for the next slot from before it begins, every 50 ms, until its question has closed.
    Poll { client: u16, head: u8, lag: u64 },
    /// A client signs what it was given last, and publishes.
    Sign(u16),
    /// A client asks for a block of a slot near now.
    Propose { client: u16, off: i64 },
    /// It signs the block it was given last and publishes it; so often.
    Publish { client: u16, times: u8 },
    /// Somebody publishes garbage for a slot near now.
    Garbage(i64),
    /// The router ends, and another begins with its marks.
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    let client = || 0..4_u16;
    prop_oneof![
        1 => (0..4_u8).prop_map(Happens::Head),
        2 => (0..40_i64).prop_map(Happens::Time),
        1 => (-300..300_i64).prop_map(Happens::Time),
        6 => (client(), -1..=1_i64, 0..4_u8, 0..3_u64)
            .prop_map(|(client, off, head, lag)| Happens::Ask { client, off, head, lag }),
        1 => (client(), 0..4_u8, 0..3_u64).prop_map(|(client, head, lag)| Happens::Poll { client, head, lag }),
        3 => client().prop_map(Happens::Sign),
        3 => (client(), -1..=1_i64).prop_map(|(client, off)| Happens::Propose { client, off }),
        2 => (client(), 1..3_u8).prop_map(|(client, times)| Happens::Publish { client, times }),
        1 => (-1..=1_i64).prop_map(Happens::Garbage),
        1 => Just(Happens::Restart),
    ]
}

fn epoch(slot: u64) -> u64 {
    slot / EPOCH
}

/// Who attests in a slot, of each client: everyone once an epoch, at times in slots next to each other.
fn attester(slot: u64) -> u64 {
    (slot % EPOCH + EPOCH * EPOCH - epoch(slot) * 3 % EPOCH) * 5 % EPOCH
}

fn data(slot: u64, head: u8, lag: u64) -> AttestationData {
    let point = |epoch: u64| Checkpoint { epoch: Epoch(epoch), root: Root([epoch as u8; 32]) };
    let (source, target) = (point((epoch(slot) - 1).saturating_sub(lag)), point(epoch(slot)));
    AttestationData { slot: Slot(slot), index: 0, head: Root([head; 32]), source, target }
}

/// What a signer keeps of its validators.
#[derive(Default)]
struct Database {
    votes: HashMap<u64, Vec<AttestationData>>,
    /// The last block of each proposer: a pruned database keeps no more.
    blocks: HashMap<ValidatorIndex, BlockKey>,
}

impl Database {
    /// Whether EIP-3076 forbids the next vote.
    fn refuses(&self, next: &AttestationData) -> bool {
        let (source, target) = (next.source.epoch, next.target.epoch);
        self.votes.get(&attester(next.slot.0)).into_iter().flatten().any(|old| {
            let (old_source, old_target) = (old.source.epoch, old.target.epoch);
            let double = old_target == target && old != next;
            let surrounds = source < old_source && old_target < target;
            let surrounded = old_source < source && target < old_target;
            double || surrounds || surrounded
        })
    }

    /// Whether it forbids the next block: none of a slot that is not later than the last, but the same again.
    fn refuses_block(&self, next: &BlockKey) -> bool {
        self.blocks.get(&next.proposer).is_some_and(|last| next.slot <= last.slot && next != last)
    }

    fn has_vote(&self, slot: u64) -> bool {
        self.votes.get(&attester(slot)).into_iter().flatten().any(|vote| vote.slot.0 == slot)
    }
}

/// The router, as far as it decides what is signed.
#[derive(Default)]
struct Router {
    board: Board<AttestationData>,
    drafts: Drafts<(u16, u64), BlockKey>,
    proposals: Proposals,
}

struct Fleet {
    router: Router,
    now: i64,
    head: u8,
    /// What each client was given last, and whether by this process.
    last: HashMap<u16, (AttestationData, bool)>,
    signed: HashMap<(u16, u64), AttestationData>,
    closed: HashSet<u64>,
    draft: HashMap<u16, BlockKey>,
    databases: HashMap<u16, Database>,
    /// What is on the network.
    out: HashMap<(Slot, ValidatorIndex), BlockKey>,
    blocks: u32,
}

impl Fleet {
    fn new() -> Self {
        Self {
            router: Router::default(),
            now: FIRST,
            head: 0,
            last: HashMap::new(),
            signed: HashMap::new(),
            closed: HashSet::new(),
            draft: HashMap::new(),
            databases: HashMap::new(),
            out: HashMap::new(),
            blocks: 0,
        }
    }

    fn slot(&self, off: i64) -> u64 {
        (self.now / SLOT + off) as u64
    }

    /// A block no other is; clients share their keys, as they should not.
    fn block(&mut self, slot: u64) -> BlockKey {
        self.blocks += 1;
        let mut state = Root([7; 32]);
        state.0[..4].copy_from_slice(&self.blocks.to_be_bytes());
        let proposer = ValidatorIndex(slot / 2 % 3);
        BlockKey { slot: Slot(slot), proposer, parent: Root([self.head; 32]), state }
    }

    fn ask(&mut self, client: u16, off: i64, head: u8, lag: u64) -> Result<(), TestCaseError> {
        let slot = self.slot(off);
        let closed = self.now >= slot as i64 * SLOT + 5;
        let (stage, said) = (Stage { head: Some(Root([self.head; 32])), closed }, data(slot, head, lag));
        let topic = Topic { slot: Slot(slot), committee: None };
        let board = &mut self.router.board;
        if board.question(GENESIS, Slot(slot)).is_err() {
            return Ok(());
        }
        let Ok(stands) = board.standing(ClientId(client), topic, stage) else { return Ok(()) };
        let given = stands.or_else(|| {
            let (ticket, by) = (board.ticket(), BeaconName::new(format!("b{head}")));
            let heard = Heard { ticket, stage, data: said, steady: true, by, alone: false };
            let answer = board.settle(topic, heard, said)?;
            Some(board.hand(ClientId(client), topic, answer, answer))
        });
        let Some(answer) = given else { return Ok(()) };
        prop_assert_eq!(answer.slot.0, slot);
        if let Some(signed) = self.signed.get(&(client, slot)) {
            prop_assert_eq!(&answer, signed, "one answer once it was signed");
        } else if !closed && !self.closed.contains(&slot) {
            let agreed = answer.head == Root([self.head; 32]);
            prop_assert!(agreed || answer == said, "an older head was kept");
        }
        if closed {
            self.closed.insert(slot);
        }
        self.last.insert(client, (answer, true));
        Ok(())
    }

    fn sign(&mut self, client: u16) -> Result<(), TestCaseError> {
        let Some((given, here)) = self.last.get(&client).copied() else { return Ok(()) };
        let database = self.databases.entry(client).or_default();
        let known = self.signed.contains_key(&(client, given.slot.0));
        if database.has_vote(given.slot.0) && !known {
            // It did this duty before the router began anew, and does no duty twice.
            return Ok(());
        }
        prop_assert!(!database.refuses(&given), "{given:?} after {:?}", database.votes);
        database.votes.entry(attester(given.slot.0)).or_default().push(given);
        if here {
            self.signed.insert((client, given.slot.0), given);
        }
        self.router.board.signed(ClientId(client), given.slot);
        // A beacon took it: what a process before gave counts, too.
        self.router.board.took(&given);
        Ok(())
    }

    /// As the router does: the same bytes again, else those of a beacon, if they may be given.
    fn propose(&mut self, client: u16, off: i64) {
        let slot = self.slot(off);
        let drafts = &self.router.drafts;
        let block = drafts.given(&(client, slot)).unwrap_or_else(|| self.block(slot));
        if self.router.proposals.gives(&block).is_ok() {
            let given = self.router.drafts.give((client, slot), block, 1);
            self.draft.insert(client, given);
        }
    }

    fn publish(&mut self, client: u16) -> Result<(), TestCaseError> {
        let Some(block) = self.draft.get(&client).copied() else { return Ok(()) };
        let database = self.databases.entry(client).or_default();
        // It was given before its own time was over; a client signs at once or not at all.
        if block.slot.0.abs_diff((self.now / SLOT) as u64) > 1 {
            return Ok(());
        }
        prop_assert!(!database.refuses_block(&block), "{block:?} after {:?}", database.blocks);
        database.blocks.insert(block.proposer, block);
        match self.router.proposals.enter(&block) {
            Ok(Entry::Goes) => {
                let known = self.out.insert((block.slot, block.proposer), block);
                prop_assert!(known.is_none_or(|known| known == block), "two blocks of one slot are out");
                self.router.proposals.end(&block, End::Taken);
            }
            Ok(Entry::Waits) => prop_assert!(false, "nothing else is under way"),
            Err(Blocked::Second { .. }) => {
                let out = self.out.get(&(block.slot, block.proposer));
                prop_assert!(out.is_some_and(|out| *out != block), "refused, and no other is out");
            }
            Err(Blocked::Behind { published, .. }) => {
                let late = block.slot.0 + Published::SLOTS <= published.0;
                prop_assert!(late, "the process before told what was published in its last slots");
            }
        }
        Ok(())
    }

    /// What no beacon takes; while it is under way it makes others wait, and no longer.
    fn garbage(&mut self, off: i64) -> Result<(), TestCaseError> {
        let slot = self.slot(off);
        let (garbage, right) = (self.block(slot), self.block(slot));
        if self.router.proposals.enter(&garbage) == Ok(Entry::Goes) {
            prop_assert_eq!(self.router.proposals.enter(&right), Ok(Entry::Waits));
            self.router.proposals.end(&garbage, End::Refused);
            prop_assert_eq!(self.router.proposals.enter(&right), Ok(Entry::Goes));
            self.router.proposals.end(&right, End::Refused);
        }
        Ok(())
    }

    fn restart(&mut self) {
        let before = std::mem::take(&mut self.router);
        if let Some(marks) = before.board.marks(GENESIS) {
            self.router.board.raise(GENESIS, &marks);
        }
        for one in before.proposals.last(GENESIS) {
            self.router.proposals.raise(GENESIS, one);
        }
        self.signed.clear();
        self.closed.clear();
        self.last.values_mut().for_each(|(_, here)| *here = false);
    }

    fn happens(&mut self, happens: &Happens) -> Result<(), TestCaseError> {
        self.router.proposals.on(GENESIS);
        match *happens {
            Happens::Head(new) => self.head = new,
            Happens::Time(by) => self.now = (self.now + by).max(FIRST),
            Happens::Ask { client, off, head, lag } => self.ask(client, off, head, lag)?,
            Happens::Poll { client, head, lag } => {
                // A slot of 12 units has 240 polls of 50 ms: as many between two units do not differ.
                self.now = (self.now / SLOT + 1) * SLOT - 1;
                for tick in 0..7 {
                    self.ask(client, i64::from(tick == 0), head, lag)?;
                    self.now += 1;
                }
            }
            Happens::Sign(client) => self.sign(client)?,
            Happens::Propose { client, off } => self.propose(client, off),
            Happens::Publish { client, times } => (0..times).try_for_each(|_| self.publish(client))?,
            Happens::Garbage(off) => self.garbage(off)?,
            Happens::Restart => self.restart(),
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_signer_has_to_refuse_what_was_given(history in prop::collection::vec(happens(), 1..200)) {
        let mut fleet = Fleet::new();
        for each in &history {
            fleet.happens(each)?;
        }
    }
}
