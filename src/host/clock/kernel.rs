//! What the kernel says of its own clock, and when that may be believed.

use serde::{Deserialize, Serialize};

use super::limits::Grade;
use super::reading::{Reading, Standing};
use super::verdict::{ClockAspect, ClockFinding};

/// Answer of `adjtimex(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KernelClock {
    /// Whether someone told it that the clock follows a reference.
    pub synchronised: bool,
    /// The most the clock may be off, as it was told, growing since; microseconds.
    pub max_error_us: i64,
    /// Frequency error of the oscillator that is corrected, parts per million.
    pub frequency_ppm: i64,
}

/// Judges the kernel's word beside the daemons'. A daemon that follows its references and does not tell the kernel, as
/// chronyd without `rtcsync`, makes a false alarm of it.
pub fn of_kernel(kernel: KernelClock, readings: &[Reading]) -> ClockFinding {
    let follows = readings
        .iter()
        .find(|reading| reading.witness.disciplines() && reading.standing == Standing::Synchronised);
    let (grade, text) = match (kernel.synchronised, follows) {
        (true, _) => (
            Grade::Ok,
            format!("the kernel is told that the clock is right to {} ms", kernel.max_error_us / 1_000),
        ),
        (false, Some(reading)) => {
            (Grade::Ok, format!("{} follows its references and does not tell the kernel", reading.witness))
        }
        (false, None) => {
            (Grade::Bad, "the kernel is told by nobody that the clock follows a reference".to_owned())
        }
    };
    ClockFinding { aspect: ClockAspect::Kernel, grade, text }
}
