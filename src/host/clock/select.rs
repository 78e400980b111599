//! Which of several intervals can be true together: Marzullo's algorithm as RFC 5905 (section 11.2.1, A.5.5.1) uses it.
//!
//! Owns the choice between sources. It never averages.

use super::interval::Interval;

/// What a set of intervals for one and the same offset says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// More than half of them are true together.
    Agreed {
        /// Holds the truth if no more are wrong than those that had to be left out.
        interval: Interval,
        /// Places of those within.
        within: Vec<usize>,
        /// Places of those that cannot be true if the others are.
        outvoted: Vec<usize>,
    },
    /// No majority can be true together.
    Disagreed,
}

/// Chooses; nothing of nothing.
///
/// The fewest intervals are called wrong that leave the rest a common point. Where the rest may be chosen in more than
/// one way, the interval spans all of them: which of them is right is not known.
pub fn select(intervals: &[Interval]) -> Option<Selection> {
    let covered = |point: i64| intervals.iter().filter(|interval| interval.contains(point)).count();
    let most = intervals.iter().map(|interval| covered(interval.low())).max()?;
    if most * 2 <= intervals.len() {
        return Some(Selection::Disagreed);
    }
    // The points covered most often form closed stretches from some lower bound to some upper bound.
    let low = intervals.iter().map(|interval| interval.low()).filter(|low| covered(*low) == most).min()?;
    let high =
        intervals.iter().map(|interval| interval.high()).filter(|high| covered(*high) == most).max()?;
    let interval = Interval::new(low, high)?;
    let (within, outvoted) =
        (0..intervals.len()).partition(|place| intervals[*place].meet(interval).is_some());
    Some(Selection::Agreed { interval, within, outvoted })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(of: &[(i64, i64)]) -> Vec<Interval> {
        of.iter().map(|(low, high)| Interval::new(*low, *high).unwrap()).collect()
    }

    fn agreed(of: &[(i64, i64)]) -> Option<((i64, i64), Vec<usize>)> {
        match select(&spans(of))? {
            Selection::Agreed { interval, outvoted, .. } => Some((interval.into(), outvoted)),
            Selection::Disagreed => None,
        }
    }

    #[test]
    fn chooses() {
        assert_eq!(select(&[]), None);
        assert_eq!(agreed(&[(-3, 3)]), Some(((-3, 3), vec![])));
        assert_eq!(agreed(&[(-3, 3), (1, 9)]), Some(((1, 3), vec![])));
        assert_eq!(agreed(&[(0, 1), (1, 2)]), Some(((1, 1), vec![])), "bounds are inclusive");
        assert_eq!(select(&spans(&[(-3, -1), (1, 3)])), Some(Selection::Disagreed));
        assert_eq!(select(&spans(&[(0, 1), (0, 1), (5, 6), (5, 6)])), Some(Selection::Disagreed));
        assert_eq!(agreed(&[(0, 4), (3, 6), (100, 101)]), Some(((3, 4), vec![2])));
        // Marzullo's own example: 8..12, 11..13, 10..12 meet in 11..12; with 14..15 a falseticker they still do.
        assert_eq!(agreed(&[(8, 12), (11, 13), (10, 12)]), Some(((11, 12), vec![])));
        assert_eq!(agreed(&[(8, 12), (11, 13), (14, 15)]), Some(((11, 12), vec![2])));
        // Either end may be the wrong one: the span of both ways, not one of them.
        assert_eq!(agreed(&[(0, 4), (3, 9), (8, 12)]), Some(((3, 9), vec![])));
    }

    proptest! {
        /// However wrong a minority is, the truth lies within when no more are wrong than are left out.
        #[test]
        fn holds_the_truth(
            truth in -1_000i64..1_000,
            right in prop::collection::vec((0i64..500, 0i64..500), 1..8),
            wrong in prop::collection::vec((-5_000i64..5_000, 0i64..50), 0..4),
        ) {
            let mut all: Vec<Interval> =
                right.iter().map(|(left, to)| Interval::new(truth - left, truth + to).unwrap()).collect();
            all.extend(wrong.iter().map(|(at, half)| Interval::new(at - half, at + half).unwrap()));
            let rights = all.iter().filter(|interval| interval.contains(truth)).count();
            match select(&all).unwrap() {
                Selection::Agreed { interval, within, outvoted } => {
                    let most = all.iter().map(|one| all.iter().filter(|other| other.contains(one.low())).count()).max();
                    if most == Some(rights) {
                        prop_assert!(interval.contains(truth));
                    }
                    prop_assert_eq!(within.len() + outvoted.len(), all.len());
                    for place in outvoted {
                        prop_assert_eq!(all[place].meet(interval), None);
                    }
                }
                Selection::Disagreed => prop_assert!(rights * 2 <= all.len()),
            }
        }

        /// When all are right, the answer is no wider than the best of them.
        #[test]
        fn loses_nothing_when_all_are_right(truth in -99i64..99, right in prop::collection::vec((0i64..500, 0i64..500), 1..9)) {
            let all: Vec<Interval> =
                right.iter().map(|(left, to)| Interval::new(truth - left, truth + to).unwrap()).collect();
            let narrowest = all.iter().map(|one| one.half()).min().unwrap();
            match select(&all).unwrap() {
                Selection::Agreed { interval, .. } => {
                    prop_assert!(interval.contains(truth) && interval.half() <= narrowest);
                }
                Selection::Disagreed => prop_assert!(false),
            }
        }
    }
}
