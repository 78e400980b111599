//! What watching the fleet tells: probes of beacons, checks of hosts.

use std::collections::BTreeMap;

use super::beacon::{Answer, Beacon};
use super::dice::{Dice, Of};
use super::effects::Effects;
use super::sky::Sky;
use crate::model::{HeadSeen, HostLevel, HostSeen, Labelled, Observation, ProbeSeen, Slot};
use crate::sim::gate::Door;
use crate::sim::scenario::{At, Ill, Scenario};
use crate::sim::world::{Link, Mood};

/// A probe is given up after so many milliseconds.
const PROBE_MS: f64 = 2_000.0;
/// Share of probes that fail by themselves.
const BLIP: f64 = 0.0005;
/// Slots between two reports of a host that is well.
const REPORTS: u64 = 8;
/// A clock this far off is bad, in milliseconds.
const CLOCK_BAD_MS: f64 = 100.0;

/// Probes every beacon once, after the due point. The last of an answer is whether the router takes it for well.
pub(super) fn probes(slot: u64, beacons: &[Beacon], sky: &Sky, dice: Dice) -> Vec<(ProbeSeen, bool)> {
    let at: Vec<f64> = (0..beacons.len() as u64)
        .map(|place| {
            let within = 0.45 + 0.45 * dice.unit(Of::ProbeTime, &[slot, place]);
            (slot as f64 + within) * sky.slot_ms
        })
        .collect();
    beacons
        .iter()
        .enumerate()
        .map(|(place, beacon)| {
            let at = at[place];
            // A head is agreed when a second beacon has it.
            let mut heads: Vec<u64> = beacons.iter().map(|other| other.head(at)).collect();
            heads.sort_unstable_by(|a, b| b.cmp(a));
            let agreed = heads.get(1).or(heads.first()).copied().unwrap_or(0);
            one(slot, place as u64, beacon, (at, agreed), dice)
        })
        .collect()
}

/// When each beacon told of a slot's block, against when the second of them had it: so it is agreed on.
pub(super) fn heads(slot: u64, beacons: &[Beacon], sky: &Sky) -> Vec<(usize, HeadSeen)> {
    let end = (slot + 1) as f64 * sky.slot_ms;
    let mut had: Vec<f64> = beacons.iter().filter_map(|beacon| beacon.has(slot)).collect();
    had.sort_by(f64::total_cmp);
    let agreed = had.get(1).or(had.first()).copied();
    let in_time = |at: &f64| *at <= slot as f64 * sky.slot_ms + sky.due_ms;
    let Some(agreed) = agreed.filter(in_time) else { return Vec::new() };
    let heard = beacons.iter().enumerate().filter(|(_, beacon)| beacon.is_heard(slot));
    let line = |(place, beacon): (usize, &Beacon)| {
        let told = beacon.tells(slot).filter(|at| *at < end);
        let after_agreed_ms = told.map(|at| (at - agreed).max(0.0).round());
        (place, HeadSeen { slot: Slot(slot), beacon: String::new(), after_agreed_ms })
    };
    heard.map(line).collect()
}

fn one(slot: u64, place: u64, beacon: &Beacon, (at, agreed): (f64, u64), dice: Dice) -> (ProbeSeen, bool) {
    let effects = beacon.effects();
    let key = [slot, place, u64::MAX];
    let told = match beacon.reach(at, &key) {
        Answer::Good(told, ()) if told - at < PROBE_MS && !dice.chance(BLIP, Of::Hosts, &key) => Some(told),
        _ => None,
    };
    let mut seen = ProbeSeen {
        slot: Slot(slot),
        beacon: String::new(),
        reachable: told.is_some(),
        hung: told.is_none() && effects.door == Door::Stuck,
        head_lag: None,
        latency_ms: None,
        el_offline: false,
        optimistic: false,
        peers: None,
    };
    let Some(told) = told else { return (seen, false) };
    let usual = 80 - dice.word(Of::Peers, &[place]) % 20 + dice.word(Of::Peers, &key) % 5;
    let lag = agreed.saturating_sub(beacon.head(at));
    seen.latency_ms = Some((told - at).round());
    // Another network's head says nothing, another branch's is as new as ours.
    seen.head_lag = match effects.link {
        Link::Foreign => None,
        Link::Fork => Some(0),
        Link::Main | Link::Cut => Some(lag),
    };
    seen.el_offline = effects.mood == Mood::ElOffline;
    seen.optimistic = matches!(effects.mood, Mood::Optimistic | Mood::ElOffline);
    seen.peers = Some(if effects.link == Link::Cut { place % 2 } else { effects.peers.unwrap_or(usual) });
    let well =
        effects.mood == Mood::Well && seen.head_lag.is_some_and(|lag| lag < 2) && told - at < PROBE_MS / 2.0;
    (seen, well)
}

/// What the agents of the hosts report in a slot. Some hosts have a blemish that costs nothing.
pub(super) fn hosts(
    scenario: &Scenario,
    (slot, first): (u64, Slot),
    fleet: &[Labelled],
    effects: &[Effects],
    dice: Dice,
) -> Vec<Observation> {
    let mut hosts: BTreeMap<&str, (f64, bool)> = BTreeMap::new();
    for (beacon, effects) in fleet.iter().zip(effects) {
        let host = hosts.entry(&beacon.labels["host"]).or_insert((0.0, true));
        host.0 = if effects.clock.abs() > host.0.abs() { effects.clock } else { host.0 };
        host.1 &= effects.down();
    }
    let line = |host: &str, check: &str, level, value| {
        let (host, check) = (host.to_owned(), check.to_owned());
        Observation::Host(HostSeen { slot: Slot(first.0 + slot), host, check, level, value })
    };
    let mut lines = Vec::new();
    for (number, (host, (clock, down))) in (0_u64..).zip(hosts) {
        // An agent on a host that is down reports nothing.
        if down {
            continue;
        }
        let bad = clock.abs() > CLOCK_BAD_MS;
        if bad || slot.is_multiple_of(REPORTS) {
            let off = if bad { clock } else { dice.around(2.0, 0.8, Of::Hosts, &[slot, number]) };
            let level = if bad { HostLevel::Bad } else { HostLevel::Ok };
            lines.push(line(host, "time.offset", level, format!("{off:.0} ms")));
        }
        if slot == 0 && dice.chance(0.3, Of::Hosts, &[number]) {
            lines.push(line(host, "cpu.governor", HostLevel::Warn, "powersave".to_owned()));
        }
        let own = At::Host(host.to_owned());
        for fault in scenario.faults.iter().filter(|fault| fault.at == own && fault.in_force(slot)) {
            if let Some((check, value)) = finding(fault.fault) {
                lines.push(line(host, check, HostLevel::Bad, value));
            }
        }
    }
    lines
}

/// What an agent sees of a fault of its host, besides the clock.
fn finding(ill: Ill) -> Option<(&'static str, String)> {
    Some(match ill {
        Ill::Slow(ms) => ("disk.write_latency", format!("{ms} ms")),
        Ill::Lose(share) => ("net.softnet_drops", format!("{:.0} %", share * 100.0)),
        Ill::Gc { pause_ms, .. } => ("mem.psi", format!("{pause_ms} ms stalled")),
        _ => return None,
    })
}
