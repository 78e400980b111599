//! Frames: one JSON object a line, versioned, bounded. Pure.
//!
//! A request is `{"v":1,"id":7,"op":"drain","beacon":"b2"}`; its answer carries the same version and id:
//! `{"v":1,"id":7,"answer":{"done":{"message":"b2 is draining"}}}`. Fields that are not known are ignored, so that a newer
//! console can speak to an older serve within one version.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{BeaconName, Explanation, FleetStatus, Slot};

/// The version both sides must speak.
pub const VERSION: u32 = 1;
/// Longest request line, in bytes, its newline included.
pub const REQUEST_LIMIT: usize = 64 * 1024;
/// Longest answer line, in bytes, its newline included.
pub const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// What an operator asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Request {
    /// The fleet as it is now.
    Status,
    /// Give a beacon no new work.
    Drain {
        /// The beacon.
        beacon: BeaconName,
    },
    /// Give a drained beacon work again.
    Resume {
        /// The beacon.
        beacon: BeaconName,
    },
    /// Why requests went where they went, newest first.
    Explain {
        /// Only requests about this slot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        /// Only requests of the client with this name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
        /// At most so many.
        limit: u32,
    },
}

/// What serve answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Arc<FleetStatus>),
    /// The order was carried out.
    Done {
        /// One sentence for the operator.
        message: String,
    },
    /// To [`Request::Explain`].
    Explained(Vec<Explanation>),
    /// The order was understood and not carried out, or not understood.
    Refused {
        /// One sentence for the operator: what, why, what to do.
        message: String,
    },
}

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
        "the other side speaks version {theirs} of the control protocol, this beacondeck speaks {VERSION}"
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
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Request::Status, r#"{"v":1,"id":7,"op":"status"}"#)]
    #[case(Request::Drain { beacon: BeaconName::new("b2") }, r#"{"v":1,"id":7,"op":"drain","beacon":"b2"}"#)]
    #[case(Request::Resume { beacon: BeaconName::new("b2") }, r#"{"v":1,"id":7,"op":"resume","beacon":"b2"}"#)]
    #[case(
        Request::Explain { slot: Some(Slot(12)), client: None, limit: 20 },
        r#"{"v":1,"id":7,"op":"explain","slot":12,"limit":20}"#
    )]
    fn a_request_has_one_written_form(#[case] request: Request, #[case] text: &str) {
        let frame = RequestFrame { v: VERSION, id: 7, request };
        assert_eq!(String::from_utf8(frame.encode().unwrap()).unwrap(), format!("{text}\n"));
        assert_eq!(RequestFrame::decode(text.as_bytes()).unwrap(), frame);
    }

    #[test]
    fn an_answer_has_one_written_form() {
        let frame = AnswerFrame::new(7, Answer::Done { message: "b2 is draining".into() });
        let text = r#"{"v":1,"id":7,"answer":{"done":{"message":"b2 is draining"}}}"#;
        assert_eq!(String::from_utf8(frame.encode().unwrap()).unwrap(), format!("{text}\n"));
        assert_eq!(AnswerFrame::decode(text.as_bytes()).unwrap(), frame);
    }

    #[rstest]
    #[case(r#"{"v":2,"id":9,"op":"status"}"#, "version 2", 9)]
    #[case(r#"{"v":1,"id":9,"op":"reboot"}"#, "reboot", 9)]
    #[case(r#"{"v":1,"id":9,"op":"drain"}"#, "beacon", 9)]
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
        let line = br#"{"v":1,"id":1,"op":"drain","beacon":"b1","reason":"upgrade"}"#;
        let request = RequestFrame::decode(line).unwrap().request;
        assert_eq!(request, Request::Drain { beacon: BeaconName::new("b1") });
    }

    #[test]
    fn a_request_beyond_the_limit_is_not_written() {
        let request = Request::Drain { beacon: BeaconName::new("b".repeat(REQUEST_LIMIT)) };
        let error = RequestFrame { v: VERSION, id: 1, request }.encode().unwrap_err();
        assert!(matches!(error, FrameError::TooLong { limit: REQUEST_LIMIT, .. }), "{error}");
    }

    proptest! {
        #[test]
        fn a_frame_is_one_line_and_round_trips(id: u64, name: String, slot: Option<u64>, limit: u32) {
            for request in [
                Request::Drain { beacon: BeaconName::new(name.as_str()) },
                Request::Explain { slot: slot.map(Slot), client: Some(name.clone()), limit },
            ] {
                let frame = RequestFrame { v: VERSION, id, request };
                let line = frame.encode().unwrap();
                prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
                prop_assert_eq!(RequestFrame::decode(&line).unwrap(), frame);
            }
        }

        #[test]
        fn no_bytes_panic(line: Vec<u8>) {
            let _ = RequestFrame::decode(&line);
            let _ = AnswerFrame::decode(&line);
        }
    }
}
