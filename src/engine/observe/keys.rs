//! Keys that sign at two places, as lines: one a slot for each pair of clients, however many keys it is of. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Names;
use crate::duties::{Elsewhere, Found, How, Sign, Twice, What};
use crate::model::{ClientId, KeyHow, KeySeen, Observation, Slot, ValidatorIndex};

/// Pairs remembered; whoever shares keys in more ways is told of these.
const MOST: usize = 64;
/// Epochs after which a key that showed nothing more is not counted any more.
const FORGET: u64 = 4;
/// Validators that a line names, and lines of what they showed.
const NAMED: usize = 8;
const SHOWN: usize = 4;

/// Where else, and the clients by name.
type Pair = (KeyHow, Vec<String>);

/// Keys of a pair: when each showed last, and which can be slashed.
#[derive(Debug, Default)]
struct Known {
    keys: BTreeMap<ValidatorIndex, Slot>,
    slashable: BTreeSet<ValidatorIndex>,
}

/// What showed of a pair in a slot: whose key, whether it is an offence, in words.
type Shown = (bool, ValidatorIndex, String);

/// What was found lately.
#[derive(Debug, Default)]
pub struct Keys(BTreeMap<Pair, Known>);

impl Keys {
    /// The lines of what a slot brought to light.
    pub fn lines(
        &mut self,
        found: &Found,
        slot: Slot,
        slots_per_epoch: u64,
        names: &Names,
    ) -> Vec<Observation> {
        let mut shown: BTreeMap<Pair, Vec<Shown>> = BTreeMap::new();
        let name = |id: ClientId| names.client_name(id).unwrap_or_default().to_owned();
        for one in &found.twice {
            let mut clients = one.clients.map(name).to_vec();
            clients.sort();
            clients.dedup();
            let is_offence = one.how.is_slashable(one.kind);
            let of = (is_offence, one.validator, twice(one, name));
            shown.entry((KeyHow::Twice, clients)).or_default().push(of);
        }
        for one in &found.elsewhere {
            let of = (false, one.validator, elsewhere(one, &name(one.client)));
            shown.entry((KeyHow::Elsewhere, vec![name(one.client)])).or_default().push(of);
        }
        self.forget(slot, slots_per_epoch);
        shown.into_iter().filter_map(|(pair, shown)| self.line(pair, shown, slot)).collect()
    }

    fn line(&mut self, pair: Pair, mut shown: Vec<Shown>, slot: Slot) -> Option<Observation> {
        if self.0.len() >= MOST && !self.0.contains_key(&pair) {
            return None;
        }
        let (how, clients) = pair.clone();
        let known = self.0.entry(pair).or_default();
        for (is_offence, validator, _) in &shown {
            known.keys.insert(*validator, slot);
            if *is_offence {
                known.slashable.insert(*validator);
            }
        }
        // What is worst first, and of each key the one that says most.
        shown.sort_by_key(|(is_offence, validator, _)| (!is_offence, *validator));
        shown.dedup_by_key(|(_, validator, _)| *validator);
        Some(Observation::Key(KeySeen {
            slot,
            how,
            clients,
            keys: known.keys.len() as u32,
            slashable: known.slashable.len() as u32,
            validators: known.keys.keys().take(NAMED).copied().collect(),
            shown: shown.into_iter().take(SHOWN).map(|(_, _, text)| text).collect(),
        }))
    }

    fn forget(&mut self, slot: Slot, slots_per_epoch: u64) {
        let oldest = Slot(slot.0.saturating_sub(FORGET * slots_per_epoch));
        for known in self.0.values_mut() {
            known.keys.retain(|_, last| *last >= oldest);
            known.slashable.retain(|validator| known.keys.contains_key(validator));
        }
        self.0.retain(|_, known| !known.keys.is_empty());
    }
}

fn twice(one: &Twice, name: impl Fn(ClientId) -> String) -> String {
    let Twice { validator, slot, kind, how, .. } = one;
    let [first, second] = one.clients.map(name);
    let what = kind.singular();
    match how {
        How::Same(signed) => format!(
            "validator {validator}, slot {slot}: {first} and {second} both asked for and signed the same {what} \
             ({})",
            words(signed)
        ),
        How::Differ([a, b]) => {
            let offence =
                if how.is_slashable(*kind) { "two roots, a slashable offence" } else { "two roots" };
            let (a, b) = (words(a), words(b));
            format!("validator {validator}, slot {slot}, {what}: {first} signed {a}, {second} {b}: {offence}")
        }
        How::Between { second: between, first: before } => format!(
            "validator {validator} signed by turns: {first} in slot {before}, {second} in slot {between}, {first} \
             again in slot {slot}"
        ),
    }
}

fn elsewhere(one: &Elsewhere, client: &str) -> String {
    let Elsewhere { validator, last, .. } = one;
    let here = format!("here it signed last in slot {last}, at {client}, which asks for nothing");
    match one.sign {
        Sign::Voted(slot) => {
            format!("validator {validator}: a block includes its attestation of slot {slot}; {here}")
        }
        Sign::Proposed(slot) => {
            format!("validator {validator}: it proposed the block of slot {slot}; {here}")
        }
        Sign::Live(epoch) => format!(
            "validator {validator}: beacons saw it live in epoch {epoch}; here it signed last in slot {last}, at \
             {client}"
        ),
    }
}

fn words(what: &What) -> String {
    match what {
        What::Votes(votes) => match votes.link {
            None => format!("head {}", votes.head.short()),
            Some(link) => {
                let (epoch, root) = link.target;
                format!("head {}, target {} of epoch {epoch}", votes.head.short(), root.short())
            }
        },
        What::Block(block) => {
            format!("a block on {} with state {}", block.parent.short(), block.state.short())
        }
    }
}
