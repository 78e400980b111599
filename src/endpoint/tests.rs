//! The table against the API's own list, and the match against path tricks.

use std::collections::HashSet;

use hyper::Method;
use proptest::prelude::*;
use rstest::rstest;

use crate::model::{Epoch, Opened, Role, Slot, Step, Use};

use super::index::{CAPTURES, segments};
use super::table::{MATCHED, UNKNOWN_GET, UNKNOWN_POST};
use super::{Body, Follow, Found, Inspect, Namespace, Status, Strategy, Verb, find, row, table};

struct Line {
    method: &'static str,
    path: &'static str,
    strategy: &'static str,
    status: &'static str,
    mutates: bool,
}

fn fixture() -> Vec<Line> {
    include_str!("../../tests/fixtures/endpoints.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let [method, path, strategy, status, effect] =
                line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            Line { method, path, strategy, status, mutates: effect == "mutates" }
        })
        .collect()
}

/// A path a client could send for a template.
fn sample(template: &str) -> String {
    let concrete = |segment: &str| match segment {
        "{slot}" | "{epoch}" | "{builder_index}" => "1234".to_owned(),
        "{state_id}" | "{block_id}" => "head".to_owned(),
        "{version}" => "v9".to_owned(),
        "*" => "some/thing".to_owned(),
        capture if capture.starts_with('{') => format!("0x{}", "ab".repeat(32)),
        literal => literal.to_owned(),
    };
    template.split('/').map(concrete).collect::<Vec<_>>().join("/")
}

fn method(name: &str) -> Method {
    if name == "*" { Method::PUT } else { name.parse().unwrap() }
}

fn at(name: &str, path: &'static str) -> Found<'static> {
    find(&method(name), path)
}

fn word(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Any => "any",
        Strategy::One => "one",
        Strategy::Pinned => "pinned",
        Strategy::Broadcast => "broadcast",
        Strategy::Subscribed => "subscribed",
        Strategy::Seed => "seed",
        Strategy::Or => "or",
        Strategy::Stream => "stream",
        Strategy::Local => "local",
        Strategy::Deny => "deny",
    }
}

#[test]
fn every_operation_of_the_api_has_the_strategy_it_needs() {
    let lines = fixture();
    assert_eq!(lines.len(), 115);
    for Line { method: name, path, strategy, status, mutates } in lines {
        let target = sample(path);
        let found = find(&method(name), &target);
        assert_eq!(word(found.row.strategy), strategy, "{name} {path} is {}", found.row.name);
        assert!(usize::from(found.id.0) < MATCHED, "{name} {path} has no row");
        let expected = match status {
            "current" => Status::Current,
            "draft" => Status::Draft,
            "removed" => Status::Removed,
            _ => Status::Vendor,
        };
        assert_eq!(found.row.status, expected, "{name} {path}");
        assert!(
            !(mutates && found.row.follow == Follow::Anytime),
            "{name} {path} changes a beacon, its attempts must not overlap at will"
        );
    }
}

#[test]
fn each_row_is_found_by_its_own_path() {
    for (place, expected) in table().iter().enumerate().take(MATCHED) {
        let name = match expected.verb {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
            Verb::Any => "PUT",
        };
        let target = sample(expected.path);
        let found = find(&method(name), &target);
        assert_eq!(usize::from(found.id.0), place, "{name} {} is taken by {}", expected.path, found.row.path);
    }
}

#[test]
fn no_two_rows_claim_the_same_paths() {
    let shape =
        |path| segments(path).map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>();
    let mut seen = HashSet::new();
    for entry in &table()[..MATCHED] {
        assert!(seen.insert((entry.verb, shape(entry.path))), "{:?} {}", entry.verb, entry.path);
        assert!(segments(entry.path).filter(|part| part.starts_with('{')).count() <= CAPTURES);
    }
}

#[test]
fn names_and_places_agree() {
    let mut names = HashSet::new();
    for (place, entry) in table().iter().enumerate() {
        assert!(names.insert(entry.name), "{}", entry.name);
        assert_eq!(row(super::RowId(place as u16)).name, entry.name);
    }
    assert_eq!(row(super::RowId(u16::MAX)).strategy, Strategy::Deny);
}

#[test]
fn budgets_are_ordered() {
    for entry in table() {
        let budget = entry.budget;
        assert!(budget.attempt <= budget.total, "{}", entry.name);
        assert!(budget.attempt.0 > 0, "{}", entry.name);
        if let Some(hedge) = budget.hedge {
            assert!(hedge < budget.attempt, "{}", entry.name);
            let parallel = matches!(entry.follow, Follow::Anytime | Follow::SameBytes);
            assert!(parallel, "{}: only reads and signed bytes are hedged", entry.name);
        }
    }
}

#[test]
fn what_may_follow_is_what_the_strategy_allows() {
    for entry in table() {
        let allowed: &[Follow] = match entry.strategy {
            Strategy::Any | Strategy::Subscribed | Strategy::Or | Strategy::Stream => &[Follow::Anytime],
            Strategy::One => &[Follow::AfterFailure, Follow::Never],
            Strategy::Pinned => &[Follow::AfterProducer],
            Strategy::Broadcast | Strategy::Seed => &[Follow::SameBytes],
            Strategy::Local => &[Follow::Never],
            Strategy::Deny => &[Follow::Anytime, Follow::SameBytes, Follow::Never],
        };
        assert!(allowed.contains(&entry.follow), "{}: {:?}", entry.name, entry.follow);
        if entry.strategy == Strategy::Deny {
            assert_ne!(entry.namespace, Namespace::Standard, "{}", entry.name);
            assert!(entry.verb == Verb::Get || entry.follow != Follow::Anytime, "{}", entry.name);
        } else {
            assert_eq!(entry.namespace, Namespace::Standard, "{}", entry.name);
        }
        if entry.inspect != Inspect::Nothing {
            assert_eq!(entry.body, Body::Buffer, "{}: what is inspected is buffered", entry.name);
        }
    }
}

#[rstest]
#[case("GET", "/eth/v1/validator/attestation_data", Use::Sign, Some(Role::Attest), Some(Step::Attest), 1)]
#[case("GET", "/eth/v1/beacon/blocks/head/root", Use::Sign, Some(Role::Attest), Some(Step::SyncMessage), 1)]
#[case("GET", "/eth/v3/validator/blocks/7", Use::Sign, Some(Role::Propose), Some(Step::Propose), 2)]
#[case("POST", "/eth/v4/validator/blocks/7", Use::Sign, Some(Role::Propose), Some(Step::Propose), 2)]
#[case("POST", "/eth/v4/validator/blocks/7/with_bid", Use::Sign, Some(Role::Propose), Some(Step::Propose), 1)]
#[case("POST", "/eth/v2/beacon/blocks", Use::Publish, Some(Role::Propose), Some(Step::Propose), 3)]
#[case("POST", "/eth/v2/beacon/pool/attestations", Use::Publish, Some(Role::Attest), Some(Step::Attest), 3)]
#[case("POST", "/eth/v1/validator/beacon_committee_subscriptions", Use::Seed, Some(Role::Aggregate), None, 2)]
#[case("POST", "/eth/v1/validator/prepare_beacon_proposer", Use::Seed, Some(Role::Propose), None, 0)]
#[case("POST", "/eth/v1/validator/register_validator", Use::Seed, Some(Role::Propose), None, 1)]
#[case("POST", "/eth/v1/validator/duties/attester/3", Use::Read, None, None, 1)]
#[case("GET", "/eth/v1/events", Use::Events, Some(Role::Events), None, 1)]
fn a_row_says_what_it_needs(
    #[case] name: &str,
    #[case] path: &'static str,
    #[case] needs: Use,
    #[case] role: Option<Role>,
    #[case] step: Option<Step>,
    #[case] width: u8,
) {
    let found = at(name, path).row;
    assert_eq!((found.needs, found.role, found.step, found.width), (needs, role, step, width));
}

#[test]
fn params_slots_and_epochs_are_read_from_path_and_query() {
    let found = at("GET", "/eth/v1/validator/execution_payload_envelopes/77/0xabc?slot=5");
    assert_eq!(found.slot(), Some(Slot(77)), "the path goes first");
    assert_eq!(found.params.get("beacon_block_root"), Some("0xabc"));
    assert_eq!(found.params.get("epoch"), None);
    let found = at("GET", "/eth/v1/validator/attestation_data?committee_index=1&slot=42");
    assert_eq!(
        (found.slot(), found.epoch(), found.query("committee_index")),
        (Some(Slot(42)), None, Some("1"))
    );
    assert_eq!(at("POST", "/eth/v1/validator/duties/sync/9").epoch(), Some(Epoch(9)));
    let found = at("GET", "/eth/v1/node/peers/16U/more");
    assert_eq!(found.params.get("version"), Some("v1"), "what a wrong turn captured is dropped");
    for bad in ["slot=", "slot=+1", "slot=-1", "slot=0x1", "slot=99999999999999999999", "slots=1", "slot"] {
        let target = format!("/eth/v1/validator/attestation_data?{bad}");
        assert_eq!(find(&Method::GET, &target).slot(), None, "{bad}");
    }
}

#[test]
fn head_is_get_and_other_methods_reach_nothing_open() {
    let path = "/eth/v1/beacon/headers/head";
    assert_eq!(at("HEAD", path).id, at("GET", path).id);
    for name in ["PUT", "PATCH", "OPTIONS", "DELETE", "CONNECT", "TRACE"] {
        for entry in table() {
            let target = sample(entry.path);
            assert_eq!(find(&method(name), &target).row.strategy, Strategy::Deny, "{name} {target}");
        }
    }
}

#[rstest]
#[case("GET", "/eth/v1/beacon/new_thing/1")]
#[case("HEAD", "/eth/v12/validator/inclusion_list")]
#[case("GET", "/eth/v2/node/health")]
#[case("GET", "/eth/v2/beacon/pool/voluntary_exits")]
fn unknown_reads_of_the_standard_pass(#[case] name: &str, #[case] path: &'static str) {
    let found = at(name, path);
    assert_eq!(found.id, UNKNOWN_GET);
    assert_eq!(
        (found.row.strategy, found.row.needs, found.row.body),
        (Strategy::Any, Use::Read, Body::Stream)
    );
    assert!(found.is_open(&[]));
}

#[test]
fn unknown_posts_of_the_standard_are_sent_once() {
    let found = at("POST", "/eth/v3/beacon/pool/attestations");
    assert_eq!(found.id, UNKNOWN_POST);
    assert_eq!((found.row.strategy, found.row.follow), (Strategy::One, Follow::Never));
}

#[rstest]
#[case("GET", "/eth/v1/lodestar/write_heapdump", Some(Opened::Vendor("lodestar".into())))]
#[case("POST", "/eth/v2/lodestar/gc", Some(Opened::Vendor("lodestar".into())))]
#[case("GET", "/lighthouse/health", Some(Opened::Vendor("lighthouse".into())))]
#[case("POST", "/lighthouse/staking", Some(Opened::Vendor("lighthouse".into())))]
#[case("GET", "/caplin/x", Some(Opened::Vendor("caplin".into())))]
#[case("GET", "/eth/v3/debug/anything/new", Some(Opened::Debug))]
#[case("POST", "/eth/v1/debug/fork_choice", Some(Opened::Debug))]
#[case("GET", "/eth/v2/node/identity", Some(Opened::Debug))]
#[case("POST", "/eth/v1/node/peers", Some(Opened::Debug))]
#[case("GET", "/eth/v1/node/Peers", Some(Opened::Debug))]
#[case("GET", "/eth/v1/node/peers/16U/more", Some(Opened::Debug))]
#[case("DELETE", "/eth/v1/keystores", Some(Opened::Keymanager))]
#[case("GET", "/eth/v1/keystores", Some(Opened::Keymanager))]
#[case("POST", "/eth/v1/validator/0xab/feerecipient", Some(Opened::Keymanager))]
#[case("POST", "/eth/v2/validator/0xab/voluntary_exit", Some(Opened::Keymanager))]
#[case("GET", "/eth/v1/validator/duties/graffiti", Some(Opened::Keymanager))]
#[case("POST", "/eth/v1/beacon/pool/voluntary_exits", Some(Opened::Exits))]
#[case("POST", "/eth/v2/beacon/pool/voluntary_exits", Some(Opened::Exits))]
#[case("POST", "/eth/v1/beacon/pool/bls_to_execution_changes", Some(Opened::CredentialChanges))]
#[case("GET", "/eth/v1/../lighthouse", None)]
#[case("GET", "/eth/v1/beacon/%2e%2e/debug", None)]
#[case("GET", "/eth/v1/beacon%2f..%2fdebug", None)]
#[case("GET", "/eth/v1//debug", None)]
#[case("GET", "//eth/v1/debug/fork_choice", None)]
#[case("GET", "/eth/v1/beacon/genesis/", None)]
#[case("GET", "/eth/v1/beacon/...;/debug", None)]
#[case("GET", "/eth/v1/beacon/..;/debug/fork_choice", None)]
#[case("GET", "/ETH/v1/beacon/genesis", None)]
#[case("GET", "/eth/v1/BEACON/genesis", None)]
#[case("GET", "/eth/v1/DEBUG/fork_choice", None)]
#[case("GET", "/eth/v1/Lodestar/gc", None)]
#[case("GET", "/eth/V1/node/health", None)]
#[case("GET", "/eth/v/beacon/x", None)]
#[case("GET", "/eth/vx/beacon/x", None)]
#[case("GET", "/eth", None)]
#[case("GET", "/", None)]
#[case("GET", "", None)]
#[case("OPTIONS", "*", None)]
#[case("GET", "eth/v1/beacon/genesis", None)]
fn closed_paths_are_refused_and_opened_by_their_list_alone(
    #[case] name: &str,
    #[case] path: &'static str,
    #[case] opens: Option<Opened>,
) {
    let every = [
        Opened::Debug,
        Opened::Keymanager,
        Opened::Exits,
        Opened::CredentialChanges,
        Opened::Vendor("lodestar".into()),
        Opened::Vendor("lighthouse".into()),
        Opened::Vendor("caplin".into()),
        Opened::Vendor("eth".into()),
        Opened::Vendor("ETH".into()),
        Opened::Vendor(String::new()),
    ];
    let found = at(name, path);
    assert_eq!(found.row.strategy, Strategy::Deny, "{}", found.row.name);
    assert!(!found.is_open(&[]));
    for opened in every {
        assert_eq!(
            found.is_open(std::slice::from_ref(&opened)),
            opens.as_ref() == Some(&opened),
            "{opened:?} for {}",
            found.row.name
        );
    }
}

/// Ways to write a path that some server, proxy or client library might read as the original.
fn disguise(path: &str, trick: usize, at: usize, upper: bool) -> String {
    let bounds: Vec<usize> = path.match_indices('/').map(|(place, _)| place).collect();
    let slash = bounds[at % bounds.len()];
    let letters: Vec<usize> =
        path.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).map(|(place, _)| place).collect();
    let letter = letters[at % letters.len()];
    let insert = |place: usize, text: &str| format!("{}{text}{}", &path[..place], &path[place..]);
    let hex = |place: usize| {
        let code = path.as_bytes()[place];
        let code = if upper { format!("%{code:02X}") } else { format!("%{code:02x}") };
        format!("{}{code}{}", &path[..place], &path[place + 1..])
    };
    match trick {
        0 => insert(slash, "/"),
        1 => insert(slash, "/."),
        2 => insert(slash, "/eth/.."),
        3 => insert(slash, "/%2e%2e"),
        4 => insert(slash, ";a=b"),
        5 => hex(slash),
        6 => hex(letter),
        7 => format!("{path}/"),
        8 => format!("{path}/more"),
        9 => insert(letter, "%00"),
        10 => path.replacen("/v1/", "/v7/", 1),
        11 => path.to_ascii_uppercase(),
        12 => {
            let (head, tail) = path.split_at(letter);
            let mut tail = tail.to_owned();
            tail[..1].make_ascii_uppercase();
            format!("{head}{tail}")
        }
        13 => format!("/eth/v1/beacon/..{path}"),
        14 => format!("/eth/v1/beacon/%2e%2e/%2E%2e/..{path}"),
        15 => path.replace('/', "\\").replacen('\\', "/", 1),
        _ => format!("{path}?x=/eth/v1/beacon/genesis"),
    }
}

proptest! {
    #[test]
    fn what_is_closed_stays_closed_however_it_is_written(
        place in 0..MATCHED, trick in 0..17_usize, at in 0..64_usize, upper: bool
    ) {
        let closed: Vec<_> = table()[..MATCHED].iter().filter(|row| row.strategy == Strategy::Deny).collect();
        let entry = closed[place % closed.len()];
        let name = if entry.verb == Verb::Get { "GET" } else { "POST" };
        let target = disguise(&sample(entry.path), trick, at, upper);
        let found = find(&method(name), &target);
        prop_assert_eq!(found.row.strategy, Strategy::Deny, "{} became {}", target, found.row.name);
        prop_assert!(!found.is_open(&[Opened::Vendor("eth".into())]));
    }

    #[test]
    fn any_text_is_a_path_of_some_row(target in "(/|eth|v1|beacon|\\.\\.|%2f|\\?|=|é|\\PC){0,24}") {
        let found = find(&Method::GET, &target);
        let _ = (found.slot(), found.epoch(), found.vendor());
        if !target.starts_with('/') {
            prop_assert_eq!(found.row.strategy, Strategy::Deny);
        }
    }
}
