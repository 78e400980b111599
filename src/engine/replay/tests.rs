//! A recording as it is shown against what is printed of it; and where keys lead.

use std::sync::Arc;

use super::archive::{BLOCK, Block};
use super::player::Player;
use super::scribe::{Scene, Scribe};
use super::*;
use crate::engine::system_clock;
use crate::incidents::{Change, Incidents};
use crate::model::{FleetStatus, IncidentState, Observation, Play, Reason, Slot, Use};

#[cfg(test)]
mod made {
    use crate::model::Observation;
    use crate::sim::{Recording, scenario};

    /// A beacon hangs for some slots.
    pub fn lines() -> Vec<Observation> {
        Recording::new(&scenario("beacon-hang").unwrap().unwrap(), 0).collect()
    }
}

use made::lines;

fn scenes(lines: &[Observation]) -> Vec<Scene> {
    let mut scribe = Scribe::new("a recording".into());
    let mut scenes: Vec<Scene> = lines.iter().filter_map(|line| scribe.take(line)).collect();
    scenes.extend(scribe.end());
    scenes
}

fn player(scenes: &[Scene]) -> Player {
    let mut blocks = scenes.chunks(BLOCK).map(|scenes| Block::pack(scenes).unwrap());
    let mut player = Player::new(blocks.next().unwrap());
    blocks.for_each(|block| player.add(block));
    player.end(None);
    player
}

/// The snapshot, and its place from 1.
fn shown(player: &mut Player) -> (FleetStatus, u64) {
    let mut status = player.status().unwrap();
    let place = status.tape.take().unwrap().place;
    (status, place)
}

#[test]
fn what_is_shown_is_what_is_printed() {
    let lines = lines();
    let mut engine = Incidents::default();
    let mut printed: Vec<Change> = lines.iter().flat_map(|line| engine.observe(line)).collect();
    printed.extend(engine.ended());
    let scenes = scenes(&lines);
    let told: Vec<Change> = scenes.iter().flat_map(|scene| scene.changes.clone()).collect();
    assert_eq!(told, printed);
    assert!(!printed.is_empty());
    for change in &printed {
        let scene = scenes.iter().find(|scene| scene.entry.slot.0 == change.slot).unwrap();
        let incident = scene.status.incidents.iter().find(|incident| incident.id == change.id).unwrap();
        assert_eq!(incident.culprits, change.culprits);
        assert!(scene.entry.moved);
    }
    assert_eq!(self::scenes(&lines), scenes, "the same lines give the same");
}

#[test]
fn a_slot_shows_what_its_lines_tell_and_no_more() {
    let scenes = scenes(&lines());
    let open = |scene: &&Scene| {
        let incidents = &scene.status.incidents;
        incidents
            .iter()
            .any(|incident| matches!(incident.state, IncidentState::Open | IncidentState::Mitigated))
    };
    let sick = scenes.iter().find(open).unwrap();
    let culprit = sick.status.incidents[0].culprits[0].name.clone();
    let beacon = |scene: &Scene| {
        scene.status.beacons.iter().find(|beacon| beacon.name.as_str() == culprit).unwrap().clone()
    };
    assert_eq!(beacon(sick).reasons, [Reason::Unreachable]);
    assert!(beacon(sick).since <= sick.status.at);
    let first = beacon(&scenes[1]);
    assert!(first.healthy && first.p99_us.is_some() && first.version.is_some() && first.peers.is_some());
    assert_eq!((first.head, sick.status.network.as_ref(), sick.status.epoch), (None, None, None));
    let duties = scenes[20].status.duties.as_ref().unwrap();
    assert!(duties.clients.iter().all(|sums| sums.due > 0 && sums.distance.is_none()));
    assert!(scenes[20].status.traffic.loads.iter().any(|load| load.per_s > 0.0));
    let flow = scenes[20].status.traffic.flows.iter().find(|flow| flow.needs == Use::Sign).unwrap();
    assert!((flow.served.iter().map(|(_, part)| part).sum::<f32>() - 1.0).abs() < 1e-3, "{flow:?}");
}

#[test]
fn where_no_line_says_when_slots_began_time_is_counted_from_the_first() {
    let mut scribe = Scribe::new("old".into());
    let mut at = |line: &str| {
        let ended = scribe.take(&serde_json::from_str(line).unwrap());
        ended.map(|scene| (scene.status.slot, scene.status.at.0))
    };
    at(r#"{"t":"fleet","slot-seconds":12}"#);
    at(r#"{"t":"slot","slot":5,"block":"on-time"}"#);
    assert_eq!(at(r#"{"t":"slot","slot":9,"block":"on-time"}"#), Some((Some(Slot(5)), 72_000)));
    assert_eq!(at(r#"{"t":"slot","slot":9,"block":"on-time","began":1000000}"#), None);
    assert_eq!(at(r#"{"t":"slot","slot":10,"block":"late"}"#), Some((Some(Slot(9)), 1_012_000)));
    assert!(scribe.has_times());
}

#[test]
fn a_step_back_and_one_forward_is_the_same_snapshot() {
    let mut player = player(&scenes(&lines()));
    for _ in 0..BLOCK + 3 {
        player.play(Play::Forward, 0).unwrap();
        let here = shown(&mut player);
        player.play(Play::Back, 0).unwrap();
        assert_eq!(shown(&mut player).1 + 1, here.1);
        player.play(Play::Forward, 0).unwrap();
        assert_eq!(shown(&mut player), here);
    }
}

#[test]
fn it_plays_at_its_speed_to_the_end_and_stays_there() {
    let scenes = scenes(&lines());
    let mut player = player(&scenes);
    let slot_us = scenes[0].entry.ms * 1_000;
    player.play(Play::Speed(2), 0).unwrap();
    player.play(Play::Toggle, 0).unwrap();
    player.tick(slot_us / 2 - 1);
    assert_eq!(shown(&mut player).1, 1);
    player.tick(slot_us / 2 * 3);
    assert_eq!(shown(&mut player).1, 4);
    player.play(Play::Toggle, 0).unwrap();
    player.tick(slot_us * 9);
    assert_eq!((shown(&mut player).1, player.due_us()), (4, None), "it stands");
    player.play(Play::Toggle, 0).unwrap();
    player.tick(slot_us * 1_000_000);
    let last = scenes.last().unwrap().entry.slot;
    let (status, place) = shown(&mut player);
    assert_eq!((status.slot, place as usize, player.due_us()), (Some(last), scenes.len(), None));
    for how in [Play::Toggle, Play::Forward] {
        let why = player.play(how, 0).unwrap_err();
        assert!(why.ends_with(&format!("the recording ends with slot {last}")), "{why}");
    }
    assert!(player.status().unwrap().tape.unwrap().has_ended());
}

#[test]
fn it_goes_to_slots_and_to_what_changes() {
    let scenes = scenes(&lines());
    let mut player = player(&scenes);
    let (first, last) = (scenes[0].entry.slot, scenes.last().unwrap().entry.slot);
    player.play(Play::Goto(Slot(first.0 + 40)), 0).unwrap();
    assert_eq!(shown(&mut player).1, 41);
    assert!(
        player
            .play(Play::Goto(Slot(first.0 - 1)), 0)
            .unwrap_err()
            .ends_with(&format!("begins with slot {first}"))
    );
    assert!(player.play(Play::Goto(Slot(last.0 + 1)), 0).is_err());
    player.play(Play::Goto(first), 0).unwrap();
    player.play(Play::NextChange, 0).unwrap();
    let moved = scenes.iter().position(|scene| scene.entry.moved).unwrap();
    assert_eq!(shown(&mut player).1 as usize, moved + 1);
    assert!(player.play(Play::LastChange, 0).is_err());
    assert!(player.play(Play::Back, 0).is_ok());
    assert!(player.play(Play::Speed(0), 0).is_err());
}

#[tokio::test]
async fn a_file_without_a_slot_is_told_with_its_first_bad_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (text, words) in [("", "no slot is in it"), ("\nnonsense\n", "line 2 is not a line of a recording")] {
        std::fs::write(file.path(), text).unwrap();
        let opened = Replay::open(&[file.path().to_owned()], system_clock()).await;
        let Err(error) = opened else { panic!("it was opened") };
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(matches!(
        Replay::open(&["/nothing/there".into()], system_clock()).await,
        Err(ReplayError::Open { .. })
    ));
}

#[tokio::test]
async fn who_watches_sees_what_was_asked_for() {
    use crate::control::{Event, Reach, Request, Wanted};
    let file = tempfile::NamedTempFile::new().unwrap();
    let text: Vec<String> = lines().iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    std::fs::write(file.path(), text.join("\n") + "\nnonsense\n").unwrap();
    let replay = Replay::open(&[file.path().to_owned()], system_clock()).await.unwrap();
    let reach = Reach::Process(replay.desk.clone());
    let mut watch = reach.watch("console", Wanted::default()).await.unwrap();
    let mut seen = async |wanted: &dyn Fn(&FleetStatus) -> bool| loop {
        if let Event::Snapshot(status) = watch.next().await.unwrap()
            && wanted(&status)
        {
            return Arc::unwrap_or_clone(status);
        }
    };
    let read = seen(&|status| status.tape.as_ref().is_some_and(|tape| tape.whole)).await;
    assert!(read.tape.unwrap().note.unwrap().contains("lines skipped: 1"));
    let mut client = reach.client(crate::control::Access::Observe, "console").await.unwrap();
    client.call(Request::Play { how: Play::NextChange }).await.unwrap();
    let there = seen(&|status| !status.incidents.is_empty()).await;
    assert!(!there.tape.unwrap().playing);
    assert_eq!(replay.read().unwrap().bad, 1);
}
