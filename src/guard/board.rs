//! Attestation data decided once: which answer to a question stands, for whom, and until when.
//!
//! An answer belongs to the head it was asked about and is replaced when a newer head is agreed. It stays for good for
//! a client that signed it, and for all once the question is closed. Source epochs never go back, and nobody is asked
//! for less than what was signed. Nothing is asked here, and no clock is kept.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::data::AttestationData;
use super::rules::Refusal;
use super::standing::{Stage, Standing};
use crate::model::{ClientId, Epoch, Slot, UnixMs};

/// Questions remembered: eight slots of all their committees.
const TOPICS: usize = 512;
/// Clients remembered per question.
const CLIENTS: usize = 8_192;
/// Target epochs whose source is remembered.
const TARGETS: usize = 8;
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
    signed: bool,
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
    fn hand(&mut self, client: ClientId, answer: A) -> A {
        match self.clients.get_mut(&client) {
            Some(given) if given.signed => given.answer.clone(),
            Some(given) => {
                given.answer = answer.clone();
                answer
            }
            None => {
                if self.clients.len() < CLIENTS {
                    self.clients.insert(client, Given { answer: answer.clone(), signed: false });
                }
                answer
            }
        }
    }
}

/// What was given and signed at most: below it nothing may be given again, whichever process gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// The newest source that was given.
    pub source: Epoch,
    /// The oldest target it was given with: older targets may have older sources.
    pub target: Epoch,
    /// The newest slot of which something given was signed.
    pub signed: Option<Slot>,
}

/// The answers that stand, each with what it says as `A`.
pub struct Board<A> {
    genesis: Option<UnixMs>,
    tickets: u64,
    places: HashMap<Topic, Place<A>>,
    order: VecDeque<Topic>,
    /// The newest source given with each target.
    sources: BTreeMap<Epoch, Epoch>,
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
        if self.genesis != Some(genesis) {
            *self = Self { genesis: Some(genesis), tickets: self.tickets, ..Self::default() };
        }
        match self.signed {
            Some(signed) if slot.0.saturating_add(BEHIND) < signed.0 => {
                Err(Refusal::Signed { asked: slot, signed })
            }
            _ => Ok(()),
        }
    }

    /// What was given and signed at most on the chain of this genesis; none if it is not the one that is asked about.
    pub fn marks(&self, genesis: UnixMs) -> Option<Marks> {
        let known = self.genesis == Some(genesis);
        let newest =
            self.sources.iter().max_by_key(|(target, source)| (**source, std::cmp::Reverse(**target)));
        let (target, source) = newest.filter(|_| known)?;
        Some(Marks { source: *source, target: *target, signed: self.signed })
    }

    /// Another process gave and signed so much on the chain of this genesis.
    pub fn raise(&mut self, genesis: UnixMs, marks: Marks) {
        if self.genesis != Some(genesis) {
            *self = Self { genesis: Some(genesis), tickets: self.tickets, ..Self::default() };
        }
        let source = self.sources.entry(marks.target).or_default();
        *source = marks.source.max(*source);
        self.signed = self.signed.max(marks.signed);
    }

    /// Whether data may be given after all that was given before.
    ///
    /// # Errors
    /// Its source is older than one given with the same target or an older one.
    pub fn allows(&self, data: &AttestationData) -> Result<(), Refusal> {
        let newest = self.sources.range(..=data.target.epoch).map(|(_, source)| *source).max();
        match newest {
            Some(given) if data.source.epoch < given => Err(Refusal::Back { said: data.source.epoch, given }),
            _ => Ok(()),
        }
    }

    /// The answer that stands for a client; none if beacons must be asked.
    pub fn standing(&mut self, client: ClientId, topic: Topic, moment: Stage) -> Option<A> {
        let place = self.places.get(&topic)?;
        if let Some(given) = place.clients.get(&client).filter(|given| given.signed) {
            return Some(given.answer.clone());
        }
        let standing = place.standing.as_ref().filter(|standing| standing.holds(moment))?;
        self.allows(&standing.answer.0).ok()?;
        let place = self.places.get_mut(&topic)?;
        let (_, answer) = place.standing.as_mut()?.given(moment).clone();
        Some(place.hand(client, answer))
    }

    /// The number of a read that begins: the answer of a later one is the newer.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// A read brought an answer; the answer that stands now, none if none may. One that is not `steady` may be another
    /// at the next look although the head is the same.
    pub fn settle(
        &mut self,
        topic: Topic,
        ticket: u64,
        moment: Stage,
        (data, steady): (AttestationData, bool),
        answer: A,
    ) -> Option<A> {
        let old = self.places.get(&topic).and_then(|place| place.standing.as_ref());
        let old = old.filter(|old| old.outlasts(ticket) && self.allows(&old.answer.0).is_ok());
        if let Some(old) = old {
            return Some(old.answer.1.clone());
        }
        self.allows(&data).ok()?;
        let source = self.sources.entry(data.target.epoch).or_default();
        *source = data.source.epoch.max(*source);
        if self.sources.len() > TARGETS
            && let Some((_, oldest)) = self.sources.pop_first()
        {
            self.floor = self.floor.max(oldest);
        }
        let basis = moment.head.filter(|head| steady && *head == data.head);
        self.place(topic).standing = Some(Standing::new(ticket, basis, moment, (data, answer.clone())));
        Some(answer)
    }

    /// What a client gets that waited for a read.
    pub fn hand(&mut self, client: ClientId, topic: Topic, answer: A) -> A {
        self.place(topic).hand(client, answer)
    }

    /// A client signed what it was given for a slot: it gets the same again.
    pub fn signed(&mut self, client: ClientId, slot: Slot) {
        let places = self.places.iter_mut().filter(|(topic, _)| topic.slot == slot);
        for given in places.filter_map(|(_, place)| place.clients.get_mut(&client)) {
            given.signed = true;
            self.signed = self.signed.max(Some(slot));
        }
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
