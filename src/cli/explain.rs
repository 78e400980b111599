//! `beacondeck explain`: why requests went where they went.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::follow::{Away, unread};
use super::table::wrap;
use super::{Global, ask};
use crate::control::{Answer, Request};
use crate::model::{Explanation, Outcome, Publication, Slot, Tried, UnixMs};

/// Time between two looks with `--watch`.
const LOOK: Duration = Duration::from_secs(1);

/// Explain where requests went: who answered, who was tried before, who was skipped and why
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only requests about this slot
    #[arg(long, value_name = "N")]
    slot: Option<u64>,
    /// Only requests of this client (its name in the fleet file)
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// At most so many, the latest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON object a request, one a line
    #[arg(long)]
    json: bool,
    /// Go on with what is new, looking every second, through restarts of serve; at most the limit a look
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    ask::run(global, async move |dir| {
        if args.watch {
            return tokio::select! {
                () = unread() => Ok(()),
                ended = watch(&dir, &args) => ended,
            };
        }
        let explained = explained(&dir, &args).await?;
        if explained.is_empty() && !args.json {
            return ask::print("no request is remembered that matches\n");
        }
        show(explained.iter(), args.json)
    })
}

async fn explained(dir: &Path, args: &Args) -> anyhow::Result<Vec<Explanation>> {
    let Args { slot, client, limit, .. } = args;
    let request = Request::Explain { slot: slot.map(Slot), client: client.clone(), limit: *limit };
    match ask::ask(dir, request).await? {
        Answer::Explained(explained) => Ok(explained),
        _ => Err(ask::off_topic().into()),
    }
}

/// Prints the latest, oldest first, and then what is new at each look.
async fn watch(dir: &Path, args: &Args) -> anyhow::Result<()> {
    let mut away = Away::default();
    let mut before = HashSet::new();
    loop {
        match explained(dir, args).await {
            Ok(explained) => {
                away.back();
                show(news(&mut before, &explained).into_iter().rev(), args.json)?;
            }
            Err(error) if away.met => away.lost(&format!("{error:#}")),
            Err(error) => return Err(error),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the look before did not have. Requests are told when they end, not in the order in which they came.
fn news<'a>(before: &mut HashSet<(u64, UnixMs)>, explained: &'a [Explanation]) -> Vec<&'a Explanation> {
    let key = |request: &Explanation| (request.id, request.at);
    let new = explained.iter().filter(|request| !before.contains(&key(request))).collect();
    *before = explained.iter().map(key).collect();
    new
}

fn show<'a>(mut explained: impl Iterator<Item = &'a Explanation>, json: bool) -> anyhow::Result<()> {
    if json {
        return explained.try_for_each(ask::print_json);
    }
    ask::print(&explained.map(render).collect::<String>())
}

/// Two to five lines a request.
fn render(request: &Explanation) -> String {
    let Explanation { slot, client, endpoint, served_by, status, .. } = request;
    let method = request.method.as_deref().map(|method| format!("{method} ")).unwrap_or_default();
    let due = due(request.due_ms);
    let took = millis(request.took_ms);
    let shared = request.shared.map(|shared| format!(", {}", shared.word())).unwrap_or_default();
    let first =
        format!("slot {slot} {due}  {client} {method}{endpoint} → {served_by} ({status}, {took}{shared})");
    let mut out = line(&first, 0);
    for tried in request.attempts.iter().filter(|tried| tried.beacon.as_str() != served_by) {
        out.push_str(&line(&format!("tried {}: {}", tried.beacon, outcome(tried)), 2));
    }
    if !request.why.is_empty() {
        out.push_str(&line(&format!("why: {}", request.why), 2));
    }
    if !request.skipped.is_empty() {
        let skipped: Vec<String> =
            request.skipped.iter().map(|skipped| format!("{}: {}", skipped.beacon, skipped.reason)).collect();
        out.push_str(&line(&format!("skipped {}", skipped.join(", ")), 2));
    }
    if let Some(publication) = &request.publication {
        out.push_str(&line(&published(publication), 2));
    }
    out
}

fn line(text: &str, indent: usize) -> String {
    wrap(text, indent, indent + 4) + "\n"
}

fn due(ms: i32) -> String {
    match ms {
        0.. => format!("+{ms} ms after due"),
        _ => format!("{} ms before due", ms.unsigned_abs()),
    }
}

fn millis(ms: f64) -> String {
    if ms < 100.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

fn outcome(tried: &Tried) -> String {
    let took = millis(tried.took_ms);
    let what = match tried.outcome {
        Outcome::None => return "not asked".to_owned(),
        Outcome::Ok => "answered",
        Outcome::Empty => "had nothing",
        Outcome::AlreadyKnown => "already knew it",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
        Outcome::Unreachable => "unreachable",
        Outcome::Broken => "connection broke",
        Outcome::TimedOut => return format!("timed out after {took}"),
        Outcome::Overtaken => return format!("still running after {took} when another answered"),
    };
    match tried.status {
        0 => format!("{what} after {took}"),
        status => format!("{what} ({status}) after {took}"),
    }
}

fn published(publication: &Publication) -> String {
    let Publication { kind, validators, sample } = publication;
    let some: Vec<String> = sample.iter().map(ToString::to_string).collect();
    let more = if sample.len() < *validators as usize { ", …" } else { "" };
    format!("carried {kind} of {validators} validators: {}{more}", some.join(", "))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cli::table::WIDTH;
    use crate::model::{BeaconName, Shared, Skipped, ValidatorIndex};

    fn tried(beacon: &str, outcome: Outcome, status: u16, took_ms: f64) -> Tried {
        Tried { beacon: BeaconName::new(beacon), outcome, status, start_ms: 0.0, took_ms }
    }

    fn explanation() -> Explanation {
        Explanation {
            id: 1,
            at: UnixMs(0),
            slot: Slot(1234),
            client: "vc-1".into(),
            endpoint: "produceAttestationData".into(),
            method: None,
            due_ms: 40,
            status: 200,
            served_by: "b2".into(),
            shared: None,
            took_ms: 353.1,
            attempts: vec![
                tried("b1", Outcome::TimedOut, 0, 350.0),
                tried("b2", Outcome::Ok, 200, 3.1),
                tried("b4", Outcome::Failed, 500, 2.0),
            ],
            why: "b1 announced the head first".into(),
            skipped: vec![Skipped { beacon: BeaconName::new("b3"), reason: "stale head".into() }],
            publication: None,
        }
    }

    #[test]
    fn a_request_reads_as_intended() {
        let expected = "\
slot 1234 +40 ms after due vc-1 produceAttestationData → b2 (200, 353 ms)
  tried b1: timed out after 350 ms
  tried b4: failed (500) after 2.0 ms
  why: b1 announced the head first
  skipped b3: stale head
";
        assert_eq!(render(&explanation()), expected, "\n{}", render(&explanation()));
    }

    #[test]
    fn an_answer_that_was_shared_is_told_as_such() {
        let why = "not fetched for this request: decided before, one answer for all who ask this".into();
        let (attempts, skipped) = (Vec::new(), Vec::new());
        let shared = Some(Shared::Decided);
        let shown = render(&Explanation { shared, why, attempts, skipped, took_ms: 0.2, ..explanation() });
        let expected = "\
slot 1234 +40 ms after due vc-1 produceAttestationData → b2 (200, 0.2 ms,
    decided)
  why: not fetched for this request: decided before, one answer for all who ask
      this
";
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn a_publication_names_the_first_validators() {
        let publication = Publication {
            kind: "attestations".into(),
            validators: 3,
            sample: vec![ValidatorIndex(5), ValidatorIndex(6)],
        };
        let request = Explanation { publication: Some(publication), due_ms: -12, ..explanation() };
        let shown = render(&request);
        assert!(shown.starts_with("slot 1234 12 ms before due"), "{shown}");
        assert!(shown.ends_with("  carried attestations of 3 validators: 5, 6, …\n"), "{shown}");
    }

    #[test]
    fn each_look_shows_what_is_new_and_nothing_twice() {
        let at = |ms: u64, id: u64| Explanation { at: UnixMs(ms), id, ..explanation() };
        let mut before = HashSet::new();
        let mut look = |list: &[Explanation]| -> Vec<u64> {
            news(&mut before, list).iter().map(|request| request.id).collect()
        };
        assert_eq!(look(&[]), [0; 0]);
        assert_eq!(look(&[at(20, 2), at(10, 1)]), [2, 1]);
        assert_eq!(look(&[at(20, 2), at(10, 1)]), [0; 0]);
        assert_eq!(look(&[at(5, 0), at(20, 2), at(10, 1)]), [0], "it came first and took long");
        assert_eq!(look(&[at(50, 1)]), [1], "serve restarted");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let request = Explanation { why: "word ".repeat(50), client: "c".repeat(30), ..explanation() };
        let shown = render(&request);
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "\n{shown}");
        assert!(shown.contains("\n      word"), "\n{shown}");
    }

    #[rstest]
    #[case(Outcome::Unreachable, 0, "unreachable after 2.0 ms")]
    #[case(Outcome::Empty, 404, "had nothing (404) after 2.0 ms")]
    #[case(Outcome::Overtaken, 0, "still running after 2.0 ms when another answered")]
    fn outcomes_are_words(#[case] what: Outcome, #[case] status: u16, #[case] shown: &str) {
        assert_eq!(outcome(&tried("b", what, status, 2.0)), shown);
    }
}
