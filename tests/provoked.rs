//! What checks say where the fault is real: provoked on this machine's kernel, in namespaces and a control group of the
//! tests' own, by processes that are called like a beacon.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

#[path = "common/namespace.rs"]
mod namespace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt as _;
use beacondeck::host::apply::{ApplyError, Hands, Plan, Workshop};
use beacondeck::host::{self, Finding, Overrides, Record, Role};
use beacondeck::model::UnixMs;
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(120);

/// A program that is called like a beacon and does what it is told in Perl.
fn beacon(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("lighthouse");
    fs::copy("/usr/bin/perl", &path).unwrap();
    path
}

/// What an audit says of a check, run by a script with its own `/proc`: `$BEACON` is the program, `$AUDIT` the audit.
fn audited(script: &str, check: &str) -> (String, Value) {
    let folder = TempDir::new().unwrap();
    let binary = Command::cargo_bin("beacondeck").unwrap();
    let output = Command::new("timeout")
        .args(["120", "unshare", "-p", "-f", "--mount-proc", "sh", "-euc", script])
        .env("BEACON", beacon(&folder))
        .env("AUDIT", format!("{} audit --json --seconds 2", binary.get_program().display()))
        .env_remove("BEACONDECK_FLEET")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let findings = json["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["id"] == check).unwrap();
    (found["verdict"].as_str().unwrap().to_owned(), found.clone())
}

/// A beacon in a namespace of its own listens with room for one, takes nobody, and many want in.
const CROWDED: &str = r#"
unshare -n sh -c 'ip link set lo up; exec "$BEACON" -e "use Socket; socket(S, PF_INET, SOCK_STREAM, 0) or die; bind(S, sockaddr_in(9000, INADDR_LOOPBACK)) or die; listen(S, 1); sleep 100"' &
beacon=$!
until grep -q :2328 /proc/$beacon/net/tcp 2>/dev/null; do :; done
nsenter -t $beacon -n perl -e 'use Socket; use Fcntl; for (;;) { socket(my $s, PF_INET, SOCK_STREAM, 0); fcntl($s, F_SETFL, O_NONBLOCK); connect($s, sockaddr_in(9000, INADDR_LOOPBACK)); push @all, $s; shift @all if @all > 200; select(undef, undef, undef, 0.005) }' &
$AUDIT || true
kill $beacon $!
"#;

#[test]
fn connections_that_found_no_room_are_told_of_the_beacon_that_took_nobody() {
    if !namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/perl", "/sbin/ip"]) {
        return;
    }
    let (verdict, found) = audited(CROWDED, "net.listen_overflow");
    assert_eq!(verdict, "bad", "{found}");
    let remedy = found["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("nsenter -t ") && remedy.contains("net.core.somaxconn"), "{remedy}");
}

/// A beacon that may use a tenth of a processor and wants all of it.
const THROTTLED: &str = r#"
group=/sys/fs/cgroup/cpu/beacondeck-test-$$-$(date +%N)
mkdir $group
echo 100000 > $group/cpu.cfs_period_us; echo 10000 > $group/cpu.cfs_quota_us
sh -c 'echo $$ > "$1"/tasks; exec "$BEACON" -e "1 while 1"' sh $group &
beacon=$!
until [ "$(cat /proc/$beacon/comm)" = lighthouse ]; do :; done
$AUDIT || true
kill $beacon; wait $beacon 2>/dev/null || true
until rmdir $group 2>/dev/null; do :; done
"#;

#[test]
fn a_quota_that_freezes_the_beacon_is_told() {
    if !namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/perl", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"])
    {
        return;
    }
    let (verdict, found) = audited(THROTTLED, "cpu.cgroup_throttle");
    assert_eq!(verdict, "bad", "{found}");
    assert!(found["process"].as_str().unwrap().starts_with("lighthouse (process "), "{found}");
}

#[test]
fn processors_that_are_wanted_by_too_many_are_told() {
    if !namespace::is_root_with(&["/usr/bin/perl", "/proc/pressure/cpu"]) {
        return;
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut busy: Vec<_> =
        (0..cores * 3).map(|_| Command::new("perl").args(["-e", "1 while 1"]).spawn().unwrap()).collect();
    let began = Instant::now();
    let told = loop {
        let record = host::collect(&host::Live::new("/"), || ());
        let findings = host::audit(&record, &[Role::Beacon], &Overrides::new());
        let psi = findings.into_iter().find(|finding| finding.id == "cpu.psi").unwrap();
        if ["warn", "bad"].contains(&psi.verdict.word()) || began.elapsed() > BOUND {
            break psi;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    for child in &mut busy {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(["warn", "bad"].contains(&told.verdict.word()), "{told}");
}

/// A loop device over a file, given back at the end.
struct Loop(
    String,
    #[allow(dead_code, reason = "the file is there as long as the device")] tempfile::NamedTempFile,
);

impl Loop {
    fn new() -> Option<Self> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        let output = Command::new("losetup").args(["--find", "--show"]).arg(file.path()).output().ok()?;
        let device = String::from_utf8_lossy(&output.stdout).trim().strip_prefix("/dev/")?.to_owned();
        output.status.success().then_some(Self(device, file))
    }

    fn scheduler(&self) -> PathBuf {
        PathBuf::from(format!("/sys/block/{}/queue/scheduler", self.0))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &format!("/dev/{}", self.0)]).status();
    }
}

/// The finding of a disk with a bad scheduler, as if this device were that disk: a loop device is none that is judged.
fn scheduled(device: &Loop) -> Finding {
    let text =
        "beacondeck-snapshot 1\nlist /sys/block\n sda\nfile /sys/block/sda/queue/scheduler\n none [bfq]\n";
    let findings = host::audit(&Record::parse(text).unwrap(), &[Role::Beacon], &Overrides::new());
    let mut finding = findings.into_iter().find(|finding| finding.id == "disk.scheduler").unwrap();
    let change = finding.change.as_mut().unwrap();
    (change.path, change.drop_in) = (device.scheduler().display().to_string(), None);
    finding
}

#[test]
fn the_scheduler_of_a_real_disk_is_written_refused_and_taken_back() {
    let Some(device) = namespace::is_root_with(&["/sbin/losetup"]).then(Loop::new).flatten() else {
        eprintln!("skipped: no loop device can be had");
        return;
    };
    let told = || fs::read_to_string(device.scheduler()).unwrap();
    if !told().contains("mq-deadline") || fs::write(device.scheduler(), "mq-deadline\n").is_err() {
        eprintln!("skipped: this kernel has no other scheduler");
        return;
    }
    let state = TempDir::new().unwrap();
    let mut workshop = Workshop::open(Path::new("/"), state.path()).unwrap();
    let finding = scheduled(&device);
    let plan = Plan::of(&finding, workshop.hands(), true).unwrap();
    assert_eq!((plan.files[0].was.as_str(), plan.files[0].to.as_str()), ("mq-deadline", "none"));
    let entry = workshop.carry_out(&plan, "me", UnixMs(1)).unwrap();
    assert!(told().contains("[none]"), "{}", told());
    workshop.take_back(&entry, UnixMs(2), "").unwrap();
    assert!(told().contains("[mq-deadline]"), "{}", told());

    // A kernel that declines the value leaves all as it was.
    let mut refused = Plan::of(&finding, workshop.hands(), true).unwrap();
    refused.files[0].to = "no-such-scheduler".to_owned();
    let error = workshop.carry_out(&refused, "me", UnixMs(3)).unwrap_err();
    assert!(matches!(error, ApplyError::File { what: "written", .. }), "{error}");
    assert!(told().contains("[mq-deadline]"), "{}", told());
    assert!(workshop.unfinished().is_empty());
}

/// Not a test of its own: in a network namespace whose default route goes over a veth with a shaper that is far too slow.
#[test]
#[ignore = "the child of a_shaper_that_was_left_behind_is_told"]
fn child_that_is_shaped() {
    if std::env::var_os("BEACONDECK_TEST_NAMESPACE").is_none() {
        return;
    }
    let socket = std::net::UdpSocket::bind("192.0.2.1:0").unwrap();
    let record = host::collect(&host::Live::new("/"), || {
        for _ in 0..200 {
            // A full queue is what this is about.
            let _ = socket.send_to(&[0; 1_000], "192.0.2.2:9");
        }
        // The kernel's own time has to pass between the two looks.
        std::thread::sleep(Duration::from_millis(50));
    });
    let findings = host::audit(&record, &[Role::Beacon], &Overrides::new());
    let found = findings.iter().find(|finding| finding.id == "net.qdisc").unwrap();
    assert_eq!(found.verdict.word(), "bad", "{found}");
    assert!(
        found.actual.starts_with("tbf; ") && found.remedy.contains("dev v0"),
        "{found}: {}",
        found.remedy
    );
}

#[test]
fn a_shaper_that_was_left_behind_is_told() {
    if !namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/mount", "/sbin/ip", "/sbin/tc"]) {
        return;
    }
    let script = "mount -t sysfs none /sys && ip link set lo up && ip link add v0 type veth peer name v1 && \
        ip link set v0 up && ip link set v1 up && ip addr add 192.0.2.1/24 dev v0 && \
        ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev v0 && ip route add default via 192.0.2.2 && \
        tc qdisc add dev v0 root tbf rate 8kbit burst 1540 limit 3000 && \
        exec \"$0\" --ignored --exact child_that_is_shaped --nocapture";
    namespace::passes(script, &[("BEACONDECK_TEST_NAMESPACE", "1".as_ref())]);
}

/// Interrupts of this machine of which a driver gave one such a name.
fn interrupts(named: impl Fn(&str) -> bool) -> Vec<u32> {
    let numbers =
        fs::read_dir("/proc/irq").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let called = |irq: &u32| {
        let mut names = fs::read_dir(format!("/proc/irq/{irq}")).unwrap();
        names.any(|entry| named(entry.unwrap().file_name().to_str().unwrap()))
    };
    numbers.filter(called).collect()
}

fn affinity(irq: u32) -> String {
    fs::read_to_string(format!("/proc/irq/{irq}/smp_affinity_list")).unwrap().trim().to_owned()
}

/// The plan of a machine two of whose queues interrupt one processor, as if the first were this interrupt of this machine,
/// which gets what it has.
fn as_it_is(irq: u32, hands: &Hands) -> Plan {
    let case = fs::read_to_string("tests/fixtures/host/net.irq_affinity.txt").unwrap();
    let case =
        case.split("\n== ").find(|case| case.starts_with("warn: ")).unwrap().split_once('\n').unwrap().1;
    let case = case.replace("@interface\n", "file /proc/net/route\n Iface Destination Gateway Flags RefCnt Use Metric\n eth0 00000000 0 3 0 0 0\n");
    let times = "file /proc/uptime\n 1000.00 1\nlater file /proc/uptime\n 1060.00 1\n";
    let record = Record::parse(&format!("beacondeck-snapshot 1\n{times}{case}")).unwrap();
    let findings = host::audit(&record, &[Role::Beacon], &Overrides::new());
    let mut finding = findings.into_iter().find(|finding| finding.id == "net.irq_affinity").unwrap();
    assert_eq!(
        finding.remedy,
        "echo '0' > /proc/irq/40/smp_affinity_list; echo '1' > /proc/irq/41/smp_affinity_list"
    );
    finding.change.as_mut().unwrap().each = vec![(irq.to_string(), "another".to_owned())];
    let mut plan = Plan::of(&finding, hands, true).unwrap();
    let [file] = &mut plan.files[..] else { panic!("{plan}") };
    file.to.clone_from(&file.was);
    plan
}

#[test]
fn an_interrupt_that_its_driver_manages_is_told_as_not_applicable_and_leaves_nothing_open() {
    let managed = interrupts(|name| name.contains("-req.") || name.starts_with("nvme"));
    let refuses = |irq: &u32| {
        let path = format!("/proc/irq/{irq}/smp_affinity_list");
        let written = fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, affinity(*irq).as_bytes()));
        matches!(written.map_err(|error| error.raw_os_error()), Err(Some(libc::EPERM | libc::EIO)))
    };
    let Some(irq) = namespace::is_root_with(&[]).then(|| managed.into_iter().find(refuses)).flatten() else {
        eprintln!("skipped: this machine has no interrupt that its driver manages (virtio-blk, NVMe)");
        return;
    };
    let (state, before) = (TempDir::new().unwrap(), affinity(irq));
    let mut workshop = Workshop::open(Path::new("/"), state.path()).unwrap();
    let plan = as_it_is(irq, workshop.hands());
    let error = workshop.carry_out(&plan, "me", UnixMs(1)).unwrap_err();
    assert!(matches!(error, ApplyError::Refused { .. }), "{error}");
    assert!(
        error.to_string().starts_with("n/a: the kernel lets nobody move the interrupt of /proc/irq/"),
        "{error}"
    );
    assert!(workshop.unfinished().is_empty() && workshop.standing().is_empty());
    assert_eq!(affinity(irq), before);

    drop(workshop);

    // A kernel that says so beforehand (a file that nobody may write) makes the check say it.
    if fs::metadata(format!("/proc/irq/{irq}/smp_affinity_list")).unwrap().permissions().readonly() {
        let root = TempDir::new().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/uptime", "600.00 1\n");
        put("proc/net/route", "I D\neth0 00000000 0 3 0 0 0\n");
        put(&format!("proc/irq/{irq}/eth0-TxRx-0/x"), "");
        put("sys/devices/system/cpu/online", "0-1\n");
        put("proc/softirqs", "CPU0 CPU1\nNET_RX: 9 1\n");
        put("proc/stat", "cpu0 1 0 0 9 0 0 0 0\n");
        let file = format!("irq/{irq}/smp_affinity_list");
        std::os::unix::fs::symlink(Path::new("/proc").join(&file), root.path().join("proc").join(&file))
            .unwrap();
        let audit = |more: &[&str]| {
            let mut command = Command::cargo_bin("beacondeck").unwrap();
            command.args(["audit", "--seconds", "0", "--role", "beacon", "--root"]).arg(root.path());
            let output =
                command.args(["--state"]).arg(state.path()).args(more).stdin(Stdio::null()).output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        let (code, said) = audit(&["--fix", "net.irq_affinity", "--yes"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("net.irq_affinity n/a: the interrupts of eth0 are managed by its driver"),
            "{said}"
        );
    }
}

#[test]
fn an_interrupt_of_a_real_interface_takes_what_is_written() {
    let queues = interrupts(|name| {
        name.contains("-input.") || name.contains("-TxRx-") || name.starts_with("mlx5_comp")
    });
    let Some(irq) = namespace::is_root_with(&[]).then(|| queues.first().copied()).flatten() else {
        eprintln!("skipped: no interrupt of this machine is a queue's of an interface");
        return;
    };
    let (state, before) = (TempDir::new().unwrap(), affinity(irq));
    let mut workshop = Workshop::open(Path::new("/"), state.path()).unwrap();
    let plan = as_it_is(irq, workshop.hands());
    let entry = workshop.carry_out(&plan, "me", UnixMs(1)).unwrap();
    assert_eq!(workshop.standing(), std::slice::from_ref(&entry));
    workshop.take_back(&entry, UnixMs(2), "").unwrap();
    assert_eq!(affinity(irq), before);

    // Where it is the default route's, the check finds it.
    let record = host::collect(&host::Live::new("/"), || ());
    let findings = host::audit(&record, &[Role::Beacon], &Overrides::new());
    let found = findings.iter().find(|finding| finding.id == "net.irq_affinity").unwrap();
    assert!(found.to_string().contains(&format!("{irq} on ")) || found.verdict.word() == "n/a", "{found}");
    let text = record.render();
    assert!(
        text.contains(&format!("file /proc/irq/{irq}/smp_affinity_list\n")) || found.verdict.word() == "n/a"
    );
}
