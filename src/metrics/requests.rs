//! What traces tell: requests by endpoint and client, attempts by beacon.

use std::sync::OnceLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Names;
use super::seconds::Seconds;
use crate::model::{Attempt, Outcome, TRACE_ATTEMPTS, Trace};

/// Status codes with a series of their own; the others count as `other`.
const CODES: [u16; 25] = [
    200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 415, 429, 431, 500,
    501, 502, 503, 504,
];
/// Classes of status codes, by their first digit less one; what has none counts as the last.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];
/// Every outcome of an attempt that was made, with its label.
const OUTCOMES: [(Outcome, &str); 9] = [
    (Outcome::Ok, "ok"),
    (Outcome::Empty, "empty"),
    (Outcome::AlreadyKnown, "already-known"),
    (Outcome::Refused, "refused"),
    (Outcome::Failed, "failed"),
    (Outcome::Unreachable, "unreachable"),
    (Outcome::Broken, "broken"),
    (Outcome::TimedOut, "timed-out"),
    (Outcome::Overtaken, "overtaken"),
];
/// The endpoint label of paths without a row.
const NO_ROW: &str = "other";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointCode {
    endpoint: String,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    endpoint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientCode {
    client: String,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BeaconOutcome {
    beacon: String,
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Beacon {
    beacon: String,
}

/// One endpoint's series, made when first needed: most endpoints are never asked, most codes never answered.
#[derive(Debug)]
struct Row {
    endpoint: String,
    codes: [OnceLock<Counter>; CODES.len() + 1],
    seconds: OnceLock<Seconds>,
}

#[derive(Debug)]
struct BeaconSeries {
    outcomes: [Counter; OUTCOMES.len()],
    seconds: Seconds,
}

/// The families and, by id, the series in them.
#[derive(Debug)]
pub struct Requests {
    by_code: Family<EndpointCode, Counter>,
    by_time: Family<Endpoint, Seconds>,
    /// By row; the last for paths without one.
    rows: Vec<Row>,
    /// By client and class.
    clients: Vec<[Counter; CLASSES.len()]>,
    /// By beacon.
    beacons: Vec<BeaconSeries>,
    unrecorded: Counter,
}

impl Requests {
    /// Registers the families.
    pub fn new(registry: &mut Registry, names: &Names<'_>) -> Self {
        let by_code = Family::default();
        let by_time = Family::default();
        let by_client = Family::<ClientCode, Counter>::default();
        let by_outcome = Family::<BeaconOutcome, Counter>::default();
        let by_beacon = Family::<Beacon, Seconds>::default();
        let unrecorded = Counter::default();
        registry.register("requests", "Requests answered, by endpoint and status", Family::clone(&by_code));
        registry.register(
            "request_seconds",
            "Seconds from a request's arrival to its answer's head",
            Family::clone(&by_time),
        );
        registry.register(
            "client_requests",
            "Requests answered, by client and status class",
            by_client.clone(),
        );
        registry.register("attempts", "Attempts at a beacon, by what came of them", by_outcome.clone());
        registry.register("attempts_unrecorded", "Attempts beyond those a trace keeps", unrecorded.clone());
        registry.register("attempt_seconds", "Seconds an attempt waited for its answer", by_beacon.clone());
        let client = |name: &String| {
            CLASSES.map(|code| {
                by_client.get_or_create_owned(&ClientCode { client: name.clone(), code: code.into() })
            })
        };
        let beacon = |name: &crate::model::BeaconName| {
            let beacon = || name.as_str().to_owned();
            BeaconSeries {
                outcomes: OUTCOMES.map(|(_, outcome)| {
                    let labels = BeaconOutcome { beacon: beacon(), outcome: outcome.into() };
                    by_outcome.get_or_create_owned(&labels)
                }),
                seconds: by_beacon.get_or_create_owned(&Beacon { beacon: beacon() }),
            }
        };
        Self {
            rows: names.rows.iter().chain([&NO_ROW]).map(|name| Row::new(name)).collect(),
            clients: names.clients.iter().map(client).collect(),
            beacons: names.beacons.iter().map(beacon).collect(),
            by_code,
            by_time,
            unrecorded,
        }
    }

    /// Counts one trace.
    pub fn record(&self, trace: &Trace) {
        if let Some(row) = self.rows.get(usize::from(trace.row)).or(self.rows.last()) {
            let code = CODES.iter().position(|code| *code == trace.status).unwrap_or(CODES.len());
            row.codes[code].get_or_init(|| self.by_code.get_or_create_owned(&row.labels(code))).inc();
            let seconds = row.seconds.get_or_init(|| {
                self.by_time.get_or_create_owned(&Endpoint { endpoint: row.endpoint.clone() })
            });
            seconds.observe_us(u64::from(trace.took_us));
        }
        if let Some(client) = self.clients.get(usize::from(trace.client.0)) {
            let class = usize::from(trace.status / 100).wrapping_sub(1).min(CLASSES.len() - 1);
            client[class].inc();
        }
        let kept = usize::from(trace.attempts).min(TRACE_ATTEMPTS);
        trace.tried.iter().take(kept).for_each(|attempt| self.attempt(attempt));
        self.unrecorded.inc_by(u64::from(trace.attempts) - kept as u64);
    }

    fn attempt(&self, attempt: &Attempt) {
        let Some(series) = self.beacons.get(attempt.beacon.index()) else { return };
        let Some(outcome) = OUTCOMES.iter().position(|(outcome, _)| *outcome == attempt.outcome) else {
            return;
        };
        series.outcomes[outcome].inc();
        // What was never sent or never waited for would pull the times down.
        if !matches!(attempt.outcome, Outcome::Unreachable | Outcome::Overtaken) {
            series.seconds.observe_us(u64::from(attempt.took_us));
        }
    }
}

impl Row {
    fn new(name: &str) -> Self {
        Self {
            endpoint: name.to_owned(),
            codes: std::array::from_fn(|_| OnceLock::new()),
            seconds: OnceLock::new(),
        }
    }

    fn labels(&self, code: usize) -> EndpointCode {
        let code = CODES.get(code).map_or_else(|| "other".to_owned(), ToString::to_string);
        EndpointCode { endpoint: self.endpoint.clone(), code }
    }
}
