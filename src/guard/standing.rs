//! An answer that stands: about which head, and whether for good.

use crate::model::Root;

/// A moment in a question's life.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// The head an answer should be about.
    pub head: Option<Root>,
    /// Whether the time to change the answer is over: one twelfth of a slot after the due point.
    pub closed: bool,
}

/// An answer, and until when it is one.
pub(super) struct Standing<A> {
    ticket: u64,
    /// The head it belongs to; none if it may be another at the next look.
    basis: Option<Root>,
    /// Whether it stands for good.
    pub(super) closed: bool,
    /// What it is.
    pub(super) answer: A,
}

impl<A> Standing<A> {
    /// What a read of this number brought.
    pub(super) fn new(ticket: u64, basis: Option<Root>, moment: Stage, answer: A) -> Self {
        Self { ticket, basis, closed: moment.closed, answer }
    }

    /// Whether it is the answer at this moment.
    pub(super) fn holds(&self, moment: Stage) -> bool {
        self.closed || moment.closed || (self.basis.is_some() && self.basis == moment.head)
    }

    /// It is given at this moment: once that is closed, for good.
    pub(super) fn given(&mut self, moment: Stage) -> &A {
        self.closed |= moment.closed;
        &self.answer
    }

    /// Whether what a read of this number brings does not replace it.
    pub(super) fn outlasts(&self, ticket: u64) -> bool {
        self.closed || self.ticket > ticket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(head: u8, closed: bool) -> Stage {
        Stage { head: Some(Root([head; 32])), closed }
    }

    #[test]
    fn it_stands_with_its_head_and_once_closed_for_good() {
        let mut standing = Standing::new(3, Some(Root([1; 32])), moment(1, false), 'a');
        assert!(standing.holds(moment(1, false)) && !standing.holds(moment(2, false)));
        assert!(!standing.holds(Stage { head: None, closed: false }));
        assert!(standing.outlasts(2) && !standing.outlasts(4));
        assert_eq!(standing.given(moment(2, true)), &'a');
        assert!(standing.holds(moment(2, false)) && standing.outlasts(4), "though the clock goes back");
        let passing = Standing::new(5, None, Stage { head: None, closed: false }, 'b');
        assert!(!passing.holds(Stage { head: None, closed: false }), "it may be another at the next look");
    }
}
