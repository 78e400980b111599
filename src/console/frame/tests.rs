//! Pictures at all sizes.

use std::fmt::Write as _;

use super::*;
use crate::console::panels::PANELS;
use crate::console::scenes;

fn text(buffer: &Buffer) -> String {
    crate::console::picture::text(buffer)
}

#[test]
fn every_panel_is_drawn_at_every_size() {
    for (name, mut state) in scenes::all() {
        for panel in 0..PANELS.len() {
            state.panel = panel;
            let sizes =
                (1..=200_u16).step_by(7).flat_map(|width| (1..=60_u16).step_by(4).map(move |h| (width, h)));
            for (width, height) in sizes.chain([(39, 9), (40, 10), (41, 11), (80, 24)]) {
                let buffer = picture(&state, width, height);
                assert_eq!(buffer.area, Rect::new(0, 0, width, height), "{name}");
            }
        }
    }
}

#[test]
fn a_terminal_too_small_says_so() {
    let (_, state) = scenes::all().remove(0);
    assert_eq!(text(&picture(&state, 60, 9)).trim(), "terminal too small: 60x9, 40x10 is needed");
}

#[test]
fn ascii_is_ascii() {
    for (name, mut state) in scenes::all() {
        state.options.ascii = true;
        for panel in 0..PANELS.len() {
            state.panel = panel;
            let drawn = text(&picture(&state, 200, 50));
            let foreign: Vec<&str> =
                drawn.lines().filter(|line| line.contains('?') && line.contains("?? ")).collect();
            assert!(drawn.is_ascii(), "{name}");
            assert!(foreign.is_empty(), "a letter without a stand-in: {foreign:?}");
        }
    }
}

#[test]
fn the_worst_is_told_within_the_first_lines_of_the_smallest_screen() {
    let (_, state) = scenes::all().into_iter().find(|(name, _)| *name == "hung").unwrap();
    let drawn = text(&picture(&state, 80, 24));
    let top: Vec<&str> = drawn.lines().take(8).collect();
    let top = top.join("\n");
    for part in [
        "2/4 up",
        "beacon-2 hung",
        "since 22:11:",
        "costs",
        "0.4 of 41 requests/s fail",
        "done",
        "now",
        "d: drain it",
    ] {
        assert!(top.contains(part), "{part}\n{drawn}");
    }
    assert!(drawn.lines().last().unwrap().contains("d drain/resume"), "{drawn}");
}

/// Where which style begins and ends, a line a run: `row:from-to colours letters`.
fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut from = 0;
        let look = |x: u16| {
            let cell = &buffer[(x, y)];
            (cell.fg, cell.bg, cell.modifier)
        };
        for x in 1..=buffer.area.width {
            if x < buffer.area.width && look(x) == look(from) {
                continue;
            }
            let (fg, bg, letters) = look(from);
            if look(from) != look(0) || from > 0 {
                writeln!(out, "{y}:{from}-{} {fg:?} {bg:?} {letters:?}", x - 1).unwrap();
            }
            from = x.min(buffer.area.width - 1);
        }
    }
    out
}

#[test]
fn pictures_are_as_they_were_meant() {
    for (name, mut state) in scenes::all() {
        for (width, height) in [(80, 24), (120, 36), (200, 50)] {
            state.size = (width, height);
            let mut all = String::new();
            for (place, panel) in PANELS.iter().enumerate() {
                state.panel = place;
                let drawn = picture(&state, width, height);
                write!(all, "--- {}\n{}", panel.title(), text(&drawn)).unwrap();
                if width == 80 && place == 0 {
                    write!(all, "--- styles\n{}", styles(&drawn)).unwrap();
                }
            }
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), all);
        }
    }
}

#[test]
fn boxes_and_lines_are_as_they_were_meant() {
    let scene = |name: &str| scenes::all().into_iter().find(|(of, _)| *of == name).unwrap().1;
    let hung = scene("hung");
    for (name, keys) in [
        ("restart", "2 j j R"),
        ("details", "2 j enter"),
        ("request", "5 enter"),
        ("drain", "d"),
        ("drain_two_of_two", "2 space j space d"),
        ("filter", "2 / l a g > x"),
        ("command", ": d r"),
        ("message", "3 d"),
    ] {
        let mut state = hung.clone();
        scenes::press(&mut state, keys);
        insta::assert_snapshot!(name, text(&picture(&state, 80, 24)));
    }
    for (name, of, keys) in [
        ("replay_help", "replay", "? G"),
        ("replay_incident", "replay", "3 enter"),
        ("replay_frozen", "replay", "<"),
        ("course_runs", "restarting", "2 j enter"),
        ("course_abort", "restarting", "2 X"),
        ("course_failed", "failed", "2 j enter"),
        ("incident_of_a_row", "incident", "1 enter"),
        ("silence", "incident", "3 A"),
        ("silenced_incident", "incident", "3 j enter"),
        ("silenced_beacon", "incident", "2 j j enter"),
    ] {
        let mut state = scene(of);
        scenes::press(&mut state, keys);
        insta::assert_snapshot!(name, text(&picture(&state, 80, 24)));
    }
}

#[test]
fn what_is_hit_is_what_is_drawn_there() {
    for (name, mut state) in scenes::all() {
        for (panel, (width, height)) in
            (0..PANELS.len()).flat_map(|panel| [(40, 10), (80, 24), (200, 50)].map(|size| (panel, size)))
        {
            (state.panel, state.size) = (panel, (width, height));
            let table = PANELS[panel].table(&state.view());
            state.tables[panel].settle(&table);
            let drawn = text(&picture(&state, width, height));
            let mut rows = 0;
            for (y, line) in drawn.lines().enumerate().skip(usize::from(HEAD)) {
                let Some(Hit::Row(id)) = hit(&state, (5, y as u16)) else { continue };
                let row = table.rows.iter().find(|row| row.id == id).unwrap();
                let kept = table.columns.iter().position(|column| column.priority == 0).unwrap();
                let begins: String = row.cells[kept].text.trim().chars().take(4).collect();
                assert!(line.contains(&begins), "{name} {panel} {width}x{height}: {begins} in {line}");
                rows += 1;
            }
            assert!(rows > 0 || table.rows.is_empty(), "{name} {panel} {width}x{height}: {drawn}");
            for (place, tab) in PANELS.iter().enumerate() {
                let Some(at) = drawn.lines().nth(2).unwrap().find(tab.title()) else { continue };
                assert_eq!(hit(&state, (at as u16, 2)), Some(Hit::Tab(place)), "{name} {}", tab.id());
            }
        }
    }
}
