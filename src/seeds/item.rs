//! Bodies of seeds as entries: what each is about, until when it is valid, and its bytes as the client sent them.
//!
//! A body is a JSON array, or an SSZ list of fixed stride (`SignedValidatorRegistration`, builder-specs; and
//! `SignedProposerPreferences`, consensus-specs `specs/gloas/p2p-interface.md`). A body that is neither is no seed.

use serde::Deserialize;

use super::kind::{PREPARED_EPOCHS, REGISTERED_EPOCHS};
use super::{When, ssz};
use crate::chain::unhex;
use crate::model::{Epoch, Quoted, SeedKind, Slot};

/// Bytes of a `SignedValidatorRegistration`: fee recipient 20, gas limit 8, time 8, key 48, signature 96.
const REGISTRATION: usize = 180;
/// Bytes of a `SignedProposerPreferences`: dependent root 32, slot 8, validator 8, fee recipient 20, gas limit 8,
/// signature 96.
const PREFERENCES: usize = 172;
/// Longest entry that is remembered, bytes; the longest there is has half of it.
const LONGEST: usize = 1_024;

/// What an entry is about: a later entry about the same replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A validator's subscription to a committee.
    Committee(Slot, u64, u64),
    /// A validator's subscription until before an epoch.
    Sync(u64, Epoch),
    /// A validator's fee recipient.
    Prepared(u64),
    /// A key's registration.
    Registered([u8; 48]),
    /// A validator's preferences for a slot.
    Preferred(u64, Slot),
    /// A subnet.
    Subnet(u64),
}

impl Key {
    /// The validator that makes the beacon custody more (consensus-specs `specs/fulu/validator.md`, "Validator custody",
    /// leaves the signal to the client; those in use take subscriptions and preparations).
    pub fn custodian(self) -> Option<u64> {
        match self {
            Key::Committee(_, _, validator) | Key::Sync(validator, _) | Key::Prepared(validator) => {
                Some(validator)
            }
            Key::Registered(_) | Key::Preferred(..) | Key::Subnet(_) => None,
        }
    }
}

/// Until when an entry is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// With this slot.
    With(Slot),
    /// Before this epoch.
    Before(Epoch),
    /// Unless repeated, so many epochs after it was given.
    Unrepeated(u64),
}

impl Ends {
    /// Whether it is over, for an entry given last in `since`.
    pub fn is_over(self, since: Epoch, when: When) -> bool {
        match self {
            Ends::With(slot) => slot < when.slot,
            Ends::Before(epoch) => epoch <= when.epoch,
            Ends::Unrepeated(epochs) => since.0.saturating_add(epochs) <= when.epoch.0,
        }
    }
}

/// One entry of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is about.
    pub key: Key,
    /// Until when it is valid.
    pub ends: Ends,
    /// Where fees go, if it says so.
    pub recipient: Option<[u8; 20]>,
    /// Its bytes.
    pub raw: Box<[u8]>,
}

/// A body as entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Its kind.
    pub kind: SeedKind,
    /// Its form.
    pub form: Form,
    /// Its entries, in order.
    pub items: Vec<Item>,
}

/// The form of a body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// SSZ, else JSON.
    pub ssz: bool,
    /// `Eth-Consensus-Version`, where given: beacons need it to decode.
    pub fork: Option<Box<str>>,
}

impl Seed {
    /// Reads a body; none if it is not a list of this kind.
    pub fn read(kind: SeedKind, form: Form, body: &[u8]) -> Option<Seed> {
        if let Some(json) = form.ssz.then(|| ssz::as_json(kind, body)).flatten() {
            return Some(Seed { kind, form: Form::default(), items: text(kind, json.as_bytes())? });
        }
        let items = if form.ssz { binary(kind, body)? } else { text(kind, body)? };
        Some(Seed { kind, form, items })
    }
}

/// Entries as one body.
pub fn body<'a>(ssz: bool, items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    if ssz {
        items.for_each(|raw| body.extend_from_slice(raw));
        return body;
    }
    body.push(b'[');
    for (place, raw) in items.enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(raw);
    }
    body.push(b']');
    body
}

fn binary(kind: SeedKind, body: &[u8]) -> Option<Vec<Item>> {
    let (stride, recipient_at) = match kind {
        SeedKind::Registrations => (REGISTRATION, 0),
        SeedKind::Preferences => (PREFERENCES, 48),
        SeedKind::Committees | SeedKind::Sync | SeedKind::Preparations | SeedKind::Subnets => return None,
    };
    let chunks = body.chunks_exact(stride);
    if !chunks.remainder().is_empty() {
        return None;
    }
    let number = |raw: &[u8], at: usize| Some(u64::from_le_bytes(raw.get(at..at + 8)?.try_into().ok()?));
    chunks
        .map(|raw| {
            let (key, ends) = if kind == SeedKind::Registrations {
                (Key::Registered(raw.get(36..84)?.try_into().ok()?), Ends::Unrepeated(REGISTERED_EPOCHS))
            } else {
                let slot = Slot(number(raw, 32)?);
                (Key::Preferred(number(raw, 40)?, slot), Ends::With(slot))
            };
            let recipient = raw.get(recipient_at..recipient_at + 20)?.try_into().ok()?;
            Some(Item { key, ends, recipient: Some(recipient), raw: raw.into() })
        })
        .collect()
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
struct Committee {
    #[serde(default = "Committee::nobody")]
    validator_index: Quoted,
    committee_index: Quoted,
    slot: Quoted,
}

impl Committee {
    /// Before beacon-APIs #608 an entry was about a committee.
    fn nobody() -> Quoted {
        Quoted(u64::MAX)
    }
}

#[derive(Deserialize)]
struct Sync {
    validator_index: Quoted,
    until_epoch: Quoted,
}

#[derive(Deserialize)]
struct Preparation<'a> {
    validator_index: Quoted,
    #[serde(borrow)]
    fee_recipient: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Signed<T> {
    message: T,
}

#[derive(Deserialize)]
struct Registration<'a> {
    #[serde(borrow)]
    pubkey: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    fee_recipient: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Preference<'a> {
    validator_index: Quoted,
    proposal_slot: Quoted,
    #[serde(borrow)]
    fee_recipient: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Subnet {
    subnet_id: Quoted,
    unsubscription_slot: Quoted,
}

/// Key, end and fee recipient of an entry.
type Fields = (Key, Ends, Option<[u8; 20]>);

fn address(text: &str) -> Option<[u8; 20]> {
    unhex(text)?.try_into().ok()
}

fn text(kind: SeedKind, body: &[u8]) -> Option<Vec<Item>> {
    match kind {
        SeedKind::Committees => list(body, |entry: Committee| {
            let slot = Slot(entry.slot.0);
            let key = Key::Committee(slot, entry.committee_index.0, entry.validator_index.0);
            Some((key, Ends::With(slot), None))
        }),
        SeedKind::Sync => list(body, |entry: Sync| {
            let until = Epoch(entry.until_epoch.0);
            Some((Key::Sync(entry.validator_index.0, until), Ends::Before(until), None))
        }),
        SeedKind::Preparations => list(body, |entry: Preparation<'_>| {
            let recipient = address(&entry.fee_recipient)?;
            let key = Key::Prepared(entry.validator_index.0);
            Some((key, Ends::Unrepeated(PREPARED_EPOCHS), Some(recipient)))
        }),
        SeedKind::Registrations => list(body, |entry: Signed<Registration<'_>>| {
            let key = Key::Registered(unhex(&entry.message.pubkey)?.try_into().ok()?);
            let recipient = address(&entry.message.fee_recipient)?;
            Some((key, Ends::Unrepeated(REGISTERED_EPOCHS), Some(recipient)))
        }),
        SeedKind::Preferences => list(body, |entry: Signed<Preference<'_>>| {
            let slot = Slot(entry.message.proposal_slot.0);
            let recipient = address(&entry.message.fee_recipient)?;
            let key = Key::Preferred(entry.message.validator_index.0, slot);
            Some((key, Ends::With(slot), Some(recipient)))
        }),
        SeedKind::Subnets => list(body, |entry: Subnet| {
            Some((Key::Subnet(entry.subnet_id.0), Ends::With(Slot(entry.unsubscription_slot.0)), None))
        }),
    }
}

/// Entries of a JSON array, each with its bytes.
fn list<'a, T: Deserialize<'a>>(body: &'a [u8], fields: impl Fn(T) -> Option<Fields>) -> Option<Vec<Item>> {
    let space = |at: usize| at + body[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let mut items = Vec::new();
    let mut at = space(0);
    if body.get(at) != Some(&b'[') {
        return None;
    }
    at = space(at + 1);
    while body.get(at) != Some(&b']') {
        if !items.is_empty() {
            if body.get(at) != Some(&b',') {
                return None;
            }
            at = space(at + 1);
        }
        let mut entries = serde_json::Deserializer::from_slice(&body[at..]).into_iter::<T>();
        let entry = entries.next()?.ok()?;
        let end = at + entries.byte_offset();
        let (key, ends, recipient) = fields(entry)?;
        let raw = &body[at..end];
        if raw.len() > LONGEST {
            return None;
        }
        items.push(Item { key, ends, recipient, raw: raw.into() });
        at = space(end);
    }
    (space(at + 1) == body.len()).then_some(items)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> Form {
        Form::default()
    }

    #[test]
    fn entries_keep_their_bytes_whatever_their_spelling() {
        let body = br#" [ {"validator_index":"1", "fee_recipient":"0xabababababababababababababababababababab","x":[{}]},
            {"fee_recipient":"0xCDcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","validator_index":7} ] "#;
        let seed = Seed::read(SeedKind::Preparations, json(), body).unwrap();
        let keys: Vec<Key> = seed.items.iter().map(|item| item.key).collect();
        assert_eq!(keys, [Key::Prepared(1), Key::Prepared(7)]);
        assert_eq!(seed.items[0].recipient, Some([0xab; 20]));
        assert_eq!(seed.items[1].recipient, Some([0xcd; 20]));
        assert!(seed.items[0].raw.ends_with(br#""x":[{}]}"#));
        let again = super::body(false, seed.items.iter().map(|item| &*item.raw));
        assert_eq!(Seed::read(SeedKind::Preparations, json(), &again).unwrap(), seed);
    }

    #[test]
    fn lists_of_fixed_stride_are_read_and_made_again() {
        let mut registration = [0_u8; REGISTRATION];
        registration[..20].fill(0xfe);
        registration[36..84].fill(0x93);
        let mut preferences = [0_u8; PREFERENCES];
        preferences[32] = 70;
        preferences[40] = 9;
        preferences[48..68].fill(0xfe);
        let form = Form { ssz: true, fork: Some("gloas".into()) };
        for (kind, one, key) in [
            (SeedKind::Registrations, &registration[..], Key::Registered([0x93; 48])),
            (SeedKind::Preferences, &preferences[..], Key::Preferred(9, Slot(70))),
        ] {
            let two = [one, one].concat();
            let seed = Seed::read(kind, form.clone(), &two).unwrap();
            assert_eq!(seed.items.iter().map(|item| item.key).collect::<Vec<_>>(), [key, key]);
            assert_eq!(seed.items[1].recipient, Some([0xfe; 20]));
            assert_eq!(super::body(true, seed.items.iter().map(|item| &*item.raw)), two);
            assert!(Seed::read(kind, form.clone(), &two[1..]).is_none());
        }
        assert!(Seed::read(SeedKind::Subnets, form, &[]).is_none(), "it has no such form");
    }

    #[test]
    fn every_kind_is_read_from_json() {
        let key = format!("0x{}", "93".repeat(48));
        let to = format!("0x{}", "ab".repeat(20));
        let registration =
            format!(r#"[{{"message":{{"pubkey":"{key}","fee_recipient":"{to}"}},"signature":"0x"}}]"#);
        let preference = format!(
            r#"[{{"message":{{"validator_index":"9","proposal_slot":"70","fee_recipient":"{to}"}},"signature":"0x"}}]"#
        );
        let cases = [
            (
                SeedKind::Committees,
                r#"[{"committee_index":"3","slot":"70","is_aggregator":true}]"#.to_owned(),
            ),
            (
                SeedKind::Sync,
                r#"[{"validator_index":"1","sync_committee_indices":["0"],"until_epoch":"9"}]"#.to_owned(),
            ),
            (SeedKind::Registrations, registration),
            (SeedKind::Preferences, preference),
            (SeedKind::Subnets, r#"[{"subnet_id":35,"unsubscription_slot":"24752339414"}]"#.to_owned()),
        ];
        let keys: Vec<Key> = cases
            .iter()
            .map(|(kind, body)| Seed::read(*kind, json(), body.as_bytes()).unwrap().items[0].key)
            .collect();
        assert_eq!(
            keys,
            [
                Key::Committee(Slot(70), 3, u64::MAX),
                Key::Sync(1, Epoch(9)),
                Key::Registered([0x93; 48]),
                Key::Preferred(9, Slot(70)),
                Key::Subnet(35),
            ]
        );
    }

    #[test]
    fn what_is_no_list_of_the_kind_is_no_seed() {
        for bad in [
            "",
            "{}",
            "[",
            "[1]",
            "[]x",
            r#"[{"slot":"1"}]"#,
            r#"[{"subnet_id":1,"unsubscription_slot":1},]"#,
        ] {
            assert_eq!(Seed::read(SeedKind::Subnets, json(), bad.as_bytes()), None, "{bad}");
        }
        assert!(Seed::read(SeedKind::Subnets, json(), b" [ ] ").unwrap().items.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>, cut in 0_usize..70) {
            let sound = br#"[{"committee_index":"3","slot":"70","is_aggregator":true}]"#;
            for kind in SeedKind::ALL {
                for ssz in [false, true] {
                    let _ = Seed::read(kind, Form { ssz, fork: None }, &body);
                    let _ = Seed::read(kind, Form { ssz, fork: None }, &sound[..cut.min(sound.len())]);
                }
            }
        }
    }
}
