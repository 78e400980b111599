//! A machine, and beside what it answers itself what was had otherwise: by writing, or from another program.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::source::{Ask, Reading, Source};

/// See the module.
pub struct Beside<'a> {
    machine: &'a dyn Source,
    had: RefCell<BTreeMap<Ask, Reading>>,
}

impl<'a> Beside<'a> {
    /// A machine, with nothing beside it yet.
    pub fn new(machine: &'a dyn Source) -> Self {
        Self { machine, had: RefCell::default() }
    }

    /// The answer to a question from now on.
    pub fn put(&self, ask: Ask, reading: Reading) {
        self.had.borrow_mut().insert(ask, reading);
    }
}

impl Source for Beside<'_> {
    fn read(&self, ask: &Ask) -> Reading {
        let had = self.had.borrow().get(ask).cloned();
        had.unwrap_or_else(|| self.machine.read(ask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Kind, Record};

    #[test]
    fn what_was_put_goes_before_what_the_machine_says() {
        let record = Record::parse("beacondeck-snapshot 1\nfile /a\n 1\nfile /b\n 2\n").unwrap();
        let machine = record.now();
        let beside = Beside::new(&machine);
        let ask = |path: &str| Ask::new(Kind::File, path);
        beside.put(ask("/a"), Ok("3".to_owned()));
        assert_eq!((beside.read(&ask("/a")), beside.read(&ask("/b"))), (Ok("3".into()), Ok("2".into())));
        beside.put(ask("/a"), Ok("4".to_owned()));
        assert_eq!(beside.read(&ask("/a")), Ok("4".into()));
    }
}
