//! The rules one by one, and the merger against a model that looks back over everything that was ever said.

use proptest::prelude::*;

use super::*;
use crate::router::topics::read;

fn beacon(n: u8) -> BeaconName {
    BeaconName::new(format!("b{n}"))
}

fn at(ms: u64) -> Moment {
    Moment::default().plus_ms(ms)
}

fn event(topic: &str, data: String) -> Event {
    let said = read(topic, data.as_bytes()).unwrap();
    Event { topic: topic.to_owned(), data: data.into(), said }
}

fn head(slot: u64, root: u8, optimistic: bool) -> Event {
    let root = Root([root; 32]);
    event("head", format!(r#"{{"slot":"{slot}","block":"{root}","execution_optimistic":{optimistic}}}"#))
}

fn head_v2(slot: u64, root: u8, status: &str) -> Event {
    let root = Root([root; 32]);
    let data = format!(
        r#"{{"version":"gloas","data":{{"slot":"{slot}","block":"{root}","payload_status":"{status}"}}}}"#
    );
    event("head_v2", data)
}

fn finalized(epoch: u64, root: u8) -> Event {
    event("finalized_checkpoint", format!(r#"{{"epoch":"{epoch}","block":"{}"}}"#, Root([root; 32])))
}

/// A merger led by `b0`, and what of an event passes.
struct Rig(Merger);

impl Rig {
    fn new() -> Self {
        let mut merger = Merger::default();
        assert!(merger.lead(Some(&beacon(0)), at(0)).is_empty());
        Self(merger)
    }

    fn passes(&mut self, from: u8, event: &Event) -> bool {
        self.at(from, event, 0)
    }

    fn at(&mut self, from: u8, event: &Event, ms: u64) -> bool {
        self.0.take(&beacon(from), event.clone(), false, at(ms)).is_some_and(|told| told == *event)
    }
}

#[test]
fn a_reorg_and_back_passes_and_a_late_echo_does_not() {
    let mut rig = Rig::new();
    assert!(rig.passes(1, &head(5, 0xa, false)), "first sighting, whoever tells");
    assert!(!rig.passes(0, &head(5, 0xa, false)), "told already");
    assert!(rig.passes(0, &head(5, 0xb, false)), "a reorg within the slot");
    assert!(!rig.passes(2, &head(5, 0xa, false)), "a late echo");
    assert!(rig.passes(0, &head(5, 0xa, false)), "and back");
    assert!(!rig.passes(2, &head(4, 0xc, false)), "never back in time by a follower");
    assert!(rig.passes(0, &head(4, 0xd, false)), "but by the leader");
}

#[test]
fn a_leader_that_is_late_repeats_nothing() {
    let mut rig = Rig::new();
    for slot in [4, 5, 6] {
        assert!(rig.passes(1, &head(slot, slot as u8, false)));
    }
    for slot in [4, 5, 6] {
        assert!(!rig.passes(0, &head(slot, slot as u8, false)), "{slot}");
    }
    assert!(rig.passes(0, &head(5, 0xb, false)), "a reorg to a lower slot");
}

#[test]
fn a_head_that_nobody_stands_by_any_more_gives_way_to_the_leaders() {
    let mut rig = Rig::new();
    assert!(rig.passes(1, &head(5, 5, false)));
    assert!(rig.passes(1, &head(6, 6, false)));
    assert!(!rig.passes(0, &head(5, 5, false)), "late, as long as the other stands at 6");
    let told = rig.0.take(&beacon(1), head(5, 5, false), false, at(0));
    assert_eq!(told, Some(head(5, 5, false)), "both are at 5 now");
}

#[test]
fn optimistic_heads_do_not_pass() {
    let mut rig = Rig::new();
    assert!(!rig.passes(0, &head(5, 1, true)));
    assert!(rig.passes(1, &head(5, 1, false)));
    assert!(!rig.passes(0, &head(6, 2, true)));
    assert!(rig.passes(1, &head(6, 2, false)));
}

#[test]
fn a_beacon_on_a_branch_of_its_own_is_not_first() {
    let mut rig = Rig::new();
    assert!(rig.passes(1, &head(5, 1, false)));
    assert_eq!(rig.0.take(&beacon(2), head(7, 9, false), true, at(0)), None);
    assert!(rig.passes(1, &head(6, 2, false)), "it has not moved the slot either");
    assert!(
        rig.0.take(&beacon(0), head(8, 3, false), true, at(0)).is_some(),
        "one that leads is all there is"
    );
}

#[test]
fn a_payload_that_arrives_is_a_new_head_and_never_taken_back_by_one_that_is_late() {
    let mut rig = Rig::new();
    assert!(rig.passes(0, &head_v2(5, 1, "empty")));
    assert!(!rig.passes(1, &head_v2(5, 1, "full")), "a follower's second word");
    assert!(rig.passes(0, &head_v2(5, 1, "full")));
    assert!(rig.passes(1, &head_v2(6, 2, "full")), "first sighting");
    assert!(!rig.passes(0, &head_v2(6, 2, "empty")), "the leader is late");
    assert!(!rig.passes(0, &head_v2(6, 2, "full")), "told already");
    assert!(rig.passes(1, &head(6, 2, false)), "the two topics do not know of each other");
}

#[test]
fn a_new_leaders_head_is_told_if_it_differs_and_is_not_behind() {
    let told_by = |stored: Event| {
        let mut rig = Rig::new();
        rig.passes(0, &head(5, 1, false));
        rig.passes(1, &stored);
        rig.0.gone(&beacon(0));
        rig.0.lead(Some(&beacon(1)), at(0))
    };
    assert_eq!(told_by(head(5, 2, false)), [head(5, 2, false)]);
    assert!(told_by(head(5, 1, false)).is_empty(), "no news");
    assert!(told_by(head(4, 4, false)).is_empty(), "it will come to 5");
    let mut rig = Rig::new();
    rig.passes(1, &head(5, 2, false));
    rig.0.gone(&beacon(1));
    rig.passes(0, &head(5, 1, false));
    assert!(
        rig.0.lead(Some(&beacon(1)), at(0)).is_empty(),
        "what it stood at before its stream ended is old"
    );
}

#[test]
fn finality_goes_up_and_one_that_differs_raises_an_alert() {
    let mut rig = Rig::new();
    assert!(rig.passes(1, &finalized(7, 1)));
    assert!(!rig.passes(0, &finalized(7, 1)));
    assert!(!rig.passes(2, &finalized(6, 1)), "one that is syncing tells what was");
    assert_eq!(rig.0.conflicts().count(), 0);
    assert!(!rig.passes(2, &finalized(7, 2)), "another block");
    let sentence = rig.0.conflicts().next().unwrap().to_string();
    assert!(sentence.starts_with("b2 finalized 0x02020202… for epoch 7 and b1 0x01010101…: "), "{sentence}");
    assert!(rig.passes(1, &finalized(8, 3)));
    assert!(!rig.passes(2, &finalized(8, 3)));
    assert_eq!(rig.0.conflicts().count(), 0, "it has come round");
}

#[test]
fn what_all_tell_alike_passes_once_and_memory_is_bounded() {
    let mut rig = Rig::new();
    let block = |n: u32| event("block", format!(r#"{{"slot":"1","block":"{n}"}}"#));
    for n in 0..20_000 {
        assert!(rig.passes(1, &block(n)));
        assert!(!rig.passes(2, &block(n)));
    }
    assert_eq!((rig.0.seen.keys.len(), rig.0.seen.order.len()), (SEEN, SEEN));
    let reorg = |n: u32| event("chain_reorg", format!(r#"{{"slot":"{n}"}}"#));
    for n in 0..1_000 {
        assert!(!rig.passes(2, &reorg(n)));
    }
    assert_eq!(rig.0.untold.len(), UNTOLD);
}

#[test]
fn views_are_the_leaders_and_its_successor_makes_up_for_what_it_no_longer_told() {
    let reorg = |n: u64| event("chain_reorg", format!(r#"{{"slot":"{n}"}}"#));
    let volume = || event("single_attestation", "{}".to_owned());
    let mut rig = Rig::new();
    assert!(rig.at(0, &reorg(1), 100));
    assert!(rig.at(0, &reorg(1), 110), "the same words twice, by the same beacon");
    assert!(!rig.at(1, &reorg(1), 120));
    assert!(!rig.at(1, &reorg(2), 130));
    assert!(!rig.at(2, &reorg(2), 130));
    assert!(!rig.at(1, &volume(), 140));
    assert!(rig.at(0, &volume(), 150), "the last word of the leader");
    assert!(!rig.at(1, &reorg(3), 160));
    assert!(!rig.at(2, &reorg(3), 170));
    assert_eq!(rig.0.lead(Some(&beacon(1)), at(900)), [reorg(3)], "once, by the new leader, after that");
    assert!(!rig.at(2, &reorg(4), 1_000));
    assert!(rig.at(1, &reorg(4), 1_010));
    assert!(rig.0.lead(Some(&beacon(2)), at(30_000)).is_empty());
}

/// What happens to a merger.
#[derive(Debug, Clone)]
enum Step {
    Says(u8, u64, u8, bool),
    Lead(Option<u8>),
    Gone(u8),
}

/// Everything that was ever said, told and done, and the rule in words:
/// a head that differs from the last one told is told if its slot is higher, or if its beacon leads and it does not only
/// catch up; and the leader's stands in when nobody's last word is the head told last.
#[derive(Default)]
struct Model {
    said: Vec<(u8, Option<(u64, u8)>)>,
    gone: Vec<u8>,
    leader: Option<u8>,
    told: Vec<(u64, u8)>,
}

impl Model {
    /// The last word of a beacon; none if that was an optimistic head.
    fn word(&self, of: u8) -> Option<(u64, u8)> {
        self.said.iter().rev().find(|(by, _)| *by == of)?.1
    }

    /// Whether a beacon came to its present head from below.
    fn rose(&self, of: u8) -> bool {
        let mut words = self.said.iter().rev().filter(|(by, _)| *by == of).map(|(_, head)| *head);
        let Some(now) = words.next().flatten() else { return true };
        let before = words.find(|head| *head != Some(now)).flatten();
        before.is_none_or(|before| before.0 < now.0)
    }

    fn tell(&mut self, head: (u64, u8)) {
        self.told.push(head);
    }

    fn leaders(&mut self, news: bool) {
        let (Some(leader), Some(last)) = (self.leader, self.told.last().copied()) else { return };
        let Some(head) = self.word(leader).filter(|_| !self.gone.contains(&leader)) else { return };
        let alone = !(0..4).any(|by| self.word(by) == Some(last));
        let late = self.rose(leader) && head.0 < last.0;
        if head != last && (alone || news && !late) {
            self.tell(head);
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Says(by, slot, root, optimistic) => {
                self.gone.retain(|gone| *gone != by || optimistic);
                self.said.push((by, (!optimistic).then_some((slot, root))));
                if !optimistic && self.told.last().is_none_or(|last| slot > last.0) {
                    self.tell((slot, root));
                } else {
                    self.leaders(self.leader == Some(by));
                }
            }
            Step::Lead(leader) if leader != self.leader => {
                self.leader = leader;
                self.leaders(true);
            }
            Step::Lead(_) => {}
            Step::Gone(by) => self.gone.push(by),
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0_u8..4, 1_u64..12, 0_u8..2, prop::bool::weighted(0.1))
            .prop_map(|(by, slot, root, optimistic)| Step::Says(by, slot, root, optimistic)),
        2 => prop::option::weighted(0.9, 0_u8..4).prop_map(Step::Lead),
        1 => (0_u8..4).prop_map(Step::Gone),
    ];
    prop::collection::vec(step, 0..60)
}

/// Where four beacons of one chain stand over time: slots go up, some reorg and come back, some are late, some miss.
fn chain() -> impl Strategy<Value = Vec<Step>> {
    let slot = (
        prop::collection::vec((0_u8..4, 0_u8..3), 1..12),
        prop::option::weighted(0.2, 0_u8..4),
        prop::option::weighted(0.2, 0_u8..4),
    );
    prop::collection::vec(slot, 1..10).prop_map(|slots| {
        let mut steps = vec![Step::Lead(Some(0))];
        for (slot, (words, leader, gone)) in slots.into_iter().enumerate() {
            let late = |kind: u8| slot as u64 + 1 - u64::from(kind == 2 && slot > 0);
            steps.extend(words.into_iter().map(|(by, kind)| Step::Says(by, late(kind), kind % 2, false)));
            steps.extend(leader.map(|leader| Step::Lead(Some(leader))));
            steps.extend(gone.map(Step::Gone));
        }
        steps
    })
}

fn run(steps: &[Step]) -> Vec<(u64, u8)> {
    let mut merger = Merger::default();
    let mut told = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let now = at(place as u64);
        match *step {
            Step::Says(by, slot, root, optimistic) => {
                // A root belongs to one slot.
                let root = (slot as u8) << 4 | root;
                told.extend(merger.take(&beacon(by), head(slot, root, optimistic), false, now));
            }
            Step::Lead(leader) => told.extend(merger.lead(leader.map(beacon).as_ref(), now)),
            Step::Gone(by) => merger.gone(&beacon(by)),
        }
    }
    told.into_iter()
        .map(|event| match event.said {
            Said::Head(said) => (said.block.slot.0, said.block.root.0[0] & 0xf),
            other => panic!("{other:?}"),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn merged_heads_equal_the_model(steps in prop_oneof![steps(), chain()]) {
        let mut model = Model::default();
        for step in &steps {
            model.step(step);
        }
        prop_assert_eq!(run(&steps), model.told);
    }

    /// Whatever came before: every higher slot is told, nothing is told twice in a row, and when all have come to one
    /// head clients have, too.
    #[test]
    fn clients_end_where_all_beacons_end(
        steps in prop_oneof![steps(), chain()],
        leader in 0_u8..4,
        slot in 1_u64..12,
        order in Just([0_u8, 1, 2, 3]).prop_shuffle(),
    ) {
        let mut all = steps;
        all.push(Step::Lead(Some(leader)));
        all.extend(order.map(|by| Step::Says(by, slot, 7, false)));
        let told = run(&all);
        prop_assert_eq!(told.last(), Some(&(slot, 7)));
        prop_assert!(told.windows(2).all(|pair| pair[0] != pair[1]));
        let mut highest = 0;
        for step in &all {
            if let Step::Says(_, slot, _, false) = *step && slot > highest {
                highest = slot;
                prop_assert!(told.iter().any(|(told, _)| *told == slot), "slot {slot} is not told");
            }
        }
    }

    /// Union and finality: each once, and in no case a lower epoch after a higher one.
    #[test]
    fn what_all_tell_is_told_once(
        said in prop::collection::vec((0_u8..4, any::<bool>(), 0_u64..8), 0..80),
    ) {
        let mut merger = Merger::default();
        let (mut blocks, mut epochs) = (Vec::new(), Vec::new());
        for (by, block, number) in &said {
            let event = if *block {
                event("block", format!(r#"{{"slot":"1","block":"{number}","execution_optimistic":{}}}"#, by % 2 == 0))
            } else {
                finalized(*number, 1)
            };
            if merger.take(&beacon(*by), event, false, at(0)).is_some() {
                if *block { blocks.push(*number) } else { epochs.push(*number) }
            }
        }
        let mut first = Vec::new();
        for (_, _, number) in said.iter().filter(|(_, block, _)| *block) {
            if !first.contains(number) {
                first.push(*number);
            }
        }
        prop_assert_eq!(blocks, first);
        prop_assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]));
        let highest = said.iter().filter(|(_, block, _)| !block).map(|(.., epoch)| *epoch).max();
        prop_assert_eq!(epochs.last().copied(), highest);
        prop_assert_eq!(merger.conflicts().count(), 0);
    }
}
