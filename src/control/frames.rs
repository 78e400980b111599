//! Frames: one JSON object a line, versioned, bounded. Pure.
//!
//! A request is `{"v":1,"id":7,"op":"order","order":"32 hex digits","do":"drain","beacon":"b2"}`; its answer carries the same
//! version and id: `{"v":1,"id":7,"answer":{"done":{"message":"b2 is draining"}}}`. A watch is answered by many frames, all
//! with its id. Fields that are not known are ignored, so that a newer console can speak to an older serve within one
//! version; `v` and `id` stand in the frames of every version, so that another version is named and not guessed.

use serde::{Deserialize, Serialize};

use super::{Answer, Request};

/// The version both sides must speak.
pub const VERSION: u32 = 1;
/// Longest request line, in bytes, its newline included.
pub const REQUEST_LIMIT: usize = 64 * 1024;
/// Longest answer line, in bytes, its newline included.
pub const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// A request with its number, chosen by the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFrame {
    /// [`VERSION`].
    pub v: u32,
    /// Comes back with the answer.
    pub id: u64,
    /// The order.
    #[serde(flatten)]
    pub request: Request,
}

/// An answer with the number of its request; 0 if that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerFrame {
    /// [`VERSION`].
    pub v: u32,
    /// The request's number.
    pub id: u64,
    /// The answer.
    pub answer: Answer,
}

/// A line that is not a frame of ours.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Not JSON, or without version and id.
    #[error("the line is no frame: {0}")]
    Malformed(serde_json::Error),
    /// Another version.
    #[error(
        "the other side speaks version {theirs} of the control protocol and this beacondeck ({program}) version {VERSION}: \
         use the program that serve was started from",
        program = env!("CARGO_PKG_VERSION")
    )]
    Version {
        /// What it speaks.
        theirs: u32,
        /// The frame's number, to answer it.
        id: u64,
    },
    /// Our version, and an order or answer that is not known.
    #[error("frame {id} is not understood: {why}")]
    Unknown {
        /// The frame's number, to answer it.
        id: u64,
        /// What is wrong with it.
        why: serde_json::Error,
    },
    /// The line would exceed its limit.
    #[error("a frame of {len} bytes is longer than the limit of {limit}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// A value has no JSON form.
    #[error("a frame could not be written: {0}")]
    Encode(serde_json::Error),
}

impl FrameError {
    /// The number of the frame at fault; 0 if it could not be read.
    pub fn id(&self) -> u64 {
        match self {
            FrameError::Version { id, .. } | FrameError::Unknown { id, .. } => *id,
            FrameError::Malformed(_) | FrameError::TooLong { .. } | FrameError::Encode(_) => 0,
        }
    }
}

/// What every version's frame begins with.
#[derive(Deserialize)]
struct Head {
    v: u32,
    id: u64,
}

impl RequestFrame {
    /// The frame as a line, newline included. Errors: longer than [`REQUEST_LIMIT`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        encode(self, REQUEST_LIMIT)
    }

    /// Reads a line. Errors name the frame where its number could be read.
    pub fn decode(line: &[u8]) -> Result<Self, FrameError> {
        decode(line)
    }
}

impl AnswerFrame {
    /// An answer in our version.
    pub fn new(id: u64, answer: Answer) -> Self {
        Self { v: VERSION, id, answer }
    }

    /// The frame as a line, newline included. Errors: longer than [`ANSWER_LIMIT`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        encode(self, ANSWER_LIMIT)
    }

    /// Reads a line.
    pub fn decode(line: &[u8]) -> Result<Self, FrameError> {
        decode(line)
    }
}

fn encode<T: Serialize>(frame: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut line = serde_json::to_vec(frame).map_err(FrameError::Encode)?;
    line.push(b'\n');
    if line.len() > limit {
        return Err(FrameError::TooLong { len: line.len(), limit });
    }
    Ok(line)
}

fn decode<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T, FrameError> {
    let head: Head = serde_json::from_slice(line).map_err(FrameError::Malformed)?;
    if head.v != VERSION {
        return Err(FrameError::Version { theirs: head.v, id: head.id });
    }
    serde_json::from_slice(line).map_err(|why| FrameError::Unknown { id: head.id, why })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::control::{Access, Event, Order, OrderId, Wanted, Watcher, Welcome};
    use crate::model::{BeaconName, FleetStatus, JournalEntry, LogLevel, LogLine, Slot, UnixMs};

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn order(what: Order) -> Request {
        Request::Order { order: OrderId::try_from(ID.to_owned()).unwrap(), what }
    }

    fn drain(beacon: &str) -> Request {
        order(Order::Drain { beacon: BeaconName::new(beacon) })
    }

    #[rstest]
    #[case(Request::Status, r#""op":"status""#)]
    #[case(
        Request::Hello { beacondeck: "0.1.0".into(), program: "console".into() },
        r#""op":"hello","beacondeck":"0.1.0","program":"console""#
    )]
    #[case(
        drain("b2"),
        r#""op":"order","order":"0123456789abcdef0123456789abcdef","do":"drain","beacon":"b2""#
    )]
    #[case(
        order(Order::Resume { beacon: BeaconName::new("b2") }),
        r#""op":"order","order":"0123456789abcdef0123456789abcdef","do":"resume","beacon":"b2""#
    )]
    #[case(
        order(Order::HandOver),
        r#""op":"order","order":"0123456789abcdef0123456789abcdef","do":"hand-over""#
    )]
    #[case(
        Request::Explain { slot: Some(Slot(12)), client: None, limit: 20 },
        r#""op":"explain","slot":12,"limit":20"#
    )]
    #[case(Request::Journal { limit: 20 }, r#""op":"journal","limit":20"#)]
    #[case(Request::Watch(Wanted::default()), r#""op":"watch""#)]
    #[case(Request::Watch(Wanted { journal: Some(5), log: Some(0) }), r#""op":"watch","journal":5,"log":0"#)]
    fn a_request_has_one_written_form(#[case] request: Request, #[case] text: &str) {
        let text = format!(r#"{{"v":1,"id":7,{text}}}"#);
        let frame = RequestFrame { v: VERSION, id: 7, request };
        assert_eq!(String::from_utf8(frame.encode().unwrap()).unwrap(), format!("{text}\n"));
        assert_eq!(RequestFrame::decode(text.as_bytes()).unwrap(), frame);
    }

    #[rstest]
    #[case(Answer::Done { message: "b2 is draining".into() }, r#"{"done":{"message":"b2 is draining"}}"#)]
    #[case(
        Answer::Welcome(Welcome { beacondeck: "0.1.0".into(), pid: 7, access: Access::Observe, you: "uid 5".into() }),
        r#"{"welcome":{"beacondeck":"0.1.0","pid":7,"access":"observe","you":"uid 5"}}"#
    )]
    #[case(Answer::Event(Event::Alive { at: UnixMs(9) }), r#"{"event":{"alive":{"at":9}}}"#)]
    #[case(
        Answer::Event(Event::Watchers(vec![Watcher { id: 1, who: "uid 5".into(), program: "status".into(), since: UnixMs(9) }])),
        r#"{"event":{"watchers":[{"id":1,"who":"uid 5","program":"status","since":9}]}}"#
    )]
    #[case(
        Answer::Event(Event::Log(LogLine {
            id: 3, at: UnixMs(9), level: LogLevel::Warn, from: "beacondeck::pool".into(), text: "late".into(),
        })),
        r#"{"event":{"log":{"id":3,"at":9,"level":"warn","from":"beacondeck::pool","text":"late"}}}"#
    )]
    fn an_answer_has_one_written_form(#[case] answer: Answer, #[case] text: &str) {
        let text = format!(r#"{{"v":1,"id":7,"answer":{text}}}"#);
        let frame = AnswerFrame::new(7, answer);
        assert_eq!(String::from_utf8(frame.encode().unwrap()).unwrap(), format!("{text}\n"));
        assert_eq!(AnswerFrame::decode(text.as_bytes()).unwrap(), frame);
    }

    #[rstest]
    #[case(r#"{"v":2,"id":9,"op":"status"}"#, "version 2", 9)]
    #[case(r#"{"v":2,"id":9,"say":"status","to":[]}"#, "version 2", 9)]
    #[case(r#"{"v":1,"id":9,"op":"reboot"}"#, "reboot", 9)]
    #[case(
        r#"{"v":1,"id":9,"op":"order","order":"0123456789abcdef0123456789abcdef","do":"drain"}"#,
        "beacon",
        9
    )]
    #[case(r#"{"v":1,"id":9,"op":"order","order":"1","do":"drain","beacon":"b1"}"#, "32 digits", 9)]
    #[case(r#"{"v":1,"id":9,"op":"order","do":"drain","beacon":"b1"}"#, "order", 9)]
    #[case(r#"{"id":9,"op":"status"}"#, "no frame", 0)]
    #[case("status", "no frame", 0)]
    #[case("", "no frame", 0)]
    fn a_foreign_line_is_named(#[case] line: &str, #[case] says: &str, #[case] id: u64) {
        let error = RequestFrame::decode(line.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.id(), id);
    }

    #[test]
    fn fields_of_a_newer_console_are_ignored() {
        let line = br#"{"v":1,"id":1,"op":"order","order":"0123456789abcdef0123456789abcdef","do":"drain","beacon":"b1","reason":"upgrade"}"#;
        assert_eq!(RequestFrame::decode(line).unwrap().request, drain("b1"));
    }

    #[test]
    fn a_request_beyond_the_limit_is_not_written() {
        let request = drain(&"b".repeat(REQUEST_LIMIT));
        let error = RequestFrame { v: VERSION, id: 1, request }.encode().unwrap_err();
        assert!(matches!(error, FrameError::TooLong { limit: REQUEST_LIMIT, .. }), "{error}");
    }

    fn requests() -> impl Strategy<Value = Request> {
        let name = || any::<String>().prop_map(BeaconName::new);
        prop_oneof![
            (any::<String>(), any::<String>())
                .prop_map(|(beacondeck, program)| Request::Hello { beacondeck, program }),
            (any::<Option<u64>>(), any::<Option<String>>(), any::<u32>())
                .prop_map(|(slot, client, limit)| Request::Explain { slot: slot.map(Slot), client, limit }),
            any::<u32>().prop_map(|limit| Request::Journal { limit }),
            any::<(Option<u32>, Option<u32>)>()
                .prop_map(|(journal, log)| Request::Watch(Wanted { journal, log })),
            name().prop_map(|beacon| Request::order(Order::Drain { beacon })),
            name().prop_map(|beacon| Request::order(Order::Resume { beacon })),
            Just(()).prop_map(|()| Request::order(Order::HandOver)),
        ]
    }

    fn answers() -> impl Strategy<Value = Answer> {
        let at = || any::<u64>().prop_map(UnixMs);
        let entry =
            (any::<u64>(), at(), any::<[String; 3]>(), any::<Option<String>>(), any::<Option<String>>())
                .prop_map(|(id, at, [who, what, outcome], target, order)| JournalEntry {
                    id,
                    at,
                    who,
                    what,
                    target,
                    order,
                    outcome,
                });
        let line = (any::<u64>(), at(), any::<[String; 2]>()).prop_map(|(id, at, [from, text])| LogLine {
            id,
            at,
            level: LogLevel::Info,
            from,
            text,
        });
        let status = (any::<[String; 3]>(), any::<Option<u64>>(), at()).prop_map(|(words, slot, at)| {
            let [fleet, version, alert] = words;
            let alerts = vec![alert];
            FleetStatus { fleet, version, slot: slot.map(Slot), at, alerts, ..FleetStatus::default() }
        });
        prop_oneof![
            any::<String>().prop_map(|message| Answer::Done { message }),
            any::<String>().prop_map(|message| Answer::Failed { message }),
            any::<String>().prop_map(|message| Answer::Refused { message }),
            any::<String>().prop_map(|message| Answer::Event(Event::Ended { message })),
            prop::collection::vec(entry.clone(), 0..3).prop_map(Answer::Journal),
            entry.prop_map(|entry| Answer::Event(Event::Journal(entry))),
            line.prop_map(|line| Answer::Event(Event::Log(line))),
            status.prop_map(|status| Answer::Event(Event::Snapshot(Arc::new(status)))),
        ]
    }

    proptest! {
        #[test]
        fn a_request_is_one_line_and_round_trips(id: u64, request in requests()) {
            let frame = RequestFrame { v: VERSION, id, request };
            let line = frame.encode().unwrap();
            prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(RequestFrame::decode(&line).unwrap(), frame);
        }

        #[test]
        fn an_answer_is_one_line_and_round_trips(id: u64, answer in answers()) {
            let frame = AnswerFrame::new(id, answer);
            let line = frame.encode().unwrap();
            prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(AnswerFrame::decode(&line).unwrap(), frame);
        }

        #[test]
        fn no_bytes_panic(line: Vec<u8>) {
            let _ = RequestFrame::decode(&line);
            let _ = AnswerFrame::decode(&line);
        }

        #[test]
        fn no_damage_to_a_frame_panics(request in requests(), at: prop::sample::Index, byte: u8) {
            let mut line = RequestFrame { v: VERSION, id: 1, request }.encode().unwrap();
            let at = at.index(line.len());
            line[at] = byte;
            let _ = RequestFrame::decode(&line);
            let _ = RequestFrame::decode(&line[..at]);
        }
    }
}
