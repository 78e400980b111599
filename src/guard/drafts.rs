//! Blocks that were given to be signed: the same question gets the same bytes.
//!
//! A second block for one slot is one that a signer must refuse, and slashable if it does not. What is kept is bounded:
//! the oldest gives way.

use std::collections::VecDeque;

/// Blocks kept.
pub const DRAFTS: usize = 64;
/// Bytes of all of them.
pub const DRAFT_BYTES: usize = 256 << 20;

struct Draft<Q, A> {
    question: Q,
    answer: A,
    bytes: usize,
}

/// Answers by question.
pub struct Drafts<Q, A>(VecDeque<Draft<Q, A>>);

impl<Q, A> Default for Drafts<Q, A> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<Q: PartialEq, A: Clone> Drafts<Q, A> {
    /// What was given.
    pub fn given(&self, question: &Q) -> Option<A> {
        self.0.iter().find(|draft| draft.question == *question).map(|draft| draft.answer.clone())
    }

    /// Questions and answers, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = (&Q, &A)> {
        self.0.iter().rev().map(|draft| (&draft.question, &draft.answer))
    }

    /// Keeps an answer of so many bytes; what is to be given: the answer that was there first.
    pub fn give(&mut self, question: Q, answer: A, bytes: usize) -> A {
        if let Some(given) = self.given(&question) {
            return given;
        }
        self.0.push_back(Draft { question, answer: answer.clone(), bytes });
        while self.0.len() > DRAFTS || self.0.len() > 1 && self.bytes() > DRAFT_BYTES {
            self.0.pop_front();
        }
        answer
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|draft| draft.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_the_answer_and_the_oldest_gives_way() {
        let mut drafts = Drafts::default();
        assert_eq!(drafts.give(1, 'a', 10), 'a');
        assert_eq!(drafts.give(1, 'b', 10), 'a');
        assert_eq!((drafts.given(&1), drafts.given(&2)), (Some('a'), None));
        for question in 2..2 + DRAFTS {
            drafts.give(question, 'c', 1);
        }
        assert_eq!((drafts.given(&1), drafts.0.len()), (None, DRAFTS));
        drafts.give(1_000, 'd', DRAFT_BYTES);
        assert_eq!((drafts.0.len(), drafts.bytes()), (1, DRAFT_BYTES), "one block is kept however large");
    }
}
