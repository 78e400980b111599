//! The fleet's status, composed from the pool's state. Pure.

use std::collections::BTreeMap;

use super::forks;
use super::network::Chosen;
use super::observe::Shown;
use super::tally::timing;
use crate::beacon::NodeVersion;
use crate::model::{
    Ack, BeaconId, BeaconName, BeaconStatus, Bps, ChainSplit, ComingFork, CustodyEstimate, Drain,
    FleetStatus, HeadStatus, HostStatus, Incident, Moment, Operation, Reason, Role, Silence, SplitSide, Told,
    Traffic, UnixMs, Use, silence_of,
};
use crate::pool::{AgreedHead, Chain, GOOD, NEVER, Pool, Side, Split, Table};

/// What the status needs besides the pool.
pub struct Known<'a> {
    /// `fleet:`.
    pub fleet: &'a str,
    /// By beacon.
    pub names: &'a [BeaconName],
    /// By beacon: processor time in use at its machine, percent.
    pub cpus: &'a [Option<u8>],
    /// By beacon.
    pub versions: &'a [Option<NodeVersion>],
    /// The network.
    pub network: Option<&'a Chosen>,
    /// By beacon: what it was told, and what it custodies for it.
    pub told: &'a [(Vec<Told>, Option<CustodyEstimate>)],
    /// What on-call must know of seeds.
    pub seed_alerts: &'a [String],
    /// What passed lately.
    pub traffic: &'a Traffic,
    /// What on-call must know of the program itself, by its part.
    pub notices: &'a BTreeMap<&'static str, String>,
    /// Restarts and upgrades.
    pub operations: &'a [Operation],
    /// Acknowledgements.
    pub acks: &'a [Ack],
    /// Silences; some may be over.
    pub silences: &'a [Silence],
    /// Incidents, and what became of duties.
    pub shown: &'a Shown,
    /// The hosts underneath.
    pub hosts: &'a [HostStatus],
    /// Coming forks.
    pub forks: &'a [ComingFork],
    /// Orders that stand.
    pub drains: &'a BTreeMap<BeaconName, Drain>,
}

/// Composes the status.
pub fn compose(pool: &Pool, table: &Table, known: &Known<'_>, now: Moment) -> FleetStatus {
    let slot = table.clock.as_ref().and_then(|clock| clock.slot_at(now.wall));
    let beacons: Vec<BeaconStatus> =
        table.entries.iter().map(|entry| beacon(pool, table, known, entry.id, now)).collect();
    let silences: Vec<Silence> =
        known.silences.iter().filter(|silence| !silence.is_over(now.wall)).cloned().collect();
    FleetStatus {
        fleet: known.fleet.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        network: known.network.and_then(|n| n.identity.spec.get_str("CONFIG_NAME").map(str::to_owned)),
        genesis_validators_root: known.network.map(|n| n.identity.genesis.validators_root),
        slot,
        epoch: slot.and_then(|slot| Some(table.clock.as_ref()?.epoch_of(slot))),
        agreed: table.agreed.map(|head| HeadStatus { slot: head.slot, root: head.root }),
        at: now.wall,
        alerts: alerts(table, &beacons, known, now),
        operations: known.operations.to_vec(),
        acks: known.acks.to_vec(),
        incidents: silenced(&known.shown.incidents, &silences),
        silences,
        duties: known.shown.duties.clone(),
        groups: known.shown.groups.clone(),
        hosts: known.hosts.to_vec(),
        split: table.split.as_ref().filter(|split| split.certain).map(|one| split(one, known.names)),
        forks: known.forks.to_vec(),
        traffic: Traffic {
            timing: table.clock.as_ref().zip(slot).map(|(clock, slot)| timing(clock, slot)),
            ..known.traffic.clone()
        },
        beacons,
        tape: None,
    }
}

fn split(split: &Split, names: &[BeaconName]) -> ChainSplit {
    let head = |head: AgreedHead| HeadStatus { slot: head.slot, root: head.root };
    let side = |side: &Side| SplitSide {
        clients: side.clients.iter().map(ToString::to_string).collect(),
        beacons: side.beacons.iter().map(|id| names[id.index()].clone()).collect(),
        head: head(side.head),
    };
    ChainSplit {
        began: split.slot,
        since: split.since,
        parted: split.parted.map(head),
        ours: side(&split.ours),
        theirs: split.theirs.iter().map(side).collect(),
    }
}

fn silenced(incidents: &[Incident], silences: &[Silence]) -> Vec<Incident> {
    let silenced = |incident: &Incident| {
        let silence = silence_of(incident, silences).filter(|_| incident.state.is_live());
        Incident { silence: silence.cloned(), ..incident.clone() }
    };
    incidents.iter().map(silenced).collect()
}

fn beacon(pool: &Pool, table: &Table, known: &Known<'_>, id: BeaconId, now: Moment) -> BeaconStatus {
    let entry = &table.entries[id.index()];
    let (condition, since, gauge) = pool.inspect(id);
    let (answered, failed) = gauge.totals();
    let version = known.versions[id.index()].as_ref();
    let (told, custody) = known.told.get(id.index()).cloned().unwrap_or_default();
    let drained = known.drains.get(&known.names[id.index()]);
    let since = wall_of(since.mono_us, now);
    BeaconStatus {
        name: known.names[id.index()].clone(),
        lifecycle: entry.lifecycle,
        healthy: entry.reasons.is_empty(),
        reasons: entry.reasons.clone(),
        detail: drained.map_or_else(
            || detail(&entry.reasons, condition.lag, &condition.chain, gauge.latency().0),
            |drain| format!("by order of {}", drain.by),
        ),
        head: entry.head.map(|head| HeadStatus { slot: head.slot, root: head.root }),
        lag: condition.lag,
        peers: condition.facts.and_then(|facts| facts.peers),
        version: version.map(|version| version.text.clone()),
        execution: version.and_then(|version| version.execution.clone()),
        in_flight: gauge.in_flight(),
        latency_us: gauge.latency().0,
        p50_us: gauge.quantile(Bps(5_000), 1),
        p99_us: gauge.quantile(Bps(9_900), 1),
        answered,
        failed,
        observed: condition.facts.map(|_| wall_of(gauge.last_sign_us(), now)),
        since: drained.map_or(since, |drain| drain.since),
        told,
        custody,
        drained: drained.cloned(),
        cpu: known.cpus[id.index()],
    }
}

/// The wall time of a monotonic instant, as seen from now.
fn wall_of(mono_us: u64, now: Moment) -> UnixMs {
    UnixMs(now.wall.0.saturating_sub(now.mono_us.saturating_sub(mono_us) / 1_000))
}

fn detail(reasons: &[Reason], lag: u64, chain: &Chain, latency_us: u32) -> String {
    let Some(worst) = reasons.first() else { return String::new() };
    match (worst, chain) {
        (Reason::WrongChain, Chain::Stranger(why)) => why.clone(),
        (Reason::ChainSplit, _) => "on the other side of a chain split: nothing is signed from it".to_owned(),
        (Reason::StaleHead, _) if lag == 1 => "1 slot behind the agreed head".to_owned(),
        (Reason::StaleHead, _) => format!("{lag} slots behind the agreed head"),
        (Reason::Slow, _) => format!("answers in {} ms, far slower than its peers", latency_us / 1_000),
        (Reason::Hung, _) => "accepts requests and does not answer".to_owned(),
        (Reason::Unreachable, _) => "connections are refused or time out".to_owned(),
        (Reason::WarmingUp, _) => "back, and proving itself before it is preferred again".to_owned(),
        (Reason::Unseeded, _) => {
            "it may have lost what it was told: no blocks or aggregates until it is told again".to_owned()
        }
        (Reason::NeverObserved, _) => "it has not told its state and its chain yet".to_owned(),
        (other, _) => other.words().to_owned(),
    }
}

fn alerts(table: &Table, beacons: &[BeaconStatus], known: &Known<'_>, now: Moment) -> Vec<String> {
    let mut alerts = Vec::new();
    let sign = Use::Sign as usize;
    if known.network.is_none() {
        alerts.push("no beacon has told its chain yet: validators are answered with 503".to_owned());
    } else if table.entries.iter().all(|entry| entry.ranks[sign] == NEVER) {
        alerts.push(format!(
            "{}: attestations and blocks stop",
            table.nobody(Use::Sign, |id| beacons[id.index()].name.to_string())
        ));
    } else if table.entries.iter().all(|entry| entry.ranks[sign] != GOOD) {
        alerts.push("no beacon is healthy: validators are served by the best of the bad".to_owned());
    }
    alerts.extend(known.notices.values().cloned());
    let mut proposers =
        table.entries.iter().filter(|entry| entry.eligible(Use::Sign, Some(Role::Propose))).peekable();
    if proposers.peek().is_some() && proposers.all(|entry| entry.owed.is_some()) {
        alerts.push(
            "every beacon is unseeded: blocks may pay a default address and aggregates may fail until one is told again"
                .to_owned(),
        );
    }
    alerts.extend_from_slice(known.seed_alerts);
    alerts.extend(forks::alerts(known.forks, now.wall));
    for beacon in beacons.iter().filter(|beacon| beacon.reasons.contains(&Reason::WrongChain)) {
        alerts.push(format!("{} serves another network and is refused: {}", beacon.name, beacon.detail));
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Culprit, CulpritKind, IncidentState, Slot};

    #[test]
    fn what_goes_on_is_silenced_and_what_has_ended_is_not() {
        let culprits = vec![Culprit { kind: CulpritKind::Beacon, name: "b2".into() }];
        let of = |id, state| {
            let begun = Incident::new(id, culprits.clone(), "hung".into(), Slot(1), UnixMs(0));
            Incident { state, ..begun }
        };
        let (key, by) = ("beacon b2".to_owned(), "alice".to_owned());
        let silence = Silence { key, by, at: UnixMs(0), until: UnixMs(9), why: None };
        let all = [of(7, IncidentState::Open), of(6, IncidentState::Resolved)];
        let told = silenced(&all, std::slice::from_ref(&silence));
        assert_eq!(told.iter().map(|incident| incident.id).collect::<Vec<_>>(), [7, 6]);
        assert_eq!((told[0].silence.as_ref(), told[1].silence.as_ref()), (Some(&silence), None));
    }
}
