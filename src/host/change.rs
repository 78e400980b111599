//! What a remedy writes: one value to one kind of file, and a file of ours that makes it last. Pure.
//!
//! Never here, whatever a benchmark says: `write through` for a drive that caches, `nobarrier`, `eatmydata`, `synchronous=OFF`,
//! a boot loader's file edited by a program, `isolcpus` under a beacon, `mitigations=off`. [`Change::allowed`] is the gate.

use serde::Serialize;

use super::nic;

/// Where values may be written.
const TREES: &[&str] = &["/proc/sys/", "/proc/irq/", "/sys/", nic::TREE];
/// What no file we write is called like, and no line we write says.
pub const NEVER: &[&str] = &[
    "write_cache",
    "write through",
    "nobarrier",
    "barrier=0",
    "eatmydata",
    "synchronous",
    "grub",
    "isolcpus",
    "mitigations",
    "core_pattern",
    "modprobe",
    "sysrq",
];
/// Beginnings of names of files that are ours.
const OURS: &[&str] =
    &["/etc/sysctl.d/90-beacondeck-", "/etc/udev/rules.d/60-beacondeck-", "/etc/tmpfiles.d/beacondeck-"];
/// The first line of a file that is ours.
const HEADER: &str = "# Written by beacondeck; `beacondeck audit --revert` removes it.";

/// A value that is written to a file of the kernel, and what makes it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path of the file; `*` stands for any name.
    pub path: String,
    /// The value; of [`Change::each`], all of them in words.
    pub to: String,
    /// What `*` stands for, and the value of each, where they differ; empty: any name, and the same value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<(String, String)>,
    /// Whether a number that is larger already stays.
    pub raise: bool,
    /// The process in whose network namespace it is written, if that is not the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// The file that makes it last; none: an operator has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_in: Option<DropIn>,
}

/// A file that is ours alone: one line and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DropIn {
    /// Path of the file.
    pub path: String,
    /// Its line.
    pub line: String,
    /// The command that loads it, to be given its path.
    pub load: &'static str,
}

impl DropIn {
    /// A file of this line.
    pub fn new(path: String, line: String, load: &'static str) -> Self {
        Self { path, line, load }
    }

    /// What stands in it.
    pub fn text(&self) -> String {
        format!("{HEADER}\n{}\n", self.line)
    }
}

/// Whether a file's text is one of ours.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(HEADER)
}

impl Change {
    /// The command that does it by hand.
    pub fn command(&self) -> String {
        let Self { path, to, process, .. } = self;
        match (path.strip_prefix("/proc/sys/"), process) {
            (Some(key), Some(pid)) => {
                format!("nsenter -t {pid} -n sysctl -w {}='{to}'", key.replace('/', "."))
            }
            (Some(key), None) => format!("sysctl -w {}='{to}'", key.replace('/', ".")),
            (None, _) if path.starts_with(nic::TREE) => nic::command(&path[nic::TREE.len()..], to),
            (None, _) if !self.each.is_empty() => {
                let one = |(path, to)| format!("echo '{to}' > {path}");
                self.named().into_iter().map(one).collect::<Vec<_>>().join("; ")
            }
            (None, _) if path.contains('*') => format!("for f in {path}; do echo '{to}' > $f; done"),
            (None, _) => format!("echo '{to}' > {path}"),
        }
    }

    /// The files of [`Change::each`], each with its value.
    pub fn named(&self) -> Vec<(String, String)> {
        self.each.iter().map(|(name, to)| (self.path.replace('*', name), to.clone())).collect()
    }

    /// What makes it last, by hand.
    pub fn persistent(&self) -> String {
        match (&self.drop_in, self.process) {
            (Some(DropIn { path, line, load }), _) => format!("echo '{line}' > {path} && {load} {path}"),
            (None, Some(_)) => {
                let key = self.path.trim_start_matches("/proc/sys/").replace('/', ".");
                format!("start its container with --sysctl {key}='{}'", self.to)
            }
            (None, None) => String::new(),
        }
    }

    /// The value to write for this one where another stands now: no number of a raise becomes smaller.
    pub fn wanted(&self, to: &str, was: &str) -> String {
        let (old, new): (Vec<&str>, Vec<&str>) =
            (was.split_whitespace().collect(), to.split_whitespace().collect());
        if !self.raise || old.len() != new.len() {
            return to.to_owned();
        }
        let larger = |(old, new): (&&str, &&str)| match (old.parse::<u64>(), new.parse::<u64>()) {
            (Ok(before), Ok(after)) if before > after => (*old).to_owned(),
            _ => (*new).to_owned(),
        };
        old.iter().zip(&new).map(larger).collect::<Vec<_>>().join(" ")
    }

    /// What stands in the file of ours, if this is the value that is written.
    pub fn lasting(&self, wanted: &str) -> Option<String> {
        let DropIn { path, line, load } = self.drop_in.clone()?;
        let line =
            if self.raise { line.replace(&format!("= {}", self.to), &format!("= {wanted}")) } else { line };
        Some(DropIn { path, line, load }.text())
    }

    /// Whether it may be written at all; why not.
    pub fn allowed(&self) -> Result<(), String> {
        let drop_in = self.drop_in.as_ref();
        let texts =
            [Some(&self.path), Some(&self.to), drop_in.map(|own| &own.path), drop_in.map(|own| &own.line)];
        let each = self.each.iter().flat_map(|(name, to)| [name, to]);
        for text in texts.into_iter().flatten().chain(each) {
            if let Some(never) = NEVER.iter().find(|never| text.contains(**never)) {
                return Err(format!("`{never}` is never written by this program"));
            }
            if text.contains(['\n', '\0']) || text.contains("..") {
                return Err(format!("{text:?} is neither one path nor one value"));
            }
        }
        if let Some((name, _)) = self.each.iter().find(|(name, _)| name.contains('/')) {
            return Err(format!("{name:?} is not one name"));
        }
        if !TREES.iter().any(|tree| self.path.starts_with(tree)) {
            return Err(format!("{} is below neither of {}", self.path, TREES.join(", ")));
        }
        match drop_in {
            Some(own) if !OURS.iter().any(|ours| own.path.starts_with(ours)) => {
                Err(format!("{} is not a file of this program", own.path))
            }
            _ => Ok(()),
        }
    }
}

/// A value as it is compared: the chosen word of several, else its words; a mask of processors without its zeroes.
pub fn normal(path: &str, text: &str) -> String {
    if let Some(chosen) = super::text::chosen(text) {
        return chosen.to_owned();
    }
    if path.starts_with(nic::TREE) {
        return text.split_whitespace().next().unwrap_or_default().to_owned();
    }
    if path.ends_with("/rps_cpus") {
        let mask = text.trim().replace(',', "");
        return mask.trim_start_matches('0').to_owned();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn change(path: &str, to: &str, raise: bool) -> Change {
        Change {
            path: path.to_owned(),
            to: to.to_owned(),
            each: Vec::new(),
            raise,
            process: None,
            drop_in: None,
        }
    }

    #[rstest]
    #[case("4096 131072 6291456", "4096 131072 16777216", true, "4096 131072 16777216")]
    #[case("8192 131072 33554432", "4096 262144 16777216", true, "8192 262144 33554432")]
    #[case("65535", "4096", true, "65535")]
    #[case("60", "1", false, "1")]
    #[case("cubic", "bbr", true, "bbr")]
    fn a_raise_lowers_nothing(
        #[case] was: &str,
        #[case] to: &str,
        #[case] raise: bool,
        #[case] wanted: &str,
    ) {
        assert_eq!(change("/proc/sys/x", to, raise).wanted(to, was), wanted);
    }

    #[rstest]
    #[case("/sys/block/sda/queue/write_cache", "write through")]
    #[case("/sys/block/sda/queue/write_cache", "write back")]
    #[case("/etc/default/grub", "x")]
    #[case("/proc/sys/../../etc/passwd", "x")]
    #[case("/etc/sysctl.conf", "x")]
    #[case("/proc/sys/kernel/core_pattern", "|/bin/sh")]
    #[case("/proc/sys/vm/swappiness", "1\n2")]
    fn what_is_never_written_is_refused(#[case] path: &str, #[case] to: &str) {
        assert!(change(path, to, false).allowed().is_err());
    }

    #[test]
    fn a_file_that_is_not_ours_is_refused() {
        let with = |path: &str, line: &str| Change {
            drop_in: Some(DropIn::new(path.into(), line.into(), "x")),
            ..change("/proc/sys/vm/swappiness", "1", false)
        };
        assert_eq!(
            with("/etc/sysctl.d/90-beacondeck-vm.swappiness.conf", "vm.swappiness = 1").allowed(),
            Ok(())
        );
        assert!(with("/etc/sysctl.conf", "vm.swappiness = 1").allowed().is_err());
        assert!(with("/etc/sysctl.d/90-beacondeck-x.conf", "a = 1\nb = 2").allowed().is_err());
        assert!(with("/etc/tmpfiles.d/beacondeck-x.conf", "w /x/write_cache - - - - a").allowed().is_err());
    }

    #[test]
    fn values_are_compared_as_the_kernel_says_them() {
        assert_eq!(normal("/sys/x/scheduler", "none [mq-deadline] kyber"), "mq-deadline");
        assert_eq!(normal("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n"), "4096 131072 6291456");
        assert_eq!(normal("/@ethtool/eth0/rx-ring", "512 of 4096"), "512");
        assert_eq!(normal("/sys/x/rx-0/rps_cpus", "00000000,0000000f\n"), "f");
    }

    proptest! {
        #[test]
        fn any_value_stays_or_grows(was in 0_u64.., to in 0_u64..) {
            let wanted: u64 = change("/proc/sys/x", &to.to_string(), true).wanted(&to.to_string(), &was.to_string()).parse().unwrap();
            prop_assert_eq!(wanted, was.max(to));
        }
    }
}
