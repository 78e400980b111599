//! The panel Traffic: clients and kinds of request, how fast they are answered, and by whom. Pure.

use super::{Panel, cells};
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{rate, share};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::Flow;

const COLUMNS: [Column; 10] = [
    Column::text("client", "CLIENT", 0, 10).fill(),
    Column::text("kind", "KIND", 0, 17),
    Column::number("rate", "REQ/S", 1, 6),
    Column::number("p99", "P99", 1, 7),
    Column::number("budget", "OF BUDGET", 1, 9),
    Column::number("err", "ERR/S", 1, 5),
    Column::number("p50", "P50", 3, 7),
    Column::number("hedged", "HEDGED/S", 4, 8),
    Column::number("retried", "RETRIED/S", 4, 9),
    Column::text("by", "SERVED BY", 2, 18).fill(),
];
/// More than this share of its budget and an answer is near to being late.
const NEAR: f32 = 0.5;

/// The panel.
pub struct Traffic;

impl Panel for Traffic {
    fn id(&self) -> &'static str {
        "traffic"
    }

    fn title(&self) -> &'static str {
        "Traffic"
    }

    fn above(&self, view: &View<'_>, _width: u16) -> Vec<TextLine> {
        let Some(status) = view.status else { return Vec::new() };
        if view.replay {
            let words = "who answered clients within 32 slots; beacons' rates are in 2 beacons";
            return vec![labelled("recorded", vec![piece(Role::Text, words)])];
        }
        let sum = |of: fn(&Flow) -> f32| status.traffic.flows.iter().map(of).sum::<f32>();
        let failed = sum(|flow| flow.failed_per_s);
        let fresh = view.fresh();
        let role = if failed > 0.0 { Role::Crit } else { Role::Text };
        vec![labelled(
            "requests",
            vec![
                piece(fresh.role(Role::Strong), format!("{}/s", rate(sum(|flow| flow.per_s)))),
                piece(fresh.role(role), format!(", {}/s fail", rate(failed))),
                piece(
                    fresh.role(Role::Text),
                    format!(
                        ", {}/s hedged, {}/s retried elsewhere",
                        rate(sum(|flow| flow.hedged_per_s)),
                        rate(sum(|flow| flow.retried_per_s))
                    ),
                ),
            ],
        )]
    }

    fn table(&self, view: &View<'_>) -> Table {
        let flows = view.status.map_or(&[][..], |status| &status.traffic.flows);
        Table {
            columns: &COLUMNS,
            rows: flows.iter().map(|flow| row(view, flow)).collect(),
            empty: if view.replay {
                "no request of a validator client is in the recording yet"
            } else {
                "no requests lately: are the validator clients pointed at the router?"
            },
        }
    }

    fn detail(&self, view: &View<'_>, id: &str, _width: u16) -> Option<Vec<TextLine>> {
        let flow = view.status?.traffic.flows.iter().find(|flow| id_of(flow) == id)?;
        let mut lines = vec![
            labelled("client", vec![piece(Role::Strong, flow.client.clone())]),
            labelled("kind", vec![piece(Role::Text, cells::kind_words(flow.needs, flow.step))]),
        ];
        let measured = [
            labelled(
                "rate",
                vec![piece(
                    Role::Text,
                    format!("{}/s, {}/s fail", rate(flow.per_s), rate(flow.failed_per_s)),
                )],
            ),
            labelled(
                "answers",
                vec![piece(
                    Role::Text,
                    format!(
                        "median {}, 99 in 100 within {}; given up after {} ms",
                        cells::ms(flow.p50_ms).text,
                        cells::ms(flow.p99_ms).text,
                        flow.budget_ms
                    ),
                )],
            ),
        ];
        lines.extend(measured.into_iter().filter(|_| !view.replay));
        lines.push(Vec::new());
        let width = flow.served.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or(0);
        lines.extend(flow.served.iter().map(|(name, part)| {
            let bar = "█".repeat((part * 40.0).round() as usize);
            let name = format!("{name:<width$} {:>5} ", share(*part));
            labelled("served by", vec![piece(Role::Text, name), piece(Role::Chart1, bar)])
        }));
        Some(lines)
    }
}

fn id_of(flow: &Flow) -> String {
    format!("{} {}", flow.client, cells::kind_words(flow.needs, flow.step))
}

fn row(view: &View<'_>, flow: &Flow) -> Row {
    let fresh = view.fresh();
    let of_budget = if flow.budget_ms == 0 { 0.0 } else { flow.p99_ms / flow.budget_ms as f32 };
    let near = of_budget > NEAR;
    let by: Vec<String> =
        flow.served.iter().take(4).map(|(name, part)| format!("{name} {}", share(*part))).collect();
    let cells = vec![
        Cell::text(flow.client.clone()),
        Cell::text(cells::kind_words(flow.needs, flow.step)),
        cells::rate_cell(flow.per_s, false),
        cells::ms(flow.p99_ms),
        Cell::number(share(of_budget), f64::from(of_budget) * 100.0).role(if near {
            Role::Warn
        } else {
            Role::Text
        }),
        cells::rate_cell(flow.failed_per_s, true),
        cells::ms(flow.p50_ms),
        cells::rate_cell(flow.hedged_per_s, false),
        cells::rate_cell(flow.retried_per_s, false),
        Cell::text(by.join(", ")).role(Role::Dim),
    ];
    let last = COLUMNS.len() - 1;
    let aged = |(place, cell): (usize, Cell)| {
        if place < 2 {
            cell
        } else if view.replay && place < last {
            Cell::text("-").role(Role::Dim)
        } else {
            Cell { text: fresh.text(cell.text), role: fresh.role(cell.role), ..cell }
        }
    };
    Row {
        id: id_of(flow),
        fault: near || flow.failed_per_s > 0.0,
        cells: cells.into_iter().enumerate().map(aged).collect(),
    }
}
