//! The real program against real fleet files: exit codes, every word of every problem, and never a secret.
//!
//! To add a case: a file in `tests/fixtures/config/{valid,invalid}`, then run with `BEACONDECK_BLESS=1` and read what
//! was written beside it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use beacondeck::config::{self, Loaded};
use beacondeck::model::{How, Target};

/// Stands in every place of the fixtures where a secret stands.
const SECRET: &str = "hunter2-secret";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

fn files(kind: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(root().join(kind)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

fn beacondeck() -> Command {
    let mut command = Command::cargo_bin("beacondeck").unwrap();
    command.env_remove("BEACONDECK_FLEET").env("BEACONDECK_TEST_SECRET", SECRET);
    command
}

fn check(file: &Path) -> Output {
    let name = file.file_name().unwrap();
    beacondeck().current_dir(file.parent().unwrap()).args(["check", "--fleet"]).arg(name).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap().replace(root().to_str().unwrap(), "$FIXTURES")
}

/// Compares with the `.expected` beside the file, or writes it.
fn compare(file: &Path, output: &Output) -> Result<(), String> {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let said = format!("exit {}\n--- stdout\n{stdout}--- stderr\n{stderr}", output.status.code().unwrap());
    assert!(!said.contains(SECRET), "{}: a secret is shown:\n{said}", file.display());
    assert!(!said.contains('\u{1b}'), "{}: an escape sequence is shown", file.display());
    let expected = file.with_extension("expected");
    if std::env::var_os("BEACONDECK_BLESS").is_some() {
        fs::write(&expected, &said).unwrap();
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    (said == wanted).then_some(()).ok_or_else(|| format!("{}\n{said}\ninstead of\n{wanted}", file.display()))
}

fn load(path: &Path) -> Loaded {
    let set = ["BEACONDECK_TEST_SECRET", "BEACON_KEY", "DOOR_TOKEN"];
    let env = |name: &str| match name {
        "SLACK_URL" => Some(format!("https://hooks.example/{SECRET}").into()),
        name => set.contains(&name).then(|| SECRET.into()),
    };
    config::load_with(path, &env).unwrap_or_else(|error| panic!("{}", error.render()))
}

#[test]
fn invalid_files_are_refused_with_every_problem() {
    let files = files("invalid");
    assert!(files.len() >= 25, "{} kinds", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let output = check(&file);
        assert_eq!(output.status.code(), Some(78), "{}", file.display());
        assert!(output.stdout.is_empty(), "{}", file.display());
        let stderr = text(&output.stderr);
        let name = format!("{}:", file.file_name().unwrap().to_str().unwrap());
        let problems = stderr.lines().filter(|line| line.starts_with(&name)).count();
        let hints = stderr.lines().filter(|line| line.starts_with("  hint: ")).count();
        assert!(problems > 0 && problems == hints, "{stderr}");
        wrong.extend(compare(&file, &output).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn valid_files_are_taken_with_their_warnings() {
    let mut wrong = Vec::new();
    for file in files("valid") {
        let output = check(&file);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        wrong.extend(compare(&file, &output).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_secret_is_read_and_not_shown_by_debug() {
    let Loaded { fleet, warnings, .. } = load(&root().join("valid/secrets.yaml"));
    let headers: Vec<(&str, &str)> =
        fleet.beacons[0].headers.iter().map(|header| (header.name.as_str(), header.value.reveal())).collect();
    let bearer = format!("Bearer {SECRET}");
    assert_eq!(headers, [("authorization", bearer.as_str()), ("x-api-key", SECRET), ("x-plain", "plain")]);
    assert_eq!(fleet.beacons[1].ca_file.as_deref(), Some(root().join("valid/ca.pem").as_path()));
    assert!(!format!("{fleet:?}{warnings:?}").contains(SECRET));
}

#[test]
fn a_doors_locks_are_read_and_its_token_is_not_shown() {
    let Loaded { fleet, warnings, .. } = load(&root().join("valid/locked-doors.yaml"));
    let token = |door: usize| fleet.listen[door].token.as_ref().map(beacondeck::model::Secret::reveal);
    assert_eq!((token(0), token(1)), (None, Some("hunter2-secret-of-a-door")));
    assert_eq!(token(2), Some(SECRET));
    let tls = fleet.listen[0].tls.as_ref().unwrap();
    assert!(tls.certificate.ends_with("tls/door.pem") && tls.client_ca.is_some());
    assert!(fleet.listen[2].tls.is_none());
    assert!(!format!("{fleet:?}{warnings:?}").contains(SECRET));
}

#[test]
fn notifiers_are_read_and_their_secrets_are_not_shown() {
    let Loaded { fleet, warnings, .. } = load(&root().join("valid/notify.yaml"));
    let read: Vec<(&str, &str, &str)> = fleet
        .notify
        .iter()
        .map(|notifier| (notifier.name.as_str(), notifier.target.word(), notifier.least.word()))
        .collect();
    assert_eq!(
        read,
        [
            ("am", "alertmanager", "notice"),
            ("pager", "pagerduty", "critical"),
            ("chat", "slack", "warning"),
            ("hook", "webhook", "warning"),
            ("plain", "webhook", "warning"),
        ]
    );
    let Target::PagerDuty { routing_key, url } = &fleet.notify[1].target else { panic!("{fleet:?}") };
    assert_eq!((routing_key.reveal(), url.as_str()), (SECRET, "https://events.pagerduty.com/v2/enqueue"));
    assert!(!format!("{fleet:?}{warnings:?}").contains(SECRET));
}

#[test]
fn which_beacons_are_here_is_said_by_key_or_by_loopback() {
    let fleet = load(&root().join("valid/hosts.yaml")).fleet;
    let here: Vec<bool> = fleet.beacons.iter().map(|beacon| beacon.local).collect();
    assert_eq!(here, [false, true, true]);
    assert_eq!(fleet.beacons[0].metrics.as_deref(), Some("http://127.0.0.1:5054/metrics"));
    assert_eq!(fleet.host.probe_dir, Some(root().join("valid/signer")));
    assert_eq!(fleet.host.validators, Some(1000));
}

#[test]
fn anchors_merges_and_words_that_look_like_something_else() {
    let fleet = load(&root().join("valid/anchors.yaml")).fleet;
    assert_eq!((fleet.beacons[0].weight, fleet.beacons[1].weight), (50, 50));
    assert_eq!(fleet.beacons[1].url, "http://10.0.0.2:5052");
    assert_eq!((fleet.beacons[1].label("rack"), fleet.beacons[1].label("host")), (Some("7"), Some("h2")));
    let fleet = load(&root().join("valid/norway.yaml")).fleet;
    assert_eq!((fleet.zone.as_deref(), fleet.beacons[0].label("on")), (Some("no"), Some("off")));
}

#[test]
fn the_file_is_found_by_flag_variable_and_place() {
    let directory = tempfile::tempdir().unwrap();
    let smallest = |name: &str| {
        let text = fs::read_to_string(root().join("valid/smallest.yaml")).unwrap();
        let path = directory.path().join(format!("{name}.yaml"));
        fs::write(&path, text.replace("fleet: main", &format!("fleet: {name}"))).unwrap();
        path
    };
    let (flag, variable, _here) = (smallest("flag"), smallest("variable"), smallest("fleet"));
    let run = |arguments: &[&str], variable: Option<&Path>| {
        let mut command = beacondeck();
        command.current_dir(directory.path()).args(arguments);
        variable.map(|path| command.env("BEACONDECK_FLEET", path));
        text(&command.output().unwrap().stdout)
    };
    let flag = flag.to_str().unwrap();
    assert!(
        run(&["check", "--fleet", flag], Some(&variable)).contains("valid: fleet flag, 2 beacons, 1 door")
    );
    assert!(run(&["--fleet", flag, "check"], Some(&variable)).contains("fleet flag"));
    assert!(run(&["check"], Some(&variable)).contains("fleet variable"));
    assert_eq!(run(&["check"], None), "fleet.yaml: valid: fleet fleet, 2 beacons, 1 door\n");
}

#[test]
fn a_missing_file_and_a_wrong_command_line_have_their_codes() {
    let nowhere = beacondeck().args(["check", "--fleet", "/nowhere/f.yaml"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(78));
    let said = text(&nowhere.stderr);
    for place in
        ["/nowhere/f.yaml", "--fleet", "$BEACONDECK_FLEET", "./fleet.yaml", "/etc/beacondeck/fleet.yaml"]
    {
        assert!(said.contains(place), "{said}");
    }
    for (arguments, code) in
        [(&["chekc"][..], 64), (&["check", "--flete", "x"], 64), (&["--help"], 0), (&["--version"], 0)]
    {
        assert_eq!(beacondeck().args(arguments).output().unwrap().status.code(), Some(code), "{arguments:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    let unreadable = beacondeck().args(["check", "--fleet"]).arg(directory.path()).output().unwrap();
    assert_eq!(unreadable.status.code(), Some(78));
    let latin = directory.path().join("latin.yaml");
    fs::write(&latin, b"fleet: m\xe4in\n").unwrap();
    let output = beacondeck().args(["check", "--fleet"]).arg(&latin).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("latin.yaml: "), "{}", text(&output.stderr));
}

fn example() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet.example.yaml")).unwrap()
}

/// The file with the `#` of defaults, and of examples too if asked, taken away.
fn uncommented(examples: bool) -> String {
    uncomment(&example(), examples)
}

fn uncomment(text: &str, examples: bool) -> String {
    let line = |line: &str| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let key = match rest.strip_prefix("#e.g. ") {
            Some(example) => examples.then_some(example),
            None => rest.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')),
        };
        key.map_or_else(|| format!("{line}\n"), |key| format!("{indent}{key}\n"))
    };
    text.lines().map(line).collect()
}

#[test]
fn the_example_is_valid_without_warnings() {
    let output = beacondeck().args(["check", "--fleet", "fleet.example.yaml"]).output().unwrap();
    assert_eq!(text(&output.stdout), "fleet.example.yaml: valid: fleet mainnet, 2 beacons, 2 doors\n");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[test]
fn the_examples_commented_defaults_are_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleet.yaml");
    let debug = |text: &str| {
        fs::write(&path, text).unwrap();
        format!("{:#?}", load(&path).fleet)
    };
    let (as_is, with_defaults) = (example(), uncommented(false));
    assert!(with_defaults.contains("\n  idle: 650s\n") && with_defaults.contains("\n    messages: 3\n"));
    assert_eq!(debug(&as_is), debug(&with_defaults));
}

#[test]
fn the_example_shows_every_key_where_it_belongs() {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("fleet.yaml", uncommented(true)),
        ("secrets/beacon-token", format!("{SECRET}\n")),
        ("tls/beacon-ca.pem", "-----BEGIN CERTIFICATE-----\n".into()),
        ("secrets/door-token", format!("{SECRET}\n")),
        ("secrets/pagerduty-key", format!("{SECRET}\n")),
        ("secrets/hook-url", format!("https://hooks.example/{SECRET}\n")),
        ("tls/door.pem", fs::read_to_string(root().join("tls/door.pem")).unwrap()),
        ("tls/door.key", fs::read_to_string(root().join("tls/door.key")).unwrap()),
        ("tls/clients-ca.pem", fs::read_to_string(root().join("tls/ca.pem")).unwrap()),
    ] {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let fleet = load(&directory.path().join("fleet.yaml")).fleet;
    assert_eq!(fleet.beacons[0].headers.len(), 3);
    assert!(
        fleet.beacons[1].ca_file.is_some() && fleet.metrics.is_some() && fleet.logging.directory.is_some()
    );
    assert_eq!(fleet.notify.len(), 4);
    assert!(!format!("{fleet:?}").contains(SECRET));
    let text = uncommented(true);
    for (shape, keys) in config::keys() {
        for key in keys {
            assert!(shows(&text, shape, key), "`{key}` of `{shape}` is not in fleet.example.yaml");
        }
    }
}

#[test]
fn an_agents_example_is_valid_has_every_knob_and_shows_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.yaml");
    let printed = beacondeck().args(["print", "agent-config"]).output().unwrap();
    let (example, empty) = (text(&printed.stdout), "");
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        let (file, warnings) = config::load_agent(&path).unwrap_or_else(|error| panic!("{}", error.render()));
        assert_eq!(warnings, "");
        file
    };
    assert_eq!(read(&example), read(empty));
    assert_eq!(read(&uncomment(&example, false)), read(empty));
    let all = read(&uncomment(&example, true));
    assert_eq!((all.roles.len(), all.allow.len(), all.limits.len()), (2, 2, 1));
    assert!(all.restart.contains_key("lighthouse") && all.upgrade.contains_key("lighthouse"), "{all:?}");
    assert_eq!(
        (all.remedies.as_slice(), all.validators),
        (&["net.somaxconn", "net.nic_ring"].map(str::to_owned)[..], Some(500))
    );
    let every = read("remedies: all\n").remedies;
    assert!(every.len() > 20 && every.contains(&"mem.swappiness".to_owned()), "{every:?}");
    assert!(!every.contains(&"mem.dirty".to_owned()), "that is for a person: {every:?}");
    let shown = uncomment(&example, true);
    for (shape, keys) in config::keys_of_agent() {
        for key in keys {
            let paths = ["restart", "upgrade"]
                .map(|verb| shape.replace("restart.NAME", &format!("{verb}.lighthouse")));
            assert!(paths.iter().any(|path| shows(&shown, path, key)), "`{key}` of `{shape}` is not in it");
        }
    }
}

#[test]
fn an_agents_file_with_problems_is_refused_with_all_of_them() {
    let file = root().join("agent/broken.yaml");
    let ask = |path: &Path| {
        let mut command = beacondeck();
        command.current_dir(root().join("agent")).args(["agent", "--check", "--config"]).arg(path);
        command.output().unwrap()
    };
    let output = ask(Path::new("broken.yaml"));
    assert_eq!(output.status.code(), Some(78));
    compare(&file, &output).unwrap_or_else(|wrong| panic!("{wrong}"));
    let nowhere = ask(Path::new("/nowhere/agent.yaml"));
    let said = text(&nowhere.stderr);
    assert_eq!(nowhere.status.code(), Some(78));
    assert!(said.contains("/nowhere/agent.yaml") && said.contains("print agent-config"), "{said}");
}

#[test]
fn hosts_with_agents_are_read_and_beacons_may_ask_theirs() {
    let fleet = load(&root().join("valid/agents.yaml")).fleet;
    assert_eq!(fleet.agent("bm-a").unwrap().at.to_string(), "10.0.1.1:5064");
    assert_eq!((fleet.agent("b").is_some(), fleet.agent("nobody")), (true, None));
    let how = |place: usize| fleet.beacons[place].restart.as_ref().unwrap().how.clone();
    assert_eq!(how(0), How::Agent { host: "bm-a".into(), name: "lighthouse".into() });
    assert_eq!(how(1), How::Agent { host: "b".into(), name: "teku".into() });
}

/// Whether the key stands below the path; within braces for the short forms.
fn shows(text: &str, path: &str, key: &str) -> bool {
    let mut at = vec![];
    text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')).any(|line| {
        let body = line.trim_start_matches([' ', '-']);
        let indent = line.len() - body.len();
        at.retain(|(depth, _)| *depth < indent);
        let Some((word, rest)) = body.split_once(':') else { return false };
        let here: Vec<&str> = at.iter().map(|(_, word)| *word).collect();
        at.push((indent, word));
        let below = [&here[..], &[word]].concat().join(".");
        let within = ["{", ", "].iter().any(|before| rest.contains(&format!("{before}{key}: ")));
        (here.join(".") == path && word == key) || (below == path && within)
    })
}
