//! Bytes of SSZ read at known offsets; whatever lies outside is none. It knows no types: their layout stands where it
//! is used.

use crate::model::Root;

/// Bytes read at offsets.
#[derive(Debug, Clone, Copy)]
pub struct Ssz<'b>(pub &'b [u8]);

impl<'b> Ssz<'b> {
    /// The bytes from `at` on.
    pub fn from(self, at: usize) -> Option<Self> {
        self.0.get(at..).map(Ssz)
    }

    /// An offset: four bytes, little endian.
    pub fn offset(self, at: usize) -> Option<u32> {
        self.0.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// A `uint64`: eight bytes, little endian.
    pub fn number(self, at: usize) -> Option<u64> {
        self.0.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// A root: 32 bytes.
    pub fn root(self, at: usize) -> Option<Root> {
        self.0.get(at..)?.first_chunk().map(|bytes| Root(*bytes))
    }

    /// The items of a list of fixed-size items; none if the bytes are not a whole number of them.
    pub fn fixed(self, size: usize) -> Option<impl Iterator<Item = Ssz<'b>>> {
        (size > 0 && self.0.len().is_multiple_of(size)).then(|| self.0.chunks_exact(size).map(Ssz))
    }

    /// The items of a list of variable-size items; none if its offsets are not in order and within the bytes.
    pub fn variable(self) -> Option<Vec<Ssz<'b>>> {
        if self.0.is_empty() {
            return Some(Vec::new());
        }
        let first = self.offset(0)? as usize;
        if first == 0 || !first.is_multiple_of(4) || first > self.0.len() {
            return None;
        }
        let start = |item: usize| {
            if item * 4 < first { self.offset(item * 4).map(|at| at as usize) } else { Some(self.0.len()) }
        };
        (0..first / 4).map(|item| self.0.get(start(item)?..start(item + 1)?).map(Ssz)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(items: &[Vec<u8>]) -> Vec<u8> {
        let mut at = items.len() * 4;
        let mut out = Vec::new();
        for item in items {
            out.extend((at as u32).to_le_bytes());
            at += item.len();
        }
        out.extend(items.concat());
        out
    }

    proptest! {
        #[test]
        fn variable_items_come_back_whole(items in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let bytes = list(&items);
            let read: Vec<_> = Ssz(&bytes).variable().unwrap().iter().map(|item| item.0.to_vec()).collect();
            prop_assert_eq!(read, items);
        }

        #[test]
        fn garbage_never_panics(body: Vec<u8>, at in 0..80_usize) {
            let _ = (Ssz(&body).variable(), Ssz(&body).offset(at), Ssz(&body).number(at), Ssz(&body).root(at));
        }
    }

    #[test]
    fn fixed_items_need_whole_bytes() {
        assert_eq!(Ssz(&[1; 6]).fixed(3).unwrap().count(), 2);
        assert!(Ssz(&[1; 7]).fixed(3).is_none());
        assert!(Ssz(&[1; 7]).fixed(0).is_none());
        assert!(Ssz(&[8, 0, 0, 0, 7, 0, 0, 0]).variable().is_none(), "offsets out of order");
    }
}
