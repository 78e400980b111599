//! The validators that were seen, each with a small number and the client it was seen with last.

use std::collections::HashMap;

use crate::model::{ClientId, Epoch, ValidatorIndex};

/// Validators on the roll at most; more than one fleet has.
pub const MAX_SEEN: usize = 1 << 18;
/// Epochs after which a validator nobody asks for has nothing due with us: a day.
const AWAY_EPOCHS: u64 = 225;

/// A validator's small number: an index into everything that is kept by validator.
pub(super) type Number = u32;

#[derive(Debug, Clone, Copy)]
struct Entry {
    validator: ValidatorIndex,
    client: ClientId,
    seen: Epoch,
}

/// Everyone who was seen.
#[derive(Debug, Default)]
pub(super) struct Roll {
    numbers: HashMap<u32, Number>,
    entries: Vec<Entry>,
}

impl Roll {
    /// A validator was seen with a client; its number, and whether it is new. None where there is no room.
    pub(super) fn see(
        &mut self,
        validator: ValidatorIndex,
        client: ClientId,
        epoch: Epoch,
    ) -> Option<(Number, bool)> {
        let index = u32::try_from(validator.0).ok()?;
        if let Some(number) = self.numbers.get(&index) {
            let entry = &mut self.entries[*number as usize];
            let back = entry.seen.0 + AWAY_EPOCHS < epoch.0;
            (entry.client, entry.seen) = (client, entry.seen.max(epoch));
            return Some((*number, back));
        }
        if self.entries.len() >= MAX_SEEN {
            return None;
        }
        let number = self.entries.len() as Number;
        self.numbers.insert(index, number);
        self.entries.push(Entry { validator, client, seen: epoch });
        Some((number, true))
    }

    /// The number of a validator that has duties with us in an epoch.
    pub(super) fn due(&self, index: u32, epoch: Epoch) -> Option<Number> {
        let number = *self.numbers.get(&index)?;
        (self.entries[number as usize].seen.0 + AWAY_EPOCHS >= epoch.0).then_some(number)
    }

    /// The number of a validator.
    pub(super) fn number(&self, validator: ValidatorIndex) -> Option<Number> {
        self.numbers.get(&u32::try_from(validator.0).ok()?).copied()
    }

    /// Whose number it is.
    pub(super) fn validator(&self, number: Number) -> ValidatorIndex {
        self.entries[number as usize].validator
    }

    /// The client it was seen with last.
    pub(super) fn client(&self, number: Number) -> ClientId {
        self.entries[number as usize].client
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
