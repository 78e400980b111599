//! Heads part along the lines of consensus clients.

use super::Case;

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let split = case.split?;
    let since = format!("heads part along the lines of clients since slot {}", split.began);
    Some(match split.parted {
        Some(last) => format!("{since}, after {} of slot {}", last.root.short(), last.slot),
        None => since,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::split;
    use crate::model::{CulpritKind, HeadStatus, Root, Slot};

    #[test]
    fn it_says_since_when_and_where_they_parted() {
        let mut split = split(&["Teku"]);
        let said = |split: &_| why(&Case { split: Some(split), ..Case::of(&CulpritKind::ChainSplit) });
        assert_eq!(said(&split).as_deref(), Some("heads part along the lines of clients since slot 99"));
        split.parted = Some(HeadStatus { slot: Slot(98), root: Root([7; 32]) });
        assert!(said(&split).unwrap().ends_with(&format!(", after {} of slot 98", Root([7; 32]).short())));
        assert_eq!(why(&Case::of(&CulpritKind::Beacon)), None);
    }
}
