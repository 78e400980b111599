//! What a call came to, directly and through the router, and in what the two differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The header by which a request is found again where it arrived.
const CALL: &str = "x-conformance-call";

/// A body that is what the beacon says in JSON.
pub const JSON: &str = "the bytes of the JSON form";

/// What a client got.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// Route, variant and forms.
    pub name: String,
    /// The route.
    pub route: String,
    /// None of an event.
    pub status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    sha256: Option<String>,
    #[serde(default)]
    bytes: usize,
    /// The body where it is short and in JSON.
    text: Option<String>,
    /// Digest of what the client made of it.
    decoded: Option<String>,
    /// What it reads as an error.
    error: Option<String>,
    /// Why it cannot read it.
    undecodable: Option<String>,
}

/// A request where it arrived.
#[derive(Debug, Deserialize)]
pub struct Arrived {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    sha256: String,
}

/// In what a call through the router differs.
pub struct Difference {
    /// The call.
    pub name: String,
    /// Of what: `status`, `body`, `value`, `header …`, `arrived`, `arrived header …`.
    pub what: String,
    /// How it is without the router.
    pub direct: String,
    /// How it is with it.
    pub routed: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, what, direct, routed } = self;
        write!(f, "{name}: {what}: {direct}, through the router {routed}")
    }
}

/// Requests by the name of their call; those nobody named are not of the client.
pub fn by_call(arrived: Vec<Arrived>) -> BTreeMap<String, Vec<Arrived>> {
    let mut all: BTreeMap<String, Vec<Arrived>> = BTreeMap::new();
    for mut one in arrived {
        let Some(call) = one.headers.remove(CALL) else { continue };
        let name = BASE64_URL_SAFE_NO_PAD.decode(call).unwrap();
        all.entry(String::from_utf8(name).unwrap()).or_default().push(one);
    }
    all
}

fn or_none(text: Option<&String>) -> String {
    text.map_or_else(|| "none".to_owned(), Clone::clone)
}

impl Row {
    fn body(&self) -> String {
        self.text.clone().unwrap_or_else(|| format!("{} bytes", self.bytes))
    }

    fn value(&self) -> String {
        let made = self.decoded.as_ref().or(self.error.as_ref()).or(self.undecodable.as_ref());
        or_none(made)
    }

    /// In what the answer to the same call through the router differs. `json` is the direct one in JSON.
    pub fn against(&self, routed: &Row, json: Option<&Row>) -> Vec<Difference> {
        let mut all = Vec::new();
        let mut differs = |what: &str, direct: String, routed: String| {
            all.push(Difference { name: self.name.clone(), what: what.to_owned(), direct, routed });
        };
        if self.status != routed.status {
            differs("status", format!("{:?}", self.status), format!("{:?}", routed.status));
        }
        if self.sha256 != routed.sha256 {
            let is_json = json.is_some_and(|json| json.sha256 == routed.sha256);
            differs("body", self.body(), if is_json { JSON.to_owned() } else { routed.body() });
        }
        if self.value() != routed.value() {
            differs("value", self.value(), routed.value());
        }
        for (name, direct, routed) in headers(&self.headers, &routed.headers) {
            // The length of another body is another one, and each answer was sent at its own time.
            let its_own = name == "content-length" && self.bytes.to_string() == direct;
            if its_own || name == "date" && direct != "none" && routed != "none" {
                continue;
            }
            differs(&format!("header {name}"), direct, routed);
        }
        all
    }
}

/// Headers that are not the same.
fn headers(
    direct: &BTreeMap<String, String>,
    routed: &BTreeMap<String, String>,
) -> Vec<(String, String, String)> {
    let names: BTreeSet<&String> = direct.keys().chain(routed.keys()).collect();
    let both =
        names.into_iter().map(|name| (name.clone(), or_none(direct.get(name)), or_none(routed.get(name))));
    both.filter(|(_, direct, routed)| direct != routed).collect()
}

/// In what the requests that arrived through the router differ from the one that arrived directly.
pub fn arrivals(name: &str, direct: &Arrived, routed: &[Arrived]) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut differs = |what: &str, direct: String, routed: String| {
        all.push(Difference { name: name.to_owned(), what: what.to_owned(), direct, routed });
    };
    if routed.is_empty() {
        differs("arrived", "once".to_owned(), "never".to_owned());
    }
    for routed in routed {
        for (what, direct, routed) in [
            ("arrived method", &direct.method, &routed.method),
            ("arrived target", &direct.url, &routed.url),
            ("arrived body", &direct.sha256, &routed.sha256),
        ] {
            if direct != routed {
                differs(what, direct.clone(), routed.clone());
            }
        }
        for (name, direct, routed) in headers(&direct.headers, &routed.headers) {
            if name != "host" {
                differs(&format!("arrived header {name}"), direct, routed);
            }
        }
    }
    all
}
