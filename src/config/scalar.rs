//! Text to value: durations, sizes, shares, names, addresses, networks. Pure; a complaint never repeats the text.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::problem::Complaint;
use crate::model::Bps;

/// Longest name and label.
const NAME: usize = 63;

type Read<T> = Result<T, Complaint>;

/// A whole number, decimal digits only.
pub fn whole(text: &str) -> Read<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        Complaint::new("not a whole number", "write decimal digits only, without unit or sign")
    })
}

/// `true` or `false`, nothing else.
pub fn flag(text: &str) -> Read<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Complaint::new(
            "neither `true` nor `false`",
            "write `true` or `false`; yes, no, on and off are text",
        )),
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

/// `500ms`, `10s`, `2m`, `1h`.
pub fn duration(text: &str) -> Read<Duration> {
    let hint = "write a whole number and `ms`, `s`, `m` or `h`, for instance `500ms` or `10s`";
    let (number, unit) = split(text);
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" => return Err(Complaint::new("a duration without a unit", hint)),
        _ => return Err(Complaint::new("not a duration", hint)),
    };
    let ms = whole(number).ok().and_then(|number| number.checked_mul(scale));
    ms.map(Duration::from_millis).ok_or_else(|| Complaint::new("not a duration", hint))
}

/// Bytes: `65536`, `64KiB`, `64MiB`, `1GiB`.
pub fn size(text: &str) -> Read<u64> {
    let hint = "write bytes or a whole number and `KiB`, `MiB` or `GiB`, for instance `64MiB`";
    let (number, unit) = split(text);
    let scale = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(Complaint::new("not a size", hint)),
    };
    let bytes = whole(number).ok().and_then(|number| number.checked_mul(scale));
    bytes.ok_or_else(|| Complaint::new("not a size", hint))
}

/// `5%`, `0.25%`; at most two decimals, at most 100 %.
pub fn share(text: &str) -> Read<Bps> {
    let bad = || {
        Complaint::new(
            "not a share",
            "write a percentage of at most 100 with at most two decimals, for instance `5%`",
        )
    };
    let number = text.strip_suffix('%').ok_or_else(bad)?;
    let (integer, decimals) = match number.split_once('.') {
        Some((integer, decimals)) if (1..=2).contains(&decimals.len()) => {
            (integer, format!("{decimals:0<2}"))
        }
        Some(_) => return Err(bad()),
        None => (number, String::from("0")),
    };
    let percent = whole(integer).map_err(|_| bad())?;
    let hundredths = whole(&decimals).map_err(|_| bad())?;
    let bps =
        percent.checked_mul(100).and_then(|bps| bps.checked_add(hundredths)).filter(|bps| *bps <= 10_000);
    bps.and_then(|bps| u16::try_from(bps).ok()).map(Bps).ok_or_else(bad)
}

/// A duration as the file writes it.
pub fn show_duration(value: Duration) -> String {
    let ms = value.as_millis();
    match ms {
        ms if ms % 3_600_000 == 0 && ms > 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 && ms > 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// A size as the file writes it.
pub fn show_size(bytes: u64) -> String {
    match bytes {
        b if b > 0 && b % (1 << 30) == 0 => format!("{}GiB", b >> 30),
        b if b > 0 && b % (1 << 20) == 0 => format!("{}MiB", b >> 20),
        b if b > 0 && b % (1 << 10) == 0 => format!("{}KiB", b >> 10),
        b => b.to_string(),
    }
}

/// A name: 1 to 63 of `a-z 0-9 . _ -`, a letter or digit first.
pub fn name(text: &str) -> Read<String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = (1..=NAME).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'));
    if fits {
        return Ok(text.to_owned());
    }
    let hint = "use 1 to 63 of `a-z`, `0-9`, `.`, `_` and `-`, beginning with a letter or digit";
    Err(Complaint::new("not a name", hint))
}

/// The value of a label: 1 to 63 printable characters, no blanks around.
pub fn label(text: &str) -> Read<String> {
    let fits = (1..=NAME).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    let complaint = || Complaint::new("not a label", "use 1 to 63 printable characters");
    fits.then(|| text.to_owned()).ok_or_else(complaint)
}

/// An address to listen at.
pub fn address(text: &str) -> Read<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = |text: &str| text.parse::<u16>().is_ok();
    let hint = if port(text) {
        format!("add the address: `127.0.0.1:{text}`")
    } else if text.strip_prefix(':').is_some_and(port) {
        format!("add the address: `127.0.0.1{text}`, or `0.0.0.0{text}` for all")
    } else {
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => format!("add the port: `{ip}:5052`"),
            Ok(IpAddr::V6(ip)) => format!("add brackets and the port, in quotes: `\"[{ip}]:5052\"`"),
            Err(_) => {
                "write an IP address and a port, for instance `127.0.0.1:5052`; host names are not looked up"
                    .into()
            }
        }
    };
    Err(Complaint::new("not an address with a port", hint))
}

/// A network, or one address.
pub fn network(text: &str) -> Read<IpNet> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let hint = "write CIDR, for instance `10.0.0.0/8`, or one address";
    net.map(|net| net.trunc()).ok_or_else(|| Complaint::new("not a network", hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("500ms", Some(500))]
    #[case("10s", Some(10_000))]
    #[case("2m", Some(120_000))]
    #[case("1h", Some(3_600_000))]
    #[case("10", None)]
    #[case("s", None)]
    #[case("1.5s", None)]
    #[case("-1s", None)]
    #[case("10 s", None)]
    #[case("99999999999999999999s", None)]
    #[case("18446744073709551615h", None)]
    fn durations(#[case] text: &str, #[case] ms: Option<u64>) {
        assert_eq!(duration(text).ok(), ms.map(Duration::from_millis));
    }

    #[rstest]
    #[case("65536", Some(65_536))]
    #[case("64KiB", Some(65_536))]
    #[case("1GiB", Some(1 << 30))]
    #[case("64MB", None)]
    #[case("MiB", None)]
    #[case("1.5MiB", None)]
    #[case("18446744073709551615KiB", None)]
    fn sizes(#[case] text: &str, #[case] bytes: Option<u64>) {
        assert_eq!(size(text).ok(), bytes);
    }

    #[rstest]
    #[case("5%", Some(500))]
    #[case("0%", Some(0))]
    #[case("0.5%", Some(50))]
    #[case("0.25%", Some(25))]
    #[case("100%", Some(10_000))]
    #[case("100.01%", None)]
    #[case("5", None)]
    #[case("5%%", None)]
    #[case("0.255%", None)]
    #[case(".5%", None)]
    #[case("-5%", None)]
    fn shares(#[case] text: &str, #[case] bps: Option<u16>) {
        assert_eq!(share(text).ok(), bps.map(Bps));
    }

    #[rstest]
    #[case("lh-1.eu_west", true)]
    #[case("1", true)]
    #[case("", false)]
    #[case("Lighthouse", false)]
    #[case("..", false)]
    #[case("a/b", false)]
    #[case("a b", false)]
    fn names(#[case] text: &str, #[case] good: bool) {
        assert_eq!(name(text).is_ok(), good);
        assert!(name(&"a".repeat(63)).is_ok() && name(&"a".repeat(64)).is_err());
    }

    #[test]
    fn networks_drop_their_host_bits() {
        assert_eq!(network("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network("10.1.2.3").unwrap().to_string(), "10.1.2.3/32");
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
        assert!(network("10.0.0.0/33").is_err() && network("lan").is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(ms in 0..10_000_000_u64, bytes in 0..u64::MAX) {
            let time = Duration::from_millis(ms);
            prop_assert_eq!(duration(&show_duration(time)), Ok(time));
            prop_assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            let _ = (duration(&text), size(&text), share(&text), name(&text), label(&text));
            let _ = (address(&text), network(&text), whole(&text));
        }
    }
}
