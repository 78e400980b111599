//! Merging what several beacons said of the same bytes.
//!
//! A list item failed only if it failed at every beacon that answered (`IndexedErrorMessage`, Beacon API `types/http`);
//! "already known" is success where another beacon took it; one clear error when all fail.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::upstream::{Reply, ReplyBody};
use crate::endpoint::{Meaning, meaning};
use crate::model::{Attempt, BeaconId, Outcome, Quoted};

/// What all answers amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken: answer the reply, or a plain 200 where the reply itself is no success.
    Taken,
    /// Some items failed everywhere; the reply carries what is left of the failures.
    Partly,
    /// Refused or failed everywhere that answered; the reply, if any, is the best error.
    Refused,
}

#[derive(Debug, Deserialize, Serialize)]
struct Indexed {
    code: u16,
    message: String,
    failures: Vec<Failure>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
struct Failure {
    #[serde(deserialize_with = "Quoted::plain")]
    index: u64,
    message: String,
}

/// Counts answers as they come.
pub struct Votes {
    known: bool,
    success: Option<(BeaconId, Reply)>,
    already_known: Option<(BeaconId, Reply)>,
    knowers: usize,
    error: Option<(u8, BeaconId, Reply)>,
    failures: Option<BTreeMap<u64, String>>,
    indexed_from: Option<BeaconId>,
}

impl Votes {
    /// No votes yet. `known` says these bytes were taken before.
    pub fn new(known: bool) -> Self {
        Self {
            known,
            success: None,
            already_known: None,
            knowers: 0,
            error: None,
            failures: None,
            indexed_from: None,
        }
    }

    /// Counts one answer.
    pub fn count(&mut self, attempt: Attempt, reply: Option<Reply>) {
        let Some(reply) = reply else { return };
        match attempt.outcome {
            Outcome::Ok | Outcome::Empty if reply.status.is_success() => {
                self.success.get_or_insert((attempt.beacon, reply));
            }
            Outcome::AlreadyKnown => {
                self.knowers += 1;
                self.already_known.get_or_insert((attempt.beacon, reply));
            }
            _ if self.count_list(attempt.beacon, &reply) => {}
            outcome => {
                let bad = u8::from(outcome != Outcome::Refused);
                if self.error.as_ref().is_none_or(|(old, ..)| bad < *old) {
                    self.error = Some((bad, attempt.beacon, reply));
                }
            }
        }
    }

    fn count_list(&mut self, beacon: BeaconId, reply: &Reply) -> bool {
        let Some(list) = reply.bytes().and_then(|bytes| serde_json::from_slice::<Indexed>(bytes).ok()) else {
            return false;
        };
        if list.failures.is_empty() {
            return false;
        }
        let mine: BTreeMap<u64, String> = list.failures.into_iter().map(|f| (f.index, f.message)).collect();
        self.indexed_from = Some(beacon);
        self.failures = Some(match self.failures.take() {
            None => mine,
            Some(old) => old.into_iter().filter(|(index, _)| mine.contains_key(index)).collect(),
        });
        true
    }

    /// Whether there is nothing more to wait for.
    pub fn has_success(&self) -> bool {
        self.success.is_some() || self.failures.as_ref().is_some_and(BTreeMap::is_empty) || self.is_known()
    }

    /// Whether it is out already: it was taken before, or two beacons have it, of which one got it from another.
    fn is_known(&self) -> bool {
        self.knowers >= if self.known { 1 } else { 2 }
    }

    /// What the votes amount to, and the reply to give.
    pub fn verdict(mut self) -> (Verdict, Option<(BeaconId, Reply)>) {
        if let Some(success) = self.success.take() {
            return (Verdict::Taken, Some(success));
        }
        if self.is_known()
            && let Some((beacon, _)) = self.already_known
        {
            return (Verdict::Taken, Some((beacon, plain_ok())));
        }
        if let (Some(failures), Some(beacon)) = (self.failures.take(), self.indexed_from) {
            let left = self.without_known(failures);
            if left.is_empty() {
                return (Verdict::Taken, Some((beacon, plain_ok())));
            }
            return (Verdict::Partly, Some((beacon, partly(left))));
        }
        if let Some((beacon, reply)) = self.already_known.take() {
            return (Verdict::Refused, Some((beacon, reply)));
        }
        (Verdict::Refused, self.error.map(|(_, beacon, reply)| (beacon, reply)))
    }

    /// Items whose only failure is that the beacon had them already, when they are known to have been taken.
    fn without_known(&self, failures: BTreeMap<u64, String>) -> BTreeMap<u64, String> {
        if !self.known {
            return failures;
        }
        failures
            .into_iter()
            .filter(|(_, message)| meaning(400, message.as_bytes()) != Meaning::AlreadyKnown)
            .collect()
    }
}

fn plain_ok() -> Reply {
    Reply { status: StatusCode::OK, headers: hyper::HeaderMap::new(), body: ReplyBody::Whole(Bytes::new()) }
}

/// An `IndexedErrorMessage` for status 400.
pub fn failures(message: &str, failures: BTreeMap<u64, String>) -> Bytes {
    let list = Indexed {
        code: 400,
        message: message.to_owned(),
        failures: failures.into_iter().map(|(index, message)| Failure { index, message }).collect(),
    };
    serde_json::to_vec(&list).unwrap_or_default().into()
}

fn partly(left: BTreeMap<u64, String>) -> Reply {
    let body = failures("some items failed at every beacon that was asked", left);
    let mut headers = hyper::HeaderMap::new();
    headers.insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Reply { status: StatusCode::BAD_REQUEST, headers, body: ReplyBody::Whole(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(votes: &mut Votes, beacon: u16, outcome: Outcome, status: u16, body: &str) {
        let attempt = Attempt { beacon: BeaconId(beacon), outcome, status, ..Attempt::default() };
        let reply = Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: hyper::HeaderMap::new(),
            body: ReplyBody::Whole(Bytes::copy_from_slice(body.as_bytes())),
        };
        votes.count(attempt, Some(reply));
    }

    fn text(reply: Option<(BeaconId, Reply)>) -> String {
        String::from_utf8(reply.unwrap().1.bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn an_item_failed_only_if_it_failed_everywhere() {
        let mut votes = Votes::new(false);
        let a =
            r#"{"code":400,"message":"x","failures":[{"index":0,"message":"a"},{"index":2,"message":"b"}]}"#;
        let b = r#"{"code":400,"message":"x","failures":[{"index":"2","message":"c"},{"index":3,"message":"d"}]}"#;
        vote(&mut votes, 0, Outcome::Refused, 400, a);
        assert!(!votes.has_success());
        vote(&mut votes, 1, Outcome::Refused, 400, b);
        let (verdict, reply) = votes.verdict();
        assert_eq!(verdict, Verdict::Partly);
        let text = text(reply);
        assert!(
            text.contains(r#""failures":[{"index":2,"message":"b"}]"#) && text.contains(r#""code":400"#),
            "{text}"
        );
    }

    #[test]
    fn items_taken_somewhere_are_a_success() {
        let mut votes = Votes::new(false);
        vote(
            &mut votes,
            0,
            Outcome::Refused,
            400,
            r#"{"code":400,"message":"x","failures":[{"index":0,"message":"a"}]}"#,
        );
        vote(
            &mut votes,
            1,
            Outcome::Refused,
            400,
            r#"{"code":400,"message":"x","failures":[{"index":1,"message":"a"}]}"#,
        );
        assert!(votes.has_success());
        assert_eq!(votes.verdict().0, Verdict::Taken);
    }

    #[test]
    fn already_known_is_success_only_where_another_took_it() {
        let known = r#"{"code":500,"message":"BLOCK_ERROR_ALREADY_KNOWN"}"#;
        let mut votes = Votes::new(false);
        vote(&mut votes, 0, Outcome::AlreadyKnown, 500, known);
        assert!(!votes.has_success());
        assert_eq!(votes.verdict().0, Verdict::Refused);
        let mut votes = Votes::new(true);
        vote(&mut votes, 0, Outcome::AlreadyKnown, 500, known);
        assert_eq!(votes.verdict().0, Verdict::Taken);
        let mut votes = Votes::new(false);
        vote(&mut votes, 0, Outcome::AlreadyKnown, 500, known);
        vote(&mut votes, 1, Outcome::AlreadyKnown, 500, known);
        assert!(votes.has_success(), "two beacons have it: one got it from the other");
        assert_eq!(votes.verdict().0, Verdict::Taken);
        let mut votes = Votes::new(false);
        vote(&mut votes, 0, Outcome::AlreadyKnown, 500, known);
        vote(&mut votes, 1, Outcome::Ok, 200, "");
        assert_eq!(votes.verdict().0, Verdict::Taken);
    }

    #[test]
    fn a_refusal_says_more_than_a_failure() {
        let mut votes = Votes::new(false);
        vote(&mut votes, 0, Outcome::Failed, 500, "boom");
        vote(&mut votes, 1, Outcome::Refused, 400, "bad signature");
        let (verdict, reply) = votes.verdict();
        assert_eq!(verdict, Verdict::Refused);
        assert_eq!(text(reply), "bad signature");
    }
}
