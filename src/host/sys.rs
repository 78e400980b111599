//! System calls that no kept crate wraps: the one place with `unsafe`.
//!
//! Owns `adjtimex`, of which only the reading is wrapped here: rustix and nix have none, and the crates that steer clocks do
//! not give back its status; and `SIOCETHTOOL`, of which the crate `ethtool` sets nothing that is set here.

#![allow(
    unsafe_code,
    reason = "adjtimex(2) and SIOCETHTOOL have no safe wrapper in a kept crate; see the calls"
)]

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd as _;

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

/// What a driver answers to a command whose struct is the command and eight numbers, as `ethtool_ringparam` and
/// `ethtool_channels` are (`linux/ethtool.h`); of the network namespace of this thread.
///
/// # Errors
/// The name is no interface's, the driver does not know the command, or declines the numbers; to set takes `CAP_NET_ADMIN`.
pub fn ethtool(interface: &str, command: u32, numbers: [u32; 8]) -> io::Result<[u32; 8]> {
    // Any socket will do; this one is connected to nothing.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let mut told = [0; 9];
    told[0] = command;
    told[1..].copy_from_slice(&numbers);
    // SAFETY: `ifreq` is a C struct of bytes and a union of plain data, for which all zeroes are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero.
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::NotFound.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed() as libc::c_char;
    }
    request.ifr_ifru.ifru_data = told.as_mut_ptr().cast();
    // SAFETY: the descriptor is open during the call; `request` is live and names `told`, which is as long as the struct of the
    // command and outlives the call; the kernel keeps neither.
    let state = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    if state == -1 {
        return Err(io::Error::last_os_error());
    }
    let mut answer = [0; 8];
    answer.copy_from_slice(&told[1..]);
    Ok(answer)
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
