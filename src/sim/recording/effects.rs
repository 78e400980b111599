//! What the faults in force do to each beacon and client in a slot.

use super::dice::{Dice, Of};
use crate::sim::gate::Door;
use crate::sim::scenario::{At, Ill, Scenario};
use crate::sim::world::{Link, Mood};

/// What is wrong with one beacon, or with a client, its signer and its router, in one slot. Times in milliseconds,
/// shares of 1.
#[derive(Debug, Clone)]
pub(super) struct Effects {
    /// What it does with connections.
    pub(super) door: Door,
    /// With whom it is joined.
    pub(super) link: Link,
    /// What it says of itself.
    pub(super) mood: Mood,
    /// Whether its answers are errors or break off.
    pub(super) broken: bool,
    /// What each step takes longer.
    pub(super) slow: f64,
    /// Silence, and the time between.
    pub(super) pauses: Option<(f64, f64)>,
    /// Accepted, but not passed on.
    pub(super) dropped: f64,
    /// Requests that get lost.
    pub(super) lost: f64,
    /// What an import takes longer.
    pub(super) import: f64,
    /// Peers it is left with.
    pub(super) peers: Option<u64>,
    /// Its clock is ahead by so much.
    pub(super) clock: f64,
    /// No question of it arrives anywhere.
    pub(super) silent: bool,
    /// It cannot sign.
    pub(super) unsigned: bool,
    /// What signing takes longer.
    pub(super) sign: f64,
}

impl Effects {
    /// Nothing is wrong.
    pub(super) const NONE: Effects = Effects {
        door: Door::Open,
        link: Link::Main,
        mood: Mood::Well,
        broken: false,
        slow: 0.0,
        pauses: None,
        dropped: 0.0,
        lost: 0.0,
        import: 0.0,
        peers: None,
        clock: 0.0,
        silent: false,
        unsigned: false,
        sign: 0.0,
    };

    /// Whether the process is down.
    pub(super) fn down(&self) -> bool {
        self.door == Door::Closed
    }

    /// First moment, from `at` on, at which it is not paused; both in milliseconds since the recording's start.
    pub(super) fn awake(&self, dice: Dice, who: u64, at: f64) -> f64 {
        let Some((pause, run)) = self.pauses else { return at };
        let cycle = pause + run;
        let phase = dice.unit(Of::PausePhase, &[who]) * cycle;
        let within = (at + phase).rem_euclid(cycle);
        if within < pause { at + pause - within } else { at }
    }

    fn befall_beacon(&mut self, ill: Ill, slots_since: u64) {
        if let Some(fault) = ill.over_http() {
            let door = if matches!(ill, Ill::Gc { .. }) { Door::Open } else { fault.door() };
            if door != Door::Open {
                self.door = door;
            }
            if fault.link() != Link::Main {
                self.link = fault.link();
            }
            if fault.mood() != Mood::Well {
                self.mood = fault.mood();
            }
        }
        match ill {
            Ill::Errors(_) | Ill::Truncate => self.broken = true,
            Ill::Drop(share) => self.dropped = self.dropped.max(share),
            Ill::SlowImport(ms) => self.import += ms as f64,
            Ill::FewPeers(peers) => self.peers = Some(peers),
            Ill::Slow(ms) => self.slow += ms as f64,
            other => self.befall_anyone(other, slots_since),
        }
    }

    fn befall_client(&mut self, at: &At, ill: Ill, slots_since: u64) {
        let signs = matches!(at, At::Signer(_));
        match (at, ill) {
            (_, Ill::Stop | Ill::Hang) if signs => self.unsigned = true,
            (_, Ill::Stop | Ill::Hang) => self.silent = true,
            (At::Router(_), Ill::Slow(ms)) => self.slow += ms as f64,
            (At::Router(_), Ill::Drift(ms)) => self.slow += (ms * slots_since) as f64,
            (_, Ill::Slow(ms)) => self.sign += ms as f64,
            (_, Ill::Drift(ms)) => self.sign += (ms * slots_since) as f64,
            (_, Ill::Lose(share)) if signs => self.dropped = self.dropped.max(share),
            (_, other) => self.befall_anyone(other, slots_since),
        }
    }

    fn befall_anyone(&mut self, ill: Ill, slots_since: u64) {
        match ill {
            Ill::Gc { pause_ms, run_ms } => self.pauses = Some((pause_ms as f64, run_ms.max(1) as f64)),
            Ill::Lose(share) => self.lost = self.lost.max(share),
            Ill::Clock(ms) => self.clock += ms as f64,
            Ill::Drift(ms) => self.slow += (ms * slots_since) as f64,
            _ => {}
        }
    }
}

/// What is wrong with each beacon and each client in a slot.
pub(super) fn effects(scenario: &Scenario, slot: u64) -> (Vec<Effects>, Vec<Effects>) {
    let mut beacons = vec![Effects::NONE; scenario.fleet.beacons];
    let mut clients = vec![Effects::NONE; scenario.fleet.clients];
    let there = scenario.faults.iter().filter(|fault| fault.in_force(slot) && fault.at != At::Network);
    for fault in there {
        let (of_beacons, members) = scenario.fleet.members(&fault.at);
        for member in members {
            if of_beacons {
                beacons[member].befall_beacon(fault.fault, slot - fault.slot);
            } else {
                clients[member].befall_client(&fault.at, fault.fault, slot - fault.slot);
            }
        }
    }
    (beacons, clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_befalls_its_beacons_and_a_signer_its_clients() {
        let text = "
story: s
faults:
  - { slot: 2, until: 9, at: { host: h2 }, fault: { slow: 300 } }
  - { slot: 2, at: { beacon: beacon-3 }, fault: { slow: 50 } }
  - { slot: 4, at: { signer: s1 }, fault: { drift: 100 } }
";
        let scenario = Scenario::parse("x", text).unwrap();
        let slow = |slot| effects(&scenario, slot).0.iter().map(|of| of.slow).collect::<Vec<_>>();
        assert_eq!(slow(1), [0.0; 12]);
        assert_eq!(slow(2)[..5], [0.0, 0.0, 350.0, 300.0, 0.0]);
        let signs: Vec<f64> = effects(&scenario, 7).1.iter().map(|of| of.sign).collect();
        assert_eq!(signs[..5], [300.0, 0.0, 0.0, 0.0, 300.0]);
    }

    #[test]
    fn a_pause_ends() {
        let paused = Effects { pauses: Some((1_500.0, 500.0)), ..Effects::NONE };
        let awake: Vec<f64> = (0..200).map(|i| paused.awake(Dice(1), 4, f64::from(i) * 100.0)).collect();
        assert!(awake.windows(2).all(|pair| pair[0] <= pair[1] + 1e-6));
        let waited = awake.iter().enumerate().filter(|(i, at)| **at > *i as f64 * 100.0 + 1e-6).count();
        assert!((140..160).contains(&waited), "{waited}");
    }
}
