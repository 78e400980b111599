//! Generated histories of a fleet and its beacons: what the pool, the order of beacons and the guard together give to
//! validator clients is judged by a database of EIP-3076 at each client. Reads take time; nothing here has sockets.
//!
//! Reorgs, late blocks, splits along clients, optimistic, foreign and dead beacons, restarts of the router, clocks that
//! jump, clients that ask from before their slot on every 50 ms, again and again.

mod happens;
mod world;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use self::happens::{Happens, happens};
use self::world::{Blocks, Client, Node, attester};
use super::strategy::{Choice, Key, of};
use crate::chain::{Era, Genesis, SlotClock, Spec};
use crate::endpoint::{Row, table as rows};
use crate::guard::{self, AttestationData, Board, Heard, Stage, Topic};
use crate::model::{
    BeaconId, BeaconName, BeaconSet, ClientId, Health, Moment, Role, Root, Slot, Step, UnixMs, Use,
};
use crate::pool::{AgreedHead, Chain, Event, Facts, Failure, Gauge, Member, Pool, Settings};

const GENESIS: UnixMs = UnixMs(1_700_000_000_000);
const SLOT_MS: u64 = 3_000;
const EPOCH: u64 = 8;
/// Histories begin in the tenth epoch.
const FIRST: u64 = 80;
const TICK_MS: u64 = 50;
/// No answer is about a head that was replaced longer ago, milliseconds.
const STALE_MS: u64 = 150;
/// Clients of the fleet's beacons: two sides of a split.
const FLEET: [&str; 5] = ["Lighthouse", "Lighthouse", "Prysm", "Prysm", "Prysm"];
const CLIENTS: u16 = 3;

struct Read {
    lands: u64,
    topic: Topic,
    stage: Stage,
    ticket: u64,
    by: BeaconId,
    data: AttestationData,
    alone: bool,
    waits: Vec<u16>,
}

struct Fleet {
    clock: SlotClock,
    now: Moment,
    pool: Pool,
    board: Board<AttestationData>,
    reads: Vec<Read>,
    nodes: [Node; FLEET.len()],
    blocks: Blocks,
    clients: Vec<Client>,
    /// Which heads were agreed, and until when each was, by the monotonic clock.
    agreed: Vec<(Root, u64)>,
    /// What was given once a question had closed.
    closed: HashMap<u64, AttestationData>,
    /// Slots and heads that a beacon told of when nobody could be asked who has the agreed head.
    unfair: HashSet<(u64, Root)>,
    row: &'static Row,
}

fn pool(now: Moment) -> Pool {
    let health = Health {
        stale_slots: 1,
        silence: Duration::from_millis(500),
        rise: 1,
        fall: 1,
        warm_up_slots: 1,
        slow_factor: 5,
    };
    let roles = Role::ALL.iter().fold(0, |set, role| set | role.bit());
    let member = |host| (Member { roles, weight: 100, near: false, host }, Arc::new(Gauge::default()));
    Pool::new(Settings { health }, (0..FLEET.len() as u16).map(member).collect(), now)
}

impl Fleet {
    fn new() -> Self {
        let genesis =
            Genesis { time: GENESIS.0 / 1_000, validators_root: Root::default(), fork_version: [0; 4] };
        let spec: Spec = [("SECONDS_PER_SLOT", "3"), ("SLOTS_PER_EPOCH", "8")].into_iter().collect();
        let clock = SlotClock::new(&genesis, &spec).unwrap();
        let now = Moment { wall: clock.start_of(Slot(FIRST)), mono_us: 5_000_000 };
        let blocks = Blocks::until(FIRST);
        let node = Node { head: blocks.last(), ..Node::default() };
        let row = rows().iter().find(|row| row.name == "produceAttestationData").unwrap();
        let mut fleet = Self {
            clock,
            now,
            pool: pool(now),
            board: Board::default(),
            reads: Vec::new(),
            nodes: [node; FLEET.len()],
            blocks,
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            agreed: Vec::new(),
            closed: HashMap::new(),
            unfair: HashSet::new(),
            row,
        };
        fleet.begin();
        fleet
    }

    fn begin(&mut self) {
        self.pool = pool(self.now);
        self.feed(Event::Chain(self.clock.clone()));
        for (place, client) in FLEET.into_iter().enumerate() {
            self.feed(Event::Client(BeaconId(place as u16), client.into()));
            self.tell(place);
        }
    }

    fn feed(&mut self, event: Event) {
        self.pool.handle(event, self.now);
        if let Some(agreed) = self.pool.table(self.now).agreed {
            match self.agreed.last_mut() {
                Some((root, until)) if *root == agreed.root => *until = self.now.mono_us,
                _ => self.agreed.push((agreed.root, self.now.mono_us)),
            }
        }
    }

    /// The router hears what a beacon says of itself and of its head.
    fn tell(&mut self, place: usize) {
        let (id, node) = (BeaconId(place as u16), self.nodes[place]);
        if node.down {
            return self.feed(Event::ProbeFailed(id, Failure::Unreachable));
        }
        let chain = if node.foreign { Chain::Stranger("of another genesis".into()) } else { Chain::Same };
        self.feed(Event::Identified(id, chain));
        let made = self.blocks.at(node.head);
        let facts = Facts {
            optimistic: node.optimistic,
            head_slot: made.block.slot,
            peers: Some(9),
            ..Facts::default()
        };
        self.feed(Event::Probed(id, facts));
        self.feed(Event::Header(self.blocks.at(made.parent).block));
        self.feed(Event::Header(made.block));
        if !node.foreign {
            let head = AgreedHead { slot: made.block.slot, root: made.block.root };
            self.feed(Event::Head(id, head));
        }
    }

    fn present(&self) -> Slot {
        self.clock.slot_at(self.now.wall).unwrap_or_default()
    }

    fn hand(&mut self, head: usize, to: impl Fn(usize) -> bool) {
        for place in (0..FLEET.len()).filter(|place| to(*place)) {
            self.nodes[place].head = head;
            self.tell(place);
        }
    }

    fn closes(&self, slot: Slot) -> UnixMs {
        UnixMs(self.clock.due(slot, Step::Attest).0 + SLOT_MS / 12)
    }

    /// A client asks, as the router answers it: by what stands, by the read under way, or by one of its own.
    fn ask(&mut self, client: u16, slot: Slot) -> Result<(), TestCaseError> {
        let asks = guard::question(slot, None, self.present(), Era::Zero).is_ok();
        if !asks || self.board.question(GENESIS, slot).is_err() {
            return Ok(());
        }
        let table = self.pool.table(self.now);
        let stage =
            Stage { head: table.agreed.map(|head| head.root), closed: self.now.wall >= self.closes(slot) };
        let topic = Topic { slot, committee: None };
        match self.board.standing(ClientId(client), topic, stage) {
            Ok(Some(answer)) => return self.given(client, stage, answer),
            Ok(None) => {}
            Err(_) => return Ok(()),
        }
        let same = |read: &&mut Read| {
            (read.topic, read.stage.head, read.stage.closed) == (topic, stage.head, stage.closed)
        };
        if let Some(read) = self.reads.iter_mut().find(same) {
            read.waits.push(client);
            return Ok(());
        }
        let choice =
            Choice { row: self.row, key: Key(7), slot, producer: None, holders: BeaconSet::default() };
        let order = of(self.row.strategy).order(&choice, &table);
        for id in &order {
            let node = self.nodes[id.index()];
            let may = node.down || !node.optimistic && !node.foreign;
            prop_assert!(may, "{id} is asked for what is signed: {node:?}");
            prop_assert!(table.entries[id.index()].eligible(Use::Sign, Some(Role::Attest)));
        }
        let takes = |id: &&BeaconId| {
            let data = self.blocks.said(self.nodes[id.index()].head, slot);
            let right = guard::answer(&data, (slot, slot.epoch(EPOCH)), None, Era::Zero).is_ok();
            !self.nodes[id.index()].down && right && self.board.allows(&data).is_ok()
        };
        let Some(by) = order.iter().find(takes).copied() else { return Ok(()) };
        let head = self.blocks.at(self.nodes[by.index()].head).block.root;
        let has_it = |agreed: AgreedHead| agreed.slot <= slot && agreed.root == head;
        let fair = table.entries[by.index()].at_agreed && table.agreed.is_some_and(has_it);
        let (ticket, data) = (self.board.ticket(), self.blocks.said(self.nodes[by.index()].head, slot));
        // None takes longer than what an answer may be old.
        let takes = (ticket % 3) * TICK_MS;
        if !fair {
            self.unfair.insert((slot.0, data.head));
        }
        let alone = order.len() == 1;
        let lands = self.now.mono_us + takes * 1_000;
        self.reads.push(Read { lands, topic, stage, ticket, by, data, alone, waits: vec![client] });
        if takes == 0 { self.land() } else { Ok(()) }
    }

    fn land(&mut self) -> Result<(), TestCaseError> {
        let now = self.now.mono_us;
        let (landed, still) = std::mem::take(&mut self.reads).into_iter().partition(|read| read.lands <= now);
        self.reads = still;
        let landed: Vec<Read> = landed;
        for Read { topic, stage, ticket, by, data, alone, waits, .. } in landed {
            let name = BeaconName::new(format!("b{by}"));
            let heard = Heard { ticket, stage, data, steady: true, by: name, alone };
            let Some(stands) = self.board.settle(topic, heard, data) else { continue };
            for client in waits {
                let answer = self.board.hand(ClientId(client), topic, stands, stands);
                self.given(client, stage, answer)?;
            }
        }
        Ok(())
    }

    fn given(&mut self, client: u16, stage: Stage, answer: AttestationData) -> Result<(), TestCaseError> {
        let slot = answer.slot.0;
        if let Some(signed) = self.clients[usize::from(client)].signed.get(&slot) {
            prop_assert_eq!(&answer, signed, "one answer to a client that signed it");
        } else if let Some(closed) = self.closed.get(&slot) {
            prop_assert_eq!(&answer, closed, "one answer to all once its question has closed");
        } else if stage.closed {
            self.closed.insert(slot, answer);
        } else if !self.unfair.contains(&(slot, answer.head)) {
            let since = self.now.mono_us.saturating_sub(STALE_MS * 1_000);
            let recent: HashSet<Root> = self
                .agreed
                .iter()
                .rev()
                .take_while(|(_, until)| *until >= since)
                .map(|(root, _)| *root)
                .collect();
            prop_assert!(recent.contains(&answer.head), "{answer:?} is not about {recent:?}");
        }
        self.clients[usize::from(client)].last = Some((answer, true));
        Ok(())
    }

    fn sign(&mut self, client: u16) -> Result<(), TestCaseError> {
        let one = &mut self.clients[usize::from(client)];
        let Some((vote, here)) = one.last.take() else { return Ok(()) };
        let votes = one.votes.get(&attester(vote.slot.0)).into_iter().flatten();
        if votes.map(|old| old.slot).any(|slot| slot == vote.slot) {
            // It did that duty, and no client does one twice.
            return Ok(());
        }
        prop_assert!(!one.refuses(&vote), "{vote:?} after {:?}", one.votes);
        one.votes.entry(attester(vote.slot.0)).or_default().push(vote);
        if here {
            one.signed.insert(vote.slot.0, vote);
        }
        self.board.signed(ClientId(client), vote.slot);
        self.board.took(&vote);
        Ok(())
    }

    fn restart(&mut self) {
        let before = std::mem::take(&mut self.board);
        if let Some(marks) = before.marks(GENESIS) {
            self.board.raise(GENESIS, &marks);
        }
        self.reads.clear();
        self.closed.clear();
        self.agreed.clear();
        for client in &mut self.clients {
            client.signed.clear();
            client.last.iter_mut().for_each(|(_, here)| *here = false);
        }
        self.begin();
    }

    fn pass(&mut self, ticks: u64) -> Result<(), TestCaseError> {
        for _ in 0..ticks {
            self.now = self.now.plus_ms(TICK_MS);
            self.feed(Event::Tick);
            self.land()?;
            let present = self.present();
            let into = self.now.wall.since(self.clock.start_of(present)).max(0) as u64;
            for client in 0..CLIENTS {
                self.ask(client, present)?;
                // One is early: it asks from a fifth of a slot before its slot begins on.
                if client == 0 && into + SLOT_MS / 5 >= SLOT_MS {
                    self.ask(client, Slot(present.0 + 1))?;
                }
            }
        }
        Ok(())
    }

    fn happens(&mut self, happens: &Happens) -> Result<(), TestCaseError> {
        let has = |mask: u8| move |place: usize| mask >> place & 1 == 1;
        match *happens {
            Happens::Pass(ticks) => self.pass(ticks)?,
            Happens::Block { depth, lag, to } => {
                let upon = (0..depth).fold(self.nodes[0].head, |at, _| self.blocks.at(at).parent);
                let head = self.blocks.make(upon, lag, self.present());
                self.hand(head, has(to));
            }
            Happens::Split => {
                let (ours, theirs) = (self.nodes[0].head, self.nodes[FLEET.len() - 1].head);
                let present = self.present();
                let (ours, theirs) =
                    (self.blocks.make(ours, 0, present), self.blocks.make(theirs, 0, present));
                self.hand(theirs, |place| FLEET[place] != FLEET[0]);
                self.hand(ours, |place| FLEET[place] == FLEET[0]);
            }
            Happens::Catch(to) => self.hand(self.nodes[0].head, has(to)),
            Happens::Optimistic(place, on) => {
                self.nodes[usize::from(place)].optimistic = on;
                self.tell(usize::from(place));
            }
            Happens::Foreign(place, on) => {
                self.nodes[usize::from(place)].foreign = on;
                self.tell(usize::from(place));
            }
            Happens::Down(place, on) => {
                self.nodes[usize::from(place)].down = on;
                self.tell(usize::from(place));
            }
            Happens::Sign(client) => self.sign(client)?,
            Happens::Restart => self.restart(),
            Happens::Jump(ms) => {
                let first = self.clock.start_of(Slot(FIRST)).0 as i64;
                self.now.wall = UnixMs((self.now.wall.0 as i64 + ms).max(first) as u64);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn what_is_given_is_fresh_is_one_and_is_refused_by_no_signer(history in prop::collection::vec(happens(), 1..120)) {
        let mut fleet = Fleet::new();
        for each in &history {
            fleet.happens(each)?;
        }
    }
}

#[test]
fn an_answer_that_may_be_given_no_more_is_followed_by_no_other() -> Result<(), TestCaseError> {
    use Happens::{Block, Jump, Pass, Sign, Split};
    let late = Block { depth: 0, lag: 1, to: 33 };
    let mut fleet = Fleet::new();
    [late, Pass(36), Split, Pass(24), Jump(-51), Sign(0), Pass(1)]
        .iter()
        .try_for_each(|each| fleet.happens(each))
}
