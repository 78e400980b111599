//! The panel Latency: when each beacon's answers were there, step by step, against the due point. Pure.

use std::collections::BTreeMap;

use super::spark::{spark, spread};
use super::{Panel, cells};
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{latency, share};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::{SPREAD, Step, StepAnswers};

const COLUMNS: [Column; 7] = [
    Column::text("step", "STEP", 0, 10),
    Column::text("beacon", "BEACON", 0, 10).fill(),
    Column::text("spread", "WITHIN THE SLOT, | IS DUE", 1, SPREAD as u16 + 1),
    Column::number("p99", "P99", 1, 7),
    Column::number("late", "LATE", 1, 9),
    Column::number("p50", "P50", 2, 7),
    Column::number("answers", "ANSWERS", 3, 7),
];
/// Slots of a sparkline.
const SLOTS: usize = 48;

/// The panel.
pub struct Latency;

impl Panel for Latency {
    fn id(&self) -> &'static str {
        "latency"
    }

    fn title(&self) -> &'static str {
        "Latency"
    }

    fn above(&self, view: &View<'_>, _width: u16) -> Vec<TextLine> {
        if view.low {
            return Vec::new();
        }
        let mut by_step: BTreeMap<u8, (Step, Vec<f32>)> = BTreeMap::new();
        let mut last_slot = None;
        for status in view.history.until(view.now).filter(|status| status.slot.is_some()) {
            let again = last_slot == status.slot;
            last_slot = status.slot;
            for (step, p99) in slowest(&status.traffic.steps) {
                let (_, slots) = by_step.entry(step as u8).or_insert_with(|| (step, Vec::new()));
                match slots.last_mut() {
                    Some(last) if again => *last = p99,
                    _ => slots.push(p99),
                }
            }
        }
        by_step
            .into_values()
            .map(|(step, slots)| {
                let recent = &slots[slots.len().saturating_sub(SLOTS)..];
                let now = recent.last().copied().unwrap_or(0.0);
                labelled(
                    cells::step_words(step),
                    vec![
                        piece(Role::Chart1, spark(recent)),
                        piece(Role::Text, format!(" p99 {} now", latency((now * 1_000.0) as u32))),
                        piece(Role::Dim, format!(", over {} slots", recent.len())),
                    ],
                )
            })
            .collect()
    }

    fn table(&self, view: &View<'_>) -> Table {
        let steps = view.status.map_or(&[][..], |status| &status.traffic.steps);
        Table {
            columns: &COLUMNS,
            rows: steps.iter().map(|answers| row(view, answers)).collect(),
            empty: if view.replay {
                "a recording holds no spread of answer times; those of probes are in 2 beacons"
            } else {
                "no duties were served lately"
            },
        }
    }
}

/// The slowest p99 of each step.
fn slowest(steps: &[StepAnswers]) -> Vec<(Step, f32)> {
    let mut found: Vec<(Step, f32)> = Vec::new();
    for answers in steps {
        match found.iter_mut().find(|(step, _)| *step == answers.step) {
            Some((_, p99)) => *p99 = p99.max(answers.p99_ms),
            None => found.push((answers.step, answers.p99_ms)),
        }
    }
    found
}

fn row(view: &View<'_>, answers: &StepAnswers) -> Row {
    let fresh = view.fresh();
    let timing = view.status.and_then(|status| status.traffic.timing.as_ref());
    let due = timing.and_then(|timing| timing.due_of(answers.step)).unwrap_or(0);
    let slot_ms = timing.map_or(0, |timing| timing.slot_ms);
    let chart = if view.low { String::new() } else { spread(&answers.spread, due, slot_ms) };
    let late = answers.late as f32 / answers.answers.max(1) as f32;
    // Later than a twelfth of a slot after it was due: other validators have voted without it.
    let slow = slot_ms > 0 && f64::from(answers.p99_ms) > slot_ms as f64 / 12.0;
    let cells = vec![
        Cell::text(cells::step_words(answers.step)),
        Cell::text(answers.beacon.as_str()),
        Cell::text(chart).role(Role::Chart1),
        cells::ms(answers.p99_ms).role(if slow { Role::Warn } else { Role::Text }),
        Cell::number(share(late), f64::from(late) * 100.0),
        cells::ms(answers.p50_ms),
        Cell::number(answers.answers.to_string(), f64::from(answers.answers)),
    ];
    let aged = |(place, cell): (usize, Cell)| {
        if place < 3 {
            cell
        } else {
            Cell { text: fresh.text(cell.text), role: fresh.role(cell.role), ..cell }
        }
    };
    Row {
        id: format!("{} {}", cells::step_words(answers.step), answers.beacon),
        fault: slow,
        cells: cells.into_iter().enumerate().map(aged).collect(),
    }
}
