//! `beacons`: the pool.

use super::problem::{Complaint, did_you_mean};
use super::procedures::Place;
use super::reader::{Field, Reader, Section};
use super::{Outside, defaults, headers, procedures, scalar, schema};
use crate::model::{Beacon, BeaconName, Host, Role};

const BEACONS: &str = "write a list of beacons, each with `name` and `url`";
const URL: &str = "write for instance `http://10.0.0.1:5052`";
const METRICS: &str = "write for instance `http://10.0.0.1:5054/metrics`, without user information";
const ROLES: [(&str, Role); 4] = [
    ("attest", Role::Attest),
    ("propose", Role::Propose),
    ("aggregate", Role::Aggregate),
    ("events", Role::Events),
];

/// The pool, names and URLs unique.
pub fn read(reader: &mut Reader, root: &Section<'_>, hosts: &[Host], outside: &dyn Outside) -> Vec<Beacon> {
    let Some(list) = reader.required(root, "beacons", BEACONS) else { return Vec::new() };
    let items = reader.items(&list, BEACONS).unwrap_or_default();
    let mut beacons: Vec<(Beacon, usize)> = Vec::new();
    for field in &items {
        let Some(section) = reader.section(field, &schema::BEACON) else { continue };
        let name = reader.required(&section, "name", "give the beacon a unique name");
        let name = name.and_then(|field| {
            let name = reader.read(&field, scalar::name)?;
            let twin = beacons.iter().find(|(other, _)| other.name.as_str() == name).map(|(_, line)| *line);
            unique(reader, &field, format!("`{name}` names two beacons"), twin)?;
            Some(BeaconName::new(name))
        });
        let url = reader.required(&section, "url", URL).and_then(|field| {
            let url = reader.read(&field, url)?;
            let twin = beacons.iter().find(|(other, _)| other.url == url).map(|(_, line)| *line);
            unique(reader, &field, "this URL belongs to two beacons".into(), twin)?;
            Some(url)
        });
        let rest = details(reader, &section, url.as_deref(), outside);
        let name = name.unwrap_or_else(|| BeaconName::new(""));
        let at = Beacon { name: name.clone(), ..rest.clone() };
        let place = Place { host: at.host(), agent: hosts.iter().any(|host| host.name == at.host()) };
        let mut procedure = |shape: &schema::Shape, key| {
            section.get(key).and_then(|field| procedures::read(reader, field, shape, Some(place)))
        };
        let (restart, upgrade) =
            (procedure(&schema::RESTART, "restart"), procedure(&schema::UPGRADE, "upgrade"));
        // A twin is compared with what is known, so that one bad key does not hide a second problem.
        beacons
            .push((Beacon { name, url: url.unwrap_or_default(), restart, upgrade, ..rest }, field.at.line));
    }
    let beacons: Vec<Beacon> = beacons.into_iter().map(|(beacon, _)| beacon).collect();
    if items.len() == beacons.len() && !items.is_empty() {
        advise(reader, &list, &beacons);
    }
    beacons
}

fn unique(reader: &mut Reader, field: &Field<'_>, message: String, twin: Option<usize>) -> Option<()> {
    let Some(line) = twin else { return Some(()) };
    reader.complain(field, Complaint::new(message, format!("the other one is at line {line}")));
    None
}

fn details(reader: &mut Reader, section: &Section<'_>, url: Option<&str>, outside: &dyn Outside) -> Beacon {
    let secure = url.map(|url| url.starts_with("https:"));
    let weight = section.get("weight").and_then(|field| {
        let weight = reader.unquoted(field, scalar::whole)?;
        u16::try_from(reader.within(field, weight, &(1..=1000), u64::to_string)?).ok()
    });
    let h2c = section.get("http2").and_then(|field| {
        let wanted = reader.unquoted(field, scalar::flag)?;
        if wanted && secure == Some(true) {
            let hint = "remove it: over https the two sides agree on HTTP/2 by themselves";
            reader.complain(field, Complaint::new("`http2` is for plain http only", hint));
        }
        Some(wanted)
    });
    let ca_file = section.get("ca-file").and_then(|field| {
        let path = outside.resolve(reader.text(field, "write a path")?);
        if secure == Some(false) {
            reader.complain(
                field,
                Complaint::new("`ca-file` is for https only", "remove it, or write `https://`"),
            );
        }
        let read = match outside.read(&path) {
            Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Ok(path),
            Ok(_) => {
                Err(Complaint::new(format!("no certificate in {}", path.display()), "a PEM bundle is needed"))
            }
            Err(error) => {
                let hint = "a PEM bundle, readable by the user that runs beacondeck, is needed";
                Err(Complaint::new(format!("cannot read {}: {error}", path.display()), hint))
            }
        };
        reader.keep(field, read)
    });
    let local = section.get("local").and_then(|field| reader.unquoted(field, scalar::flag));
    let labels = section.get("labels").map(|field| labels(reader, field));
    let headers = section.get("headers").map(|field| headers::read(reader, field, outside));
    let roles = section.get("roles").and_then(|field| roles(reader, field));
    Beacon {
        name: BeaconName::new(""),
        url: String::new(),
        labels: labels.unwrap_or_default(),
        weight: weight.unwrap_or(defaults::WEIGHT),
        roles: roles.unwrap_or_else(defaults::roles),
        headers: headers.unwrap_or_default(),
        h2c: h2c.unwrap_or(false),
        ca_file,
        local: local.unwrap_or_else(|| url.is_some_and(is_loopback)),
        metrics: section.get("metrics").and_then(|field| reader.read(field, metrics)),
        restart: None,
        upgrade: None,
    }
}

/// A URL like a beacon's, which no header of the beacon's goes to.
fn metrics(text: &str) -> Result<String, Complaint> {
    url(text).map_err(|complaint| Complaint::new(complaint.message, METRICS))
}

/// Whether a URL in its one form leads to this machine itself.
fn is_loopback(url: &str) -> bool {
    let host =
        reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// `labels` of a beacon or a client.
pub fn labels(reader: &mut Reader, field: &Field<'_>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    for (key, field) in reader.entries(field, "write `key: value` lines, for instance `host: h1`") {
        if let Err(complaint) = scalar::name(key) {
            reader.complain_at_key(&field, Complaint::new("not a label's key", complaint.hint));
            continue;
        }
        labels.extend(reader.read(&field, scalar::label).map(|value| (key.to_owned(), value)));
    }
    labels.sort();
    labels
}

fn roles(reader: &mut Reader, field: &Field<'_>) -> Option<u8> {
    let mut set = 0;
    for item in reader.items(field, "name at least one of `attest`, `propose`, `aggregate`, `events`")? {
        let role = reader.read(&item, |text| {
            let known = ROLES.iter().find(|(word, _)| *word == text).map(|(_, role)| *role);
            known.ok_or_else(|| {
                let near = did_you_mean(text, ROLES.map(|(word, _)| word));
                let all = || "one of `attest`, `propose`, `aggregate`, `events`".to_owned();
                Complaint::new("not a role", near.unwrap_or_else(all))
            })
        });
        let Some(bit) = role.map(Role::bit) else { continue };
        if set & bit != 0 {
            reader.complain(&item, Complaint::new("this role is given twice", "keep one"));
        }
        set |= bit;
    }
    Some(set)
}

/// The URL in one form: scheme and host in lower case, no default port, no trailing slash.
pub fn url(text: &str) -> Result<String, Complaint> {
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(Complaint::new("a URL begins with `http://` or `https://`", URL));
    }
    let url =
        reqwest::Url::parse(text).map_err(|error| Complaint::new(format!("not a URL: {error}"), URL))?;
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "move it to `headers: {authorization: {file: /path}}`, the file holding `Basic …`";
        return Err(Complaint::new("user information in a URL", hint));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Complaint::new("a URL with `?` or `#`", "write scheme, host, port and at most a path"));
    }
    if url.port() == Some(0) || text.contains('\\') {
        return Err(Complaint::new("not a URL one can connect to", URL));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn advise(reader: &mut Reader, list: &Field<'_>, beacons: &[Beacon]) {
    if let [one] = beacons {
        let hint = "add a second one: with one there is nothing to choose, compare or fall back to";
        reader.warn(list, Complaint::new(format!("`{}` is the only beacon", one.name), hint));
    } else if let Some(host) =
        beacons[0].label("host").filter(|host| beacons.iter().all(|b| b.label("host") == Some(host)))
    {
        let hint = "one machine's fault takes them all; put one elsewhere or correct the labels";
        reader.warn(list, Complaint::new(format!("all beacons are on the host `{host}`"), hint));
    }
    for (word, role) in ROLES {
        if !beacons.iter().any(|beacon| beacon.has(role)) {
            let hint = format!("add `{word}` to the `roles` of at least one");
            reader.warn(list, Complaint::new(format!("no beacon has the role `{word}`"), hint));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("http://10.0.0.1:5052", Some("http://10.0.0.1:5052"))]
    #[case("HTTP://Host.Example:80/", Some("http://host.example"))]
    #[case("https://host/prefix/", Some("https://host/prefix"))]
    #[case("http://[::1]:5052", Some("http://[::1]:5052"))]
    #[case("10.0.0.1:5052", None)]
    #[case("ftp://host", None)]
    #[case("http://", None)]
    #[case("http://host:0", None)]
    #[case("http://host:99999", None)]
    #[case("http://bob@host", None)]
    #[case("http://bob:hunter2@host", None)]
    #[case("http://host/?a=b", None)]
    #[case("http://host/#a", None)]
    #[case("http://ho st", None)]
    fn urls(#[case] text: &str, #[case] normal: Option<&str>) {
        let read = url(text);
        assert_eq!(read.as_deref().ok(), normal);
        assert!(!format!("{read:?}").contains("hunter2"));
    }

    #[rstest]
    #[case("http://127.0.0.1:5052", true)]
    #[case("https://localhost/prefix", true)]
    #[case("http://[::1]:5052", true)]
    #[case("http://10.0.0.1:5052", false)]
    #[case("http://localhost.example:5052", false)]
    #[case("", false)]
    fn a_loopback_is_this_machine(#[case] url: &str, #[case] here: bool) {
        assert_eq!(is_loopback(url), here);
    }

    #[test]
    fn every_role_has_a_word() {
        assert_eq!(ROLES.map(|(_, role)| role), Role::ALL);
    }
}
