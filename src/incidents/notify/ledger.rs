//! What a notifier was told, and what is due. Pure.
//!
//! A mark is how far an incident was told: it only rises, and is kept over restarts. 0 nothing, then the severity that was
//! told, last that it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Event;
use crate::model::{FleetStatus, Incident, IncidentState, Severity, UnixMs};

/// An incident of the same culprits within so long after the end of the last is the same thing coming and going.
const FLAPS: Duration = Duration::from_secs(600);
/// That one must last so long before it is told.
const LASTS: Duration = Duration::from_secs(120);
/// An incident that is in no status for so long has ended: the status keeps the last that ended, not all.
const GONE: Duration = Duration::from_secs(60);
/// The mark of an end.
const ENDED: u64 = 100;

/// Which incident: its number, and the slot it began at, for numbers begin anew when the state is lost.
pub type Id = (u64, u64);

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// What of it.
    pub event: Event,
    /// The incident as it is.
    pub incident: Incident,
    /// The same as it was told last.
    pub before: Option<Incident>,
}

#[derive(Debug)]
struct Entry {
    mark: u64,
    incident: Incident,
    told: Option<(Incident, UnixMs)>,
    missing: Option<UnixMs>,
}

/// What one notifier was told.
#[derive(Debug)]
pub struct Ledger {
    least: Severity,
    again: Option<Duration>,
    entries: BTreeMap<Id, Entry>,
    /// When the last incident of these culprits ended.
    ended: BTreeMap<String, UnixMs>,
}

fn id(incident: &Incident) -> Id {
    (incident.id, incident.slot.0)
}

fn passed(now: UnixMs, since: UnixMs, least: Duration) -> bool {
    u128::try_from(now.since(since)).is_ok_and(|ms| ms >= least.as_millis())
}

impl Ledger {
    /// An empty one of a notifier that is told of incidents of this severity at least, of live ones again and again
    /// if `again` is given.
    pub fn new(least: Severity, again: Option<Duration>) -> Self {
        Self { least, again, entries: BTreeMap::new(), ended: BTreeMap::new() }
    }

    /// Incidents of which it is not known yet how far they were told.
    pub fn unknown(&self, status: &FleetStatus) -> Vec<Id> {
        status.incidents.iter().map(id).filter(|id| !self.entries.contains_key(id)).collect()
    }

    /// This is how far one was told.
    pub fn recall(&mut self, of: Id, mark: u64, status: &FleetStatus) {
        if let Some(incident) = status.incidents.iter().find(|incident| id(incident) == of) {
            let entry = Entry { mark, incident: incident.clone(), told: None, missing: None };
            self.entries.insert(of, entry);
        }
    }

    /// What is due by this status; what it does not know of is left for later.
    pub fn look(&mut self, status: &FleetStatus, now: UnixMs) -> Vec<Due> {
        self.ended.retain(|_, ended| !passed(now, *ended, FLAPS));
        for (key, entry) in &mut self.entries {
            match status.incidents.iter().find(|incident| id(incident) == *key) {
                Some(incident) => {
                    entry.incident.clone_from(incident);
                    entry.missing = None;
                }
                None => _ = entry.missing.get_or_insert(now),
            }
        }
        let gone = |entry: &Entry| entry.missing.is_some_and(|since| passed(now, since, GONE));
        // What was told must be ended; everything else may go.
        self.entries.retain(|_, entry| !gone(entry) || (1..ENDED).contains(&entry.mark));
        for entry in self.entries.values_mut().filter(|entry| gone(entry)) {
            entry.incident.state = IncidentState::Resolved;
        }
        self.entries.values().filter_map(|entry| self.due(entry, now)).collect()
    }

    fn due(&self, entry: &Entry, now: UnixMs) -> Option<Due> {
        let incident = &entry.incident;
        let event = match (incident.state, entry.mark) {
            (IncidentState::Resolved, 1..ENDED) => Event::Ended,
            (IncidentState::Resolved, _) | (IncidentState::Suspected, 0) | (_, ENDED..) => return None,
            _ if incident.silence.as_ref().is_some_and(|silence| silence.until > now) => return None,
            (_, 0) if incident.severity < self.least || self.flaps(incident, now) => return None,
            (_, 0) => Event::Opened,
            (_, mark) if rank(incident.severity) > mark => Event::Worse,
            _ => {
                let again = self.again?;
                let is_due = entry.told.as_ref().is_none_or(|(_, at)| passed(now, *at, again));
                is_due.then_some(Event::Still)?
            }
        };
        let before = entry.told.as_ref().map(|(incident, _)| incident.clone());
        let mut incident = incident.clone();
        // What was told is not taken back before the end: whoever goes by severity would be paged by its coming and going.
        incident.severity = incident.severity.max(severity(entry.mark));
        Some(Due { event, incident, before })
    }

    fn flaps(&self, incident: &Incident, now: UnixMs) -> bool {
        self.ended.contains_key(&incident.who()) && !passed(now, incident.since, LASTS)
    }

    /// This was told. The mark to keep, if it has risen.
    pub fn told(&mut self, due: Due, now: UnixMs) -> Option<(Id, u64)> {
        let id = id(&due.incident);
        let mark = match due.event {
            Event::Ended => ENDED,
            _ => rank(due.incident.severity),
        };
        if due.event == Event::Ended {
            self.ended.insert(due.incident.who(), now);
        }
        let entry = self.entries.get_mut(&id)?;
        entry.told = Some((due.incident, now));
        let risen = mark > entry.mark;
        entry.mark = entry.mark.max(mark);
        risen.then_some((id, mark))
    }
}

fn rank(severity: Severity) -> u64 {
    match severity {
        Severity::Notice => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

fn severity(mark: u64) -> Severity {
    match mark {
        3 => Severity::Critical,
        2 => Severity::Warning,
        _ => Severity::Notice,
    }
}
