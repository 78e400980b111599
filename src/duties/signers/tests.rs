//! Clients with the same keys: what is found, and what never is.

mod histories;

use std::collections::BTreeMap;

use super::*;
use crate::duties::{Block, Committee, Given, Included, Passage, Shape};
use crate::model::{BeaconId, BeaconSet, Root, Step};

/// Slots of an epoch here, each with one committee of two.
const EPOCH: u64 = 4;
const A: ClientId = ClientId(1);
const B: ClientId = ClientId(2);

fn root(slot: u64) -> Root {
    Root([slot as u8 + 1; 32])
}

fn votes(slot: u64, kind: Kind, validators: &[u64], head: u8) -> Publication {
    Publication {
        slot: Slot(slot),
        kind,
        validators: validators.iter().copied().map(ValidatorIndex).collect(),
        count: validators.len() as u32,
        votes: Some(Votes { head: Root([head; 32]), link: None }),
        block: None,
    }
}

fn block(slot: u64, validator: u64, state: u8) -> Publication {
    let key = BlockKey {
        slot: Slot(slot),
        proposer: ValidatorIndex(validator),
        parent: root(slot - 1),
        state: Root([state; 32]),
    };
    Publication { votes: None, block: Some(key), ..votes(slot, Kind::Block, &[validator], 0) }
}

/// A chain of which each slot has a block, and what a router sees beside it.
struct Play {
    ledger: Ledger,
    signers: Signers,
    found: Found,
    cluster: Vec<ClientId>,
}

impl Play {
    fn new() -> Self {
        let mut play = Self {
            ledger: Ledger::new(Shape { slots_per_epoch: EPOCH, sync_period: 256 }),
            signers: Signers::new(EPOCH),
            found: Found::default(),
            cluster: Vec::new(),
        };
        play.chain(0, &[]);
        play
    }

    /// A client is given what is to be signed.
    fn asks(&mut self, client: ClientId, slot: u64, step: Step) {
        let given = Given { beacon: BeaconId(0), after_due_ms: 0 };
        self.ledger.served(Slot(slot), step, client, given);
    }

    /// A client is told of duties.
    fn told(&mut self, client: ClientId, slot: u64, validators: &[u64]) {
        let duty = |validator: &u64| AttesterDuty {
            validator: ValidatorIndex(*validator),
            slot: Slot(slot),
            committee: 0,
            position: validator % 2,
        };
        let duties: Vec<AttesterDuty> = validators.iter().map(duty).collect();
        self.signers.told(&duties, client);
    }

    /// A client publishes what a beacon takes.
    fn publishes(&mut self, client: ClientId, publication: &Publication) {
        let Publication { slot, kind, validators, .. } = publication;
        let passage = Passage { client, via: BeaconSet::default(), after_due_ms: 0 };
        self.ledger.published(*slot, *kind, validators, passage);
        assert!(self.signers.published(publication, client, true));
    }

    /// A client asks for its data and signs it, with these keys.
    fn signs(&mut self, client: ClientId, slot: u64, validators: &[u64]) {
        self.signers.heard(client, Slot(slot));
        self.told(client, slot, validators);
        self.asks(client, slot, Step::Attest);
        self.publishes(client, &votes(slot, Kind::Attestation, validators, 1));
    }

    /// The block of a slot, with these votes for the slot before.
    fn chain(&mut self, slot: u64, voted: &[u64]) {
        let before = slot.saturating_sub(1);
        let bits = voted.iter().fold(0, |bits, validator| bits | 1_u8 << (validator % 2));
        let votes = Included {
            slot: Slot(before),
            committees: 1,
            bits: [bits].into(),
            members: 2,
            head: root(before),
            target: root(before / EPOCH * EPOCH),
        };
        self.ledger.block(Block {
            root: root(slot),
            slot: Slot(slot),
            proposer: ValidatorIndex(90 + slot),
            parent: if slot == 0 { Root::default() } else { root(before) },
            state: root(slot),
            votes: vec![votes],
            sync: [].into(),
            payload: Vec::new(),
        });
        self.ledger.head(root(slot));
        for (epoch, decided) in self.ledger.wanted() {
            let committee = |place: u64| Committee {
                slot: Slot(epoch.0 * EPOCH + place),
                index: 0,
                members: vec![ValidatorIndex(place * 2), ValidatorIndex(place * 2 + 1)],
            };
            self.ledger.committees(epoch, decided, (0..EPOCH).map(committee).collect()).unwrap();
        }
    }

    /// A slot is over.
    fn ends(&mut self, slot: u64) {
        self.ledger.advance(Slot(slot));
        while self.ledger.settle().is_some() {}
        let cluster = self.cluster.clone();
        let clusters = move |client: ClientId| cluster.contains(&client).then_some("dv");
        let found = self.signers.ended(Slot(slot), &self.ledger, &clusters);
        self.found.twice.extend(found.twice);
        self.found.elsewhere.extend(found.elsewhere);
        for (pair, n) in found.copies {
            *self.found.copies.entry(pair).or_default() += n;
        }
    }
}

/// The two who attest in a slot.
fn due(slot: u64) -> [u64; 2] {
    [slot % EPOCH * 2, slot % EPOCH * 2 + 1]
}

/// Slots of which all are signed by whom `who` says, and voted for by whom `voted` says.
fn played(slots: u64, who: impl Fn(u64) -> Vec<ClientId>, voted: impl Fn(u64) -> bool) -> Play {
    let mut play = Play::new();
    for slot in 1..slots {
        for client in who(slot) {
            play.signs(client, slot, &due(slot));
        }
        let before: &[u64] = if voted(slot - 1) { &due(slot - 1) } else { &[] };
        play.chain(slot, before);
        play.ends(slot);
    }
    play
}

#[test]
fn two_clients_that_sign_the_same_duty_are_found_in_its_slot() {
    let play = played(2, |_| vec![A, B], |_| true);
    let Twice { clients, slot, kind, how, .. } = play.found.twice[0];
    assert_eq!((clients, slot, kind), ([A, B], Slot(1), Kind::Attestation));
    assert!(matches!(how, How::Same(What::Votes(_))) && !how.is_slashable(kind), "{how:?}");
    assert_eq!(play.found.twice.len(), 2, "both of the slot's keys");
}

#[test]
fn what_is_passed_on_is_a_copy_and_what_differs_is_an_offence() {
    let mut play = Play::new();
    play.signs(A, 1, &due(1));
    play.publishes(B, &votes(1, Kind::Attestation, &due(1), 1));
    play.ends(1);
    assert!(play.found.twice.is_empty(), "{:?}", play.found.twice);
    assert_eq!(play.found.copies, BTreeMap::from([((A, B), 2)]));
    // Nor does it sign that asked for data of its own and was told none of these duties: it is somebody's second address.
    play.asks(B, 2, Step::Attest);
    // The copy may be there first.
    play.publishes(B, &votes(2, Kind::Attestation, &due(2), 1));
    play.signs(A, 2, &due(2));
    play.ends(2);
    assert_eq!((play.found.twice.len(), play.found.copies[&(A, B)]), (0, 4));
    play.signs(A, 3, &due(3));
    play.publishes(B, &votes(3, Kind::Attestation, &due(3), 9));
    play.ends(3);
    let found = play.found.twice.pop().unwrap();
    assert_eq!((found.clients, found.how.is_slashable(found.kind)), ([A, B], true));
    // Sync messages that differ are no offence, and are two signers' still.
    play.publishes(A, &votes(4, Kind::SyncMessage, &[3], 1));
    play.publishes(B, &votes(4, Kind::SyncMessage, &[3], 2));
    play.ends(4);
    let found = play.found.twice.pop().unwrap();
    assert_eq!((found.kind, found.how.is_slashable(found.kind)), (Kind::SyncMessage, false));
}

#[test]
fn a_second_block_is_found_although_no_beacon_takes_it() {
    let mut play = Play::new();
    play.publishes(A, &block(1, 3, 1));
    assert!(play.signers.published(&block(1, 3, 2), B, false));
    assert!(play.signers.published(&votes(1, Kind::Attestation, &[4], 1), B, false));
    play.ends(1);
    let found = play.found.twice.pop().unwrap();
    assert_eq!((found.clients, found.how.is_slashable(found.kind)), ([A, B], true));
    assert_eq!(play.signers.len(), 1, "what no beacon took says nothing");
    // One client's name, two processes behind it.
    play.publishes(A, &block(2, 3, 1));
    play.publishes(A, &block(2, 3, 2));
    play.ends(2);
    assert_eq!(play.found.twice.pop().unwrap().clients, [A, A]);
    // The same again is a second attempt.
    play.publishes(A, &block(3, 3, 1));
    play.publishes(A, &block(3, 3, 1));
    play.ends(3);
    assert!(play.found.twice.is_empty());
}

#[test]
fn clients_of_one_cluster_may_sign_the_same_and_take_turns() {
    let mut play = Play::new();
    play.cluster = vec![A, B];
    for slot in 1..8 {
        play.signs(A, slot, &due(slot));
        play.signs(B, slot, &due(slot));
        play.ends(slot);
    }
    assert!(play.found.twice.is_empty(), "{:?}", play.found.twice);
    play.publishes(A, &votes(8, Kind::Attestation, &due(8), 1));
    play.publishes(B, &votes(8, Kind::Attestation, &due(8), 2));
    play.ends(8);
    assert_eq!(play.found.twice.len(), 2, "different votes are never agreed");
}

#[test]
fn those_who_take_turns_are_found_unless_names_changed_between() {
    let turns = |slot: u64| vec![if (slot / EPOCH).is_multiple_of(2) { A } else { B }];
    let play = played(3 * EPOCH, turns, |_| true);
    let found = play.found.twice[0];
    assert_eq!((found.clients, found.slot, found.validator), ([A, B], Slot(9), ValidatorIndex(2)));
    assert_eq!(found.how, How::Between { second: Slot(5), first: Slot(1) });
    let mut play = played(2 * EPOCH, turns, |_| true);
    play.signers.renamed(Slot(2 * EPOCH));
    for slot in 2 * EPOCH..3 * EPOCH {
        play.signs(A, slot, &due(slot));
        play.ends(slot);
    }
    assert!(play.found.twice.is_empty(), "{:?}", play.found.twice);
}

#[test]
fn a_key_that_votes_while_its_client_is_idle_signs_elsewhere() {
    // It stops in the middle of the second epoch; the chain goes on with its votes.
    let until = EPOCH + 2;
    let stopped = |slot: u64| if slot < until { vec![A] } else { vec![] };
    let play = played(6 * EPOCH, stopped, |_| true);
    assert!(play.found.twice.is_empty());
    let first = play.found.elsewhere[0];
    assert_eq!((first.client, first.validator, first.last), (A, ValidatorIndex(0), Slot(4)));
    assert_eq!(first.sign, Sign::Voted(Slot(2 * EPOCH)), "the epoch it stopped in is not judged");
    assert_eq!(play.found.elsewhere.len(), 3 * 8, "each key, once an epoch");
    // Nothing on the chain, or a client that still asks: nothing to say.
    let silent = played(6 * EPOCH, stopped, |slot| slot < until);
    assert_eq!(silent.found.elsewhere, []);
    let mut asks = Play::new();
    for slot in 1..6 * EPOCH {
        asks.signers.heard(A, Slot(slot));
        if slot < until {
            asks.signs(A, slot, &due(slot));
        }
        asks.chain(slot, &due(slot - 1));
        asks.ends(slot);
    }
    assert_eq!(asks.found.elsewhere, [], "it publishes past the router");
    // It moved to another client of ours, to a cluster, or what passed was not all seen.
    let moved = played(6 * EPOCH, |slot| vec![if slot < until { A } else { B }], |_| true);
    assert_eq!((moved.found.elsewhere, moved.found.twice), (vec![], vec![]));
}

#[test]
fn epochs_that_were_not_seen_whole_and_clusters_are_not_judged() {
    for cluster in [false, true] {
        let mut play = Play::new();
        if cluster {
            play.cluster = vec![A];
        }
        for slot in 1..6 * EPOCH {
            if slot < EPOCH {
                play.signs(A, slot, &due(slot));
            }
            if slot % EPOCH == 1 && !cluster {
                play.signers.missed(Slot(slot));
            }
            play.chain(slot, &due(slot - 1));
            play.ends(slot);
        }
        assert_eq!(play.found.elsewhere, [], "cluster: {cluster}");
    }
}

#[test]
fn who_waits_whether_others_are_live_is_answered_that_they_are() {
    let play = |signs: bool, live: &[u64]| {
        let mut play = Play::new();
        for slot in 1..5 * EPOCH {
            play.signers.heard(A, Slot(slot));
            // After a restart it asks who is live, and signs nothing; or with other keys.
            if slot < EPOCH {
                play.signs(A, slot, &due(slot));
            } else if signs {
                play.signs(A, slot, &[70]);
            }
            if slot % EPOCH == 2 && slot > 2 * EPOCH {
                let live: Vec<ValidatorIndex> = live.iter().copied().map(ValidatorIndex).collect();
                play.signers.live(Epoch(slot / EPOCH), &live, A);
            }
            play.chain(slot, &[]);
            play.ends(slot);
        }
        play.found.elsewhere
    };
    let found = play(false, &[2, 50]);
    assert_eq!(found.len(), 2, "twice said of the one key that is ours: {found:?}");
    assert_eq!((found[0].validator, found[0].sign), (ValidatorIndex(2), Sign::Live(Epoch(2))));
    assert_eq!(play(false, &[]), []);
    assert_eq!(play(true, &[2]), [], "whoever signs with other keys may do so past the router with these");
}

#[test]
fn what_is_remembered_has_bounds() {
    let mut signers = Signers::new(EPOCH);
    let many: Vec<u64> = (0..MAX_WAITING as u64).collect();
    assert!(signers.published(&votes(1, Kind::Attestation, &many, 1), A, true));
    assert!(
        !signers.published(&votes(1, Kind::Attestation, &[1], 1), A, true),
        "no room until the slot ends"
    );
    let ledger = Ledger::new(Shape { slots_per_epoch: EPOCH, sync_period: 256 });
    signers.ended(Slot(1), &ledger, &|_| None);
    assert_eq!(signers.len(), MAX_KEYS);
    assert!(signers.published(&votes(2, Kind::Attestation, &[MAX_KEYS as u64 + 5], 1), A, true));
    signers.ended(Slot(2), &ledger, &|_| None);
    assert_eq!(signers.len(), MAX_KEYS);
    signers.ended(Slot((AWAY_EPOCHS + 2) * EPOCH), &ledger, &|_| None);
    assert!(signers.is_empty(), "a day later they are not ours any more");
}
