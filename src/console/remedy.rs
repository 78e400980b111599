//! Remedies of a host: what can be chosen, the box before one is ordered, and what must not be forgotten. Pure.

use crate::control::Order;
use crate::model::{
    FleetStatus, HostFinding, HostRemedy, HostStatus, RemedyAsked, RemedyPlan, RemedyState, RemedyVerb,
    UnixMs,
};

use super::confirm::{Confirm, capital, role};
use super::key::{Code, Key};
use super::panels::colour;
use super::piece::{TextLine, labelled, piece};
use super::text::{cut, span};
use super::theme::Role;
use super::trouble::Trouble;

/// Columns of a label.
const LABEL: usize = 10;

/// Something that can be done on a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// What is asked for if it is chosen.
    pub asked: RemedyAsked,
    /// How it is shown.
    pub line: TextLine,
}

/// What can be done on a host; one of it is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The host.
    pub host: String,
    /// What there is.
    pub offers: Vec<Offer>,
    /// The one under the cursor.
    pub at: usize,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// Still choosing.
    Open,
    /// None.
    None,
    /// This one.
    This(RemedyAsked),
}

impl Choice {
    /// What can be done on a host: first what must be kept at once, then what is wrong, the worst first, then what stands.
    pub fn of(host: &HostStatus, now: UnixMs) -> Self {
        let asked =
            |verb, check: &str| RemedyAsked { verb, host: host.name.clone(), check: check.to_owned() };
        let waits = host.remedies.iter().filter(|of| matches!(of.state, RemedyState::Until(_)));
        let waits = waits.flat_map(|of| {
            [RemedyVerb::Keep, RemedyVerb::Revert].map(|verb| Offer {
                asked: asked(verb, &of.check),
                line: offered(word(verb), Role::Crit, &of.check, &state_words(of, now)),
            })
        });
        let mut seen = Vec::new();
        let wrong = host.findings.iter().filter(|of| !of.remedy.is_empty() && new(&mut seen, &of.check));
        let wrong = wrong.filter(|of| !begun(host, of).is_some_and(|remedy| is_unseen(host, remedy)));
        let wrong = wrong.map(|of| Offer {
            asked: asked(RemedyVerb::Fix, &of.check),
            line: offered(
                if of.writes { word(RemedyVerb::Fix) } else { "by hand" },
                colour(of.level),
                &of.check,
                &format!("{}: {}", of.level.word(), of.actual),
            ),
        });
        let mut seen = Vec::new();
        let stands =
            host.remedies.iter().filter(|of| matches!(of.state, RemedyState::Stands | RemedyState::CutOff));
        let stands = stands.filter(|of| new(&mut seen, &of.check)).map(|of| Offer {
            asked: asked(RemedyVerb::Revert, &of.check),
            line: offered(word(RemedyVerb::Revert), Role::Text, &of.check, &state_words(of, now)),
        });
        let offers = waits.chain(wrong).chain(stands).collect();
        Self { host: host.name.clone(), offers, at: 0 }
    }

    /// Takes a key.
    pub fn take(&mut self, key: Key) -> Chosen {
        let last = self.offers.len().saturating_sub(1);
        match key.code {
            Code::Esc | Code::Char('q') => return Chosen::None,
            Code::Char('c') if key.ctrl => return Chosen::None,
            Code::Enter => {
                return self
                    .offers
                    .get(self.at)
                    .map_or(Chosen::None, |offer| Chosen::This(offer.asked.clone()));
            }
            Code::Down | Code::Char('j') => self.at = (self.at + 1).min(last),
            Code::Up | Code::Char('k') => self.at = self.at.saturating_sub(1),
            Code::Char('g') | Code::Home => self.at = 0,
            Code::Char('G') | Code::End => self.at = last,
            _ => {}
        }
        Chosen::Open
    }
}

fn new<'a>(seen: &mut Vec<&'a str>, check: &'a str) -> bool {
    let new = !seen.contains(&check);
    seen.push(check);
    new
}

fn word(verb: RemedyVerb) -> &'static str {
    match verb {
        RemedyVerb::Fix => "write",
        RemedyVerb::Keep => "keep",
        RemedyVerb::Revert => "take back",
    }
}

fn offered(word: &str, of: Role, check: &str, words: &str) -> TextLine {
    vec![
        piece(Role::Key, format!("{word:<10}")),
        piece(of, check.to_owned()),
        piece(Role::Text, format!("  {words}")),
    ]
}

/// What was written, by whom, and what became of it.
pub fn state_words(of: &HostRemedy, now: UnixMs) -> String {
    let HostRemedy { what, who, at, state, .. } = of;
    let ago = |at: &UnixMs| format!("{} ago", span(now.since(*at)));
    let ahead = |at: &UnixMs| span(at.since(now).max(0));
    match state {
        RemedyState::Due(due) => format!("{what}; written in {}, when no duty is due; by {who}", ahead(due)),
        RemedyState::Until(end) => {
            format!("taken back in {} unless somebody keeps it; {what}; by {who}", ahead(end))
        }
        RemedyState::Stands => format!("{what}; by {who} {}", ago(at)),
        RemedyState::CutOff => format!("cut off while it was written: {what}; by {who} {}", ago(at)),
        RemedyState::Reverted(end, why) => {
            let why = if why.is_empty() { String::new() } else { format!(", {why}") };
            format!("{what}; by {who} {}; taken back {}{why}", ago(at), ago(end))
        }
    }
}

/// Whether of this finding a remedy waits to be kept, or stands.
pub fn begun<'a>(host: &'a HostStatus, finding: &HostFinding) -> Option<&'a HostRemedy> {
    let mut of = host.remedies.iter().filter(|remedy| remedy.check == finding.check);
    of.find(|remedy| remedy.state.stands() || matches!(remedy.state, RemedyState::Due(_)))
}

/// Whether a remedy that was begun was written after its host was looked at: what it did is seen at the next look.
pub fn is_unseen(host: &HostStatus, of: &HostRemedy) -> bool {
    of.state != RemedyState::Stands || host.at.is_none_or(|looked| of.at >= looked)
}

/// The box before an order about a remedy; or what does it by hand, to be copied.
pub fn confirm(plan: &RemedyPlan) -> Confirm {
    let RemedyAsked { verb, host, check } = &plan.asked;
    let what = format!("{} {check} on {host}", word(*verb));
    if let Some(why) = &plan.refusal {
        let mut lines = vec![labelled("", vec![piece(Role::Warn, why.clone())])];
        lines.extend(plan.commands.iter().map(|line| labelled("", vec![piece(Role::Strong, line.clone())])));
        let copy = (!plan.commands.is_empty()).then(|| plan.commands.join("\n"));
        let how = if copy.is_some() { "by hand" } else { "refused" };
        return Confirm {
            title: format!("{}: {how}", capital(&what)),
            consequences: lines,
            copy,
            ..Confirm::default()
        };
    }
    let line = |fact: &crate::model::Fact| {
        labelled(&cut(&fact.about, LABEL), vec![piece(role(fact.weight), fact.words.clone())])
    };
    Confirm {
        title: format!("{}?", capital(&what)),
        consequences: plan.facts.iter().map(line).collect(),
        orders: vec![Order::Remedy { asked: plan.asked.clone(), seal: plan.seal.clone() }],
        typed: plan.typed.clone().map(|word| (word, super::line::Line::default())),
        copy: None,
    }
}

/// Remedies that ask for somebody: one that is taken back unless it is kept, one that was cut off.
pub fn troubles(status: &FleetStatus) -> impl Iterator<Item = Trouble> + '_ {
    let all = status.hosts.iter().flat_map(|host| host.remedies.iter().map(move |of| (host, of)));
    all.filter_map(move |(host, of)| {
        let name = &host.name;
        let (role, what, next) = match &of.state {
            RemedyState::Until(end) => {
                let left = span(end.since(status.at).max(0));
                // How long it has been so follows.
                let what = format!("{left} left to keep {} on {name}; it waits", of.check);
                (Role::Crit, what, "`:keep` it, or w in Hosts; else it is taken back by itself")
            }
            RemedyState::CutOff => {
                let what = format!("{} on {name} was cut off while it was written", of.check);
                (Role::Warn, what, "w in Hosts: take it back")
            }
            _ => return None,
        };
        Some(Trouble {
            key: format!("remedy {} {name}", of.check),
            role,
            what,
            why: of.what.clone(),
            beacons: Vec::new(),
            since: of.at,
            next: next.to_owned(),
            pages: Vec::new(),
            ack: None,
            silence: None,
            did: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture;
    use crate::console::piece::text_of;
    use crate::model::{Fact, Weight};

    const NOW: UnixMs = fixture::NOW;

    fn remedy(check: &str, state: RemedyState) -> HostRemedy {
        let what = "/sys/x: 1 to 2".to_owned();
        HostRemedy { check: check.into(), at: UnixMs(NOW.0 - 60_000), who: "alice".into(), what, state }
    }

    fn host() -> HostStatus {
        let mut host = fixture::hosts().remove(0);
        host.remedies = vec![
            remedy("net.nic_ring", RemedyState::Until(UnixMs(NOW.0 + 48_000))),
            remedy("vm.x", RemedyState::Stands),
            remedy("vm.x", RemedyState::Stands),
            remedy("vm.y", RemedyState::Reverted(NOW, "by order of bob".into())),
        ];
        host
    }

    #[test]
    fn what_must_be_kept_comes_first_and_what_stands_can_be_taken_back_once() {
        let mut choice = Choice::of(&host(), NOW);
        let lines: Vec<String> = choice.offers.iter().map(|offer| text_of(&offer.line)).collect();
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[0].starts_with("keep      net.nic_ring  taken back in 48 s unless"), "{lines:?}");
        assert!(lines[2].starts_with("by hand   storage.flush  bad: a flush takes 48 ms"), "{lines:?}");
        assert!(lines[3].starts_with("write     net.somaxconn  warn: 128"), "{lines:?}");
        assert!(lines[4].starts_with("take back vm.x  /sys/x: 1 to 2; by alice 1 min ago"), "{lines:?}");
        for _ in 0..9 {
            assert_eq!(choice.take(Key::char('j')), Chosen::Open);
        }
        let asked = RemedyAsked { verb: RemedyVerb::Revert, host: "h1".into(), check: "vm.x".into() };
        assert_eq!(choice.take(Key::plain(Code::Enter)), Chosen::This(asked));
        assert_eq!(choice.take(Key::plain(Code::Esc)), Chosen::None);
    }

    #[test]
    fn what_was_written_after_the_last_look_is_not_offered_again() {
        let offers = |looked: u64, state: RemedyState| -> Vec<String> {
            let at = Some(UnixMs(NOW.0 - looked));
            let remedies = vec![remedy("net.somaxconn", state)];
            let host = HostStatus { at, remedies, ..fixture::hosts().remove(0) };
            let all = Choice::of(&host, NOW).offers.into_iter().map(|offer| offer.asked);
            all.filter(|of| of.check == "net.somaxconn").map(|of| of.verb.word().to_owned()).collect()
        };
        // It was written a minute ago.
        assert_eq!(offers(90_000, RemedyState::Stands), ["revert"]);
        assert_eq!(offers(30_000, RemedyState::Stands), ["fix", "revert"], "it did not help");
        assert_eq!(offers(30_000, RemedyState::Until(NOW)), ["keep", "revert"]);
        assert_eq!(offers(90_000, RemedyState::Due(NOW)), [""; 0]);
        assert_eq!(offers(90_000, RemedyState::Reverted(NOW, String::new())), ["fix"]);
    }

    #[test]
    fn what_is_not_done_from_here_is_told_with_what_does_it_by_hand() {
        let plan = RemedyPlan {
            asked: RemedyAsked { verb: RemedyVerb::Fix, host: "h1".into(), check: "a.b".into() },
            refusal: Some("serve runs as uid 9 and may not write there".into()),
            facts: Vec::new(),
            commands: vec!["sudo beacondeck audit --fix a.b".into(), "sysctl -w a.b=1".into()],
            typed: None,
            seal: String::new(),
        };
        let mut confirm = confirm(&plan);
        assert_eq!(confirm.title, "Write a.b on h1: by hand");
        let copied = "sudo beacondeck audit --fix a.b\nsysctl -w a.b=1".to_owned();
        assert_eq!(confirm.take(Key::char('y')), super::super::confirm::Answer::Copy(copied));
        let refused = RemedyPlan { commands: Vec::new(), ..plan.clone() };
        assert_eq!(super::confirm(&refused).title, "Write a.b on h1: refused");

        let facts = vec![Fact { about: "write".into(), weight: Weight::Plain, words: "/x = 1".into() }];
        let plan = RemedyPlan { refusal: None, facts, typed: Some("h1".into()), seal: "5".into(), ..plan };
        let confirm = super::confirm(&plan);
        assert_eq!((confirm.title.as_str(), confirm.typed.unwrap().0.as_str()), ("Write a.b on h1?", "h1"));
        assert!(matches!(&confirm.orders[..], [Order::Remedy { seal, .. }] if seal == "5"));
    }

    #[test]
    fn what_waits_to_be_kept_is_a_trouble() {
        let status = FleetStatus { hosts: vec![host()], at: NOW, ..FleetStatus::default() };
        let told: Vec<Trouble> = troubles(&status).collect();
        let [one] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (one.what.as_str(), one.role),
            ("48 s left to keep net.nic_ring on h1; it waits", Role::Crit)
        );
    }
}
