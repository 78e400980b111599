//! The panel Beacons: every beacon, its state and what it carries. Pure.

use super::{Panel, cells, detail};
use crate::console::course;
use crate::console::piece::TextLine;
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{latency, share, span};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::capacity;
use crate::model::{BeaconStatus, Lifecycle, Load};

/// The columns; what there is no room for goes from the right of this order of importance.
pub const COLUMNS: [Column; 14] = [
    Column::text("name", "BEACON", 0, 10).fill(),
    Column::text("state", "STATE", 0, 15).fill(),
    Column::number("for", "FOR", 1, 7),
    Column::number("lag", "LAG", 1, 3),
    Column::number("p99", "P99", 1, 7),
    Column::number("rate", "REQ/S", 2, 5),
    Column::number("err", "ERR/S", 2, 5),
    Column::number("busy", "BUSY", 2, 4),
    Column::number("p50", "P50", 3, 7),
    Column::number("share", "SHARE", 4, 5),
    Column::number("head", "HEAD", 5, 9),
    Column::number("peers", "PEERS", 5, 5),
    Column::text("client", "CLIENT", 6, 20),
    Column::text("el", "EXECUTION", 7, 16),
];

/// The panel.
pub struct Beacons;

impl Panel for Beacons {
    fn id(&self) -> &'static str {
        "beacons"
    }

    fn title(&self) -> &'static str {
        "Beacons"
    }

    fn table(&self, view: &View<'_>) -> Table {
        Table {
            columns: &COLUMNS,
            rows: rows(view),
            empty: "no beacons: the fleet file names none, or nothing was told yet",
        }
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        detail::beacon(view, id, width)
    }

    fn of_beacons(&self) -> bool {
        true
    }
}

/// A row a beacon, in the order of the fleet file.
pub fn rows(view: &View<'_>) -> Vec<Row> {
    let Some(status) = view.status else { return Vec::new() };
    let total: f32 = status.traffic.loads.iter().map(|load| load.per_s).sum();
    status.beacons.iter().map(|beacon| row(view, beacon, total)).collect()
}

fn row(view: &View<'_>, beacon: &BeaconStatus, total: f32) -> Row {
    let fresh = view.fresh_of(beacon);
    let snapshot = view.fresh();
    let load =
        view.status.and_then(|status| status.traffic.loads.iter().find(|load| load.beacon == beacon.name));
    let load = load.cloned().unwrap_or_else(|| Load::none(beacon.name.clone()));
    let course = course::at(view, beacon).and_then(course::cell);
    let (state, state_role) = course.unwrap_or_else(|| cells::state(beacon, fresh));
    // What a beacon told grows old with it; what the router counted is as old as the snapshot.
    let told = |cell: Cell| Cell { text: fresh.text(cell.text), role: fresh.role(cell.role), ..cell };
    let counted =
        |cell: Cell| Cell { text: snapshot.text(cell.text), role: snapshot.role(cell.role), ..cell };
    let held = view.now.since(beacon.since).max(0);
    let part = if total > 0.0 { load.per_s / total } else { 0.0 };
    // A recording tells how far behind a head is, and not which.
    let lag = (beacon.head.is_some() || view.replay && beacon.observed.is_some()).then_some(beacon.lag);
    let lag_role = if beacon.lag > 0 { Role::Warn } else { Role::Text };
    let number = |number: Option<u64>| {
        number.map_or_else(|| Cell::text("-").role(Role::Dim), |n| Cell::number(n.to_string(), n as f64))
    };
    let us = |us: Option<u32>| {
        us.map_or_else(
            || Cell::text("-").role(Role::Dim),
            |us| Cell::number(latency(us), f64::from(us) / 1e3),
        )
    };
    Row {
        id: beacon.name.to_string(),
        fault: beacon.lifecycle != Lifecycle::Active || !beacon.healthy || beacon.lag > 0,
        cells: vec![
            Cell::text(beacon.name.as_str()),
            Cell::text(state).role(state_role),
            counted(Cell::number(span(held), held as f64).role(Role::Dim)),
            told(number(lag).role(lag_role)),
            counted(us(beacon.p99_us)),
            counted(cells::rate_cell(load.per_s, false)),
            counted(cells::rate_cell(load.failed_per_s, true)),
            counted(number((!view.replay).then_some(u64::from(beacon.in_flight)))),
            counted(us(beacon.p50_us)),
            counted(Cell::number(share(part), f64::from(part) * 100.0)),
            told(number(beacon.head.map(|head| head.slot.0))),
            told(number(beacon.peers.map(u64::from))),
            Cell::text(beacon.version.as_deref().map_or("-", client)).role(Role::Dim),
            Cell::text(beacon.execution.as_deref().unwrap_or("-")).role(Role::Dim),
        ],
    }
}

/// Client and version without commit and platform: `Lighthouse/v8.0.1`.
fn client(version: &str) -> &str {
    let end = version
        .match_indices(['-', '/', ' ', '+'])
        .map(|(at, _)| at)
        .find(|at| version[..*at].contains('/') && version[..*at].chars().any(|c| c.is_ascii_digit()));
    &version[..end.unwrap_or(version.len())]
}

/// How badly a beacon needs a look, most first: what the overview sorts by.
pub fn badness(beacon: &BeaconStatus) -> u8 {
    match (beacon.lifecycle, beacon.healthy) {
        (Lifecycle::Active, false) => 0,
        (Lifecycle::Draining(_), _) => 1,
        (Lifecycle::Drained, _) => 2,
        (Lifecycle::Active, true) if beacon.lag > 0 || !beacon.reasons.is_empty() => 3,
        (Lifecycle::Active, true) if capacity::carries(beacon) => 4,
        (Lifecycle::Active, true) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_cut_to_client_and_number() {
        assert_eq!(client("Lighthouse/v8.0.1-ced49dd/x86_64-linux"), "Lighthouse/v8.0.1");
        assert_eq!(client("teku/v25.11.0/linux-x86_64"), "teku/v25.11.0");
        assert_eq!(client("Grandine"), "Grandine");
    }
}
