//! Answers made of what beacons said, or did not say.
//!
//! It words what went wrong and frames what was said; it never asks anybody.

use hyper::{HeaderMap, Response, StatusCode};

use super::body::{Answer, Passing};
use super::run::Tried;
use super::upstream::{Reply, ReplyBody};
use super::{Router, answer, fresh, head};
use crate::endpoint::Row;
use crate::model::{Attempt, BeaconId, Outcome, Use};

/// One sentence on why nobody answered, and the status that fits: whose fault it was.
pub fn gave_up(router: &Router, row: &Row, tried: &Tried) -> Response<Answer> {
    if tried.count == 0 {
        let why = "every beacon chosen for this was drained in the meantime; ask again";
        return answer::error(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    let each: Vec<String> = tried
        .kept()
        .iter()
        .map(|attempt| {
            let name = router.name(attempt.beacon);
            format!("{name} {} ({} ms)", what_became(row, attempt), attempt.took_us / 1_000)
        })
        .collect();
    let all = |holds: fn(&Attempt) -> bool| tried.kept().iter().all(holds);
    let status = if all(|attempt| attempt.outcome == Outcome::TimedOut) {
        StatusCode::GATEWAY_TIMEOUT
    } else if all(|attempt| attempt.outcome == Outcome::Failed) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::BAD_GATEWAY
    };
    let error = answer::error(status, &format!("no beacon answered: {}", each.join(", ")));
    answer::after(error, usize::from(tried.count))
}

/// What became of an attempt that brought no answer to give.
fn what_became(row: &Row, attempt: &Attempt) -> &'static str {
    match attempt.outcome {
        Outcome::Unreachable => "is unreachable",
        Outcome::Broken => "broke the connection",
        Outcome::TimedOut | Outcome::Overtaken => "did not answer in time",
        // Nothing was sent.
        Outcome::Failed if attempt.status == 0 => {
            "has as many requests in flight as limits: in-flight: allows"
        }
        Outcome::Failed if attempt.status == 200 && fresh::asks_for_head(row) => {
            "is optimistic, or says what must not be signed"
        }
        Outcome::Failed if row.needs == Use::Sign => "is optimistic",
        Outcome::Failed => "answered with more than 64 MiB",
        Outcome::None | Outcome::Ok | Outcome::Empty | Outcome::AlreadyKnown | Outcome::Refused => "failed",
    }
}

/// Validator clients downgrade for good on 415 and 406 to a publication (Lodestar, Teku, Prysm), and sleep on any 429 (Teku):
/// they get 400 and 503 instead.
pub fn soften(response: &mut Response<Answer>, tried: &Tried) {
    let status = match response.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::NOT_ACCEPTABLE => StatusCode::BAD_REQUEST,
        StatusCode::TOO_MANY_REQUESTS => StatusCode::SERVICE_UNAVAILABLE,
        _ => return,
    };
    let said = response.status();
    let error = answer::error(status, &format!("every beacon that was asked refused this ({said})"));
    *response = answer::after(error, usize::from(tried.count));
}

/// A beacon's reply as the client gets it.
pub fn respond(router: &Router, by: BeaconId, reply: Reply, tried: &Tried) -> Response<Answer> {
    let Reply { status, mut headers, body } = reply;
    let (body, whole) = match body {
        ReplyBody::Whole(bytes) => (Answer::of(bytes), true),
        ReplyBody::Through(incoming, flight) => (Answer::Through(Passing::new(incoming, flight)), false),
    };
    head::for_client(&mut headers, whole, &router.lane.upstreams[by.index()].label, usize::from(tried.count));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = std::mem::take::<HeaderMap>(&mut headers);
    response
}
