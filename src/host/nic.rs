//! Numbers of an interface that are set by ethtool: the length of its rings, how many channels it has. Each is told and
//! taken as if it were a file: `/@ethtool/eth0/rx-ring` says `512 of 4096`.

use std::borrow::Cow;
use std::io;

use super::sys;

/// Where they are, as paths.
pub const TREE: &str = "/@ethtool/";

/// A number: its name, the commands that get and set the struct it is of (`linux/ethtool.h`), its place among the four that
/// can be set, and how `ethtool` names it.
struct Knob {
    name: &'static str,
    get: u32,
    set: u32,
    place: usize,
    option: (&'static str, &'static str),
}

const fn knob(name: &'static str, get: u32, place: usize, option: (&'static str, &'static str)) -> Knob {
    Knob { name, get, set: get + 1, place, option }
}

/// `ETHTOOL_GRINGPARAM` and `ETHTOOL_GCHANNELS`: four largest values, then the four in force.
const KNOBS: [Knob; 3] = [
    knob("rx-ring", 0x10, 0, ("-G", "rx")),
    knob("rx-channels", 0x3c, 0, ("-L", "rx")),
    knob("combined-channels", 0x3c, 3, ("-L", "combined")),
];

fn of(name: &str) -> io::Result<(&str, &'static Knob)> {
    let (interface, knob) = name.split_once('/').ok_or(io::ErrorKind::NotFound)?;
    let knob = KNOBS.iter().find(|of| of.name == knob).ok_or(io::ErrorKind::NotFound)?;
    Ok((interface, knob))
}

/// A number and the largest it may be: `512 of 4096`, of `eth0/rx-ring`.
///
/// # Errors
/// There is no such interface, or it has no such number: *not found*.
pub fn read(name: &str) -> io::Result<String> {
    let (interface, knob) = of(name)?;
    let numbers = sys::ethtool(interface, knob.get, [0; 8]).map_err(absent)?;
    match numbers[knob.place] {
        0 => Err(io::ErrorKind::NotFound.into()),
        most => Ok(format!("{} of {most}", numbers[knob.place + 4])),
    }
}

/// Sets a number; the link may be down for some seconds.
///
/// # Errors
/// It is no number, or the driver declines it.
pub fn write(name: &str, value: &str) -> io::Result<()> {
    let (interface, knob) = of(name)?;
    let value: u32 = value.trim().parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut numbers = sys::ethtool(interface, knob.get, [0; 8]).map_err(absent)?;
    numbers[knob.place + 4] = value;
    sys::ethtool(interface, knob.set, numbers).map(drop)
}

/// The command that does the same.
pub fn command(name: &str, to: &str) -> String {
    match of(name) {
        Ok((interface, Knob { option: (option, word), .. })) => {
            format!("ethtool {option} {interface} {word} {to}")
        }
        Err(_) => String::new(),
    }
}

/// A path as a person understands it: of a number here what it is, of any other file the path.
pub fn words(path: &str) -> Cow<'_, str> {
    match path.strip_prefix(TREE).and_then(|name| name.split_once('/')) {
        Some((interface, knob)) => format!("{} of {interface} (ethtool)", knob.replace('-', " ")).into(),
        None => path.into(),
    }
}

/// A text as it is told: the number in force, and the largest.
pub fn parse(text: &str) -> Option<(u64, u64)> {
    let (is, most) = text.trim().split_once(" of ")?;
    Some((is.parse().ok()?, most.parse().ok()?))
}

fn absent(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::ENODEV) => io::ErrorKind::NotFound.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_and_what_is_no_interface_is_not_there() {
        assert_eq!(parse("512 of 4096\n"), Some((512, 4096)));
        for text in ["512", "512 of", "a of b", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
        for name in
            ["lo/rx-ring", "none0/rx-ring", "lo/none", "lo", "a-name-that-is-far-too-long-for-one/rx-ring"]
        {
            assert_eq!(read(name).unwrap_err().kind(), io::ErrorKind::NotFound, "{name}");
        }
        assert_eq!(command("eth0/rx-ring", "4096"), "ethtool -G eth0 rx 4096");
        assert_eq!(words("/@ethtool/v0/rx-channels"), "rx channels of v0 (ethtool)");
        assert_eq!(words("/proc/sys/vm/swappiness"), "/proc/sys/vm/swappiness");
        assert_eq!(command("eth0/combined-channels", "8"), "ethtool -L eth0 combined 8");
    }
}
