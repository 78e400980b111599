//! Colours and how many there are: reduction from true colour to 256, 16 and none is done here, once, at load. Pure.

use std::str::FromStr;

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// None: bold, underline and reverse only.
    Mono,
    /// The 16 of every terminal, whose tint is the user's.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// 24 bits.
    True,
}

impl Depth {
    /// Every depth.
    pub const ALL: [Depth; 4] = [Depth::Mono, Depth::Ansi16, Depth::Ansi256, Depth::True];

    /// The depth by what is wanted (`auto`, `always`, `never`, or a depth by name) and the environment.
    pub fn decide(wanted: &str, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| env(name).unwrap_or_default();
        match wanted {
            "never" | "mono" => return Depth::Mono,
            "16" => return Depth::Ansi16,
            "256" => return Depth::Ansi256,
            "true" => return Depth::True,
            _ => {}
        }
        // https://no-color.org: any value but the empty one; a wish on the command line goes before it.
        if wanted != "always" && !var("NO_COLOR").is_empty() {
            return Depth::Mono;
        }
        let term = var("TERM");
        match (var("COLORTERM").as_str(), term.as_str()) {
            (_, "dumb") if wanted != "always" => Depth::Mono,
            (_, "" | "dumb") => Depth::Ansi16,
            ("truecolor" | "24bit", _) => Depth::True,
            (_, term) if term.contains("direct") => Depth::True,
            (_, term)
                if term.contains("256color") || term.contains("kitty") || term.contains("alacritty") =>
            {
                Depth::Ansi256
            }
            (_, term) if term.starts_with("vt") => Depth::Mono,
            _ => Depth::Ansi16,
        }
    }
}

/// The names of the 16, in their order, and how xterm shows them.
pub(super) const NAMES: [(&str, Rgb); 16] = [
    ("black", Rgb(0, 0, 0)),
    ("red", Rgb(205, 0, 0)),
    ("green", Rgb(0, 205, 0)),
    ("yellow", Rgb(205, 205, 0)),
    ("blue", Rgb(0, 0, 238)),
    ("magenta", Rgb(205, 0, 205)),
    ("cyan", Rgb(0, 205, 205)),
    ("white", Rgb(229, 229, 229)),
    ("bright-black", Rgb(127, 127, 127)),
    ("bright-red", Rgb(255, 0, 0)),
    ("bright-green", Rgb(0, 255, 0)),
    ("bright-yellow", Rgb(255, 255, 0)),
    ("bright-blue", Rgb(92, 92, 255)),
    ("bright-magenta", Rgb(255, 0, 255)),
    ("bright-cyan", Rgb(0, 255, 255)),
    ("bright-white", Rgb(255, 255, 255)),
];
/// The steps of xterm's cube of 6 x 6 x 6 colours.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// A colour of 24 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb(pub u8, pub u8, pub u8);

impl FromStr for Rgb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no colour: write `#rrggbb` or `default`");
        let hex = text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.is_ascii()).ok_or_else(wrong)?;
        let part = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).map_err(|_| wrong());
        Ok(Rgb(part(0)?, part(2)?, part(4)?))
    }
}

impl Rgb {
    fn distance(self, other: Rgb) -> u32 {
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        // Green counts most to the eye, blue least (Rec. 601 luma, roughly).
        3 * square(self.0, other.0) + 6 * square(self.1, other.1) + square(self.2, other.2)
    }

    /// The nearest of xterm's 256 above the first 16.
    pub(super) fn to_256(self) -> u8 {
        let near = |value: u8| {
            let steps = CUBE.iter().enumerate().map(|(place, step)| (step.abs_diff(value), place));
            steps.min().map_or(0, |(_, place)| place)
        };
        let (r, g, b) = (near(self.0), near(self.1), near(self.2));
        let cube = Rgb(CUBE[r], CUBE[g], CUBE[b]);
        let mean = (u32::from(self.0) + u32::from(self.1) + u32::from(self.2)) / 3;
        let step = ((mean.saturating_sub(3)) / 10).min(23) as u8;
        let level = 8 + 10 * step;
        if Rgb(level, level, level).distance(self) < cube.distance(self) {
            232 + step
        } else {
            (16 + 36 * r + 6 * g + b) as u8
        }
    }

    /// The nearest of the 16.
    pub(super) fn to_16(self) -> u8 {
        let nearest = NAMES.iter().enumerate().map(|(place, (_, rgb))| (rgb.distance(self), place)).min();
        nearest.map_or(7, |(_, place)| place as u8)
    }

    /// Contrast of two colours, 1 to 21 (WCAG 2.1, "contrast ratio").
    pub(super) fn contrast(self, other: Rgb) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }
}

/// A colour at every depth; none is the terminal's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shade {
    pub rgb: Option<Rgb>,
    pub ansi256: Option<u8>,
    pub ansi16: Option<u8>,
}

impl Shade {
    pub(super) fn at(self, depth: Depth) -> Color {
        let indexed = |number: Option<u8>| number.map_or(Color::Reset, Color::Indexed);
        match depth {
            Depth::Mono => Color::Reset,
            Depth::Ansi16 => indexed(self.ansi16),
            Depth::Ansi256 => indexed(self.ansi256),
            Depth::True => self.rgb.map_or(Color::Reset, |Rgb(r, g, b)| Color::Rgb(r, g, b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("auto", &[("TERM", "xterm-256color")], Depth::Ansi256)]
    #[case("auto", &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True)]
    #[case("auto", &[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Mono)]
    #[case("auto", &[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Ansi256)]
    #[case("always", &[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Ansi256)]
    #[case("never", &[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], Depth::Mono)]
    #[case("auto", &[("TERM", "dumb"), ("COLORTERM", "truecolor")], Depth::Mono)]
    #[case("auto", &[("TERM", "linux")], Depth::Ansi16)]
    #[case("auto", &[("TERM", "vt100")], Depth::Mono)]
    #[case("auto", &[], Depth::Ansi16)]
    #[case("256", &[("TERM", "dumb")], Depth::Ansi256)]
    fn depth_is_decided_by_wish_then_environment(
        #[case] wanted: &str,
        #[case] env: &[(&str, &str)],
        #[case] depth: Depth,
    ) {
        let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(Depth::decide(wanted, &get), depth);
    }

    #[test]
    fn colours_are_reduced_to_the_nearest() {
        let rgb = |text: &str| text.parse::<Rgb>().unwrap();
        assert_eq!((rgb("#ff0000").to_256(), rgb("#ff0000").to_16()), (196, 9));
        assert_eq!((rgb("#808080").to_256(), rgb("#808080").to_16()), (244, 8));
        assert_eq!(rgb("#ffffff").to_256(), 231);
        assert!(
            "#ff00".parse::<Rgb>().is_err()
                && "red".parse::<Rgb>().is_err()
                && "#éa000".parse::<Rgb>().is_err()
        );
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        assert!((Rgb(0x76, 0x76, 0x76).contrast(white) - 4.54).abs() < 0.01);
    }
}
