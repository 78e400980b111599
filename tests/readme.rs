//! The README shows what the program makes: pictures of a saved incident and the key table. A test fails when one is stale.
//!
//! To renew them, run with `BEACONDECK_BLESS=1` and look at the pictures. To add a picture: a line in [`PICTURES`].
//! The incident is the demo's `hung-beacon` as `status --watch --json` told it; `tests/fixtures/pictures/record.sh` saves it
//! anew.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Panel and size of each picture.
const PICTURES: [(&str, &str); 2] = [("overview", "110x20"), ("beacons", "110x12")];
/// Where the key table begins.
const KEYS: &str = "| key | does | name |\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pictures() -> PathBuf {
    root().join("tests/fixtures/pictures")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

fn bless() -> bool {
    std::env::var_os("BEACONDECK_BLESS").is_some()
}

/// What `beacondeck print` says where nobody has files of their own and everybody the same locale.
fn printed(arguments: &[&str], config: &Path) -> std::process::Output {
    let mut command = Command::cargo_bin("beacondeck").unwrap();
    command.env_clear().env("LANG", "C.UTF-8").env("XDG_CONFIG_HOME", config);
    command.arg("print").args(arguments).output().unwrap()
}

fn said(arguments: &[&str]) -> String {
    let nobody = tempfile::tempdir().unwrap();
    let output = printed(arguments, nobody.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_pictures_are_those_of_the_program_as_it_is() {
    let incident = pictures().join("hung-beacon.jsonl");
    let incident = incident.to_str().unwrap();
    for (panel, size) in PICTURES {
        let screen = |format| {
            let colour = if format == "svg" { "true" } else { "never" };
            said(&[
                "screen", "--from", incident, "--panel", panel, "--size", size, "--format", format,
                "--color", colour,
            ])
        };
        let text = screen("text");
        assert!(text.contains("beacon-2") && text.contains("hung"), "the incident is seen:\n{text}");
        let (file, now) = (pictures().join(format!("{panel}.svg")), screen("svg"));
        if bless() {
            fs::write(&file, &now).unwrap();
        }
        let shown = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            shown == now,
            "{} is stale; BEACONDECK_BLESS=1 renews it. It should show:\n{text}",
            file.display()
        );
        let link = format!("](tests/fixtures/pictures/{panel}.svg)");
        assert!(readme().contains(&link), "the README shows {panel}");
    }
}

#[test]
fn the_key_table_is_that_of_the_program_as_it_is() {
    let (now, readme) = (said(&["keys"]), readme());
    let begin = readme.find(KEYS).expect("the README has a key table");
    let end = begin + readme[begin..].find("\n\n").unwrap() + 1;
    if bless() {
        fs::write(root().join("README.md"), format!("{}{now}{}", &readme[..begin], &readme[end..])).unwrap();
    } else {
        assert_eq!(&readme[begin..end], now, "BEACONDECK_BLESS=1 renews it");
    }
}

#[test]
fn a_users_keys_are_in_the_table_and_every_clash_is_told() {
    let config = tempfile::tempdir().unwrap();
    let own = config.path().join("beacondeck");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("keys.yaml"), "drain: [ctrl-d, D]\ncopy: []\n").unwrap();
    let output = printed(&["keys"], config.path());
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("| `ctrl-d` `D` | drain or resume (asks) | drain |"), "{table}");
    fs::write(own.join("keys.yaml"), "drain: j\nsort: R\nfreze: x\n").unwrap();
    let output = printed(&["keys"], config.path());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{told}");
    for words in [
        "keys.yaml: key `j` is given to both `down` and `drain`",
        "keys.yaml: key `R` is given to both `sort` and `restart`",
        "keys.yaml: there is no action `freze`; did you mean `freeze`?",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
}
