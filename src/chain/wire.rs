//! Text forms of the Beacon API: numbers in quotes, four-byte fork versions.
//!
//! Owns only the forms; what a value means is decided where it is read. To add a form, add a module with `deserialize`.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// `u64`, in quotes as the Beacon API writes it, or bare as some clients do.
pub(crate) mod quoted {
    pub(crate) use crate::model::Quoted;

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        Quoted::plain(deserializer)
    }
}

/// A fork version: `0x` and eight hex digits.
pub(crate) mod version {
    use super::{Deserializer, Error, Visitor, fmt, parse_version};

    struct Version;

    impl Visitor<'_> for Version {
        type Value = [u8; 4];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a fork version, 0x and 8 hex digits")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<[u8; 4], E> {
            parse_version(text)
                .ok_or_else(|| E::custom(format_args!("\"{text}\" is not 0x and 8 hex digits")))
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 4], D::Error> {
        deserializer.deserialize_str(Version)
    }
}

fn parse_version(text: &str) -> Option<[u8; 4]> {
    let hex = text.strip_prefix("0x")?;
    if hex.len() != 8 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(hex, 16).ok().map(u32::to_be_bytes)
}

/// A fork version as the Beacon API writes it.
pub(crate) fn version_text(version: [u8; 4]) -> String {
    format!("0x{:08x}", u32::from_be_bytes(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_four_bytes_of_hex_and_nothing_else() {
        assert_eq!(parse_version("0x01017000"), Some([1, 1, 0x70, 0]));
        assert_eq!(version_text([1, 1, 0x70, 0]), "0x01017000");
        for bad in ["", "0x", "01017000", "0x0101700", "0x010170000", "0x+1017000", "0xzz017000"] {
            assert_eq!(parse_version(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_come_in_quotes_or_bare() {
        #[derive(serde::Deserialize)]
        struct Holder {
            #[serde(deserialize_with = "quoted::deserialize")]
            n: u64,
        }
        let read = |text: &str| serde_json::from_str::<Holder>(text).map(|holder| holder.n).ok();
        assert_eq!(read(r#"{"n":"18446744073709551615"}"#), Some(u64::MAX));
        assert_eq!(read(r#"{"n":7}"#), Some(7));
        for bad in [r#"{"n":-1}"#, r#"{"n":"-1"}"#, r#"{"n":""}"#, r#"{"n":"7.0"}"#, r#"{"n":null}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
