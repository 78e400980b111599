//! Disks of a machine, and how their counters moved.

use procfs::process::{MountInfo, MountInfos};
use procfs::{DiskStat, DiskStats};

use super::facts::{Facts, misunderstood};
use super::finding::{Cannot, Judged, Verdict, not_applicable, unknown};
use super::limits;
use super::source::{Kind, Unread};
use super::text::number;

/// Beginnings of names of what is no disk of its own.
const NOT_DISKS: &[&str] = &["loop", "ram", "zram", "sr", "dm-", "md", "fd", "nbd"];
/// Most disks that are looked at.
const MOST: usize = 256;

/// Names of the machine's disks.
pub fn names(facts: &Facts<'_>) -> Result<Vec<String>, Cannot> {
    let mut names = facts.names("/sys/block")?;
    names.retain(|name| !NOT_DISKS.iter().any(|not| name.starts_with(not)));
    names.truncate(MOST);
    if names.is_empty() { not_applicable("this machine has no disk of its own") } else { Ok(names) }
}

/// What a rule says of each disk: the worst, named. If no disk can be judged, why the first cannot.
pub fn worst(facts: &Facts<'_>, judge: impl Fn(&str) -> Result<Judged, Cannot>) -> Result<Judged, Cannot> {
    worst_of(&names(facts)?, |disk| judge(disk))
}

/// What a rule says of each thing: the worst, named.
pub fn worst_of(names: &[String], judge: impl Fn(&str) -> Result<Judged, Cannot>) -> Result<Judged, Cannot> {
    let mut worst: Option<Judged> = None;
    let mut cannot = None;
    for name in names {
        match judge(name) {
            Ok(judged) => {
                let judged =
                    Judged { actual: format!("{}; {name}", judged.actual), ..judged.on(name.as_str()) };
                worst = Some(match worst {
                    Some(before) => before.or_worse(judged),
                    None => judged,
                });
            }
            Err(why) => cannot = cannot.or(Some(why)),
        }
    }
    match (worst, cannot) {
        (Some(judged), _) => Ok(judged),
        (None, Some(why)) => Err(why),
        (None, None) => not_applicable("there is none on this machine"),
    }
}

/// How a disk's counters moved: milliseconds and requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    /// Flushes done, and milliseconds they took; none if this kernel does not count them.
    pub flushes: Option<(u64, u64)>,
    /// Reads done, and milliseconds they took.
    pub reads: (u64, u64),
    /// Writes done, and milliseconds they took.
    pub writes: (u64, u64),
    /// Milliseconds of all requests together.
    pub weighted: u64,
}

/// What a disk did between the two moments; since boot, if they are one.
pub fn work(facts: &Facts<'_>, disk: &str) -> Result<Work, Cannot> {
    let (before, now) = facts.parsed_twice::<DiskStats>("/proc/diskstats")?;
    let find = |stats: &DiskStats| stats.0.iter().find(|stat| stat.name == disk).cloned();
    let Some(now) = find(&now) else {
        return not_applicable(format!("the kernel counts nothing for {disk}"));
    };
    let before = find(&before).filter(|_| !facts.between(Some(0), 0).since_boot);
    let moved = |of: fn(&DiskStat) -> u64| of(&now).saturating_sub(before.as_ref().map_or(0, of));
    Ok(Work {
        flushes: now.flushes.zip(now.time_flushing).map(|_| {
            (moved(|stat| stat.flushes.unwrap_or(0)), moved(|stat| stat.time_flushing.unwrap_or(0)))
        }),
        reads: (moved(|stat| stat.reads), moved(|stat| stat.time_reading)),
        writes: (moved(|stat| stat.writes), moved(|stat| stat.time_writing)),
        weighted: moved(|stat| stat.weighted_time_in_progress),
    })
}

/// Milliseconds each took, if there were any.
pub fn each((count, ms): (u64, u64)) -> Option<f64> {
    (count > 0).then(|| ms as f64 / count as f64)
}

/// File systems that lie on disks.
const ON_DISKS: &[&str] = &["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs"];

fn mount_infos(facts: &Facts<'_>) -> Result<Vec<MountInfo>, Cannot> {
    let own = facts.pid().map(|pid| format!("/proc/{pid}/mountinfo"));
    let path = own.ok().filter(|path| facts.read(Kind::File, path).is_ok());
    let infos: MountInfos = facts.parsed(path.as_deref().unwrap_or("/proc/self/mountinfo"))?;
    Ok(infos.0.into_iter().filter(|info| ON_DISKS.contains(&info.fs_type.as_str())).collect())
}

/// Where file systems on disks are mounted, each once, as the beacon sees them; without those to boot from.
pub fn mounts(facts: &Facts<'_>) -> Result<Vec<String>, Cannot> {
    let mut seen = Vec::new();
    let mut out = Vec::new();
    for info in mount_infos(facts)?.into_iter().take(MOST) {
        let at = info.mount_point.to_string_lossy().into_owned();
        if !at.starts_with("/boot") && !seen.contains(&info.majmin) {
            seen.push(info.majmin);
            out.push(at);
        }
    }
    if out.is_empty() { not_applicable("there is no file system on a disk here") } else { Ok(out) }
}

/// Options of the mount and of its file system: `name` or `name=value`.
pub fn options(facts: &Facts<'_>, mount: &str) -> Result<Vec<String>, Cannot> {
    let infos = mount_infos(facts)?;
    let Some(info) = infos.iter().find(|info| info.mount_point.to_string_lossy() == mount) else {
        return not_applicable(format!("{mount} is gone"));
    };
    let all = info.mount_options.iter().chain(&info.super_options);
    Ok(all
        .map(|(name, value)| value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}={value}")))
        .collect())
}

/// Size and room of a file system, in blocks and inodes.
#[derive(Debug, Clone, Copy)]
pub struct Space {
    /// Blocks there are.
    pub blocks: f64,
    /// Blocks users may still write.
    pub free: f64,
    /// Inodes there are; 0 if they are made as needed.
    pub files: f64,
    /// Inodes users may still use.
    pub free_files: f64,
}

/// Size and room of the file system mounted there.
pub fn space(facts: &Facts<'_>, mount: &str) -> Result<Space, Cannot> {
    let text = match facts.read(Kind::Space, mount) {
        Ok(text) => text,
        Err(Unread::Absent) => return not_applicable(format!("{mount} is not below this root")),
        Err(_) => return unknown(format!("{mount} does not tell its size to this user; run it as root")),
    };
    let numbers: Vec<f64> = text.split_whitespace().filter_map(number).collect();
    match numbers.as_slice() {
        [_, blocks, free, files, free_files] => {
            Ok(Space { blocks: *blocks, free: *free, files: *files, free_files: *free_files })
        }
        _ => misunderstood(mount),
    }
}

/// What a share that is free, in percent, is worth.
pub fn room(facts: &Facts<'_>, share: f64) -> Judged {
    let (warn, bad) = (facts.limit(&limits::FREE_WARN), facts.limit(&limits::FREE_BAD));
    let verdict = match share {
        _ if share < bad => Verdict::Bad,
        _ if share < warn => Verdict::Warn,
        _ => Verdict::Ok,
    };
    Judged::new(verdict, format!("at least {warn} % free"), format!("{share:.1} % free"))
}
