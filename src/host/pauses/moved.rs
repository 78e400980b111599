//! What happened to a runtime between two looks at its metrics. Pure.

use std::collections::BTreeMap;

use super::families::{FAMILIES, Family, LAG};
use super::lines::{Sample, at, samples};

/// Pauses between two looks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pauses {
    /// What paused, in people's words; empty if the metrics tell of no runtime that pauses.
    pub runtime: &'static str,
    /// Seconds between the looks.
    pub within: f64,
    /// How many there were.
    pub count: f64,
    /// How long they were together, in seconds.
    pub together: f64,
    /// The longest was no shorter, in seconds.
    pub longest: f64,
    /// How late 99 of a hundred turns of the loop were at most, in seconds, where that is told.
    pub lag: Option<f64>,
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

/// By how much the counters of a name moved, by labels. One that fell began anew.
fn moved<'a>(
    before: &[Sample<'a>],
    now: &[Sample<'a>],
    name: &str,
    wanted: impl Fn(&Sample<'a>) -> bool,
) -> BTreeMap<Labels<'a>, f64> {
    let of = |samples: &[Sample<'a>]| -> BTreeMap<Labels<'a>, f64> {
        let own = samples.iter().filter(|sample| sample.name == name && wanted(sample));
        own.map(|sample| (sample.labels.clone(), sample.value)).collect()
    };
    let old = of(before);
    let by = |(labels, value): (Labels<'a>, f64)| {
        let since = old.get(&labels).copied().filter(|old| *old <= value).unwrap_or(0.0);
        (labels, value - since)
    };
    of(now).into_iter().map(by).collect()
}

/// What happened between two looks; none if they are one, or it cannot be told which was first.
pub fn between(before: &str, now: &str) -> Option<Pauses> {
    let within = at(now)? - at(before)?;
    if within <= 0.0 {
        return None;
    }
    let (before, now) = (samples(before), samples(now));
    let lag = now.iter().find(|sample| sample.name == LAG).map(|sample| sample.value);
    let mut pauses = Pauses { within, lag, runtime: lag.map_or("", |_| "Node"), ..Pauses::default() };
    for family in FAMILIES {
        let stops = |sample: &Sample<'_>| {
            !sample.labels.iter().any(|(_, value)| family.but.iter().any(|but| value.contains(but)))
        };
        let counts = moved(&before, &now, family.count, stops);
        let seconds = moved(&before, &now, family.seconds, stops);
        if counts.is_empty() || seconds.is_empty() {
            continue;
        }
        pauses.runtime = family.runtime;
        let (count, together): (f64, f64) = (counts.values().sum(), seconds.values().sum());
        if count < 1.0 {
            continue;
        }
        let means = seconds.iter().filter_map(|(labels, seconds)| {
            let count = counts.get(labels).filter(|count| **count >= 1.0)?;
            Some(seconds / count)
        });
        let longest =
            means.chain([together / count, bucket(family, &before, &now), highest(family, &before, &now)]);
        // A program may tell the same pauses in two ways: the fuller one counts.
        if together >= pauses.together {
            (pauses.count, pauses.together) = (count, together);
        }
        pauses.longest = longest.fold(pauses.longest, f64::max);
    }
    Some(pauses)
}

/// Where the highest bucket begins that something fell into.
fn bucket(family: &Family, before: &[Sample<'_>], now: &[Sample<'_>]) -> f64 {
    let Some(name) = family.buckets else { return 0.0 };
    let all = moved(before, now, name, |_| true);
    let bound = |labels: &Labels<'_>| {
        let (_, le) = labels.iter().find(|(name, _)| *name == "le")?;
        if *le == "+Inf" { Some(f64::INFINITY) } else { le.parse::<f64>().ok() }
    };
    let mut series: BTreeMap<Labels<'_>, Vec<(f64, f64)>> = BTreeMap::new();
    for (labels, by) in &all {
        let Some(le) = bound(labels) else { continue };
        let rest = labels.iter().filter(|(name, _)| *name != "le").copied().collect();
        series.entry(rest).or_default().push((le, *by));
    }
    let begin = |mut buckets: Vec<(f64, f64)>| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        // They are cumulative: the highest that got more than the one below it got.
        let steps = buckets.windows(2).filter(|pair| pair[1].1 > pair[0].1).map(|pair| pair[0].0);
        steps.fold(0.0, f64::max)
    };
    series.into_values().map(begin).fold(0.0, f64::max)
}

/// The highest value of late, if it rose between the looks: else it may be of long before.
fn highest(family: &Family, before: &[Sample<'_>], now: &[Sample<'_>]) -> f64 {
    let of = |samples: &[Sample<'_>]| {
        let own = samples.iter().filter(|sample| Some(sample.name) == family.longest);
        own.filter(|sample| sample.label("quantile").is_none_or(|of| of == "1"))
            .map(|of| of.value)
            .fold(0.0, f64::max)
    };
    let (old, new) = (of(before), of(now));
    if new > old { new } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, now: &str) -> Pauses {
        between(&format!("# at 10\n{before}"), &format!("# at 70\n{now}")).unwrap()
    }

    #[test]
    fn concurrent_work_is_no_pause() {
        let text = |young: &str, cycles: &str| {
            format!(
                "jvm_gc_collection_seconds_count{{gc=\"ZGC Pauses\"}} {young}\njvm_gc_collection_seconds_sum{{gc=\"ZGC Pauses\"}} 0.0{young}\n\
                 jvm_gc_collection_seconds_count{{gc=\"ZGC Cycles\"}} {cycles}\njvm_gc_collection_seconds_sum{{gc=\"ZGC Cycles\"}} {cycles}"
            )
        };
        let pauses = told(&text("1", "1"), &text("3", "99"));
        assert_eq!((pauses.runtime, pauses.count), ("JVM", 2.0));
        assert!((pauses.together - 0.02).abs() < 1e-9 && pauses.longest < 0.02, "{pauses:?}");
    }

    #[test]
    fn the_longest_is_told_by_mean_bucket_or_what_rose() {
        let go = |count: u32, sum: f64, most: f64| {
            format!(
                "go_gc_duration_seconds{{quantile=\"0.75\"}} 9\ngo_gc_duration_seconds{{quantile=\"1\"}} {most}\n\
                     go_gc_duration_seconds_sum {sum}\ngo_gc_duration_seconds_count {count}"
            )
        };
        let longest = |before: &str, now: &str| (told(before, now).longest * 1_000.0).round() as u32;
        assert_eq!(longest(&go(7, 1.0, 0.9), &go(9, 1.2, 0.9)), 100, "0.9 s may have been yesterday");
        assert_eq!(longest(&go(7, 1.0, 0.1), &go(9, 1.2, 0.15)), 150);
        assert_eq!(longest(&go(7, 1.0, 0.9), &go(7, 1.0, 0.9)), 0);
        assert_eq!(longest(&go(70, 9.0, 0.9), &go(2, 0.4, 0.3)), 200, "it began anew");
        let node = |one: u32, two: u32| {
            format!(
                "nodejs_gc_duration_seconds_bucket{{le=\"0.1\",kind=\"major\"}} {one}\nnodejs_gc_duration_seconds_bucket{{le=\"1\",kind=\"major\"}} {two}\n\
                     nodejs_gc_duration_seconds_bucket{{le=\"+Inf\",kind=\"major\"}} {two}\nnodejs_gc_duration_seconds_sum{{kind=\"major\"}} 0.{two}\n\
                     nodejs_gc_duration_seconds_count{{kind=\"major\"}} {two}"
            )
        };
        assert_eq!(longest(&node(2, 2), &node(6, 7)), 100, "one of five lay above 0.1 s");
        assert_eq!(longest(&node(2, 2), &node(7, 7)), 100, "all below, but 500 ms in five");
    }

    #[test]
    fn labels_of_two_counters_need_not_be_the_same() {
        let net = |two: u32, sum: f64| {
            format!(
                "dotnet_gc_collections_total{{gc_heap_generation=\"gen0\"}} {two}\ndotnet_gc_pause_time_seconds_total {sum}"
            )
        };
        let pauses = told(&net(10, 1.0), &net(12, 2.0));
        assert_eq!((pauses.runtime, pauses.count, pauses.longest), (".NET", 2.0, 0.5));
    }

    #[test]
    fn a_client_without_such_a_runtime_tells_nothing() {
        assert_eq!(told("", "").runtime, "");
        assert_eq!(told("", "nodejs_eventloop_lag_p99_seconds 0.3").lag, Some(0.3));
        assert_eq!(between("# at 5", "# at 5"), None);
        assert_eq!(between("", "# at 5"), None);
    }
}
