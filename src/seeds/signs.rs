//! Signs that a beacon's process may be another one now, and what they amount to.
//!
//! No beacon says that it restarted (beacon-APIs #435), so it is read off what changes: nobody listens, another version,
//! another node record, the event stream breaks. A suspicion costs a few repeated seeds, which do no harm; a restart
//! that is missed costs fee recipients and aggregates.

use crate::model::Moment;

/// Something that was seen of a beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Nobody listens at its address.
    Refused,
    /// Its version is another one.
    Version,
    /// Its process says it started at another time.
    Started,
    /// Its node record (ENR) or the sequence number of its metadata is another one.
    Record,
    /// Its event stream broke.
    Stream,
    /// A connection to it broke.
    Broken,
}

/// What the signs amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing so far.
    Nothing,
    /// It may have restarted: what must precede its duties is told again.
    Suspected,
    /// It restarted: everything is told again.
    Restarted,
}

/// A broken stream and a broken connection within this are one event.
const TOGETHER_MS: u64 = 2_000;
/// A stream that breaks again and again is one suspicion in this time.
const AGAIN_MS: u64 = 10_000;

/// What was seen of one beacon.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signs {
    stream: Option<Moment>,
    broken: Option<Moment>,
    suspected: Option<Moment>,
}

impl Signs {
    /// Takes a sign.
    pub fn saw(&mut self, sign: Sign, now: Moment) -> Verdict {
        let within = |earlier: Option<Moment>, ms: u64| earlier.is_some_and(|at| now.ms_since(at) < ms);
        match sign {
            Sign::Refused | Sign::Version | Sign::Started => return Verdict::Restarted,
            Sign::Record => {}
            Sign::Stream => {
                self.stream = Some(now);
                if within(self.broken, TOGETHER_MS) {
                    return Verdict::Restarted;
                }
            }
            Sign::Broken => {
                self.broken = Some(now);
                return if within(self.stream, TOGETHER_MS) { Verdict::Restarted } else { Verdict::Nothing };
            }
        }
        if within(self.suspected, AGAIN_MS) {
            return Verdict::Nothing;
        }
        self.suspected = Some(now);
        Verdict::Suspected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::default().plus_ms(ms)
    }

    #[test]
    fn what_is_sure_is_sure_and_what_is_not_is_a_suspicion() {
        for sign in [Sign::Refused, Sign::Version, Sign::Started] {
            assert_eq!(Signs::default().saw(sign, at(0)), Verdict::Restarted);
        }
        assert_eq!(Signs::default().saw(Sign::Record, at(0)), Verdict::Suspected);
        assert_eq!(Signs::default().saw(Sign::Broken, at(0)), Verdict::Nothing, "connections break");
    }

    #[test]
    fn a_stream_and_a_connection_that_break_together_are_a_restart() {
        let mut signs = Signs::default();
        assert_eq!(signs.saw(Sign::Stream, at(0)), Verdict::Suspected);
        assert_eq!(signs.saw(Sign::Broken, at(1_999)), Verdict::Restarted);
        let mut signs = Signs::default();
        assert_eq!(signs.saw(Sign::Broken, at(0)), Verdict::Nothing);
        assert_eq!(signs.saw(Sign::Stream, at(500)), Verdict::Restarted);
        let mut signs = Signs::default();
        assert_eq!(signs.saw(Sign::Broken, at(0)), Verdict::Nothing);
        assert_eq!(signs.saw(Sign::Stream, at(2_000)), Verdict::Suspected);
    }

    #[test]
    fn a_stream_that_breaks_all_the_time_is_not_answered_all_the_time() {
        let mut signs = Signs::default();
        let verdicts = (0..100).map(|n| signs.saw(Sign::Stream, at(n * 500)));
        assert_eq!(verdicts.filter(|verdict| *verdict == Verdict::Suspected).count(), 5);
    }
}
