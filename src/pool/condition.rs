//! The condition of one beacon, with hysteresis: what has been observed, and which reasons follow from it.
//!
//! Exclusion is at once; return takes `rise` good probes in a row and a warm-up, longer for one that flaps.

use crate::model::{Health, Moment, Reason, Slot};

/// What a beacon says of itself. Hints only: a node without peers calls itself synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// It says it is syncing.
    pub syncing: bool,
    /// Its head is optimistic.
    pub optimistic: bool,
    /// It says its execution client is offline.
    pub el_offline: bool,
    /// Slot of the head it reports.
    pub head_slot: Slot,
    /// Connected peers, where told.
    pub peers: Option<u32>,
}

/// How a probe or a confirmation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The connection was refused or could not be made.
    Unreachable,
    /// Connected, and no answer in time.
    TimedOut,
    /// An answer that is an error or no answer of a beacon node.
    Bad,
}

/// Which chain it serves, as compared with the pool's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Chain {
    /// Not read yet.
    #[default]
    Unknown,
    /// The pool's.
    Same,
    /// Another one, and how it differs.
    Stranger(String),
}

/// The knobs of this room.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `health:` of the fleet file.
    pub health: Health,
}

/// A beacon that came back is remembered as flapping for so long.
const FLAP_MEMORY_MS: u64 = 600_000;
/// A flapping beacon must prove itself at most so many times longer.
const FLAP_FACTOR: u32 = 8;
/// Server errors in a row that make a beacon failing.
pub const ERRORS_IN_ROW: u32 = 8;

/// On which branch a head is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Branch {
    /// The agreed head's, as far as headers tell.
    #[default]
    Agreed,
    /// Another one.
    Fork,
    /// On the other side of a chain split.
    Across,
}

/// One beacon's condition.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// Which chain it serves.
    pub chain: Chain,
    /// What it said last.
    pub facts: Option<Facts>,
    /// Slots behind the agreed head at the last sample, and fewer as it catches up.
    pub lag: u64,
    /// More than the one block that may be on its way is missing, or what its head is is not known.
    pub behind: bool,
    /// Where its head is.
    pub branch: Branch,
    /// Far slower than its peers.
    pub slow: bool,
    down: Option<Reason>,
    bad_probes: u32,
    good_probes: u32,
    warm_until: Option<Moment>,
    outs: u32,
    last_out: Option<Moment>,
}

impl Condition {
    /// A probe succeeded.
    pub fn good_probe(&mut self, facts: Facts, now: Moment, settings: &Settings, warm_up_ms: u64) {
        let first = self.facts.is_none();
        self.facts = Some(facts);
        self.bad_probes = 0;
        self.good_probes = self.good_probes.saturating_add(1);
        if self.down.is_some() && self.good_probes >= u32::from(settings.health.rise) * self.flap_factor(now)
        {
            self.down = None;
            if !first {
                self.warm_until = Some(now.plus_ms(warm_up_ms));
            }
        }
    }

    /// Ends the warm-up if it has lasted long enough; called when preference may change.
    pub fn warm(&mut self, now: Moment) {
        if self.warm_until.is_some_and(|until| until.mono_us <= now.mono_us) {
            self.warm_until = None;
        }
    }

    /// Its head is optimistic, as it says between probes; the next probe has the last word.
    pub fn optimistic(&mut self) {
        if let Some(facts) = &mut self.facts {
            facts.optimistic = true;
        }
    }

    /// Its own head's slot, by report, else by its last probe.
    pub fn own_slot(&self, reported: Option<Slot>) -> Option<Slot> {
        reported.or(self.facts.map(|facts| facts.head_slot))
    }

    /// Lag shrinks at once when it catches up; it grows at samples only.
    pub fn catch_up(&mut self, reported: Option<Slot>, agreed: Option<Slot>, at_agreed: bool) {
        let missing = self.own_slot(reported).zip(agreed).map(|(own, agreed)| agreed.0.saturating_sub(own.0));
        self.behind = missing.is_none_or(|missing| missing > 1);
        self.lag = if at_agreed { 0 } else { self.lag.min(missing.unwrap_or(u64::MAX)) };
    }

    /// A probe failed; a refused connection is out at once, others after `fall` in a row.
    pub fn bad_probe(&mut self, failure: Failure, now: Moment, settings: &Settings) {
        self.good_probes = 0;
        self.bad_probes += 1;
        let enough = self.bad_probes >= u32::from(settings.health.fall);
        match failure {
            Failure::Unreachable => self.put_out(Reason::Unreachable, now),
            Failure::TimedOut if enough => self.put_out(Reason::Hung, now),
            Failure::Bad if enough => self.put_out(Reason::Failing, now),
            Failure::TimedOut | Failure::Bad => {}
        }
    }

    /// It is out now, whatever the probes say.
    pub fn put_out(&mut self, reason: Reason, now: Moment) {
        if self.down.is_none() && self.facts.is_some() {
            self.outs = if self.flapped_lately(now) { self.outs + 1 } else { 1 };
            self.last_out = Some(now);
        }
        self.down = Some(reason);
        self.good_probes = 0;
        self.warm_until = None;
    }

    fn flapped_lately(&self, now: Moment) -> bool {
        self.last_out.is_some_and(|last| now.ms_since(last) < FLAP_MEMORY_MS)
    }

    fn flap_factor(&self, now: Moment) -> u32 {
        let outs = if self.flapped_lately(now) { self.outs.max(1) } else { 1 };
        2_u32.saturating_pow(outs - 1).min(FLAP_FACTOR)
    }

    /// Reasons that hold, worst first.
    pub fn reasons(&self, drained: bool, settings: &Settings) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut add = |holds: bool, reason: Reason| {
            if holds {
                reasons.push(reason);
            }
        };
        add(drained, Reason::Drained);
        add(matches!(self.chain, Chain::Stranger(_)), Reason::WrongChain);
        if let Some(down) = self.down {
            add(true, down);
        }
        // Alive is not enough: until its chain is known it may be any.
        add(self.facts.is_none() || self.chain == Chain::Unknown, Reason::NeverObserved);
        let facts = self.facts.unwrap_or_default();
        add(facts.optimistic, Reason::Optimistic);
        // Its own word is a hint: at the agreed head it is not syncing, whatever it says.
        add(facts.syncing && (self.behind || self.lag > 0), Reason::Syncing);
        add(self.branch == Branch::Across, Reason::ChainSplit);
        add(self.branch == Branch::Fork, Reason::Fork);
        add(self.lag >= settings.health.stale_slots.max(1), Reason::StaleHead);
        add(facts.el_offline, Reason::ElOffline);
        add(self.slow, Reason::Slow);
        add(self.warm_until.is_some(), Reason::WarmingUp);
        reasons
    }

    /// Whether its voice counts for the agreed head.
    pub fn is_trusted(&self) -> bool {
        self.chain == Chain::Same && self.down.is_none() && self.facts.is_some_and(|facts| !facts.optimistic)
    }

    /// Whether probes have succeeded since it was put out.
    pub fn is_rising(&self) -> bool {
        self.good_probes > 0
    }

    /// Whether it is out.
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings() -> Settings {
        Settings {
            health: Health {
                stale_slots: 1,
                silence: Duration::from_millis(500),
                rise: 3,
                fall: 2,
                warm_up_slots: 2,
                slow_factor: 5,
            },
        }
    }

    fn known() -> Condition {
        Condition { chain: Chain::Same, ..Condition::default() }
    }

    fn at(s: u64) -> Moment {
        Moment::default().plus_ms(s * 1_000)
    }

    fn good(condition: &mut Condition, s: u64) {
        condition.good_probe(Facts::default(), at(s), &settings(), 24_000);
    }

    #[test]
    fn never_observed_is_not_healthy() {
        assert_eq!(Condition::default().reasons(false, &settings()), vec![Reason::NeverObserved]);
        let mut condition = Condition::default();
        good(&mut condition, 1);
        assert_eq!(condition.reasons(false, &settings()), vec![Reason::NeverObserved], "of an unknown chain");
        condition.chain = Chain::Same;
        assert!(condition.reasons(false, &settings()).is_empty(), "the first good probe needs no warm-up");
    }

    #[test]
    fn one_lost_probe_is_forgiven_and_a_refused_connection_is_not() {
        let mut condition = known();
        good(&mut condition, 1);
        condition.bad_probe(Failure::TimedOut, at(2), &settings());
        assert!(!condition.is_down());
        condition.bad_probe(Failure::TimedOut, at(3), &settings());
        assert_eq!(condition.reasons(false, &settings()), vec![Reason::Hung]);
        let mut condition = known();
        good(&mut condition, 1);
        condition.bad_probe(Failure::Unreachable, at(2), &settings());
        assert_eq!(condition.reasons(false, &settings()), vec![Reason::Unreachable]);
    }

    #[test]
    fn the_way_back_is_rise_then_warm_up_and_longer_for_one_that_flaps() {
        let mut condition = known();
        good(&mut condition, 1);
        condition.put_out(Reason::Hung, at(2));
        good(&mut condition, 3);
        good(&mut condition, 4);
        assert!(condition.is_down());
        good(&mut condition, 5);
        assert_eq!(condition.reasons(false, &settings()), vec![Reason::WarmingUp]);
        condition.warm(at(28));
        assert_eq!(condition.reasons(false, &settings()), vec![Reason::WarmingUp]);
        condition.warm(at(29));
        assert!(condition.reasons(false, &settings()).is_empty());
        condition.put_out(Reason::Hung, at(30));
        for s in 31..36 {
            good(&mut condition, s);
            assert!(condition.is_down(), "second time within ten minutes: twice as long");
        }
        good(&mut condition, 36);
        assert!(!condition.is_down());
    }
}
