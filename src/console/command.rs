//! The command line: what can be said, how it is read, and what completes it. Pure.
//!
//! To add a command: a row in [`COMMANDS`], a variant of [`Command`], and what it does in `update`.

use crate::model::{Intent, RemedyVerb, Slot, read_seconds};

use super::panels::{PANELS, place_of};

/// A command as help shows it.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it does.
    pub does: &'static str,
}

const fn about(name: &'static str, usage: &'static str, does: &'static str) -> About {
    About { name, usage, does }
}

/// Every command besides the panels' names.
pub const COMMANDS: [About; 20] = [
    about("drain", ":drain NAME…", "give beacons no new work (asks)"),
    about("resume", ":resume NAME…", "give drained beacons work again (asks)"),
    about("restart", ":restart NAME", "drain a beacon, restart it, resume it when it is fit (asks)"),
    about("upgrade", ":upgrade NAME", "drain a beacon, upgrade it, resume it when it is fit (asks)"),
    about("ack", ":ack KEY", "acknowledge what is wrong, tab shows the keys; :ack KEY -- WHY"),
    about("silence", ":silence KEY 1h WHY", "tell nobody of an incident, or of a culprit, for so long"),
    about("unsilence", ":unsilence KEY", "end a silence before its time"),
    about("abort", ":abort NAME", "end the restart or upgrade that runs (asks)"),
    about("fix", ":fix CHECK", "write a host's remedy, as w in Hosts does (asks)"),
    about("keep", ":keep CHECK", "keep a remedy that is taken back by itself otherwise"),
    about("revert", ":revert CHECK", "take back a remedy that was written (asks)"),
    about("hand-over", ":hand-over", "serve hands over to the program as it is on disk now"),
    about("goto", ":goto slot N", "requests of a slot, and the picture as it was"),
    about("speed", ":speed N", "in a replay: so many seconds of the recording in one"),
    about("handoff", ":handoff", "copy a summary in Markdown for whoever comes next"),
    about("theme", ":theme NAME", "another theme, at once"),
    about("set", ":set bw low|auto|high", "how much may be drawn; also :set bell on|off, :set mouse on|off"),
    about("now", ":now", "back to what is now"),
    about("help", ":help", "keys and commands"),
    about("q", ":q", "leave"),
];

/// A command, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take note of what has this key, and why.
    Ack(String, Option<String>),
    /// Tell nobody of what has this key for so many seconds, and why.
    Silence(String, u64, Option<String>),
    /// End the silence of this key.
    Unsilence(String),
    /// An order for these.
    Order(Intent, Vec<String>),
    /// What is to be done with the remedy of this check.
    Remedy(RemedyVerb, String),
    /// The next serve.
    HandOver,
    /// A panel, with a filter.
    Panel(usize, Option<String>),
    /// A slot.
    Slot(Slot),
    /// How fast a recording plays.
    Speed(u32),
    /// The summary.
    Handoff,
    /// A theme.
    Theme(String),
    /// How much may be drawn.
    Bandwidth(Bandwidth),
    /// Whether it rings.
    Bell(bool),
    /// Whether the mouse is taken: clicks and the wheel; off, it selects text as ever.
    Mouse(bool),
    /// Back to now.
    Now,
    /// Leave.
    Quit,
}

/// How much may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bandwidth {
    /// As the line bears.
    #[default]
    Auto,
    /// One picture a second, no charts, 16 colours.
    Low,
    /// Everything.
    High,
}

/// What may complete a command.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// Beacons.
    pub beacons: &'a [String],
    /// Keys of what is wrong.
    pub pages: &'a [String],
    /// Keys of what can be silenced.
    pub silenceable: &'a [String],
    /// Keys of what is.
    pub silenced: &'a [String],
    /// Checks that found something, or whose remedy was written.
    pub checks: &'a [String],
    /// Themes.
    pub themes: &'a [String],
}

/// Reads a command.
///
/// # Errors
/// One sentence: what is wrong and what would do.
pub fn read(text: &str) -> Result<Option<Command>, String> {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else { return Ok(None) };
    let rest: Vec<&str> = words.collect();
    let names = || -> Result<Vec<String>, String> {
        if rest.is_empty() {
            return Err(format!(":{first} needs the name of a beacon"));
        }
        Ok(rest.iter().map(|name| (*name).to_owned()).collect())
    };
    let command = match (first, rest.as_slice()) {
        ("drain", _) => Command::Order(Intent::Drain, names()?),
        ("resume", _) => Command::Order(Intent::Resume, names()?),
        ("restart", _) => Command::Order(Intent::Restart, names()?),
        ("upgrade", _) => Command::Order(Intent::Upgrade, names()?),
        ("abort", _) => Command::Order(Intent::Abort, names()?),
        ("ack", words) => ack(words)?,
        ("silence", words) => silence(words)?,
        ("unsilence", []) => return Err("write :unsilence KEY; tab shows the keys".to_owned()),
        ("unsilence", key) => Command::Unsilence(key.join(" ")),
        ("goto", ["slot", number]) => {
            let number = number.parse().map_err(|_| format!("`{number}` is no slot"))?;
            Command::Slot(Slot(number))
        }
        ("speed", [number]) => Command::Speed(
            number.trim_end_matches('x').parse().map_err(|_| format!("`{number}` is no speed"))?,
        ),
        ("speed", _) => return Err("write :speed N".to_owned()),
        ("goto", _) => return Err("write :goto slot N".to_owned()),
        ("fix", [check]) => Command::Remedy(RemedyVerb::Fix, (*check).to_owned()),
        ("keep", [check]) => Command::Remedy(RemedyVerb::Keep, (*check).to_owned()),
        ("revert", [check]) => Command::Remedy(RemedyVerb::Revert, (*check).to_owned()),
        ("fix" | "keep" | "revert", _) => return Err(format!("write :{first} CHECK; tab shows the checks")),
        ("hand-over", []) => Command::HandOver,
        ("handoff", []) => Command::Handoff,
        ("theme", [name]) => Command::Theme((*name).to_owned()),
        ("theme", _) => return Err("write :theme NAME".to_owned()),
        ("set", ["bw", "low"]) => Command::Bandwidth(Bandwidth::Low),
        ("set", ["bw", "auto"]) => Command::Bandwidth(Bandwidth::Auto),
        ("set", ["bw", "high"]) => Command::Bandwidth(Bandwidth::High),
        ("set", ["bell", "on"]) => Command::Bell(true),
        ("set", ["bell", "off"]) => Command::Bell(false),
        ("set", ["mouse", "on"]) => Command::Mouse(true),
        ("set", ["mouse", "off"]) => Command::Mouse(false),
        ("set", _) => {
            return Err("write :set bw low|auto|high, :set bell on|off or :set mouse on|off".to_owned());
        }
        ("now", []) => Command::Now,
        ("q" | "quit", []) => Command::Quit,
        (name, filter) => match place_of(name) {
            Some(panel) => Command::Panel(panel, (!filter.is_empty()).then(|| filter.join(" "))),
            None => return Err(unknown(first)),
        },
    };
    Ok(Some(command))
}

fn ack(words: &[&str]) -> Result<Command, String> {
    if words.is_empty() {
        return Err("write :ack KEY, or :ack KEY -- WHY; tab shows the keys".to_owned());
    }
    let end = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    Ok(Command::Ack(words[..end].join(" "), reason(words.get(end + 1..))))
}

/// The key ends where the time stands. It has two words, but for the network's, and its second one may look like a time.
fn silence(words: &[&str]) -> Result<Command, String> {
    let least = if words.first() == Some(&"network") { 1 } else { 2 };
    let mut times = words.iter().enumerate().skip(least);
    let found = times.find_map(|(place, word)| Some((place, read_seconds(word)?)));
    let Some((place, seconds)) = found else {
        return Err("write :silence KEY 1h WHY, as `:silence beacon b2 1h30m its disk`; tab shows the keys"
            .to_owned());
    };
    Ok(Command::Silence(words[..place].join(" "), seconds, reason(words.get(place + 1..))))
}

fn reason(words: Option<&[&str]>) -> Option<String> {
    words.filter(|words| !words.is_empty()).map(|words| words.join(" "))
}

fn unknown(name: &str) -> String {
    let known = firsts();
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match near {
        Some((distance, near)) if distance <= 2 => format!("there is no :{name}; did you mean :{near}?"),
        _ => format!("there is no :{name}; tab shows what there is"),
    }
}

fn firsts() -> Vec<String> {
    let panels = PANELS.iter().map(|panel| panel.id().to_owned());
    let mut all: Vec<String> = COMMANDS.iter().map(|about| about.name.to_owned()).chain(panels).collect();
    all.sort();
    all.dedup();
    all
}

/// What could stand where the last word is being typed.
pub fn candidates(text: &str, words: Words<'_>) -> Vec<String> {
    if let Some((start, name)) = key_begins(text) {
        let keys = match name {
            "silence" => words.silenceable,
            "unsilence" => words.silenced,
            _ => words.pages,
        };
        return keys.iter().filter(|key| key.starts_with(&text[start..])).cloned().collect();
    }
    let (before, last) = text.split_at(last_word(text));
    let own = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let all: Vec<String> = match before.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] => firsts(),
        ["drain" | "resume", ..] | ["restart" | "upgrade" | "abort"] => words.beacons.to_vec(),
        ["fix" | "keep" | "revert"] => words.checks.to_vec(),
        ["theme"] => words.themes.to_vec(),
        ["goto"] => own(&["slot"]),
        ["set"] => own(&["bw", "bell", "mouse"]),
        ["set", "bw"] => own(&["low", "auto", "high"]),
        ["set", "bell" | "mouse"] => own(&["on", "off"]),
        _ => Vec::new(),
    };
    all.into_iter().filter(|word| word.starts_with(last)).collect()
}

/// Where the key begins, and the command, of one that takes a key: a key has several words, and is completed as one.
fn key_begins(text: &str) -> Option<(usize, &'static str)> {
    let typed = text.trim_start();
    ["ack", "silence", "unsilence"].into_iter().find_map(|name| {
        let rest = typed.strip_prefix(name)?.strip_prefix(' ')?;
        Some((text.len() - rest.len(), name))
    })
}

/// Where the last word begins; the text's end after a blank.
fn last_word(text: &str) -> usize {
    text.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8())
}

/// The text with its last word completed as far as the candidates agree; a single one is completed with a space.
pub fn complete(text: &str, candidates: &[String]) -> String {
    let Some(first) = candidates.first() else { return text.to_owned() };
    let start = key_begins(text).map_or_else(|| last_word(text), |(start, _)| start);
    let common = candidates.iter().fold(first.as_str(), |common, word| {
        let same = common.char_indices().zip(word.chars()).find(|((_, a), b)| a != b);
        let end = same.map_or(common.len().min(word.len()), |((at, _), _)| at);
        &common[..end]
    });
    let space = if candidates.len() == 1 { " " } else { "" };
    format!("{}{common}{space}", &text[..start])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", None)]
    #[case("drain b1 b2", Some(Command::Order(Intent::Drain, vec!["b1".into(), "b2".into()])))]
    #[case("ack hung b1 -- GC, disk", Some(Command::Ack("hung b1".into(), Some("GC, disk".into()))))]
    #[case("ack hung b1", Some(Command::Ack("hung b1".into(), None)))]
    #[case("silence beacon b2 1h30m its disk", Some(Command::Silence("beacon b2".into(), 5_400, Some("its disk".into()))))]
    #[case("silence beacon 1h 2h", Some(Command::Silence("beacon 1h".into(), 7_200, None)))]
    #[case("silence network 30m 5m late", Some(Command::Silence("network".into(), 1_800, Some("5m late".into()))))]
    #[case("silence rack a 7 1h", Some(Command::Silence("rack a 7".into(), 3_600, None)))]
    #[case("unsilence incident 7", Some(Command::Unsilence("incident 7".into())))]
    #[case("restart b1", Some(Command::Order(Intent::Restart, vec!["b1".into()])))]
    #[case("beacons state:down lag>1", Some(Command::Panel(1, Some("state:down lag>1".into()))))]
    #[case(" log ", Some(Command::Panel(9, None)))]
    #[case("help", Some(Command::Panel(10, None)))]
    #[case("hand-over", Some(Command::HandOver))]
    #[case("fix time.offset", Some(Command::Remedy(RemedyVerb::Fix, "time.offset".into())))]
    #[case("goto slot 12", Some(Command::Slot(Slot(12))))]
    #[case("speed 10x", Some(Command::Speed(10)))]
    #[case("set bw low", Some(Command::Bandwidth(Bandwidth::Low)))]
    #[case("set bell off", Some(Command::Bell(false)))]
    #[case("set mouse on", Some(Command::Mouse(true)))]
    #[case("q", Some(Command::Quit))]
    fn commands_are_read(#[case] text: &str, #[case] command: Option<Command>) {
        assert_eq!(read(text), Ok(command));
    }

    #[rstest]
    #[case("drain", ":drain needs the name of a beacon")]
    #[case("drian b1", "there is no :drian; did you mean :drain?")]
    #[case(
        "silence beacon 1h",
        "write :silence KEY 1h WHY, as `:silence beacon b2 1h30m its disk`; tab shows the keys"
    )]
    #[case("unsilence", "write :unsilence KEY; tab shows the keys")]
    #[case("keep", "write :keep CHECK; tab shows the checks")]
    #[case("goto slot x", "`x` is no slot")]
    #[case("speed fast", "`fast` is no speed")]
    #[case("set colour", "write :set bw low|auto|high, :set bell on|off or :set mouse on|off")]
    #[case("frobnicate", "there is no :frobnicate; tab shows what there is")]
    fn a_wrong_command_says_what_would_do(#[case] text: &str, #[case] says: &str) {
        assert_eq!(read(text), Err(says.to_owned()));
    }

    #[test]
    fn words_are_completed_as_far_as_they_agree() {
        let beacons = ["beacon-1".to_owned(), "beacon-2".to_owned(), "other".to_owned()];
        let words = Words {
            beacons: &beacons,
            themes: &["mono".to_owned()],
            pages: &["hung b1".to_owned(), "hung b2".to_owned()],
            silenceable: &["incident 7".to_owned(), "beacon b1".to_owned()],
            silenced: &["client vc-1".to_owned()],
            checks: &["net.somaxconn".to_owned(), "time.offset".to_owned()],
        };
        let done = |text: &str| complete(text, &candidates(text, words));
        assert_eq!(done("dr"), "drain ");
        assert_eq!(done("drain b"), "drain beacon-");
        assert_eq!(done("drain beacon-2 o"), "drain beacon-2 other ");
        assert_eq!((done("theme "), done("fix n")), ("theme mono ".into(), "fix net.somaxconn ".into()));
        assert_eq!(done("nothing "), "nothing ");
        assert_eq!(
            (done("ack h"), done("ack hung b2")),
            ("ack hung b".to_owned(), "ack hung b2 ".to_owned())
        );
        assert_eq!(
            (done("silence i"), done("unsilence ")),
            ("silence incident 7 ".into(), "unsilence client vc-1 ".into())
        );
        assert_eq!(done(" silence beacon b1 1h"), " silence beacon b1 1h");
        assert!(candidates("", words).contains(&"traffic".to_owned()));
    }

    #[test]
    fn every_command_of_the_list_is_known() {
        for about in COMMANDS {
            let told = read(about.name);
            assert!(!matches!(&told, Err(why) if why.starts_with("there is no")), "{}: {told:?}", about.name);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let keys = ["ü ä".to_owned()];
            let beacons = ["äb".to_owned(), "äc".to_owned()];
            let words = Words { beacons: &beacons, themes: &[], pages: &keys, silenceable: &keys, silenced: &keys, checks: &keys };
            let _ = read(&text);
            let found = candidates(&text, words);
            prop_assert!(complete(&text, &found).len() >= text.trim_end().len().min(1));
        }
    }
}
