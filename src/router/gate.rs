//! Who may come in at a door, and what each request must carry. Exchangeable while the door serves.
//!
//! Nothing that comes in by a door is an order: those come by the control socket alone. The gate only ever refuses.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Response, StatusCode};
use ipnet::IpNet;
use subtle::ConstantTimeEq;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::answer;
use super::body::Answer;
use super::front::Front;
use super::listener::{Ends, ListenError};
use crate::model::{self, Secret};

/// How often the files of a certificate are looked at.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// One who is refused is logged at most this often; a scanner must not fill the log.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// One door's gate.
pub struct Gate {
    rules: ArcSwap<Rules>,
    opened: Instant,
    /// Milliseconds from `opened` before which nothing is said.
    silent_until: AtomicU64,
    unsaid: AtomicU64,
}

/// Who may come in by a door, and how: what a reload may change while its socket stays.
pub struct Rules {
    allow: Vec<IpNet>,
    front: Option<Arc<Front>>,
    token: Option<Secret>,
}

impl Rules {
    /// The rules of one entry under `listen:`. Reads certificates.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn new(listen: &model::Listen) -> Result<Self, ListenError> {
        let error = |source| ListenError::Tls { address: listen.address, source };
        let front = listen.tls.clone().map(Front::open).transpose().map_err(error)?.map(Arc::new);
        Ok(Self { allow: listen.allow.clone(), front, token: listen.token.clone() })
    }
}

impl Gate {
    /// A gate with these rules.
    pub fn new(rules: Rules) -> Self {
        let (silent_until, unsaid) = Default::default();
        Self { rules: ArcSwap::from_pointee(rules), opened: Instant::now(), silent_until, unsaid }
    }

    /// Takes other rules: certificates for those who come from now on, the token from the next request on.
    pub fn change(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
    }

    /// Whether a source may connect.
    pub fn allows(&self, ip: IpAddr) -> bool {
        let rules = self.rules.load();
        rules.allow.is_empty() || rules.allow.iter().any(|net| net.contains(&ip))
    }

    /// What speaks TLS here; none: nobody does.
    pub fn front(&self) -> Option<Arc<Front>> {
        self.rules.load().front.clone()
    }

    /// The answer to a request that does not carry the token; none if it does, or needs none.
    pub fn refuse(&self, headers: &HeaderMap) -> Option<Response<Answer>> {
        let rules = self.rules.load();
        let token = rules.token.as_ref()?;
        let (why, challenge) = match presented(headers) {
            // In constant time for all texts of one length; the length itself is no secret.
            Some(shown) if bool::from(shown.ct_eq(token.reveal().as_bytes())) => return None,
            Some(_) => ("the token is not this door's; compare it with token: in the fleet file", INVALID),
            None => ("this door wants a token: send the header `Authorization: Bearer TOKEN`", MISSING),
        };
        let mut response = answer::error(StatusCode::UNAUTHORIZED, why);
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        Some(response)
    }

    /// Looks after certificates that are renewed on disk, until the door ends.
    pub async fn watch(self: Arc<Self>, ends: Ends) {
        let mut ticks = interval(RENEW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ends.any() => return,
                _ = ticks.tick() => {}
            }
            let gate = self.clone();
            // A panic in there would be a defect of its own; the next tick tries again.
            let _ = tokio::task::spawn_blocking(move || gate.renew()).await;
        }
    }

    /// Shows a certificate that was renewed on disk from now on; blocks on the disk.
    fn renew(&self) {
        let Some(front) = self.front() else { return };
        let certificate = front.files().certificate.display();
        match front.renew() {
            Ok(false) => {}
            Ok(true) => tracing::info!(%certificate, "the door's certificate was renewed"),
            Err(error) => {
                let hint = error.hint();
                tracing::error!(%certificate, %error, hint, "the renewed certificate is not taken, the old one stays");
            }
        }
    }

    /// Logs why one was refused, unless another was a moment ago.
    pub fn say(&self, ip: IpAddr, why: &str) {
        let now = self.opened.elapsed().as_millis() as u64;
        let next = now + SAY_EVERY.as_millis() as u64;
        let mine = |until: u64| (until <= now).then_some(next);
        if self.silent_until.fetch_update(Relaxed, Relaxed, mine).is_ok() {
            let others = self.unsaid.swap(0, Relaxed);
            tracing::warn!(%ip, others_before = others, "a client was not let in: {why}");
        } else {
            self.unsaid.fetch_add(1, Relaxed);
            tracing::debug!(%ip, "a client was not let in: {why}");
        }
    }
}

/// RFC 6750, section 3: no error code if nothing was presented.
const MISSING: &str = "Bearer";
const INVALID: &str = "Bearer error=\"invalid_token\"";

/// The token a request presents. Teku (Consensys/teku#3046) and Lodestar (ChainSafe/lodestar#5881) can send what stands
/// before the host of their URL and no header of one's own: of `Basic` the password is the token.
fn presented(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let value = all.next()?.as_bytes();
    if all.next().is_some() {
        return None;
    }
    let space = value.iter().position(|b| *b == b' ')?;
    let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(rest.to_vec());
    }
    let pair = scheme.eq_ignore_ascii_case(b"basic").then(|| STANDARD.decode(rest).ok())??;
    let colon = pair.iter().position(|b| *b == b':')?;
    Some(pair[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TOKEN: &str = "a-token-of-some-length";

    fn gate() -> Gate {
        let address = "127.0.0.1:0".parse().unwrap();
        let allow = vec!["10.0.0.0/8".parse().unwrap()];
        let token = Some(Secret::new(TOKEN));
        Gate::new(Rules::new(&model::Listen { address, allow, tls: None, token }).unwrap())
    }

    fn with(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    }

    #[rstest]
    #[case::bearer(&["Bearer a-token-of-some-length"], None)]
    #[case::any_case(&["bEARER   a-token-of-some-length "], None)]
    #[case::basic(&["Basic dmM6YS10b2tlbi1vZi1zb21lLWxlbmd0aA=="], None)]
    #[case::nothing(&[], Some(MISSING))]
    #[case::wrong(&["Bearer a-token-of-some-lengti"], Some(INVALID))]
    #[case::shorter(&["Bearer a-token"], Some(INVALID))]
    #[case::longer(&["Bearer a-token-of-some-length-and-more"], Some(INVALID))]
    #[case::empty(&["Bearer "], Some(INVALID))]
    #[case::bare(&["a-token-of-some-length"], Some(MISSING))]
    #[case::other_scheme(&["Digest a-token-of-some-length"], Some(MISSING))]
    #[case::basic_of_nothing(&["Basic !!"], Some(MISSING))]
    #[case::basic_wrong(&["Basic dmM6aHVudGVyMg=="], Some(INVALID))]
    #[case::twice(&["Bearer a-token-of-some-length", "Bearer a-token-of-some-length"], Some(MISSING))]
    fn tokens(#[case] values: &[&str], #[case] challenge: Option<&str>) {
        let refused = gate().refuse(&with(values));
        let told = refused.as_ref().map(|response| response.headers()[WWW_AUTHENTICATE].to_str().unwrap());
        assert_eq!(told, challenge);
        assert!(refused.is_none_or(|response| response.status() == 401));
    }

    #[test]
    fn rules_change_while_it_serves() {
        let gate = gate();
        let friend = "192.0.2.1".parse().unwrap();
        assert!(!gate.allows(friend));
        let address = "127.0.0.1:0".parse().unwrap();
        let other = model::Listen { address, allow: Vec::new(), tls: None, token: None };
        gate.change(Rules::new(&other).unwrap());
        assert!(gate.allows(friend) && gate.refuse(&with(&[])).is_none());
    }

    #[test]
    fn certificates_that_cannot_be_used_make_no_rules() {
        let missing = || std::path::PathBuf::from("/nowhere/door.pem");
        let tls = Some(model::ListenTls { certificate: missing(), key: missing(), client_ca: None });
        let address = "127.0.0.1:0".parse().unwrap();
        let error =
            Rules::new(&model::Listen { address, allow: Vec::new(), tls, token: None }).err().unwrap();
        assert!(error.to_string().contains("cannot speak TLS on 127.0.0.1:0"));
    }
}
