//! Agents: the key of one and the address at which it is reached, as `beacondeck agent pair` prints them; and what of one is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Logging, Procedure, Root, UnixMs, Verb};

const SHA256: &str = "sha256:";

/// What a public key is known by: the SHA-256 of its `SubjectPublicKeyInfo` (RFC 7250, section 3). `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentKey(pub [u8; 32]);

/// An agent: `sha256:…@10.0.1.1:5064`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentAddress {
    /// The key it must have.
    pub key: AgentKey,
    /// Where it listens.
    pub at: SocketAddr,
}

/// A machine that has an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// What beacons that run there have as label `host`, or the name of the only one.
    pub name: String,
    /// Its agent.
    pub agent: AgentAddress,
}

/// A text that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseAgentError {
    /// Not a key.
    #[error("not `sha256:` and 64 hex digits")]
    Key,
    /// Not an address after the key.
    #[error("not a key, `@`, an IP address and a port")]
    Address,
}

impl FromStr for AgentKey {
    type Err = ParseAgentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix(SHA256).ok_or(ParseAgentError::Key)?;
        let Root(digest) = format!("0x{hex}").parse().map_err(|_| ParseAgentError::Key)?;
        Ok(Self(digest))
    }
}

impl fmt::Display for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHA256)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AgentAddress {
    type Err = ParseAgentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, at) = text.split_once('@').ok_or(ParseAgentError::Address)?;
        let at: SocketAddr = at.parse().map_err(|_| ParseAgentError::Address)?;
        if at.port() == 0 || at.ip().is_unspecified() {
            return Err(ParseAgentError::Address);
        }
        Ok(Self { key: key.parse()?, at })
    }
}

impl fmt::Display for AgentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.key, self.at)
    }
}

/// A whole agent's file, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentFile {
    /// Where routers knock.
    pub listen: SocketAddr,
    /// Networks that may connect; empty: all.
    pub allow: Vec<IpNet>,
    /// Directory of its key and of the routers it is paired with.
    pub state: PathBuf,
    /// What the host is for: `beacon`, `execution`, `validator`; empty: what runs there says.
    pub roles: Vec<String>,
    /// Thresholds of the checks by name, where they are not the program's own.
    pub limits: BTreeMap<String, f64>,
    /// What may be restarted, by name.
    pub restart: BTreeMap<String, Procedure>,
    /// What may be upgraded, by name.
    pub upgrade: BTreeMap<String, Procedure>,
    /// Checks whose remedies may be written.
    pub remedies: Vec<String>,
    /// Directory where durable writes are measured once an hour; none: they are not.
    pub probe_dir: Option<PathBuf>,
    /// Validators whose signatures are recorded there, if the file says.
    pub validators: Option<u32>,
    /// Logs.
    pub logging: Logging,
}

impl AgentFile {
    /// What may be done, by name.
    pub fn procedures(&self, verb: Verb) -> &BTreeMap<String, Procedure> {
        match verb {
            Verb::Restart => &self.restart,
            Verb::Upgrade => &self.upgrade,
        }
    }
}

/// An agent as everyone is shown it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentStatus {
    /// What its host is for, by its own word: `beacon`, `execution`, `validator`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The program's version there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// When it answered last; none: never since `serve` started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<UnixMs>,
    /// Microseconds from a question to its answer, the least of the last round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<u64>,
    /// Why it gives no answer, and since when; none: it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<(UnixMs, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back_and_nothing_else_is() {
        let key = format!("sha256:{}", "0f".repeat(32));
        let text = format!("{key}@[fd00::1]:5064");
        let address: AgentAddress = text.parse().unwrap();
        assert_eq!((address.to_string(), address.key.to_string()), (text, key.clone()));
        for wrong in [
            key.clone(),
            format!("{key}@bm-a:5064"),
            format!("{key}@10.0.0.1"),
            format!("{key}@10.0.0.1:0"),
            format!("{key}@0.0.0.0:5064"),
            "sha256:0f@10.0.0.1:5064".to_owned(),
            format!("{}@10.0.0.1:5064", "0f".repeat(32)),
        ] {
            assert!(wrong.parse::<AgentAddress>().is_err(), "{wrong}");
        }
    }
}
