//! Replays, claims, help, bounds and persistence, one promise a test.

use super::super::kind::most;
use super::super::{Lost, sync_duties};
use super::*;

fn everywhere(_: &Client, _: SeedKind) -> bool {
    true
}

/// Entries a plan holds, by kind.
fn due(book: &mut Book, beacon: usize, when: When) -> Vec<(SeedKind, usize)> {
    let plan = book.plan(&name(beacon), when, everywhere);
    plan.bodies.iter().map(|body| (body.kind, body.len())).collect()
}

fn tell_all(book: &mut Book, beacon: usize, when: When) {
    for body in book.plan(&name(beacon), when, everywhere).bodies {
        book.replayed(&name(beacon), &body, when);
    }
}

#[test]
fn a_beacon_that_lost_everything_is_told_what_is_valid_and_only_that() {
    let mut book = book(2);
    let began = in_epoch(2);
    for seed in
        [committees(0..3, 17), committees(0..2, 30), sync(0..2, 3), sync(2..3, 9), preparations(0..4, 0xaa)]
    {
        book.give(&client(0), &seed, began);
        took(&mut book, &name(0), &client(0), &seed, began);
    }
    assert!(due(&mut book, 0, began).is_empty());
    let later = in_epoch(3);
    book.lose(&name(0), Lost::Everything);
    assert_eq!(
        due(&mut book, 0, later),
        [(SeedKind::Committees, 2), (SeedKind::Sync, 1), (SeedKind::Preparations, 4)],
        "slot 17 is over, and so is what ended before epoch 3"
    );
    tell_all(&mut book, 0, later);
    assert!(due(&mut book, 0, later).is_empty());
    book.lose(&name(0), Lost::Everything);
    assert_eq!(due(&mut book, 0, in_epoch(5)), [(SeedKind::Sync, 1)], "preparations last three epochs");
    book.prune(in_epoch(9));
    assert!(book.is_empty());
}

#[test]
fn what_is_replayed_is_what_was_said_byte_for_byte() {
    let mut book = book(1);
    let body = br#"[ {"validator_index" : "7","fee_recipient":"0xABABABABABABABABABABABABABABABABABABABAB", "later":"field"} ]"#;
    let seed = Seed::read(SeedKind::Preparations, Form::default(), body).unwrap();
    book.give(&client(0), &seed, at(0));
    let plan = book.plan(&name(0), at(1_000), everywhere);
    let text = std::str::from_utf8(&plan.bodies[0].body).unwrap();
    assert_eq!(text, std::str::from_utf8(body).unwrap().replace("[ ", "[").replace(" ]", "]"));
}

#[test]
fn what_a_client_just_sent_is_on_its_way_and_is_owed_all_the_same() {
    let mut book = book(1);
    book.give(&client(0), &preparations(0..1, 1), at(0));
    let plan = book.plan(&name(0), at(100), everywhere);
    assert!(plan.bodies.is_empty() && plan.owes);
    assert_eq!(book.plan(&name(0), at(700), everywhere).bodies.len(), 1);
    took(&mut book, &name(0), &client(0), &preparations(0..1, 1), at(700));
    assert!(!book.plan(&name(0), at(800), everywhere).owes);
}

#[test]
fn another_word_of_the_same_client_replaces_the_first_everywhere() {
    let mut book = book(2);
    let (old, new) = (preparations(0..1, 1), preparations(0..1, 2));
    book.give(&client(0), &old, at(0));
    took(&mut book, &name(0), &client(0), &old, at(0));
    took(&mut book, &name(1), &client(0), &old, at(0));
    assert!(book.check(&client(0), &new, at(0)).is_empty());
    book.give(&client(0), &new, at(0));
    took(&mut book, &name(0), &client(0), &new, at(0));
    took(&mut book, &name(1), &client(0), &old, at(0));
    assert!(book.holds(&name(0), &client(0), SeedKind::Preparations));
    assert!(
        !book.holds(&name(1), &client(0), SeedKind::Preparations),
        "a late copy of the old word is not the new one"
    );
    let plan = book.plan(&name(1), at(1_000), everywhere);
    assert!(String::from_utf8_lossy(&plan.bodies[0].body).contains("0x0202"));
}

#[test]
fn what_a_beacon_missed_twice_running_it_does_not_hold() {
    let mut book = book(1);
    let body = preparations(0..1, 1);
    for (epoch, takes, owed) in [(0, true, false), (1, false, false), (2, false, true), (3, true, false)] {
        book.give(&client(0), &body, in_epoch(epoch));
        if takes {
            took(&mut book, &name(0), &client(0), &body, in_epoch(epoch));
        }
        let plan = book.plan(&name(0), in_epoch(epoch), everywhere);
        assert_eq!(plan.owes, owed, "epoch {epoch}");
    }
}

#[test]
fn registrations_come_in_chunks_one_at_a_time_and_hold_nobody_back() {
    let mut book = book(2);
    book.give(&client(0), &registrations(0..1_200), at(0));
    let mut told = Vec::new();
    for ms in (1_000..4_000).step_by(50) {
        let plan = book.plan(&name(0), at(ms), everywhere);
        assert!(!plan.owes && plan.bodies.len() <= 1);
        for body in plan.bodies {
            told.push((ms, body.len()));
            book.replayed(&name(0), &body, at(ms));
        }
    }
    let sizes: Vec<usize> = told.iter().map(|(_, len)| *len).collect();
    assert_eq!(sizes, [500, 500, 200]);
    assert!(told.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 250), "{told:?}");
    book.lose(&name(0), Lost::Maybe);
    assert!(
        due(&mut book, 0, at(9_000)).is_empty(),
        "a suspicion is no reason to tell thousands of keys again"
    );
    book.lose(&name(0), Lost::Everything);
    assert_eq!(due(&mut book, 0, at(9_000)), [(SeedKind::Registrations, 500)]);
}

#[test]
fn only_the_seed_set_is_told() {
    let mut book = book(2);
    book.give(&client(0), &committees(0..1, 5), at(0));
    book.give(&client(1), &committees(1..2, 5), at(0));
    let plan = book.plan(&name(0), at(1_000), |client, _| client.as_str() == "vc-1");
    let whose: Vec<&str> = plan.bodies.iter().map(|body| body.client.as_str()).collect();
    assert_eq!(whose, ["vc-1"]);
    assert!(!book.plan(&name(0), at(1_000), |_, _| false).owes);
}

#[test]
fn a_second_word_for_a_validators_fees_is_refused_kept_out_and_raised() {
    let mut book = book(1);
    book.give(&client(0), &preparations(0..3, 1), in_epoch(0));
    let wanted = preparations(2..5, 2);
    let refused = book.check(&client(1), &wanted, in_epoch(0));
    assert_eq!(refused.iter().map(|refused| refused.index).collect::<Vec<_>>(), [0]);
    assert!(refused[0].message.contains("validator 2 go to 0x0101") && refused[0].message.contains("vc-0"));
    let alerts = book.alerts();
    assert!(
        alerts.len() == 1 && alerts[0].contains("vc-1 names other fee recipients than vc-0"),
        "{alerts:?}"
    );
    assert!(
        book.check(&client(1), &preparations(0..3, 1), in_epoch(0)).is_empty(),
        "the same word is no quarrel"
    );
    assert!(
        book.check(&client(0), &preparations(0..3, 9), in_epoch(0)).is_empty(),
        "its own word it may change"
    );
    // The first client is gone and its word with it.
    book.prune(in_epoch(3));
    assert!(book.check(&client(1), &wanted, in_epoch(3)).is_empty());
    assert!(book.alerts().is_empty());
}

#[test]
fn a_body_that_everybody_refused_is_forgotten() {
    let mut book = book(1);
    book.give(&client(0), &preparations(0..1, 1), at(0));
    book.withdraw(&client(0), &preparations(0..1, 1));
    assert!(book.is_empty() && due(&mut book, 0, at(1_000)).is_empty());
}

#[test]
fn a_client_that_posts_no_sync_subscription_is_helped_and_one_that_does_is_not() {
    let mut book = book(1);
    let answer = br#"{"data":[{"pubkey":"0x93","validator_index":"7","validator_sync_committee_indices":["3","130"]}]}"#;
    let duties = sync_duties(answer).unwrap();
    for number in 0..2 {
        book.sync_duties(&client(number), Epoch(0), &duties, at(0));
    }
    let own = sync(7..8, 256);
    book.give(&client(1), &own, at(0));
    took(&mut book, &name(0), &client(1), &own, at(0));
    assert!(book.help(at(SLOT_MS)).is_empty(), "it may still come");
    assert_eq!(book.help(at(2 * SLOT_MS)), [client(0)]);
    let plan = book.plan(&name(0), at(2 * SLOT_MS + 1_000), everywhere);
    let body = std::str::from_utf8(&plan.bodies[0].body).unwrap();
    assert_eq!(body, r#"[{"validator_index":"7","sync_committee_indices":["3","130"],"until_epoch":"256"}]"#);
    assert_eq!(plan.bodies[0].client, client(0));
    book.sync_duties(&client(0), Epoch(1), &duties, in_epoch(1));
    assert!(book.help(in_epoch(2)).is_empty(), "the period is subscribed");
    book.sync_duties(&client(0), Epoch(700), &duties, in_epoch(2));
    assert!(book.help(in_epoch(4)).is_empty(), "too far ahead");
}

#[test]
fn the_book_is_bounded_and_says_when_it_is_full() {
    let mut book = book(1);
    let limit = most(SeedKind::Subnets) as u64;
    let subnets = |range: std::ops::Range<u64>| {
        seed(
            SeedKind::Subnets,
            &list(range.map(|id| format!(r#"{{"subnet_id":{id},"unsubscription_slot":"9"}}"#))),
        )
    };
    book.give(&client(0), &subnets(0..limit + 10), at(0));
    assert_eq!(book.len(SeedKind::Subnets) as u64, limit);
    assert!(book.alerts()[0].contains("full of subnets"), "{:?}", book.alerts());
    book.give(&client(0), &subnets(0..10), at(0));
    assert!(book.alerts().is_empty(), "what is known finds its place");
    book.prune(at(10 * SLOT_MS));
    assert_eq!(book.len(SeedKind::Subnets), 0);
}

#[test]
fn what_is_saved_comes_back_and_is_told_to_everybody_again() {
    let mut book = book(1);
    let began = in_epoch(4);
    let mut registration = [7_u8; 360];
    registration[216..264].fill(9);
    let form = Form { ssz: true, fork: Some("fulu".into()) };
    let ssz = Seed::read(SeedKind::Registrations, form, &registration).unwrap();
    for seed in [committees(0..3, 70), preparations(0..3, 1), ssz] {
        book.give(&client(0), &seed, began);
        took(&mut book, &name(0), &client(0), &seed, began);
    }
    book.give(&client(0), &preparations(3..4, 1), in_epoch(5));
    let changed = book.take_changed();
    assert_eq!(changed.len(), 3);
    assert!(book.take_changed().is_empty());
    let mut again = super::book(1);
    let mut count = 0;
    for (client, kind) in &changed {
        let bytes = book.save(client, *kind).unwrap();
        count += again.restore(client, *kind, &bytes, in_epoch(5));
        assert_eq!(again.save(client, *kind).unwrap(), bytes, "{kind}");
        assert_eq!(super::book(1).restore(client, *kind, &bytes[1..], in_epoch(5)), 0, "damaged");
    }
    assert_eq!(count, 3 + 4 + 2);
    let when = at(in_epoch(5).now.wall.0 + 1_000);
    let told = [(SeedKind::Committees, 3), (SeedKind::Preparations, 4), (SeedKind::Registrations, 2)];
    assert_eq!(due(&mut again, 0, when), told);
    let bytes = book.save(&client(0), SeedKind::Preparations).unwrap();
    assert_eq!(
        super::book(1).restore(&client(0), SeedKind::Preparations, &bytes, in_epoch(7)),
        1,
        "three are over"
    );
    assert!(!again.check(&client(1), &preparations(0..1, 2), in_epoch(5)).is_empty(), "claims come back too");
}

#[test]
fn a_beacon_that_left_the_fleet_file_keeps_nothing() {
    let mut book = book(2);
    let body = preparations(0..2, 1);
    book.give(&client(0), &body, at(0));
    took(&mut book, &name(0), &client(0), &body, at(0));
    took(&mut book, &name(1), &client(0), &body, at(0));
    book.enlist(&[name(1), name(2)]);
    assert!(book.holds(&name(1), &client(0), SeedKind::Preparations));
    assert!(
        !book.holds(&name(2), &client(0), SeedKind::Preparations),
        "it has the seat of another, not its memory"
    );
    assert!(!book.holds(&name(0), &client(0), SeedKind::Preparations));
}

#[test]
fn each_beacons_part_is_told_with_count_age_and_custody() {
    let mut book = book(2);
    book.learn(&[("FULU_FORK_EPOCH", "0")].into_iter().collect());
    for seed in [committees(0..20, 5), preparations(10..40, 1), registrations(0..5)] {
        book.give(&client(0), &seed, at(0));
        took(&mut book, &name(0), &client(0), &seed, at(0));
    }
    let told = book.tell(&[name(0), name(1), name(9)], Some(at(0)));
    let counts: Vec<_> = told[0].0.iter().map(|told| (told.kind, told.count)).collect();
    assert_eq!(
        counts,
        [(SeedKind::Committees, 20), (SeedKind::Preparations, 30), (SeedKind::Registrations, 5)]
    );
    let custody = told[0].1.unwrap();
    assert_eq!((custody.validators, custody.groups), (40, 40), "each validator counts once");
    assert_eq!(told[1].1.unwrap().groups, 4, "nobody told it of any");
    assert!(told[1].0.is_empty() && told[2].0.is_empty());
}

#[test]
fn what_a_beacon_refuses_it_does_not_hold_and_is_not_told_again() {
    let mut book = book(2);
    let kind = SeedKind::Preparations;
    book.give(&client(0), &preparations(0..5, 1), at(0));
    let mut left = book.plan(&name(0), at(1_000), everywhere).bodies;
    let (mut asked, bad) = (0, r#""validator_index":"3""#);
    while let Some(replay) = left.pop() {
        asked += 1;
        if !String::from_utf8_lossy(&replay.body).contains(bad) {
            book.replayed(&name(0), &replay, at(1_000));
        } else if let Some(halves) = book.halves(&replay) {
            assert_eq!(halves.iter().map(super::super::Replay::len).sum::<usize>(), replay.len());
            left.extend(halves);
        } else {
            assert_eq!(replay.len(), 1);
            book.refused(&name(0), &replay, at(1_000));
        }
    }
    assert!(asked <= 7, "{asked} bodies to find one of five");
    let plan = book.plan(&name(0), at(2_000), everywhere);
    assert!(plan.bodies.is_empty() && !plan.owes, "nothing more can be told");
    assert!(!book.holds(&name(0), &client(0), kind), "but not all of it is held");
    let told = &book.tell(&[name(0), name(1)], Some(at(2_000)))[0].0[0];
    assert_eq!((told.count, told.refused, told.said()), (4, 1, "4 preparations (refuses 1)".to_owned()));
    let alerts = book.alerts();
    assert!(alerts.len() == 1 && alerts[0].starts_with("b0 refuses 1 of the preparations"), "{alerts:?}");

    book.give(&client(0), &preparations(0..5, 1), in_epoch(1));
    assert!(book.plan(&name(0), in_epoch(1), everywhere).bodies.is_empty(), "the same again changes nothing");
    book.give(&client(0), &preparations(3..4, 2), in_epoch(1));
    let late = in_epoch(2);
    assert_eq!(book.plan(&name(0), late, everywhere).bodies.len(), 1, "another word is told");
    book.lose(&name(0), Lost::Everything);
    assert_eq!(book.plan(&name(0), late, everywhere).bodies[0].len(), 5, "a restart forgets refusals");
    assert!(book.alerts().is_empty());
}

#[test]
fn a_refusal_ends_with_its_duty() {
    let mut book = book(1);
    book.give(&client(0), &committees(0..2, 8), at(0));
    let replay = book.plan(&name(0), at(1_000), everywhere).bodies.remove(0);
    book.refused(&name(0), &replay, at(1_000));
    assert!(!book.holds(&name(0), &client(0), SeedKind::Committees));
    book.give(&client(0), &committees(2..3, 20), at(2_000));
    took(&mut book, &name(0), &client(0), &committees(2..3, 20), at(2_000));
    book.prune(at(9 * SLOT_MS));
    assert!(book.holds(&name(0), &client(0), SeedKind::Committees) && book.alerts().is_empty());
}
