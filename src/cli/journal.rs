//! `beacondeck journal`: who ordered what.

use std::process::ExitCode;

use super::{Global, ask, follow::follow};
use crate::control::{Answer, Event, Request, Wanted};
use crate::model::JournalEntry;

/// Arguments of `journal`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// At most so many entries, the latest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    limit: u32,
    /// Print one JSON object an entry, one a line
    #[arg(long)]
    json: bool,
    /// Go on with each new entry
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { limit, json, watch } = args;
    ask::run(global, async move |dir| {
        if watch {
            let mut latest = None;
            let wanted = Wanted { journal: Some(limit), log: None };
            return follow(dir, "journal", wanted, |event| match event {
                Event::Journal(entry) if news(&mut latest, &entry) => show(&entry, json),
                _ => Ok(()),
            })
            .await;
        }
        let Answer::Journal(entries) = ask::ask(&dir, Request::Journal { limit }).await? else {
            return Err(ask::off_topic().into());
        };
        if entries.is_empty() && !json {
            return ask::print("nobody has ordered anything yet\n");
        }
        entries.iter().try_for_each(|entry| show(entry, json))
    })
}

/// Whether an entry comes after the latest shown: after a restart of serve the last ones are told again.
fn news(latest: &mut Option<u64>, entry: &JournalEntry) -> bool {
    let new = latest.is_none_or(|latest| entry.id > latest);
    if new {
        *latest = Some(entry.id);
    }
    new
}

fn show(entry: &JournalEntry, json: bool) -> anyhow::Result<()> {
    if json { ask::print_json(entry) } else { ask::print(&(line(entry) + "\n")) }
}

/// One line: when, who, what, and what became of it.
pub fn line(entry: &JournalEntry) -> String {
    let JournalEntry { who, what, target, outcome, .. } = entry;
    let target = target.as_deref().map(|target| format!(" {target}")).unwrap_or_default();
    format!("{} {who}: {what}{target}: {outcome}", entry.at.utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::entry;

    #[test]
    fn an_entry_is_one_line() {
        let shown = line(&entry(7, Some("b2")));
        assert_eq!(shown, "2023-11-14T22:13:20Z alice (uid 1000): drain b2: b2 is draining");
        let shown = line(&JournalEntry { what: "reload".into(), ..entry(8, None) });
        assert_eq!(shown, "2023-11-14T22:13:20Z alice (uid 1000): reload: b2 is draining");
    }

    #[test]
    fn what_is_told_again_is_shown_once() {
        let mut latest = None;
        let shown: Vec<u64> =
            [1, 2, 3, 2, 3, 4].into_iter().filter(|id| news(&mut latest, &entry(*id, None))).collect();
        assert_eq!(shown, [1, 2, 3, 4]);
    }
}
