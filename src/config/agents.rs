//! `hosts`: machines that have an agent.

use super::problem::Complaint;
use super::reader::{Reader, Section};
use super::{scalar, schema};
use crate::model::{AgentAddress, Host};

const HOSTS: &str = "write a list of `{name, agent: sha256:…@ADDRESS:PORT}`";
const AGENT: &str = "write the line that `beacondeck agent pair` prints there, `sha256:…@10.0.1.1:5064`";

/// Hosts that have an agent, names and agents unique.
pub fn read(reader: &mut Reader, root: &Section<'_>) -> Vec<Host> {
    let mut hosts: Vec<(Host, usize)> = Vec::new();
    let Some(list) = root.get("hosts") else { return Vec::new() };
    for field in reader.items(list, HOSTS).unwrap_or_default() {
        let Some(section) = reader.section(&field, &schema::HOSTS) else { continue };
        let name = reader.required(&section, "name", "write the beacons' label `host`, or a name");
        let name = name.and_then(|field| {
            let name = reader.read(&field, scalar::label)?;
            let Some(twin) = hosts.iter().find(|(other, _)| other.name == name) else { return Some(name) };
            let hint = format!("the other one is at line {}", twin.1);
            reader.complain(&field, Complaint::new(format!("`{name}` names two hosts"), hint));
            None
        });
        let agent = reader.required(&section, "agent", AGENT).and_then(|field| {
            let agent = reader.read(&field, agent)?;
            let same = |other: &Host| other.agent.key == agent.key || other.agent.at == agent.at;
            let Some(twin) = hosts.iter().find(|(other, _)| same(other)) else { return Some(agent) };
            let hint = format!("the other one is at line {}; each agent has a key of its own", twin.1);
            reader.complain(&field, Complaint::new("this agent belongs to two hosts", hint));
            None
        });
        if let (Some(name), Some(agent)) = (name, agent) {
            hosts.push((Host { name, agent }, field.at.line));
        }
    }
    hosts.into_iter().map(|(host, _)| host).collect()
}

fn agent(text: &str) -> Result<AgentAddress, Complaint> {
    text.parse().map_err(|error| Complaint::new(format!("no agent: {error}"), AGENT))
}
