//! Every route of an independent client and server of today's Beacon API (`@lodestar/api`), directly and through the
//! router: status, headers and bytes of each answer, and each request as it arrived at a beacon.
//!
//! Calls are made in JSON and SSZ, wherever the route knows them, in Electra, Fulu and Gloas. In what the router's answers
//! differ is meant, and listed in [`MEANT`]; nothing else may. Needs `tests/conformance/setup.sh` run once (node, npm,
//! 42 MB). The table is shown by
//!
//! ```text
//! tests/conformance/setup.sh && cargo nextest run --test conformance --no-capture
//! ```

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

#[path = "conformance/compare.rs"]
mod compare;
#[path = "conformance/counterpart.rs"]
mod counterpart;
#[path = "conformance/explained.rs"]
mod explained;
#[path = "handover/serve.rs"]
mod serve;
#[path = "door/stub.rs"]
mod stub;
#[path = "door/wire.rs"]
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use compare::{Arrived, Difference, JSON, Row, arrivals, by_call};
use counterpart::{Beacons, SLOT};
use explained::{QUARTERS, THIRDS, due, is_read};
use serde_json::Value;
use serve::Program;

/// Routes there are in the namespaces beacon, config, events, node and validator.
const ROUTES: usize = 82;

/// A difference that is meant.
struct Meant {
    /// The calls it is of: names, or what they begin with; none means all.
    calls: &'static [&'static str],
    /// What the calls' names end with.
    form: &'static str,
    /// Of what it may be.
    what: &'static [&'static str],
    /// What is found through the router.
    routed: &'static str,
    why: &'static str,
}

const fn meant(
    calls: &'static [&'static str],
    form: &'static str,
    what: &'static [&'static str],
    routed: &'static str,
    why: &'static str,
) -> Meant {
    Meant { calls, form, what, routed, why }
}

/// What the router answers itself, as it learned it from the beacons.
const LEARNED: &[&str] = &["getGenesis", "getDepositContract", "getForkSchedule", "getSpec"];
const CLOSED: &[&str] = &[
    "getNetworkIdentity",
    "getPeers",
    "getPeer",
    "submitPoolVoluntaryExit",
    "submitPoolBLSToExecutionChange",
];
const SELECTIONS: &[&str] = &["submitBeaconCommitteeSelections", "submitSyncCommitteeSelections"];
/// Of which the API knows JSON only, and the router reads the answers.
const READ: &[&str] = &[
    "getAttesterDuties",
    "getProposerDuties",
    "getProposerDutiesV2",
    "getSyncCommitteeDuties",
    "getPtcDuties",
    "getLiveness",
];
/// What a client that would rather have SSZ may get in JSON.
const IN_JSON: &[&str] = &[
    "getAttesterDuties",
    "getProposerDuties",
    "getProposerDutiesV2",
    "getSyncCommitteeDuties",
    "getPtcDuties",
    "getLiveness",
    "getBlockRoot",
];
/// What beacons need to be asked once only.
const ONCE: &[&str] = &[
    "produceAttestationData → ssz",
    "producePayloadAttestationData → ssz",
    "getBlockRoot",
    "getAttesterDuties",
    "getProposerDuties",
    "getProposerDutiesV2",
    "getSyncCommitteeDuties",
    "getPtcDuties",
];
const REFUSED: &[&str] =
    &["submitPoolAttestationsV2 refused in part", "submitPoolSyncCommitteeSignatures refused in part"];

/// Every difference that is meant.
const MEANT: &[Meant] = &[
    meant(
        &[],
        "",
        &["header x-beacondeck-beacon", "header x-beacondeck-attempts", "header x-beacondeck-shared"],
        "",
        "says who answered, after how many attempts, and whether it was fetched for this request",
    ),
    meant(
        &[],
        "",
        &["header connection", "header keep-alive", "arrived header connection"],
        "none",
        "is of one connection and does not cross the router (RFC 9110, 7.6.1)",
    ),
    meant(
        &[],
        "",
        &["arrived header accept-encoding"],
        "none",
        "what the router reads it asks for uncompressed",
    ),
    meant(LEARNED, "", &["arrived"], "never", "is the same of all beacons, and answered from memory"),
    meant(
        LEARNED,
        "",
        &["header content-type"],
        "application/json",
        "is kept in JSON, which is UTF-8 by itself",
    ),
    meant(LEARNED, "→ ssz", &["body"], JSON, "is kept in JSON; the API has no other form of it"),
    meant(
        &["getSyncingStatus", "getHealth", "getPeerCount", "getNodeVersion", "getNodeVersionV2"],
        "",
        &["arrived", "header content-type"],
        "",
        "is about the router, which is the client's beacon node",
    ),
    meant(
        &["getSyncingStatus"],
        "",
        &["body"],
        "{\"data\":{\"el_offline\":false,\"head_slot\":\"164\",\"is_optimistic\":false,\"is_syncing\":false,\"sync_distance\":\"1\"}}",
        "is of the agreed head, in an order of its own",
    ),
    meant(
        &["getPeerCount"],
        "",
        &["body", "value"],
        "",
        "is the most peers a healthy beacon has; others are nobody's",
    ),
    meant(
        &["getNodeVersion", "getNodeVersionV2"],
        "",
        &["body", "value"],
        "",
        "names the router: no client's name is in it that would trigger special ways",
    ),
    meant(CLOSED, "", &["arrived"], "never", "is closed unless `routing: open:` names it"),
    meant(CLOSED, "", &["status"], "403", "is closed unless `routing: open:` names it"),
    meant(
        CLOSED,
        "",
        &["body", "value"],
        "is closed at this router; list `",
        "the refusal says what would open it",
    ),
    meant(CLOSED, "", &["header content-type"], "application/json", "the refusal is the router's own"),
    meant(SELECTIONS, "", &["arrived"], "never", "is the business of distributed validator middleware"),
    meant(
        SELECTIONS,
        "",
        &["body", "value"],
        "selections are for distributed validator middleware; none is here",
        "the router says so in its own words",
    ),
    meant(SELECTIONS, "", &["header content-type"], "application/json", "the refusal is the router's own"),
    meant(READ, "", &["arrived header accept"], "application/json", "the router reads the answer"),
    meant(
        IN_JSON,
        "→ ssz",
        &["header content-type"],
        "application/json",
        "the API has no other form of it, or it was fetched in JSON for one who asked before",
    ),
    meant(IN_JSON, "→ ssz", &["body"], JSON, "the API has no other form of it, or it was fetched so before"),
    meant(
        &["getLiveness"],
        "",
        &["header content-type"],
        "application/json",
        "is the OR of all beacons' answers",
    ),
    meant(
        REFUSED,
        "",
        &["body", "value"],
        "some items failed at every beacon that was asked",
        "an item has failed only if it failed at every beacon: the list is the router's",
    ),
    meant(REFUSED, "", &["header content-type"], "application/json", "the list is the router's"),
    meant(
        ONCE,
        "",
        &["arrived"],
        "never",
        "is decided, or fetched, once for all who ask the same, in whichever form",
    ),
    meant(
        &["eventstream stream"],
        "",
        &["arrived"],
        "never",
        "the router has one stream of its own from each beacon",
    ),
    meant(
        &["eventstream stream"],
        "",
        &["header cache-control"],
        "no-cache",
        "what proxies must not do: as its own words",
    ),
    meant(
        &["eventstream stream"],
        "",
        &["header x-no-compression"],
        "none",
        "is a hint within Lodestar's own server",
    ),
];

impl Meant {
    fn is(&self, difference: &Difference) -> bool {
        let Difference { name, what, routed, .. } = difference;
        let begins = |call: &&str| {
            name.strip_prefix(*call).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        (self.calls.is_empty() || self.calls.iter().any(begins))
            && name.ends_with(self.form)
            && self.what.contains(&what.as_str())
            && routed.contains(self.routed)
    }
}

/// A fork, and what its router's fleet file says besides.
struct Case {
    fork: &'static str,
    routing: &'static str,
    /// Due points of the steps, of endpoints by name, in basis points of a slot.
    due: &'static [(&'static str, u64)],
}

const CASES: [Case; 3] = [
    Case { fork: "electra", routing: "", due: THIRDS },
    Case { fork: "fulu", routing: "routing: {open: [debug, exits, credential-changes]}\n", due: THIRDS },
    Case { fork: "gloas", routing: "", due: QUARTERS },
];

/// What was seen of a fork.
struct Seen {
    direct: Vec<Row>,
    differences: Vec<Difference>,
    explained: Vec<Value>,
    genesis_ms: u64,
}

async fn see(case: &Case) -> Seen {
    let beacons = Beacons::start(case.fork, 3).await;
    let mut program = Program::new();
    let [one, two] = [1, 2].map(|place| beacons.url(place));
    program.write(&format!(
        "fleet: conformance\nlisten: 127.0.0.1:{}\n{}beacons:\n  - {{name: one, url: \"{one}\"}}\n  - {{name: two, url: \"{two}\"}}\n",
        program.port, case.routing
    ));
    program.start().await;
    // Lodestar sends no head of a stream's answer before its first event: without, the router's streams are not open yet.
    beacons.tell(&[1, 2], "finalized_checkpoint", SLOT - 1 - 32).await;
    let direct = beacons.calls(&beacons.url(0), &[0]).await;
    let sent = by_call(beacons.arrived().await);
    let routed = beacons.calls(&format!("http://{}", program.door()), &[1, 2]).await;
    let arrived = by_call(beacons.arrived().await);
    assert_eq!(
        beacons.slot(),
        SLOT,
        "{}: the calls took longer than a slot; the machine is too busy",
        case.fork
    );
    let differences = differences(&direct, &routed, &sent, &arrived);
    let explained = program.explain().await;
    assert_eq!(program.terminate().await, Some(0));
    let genesis_ms = beacons.genesis_ms;
    beacons.stop().await;
    Seen { direct, differences, explained, genesis_ms }
}

fn differences(
    direct: &[Row],
    routed: &[Row],
    sent: &BTreeMap<String, Vec<Arrived>>,
    arrived: &BTreeMap<String, Vec<Arrived>>,
) -> Vec<Difference> {
    let names = |rows: &[Row]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(direct), names(routed), "the same calls");
    let rows_in_json = |name: &str| {
        let name = name.replace("→ ssz", "→ json");
        direct.iter().find(|row| row.name == name)
    };
    let mut all = Vec::new();
    for (direct, routed) in direct.iter().zip(routed) {
        let json = rows_in_json(&direct.name);
        all.extend(direct.against(routed, json));
        // Events are of the stream's one request.
        if direct.status.is_some() {
            let sent = &sent[&direct.name];
            assert_eq!(sent.len(), 1, "{}", direct.name);
            all.extend(arrivals(
                &direct.name,
                &sent[0],
                arrived.get(&direct.name).map_or(&[], Vec::as_slice),
            ));
        }
    }
    all
}

/// One line a route: its calls, their statuses, and which of [`MEANT`] is seen in them.
fn table(fork: &str, seen: &Seen) -> String {
    let mut text = String::new();
    let mut routes: Vec<&str> = seen.direct.iter().map(|row| row.route.as_str()).collect();
    routes.dedup();
    let mut told = BTreeSet::new();
    for route in routes.into_iter().filter(|route| told.insert(*route)) {
        let rows: Vec<&Row> = seen.direct.iter().filter(|row| row.route == route).collect();
        let statuses: BTreeSet<u16> = rows.iter().filter_map(|row| row.status).collect();
        let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
        let of_route = |difference: &&Difference| rows.iter().any(|row| row.name == difference.name);
        let numbers: BTreeSet<usize> = seen
            .differences
            .iter()
            .filter(of_route)
            .filter_map(|difference| MEANT.iter().position(|meant| meant.is(difference)))
            // What is so of all calls is said once.
            .filter(|place| !MEANT[*place].calls.is_empty())
            .collect();
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let same = if numbers.is_empty() { "same".to_owned() } else { numbers.join(" ") };
        writeln!(text, "{fork:8} {route:36} {:3} calls  {:12} {same}", rows.len(), statuses.join(" "))
            .unwrap();
    }
    text
}

fn show(text: &str) {
    #[allow(clippy::print_stdout, reason = "the table is what the test is read for")]
    let show = |text: &str| println!("{text}");
    show(text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_the_same_through_the_router_but_for_what_is_meant() {
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in &CASES {
        let seen = see(case).await;
        show(&table(case.fork, &seen));
        let routes: BTreeSet<&str> = seen.direct.iter().map(|row| row.route.as_str()).collect();
        // The client fails if it leaves one out that the fork has.
        assert!(case.fork != "gloas" || routes.len() == ROUTES, "{} routes", routes.len());
        for difference in &seen.differences {
            match MEANT.iter().position(|meant| meant.is(difference)) {
                Some(place) => drop(used.insert(place)),
                None => wrong.push(format!("{}: {difference}", case.fork)),
            }
        }
        for (endpoint, share) in case.due {
            let of = |request: &&Value| request["endpoint"] == *endpoint && request["slot"] == SLOT;
            let request = seen.explained.iter().find(of).unwrap();
            assert_eq!(due(request, seen.genesis_ms), *share, "{}: {endpoint}", case.fork);
        }
        let unread = seen.explained.iter().filter(|request| !is_read(request));
        wrong.extend(unread.map(|request| format!("{}: not read: {request}", case.fork)));
    }
    for (place, Meant { why, .. }) in MEANT.iter().enumerate() {
        show(&format!("{place:3}  {why}"));
        assert!(used.contains(&place) || !wrong.is_empty(), "{place}: {why}: nothing differs so any more");
    }
    assert!(wrong.is_empty(), "{} differences that are not meant:\n{}", wrong.len(), wrong.join("\n"));
}
