//! The panel Incidents: who is to blame, why, since when, what it costs, what was done, what to do; details with what speaks
//! for it. Pure.

use super::Panel;
use crate::console::incident::{held, since, state};
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{span, time_of_day, wrap};
use crate::console::theme::Role;
use crate::console::trouble::ack_words;
use crate::console::view::View;
use crate::model::{BeaconStatus, Culprit, Incident};

const COLUMNS: [Column; 11] = [
    Column::text("state", "STATE", 0, 11),
    Column::text("severity", "COSTS", 2, 8),
    Column::text("culprit", "CULPRIT", 0, 14).fill(),
    Column::text("cause", "CAUSE", 0, 18).fill(),
    Column::number("for", "FOR", 1, 7),
    Column::text("cost", "LOST", 2, 14).fill(),
    Column::text("done", "DONE", 3, 16).fill(),
    Column::number("sure", "SURE", 4, 5),
    Column::text("ack", "TAKEN BY", 4, 10),
    Column::number("quiet", "QUIET", 5, 7),
    Column::text("next", "NEXT", 5, 20).fill(),
];

/// The panel.
pub struct Incidents;

impl Panel for Incidents {
    fn id(&self) -> &'static str {
        "incidents"
    }

    fn title(&self) -> &'static str {
        "Incidents"
    }

    fn table(&self, view: &View<'_>) -> Table {
        Table {
            columns: &COLUMNS,
            rows: incidents(view).iter().map(|incident| row(view, incident)).collect(),
            empty: "no incident: nobody is to blame for anything",
        }
    }

    fn takes_notes(&self) -> bool {
        true
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        let incident = incidents(view).iter().find(|incident| incident.key() == id)?;
        Some(detail(view, incident, width))
    }
}

fn incidents<'a>(view: &View<'a>) -> &'a [Incident] {
    view.status.map_or(&[], |status| &status.incidents)
}

/// The worst incident that goes on and stands for this beacon, in full.
pub fn of_beacon(view: &View<'_>, beacon: &BeaconStatus, width: u16) -> Option<Vec<TextLine>> {
    let stands = |incident: &&Incident| incident.state.is_live() && incident.beacons.contains(&beacon.name);
    Some(detail(view, incidents(view).iter().find(stands)?, width))
}

fn row(view: &View<'_>, incident: &Incident) -> Row {
    let (words, role) = state(incident);
    let live = incident.state.is_live();
    let ms = held(incident, view.now);
    let ack = view.status.and_then(|status| status.ack(&incident.key()));
    let quiet = incident.silence.as_ref().map(|silence| silence.until.since(view.now));
    let cause =
        if quiet.is_some() { format!("silenced: {}", incident.cause) } else { incident.cause.clone() };
    let none = || Cell::text("-").role(Role::Dim);
    let cells = vec![
        Cell::text(words).role(role),
        Cell::text(incident.severity.word()).role(role),
        Cell::text(incident.who()).role(if live { Role::Strong } else { Role::Dim }),
        Cell::text(cause),
        Cell::number(span(ms), ms as f64),
        incident.cost.lost().map_or_else(none, |lost| Cell::text(lost).role(Role::Warn)),
        incident.done.first().map_or_else(none, |done| Cell::text(done.as_str())),
        Cell::number(format!("{:.0} %", incident.confidence * 100.0), incident.confidence),
        ack.map_or_else(none, |ack| Cell::text(ack.by.as_str())),
        quiet.map_or_else(none, |ms| Cell::number(span(ms), ms as f64).role(Role::Info)),
        Cell::text(incident.next.as_str()).role(if live { Role::Key } else { Role::Dim }),
    ];
    Row { id: incident.key(), fault: live, cells }
}

fn detail(view: &View<'_>, incident: &Incident, width: u16) -> Vec<TextLine> {
    let (words, role) = state(incident);
    let room = usize::from(width).saturating_sub(12).max(20);
    let mut lines = vec![
        labelled(
            "incident",
            vec![
                piece(role, format!("{words}, {}", incident.severity.word())),
                piece(Role::Dim, format!("  #{}", incident.id)),
            ],
        ),
        labelled("culprit", vec![piece(Role::Strong, incident.who())]),
    ];
    let mut told = |label: &str, role: Role, texts: &[String]| {
        for (place, part) in texts.iter().flat_map(|text| wrap(text, room)).enumerate() {
            lines.push(labelled(if place == 0 { label } else { "" }, vec![piece(role, part)]));
        }
    };
    told("why", Role::Text, &[format!("{}, {:.0} % sure", incident.cause, incident.confidence * 100.0)]);
    let began = time_of_day(incident.since.0);
    told(
        "since",
        Role::Text,
        &[format!("{}, from slot {} ({began} UTC)", since(incident, view.now), incident.slot)],
    );
    let lost = incident.cost.lost().unwrap_or_else(|| "nothing so far".to_owned());
    told("costs", Role::Text, &[format!("{lost}; about {} validators go by it", incident.cost.validators)]);
    told("done", Role::Text, &incident.done);
    if let Some(ack) = view.status.and_then(|status| status.ack(&incident.key())) {
        told("taken", Role::Info, &[ack_words(view, ack)]);
    }
    if let Some(silence) = &incident.silence {
        told("quiet", Role::Info, &[silence.words()]);
    }
    let (label, role) = if view.replay { ("advised", Role::Text) } else { ("now", Role::Key) };
    told(label, role, std::slice::from_ref(&incident.next));
    told("evidence", Role::Text, &incident.evidence);
    let like: Vec<String> = incident.ambiguous_with.iter().map(Culprit::to_string).collect();
    if !like.is_empty() {
        told("or", Role::Warn, &[format!("cannot be told apart from {}", like.join(", "))]);
    }
    told("ruled out", Role::Dim, &incident.ruled_out);
    told("symptoms", Role::Text, &incident.folded);
    let happened: Vec<String> = incident
        .timeline
        .iter()
        .map(|line| format!("{} slot {}: {}", time_of_day(line.at.0), line.slot, line.what))
        .collect();
    told("timeline", Role::Dim, &happened);
    lines
}
