//! Which client a beacon runs, by its own word.

use std::fmt;

/// Consensus clients we know by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Lighthouse, by Sigma Prime.
    Lighthouse,
    /// Lodestar, by Chainsafe.
    Lodestar,
    /// Teku, by Consensys.
    Teku,
    /// Prysm, by Offchain Labs.
    Prysm,
    /// Nimbus, by Status.
    Nimbus,
    /// Grandine.
    Grandine,
    /// Caplin, the consensus client inside Erigon.
    Caplin,
    /// Any other, by the first word of its version.
    Other(String),
}

/// The family of a version text such as `Lighthouse/v8.0.1-ced49dd/x86_64-linux`: its first word decides.
pub fn client_family(version_text: &str) -> Family {
    let word = version_text.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match word.to_ascii_lowercase().as_str() {
        "lighthouse" => Family::Lighthouse,
        "lodestar" => Family::Lodestar,
        "teku" => Family::Teku,
        "prysm" => Family::Prysm,
        "nimbus" => Family::Nimbus,
        "grandine" => Family::Grandine,
        "caplin" | "erigon" => Family::Caplin,
        _ => Family::Other(word.to_owned()),
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::Lighthouse => "Lighthouse",
            Family::Lodestar => "Lodestar",
            Family::Teku => "Teku",
            Family::Prysm => "Prysm",
            Family::Nimbus => "Nimbus",
            Family::Grandine => "Grandine",
            Family::Caplin => "Caplin",
            Family::Other(word) if word.is_empty() => "unknown",
            Family::Other(word) => word,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Lighthouse/v8.0.1-ced49dd/x86_64-linux", Family::Lighthouse)]
    #[case("Lodestar/v1.5.1", Family::Lodestar)]
    #[case("teku/v25.1.0/linux-x86_64/-eclipseadoptium-openjdk64bitservervm-java-21", Family::Teku)]
    #[case("Prysm/v5.0.3 (linux amd64)", Family::Prysm)]
    #[case("Nimbus/v24.10.0-8a6eab-stateofus", Family::Nimbus)]
    #[case("Grandine/1.1.0-bc5c0db/x86_64-linux", Family::Grandine)]
    #[case("Caplin/3.0.0", Family::Caplin)]
    #[case("erigon/3.0.0", Family::Caplin)]
    #[case("Lantern/0.1", Family::Other("Lantern".to_owned()))]
    #[case("", Family::Other(String::new()))]
    fn the_first_word_is_the_family(#[case] text: &str, #[case] family: Family) {
        assert_eq!(client_family(text), family);
    }
}
