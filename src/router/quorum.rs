//! Checkpoint quorum: source and target of attestation data are confirmed by other beacons before anybody gets them, where
//! the fleet file asks for it. Once confirmed they are for the rest of their epoch, unless its first block becomes another.
//!
//! Who must stand by what is the guard's business; here the others are asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hyper::header::CONTENT_TYPE;

use super::memory::lock;
use super::run::{self, Plan, Tried};
use super::signable::Question;
use super::upstream::{Ask, Reply};
use super::{Router, head};
use crate::guard::{AttestationData, Ballot, Checkpoints, Confirmed, needed};
use crate::model::{BeaconId, BeaconName, Impossible, Quorum, Reason, Voter};
use crate::pool::Table;

/// What is known besides the table: what was confirmed, and which client each beacon is.
#[derive(Default)]
pub struct Quorums {
    confirmed: Mutex<Confirmed>,
    clients: Mutex<BTreeMap<BeaconName, String>>,
    page: Mutex<Option<String>>,
}

impl Quorums {
    /// A beacon is this client.
    pub fn is_client(&self, beacon: &BeaconName, client: String) {
        lock(&self.clients).insert(beacon.clone(), client);
    }

    /// What on-call must know, until a source and a target are confirmed again.
    pub fn page(&self) -> Option<String> {
        lock(&self.page).clone()
    }

    /// The voter each of these beacons is, as a number, and how many there are. One whose client is not known is of none
    /// with others.
    fn voters(&self, by: Voter, beacons: &[(BeaconId, &BeaconName)]) -> (BTreeMap<BeaconId, u16>, usize) {
        let clients = lock(&self.clients);
        let mut seen: Vec<&str> = Vec::new();
        let mut voters = BTreeMap::new();
        for (id, name) in beacons {
            let voice = match by {
                Voter::Beacon => name.as_str(),
                Voter::Family => clients.get(*name).map_or(name.as_str(), String::as_str),
            };
            let place = seen.iter().position(|known| *known == voice).unwrap_or_else(|| {
                seen.push(voice);
                seen.len() - 1
            });
            voters.insert(*id, place as u16);
        }
        (voters, seen.len())
    }
}

/// What is to be confirmed of a reply; none if it is an error.
fn link(reply: &Reply) -> Option<Checkpoints> {
    let body = reply.bytes().filter(|_| reply.status.is_success())?;
    AttestationData::of(body, head::is_ssz(&reply.headers, &CONTENT_TYPE)).map(|data| Checkpoints::of(&data))
}

/// Beacons across a chain split that answer: nobody is given what they say, and it is counted. Else the side validators
/// are on would always agree with itself.
fn across(table: &Table, order: &[BeaconId]) -> Vec<BeaconId> {
    let sides = table.split.iter().flat_map(|split| &split.theirs);
    let answers = |id: &BeaconId| {
        let reasons = &table.entries[id.index()].reasons;
        let is_down =
            |reason: &Reason| matches!(reason, Reason::Unreachable | Reason::Hung | Reason::Failing);
        !order.contains(id) && !reasons.iter().any(is_down)
    };
    sides.flat_map(|side| side.beacons.iter().copied()).filter(answers).collect()
}

/// The answer to give where `first` came first: that one, or another one whose source and target are confirmed.
///
/// # Errors
/// Nobody may be given any: one sentence.
pub async fn confirm(
    router: &Router,
    ask: &Arc<Ask>,
    question: Question,
    first: (BeaconId, Reply),
    order: &[BeaconId],
    plan: Plan,
    tried: &mut Tried,
) -> Result<(BeaconId, Reply), String> {
    let Some((quorum, said)) = router.policy.quorum.zip(link(&first.1)) else { return Ok(first) };
    let quorums = router.memory.quorums();
    if lock(&quorums.confirmed).holds(said) {
        return Ok(first);
    }
    let across = across(&router.table.load(), order);
    let all = || order.iter().chain(&across).copied();
    let names: Vec<(BeaconId, &BeaconName)> =
        all().map(|id| (id, &router.lane.upstreams[id.index()].name)).collect();
    let (voters, count) = quorums.voters(quorum.by, &names);
    let needed = needed(quorum.confirm, count);
    let voter = |id: BeaconId| voters.get(&id).copied().unwrap_or_default();
    let tally = |replies: &[(BeaconId, Reply)]| {
        let mut ballot = Ballot::new(needed);
        let mut settled = ballot.vote(voter(first.0), said);
        for (by, reply) in replies.iter().filter(|(by, reply)| question.takes(router, *by, reply)) {
            let more = link(reply).and_then(|link| ballot.vote(voter(*by), link));
            settled = settled.or(more);
        }
        (settled, ballot.of(said))
    };
    let others: Vec<BeaconId> = all().filter(|id| *id != first.0).collect();
    let soon = Plan { attempt: plan.attempt / 2, total: plan.attempt / 2, ..plan };
    let mut replies = Vec::new();
    if tally(&[]).0.is_none() {
        let enough = |replies: &[(BeaconId, Reply)]| tally(replies).0.is_some();
        let (said, _, asked) = run::either(&router.lane, ask, &others, soon, enough).await;
        tried.join(&asked);
        replies = said;
    }
    let (settled, stand_by_it) = tally(&replies);
    let other = settled.filter(|settled| *settled != said).and_then(|settled| {
        replies.into_iter().find(|(by, reply)| order.contains(by) && link(reply) == Some(settled))
    });
    let Some(settled) = settled.filter(|settled| *settled == said || other.is_some()) else {
        return impossible(quorums, quorum, said, (stand_by_it, needed), first);
    };
    lock(&quorums.confirmed).confirm(settled);
    *lock(&quorums.page) = None;
    let Some(other) = other else { return Ok(first) };
    tracing::warn!(
        beacon = router.name(first.0),
        "its source and target are not those of most; another answers"
    );
    Ok(other)
}

fn impossible(
    quorums: &Quorums,
    quorum: Quorum,
    said: Checkpoints,
    (standing, needed): (usize, usize),
    first: (BeaconId, Reply),
) -> Result<(BeaconId, Reply), String> {
    let who = match quorum.by {
        Voter::Beacon => "beacons",
        Voter::Family => "clients",
    };
    let epoch = said.target.epoch;
    let why = format!(
        "only {standing} of the {needed} {who} that must stand by one source and target for epoch {epoch}"
    );
    let (then, given) = match quorum.impossible {
        Impossible::FollowBest => ("the best beacon is followed", Ok(first)),
        Impossible::Halt => ("nobody is given attestation data", Err(why.clone())),
    };
    tracing::error!(why, then, "checkpoints are not confirmed");
    *lock(&quorums.page) = Some(format!(
        "checkpoints are not confirmed: {why}: {then}; compare the beacons' finalized blocks before validators sign more"
    ));
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beacons_of_one_client_have_one_voice_where_families_vote() {
        let quorums = Quorums::default();
        let names: Vec<BeaconName> = (0..4).map(|n| BeaconName::new(format!("b{n}"))).collect();
        for (name, client) in names.iter().zip(["Lighthouse", "Lighthouse", "Teku"]) {
            quorums.is_client(name, client.to_owned());
        }
        let beacons: Vec<(BeaconId, &BeaconName)> =
            names.iter().enumerate().map(|(place, name)| (BeaconId(place as u16), name)).collect();
        let voices = |by| {
            let (voters, count) = quorums.voters(by, &beacons);
            (voters.into_values().collect::<Vec<_>>(), count)
        };
        assert_eq!(voices(Voter::Beacon), (vec![0, 1, 2, 3], 4));
        assert_eq!(voices(Voter::Family), (vec![0, 0, 1, 2], 3));
    }
}
