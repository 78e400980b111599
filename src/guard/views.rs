//! Answers about the head that are the same for all who ask, like attestation data, but bind nobody: the head's root and
//! whether its payload was seen. Which answer to a question stands, and until when.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::standing::{Stage, Standing};
use crate::model::Root;

/// Questions remembered: several slots of all of them.
const QUESTIONS: usize = 64;

/// The answers that stand, by question.
pub struct Views<Q, A> {
    tickets: u64,
    standing: HashMap<Q, Standing<A>>,
    order: VecDeque<Q>,
}

impl<Q, A> Default for Views<Q, A> {
    fn default() -> Self {
        Self { tickets: 0, standing: HashMap::new(), order: VecDeque::new() }
    }
}

impl<Q: Copy + Eq + Hash, A: Clone> Views<Q, A> {
    /// The answer that stands; none if beacons must be asked.
    pub fn standing(&mut self, question: Q, moment: Stage) -> Option<A> {
        let standing = self.standing.get_mut(&question).filter(|standing| standing.holds(moment))?;
        Some(standing.given(moment).clone())
    }

    /// The number of a read that begins: the answer of a later one is the newer.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// A read brought an answer about a head, none if it may be another at the next look although the head is the same; the
    /// answer that stands now.
    pub fn settle(&mut self, question: Q, ticket: u64, moment: Stage, about: Option<Root>, answer: A) -> A {
        if let Some(old) = self.standing.get(&question).filter(|old| old.outlasts(ticket)) {
            return old.answer.clone();
        }
        let basis = about.filter(|about| Some(*about) == moment.head);
        let standing = Standing::new(ticket, basis, moment, answer.clone());
        if self.standing.insert(question, standing).is_none() {
            self.order.push_back(question);
            if self.order.len() > QUESTIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.standing.remove(&oldest);
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(head: u8, closed: bool) -> Stage {
        Stage { head: Some(Root([head; 32])), closed }
    }

    #[test]
    fn a_question_is_answered_by_its_head_and_not_by_anothers() {
        let mut views = Views::default();
        let ticket = views.ticket();
        assert_eq!(views.settle(1, ticket, moment(1, false), Some(Root([1; 32])), 'a'), 'a');
        assert_eq!(views.standing(1, moment(1, false)), Some('a'));
        assert_eq!(views.standing(2, moment(1, false)), None);
        assert_eq!(views.standing(1, moment(2, false)), None);
        let (slow, quick) = (views.ticket(), views.ticket());
        views.settle(1, quick, moment(2, false), Some(Root([2; 32])), 'b');
        let late = views.settle(1, slow, moment(1, false), Some(Root([1; 32])), 'a');
        assert_eq!(late, 'b', "a slow read does not bring back what was replaced");
        let ticket = views.ticket();
        views.settle(1, ticket, moment(3, false), Some(Root([2; 32])), 'c');
        assert_eq!(views.standing(1, moment(3, false)), None, "it is about another head than it should be");
        assert_eq!(views.standing(1, moment(3, true)), Some('c'));
    }

    proptest! {
        #[test]
        fn once_closed_there_is_one_answer(
            asked in prop::collection::vec((0..4_u8, 0..4_u8, any::<bool>(), any::<bool>()), 1..60),
        ) {
            let (mut views, mut last) = (Views::default(), None);
            for (number, (head, at, closed, steady)) in asked.into_iter().enumerate() {
                let moment = moment(head, closed);
                let answer = views.standing(0, moment).unwrap_or_else(|| {
                    let (ticket, about) = (views.ticket(), steady.then_some(Root([at; 32])));
                    views.settle(0, ticket, moment, about, (number, at))
                });
                if let Some(last) = last {
                    prop_assert_eq!(answer, last);
                } else if !closed {
                    prop_assert!(answer.0 == number || answer.1 == head, "an older head was kept");
                }
                last = last.or(closed.then_some(answer));
            }
        }

        #[test]
        fn what_is_remembered_is_bounded(questions in prop::collection::vec(any::<u16>(), 0..300)) {
            let mut views = Views::default();
            for question in questions {
                let ticket = views.ticket();
                views.settle(question, ticket, moment(1, true), None, ());
                prop_assert!(views.standing.len() <= QUESTIONS && views.order.len() == views.standing.len());
            }
        }
    }
}
