//! What traces tell: requests by endpoint and client, attempts by beacon.

use std::sync::OnceLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::seconds::Seconds;
use super::steps::{StepSeries, Steps};
use super::{Names, Part, RowLabels};
use crate::model::{Attempt, BeaconName, Outcome, Served, Shared, Step, TRACE_ATTEMPTS, Trace};

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
const NO_ROW: RowLabels<'_> = RowLabels { name: "other", of: None };

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
struct How {
    how: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Beacon {
    beacon: String,
}

/// One endpoint's series, made when first needed: most endpoints are never asked, most codes never answered.
#[derive(Debug)]
struct Row {
    endpoint: String,
    of: Option<(Step, Part)>,
    codes: [OnceLock<Counter>; CODES.len() + 1],
    seconds: OnceLock<Seconds>,
}

#[derive(Debug)]
struct ClientSeries {
    name: String,
    classes: [Counter; CLASSES.len()],
    steps: StepSeries,
}

#[derive(Debug)]
struct BeaconSeries {
    name: BeaconName,
    steps: StepSeries,
    outcomes: [Counter; OUTCOMES.len()],
    seconds: Seconds,
}

/// The series of one fleet file, by id: no label look-up where a request is counted.
#[derive(Debug)]
pub struct Series {
    /// By client.
    clients: Vec<ClientSeries>,
    /// By beacon.
    beacons: Vec<BeaconSeries>,
}

/// The families, and the series of endpoints.
#[derive(Debug)]
pub struct Requests {
    by_code: Family<EndpointCode, Counter>,
    by_time: Family<Endpoint, Seconds, fn() -> Seconds>,
    by_client: Family<ClientCode, Counter>,
    by_outcome: Family<BeaconOutcome, Counter>,
    by_beacon: Family<Beacon, Seconds, fn() -> Seconds>,
    steps: Steps,
    /// By row; the last for paths without one.
    rows: Vec<Row>,
    /// By way of sharing.
    shared: [Counter; Shared::ALL.len()],
    unrecorded: Counter,
}

impl Requests {
    /// Registers the families.
    pub fn new(registry: &mut Registry, rows: &[RowLabels<'_>]) -> Self {
        let taken: fn() -> Seconds = Seconds::taken;
        let by_sharing = Family::<How, Counter>::default();
        let all = Self {
            shared: Shared::ALL.map(|how| by_sharing.get_or_create_owned(&How { how: how.word() })),
            by_code: Family::default(),
            by_time: Family::new_with_constructor(taken),
            by_client: Family::default(),
            by_outcome: Family::default(),
            by_beacon: Family::new_with_constructor(taken),
            steps: Steps::new(registry),
            rows: rows.iter().chain([&NO_ROW]).map(Row::new).collect(),
            unrecorded: Counter::default(),
        };
        registry.register("requests", "Requests answered, by endpoint and status", all.by_code.clone());
        registry.register(
            "request_seconds",
            "Seconds from a request's arrival to its answer's head",
            all.by_time.clone(),
        );
        registry.register(
            "client_requests",
            "Requests answered, by client and status class",
            all.by_client.clone(),
        );
        registry.register("attempts", "Attempts at a beacon, by what came of them", all.by_outcome.clone());
        registry.register("answers_shared", "Answers not fetched for their request, by why", by_sharing);
        let unrecorded = all.unrecorded.clone();
        registry.register("attempts_unrecorded", "Attempts beyond those a trace keeps", unrecorded);
        registry.register(
            "attempt_seconds",
            "Seconds an attempt waited for its answer",
            all.by_beacon.clone(),
        );
        all
    }

    /// The series of a fleet file; those that are there already count on.
    pub fn series(&self, names: &Names<'_>) -> Series {
        let client = |name: &String| ClientSeries {
            name: name.clone(),
            classes: CLASSES.map(|class| self.by_client.get_or_create_owned(&client_code(name, class))),
            steps: StepSeries::default(),
        };
        let beacon = |name: &BeaconName| BeaconSeries {
            name: name.clone(),
            steps: StepSeries::default(),
            outcomes: OUTCOMES
                .map(|(_, outcome)| self.by_outcome.get_or_create_owned(&beacon_outcome(name, outcome))),
            seconds: self.by_beacon.get_or_create_owned(&Beacon { beacon: name.to_string() }),
        };
        Series {
            clients: names.clients.iter().map(client).collect(),
            beacons: names.beacons.iter().map(beacon).collect(),
        }
    }

    /// Series of a client that is gone.
    pub fn forget_client(&self, name: &str) {
        for class in CLASSES {
            self.by_client.remove(&client_code(name, class));
        }
        self.steps.forget_client(name);
    }

    /// Series of a beacon that is gone.
    pub fn forget_beacon(&self, name: &BeaconName) {
        for (_, outcome) in OUTCOMES {
            self.by_outcome.remove(&beacon_outcome(name, outcome));
        }
        self.by_beacon.remove(&Beacon { beacon: name.to_string() });
        self.steps.forget_beacon(name);
    }

    /// Counts one trace by the series of the fleet file it passed under.
    pub fn record(&self, trace: &Trace, series: &Series) {
        if let Some(row) = self.rows.get(usize::from(trace.row)).or(self.rows.last()) {
            let code = CODES.iter().position(|code| *code == trace.status).unwrap_or(CODES.len());
            row.codes[code].get_or_init(|| self.by_code.get_or_create_owned(&row.labels(code))).inc();
            let seconds = row.seconds.get_or_init(|| {
                self.by_time.get_or_create_owned(&Endpoint { endpoint: row.endpoint.clone() })
            });
            seconds.observe_us(i64::from(trace.took_us));
            if let Some(of) = row.of {
                self.step(of, trace, series);
            }
        }
        if let Some(client) = series.clients.get(usize::from(trace.client.0)) {
            let class = usize::from(trace.status / 100).wrapping_sub(1).min(CLASSES.len() - 1);
            client.classes[class].inc();
        }
        if let Some(shared) = trace.shared {
            self.shared[shared as usize].inc();
        }
        let kept = usize::from(trace.attempts).min(TRACE_ATTEMPTS);
        trace.tried.iter().take(kept).for_each(|attempt| series.attempt(attempt));
        self.unrecorded.inc_by(u64::from(trace.attempts) - kept as u64);
    }

    /// What a beacon's answer has done for a duty.
    fn step(&self, of: (Step, Part), trace: &Trace, series: &Series) {
        let Served::Beacon(beacon) = trace.served else { return };
        let came = i64::from(trace.due_ms) * 1_000;
        let answered = came + i64::from(trace.took_us);
        if let Some(client) = series.clients.get(usize::from(trace.client.0)) {
            let at = if of.1 == Part::Publish { came } else { answered };
            self.steps.client(&client.steps, &client.name, of, at);
        }
        if let Some(beacon) = series.beacons.get(beacon.index()) {
            self.steps.beacon(&beacon.steps, &beacon.name, of, answered);
        }
    }
}

impl Series {
    fn attempt(&self, attempt: &Attempt) {
        let Some(series) = self.beacons.get(attempt.beacon.index()) else { return };
        let Some(outcome) = OUTCOMES.iter().position(|(outcome, _)| *outcome == attempt.outcome) else {
            return;
        };
        series.outcomes[outcome].inc();
        // What was never sent or never waited for would pull the times down.
        if !matches!(attempt.outcome, Outcome::Unreachable | Outcome::Overtaken) {
            series.seconds.observe_us(i64::from(attempt.took_us));
        }
    }
}

fn client_code(client: &str, class: &str) -> ClientCode {
    ClientCode { client: client.to_owned(), code: class.to_owned() }
}

fn beacon_outcome(beacon: &BeaconName, outcome: &str) -> BeaconOutcome {
    BeaconOutcome { beacon: beacon.to_string(), outcome: outcome.to_owned() }
}

impl Row {
    fn new(labels: &RowLabels<'_>) -> Self {
        Self {
            endpoint: labels.name.to_owned(),
            of: labels.of,
            codes: std::array::from_fn(|_| OnceLock::new()),
            seconds: OnceLock::new(),
        }
    }

    fn labels(&self, code: usize) -> EndpointCode {
        let code = CODES.get(code).map_or_else(|| "other".to_owned(), ToString::to_string);
        EndpointCode { endpoint: self.endpoint.clone(), code }
    }
}
