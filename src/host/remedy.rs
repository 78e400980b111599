//! Remedies as data: the text an operator reads is made from what would be written, so that the two cannot differ.
//!
//! Never here, whatever a benchmark says: `write through` for a drive that caches, `nobarrier`, `eatmydata`, `synchronous=OFF`,
//! a boot loader's file edited by a program, `isolcpus` under a beacon, `mitigations=off`.

use super::finding::Judged;

/// What helps. `{on}` stands for the device or path the finding is about, `{to}` for the value this machine needs,
/// `{pid}` for the process.
#[derive(Debug, Clone, Copy)]
pub enum Remedy {
    /// A kernel setting: key with dots, value.
    Sysctl(&'static str, &'static str),
    /// A file below `/sys`, its value, and the rule that makes it last.
    Write(&'static str, &'static str, &'static str),
    /// Commands for now and for good.
    Commands(&'static str, &'static str),
    /// Nothing can be written: what to look at.
    LookAt(&'static str),
}

/// The file of kernel settings that is ours.
pub const DROP_IN: &str = "/etc/sysctl.d/90-beacondeck.conf";

impl Remedy {
    /// The command that helps now.
    pub fn live(&self, judged: &Judged) -> String {
        match self {
            Self::Sysctl(key, to) => fill(&format!("sysctl -w {key}='{to}'"), judged),
            Self::Write(path, to, _) => fill(&format!("echo '{to}' > {path}"), judged),
            Self::Commands(live, _) | Self::LookAt(live) => fill(live, judged),
        }
    }

    /// What makes it last over a reboot.
    pub fn persistent(&self, judged: &Judged) -> String {
        match self {
            Self::Sysctl(key, to) => {
                fill(&format!("echo '{key} = {to}' >> {DROP_IN} && sysctl -p {DROP_IN}"), judged)
            }
            Self::Write(_, _, text) | Self::Commands(_, text) => fill(text, judged),
            Self::LookAt(_) => String::new(),
        }
    }

    /// What takes it back.
    pub fn revert(&self, judged: &Judged) -> String {
        let was = judged.actual.split(';').next().unwrap_or_default();
        match self {
            Self::Sysctl(key, _) => format!("write back `{key}` = {was}; remove its line from {DROP_IN}"),
            Self::Write(path, ..) => fill(&format!("write back {path} = {was}; remove the rule"), judged),
            Self::Commands(..) => "undo the commands in reverse order".to_owned(),
            Self::LookAt(_) => String::new(),
        }
    }
}

fn fill(text: &str, judged: &Judged) -> String {
    text.replace("{on}", &judged.on).replace("{to}", &judged.to)
}
