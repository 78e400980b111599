//! Who signed what for the duties of one slot.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Kind, What};
use crate::model::ClientId;

/// Different messages remembered of one slot; honest clients sign a handful.
const WHATS: usize = 1 << 12;
/// Duties remembered of one slot.
const DUTIES: usize = 1 << 17;

/// Who was first with a duty.
#[derive(Debug, Clone, Copy)]
struct First {
    what: u16,
    client: ClientId,
    /// Whether it asked for what it signed.
    asked: bool,
}

/// The duties of a slot.
#[derive(Debug, Default)]
pub(super) struct OfSlot {
    whats: Vec<What>,
    by: HashMap<(u32, Kind), First>,
}

/// What a message is beside the first one of its duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// The first.
    Alone,
    /// The same client's again.
    Again,
    /// The same as another client's, of which only one asked for what is signed.
    Copy {
        /// Whose it is.
        of: ClientId,
        /// Who passed it on.
        by: ClientId,
    },
    /// The same as another client's, and both asked.
    Same {
        /// The other.
        with: ClientId,
    },
    /// Another one.
    Differs {
        /// Than this client's, which may be the same client.
        with: ClientId,
        /// Than this.
        from: What,
    },
}

impl OfSlot {
    /// The number of what was signed; none where there is no room.
    pub(super) fn place(&mut self, what: What) -> Option<u16> {
        if let Some(place) = self.whats.iter().rposition(|known| *known == what) {
            return Some(place as u16);
        }
        if self.whats.len() >= WHATS {
            return None;
        }
        self.whats.push(what);
        Some((self.whats.len() - 1) as u16)
    }

    /// A client signed something for a duty.
    pub(super) fn sign(&mut self, duty: (u32, Kind), what: u16, client: ClientId, asked: bool) -> Signed {
        let room = self.by.len() < DUTIES;
        let own = First { what, client, asked };
        let first = match self.by.entry(duty) {
            Entry::Vacant(new) if room => {
                new.insert(own);
                return Signed::Alone;
            }
            Entry::Vacant(_) => return Signed::Alone,
            Entry::Occupied(known) => known.into_mut(),
        };
        let (same_client, same) = (first.client == client, first.what == what);
        let with = first.client;
        // Whoever does more than one of a kind is to be blamed only if that is an offence.
        let is_offence = matches!(duty.1, Kind::Attestation | Kind::Block);
        let signed = match (same_client, same) {
            (true, false) if is_offence => {
                Signed::Differs { with, from: self.whats[usize::from(first.what)] }
            }
            (true, _) => Signed::Again,
            (false, false) => Signed::Differs { with, from: self.whats[usize::from(first.what)] },
            (false, true) if first.asked && asked => Signed::Same { with },
            (false, true) if asked => Signed::Copy { of: client, by: with },
            (false, true) => Signed::Copy { of: with, by: client },
        };
        if same_client {
            first.asked |= asked;
        } else if asked && !first.asked {
            *first = own;
        }
        signed
    }
}
