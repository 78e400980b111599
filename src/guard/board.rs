//! Attestation data decided once: which answer to a question stands, for whom, and until when.
//!
//! An answer belongs to the head it was asked about and is replaced when a newer head is agreed. It stays for good for
//! a client that signed it, and for all once the question is closed: if it may be given no more then, no other is. Source
//! epochs never go back behind what was signed or what two beacons say: one alone may lie. Nobody is asked for less than
//! what was signed. Nothing is asked here, and no clock is kept.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use super::data::AttestationData;
use super::rules::Refusal;
use super::standing::{Stage, Standing};
use crate::model::{BeaconName, ClientId, Epoch, Slot, UnixMs};

/// Questions remembered: eight slots of all their committees.
const TOPICS: usize = 512;
/// Clients remembered per question.
const CLIENTS: usize = 8_192;
/// Target epochs whose sources are remembered.
const TARGETS: usize = 8;
/// Beacons whose word on a target's source is remembered.
const VOICES: usize = 128;
/// Slots by which a question may lie behind what was signed: a slot early was signed, a slot late is asked.
const BEHIND: u64 = 2;

/// What is asked about: one answer serves all who ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The slot.
    pub slot: Slot,
    /// The committee, where each has data of its own (before Electra).
    pub committee: Option<u64>,
}

struct Given<A> {
    answer: A,
    data: AttestationData,
    signed: bool,
}

/// What a read brought.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The read's number.
    pub ticket: u64,
    /// The moment it was asked in.
    pub stage: Stage,
    /// What was said.
    pub data: AttestationData,
    /// Whether it is the same at the next look as long as the head is.
    pub steady: bool,
    /// Who said it.
    pub by: BeaconName,
    /// Whether nobody else could be asked.
    pub alone: bool,
}

/// Sources of one target.
#[derive(Default)]
struct Sources {
    /// No older one may be given with this target or a later one.
    newest: Epoch,
    /// The oldest that was signed: no newer one may be given with an earlier target.
    signed: Option<Epoch>,
    voices: Vec<(BeaconName, Epoch)>,
}

impl Sources {
    /// A beacon says so. What the only one there is says holds, else what two say at least.
    fn hear(&mut self, by: BeaconName, source: Epoch, alone: bool) {
        let full = self.voices.len() >= VOICES;
        match self.voices.iter_mut().find(|(name, _)| *name == by) {
            Some((_, said)) => *said = source,
            None if full => {}
            None => self.voices.push((by, source)),
        }
        let mut said: Vec<Epoch> = self.voices.iter().map(|(_, said)| *said).collect();
        said.sort_unstable_by_key(|said| Reverse(*said));
        let holds = if alone { Some(&source) } else { said.get(1) };
        self.newest = self.newest.max(holds.copied().unwrap_or_default());
    }

    fn sign(&mut self, source: Epoch) {
        self.newest = self.newest.max(source);
        self.signed = Some(self.signed.map_or(source, |signed| signed.min(source)));
    }
}

struct Place<A> {
    standing: Option<Standing<(AttestationData, A)>>,
    clients: HashMap<ClientId, Given<A>>,
}

impl<A> Default for Place<A> {
    fn default() -> Self {
        Self { standing: None, clients: HashMap::new() }
    }
}

impl<A: Clone> Place<A> {
    /// What a client gets where `answer` stands; it is remembered as given.
    fn hand(&mut self, client: ClientId, data: AttestationData, answer: A) -> A {
        let given = Given { answer: answer.clone(), data, signed: false };
        let full = self.clients.len() >= CLIENTS;
        match self.clients.get_mut(&client) {
            Some(given) if given.signed => return given.answer.clone(),
            Some(old) => *old = given,
            None if full => {}
            None => drop(self.clients.insert(client, given)),
        }
        answer
    }
}

/// Sources of a target that hold, whichever process learned of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The target.
    pub target: Epoch,
    /// The newest that was signed or said by two: no older one may be given with this target or a later one.
    pub newest: Epoch,
    /// The oldest that was signed: no newer one may be given with an earlier target.
    pub signed: Option<Epoch>,
}

/// What holds over the end of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// Of the last [`Marks::LINKS`] targets, ascending.
    pub links: Vec<Link>,
    /// The newest slot of which something given was signed.
    pub signed: Option<Slot>,
}

impl Marks {
    /// Targets of which something is told: what is asked lies at most two slots behind what was signed and one ahead.
    pub const LINKS: usize = 4;
}

/// The answers that stand, each with what it says as `A`.
pub struct Board<A> {
    genesis: Option<UnixMs>,
    tickets: u64,
    places: HashMap<Topic, Place<A>>,
    order: VecDeque<Topic>,
    /// By target.
    sources: BTreeMap<Epoch, Sources>,
    /// The newest source of targets no longer remembered: it holds for all.
    floor: Epoch,
    /// The newest slot of which something given was signed.
    signed: Option<Slot>,
}

impl<A> Default for Board<A> {
    fn default() -> Self {
        Self {
            genesis: None,
            tickets: 0,
            places: HashMap::new(),
            order: VecDeque::new(),
            sources: BTreeMap::new(),
            floor: Epoch(0),
            signed: None,
        }
    }
}

impl<A: Clone> Board<A> {
    /// Whether a slot may be asked about on the chain of this genesis; what is known of another chain is forgotten.
    ///
    /// # Errors
    /// Later ones were signed.
    pub fn question(&mut self, genesis: UnixMs, slot: Slot) -> Result<(), Refusal> {
        self.on(genesis);
        match self.signed {
            Some(signed) if slot.0.saturating_add(BEHIND) < signed.0 => {
                Err(Refusal::Signed { asked: slot, signed })
            }
            _ => Ok(()),
        }
    }

    /// What holds on the chain of this genesis; none if it is not the one that is asked about, or nothing does.
    pub fn marks(&self, genesis: UnixMs) -> Option<Marks> {
        let known =
            self.sources.iter().filter(|(_, sources)| sources.newest.0 > 0 || sources.signed.is_some());
        let link = |(target, sources): (&Epoch, &Sources)| Link {
            target: *target,
            newest: sources.newest,
            signed: sources.signed,
        };
        let mut links: Vec<Link> = known.map(link).collect();
        links.drain(..links.len().saturating_sub(Marks::LINKS));
        let holds = self.genesis == Some(genesis) && !links.is_empty();
        holds.then_some(Marks { links, signed: self.signed })
    }

    /// Another process learned so much on the chain of this genesis.
    pub fn raise(&mut self, genesis: UnixMs, marks: &Marks) {
        self.on(genesis);
        for link in &marks.links {
            let sources = self.sources(link.target);
            link.signed.into_iter().for_each(|signed| sources.sign(signed));
            sources.newest = sources.newest.max(link.newest);
        }
        self.signed = self.signed.max(marks.signed);
    }

    /// Whether data may be given after what was signed and what two beacons said.
    ///
    /// # Errors
    /// Its vote would surround one of those, or be surrounded by one that was signed.
    pub fn allows(&self, data: &AttestationData) -> Result<(), Refusal> {
        let (said, target) = (data.source.epoch, data.target.epoch);
        let before = self.sources.range(..=target).map(|(_, sources)| sources.newest);
        let given = before.max().unwrap_or_default().max(self.floor);
        if said < given {
            return Err(Refusal::Back { said, given });
        }
        let after = self.sources.range((Bound::Excluded(target), Bound::Unbounded));
        match after.filter_map(|(_, sources)| sources.signed).min() {
            Some(signed) if said > signed => Err(Refusal::Within { said, signed }),
            _ => Ok(()),
        }
    }

    fn on(&mut self, genesis: UnixMs) {
        if self.genesis.is_some_and(|known| known != genesis) {
            *self = Self { tickets: self.tickets, ..Self::default() };
        }
        self.genesis = Some(genesis);
    }

    /// Of a target; the oldest ones give way.
    fn sources(&mut self, target: Epoch) -> &mut Sources {
        if !self.sources.contains_key(&target)
            && self.sources.len() >= TARGETS
            && let Some((_, oldest)) = self.sources.pop_first()
        {
            self.floor = self.floor.max(oldest.newest);
        }
        self.sources.entry(target).or_default()
    }

    /// The answer that stands for a client; none if beacons must be asked.
    ///
    /// # Errors
    /// What stands for good may not be given after what was signed since, and nobody is given another answer.
    pub fn standing(&mut self, client: ClientId, topic: Topic, moment: Stage) -> Result<Option<A>, Refusal> {
        let Some(place) = self.places.get(&topic) else { return Ok(None) };
        if let Some(given) = place.clients.get(&client).filter(|given| given.signed) {
            return Ok(Some(given.answer.clone()));
        }
        let Some(standing) = place.standing.as_ref().filter(|standing| standing.holds(moment)) else {
            return Ok(None);
        };
        if !self.may_stand(topic, standing)? {
            return Ok(None);
        }
        let place = self.place(topic);
        let standing = place.standing.as_mut().map(|standing| standing.given(moment).clone());
        Ok(standing.map(|(data, answer)| place.hand(client, data, answer)))
    }

    /// Whether what stands may be given; another one may take its place if not.
    fn may_stand(&self, topic: Topic, standing: &Standing<(AttestationData, A)>) -> Result<bool, Refusal> {
        match self.allows(&standing.answer.0) {
            Err(_) if standing.closed => Err(Refusal::Over { slot: topic.slot }),
            allowed => Ok(allowed.is_ok()),
        }
    }

    /// The number of a read that begins: the answer of a later one is the newer.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// A read brought an answer; the answer that stands now, none if none may.
    pub fn settle(&mut self, topic: Topic, heard: Heard, answer: A) -> Option<A> {
        let Heard { ticket, stage, data, steady, by, alone } = heard;
        let old = self.places.get(&topic).and_then(|place| place.standing.as_ref());
        if let Some(old) = old.filter(|old| old.outlasts(ticket))
            && self.may_stand(topic, old).ok()?
        {
            return Some(old.answer.1.clone());
        }
        self.allows(&data).ok()?;
        self.sources(data.target.epoch).hear(by, data.source.epoch, alone);
        let basis = stage.head.filter(|head| steady && *head == data.head);
        self.place(topic).standing = Some(Standing::new(ticket, basis, stage, (data, answer.clone())));
        Some(answer)
    }

    /// What a client gets that waited for a read.
    pub fn hand(&mut self, client: ClientId, topic: Topic, data: AttestationData, answer: A) -> A {
        self.place(topic).hand(client, data, answer)
    }

    /// A client signed what it was given for a slot: it gets the same again.
    pub fn signed(&mut self, client: ClientId, slot: Slot) {
        let places = self.places.iter_mut().filter(|(topic, _)| topic.slot == slot);
        let mut links = Vec::new();
        for given in places.filter_map(|(_, place)| place.clients.get_mut(&client)) {
            given.signed = true;
            links.push((given.data.target.epoch, given.data.source.epoch));
        }
        for (target, source) in links {
            self.sources(target).sign(source);
            self.signed = self.signed.max(Some(slot));
        }
    }

    /// A beacon took a vote, whoever gave its data: it is signed.
    pub fn took(&mut self, data: &AttestationData) {
        self.sources(data.target.epoch).sign(data.source.epoch);
        self.signed = self.signed.max(Some(data.slot));
    }

    fn place(&mut self, topic: Topic) -> &mut Place<A> {
        if !self.places.contains_key(&topic) {
            self.order.push_back(topic);
            if self.order.len() > TOPICS
                && let Some(oldest) = self.order.pop_front()
            {
                self.places.remove(&oldest);
            }
        }
        self.places.entry(topic).or_default()
    }
}

#[cfg(test)]
mod tests;
