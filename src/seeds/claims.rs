//! Where a validator's fees go: the first client to say keeps its word, another one's is refused and raised.
//!
//! Two clients that name different recipients for one validator are two clients with one validator: a mistake at best. The
//! word of the one that was first holds for as long as it repeats it, [`PREPARED_EPOCHS`] after the last time.

use std::collections::{BTreeMap, HashMap};

use super::client::Client;
use super::item::{Item, Key};
use super::kind::PREPARED_EPOCHS;
use crate::chain::hex;
use crate::model::Epoch;

/// Claims remembered; the book itself holds no more entries that make one.
const CLAIMS: usize = 1 << 19;
/// Pairs of clients whose quarrel is remembered.
const QUARRELS: usize = 64;
/// Validators a quarrel names; the rest is counted.
const NAMED: usize = 4;

#[derive(Debug)]
struct Claim {
    recipient: [u8; 20],
    by: Client,
    since: Epoch,
}

/// One client's word against another's.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Quarrel {
    /// In the last body that was refused.
    count: usize,
    named: Vec<String>,
    last: Epoch,
}

/// Who said first.
#[derive(Debug, Default)]
pub struct Claims {
    by: HashMap<Key, Claim>,
    quarrels: BTreeMap<(Client, Client), Quarrel>,
}

/// Why an entry is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the body.
    pub index: usize,
    /// One sentence.
    pub message: String,
}

impl Claims {
    /// The entries of a body that contradict another client's word, and why.
    pub fn check(&mut self, client: &Client, items: &[Item], epoch: Epoch) -> Vec<Refused> {
        let mut refused = Vec::new();
        let mut against: BTreeMap<Client, Vec<String>> = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(recipient) = item.recipient else { continue };
            let Some(claim) = self.by.get(&item.key).filter(|claim| !claim.is_over(epoch)) else { continue };
            if claim.by == *client || claim.recipient == recipient {
                continue;
            }
            let (kept, asked) = (hex(&claim.recipient), hex(&recipient));
            against.entry(claim.by.clone()).or_default().push(who(&item.key));
            let message = format!(
                "fees of {} go to {kept}, as {} said first; {asked} is refused",
                who(&item.key),
                claim.by
            );
            refused.push(Refused { index, message });
        }
        for (by, validators) in against {
            self.quarrel(by, client.clone(), validators, epoch);
        }
        refused
    }

    fn quarrel(&mut self, kept: Client, refused: Client, mut validators: Vec<String>, epoch: Epoch) {
        if self.quarrels.len() >= QUARRELS && !self.quarrels.contains_key(&(kept.clone(), refused.clone())) {
            return;
        }
        let count = validators.len();
        validators.truncate(NAMED);
        self.quarrels.insert((kept, refused), Quarrel { count, named: validators, last: epoch });
    }

    /// A client's word stands.
    pub fn claim(&mut self, client: &Client, item: &Item, epoch: Epoch) {
        let Some(recipient) = item.recipient else { return };
        if let Some(claim) = self.by.get_mut(&item.key) {
            // Another client that says the same does not take it over while it is kept.
            if claim.by == *client || claim.is_over(epoch) {
                *claim = Claim { recipient, by: client.clone(), since: epoch };
            }
        } else if self.by.len() < CLAIMS {
            self.by.insert(item.key, Claim { recipient, by: client.clone(), since: epoch });
        }
    }

    /// Forgets what was not repeated, and quarrels that ended.
    pub fn prune(&mut self, epoch: Epoch) {
        self.by.retain(|_, claim| !claim.is_over(epoch));
        self.quarrels.retain(|_, quarrel| quarrel.last.0 + PREPARED_EPOCHS > epoch.0);
    }

    /// What on-call must know, one sentence a pair of clients.
    pub fn alerts(&self) -> Vec<String> {
        self.quarrels
            .iter()
            .map(|((kept, refused), quarrel)| {
                let more = if quarrel.count > quarrel.named.len() { ", …" } else { "" };
                format!(
                    "{refused} names other fee recipients than {kept} and is refused: {} ({}{more}); no \
                     validator may run twice: stop it at one of the two, or make them agree",
                    if quarrel.count == 1 {
                        "1 entry".to_owned()
                    } else {
                        format!("{} entries", quarrel.count)
                    },
                    quarrel.named.join(", "),
                )
            })
            .collect()
    }
}

impl Claim {
    fn is_over(&self, epoch: Epoch) -> bool {
        self.since.0 + PREPARED_EPOCHS <= epoch.0
    }
}

fn who(key: &Key) -> String {
    match key {
        Key::Prepared(validator) | Key::Preferred(validator, _) => format!("validator {validator}"),
        Key::Registered(pubkey) => format!("key {}…", hex(&pubkey[..4])),
        Key::Committee(..) | Key::Sync(..) | Key::Subnet(_) => String::new(),
    }
}
