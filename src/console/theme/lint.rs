//! What is wrong with a theme: names that are none, colours that cannot be told from their background. Pure.

use super::file::{Background, merge};
use super::role::Role;
use super::{ThemeFile, Themes};
use crate::console::theme::colour::Rgb;

/// Least contrast of text that must be read (WCAG 2.1, 1.4.3, level AA).
const CONTRAST: f64 = 4.5;
/// Least contrast of lines and of what may be faint (WCAG 2.1, 1.4.11).
const FAINT: f64 = 3.0;

/// Every problem of a theme, one sentence each.
pub fn lint(name: &str, file: &ThemeFile, themes: &Themes) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |what: String| wrong.push(format!("theme {name}: {what}"));
    let line = match file.inherits.as_deref() {
        Some(parent) if parent == name => {
            say("it inherits itself".to_owned());
            None
        }
        Some(parent) if themes.file(parent).is_none() => {
            say(format!("it inherits {parent}, which does not exist"));
            None
        }
        Some(_) if themes.line(name).is_none() => {
            say("its ancestors are missing or go in a circle".to_owned());
            None
        }
        _ => themes.line(name),
    };
    let line = line.unwrap_or_else(|| vec![file]);
    names(file, &line, &mut say);
    contrasts(&line, &mut say);
    wrong
}

fn names(file: &ThemeFile, line: &[&ThemeFile], say: &mut impl FnMut(String)) {
    for (colour, paint) in &file.palette {
        if let Err(error) = paint.shade() {
            say(format!("colour {colour}: {error}"));
        }
    }
    for (role, look) in &file.roles {
        if !known(role) {
            let near = Role::ALL
                .iter()
                .map(|role| role.name())
                .min_by_key(|known| strsim::damerau_levenshtein(known, role))
                .unwrap_or_default();
            say(format!("there is no role {role}; did you mean {near}?"));
        }
        for colour in [&look.fg, &look.bg].into_iter().flatten() {
            let there = colour == "default" || line.iter().any(|file| file.palette.contains_key(colour));
            if !there {
                say(format!("role {role}: there is no colour {colour} in the palette"));
            }
        }
    }
}

/// A role, or what stands before the dot of one.
fn known(name: &str) -> bool {
    Role::ALL.iter().any(|role| {
        role.name() == name || role.name().split_once('.').is_some_and(|(before, _)| before == name)
    })
}

fn contrasts(line: &[&ThemeFile], say: &mut impl FnMut(String)) {
    let merged = merge(line);
    let nearest = |get: fn(&ThemeFile) -> Option<String>| line.iter().rev().find_map(|file| get(file));
    let dark = line.last().is_none_or(|file| file.background == Background::Dark);
    let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
    let own = if dark { black } else { white };
    let canvas = nearest(|file| file.canvas.clone()).and_then(|text| text.parse().ok()).unwrap_or(own);
    let least = line.iter().rev().find_map(|file| file.contrast).unwrap_or(CONTRAST);
    let plain = if dark { white } else { black };
    for role in Role::ALL {
        let Some(look) = merged.look(role) else { continue };
        // A role without a colour is drawn in the terminal's own, which is the user's business.
        if look.fg.is_none() && look.bg.is_none() {
            continue;
        }
        let rgb = |name: &Option<String>, own: Rgb| {
            name.as_deref().and_then(|name| merged.shade(name)).and_then(|shade| shade.rgb).unwrap_or(own)
        };
        let contrast = rgb(&look.fg, plain).contrast(rgb(&look.bg, canvas));
        let wanted = if role.faint() { FAINT.min(least) } else { least };
        if contrast < wanted {
            say(format!("role {}: contrast {contrast:.1}, {wanted:.1} is needed to be read", role.name()));
        }
    }
}
