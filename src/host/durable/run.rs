//! A whole probe: each part in its moments, and the end on every way out.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::probe::{Probe, ProbeError};
use super::{Durable, When, window};
use crate::chain::SlotClock;
use crate::host::source::{Reading, Unread};
use crate::model::UnixMs;

/// How many writes are made when: half as votes are signed, half as an epoch begins.
pub const IN_PHASE: &[(When, usize)] = &[(When::Signing, 32), (When::Epoch, 32)];
/// For somebody who waits: as votes are signed.
pub const SIGNING: &[(When, usize)] = &[(When::Signing, 64)];
/// Where slots are not known.
pub const AT_ONCE: &[(When, usize)] = &[(When::Any, 64)];

/// Time between two writes, and between two looks at whether the moment has come.
const APART: Duration = Duration::from_millis(100);
/// A part whose moments do not come within this is left out: two epochs of mainnet.
const PATIENCE: Duration = Duration::from_secs(800);

/// What is to be measured.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Where.
    pub dir: &'a Path,
    /// How many writes when.
    pub plan: &'a [(When, usize)],
    /// Where slots lie.
    pub slots: Option<&'a SlotClock>,
    /// Validators whose signatures are recorded there, if somebody knows.
    pub validators: Option<u32>,
}

/// Writes in a directory as planned. `mind` says why it must stop, if so; it is asked before each write and while the moment
/// is waited for. Blocks for as long as that takes.
pub fn measure(order: Order<'_>, now: &dyn Fn() -> UnixMs, mind: &dyn Fn() -> Option<String>) -> Reading {
    measure_every(APART, order, now, mind)
}

fn measure_every(
    apart: Duration,
    order: Order<'_>,
    now: &dyn Fn() -> UnixMs,
    mind: &dyn Fn() -> Option<String>,
) -> Reading {
    let Order { dir, plan, slots, validators } = order;
    let mut probe = match Probe::open(dir) {
        Ok(probe) => probe,
        Err(ProbeError::Unfit { dir, what }) => return unfit(dir.display().to_string(), what).reading(),
        Err(ProbeError::Forbidden { .. }) => return Err(Unread::Denied),
        Err(error) => return Err(Unread::Failed(in_words(&error))),
    };
    'plan: for (when, count) in plan {
        let (mut left, begun) = (*count, Instant::now());
        while left > 0 && begun.elapsed() < PATIENCE {
            if let Some(why) = mind() {
                probe.stop(why);
                break 'plan;
            }
            let now = now();
            let open =
                *when == When::Any || window(slots, *when, now).is_some_and(|window| window.contains(&now));
            if open {
                if !probe.write(*when) {
                    break 'plan;
                }
                left -= 1;
            }
            thread::sleep(apart);
        }
    }
    Durable { validators, ..probe.finish() }.reading()
}

fn unfit(dir: String, what: String) -> Durable {
    Durable {
        dir,
        unfit: Some(what),
        writes: Vec::new(),
        renames_us: Vec::new(),
        stopped: None,
        validators: None,
    }
}

/// What failed and why, on one line.
fn in_words(error: &ProbeError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::chain::{Genesis, Spec};

    fn slots() -> SlotClock {
        let genesis: Genesis = serde_json::from_str(
            r#"{"genesis_time":"1000","genesis_validators_root":"0x0000000000000000000000000000000000000000000000000000000000000000","genesis_fork_version":"0x00000000"}"#,
        )
        .unwrap();
        let spec: Spec = serde_json::from_str(r#"{"SECONDS_PER_SLOT":"12","SLOTS_PER_EPOCH":"32"}"#).unwrap();
        SlotClock::new(&genesis, &spec).unwrap()
    }

    /// A directory where this program lies: on a disk, if anything here is.
    fn on_disk() -> tempfile::TempDir {
        tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap()
    }

    /// Measures as planned while a tenth of a second passes each time somebody looks; where, and what it was after so much
    /// of that time.
    fn measured(dir: &Path, plan: &[(When, usize)], stop_at: u64) -> (Durable, u64) {
        let (slots, time) = (slots(), Cell::new(1_000_000));
        let now = || UnixMs(time.replace(time.get() + 100));
        let mind = || (time.get() - 1_000_000 >= stop_at).then(|| "it was told to".to_owned());
        let order = Order { dir, plan, slots: Some(&slots), validators: Some(9) };
        let reading = measure_every(Duration::ZERO, order, &now, &mind).unwrap();
        (serde_json::from_str(&reading).unwrap(), time.get() - 1_000_000)
    }

    #[test]
    fn half_is_written_as_votes_are_signed_and_half_as_an_epoch_begins() {
        let dir = on_disk();
        let (durable, ms) = measured(dir.path(), IN_PHASE, u64::MAX);
        if durable.unfit.is_some() || durable.stopped.is_some() {
            eprintln!("skipped: {durable:?}");
            return;
        }
        let made: Vec<(When, usize)> = durable.writes.iter().map(|of| (of.when, of.us.len())).collect();
        assert_eq!(made, IN_PHASE);
        assert_eq!((durable.renames_us.len(), durable.validators), (8, Some(9)));
        assert!((387_000..389_000).contains(&ms), "20 writes a slot, then 32 from slot 32 on: {ms}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn it_stops_when_it_is_told_to_and_says_so() {
        let dir = on_disk();
        let (durable, _) = measured(dir.path(), SIGNING, 6_000);
        if durable.unfit.is_none() {
            assert!(durable.stopped.is_some() && durable.renames_us.is_empty(), "{durable:?}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn what_cannot_be_written_is_told_apart() {
        let of = |dir: &str| {
            let order = Order { dir: Path::new(dir), plan: AT_ONCE, slots: None, validators: None };
            measure_every(Duration::ZERO, order, &|| UnixMs(0), &|| None)
        };
        let Err(Unread::Failed(why)) = of("/no/such/place") else { panic!("{:?}", of("/no/such/place")) };
        assert!(why.starts_with("the probe could not write in /no/such/place: No such file"), "{why}");
        // A directory of the kernel's, in which nobody may make a file.
        assert!(of("/proc").is_err(), "{:?}", of("/proc"));
    }
}
