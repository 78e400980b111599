//! Lines of Prometheus' text format (version 0.0.4, and `OpenMetrics`, of which it reads as much). Pure.

use super::families::is_read;

/// Most lines that are kept, and bytes of one.
const LINES: usize = 512;
const BYTES: usize = 1024;
/// What the line begins with that says when it was.
const AT: &str = "# at ";

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    /// Names and values, sorted, as they are written.
    pub(super) labels: Vec<(&'a str, &'a str)>,
    pub(super) value: f64,
}

impl Sample<'_> {
    /// A label's value.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(of, _)| *of == name).map(|(_, value)| *value)
    }
}

/// What a record keeps of metrics that were told so many seconds after some beginning: the lines that tell of pauses.
pub fn kept(text: &str, seconds: f64) -> String {
    let read = |line: &&str| line.len() <= BYTES && is_read(name(line));
    let lines = text.lines().map(str::trim).filter(read).take(LINES);
    std::iter::once(format!("{AT}{seconds:.3}"))
        .chain(lines.map(str::to_owned))
        .collect::<Vec<_>>()
        .join("\n")
}

/// When it was told, in seconds after the same beginning as others of the same client.
pub(super) fn at(kept: &str) -> Option<f64> {
    kept.lines().next()?.strip_prefix(AT)?.trim().parse().ok().filter(|at: &f64| at.is_finite())
}

/// The values of what was kept.
pub(super) fn samples(kept: &str) -> Vec<Sample<'_>> {
    kept.lines().filter_map(sample).collect()
}

fn name(line: &str) -> &str {
    line.split(['{', ' ', '\t']).next().unwrap_or_default()
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let name = name(line);
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let rest = line.get(name.len()..)?.trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(Sample { name, labels, value })
}

/// Labels up to their closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            labels.sort_unstable();
            return Some((labels, after));
        }
        let (name, value) = rest.split_once("=\"")?;
        let end = closing(value)?;
        labels.push((name.trim(), value.get(..end)?));
        rest = value.get(end + 1..)?;
    }
}

/// Where the quote is that no backslash escapes.
fn closing(value: &str) -> Option<usize> {
    let mut escaped = false;
    value.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(line: &str) -> Option<(Vec<(&str, &str)>, f64)> {
        sample(line).map(|sample| (sample.labels, sample.value))
    }

    #[test]
    fn lines_are_read_as_clients_write_them() {
        let gc = |value: &'static str| vec![("gc", value)];
        assert_eq!(one("a_b 1.5"), Some((vec![], 1.5)));
        assert_eq!(one("a{gc=\"G1 Young Generation\",} 9.0"), Some((gc("G1 Young Generation"), 9.0)));
        assert_eq!(one("a{gc=\"x\\\"}\"} 1e-05 1700000000"), Some((gc("x\\\"}"), 1e-5)));
        assert_eq!(
            one("a{le=\"+Inf\",b=\"c\"} 3 # {trace=\"1\"} 0.5"),
            Some((vec![("b", "c"), ("le", "+Inf")], 3.0))
        );
        assert_eq!(one("a{} 1"), Some((vec![], 1.0)));
        for wrong in ["", "# TYPE a counter", "a", "a{b=\"c} 1", "a{b} 1", "a NaN", "a +Inf", "a{b=\"c\"}"] {
            assert_eq!(one(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_is_what_is_read_and_when() {
        let text = "# HELP go_gc_duration_seconds x\ngo_gc_duration_seconds_sum 0.5\nup{key=\"secret\"} 1\n  go_gc_duration_seconds_count 7\n";
        let kept = kept(text, 12.25);
        assert_eq!(kept, "# at 12.250\ngo_gc_duration_seconds_sum 0.5\ngo_gc_duration_seconds_count 7");
        assert_eq!((at(&kept), samples(&kept).len()), (Some(12.25), 2));
        let long = format!("go_gc_duration_seconds_sum{{a=\"{}\"}} 1", "x".repeat(BYTES));
        assert_eq!(super::kept(&long, 0.0), "# at 0.000");
        let many = "go_gc_duration_seconds_sum 1\n".repeat(2 * LINES);
        assert_eq!(super::kept(&many, 0.0).lines().count(), LINES + 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(go_gc_duration_seconds(_sum)?|[{}\",=\\\\ \n#é]|le|1e9|NaN){0,40}") {
            let kept = kept(&text, 1.0);
            let _ = (samples(&kept), samples(&text), at(&text));
        }
    }
}
