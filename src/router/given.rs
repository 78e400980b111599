//! Blocks that were given to be signed, as one process tells them to the next, by a line or by a file: over a hand-over and
//! after a crash, too, who asks the same again gets the same bytes.

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::blocks::{Blocks, Draft, Question};
use super::kept::Kept;
use super::memory::lock;
use super::strategy::Key;
use crate::chain::{BlockKey, hex, unhex};
use crate::endpoint::{RowId, row, table};
use crate::model::{BeaconName, Slot};

/// Bytes of blocks that are told; the newest are.
const MOST: usize = 16 << 20;

/// A block and the question it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    client: u64,
    endpoint: String,
    slot: Slot,
    randao: String,
    beacon: BeaconName,
    status: u16,
    headers: Vec<(String, String)>,
    /// As hex.
    body: String,
    key: Option<BlockKey>,
}

impl Given {
    fn of(question: &Question, draft: &Draft) -> Self {
        Self { body: hex(&draft.kept.body), ..Self::without_body(question, draft) }
    }

    /// What stands in a file before its body, on a line.
    pub(super) fn head(question: &Question, draft: &Draft) -> String {
        serde_json::to_string(&Self::without_body(question, draft)).unwrap_or_default()
    }

    /// Of a file; none if it is none.
    pub(super) fn of_file(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, body) = (bytes.get(..end)?, bytes.get(end + 1..)?);
        Some(Self { body: hex(body), ..serde_json::from_slice(head).ok()? })
    }

    fn without_body(question: &Question, draft: &Draft) -> Self {
        let Draft { kept, key } = draft;
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers =
            kept.headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)));
        Self {
            client: question.client.0,
            endpoint: row(question.row).name.to_owned(),
            slot: question.slot,
            randao: question.randao.to_string(),
            beacon: kept.beacon.clone(),
            status: kept.status.as_u16(),
            headers: headers.collect(),
            body: String::new(),
            key: *key,
        }
    }

    /// None if this program does not know its endpoint, or it is garbled.
    fn read(self) -> Option<(Question, Draft)> {
        let row = table().iter().position(|row| row.name == self.endpoint)?;
        let question = Question {
            client: Key(self.client),
            row: RowId(u16::try_from(row).ok()?),
            slot: self.slot,
            randao: self.randao.into(),
        };
        let header = |(name, value): (String, String)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&value).ok()?))
        };
        let headers: HeaderMap = self.headers.into_iter().filter_map(header).collect();
        let (status, body) = (StatusCode::from_u16(self.status).ok()?, Bytes::from(unhex(&self.body)?));
        let kept = Kept::again(self.beacon, status, headers, body)?;
        Some((question, Draft { kept: kept.into(), key: self.key }))
    }
}

impl Blocks {
    /// Blocks that were given, oldest first, as many as another process is told.
    pub fn tell(&self) -> Vec<Given> {
        let drafts = lock(&self.drafts);
        let mut bytes = 0;
        let mut told: Vec<Given> = drafts
            .newest()
            .take_while(|(_, draft)| {
                bytes += draft.kept.body.len();
                bytes <= MOST
            })
            .map(|(question, draft)| Given::of(question, draft))
            .collect();
        told.reverse();
        told
    }

    /// Another process gave these.
    pub fn hear(&self, given: Vec<Given>) {
        let mut drafts = lock(&self.drafts);
        for (question, draft) in given.into_iter().filter_map(Given::read) {
            let bytes = draft.kept.body.len();
            drop(drafts.give(question, draft, bytes));
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Root, ValidatorIndex};

    pub fn draft(number: u8, bytes: usize) -> (Question, Draft) {
        let row = table().iter().position(|row| row.name == "produceBlockV3").unwrap() as u16;
        let question = Question {
            client: Key(1 << 63),
            row: RowId(row),
            slot: Slot(7),
            randao: format!("0x{number}").into(),
        };
        let headers = [("eth-consensus-version", "fulu"), ("content-type", "application/octet-stream")];
        let headers =
            headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let kept = Kept::again(
            BeaconName::new("b1"),
            StatusCode::OK,
            HeaderMap::from_iter(headers),
            Bytes::from(vec![number; bytes]),
        );
        let (parent, state) = (Root([1; 32]), Root([number; 32]));
        let key = BlockKey { slot: Slot(7), proposer: ValidatorIndex(3), parent, state };
        (question, Draft { kept: kept.unwrap().into(), key: Some(key) })
    }

    #[test]
    fn what_one_process_gave_the_next_one_gives() {
        let (before, after) = (Blocks::default(), Blocks::default());
        for number in 1..=3 {
            let (question, one) = draft(number, 1_000);
            lock(&before.drafts).give(question, one, 1_000);
        }
        let told = serde_json::to_string(&before.tell()).unwrap();
        after.hear(serde_json::from_str(&told).unwrap());
        for number in 1..=3 {
            let (question, one) = draft(number, 1_000);
            let given = lock(&after.drafts).given(&question).unwrap();
            assert_eq!((given.key, given.kept.status), (one.key, one.kept.status));
            assert_eq!((&given.kept.body, &given.kept.headers), (&one.kept.body, &one.kept.headers));
            assert!(given.kept.is_ssz());
        }
        assert_eq!(after.tell(), before.tell());
    }

    #[test]
    fn no_more_is_told_than_a_line_holds_and_the_newest_is() {
        let blocks = Blocks::default();
        for number in 1..=3 {
            let (question, one) = draft(number, MOST / 2);
            lock(&blocks.drafts).give(question, one, MOST / 2);
        }
        let told: Vec<String> = blocks.tell().into_iter().map(|given| given.randao).collect();
        assert_eq!(told, ["0x2", "0x3"]);
    }

    #[test]
    fn what_is_garbled_or_of_another_program_is_left_out() {
        let (question, one) = draft(1, 10);
        let given = Given::of(&question, &one);
        let blocks = Blocks::default();
        blocks.hear(vec![
            Given { endpoint: "produceBlockV9".into(), ..given.clone() },
            Given { body: "0xzz".into(), ..given.clone() },
            Given { status: 7, ..given },
        ]);
        assert_eq!(blocks.tell(), []);
    }
}
