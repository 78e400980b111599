//! Owns what a beacon that was started again must have been told before it was asked for a block or an aggregate, as the
//! proxy before it saw it. A Lodestar of this age says nowhere what it was told, so what it is sent is what counts.
//!
//! Its validator client tells no fee recipients at Altair, so the test tells them to the router itself, as a client does.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::json;

use super::clock::{Clock, eventually};
use super::lodestar::VALIDATORS;
use super::proxy::{Proxy, Seen};

const PREPARE: &str = "/eth/v1/validator/prepare_beacon_proposer";
const SUBSCRIBE: &str = "/eth/v1/validator/beacon_committee_subscriptions";
const AGGREGATE: &str = "/eth/v1/validator/aggregate_attestation";
/// Block production in every version there is.
const BLOCKS: [&str; 2] = ["/eth/v1/validator/blocks/", "/eth/v2/validator/blocks/"];
/// Within this the router must take fee recipients, one that is being restarted too.
const PREPARE_BOUND: Duration = Duration::from_secs(30);

/// Tells the router the fee recipient of every validator, from `epoch` on once an epoch; ends with a failure only.
pub async fn prepare(http: Client, router: String, clock: Clock, mut epoch: u64) -> Result<Infallible> {
    let entry = |index: usize| json!({ "validator_index": index.to_string(), "fee_recipient": format!("0x{}", "ab".repeat(20)) });
    let all: Vec<_> = (0..VALIDATORS).map(entry).collect();
    loop {
        eventually("the router takes fee recipients", PREPARE_BOUND, async || {
            let answer = http.post(format!("{router}{PREPARE}")).json(&all).send().await.ok()?;
            (answer.status().as_u16() == 200).then_some(())
        })
        .await?;
        epoch += 1;
        clock.reach_epoch(epoch).await;
    }
}

/// Fails unless the beacon behind the proxy was told fee recipients after its restart, and them and subscriptions before it was
/// asked for what they are needed for. Says in a sentence what was seen.
pub fn judge(proxy: &Proxy, name: &str) -> Result<String> {
    let (restarted, before, since) = proxy.around_restart().context("the beacon was not started again")?;
    told_first(name, restarted, &before, &since)
}

fn told_first(name: &str, restarted: SystemTime, before: &[Seen], since: &[Seen]) -> Result<String> {
    let after = |at: SystemTime| at.duration_since(restarted).unwrap_or_default().as_secs_f64();
    let told = |path: &str| since.iter().filter(|seen| seen.is("POST", path)).find_map(Seen::taken);
    let asked = |paths: &[&str]| {
        since.iter().find(|seen| paths.iter().any(|path| seen.is("GET", path))).map(|seen| seen.at)
    };
    ensure!(before.iter().any(|seen| seen.is("POST", PREPARE)), "{name} was told no fee recipient before");
    let mut sentence = format!("seen at a proxy before {name} after its restart:");
    // Whose seed set it is in may be nobody's: it stood in for another before, and is asked for no aggregate now.
    for (what, path, needed, wanted) in [
        ("fee recipients", PREPARE, &BLOCKS[..], true),
        ("subscriptions", SUBSCRIBE, &[AGGREGATE][..], false),
    ] {
        let (told, asked) = (told(path), asked(needed));
        ensure!(told.is_some() || !wanted, "{name} was not told {what} again: {since:?}");
        if let (Some(told), Some(asked)) = (told, asked) {
            ensure!(
                told <= asked,
                "{name} was told {what} {:.3} s after it was asked for what needs them",
                after(told) - after(asked)
            );
        }
        ensure!(told.is_some() || asked.is_none(), "{name} was asked for what needs {what}, and not told");
        let at = |at: Option<SystemTime>| {
            at.map_or_else(|| "never".to_owned(), |at| format!("{:.1} s", after(at)))
        };
        let _ = write!(sentence, " {what} {}, first asked for what needs them {};", at(told), at(asked));
    }
    let served =
        |path: &str| since.iter().filter(|seen| seen.is("GET", path) && seen.taken().is_some()).count();
    let blocks: usize = BLOCKS.iter().map(|path| served(path)).sum();
    let aggregates = served(AGGREGATE);
    ensure!(blocks + aggregates > 0, "{name} served neither a block nor an aggregate after its restart");
    let _ = write!(sentence, " {blocks} blocks and {aggregates} aggregates served since");
    Ok(sentence)
}

#[test]
fn being_asked_before_being_told_fails() {
    let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    let seen =
        |ms: u64, what: &str| Seen { at: at(ms), what: what.to_owned(), answer: Some((200, at(ms + 5))) };
    let told = |ms: u64, path: &str| seen(ms, &format!("POST {path}"));
    let asked = |ms: u64, path: &str| seen(ms, &format!("GET {path}"));
    let before = [told(1, PREPARE), told(2, SUBSCRIBE)];
    let judge = |since: &[Seen]| told_first("b", at(100), &before, since);
    assert!(judge(&[told(110, PREPARE), told(111, SUBSCRIBE), asked(120, AGGREGATE)]).is_ok());
    assert!(judge(&[told(110, PREPARE), asked(112, AGGREGATE), told(120, SUBSCRIBE)]).is_err());
    assert!(
        judge(&[told(110, SUBSCRIBE), told(117, PREPARE), asked(119, "/eth/v2/validator/blocks/7")]).is_err()
    );
    assert!(judge(&[told(110, PREPARE), asked(120, AGGREGATE)]).is_err(), "it was told no subscription");
    assert!(judge(&[told(111, SUBSCRIBE), asked(120, AGGREGATE)]).is_err(), "it was told no fee recipient");
    assert!(judge(&[told(110, PREPARE), told(111, SUBSCRIBE)]).is_err(), "it served nothing");
}
