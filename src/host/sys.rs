//! System calls that no kept crate wraps: the one place with `unsafe`.
//!
//! Owns `adjtimex`, of which only the reading is wrapped here: rustix and nix have none, and the crates that steer clocks do
//! not give back its status.

#![allow(unsafe_code, reason = "adjtimex(2) has no safe wrapper in a kept crate; see the call")]

use std::io;

use super::clock::KernelClock;

/// What the kernel says of its own clock; any user may ask.
///
/// # Errors
/// The kernel declines, as a sandbox that forbids the call makes it.
pub fn kernel_clock() -> io::Result<KernelClock> {
    // SAFETY: `timex` is a C struct of integers, for which all zeroes are a value; `modes` of zero asks without setting.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live, writable `timex` that nothing else uses during the call, and the kernel keeps none.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(KernelClock {
        synchronised: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        max_error_us: timex.maxerror,
        frequency_ppm: timex.freq >> 16,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kernel_answers_anyone() {
        let clock = super::kernel_clock().expect("adjtimex(2) with no mode asks only");
        assert!((0..=16_000_000).contains(&clock.max_error_us), "{clock:?}");
        assert!(clock.frequency_ppm.abs() <= 500, "the kernel corrects no more: {clock:?}");
    }
}
