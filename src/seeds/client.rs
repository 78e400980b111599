//! Who told a seed, by a word that outlives fleet files and processes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A validator client: its name in the fleet file, or the address of one that has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(Arc<str>);

/// No name of a fleet file holds a blank.
const UNNAMED: &str = "at ";

impl Client {
    /// A client the fleet file names.
    pub fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// One it does not.
    pub fn unnamed(ip: IpAddr) -> Self {
        Self(format!("{UNNAMED}{ip}").into())
    }

    /// The word, from which [`Client::named`] makes it again.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its address, of one without a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.strip_prefix(UNNAMED)?.parse().ok()
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(ip) => write!(f, "the client at {ip}"),
            None => f.write_str(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_address() {
        let ip: IpAddr = "10.0.0.7".parse().unwrap();
        assert_eq!(Client::unnamed(ip).address(), Some(ip));
        assert_ne!(Client::unnamed(ip), Client::named("10.0.0.7"));
        assert_eq!(Client::named(Client::unnamed(ip).as_str()), Client::unnamed(ip));
        assert_eq!(Client::unnamed(ip).to_string(), "the client at 10.0.0.7");
    }
}
