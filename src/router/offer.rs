//! What beacons offer to be proposed, and which offer is the better one. Pure.
//!
//! An offer is told by its headers; of its body only the 80 bytes that name the block are read. A value that is missing,
//! empty or no number counts as none (Prysm, OffchainLabs/prysm#15174).

use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName};
use serde::Deserialize;

use super::head;
use super::upstream::{Ask, Reply};
use crate::chain::{BlockKey, Ssz};
use crate::endpoint::Found;
use crate::model::{BeaconId, Quoted, Root, Slot};
use crate::pool::{AgreedHead, Table};

const PAYLOAD_VALUE: HeaderName = HeaderName::from_static("eth-execution-payload-value");
const CONSENSUS_VALUE: HeaderName = HeaderName::from_static("eth-consensus-block-value");
const BLINDED: HeaderName = HeaderName::from_static("eth-execution-payload-blinded");
/// The builder whose bid is in the block; whoever publishes it through the same beacon sends it back.
pub const BUILDER_URL: HeaderName = HeaderName::from_static("eth-builder-url");

/// A builder's payload counts as much as one's own (Beacon API, `builder_boost_factor`).
const EVEN: u64 = 100;

/// What a beacon offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Which block; none if its form is not known.
    pub key: Option<BlockKey>,
    /// Whether a builder made its payload.
    built: bool,
    /// Wei for the payload.
    payload: u128,
    /// Whether anything is said of that: v4 answers say it since beacon-APIs#631 only.
    pub told: bool,
    /// Wei for the rest.
    consensus: u128,
}

/// How good an offer is: greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worth {
    /// It has the kind of payload the client wants whatever it costs.
    wanted: bool,
    /// Wei, a builder's weighed as the client weighs them.
    weighed: u128,
    /// Wei.
    wei: u128,
}

/// How a client compares payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taste {
    /// What a builder's payload counts, in percent of one's own.
    boost: u64,
    /// Whether payloads are paid in the coin that blocks are paid in; else they do not count.
    one_coin: bool,
}

impl Offer {
    /// Reads one.
    pub fn of(reply: &Reply) -> Self {
        let headers = &reply.headers;
        let wei = |name| text(headers, name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let built = text(headers, &BLINDED).is_some_and(|text| text.eq_ignore_ascii_case("true"))
            || headers.contains_key(BUILDER_URL);
        let key =
            reply.bytes().and_then(|body| BlockKey::of_unsigned(body, head::is_ssz(headers, &CONTENT_TYPE)));
        let told = headers.contains_key(&PAYLOAD_VALUE);
        Self { key, built, payload: wei(&PAYLOAD_VALUE), told, consensus: wei(&CONSENSUS_VALUE) }
    }

    /// Whether it builds on what it should: the agreed head, or, to reorg a late one, its parent. A beacon reorgs its own
    /// head only (consensus spec, `get_proposer_head`); one that has not the agreed head is behind.
    pub fn fits(&self, by: BeaconId, slot: Slot, table: &Table) -> bool {
        let (Some(key), Some(agreed)) = (self.key, table.agreed.filter(|agreed| agreed.slot < slot)) else {
            return true;
        };
        let next = |early: AgreedHead, late: Slot| early.slot.0 + 1 == late.0;
        let reorg = |parent: AgreedHead| {
            key.parent == parent.root
                && next(parent, agreed.slot)
                && next(agreed, slot)
                && table.entries.get(by.index()).is_some_and(|entry| entry.at_agreed)
        };
        key.parent == agreed.root || table.parent.is_some_and(reorg)
    }

    /// Its parent, as far as it is known.
    pub fn parent(&self) -> Root {
        self.key.map_or_else(Root::default, |key| key.parent)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// What v4 of the Beacon API is told by its body (`BuilderConfig`).
#[derive(Deserialize)]
struct Config {
    builder_boost_factor: Option<Quoted>,
}

/// What the spec says of the coins.
#[derive(Deserialize)]
struct Said {
    data: Preset,
}

#[derive(Deserialize)]
struct Preset {
    #[serde(rename = "PRESET_BASE")]
    base: String,
}

impl Taste {
    /// What a request says of it, on a chain with this spec as beacons serve it.
    pub fn of(ask: &Ask, found: &Found<'_>, ssz: bool, spec: Option<&[u8]>) -> Self {
        let asked = found.query("builder_boost_factor").and_then(|text| text.parse().ok());
        let boost = asked.or_else(|| boost(&ask.body, ssz)).unwrap_or(EVEN);
        let preset = spec.and_then(|spec| serde_json::from_slice::<Said>(spec).ok());
        // Gnosis pays blocks in GNO and payloads in xDAI.
        Self { boost, one_coin: preset.is_none_or(|said| said.data.base != "gnosis") }
    }

    /// The same where not all that are compared say what their payloads are worth: by what all say, the consensus values, or
    /// whoever does not say it would lose to whatever does.
    pub fn without_payloads(self) -> Self {
        Self { one_coin: false, ..self }
    }

    /// How good an offer is.
    pub fn worth(&self, offer: &Offer) -> Worth {
        let payload = if self.one_coin { offer.payload } else { 0 };
        let counted =
            if offer.built { payload.saturating_mul(self.boost.into()) / u128::from(EVEN) } else { payload };
        let wanted = match self.boost {
            0 => !offer.built,
            u64::MAX => offer.built,
            _ => true,
        };
        let [weighed, wei] = [counted, payload].map(|payload| payload.saturating_add(offer.consensus));
        Worth { wanted, weighed, wei }
    }
}

/// The boost of a `BuilderConfig`: `min_bid`, `builder_boost_factor`, and the builders behind an offset.
fn boost(body: &[u8], ssz: bool) -> Option<u64> {
    if ssz {
        return (Ssz(body).offset(16)? == 20).then(|| Ssz(body).number(8))?;
    }
    serde_json::from_slice::<Config>(body).ok()?.builder_boost_factor.map(|boost| boost.0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::header::HeaderValue;
    use hyper::{Method, StatusCode};
    use rstest::rstest;

    use super::*;
    use crate::endpoint::find;
    use crate::model::{Lifecycle, Moment, UnixMs, Use, ValidatorIndex};
    use crate::pool::Entry;
    use crate::router::upstream::ReplyBody;

    const ETH: &str = "1000000000000000000";

    fn offer(headers: &[(&'static str, &'static str)]) -> Offer {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Offer::of(&Reply { status: StatusCode::OK, headers, body: ReplyBody::Whole(Bytes::new()) })
    }

    fn paid(payload: &'static str, consensus: &'static str, built: &'static str) -> Offer {
        offer(&[
            ("eth-execution-payload-value", payload),
            ("eth-consensus-block-value", consensus),
            ("eth-execution-payload-blinded", built),
        ])
    }

    fn taste(boost: u64) -> Taste {
        Taste { boost, one_coin: true }
    }

    #[rstest]
    #[case::nothing_said(offer(&[]))]
    #[case::empty(paid("", "", "false"))]
    #[case::zero(paid("0", "0", "false"))]
    #[case::no_number(paid("a lot", "-1", "false"))]
    #[case::gwei(paid("20000000", "40000000", "false"))]
    fn a_value_that_is_not_told_loses(#[case] poor: Offer) {
        let rich = paid("20000000000000000", "", "false");
        assert!(taste(EVEN).worth(&poor) < taste(EVEN).worth(&rich));
        let built = Offer { built: true, ..rich };
        assert!(taste(EVEN).worth(&poor) < taste(EVEN).worth(&built));
    }

    #[test]
    fn a_builders_payload_counts_what_the_client_says() {
        let (own, built) = (paid(ETH, "5", "false"), paid("1500000000000000000", "5", "true"));
        let better = |boost| {
            if taste(boost).worth(&own) > taste(boost).worth(&built) { "own" } else { "built" }
        };
        assert_eq!(
            [0, 50, 66, 67, 100, 200, u64::MAX].map(better),
            ["own", "own", "own", "built", "built", "built", "built"]
        );
        let (nothing, other) = (paid("", "", "false"), paid("1600000000000000000", "5", "true"));
        assert!(taste(0).worth(&nothing) > taste(0).worth(&built), "its own whatever it costs");
        assert!(taste(u64::MAX).worth(&other) > taste(u64::MAX).worth(&built), "the better of two builders'");
        let small = paid("1", "", "true");
        assert!(taste(u64::MAX).worth(&small) > taste(u64::MAX).worth(&own), "a builder's whatever it costs");
    }

    #[test]
    fn where_there_are_two_coins_payloads_are_not_compared() {
        let gnosis = Taste { boost: EVEN, one_coin: false };
        assert!(gnosis.worth(&paid(ETH, "5", "false")) < gnosis.worth(&paid("1", "6", "false")));
    }

    #[test]
    fn a_taste_is_read_from_the_query_or_the_body() {
        let read = |query: &str, body: &[u8], ssz, spec: Option<&[u8]>| {
            let path = format!("/eth/v4/validator/blocks/7?randao_reveal=0x00{query}");
            let found = find(&Method::POST, &path);
            let ask = Ask {
                row: found.row,
                method: Method::POST,
                path: path.parse().unwrap(),
                headers: HeaderMap::new(),
                body: Bytes::copy_from_slice(body),
                arrived: Moment::default(),
                origin: None,
                block: None,
            };
            Taste::of(&ask, &found, ssz, spec)
        };
        assert_eq!(read("", b"", false, None), taste(100));
        assert_eq!(read("&builder_boost_factor=0", b"", false, None), taste(0));
        let json = br#"{"min_bid":"1","builder_boost_factor":"90","builders":[]}"#;
        assert_eq!(read("", json, false, None), taste(90));
        let ssz = [&1_u64.to_le_bytes()[..], &80_u64.to_le_bytes(), &20_u32.to_le_bytes(), &[9; 40]].concat();
        assert_eq!(read("", &ssz, true, None), taste(80));
        let spec = br#"{"data":{"PRESET_BASE":"gnosis","BLOB_SCHEDULE":[]}}"#;
        assert_eq!(read("", b"", false, Some(spec)), Taste { boost: 100, one_coin: false });
    }

    fn table(agreed: u64, parent: u64, at_agreed: bool) -> Table {
        let head = |slot: u64| AgreedHead { slot: Slot(slot), root: Root([slot as u8; 32]) };
        let entry = Entry {
            id: BeaconId(0),
            ranks: Use::ALL.map(|_| 0),
            reasons: Vec::new(),
            lifecycle: Lifecycle::Active,
            head: None,
            at_agreed,
            roles: u8::MAX,
            near: false,
            host: 0,
            share: 100,
            owed: None,
        };
        let (agreed, parent) = (Some(head(agreed)), Some(head(parent)));
        Table { seq: 1, at: UnixMs(0), clock: None, agreed, parent, split: None, entries: vec![entry] }
    }

    #[rstest]
    #[case::head(9, table(9, 8, true), true)]
    #[case::reorg(8, table(9, 8, true), true)]
    #[case::behind(8, table(9, 8, false), false)]
    #[case::two_back(7, table(9, 8, true), false)]
    #[case::head_is_older(7, table(8, 7, true), false)]
    #[case::gap_before_the_head(7, table(9, 7, true), false)]
    #[case::head_of_a_slot_before(8, table(8, 7, true), true)]
    #[case::its_own_slot_has_one(9, table(10, 9, true), true)]
    fn it_builds_on_the_head_or_reorgs_a_late_one(
        #[case] parent: u8,
        #[case] table: Table,
        #[case] fits: bool,
    ) {
        let root = |n| Root([n; 32]);
        let key =
            BlockKey { slot: Slot(10), proposer: ValidatorIndex(1), parent: root(parent), state: root(1) };
        let offer = Offer { key: Some(key), ..offer(&[]) };
        assert_eq!(offer.fits(BeaconId(0), Slot(10), &table), fits);
        assert!(Offer { key: None, ..offer }.fits(BeaconId(0), Slot(10), &table), "a form that is not known");
    }
}
