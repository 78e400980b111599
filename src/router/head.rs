//! Header rules: what is carried across the router and what is not.
//!
//! Only hop-by-hop headers are dropped (RFC 9110, section 7.6.1), a client's credentials do not reach a beacon, and
//! everything else passes, `Eth-*` and unknown ones first of all.

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

/// Who answered.
pub const BEACON: HeaderName = HeaderName::from_static("x-beacondeck-beacon");
/// Why the answer was not fetched for this request; absent if it was.
pub const SHARED: HeaderName = HeaderName::from_static("x-beacondeck-shared");
/// How many attempts it took.
pub const ATTEMPTS: HeaderName = HeaderName::from_static("x-beacondeck-attempts");

const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes hop-by-hop headers, those that `Connection` names among them.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// A client's headers as a beacon gets them. `plain` asks for an uncompressed answer, because the router reads it.
pub fn for_beacon(mut headers: HeaderMap, plain: bool) -> HeaderMap {
    strip_hop_by_hop(&mut headers);
    for name in [
        header::HOST,
        header::AUTHORIZATION,
        header::PROXY_AUTHORIZATION,
        header::COOKIE,
        header::EXPECT,
        header::CONTENT_LENGTH,
    ] {
        headers.remove(name);
    }
    if plain {
        headers.remove(header::ACCEPT_ENCODING);
    }
    headers
}

/// A beacon's headers as a client gets them. `whole` bodies are framed anew.
pub fn for_client(headers: &mut HeaderMap, whole: bool, beacon: &HeaderValue, attempts: usize) {
    strip_hop_by_hop(headers);
    if whole {
        headers.remove(header::CONTENT_LENGTH);
    }
    headers.remove(SHARED);
    headers.insert(BEACON, beacon.clone());
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
}

/// Whether a header says SSZ.
pub fn is_ssz(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers
        .get(name)
        .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn hop_by_hop_and_credentials_stay_and_the_rest_passes() {
        let out = for_beacon(
            map(&[
                ("connection", "close, x-private"),
                ("x-private", "1"),
                ("keep-alive", "timeout=5"),
                ("transfer-encoding", "chunked"),
                ("te", "trailers"),
                ("upgrade", "h2c"),
                ("host", "router"),
                ("authorization", "Bearer secret"),
                ("cookie", "a=b"),
                ("eth-consensus-version", "fulu"),
                ("x-unknown", "kept"),
                ("accept", "application/json"),
                ("accept-encoding", "gzip"),
            ]),
            false,
        );
        let mut names: Vec<&str> = out.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "eth-consensus-version", "x-unknown"]);
    }

    #[test]
    fn what_the_router_reads_is_asked_for_uncompressed() {
        assert!(for_beacon(map(&[("accept-encoding", "gzip")]), true).is_empty());
    }
}
