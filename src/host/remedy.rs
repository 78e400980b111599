//! Remedies as data: the text an operator reads is made from what would be written, so that the two cannot differ.

use super::change::{Change, DropIn};
use super::finding::Judged;
use super::path_words;

/// What helps. `{on}` stands for the device or path the finding is about, `{to}` for the value this machine needs,
/// `{pid}` for the process.
#[derive(Debug, Clone, Copy)]
pub enum Remedy {
    /// A kernel setting: key with dots, value.
    Sysctl(&'static str, &'static str),
    /// A kernel setting that is raised to a value, and never lowered: an operator may know why it is higher.
    Raise(&'static str, &'static str),
    /// A file below `/sys`, in whose path `*` stands for any name; its value; what makes it last.
    Write(&'static str, &'static str, Lasting),
    /// Files that `*` of a path names, each its own value: what `{to}` says, `NAME=VALUE` a word; what makes it last.
    Each(&'static str, &'static str),
    /// Commands for now and for good, with what only an operator knows in them.
    Commands(&'static str, &'static str),
    /// Nothing can be written: what to look at.
    LookAt(&'static str),
}

/// What makes a value below `/sys` last over a reboot.
#[derive(Debug, Clone, Copy)]
pub enum Lasting {
    /// A rule for udev, as a device may come later.
    Udev(&'static str),
    /// `systemd-tmpfiles` writes it at boot.
    Tmpfiles,
    /// No file of ours: what to do.
    ByHand(&'static str),
}

/// What makes a remedy last that lasts by itself.
pub const SAME: &str = "the same";

impl Remedy {
    /// Whether values are all of it, so that a program can write them.
    pub fn is_of_values(&self) -> bool {
        !matches!(self, Self::Commands(..) | Self::LookAt(_))
    }

    /// What is written, if that alone is the remedy: of a check, in the network namespace of a process if that is another.
    pub fn change(&self, check: &str, judged: &Judged, process: Option<u32>) -> Option<Change> {
        let (path, to, lasting) = match self {
            Self::Sysctl(key, to) | Self::Raise(key, to) => {
                let line = fill(&format!("{key} = {to}"), judged);
                let lasting =
                    DropIn::new(format!("/etc/sysctl.d/90-beacondeck-{key}.conf"), line, "sysctl -p");
                (format!("/proc/sys/{}", key.replace('.', "/")), to, Some(lasting))
            }
            Self::Write(path, to, lasting) => {
                (fill(path, judged), to, lasting.drop_in(check, path, to, judged))
            }
            Self::Each(path, _) => (fill(path, judged), &"{to}", None),
            Self::Commands(..) | Self::LookAt(_) => return None,
        };
        let each = match self {
            Self::Each(..) => judged.to.split_whitespace().filter_map(|word| word.split_once('=')).collect(),
            _ => Vec::new(),
        };
        let each =
            each.into_iter().map(|(name, to): (&str, &str)| (name.to_owned(), to.to_owned())).collect();
        let process = process.filter(|_| path.starts_with("/proc/sys/net/"));
        // What another namespace needs is not what this machine needs at boot.
        let drop_in = lasting.filter(|_| process.is_none());
        let raise = matches!(self, Self::Raise(..));
        Some(Change { path, to: fill(to, judged), each, raise, process, drop_in })
    }

    /// The command that helps now.
    pub fn live(&self, change: Option<&Change>, judged: &Judged) -> String {
        match (self, change) {
            (_, Some(change)) => change.command(),
            (Self::Commands(live, _) | Self::LookAt(live), None) => fill(live, judged),
            _ => String::new(),
        }
    }

    /// What makes it last over a reboot.
    pub fn persistent(&self, change: Option<&Change>, judged: &Judged) -> String {
        match (self, change) {
            (Self::Write(.., Lasting::ByHand(text)) | Self::Each(_, text) | Self::Commands(_, text), _) => {
                fill(text, judged)
            }
            (_, Some(change)) => change.persistent(),
            _ => String::new(),
        }
    }

    /// What takes it back.
    pub fn revert(&self, change: Option<&Change>, judged: &Judged) -> String {
        let was = judged.actual.split(';').next().unwrap_or_default();
        match (self, change) {
            (Self::Each(..), Some(Change { path, .. })) => {
                format!("write back to each {path} what stood there: the journal of `audit --fix` keeps it")
            }
            (_, Some(Change { path, drop_in: Some(drop_in), .. })) => {
                format!("write back {} = {was}; rm {}", path_words(path), drop_in.path)
            }
            (_, Some(Change { path, .. })) => format!("write back {} = {was}", path_words(path)),
            (Self::Commands(..), None) => "undo the commands in reverse order".to_owned(),
            _ => String::new(),
        }
    }
}

impl Lasting {
    fn drop_in(self, check: &str, path: &str, to: &str, judged: &Judged) -> Option<DropIn> {
        let on: String = judged.on.chars().filter(char::is_ascii_alphanumeric).collect();
        match self {
            Self::Udev(rule) => Some(DropIn::new(
                format!("/etc/udev/rules.d/60-beacondeck-{check}-{on}.rules"),
                fill(rule, judged),
                "udevadm control --reload   #",
            )),
            Self::Tmpfiles => Some(DropIn::new(
                format!("/etc/tmpfiles.d/beacondeck-{check}.conf"),
                fill(&format!("w {path} - - - - {to}"), judged),
                "systemd-tmpfiles --create",
            )),
            Self::ByHand(_) => None,
        }
    }
}

fn fill(text: &str, judged: &Judged) -> String {
    text.replace("{on}", &judged.on).replace("{to}", &judged.to)
}
