//! Which form of the attestation holds in an epoch: forks changed what its `index` means.
//!
//! Owns the epochs of those forks. What is to be refused for a wrong index is the guard's business.

use super::fork::FAR_FUTURE_EPOCH;
use super::spec::{Spec, SpecError};
use crate::model::Epoch;

/// What `index` of an `AttestationData` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// The committee (consensus spec, phase0).
    Committee,
    /// Nothing: it is 0 (electra, EIP-7549).
    Zero,
    /// Whether the payload was seen: 0 or 1 (gloas, EIP-7732).
    Payload,
}

/// From which epochs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Eras {
    zero: Epoch,
    payload: Epoch,
}

impl Eras {
    /// As the spec serves them; a fork that it does not know never comes.
    pub(super) fn of(spec: &Spec) -> Result<Self, SpecError> {
        let epoch = |key| Ok(spec.checked(key)?.map_or(FAR_FUTURE_EPOCH, Epoch));
        Ok(Self { zero: epoch("ELECTRA_FORK_EPOCH")?, payload: epoch("GLOAS_FORK_EPOCH")? })
    }

    /// The era of an epoch.
    pub(super) fn at(self, epoch: Epoch) -> Era {
        if self.payload != FAR_FUTURE_EPOCH && epoch >= self.payload {
            Era::Payload
        } else if self.zero != FAR_FUTURE_EPOCH && epoch >= self.zero {
            Era::Zero
        } else {
            Era::Committee
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_era_begins_with_its_fork_and_a_key_alone_begins_none() {
        let spec: Spec = [("ELECTRA_FORK_EPOCH", "4"), ("GLOAS_FORK_EPOCH", "9")].into_iter().collect();
        let eras = Eras::of(&spec).unwrap();
        let at = |epoch| eras.at(Epoch(epoch));
        assert_eq!([3, 4, 8, 9].map(at), [Era::Committee, Era::Zero, Era::Zero, Era::Payload]);
        let never: Spec = [("GLOAS_FORK_EPOCH", "18446744073709551615")].into_iter().collect();
        assert_eq!(Eras::of(&never).unwrap().at(Epoch(u64::MAX)), Era::Committee);
    }
}
