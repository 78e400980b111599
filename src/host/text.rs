//! Parsers for what no crate reads. Total: any text gives a value or none, and never panics.

use std::collections::BTreeMap;

/// Most processors a list may name.
const CPUS: usize = 8192;

/// The number a text is, but for spaces.
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The first number behind a name at the start of a line: `MemTotal:  16 kB`.
pub fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == name).then(|| words.next()?.parse().ok())?
    })
}

/// A counter of `/proc/net/snmp` or `netstat`, where a line of names stands above a line of numbers.
pub fn named(text: &str, section: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split(':').next() == Some(section));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|word| word == name)?;
    values.split_whitespace().nth(at)?.parse().ok()
}

/// The sum of a column of `/proc/net/softnet_stat`, which is hexadecimal, a line a processor.
pub fn softnet(text: &str, column: usize) -> Option<u64> {
    let mut sum: u64 = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        sum = sum.saturating_add(u64::from_str_radix(line.split_whitespace().nth(column)?, 16).ok()?);
    }
    (!text.trim().is_empty()).then_some(sum)
}

/// The sum over processors of columns of `/proc/net/stat/*`, by name; hexadecimal.
pub fn stat_columns(text: &str, names: &[&str]) -> Option<u64> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next()?.split_whitespace().collect();
    let columns: Vec<usize> =
        names.iter().filter_map(|name| head.iter().position(|word| word == name)).collect();
    if columns.is_empty() {
        return None;
    }
    let mut sum: u64 = 0;
    for line in lines {
        let values: Vec<&str> = line.split_whitespace().collect();
        for at in &columns {
            sum = sum.saturating_add(u64::from_str_radix(values.get(*at)?, 16).ok()?);
        }
    }
    Some(sum)
}

/// The chosen word of `none [mq-deadline] kyber`.
pub fn chosen(text: &str) -> Option<&str> {
    let from = text.find('[')?;
    let rest = text.get(from + 1..)?;
    rest.get(..rest.find(']')?)
}

/// Processors of a list such as `0-3,8,10-11`; empty text names none.
pub fn cpus(text: &str) -> Option<Vec<u32>> {
    let mut out = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u32, u32) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        if from > to || to as usize >= CPUS || out.len() + (to - from) as usize >= CPUS {
            return None;
        }
        out.extend(from..=to);
    }
    Some(out)
}

/// The numbers of a `cpu` line of `/proc/stat`.
pub fn cpu_line(text: &str, name: &str) -> Option<Vec<u64>> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == name).then(|| words.map_while(|word| word.parse().ok()).collect())
    })
}

/// The counts a processor of one line of `/proc/softirqs`.
pub fn softirqs(text: &str, name: &str) -> Option<Vec<u64>> {
    cpu_line(text, name).filter(|counts| !counts.is_empty())
}

/// Local port and drops of each socket of `/proc/net/udp`.
pub fn udp_drops(text: &str) -> Vec<(u16, u64)> {
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let port = u16::from_str_radix(columns.get(1)?.rsplit(':').next()?, 16).ok()?;
            Some((port, columns.last()?.parse().ok()?))
        })
        .collect()
}

/// The share of the last minute of a line of `/proc/pressure/*`, in percent.
pub fn pressure(text: &str, who: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(who))?;
    number(line.split_whitespace().find_map(|word| word.strip_prefix("avg60="))?)
}

/// A numeric field of `/proc/PID/stat`, counted from one as in `proc(5)`, from the fourth on. The program's name, the second,
/// may hold anything.
pub fn stat(text: &str, field: usize) -> Option<i64> {
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(field.checked_sub(3)?)?.parse().ok()
}

/// KiB a node of a process's memory, of `/proc/PID/numa_maps`.
pub fn numa_pages(text: &str) -> BTreeMap<u32, u64> {
    let mut out: BTreeMap<u32, u64> = BTreeMap::new();
    for line in text.lines() {
        let words = || line.split_whitespace();
        let size =
            words().find_map(|word| word.strip_prefix("kernelpagesize_kB=")?.parse().ok()).unwrap_or(4_u64);
        for (node, pages) in words().filter_map(|word| word.strip_prefix('N')?.split_once('=')) {
            if let (Ok(node), Ok(pages)) = (node.parse(), pages.parse::<u64>()) {
                let sum = out.entry(node).or_default();
                *sum = sum.saturating_add(pages.saturating_mul(size));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tables_are_read_by_name_and_base() {
        let snmp = "Udp: InDatagrams NoPorts InErrors RcvbufErrors\nUdp: 5 6 7 8\n";
        assert_eq!(named(snmp, "Udp", "RcvbufErrors"), Some(8));
        assert_eq!(named(snmp, "Tcp", "RcvbufErrors"), None);
        assert_eq!(softnet("00000001 0000000a\n00000001 00000002\n", 1), Some(12));
        assert_eq!(
            stat_columns("entries drop early_drop\n01 0a 01\n01 01 00\n", &["drop", "early_drop"]),
            Some(12)
        );
        assert_eq!(chosen("none [mq-deadline] kyber"), Some("mq-deadline"));
        assert_eq!(cpus("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(cpus("0-4294967295"), None);
        assert_eq!(cpu_line("cpu  1 2 3\ncpu0 4 5 6", "cpu0"), Some(vec![4, 5, 6]));
        let udp = "  sl  local_address\n 9: 0100007F:2328 00000000:0000 07 0:0 0:0 0 0 0 1 2 f 498\n";
        assert_eq!(udp_drops(udp), [(9000, 498)]);
        assert_eq!(pressure("some avg10=1.00 avg60=2.50 avg300=0 total=9", "some"), Some(2.5));
        assert_eq!(stat("7 (a) b) S 1 2", 5), Some(2));
        let maps = "7f default N0=3 N1=1 kernelpagesize_kB=4\n8f default N1=2 kernelpagesize_kB=2048\n";
        assert_eq!(numa_pages(maps), BTreeMap::from([(0, 12), (1, 4100)]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            total(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn nearly_right_text_is_read_without_panic(text in "(Udp:|cpu|[0-9a-f]{1,20}|\\[|\\]|[-,: \n]|é|drop){0,60}") {
            total(&text);
        }
    }

    fn total(text: &str) {
        number(text);
        field(text, "MemTotal:");
        named(text, "Udp", "InErrors");
        softnet(text, 1);
        stat_columns(text, &["drop"]);
        chosen(text);
        cpus(text);
        cpu_line(text, "cpu");
        softirqs(text, "NET_RX:");
        udp_drops(text);
        pressure(text, "some");
        numa_pages(text);
        stat(text, 19);
    }
}
