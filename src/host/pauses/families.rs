//! Which metrics of which runtime tell of pauses. To add a runtime: its line.

/// How a runtime counts its pauses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    /// In people's words.
    pub(super) runtime: &'static str,
    /// Counter of pauses.
    pub(super) count: &'static str,
    /// Counter of seconds paused.
    pub(super) seconds: &'static str,
    /// Cumulative buckets of seconds, by `le`.
    pub(super) buckets: Option<&'static str>,
    /// The longest of late, in seconds.
    pub(super) longest: Option<&'static str>,
    /// What is not stopped, by a part of a label's value.
    pub(super) but: &'static [&'static str],
}

/// Collectors of the JVM that work beside the program and are counted like the others.
const CONCURRENT: &[&str] = &["Cycles", "Concurrent"];

const fn family(runtime: &'static str, count: &'static str, seconds: &'static str) -> Family {
    Family { runtime, count, seconds, buckets: None, longest: None, but: &[] }
}

/// All that are known.
pub(super) const FAMILIES: &[Family] = &[
    // Prometheus' own client for Java (Teku, Besu, Web3signer).
    Family {
        but: CONCURRENT,
        ..family("JVM", "jvm_gc_collection_seconds_count", "jvm_gc_collection_seconds_sum")
    },
    // Micrometer.
    Family {
        longest: Some("jvm_gc_pause_seconds_max"),
        but: CONCURRENT,
        ..family("JVM", "jvm_gc_pause_seconds_count", "jvm_gc_pause_seconds_sum")
    },
    // client_golang (Prysm, Geth, Erigon): quantile 1 is the longest of the last 256.
    Family {
        longest: Some("go_gc_duration_seconds"),
        ..family("Go", "go_gc_duration_seconds_count", "go_gc_duration_seconds_sum")
    },
    // prom-client (Lodestar), which up to 14 counts the first of several at once only.
    Family {
        buckets: Some("nodejs_gc_duration_seconds_bucket"),
        ..family("Node", "nodejs_gc_duration_seconds_count", "nodejs_gc_duration_seconds_sum")
    },
    // gc-stats for prom-client (Lodestar).
    family("Node", "nodejs_gc_runs_total", "nodejs_gc_pause_seconds_total"),
    // prometheus-net.DotNetRuntime.
    Family {
        buckets: Some("dotnet_gc_pause_seconds_bucket"),
        ..family(".NET", "dotnet_gc_pause_seconds_count", "dotnet_gc_pause_seconds_sum")
    },
    // The meter System.Runtime of .NET 9 (Nethermind).
    family(".NET", "dotnet_gc_collections_total", "dotnet_gc_pause_time_seconds_total"),
];

/// What 99 of a hundred turns of Node's loop were late at most since the last look, in seconds: whatever held it up.
pub(super) const LAG: &str = "nodejs_eventloop_lag_p99_seconds";

/// Whether a metric is read.
pub(super) fn is_read(name: &str) -> bool {
    let of = |family: &Family| {
        [Some(family.count), Some(family.seconds), family.buckets, family.longest].contains(&Some(name))
    };
    name == LAG || FAMILIES.iter().any(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_a_family_names() {
        assert!(is_read("go_gc_duration_seconds") && is_read("go_gc_duration_seconds_sum") && is_read(LAG));
        assert!(!is_read("go_gc_duration_seconds_bucket") && !is_read("") && !is_read("up"));
    }
}
