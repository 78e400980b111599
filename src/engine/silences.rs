//! Silences: of an incident, or of whatever a culprit does, nobody is told for a while. They end by themselves.

use std::sync::Arc;

use tokio::sync::watch;

use super::book::Carried;
use super::common::Common;
use super::standing::Standing;
use crate::control::Answer;
use crate::model::{FleetStatus, LONGEST_SILENCE_S, Silence, UnixMs};
use crate::store::StoreError;

/// Most that stand at once.
const MOST: usize = 256;
/// Keys that a refusal lists at most.
const LISTED: usize = 20;

/// Takes silences, and lets them go.
pub struct Silences {
    standing: Arc<Standing<Silence>>,
    status: watch::Receiver<Arc<FleetStatus>>,
}

impl Silences {
    /// Those that stand, and the task that lets them go.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn start(
        common: &Common,
        status: watch::Receiver<Arc<FleetStatus>>,
    ) -> Result<Self, StoreError> {
        let standing = Standing::new(common, &common.silences, common.store.silences().await?);
        common.tasks.spawn(standing.clone().let_go(common.cancel.clone(), ended));
        Ok(Self { standing, status })
    }

    /// Silences something for so many seconds from now; takes the place of an earlier silence of the same.
    pub async fn give(&self, key: &str, seconds: u64, why: Option<&str>, who: &str) -> Carried {
        let turn = self.standing.turn().await;
        let known = self.status.borrow().silenceable();
        if let Err(message) = may(key, seconds, &known, &self.standing.all()) {
            return Answer::Refused { message }.into();
        }
        let at = self.standing.now();
        let until = UnixMs(at.0 + seconds * 1_000);
        let why = why.map(str::to_owned);
        let silence = Silence { key: key.to_owned(), by: who.to_owned(), at, until, why };
        let message = format!("{key}: {}; the console shows it all the same", silence.words());
        let writes = vec![self.standing.put(silence)];
        Carried { answer: Answer::Done { message }, writes, turn: Some(turn) }
    }

    /// Ends one before its time.
    pub async fn lift(&self, key: &str) -> Carried {
        let turn = self.standing.turn().await;
        let all = self.standing.all();
        if !all.iter().any(|silence| silence.key == key) {
            let keys: Vec<&str> = all.iter().map(|silence| silence.key.as_str()).collect();
            let known = if keys.is_empty() { "nothing is".to_owned() } else { listed(&keys) };
            return Answer::Refused { message: format!("`{key}` is not silenced; what is: {known}") }.into();
        }
        let writes = self.standing.take(vec![key.to_owned()]);
        let message = format!("{key}: silenced no more");
        Carried { answer: Answer::Done { message }, writes, turn: Some(turn) }
    }
}

/// The keys of those that have ended.
fn ended(silences: &[Silence], now: UnixMs) -> Vec<String> {
    silences.iter().filter(|silence| silence.is_over(now)).map(|silence| silence.key.clone()).collect()
}

/// Why something cannot be silenced for so long.
fn may(key: &str, seconds: u64, known: &[String], standing: &[Silence]) -> Result<(), String> {
    let longest = LONGEST_SILENCE_S / 3_600;
    if !(1..=LONGEST_SILENCE_S).contains(&seconds) {
        return Err(format!(
            "a silence lasts between 1 s and {longest} h: what must be quiet for longer is silenced again"
        ));
    }
    if !known.iter().any(|known| known == key) {
        let kind = key.split(' ').next().unwrap_or_default();
        let like = |known: &&str| known.split(' ').next() == Some(kind);
        let like: Vec<&str> = known.iter().map(String::as_str).filter(like).collect();
        return Err(if like.is_empty() {
            format!(
                "`{key}` cannot be silenced: name an incident that goes on, or who is to blame, as `beacon b2`"
            )
        } else {
            format!("`{key}` cannot be silenced; there is {}", listed(&like))
        });
    }
    if standing.len() >= MOST && standing.iter().all(|silence| silence.key != key) {
        return Err(format!("{MOST} silences stand, and no more may: lift one that is needed no more"));
    }
    Ok(())
}

fn listed(keys: &[&str]) -> String {
    let more = keys.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", keys[..keys.len().min(LISTED)].join("; "))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn silence(key: &str, until: u64) -> Silence {
        Silence { key: key.into(), by: "alice".into(), at: UnixMs(0), until: UnixMs(until), why: None }
    }

    #[rstest]
    #[case("beacon b2", 1, None)]
    #[case("incident 7", LONGEST_SILENCE_S, None)]
    #[case("beacon b2", 0, Some("a silence lasts between 1 s and 24 h"))]
    #[case("beacon b2", LONGEST_SILENCE_S + 1, Some("a silence lasts between 1 s and 24 h"))]
    #[case("beacon b9", 60, Some("`beacon b9` cannot be silenced; there is beacon b1; beacon b2"))]
    #[case("b2", 60, Some("`b2` cannot be silenced: name an incident that goes on"))]
    #[case("", 60, Some("`` cannot be silenced: name"))]
    fn only_what_there_is_is_silenced_and_not_for_ever(
        #[case] key: &str,
        #[case] seconds: u64,
        #[case] refusal: Option<&str>,
    ) {
        let known = ["incident 7", "beacon b1", "beacon b2"].map(str::to_owned);
        let said = may(key, seconds, &known, &[]).err();
        assert_eq!(said.is_some(), refusal.is_some(), "{said:?}");
        assert!(said.unwrap_or_default().starts_with(refusal.unwrap_or_default()));
    }

    #[test]
    fn there_is_an_end_to_how_many_stand_and_to_what_is_listed() {
        let keys: Vec<String> = (0..=MOST).map(|n| format!("beacon b{n}")).collect();
        let full: Vec<Silence> = keys[1..].iter().map(|key| silence(key, 1)).collect();
        assert!(may(&keys[0], 60, &keys, &full).unwrap_err().starts_with("256 silences stand"));
        assert_eq!(may(&keys[1], 60, &keys, &full), Ok(()), "one that stands is given anew");
        let said = may("beacon x", 60, &keys, &[]).unwrap_err();
        assert!(said.ends_with("; beacon b19 and 237 more"), "{said}");
    }

    #[test]
    fn each_ends_at_its_moment() {
        let all = [silence("beacon b1", 5), silence("beacon b2", 6)];
        assert_eq!(ended(&all, UnixMs(4)), [""; 0]);
        assert_eq!(ended(&all, UnixMs(5)), ["beacon b1"]);
        assert_eq!(ended(&all, UnixMs(6)), ["beacon b1", "beacon b2"]);
    }
}
