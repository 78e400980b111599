//! Which processes of a machine run its node: beacon node, execution client, validator client or signer.

use std::fmt;

use super::check::Role;
use super::facts::Facts;
use super::finding::Cannot;
use super::source::Kind;

/// Programs that are judged, as they stand in program names and command lines, and what they are unless they say otherwise.
const PROGRAMS: &[(&str, Role)] = &[
    ("lighthouse", Role::Beacon),
    ("teku", Role::Beacon),
    ("nimbus_beacon_node", Role::Beacon),
    ("beacon-chain", Role::Beacon),
    ("lodestar", Role::Beacon),
    ("grandine", Role::Beacon),
    ("caplin", Role::Beacon),
    ("geth", Role::Execution),
    ("nethermind", Role::Execution),
    ("besu", Role::Execution),
    ("erigon", Role::Execution),
    ("reth", Role::Execution),
    ("ethrex", Role::Execution),
    ("nimbus_execution_client", Role::Execution),
    ("nimbus_validator_client", Role::Validator),
    ("nimbus_signing_node", Role::Validator),
    ("web3signer", Role::Validator),
    ("vouch", Role::Validator),
    ("vero", Role::Validator),
    ("dirk", Role::Validator),
    ("validator", Role::Validator),
];
/// Words that make a validator client of a program that may be a beacon node.
const VALIDATOR: &[&str] = &["vc", "validator", "validator_client", "validator-client"];
/// Words that make neither of it: it is asked something, and ends.
const TOOLS: &[&str] = &["account", "am", "db", "attach", "console"];
/// Program names that may be any program: their command line tells.
const RUNTIMES: &[&str] = &["java", "node", "dotnet", "MainThread", "python", "python3"];
/// Longest program name the kernel keeps.
const COMM: usize = 15;
/// Words of a command line that are looked at.
const WORDS: usize = 64;
/// Most processes that are judged.
const MOST: usize = 16;

/// A process that belongs to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The program: `lighthouse`.
    pub program: String,
    /// What it is for.
    pub role: Role,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.program, self.pid)
    }
}

/// What a command line, its words ended by zeroes, runs: `lighthouse`, `lighthouse validator`, or nothing.
pub fn program(line: &str) -> String {
    let words = || line.split('\0').take(WORDS).filter(|word| !word.contains("://"));
    let Some((program, _)) = words().find_map(known) else { return String::new() };
    let says = |list: &[&str]| words().any(|word| list.contains(&word));
    match () {
        () if says(TOOLS) => String::new(),
        () if says(VALIDATOR) && *program != "validator" => format!("{program} validator"),
        () => (*program).to_owned(),
    }
}

/// The program a word of a command line names: `/opt/teku/teku.jar`, `org.hyperledger.besu.Besu`.
fn known(word: &str) -> Option<&'static (&'static str, Role)> {
    let word = word.to_ascii_lowercase();
    let named = |part: &str, program: &str| {
        part.strip_prefix(program)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    };
    word.rsplit(['/', '.']).take(4).find_map(|part| PROGRAMS.iter().find(|(program, _)| named(part, program)))
}

/// The processes of a machine's node, beacons first, then by number.
pub fn processes(facts: &Facts<'_>) -> Result<Vec<Process>, Cannot> {
    let mut pids: Vec<u32> = facts.names("/proc")?.iter().filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable();
    let mut found: Vec<Process> = pids.into_iter().filter_map(|pid| process(facts, pid)).collect();
    found.sort_by_key(|process| (process.role, process.pid));
    found.truncate(MOST);
    Ok(found)
}

fn process(facts: &Facts<'_>, pid: u32) -> Option<Process> {
    let comm = facts.maybe(&format!("/proc/{pid}/comm"))?;
    let comm = comm.trim();
    let own = |(program, _): &(&str, Role)| comm == program.get(..COMM).unwrap_or(program);
    if !RUNTIMES.contains(&comm) && !PROGRAMS.iter().any(own) {
        return None;
    }
    let told = facts.read(Kind::Program, &format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = told.split_whitespace();
    let program = words.next()?;
    let usual = PROGRAMS.iter().find(|(known, _)| *known == program)?.1;
    let role = if words.next() == Some("validator") { Role::Validator } else { usual };
    Some(Process { pid, program: program.to_owned(), role })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/usr/bin/java\0-Xmx4g\0-jar\0/opt/teku/teku.jar\0--ee=http://user:secret@geth:8551", "teku")]
    #[case("java\0-cp\0/x/lib.jar\0tech.pegasys.teku.Teku\0vc\0--x", "teku validator")]
    #[case("java\0tech.pegasys.web3signer.Web3SignerApp\0eth2", "web3signer")]
    #[case("java\0org.hyperledger.besu.Besu\0--engine-jwt-secret=/x", "besu")]
    #[case("node\0/usr/app/packages/cli/bin/lodestar.js\0beacon", "lodestar")]
    #[case("node\0/usr/app/lodestar\0validator", "lodestar validator")]
    #[case("/usr/bin/lighthouse\0bn\0--execution-endpoint\0http://geth:8551", "lighthouse")]
    #[case("lighthouse-v7\0vc", "lighthouse validator")]
    #[case("lighthouse\0account\0wallet", "")]
    #[case("/usr/local/bin/validator\0--beacon-rpc-provider=b:4000", "validator")]
    #[case("dotnet\0/opt/Nethermind.Runner.dll", "nethermind")]
    #[case("geth\0attach", "")]
    #[case("gethsemane", "")]
    #[case("/usr/bin/bash", "")]
    fn a_process_is_told_by_its_command_line_and_no_secret_is_kept(#[case] line: &str, #[case] told: &str) {
        assert_eq!(program(line), told);
    }
}
