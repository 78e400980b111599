//! A request taken apart and an answer before it is rendered.

use bytes::Bytes;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::Ask;
use crate::model::{Epoch, Root, Slot};
use crate::sim::wire::{FORK, unhex};
use crate::sim::world::{Mood, Node, Refusal};

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    head: Parts,
    query: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: Bytes,
}

impl Request {
    /// Takes the query apart.
    pub(crate) fn new(head: Parts, body: Bytes) -> Self {
        let query = head
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), decode(value)))
            .collect();
        Self { head, query, body }
    }

    /// The path.
    pub(crate) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// Whether it is a GET.
    pub(crate) fn is_get(&self) -> bool {
        self.is("GET")
    }

    pub(super) fn is(&self, method: &str) -> bool {
        self.head.method.as_str() == method
    }

    /// The `{}` segments of a path template, if the path fits.
    pub(super) fn segments(&self, template: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let mut path = self.path().split('/');
        for expected in template.split('/') {
            let segment = path.next()?;
            if expected == "{}" {
                found.push(decode(segment));
            } else if expected != segment {
                return None;
            }
        }
        path.next().is_none().then_some(found)
    }

    /// A query parameter.
    pub(super) fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// A query parameter that may be repeated or hold commas.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.query
            .iter()
            .filter(|(k, _)| k == key)
            .flat_map(|(_, value)| value.split(','))
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Whether the body is SSZ; 415 for what is neither SSZ nor JSON.
    pub(super) fn is_ssz(&self) -> Result<bool, Answer> {
        match self.header("content-type") {
            Some(kind) if kind.starts_with("application/octet-stream") => Ok(true),
            Some(kind) if !kind.starts_with("application/json") => {
                Err(Answer::error(415, format!("unsupported content type: {kind}")))
            }
            _ => Ok(false),
        }
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Answer> {
        if self.is_ssz()? {
            return Err(Answer::error(415, "this endpoint reads JSON only"));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Answer::error(400, format!("invalid JSON: {error}")))
    }

    /// The body as a JSON array.
    pub(super) fn array(&self) -> Result<Vec<Value>, Answer> {
        match self.json()? {
            Value::Array(items) => Ok(items),
            _ => Err(Answer::error(400, "the body is not an array")),
        }
    }

    /// Refuses a fork-versioned body without its header.
    pub(super) fn needs_version(&self) -> Result<(), Answer> {
        match self.header("eth-consensus-version") {
            Some(_) => Ok(()),
            None => Err(Answer::error(400, "Eth-Consensus-Version is missing")),
        }
    }

    /// Whether SSZ is preferred over JSON by `Accept`.
    pub(super) fn wants_ssz(&self) -> bool {
        let quality = |kind: &str| {
            self.header("accept")
                .into_iter()
                .flat_map(|accept| accept.split(','))
                .map(str::trim)
                .find(|item| item.starts_with(kind))
                .map(|item| {
                    let q = item.split(';').find_map(|part| part.trim().strip_prefix("q="));
                    q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0))
                })
        };
        match (quality("application/octet-stream"), quality("application/json")) {
            (Some(ssz), Some(json)) => ssz > json,
            (Some(ssz), None) => ssz > 0.0,
            (None, _) => false,
        }
    }
}

/// `%XX` of a query or path.
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Content type, when there is a body.
    pub(crate) kind: Option<&'static str>,
    /// Further headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// 200 with JSON as it stands.
    pub(super) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            kind: Some("application/json"),
            headers: Vec::new(),
            body: value.to_string().into(),
        }
    }

    /// 200 with `{"data": …}`.
    pub(super) fn data(value: impl Into<Value>) -> Self {
        Self::json(&json!({"data": value.into()}))
    }

    /// 200 with SSZ of today's fork.
    pub(super) fn ssz(bytes: Vec<u8>) -> Self {
        Self { status: 200, kind: Some("application/octet-stream"), headers: Vec::new(), body: bytes.into() }
            .with("eth-consensus-version", FORK)
    }

    /// A status without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, kind: None, headers: Vec::new(), body: Bytes::new() }
    }

    /// `ErrorMessage`; its code equals the status.
    pub(crate) fn error(status: u16, message: impl Into<String>) -> Self {
        Self { status, ..Self::json(&json!({"code": status, "message": message.into()})) }
    }

    /// `IndexedErrorMessage`, or 200 when nothing failed.
    pub(super) fn indexed(failures: &[(usize, Refusal)]) -> Self {
        let Some((_, first)) = failures.first() else { return Self::empty(200) };
        let status = first.status;
        let failures: Vec<Value> = failures
            .iter()
            .map(|(index, refusal)| json!({"index": index, "message": refusal.message}))
            .collect();
        let value = json!({"code": status, "message": "some messages failed", "failures": failures});
        Self { status, ..Self::json(&value) }
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::error(refusal.status, refusal.message)
    }
}

impl Ask<'_> {
    /// The beacon asked.
    pub(super) fn me(&self) -> &Node {
        &self.world.nodes[self.node]
    }

    /// A path segment that is a number.
    pub(super) fn number(&self, segment: usize) -> Result<u64, Answer> {
        self.segments
            .get(segment)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Answer::error(400, "not a number in the path"))
    }

    /// A query parameter that is a number.
    pub(super) fn query_number(&self, key: &str) -> Result<u64, Answer> {
        self.request
            .query(key)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Answer::error(400, format!("{key} is missing or not a number")))
    }

    /// A query parameter that is a root.
    pub(super) fn query_root(&self, key: &str) -> Result<Root, Answer> {
        self.request
            .query(key)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Answer::error(400, format!("{key} is missing or not a root")))
    }

    /// The present slot; 0 before genesis.
    pub(super) fn slot(&self) -> Slot {
        self.world.config.slot_at(self.now).unwrap_or_default()
    }

    /// The present epoch.
    pub(super) fn epoch(&self) -> Epoch {
        self.world.config.epoch_of(self.slot())
    }

    /// Refuses duties while syncing.
    pub(super) fn synced(&self) -> Result<(), Answer> {
        if self.me().mood == Mood::Syncing {
            Err(Answer::error(503, "beacon node is syncing"))
        } else {
            Ok(())
        }
    }

    /// Refuses what is to be signed while syncing or optimistic.
    pub(super) fn verified(&self) -> Result<(), Answer> {
        self.synced()?;
        if self.me().mood == Mood::Optimistic {
            return Err(Answer::error(503, "head is optimistic: not verified by the execution client"));
        }
        Ok(())
    }

    /// The members of most answers besides the data.
    pub(super) fn envelope(&self, data: impl Into<Value>) -> Answer {
        let optimistic = self.me().mood == Mood::Optimistic;
        Answer::json(&json!({
            "execution_optimistic": optimistic, "finalized": false, "data": data.into(),
        }))
    }

    /// The block of a block or state id: `head`, `genesis`, `finalized`, `justified`, a slot or a root.
    pub(super) fn block_of(&self, id: &str) -> Result<Root, Answer> {
        let (world, head) = (&*self.world, self.me().head);
        let epoch = world.config.epoch_of(world.tree.slot(head));
        let missing = || Answer::error(404, format!("no such block or state: {id}"));
        let at_checkpoint =
            |(epoch, root): (Epoch, Root)| if epoch.0 == 0 { world.tree.genesis() } else { root };
        match id {
            "head" => Ok(head),
            "genesis" => Ok(world.tree.genesis()),
            "finalized" => Ok(at_checkpoint(world.finalized(head, epoch))),
            "justified" => Ok(at_checkpoint(world.justified(head, epoch))),
            _ if id.starts_with("0x") => {
                let root = id.parse::<Root>().map_err(|_| Answer::error(400, format!("invalid id: {id}")))?;
                let by_state = || world.tree.iter().find(|block| block.state == root).map(|block| block.root);
                world.tree.get(root).map(|block| block.root).or_else(by_state).ok_or_else(missing)
            }
            _ => {
                let slot = Slot(id.parse().map_err(|_| Answer::error(400, format!("invalid id: {id}")))?);
                let block = world.tree.at_or_before(head, slot);
                if block.slot == slot { Ok(block.root) } else { Err(missing()) }
            }
        }
    }

    /// The validator of an index or a public key.
    pub(super) fn validator_of(&self, id: &str) -> Option<crate::model::ValidatorIndex> {
        let config = &self.world.config;
        if id.starts_with("0x") {
            return config.validator_of(&unhex(id)?);
        }
        let index = crate::model::ValidatorIndex(id.parse().ok()?);
        (index.0 < config.validators).then_some(index)
    }
}
