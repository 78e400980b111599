//! Where the program listens, and whom it knows by name: `listen`, `metrics`, `clients`.

use std::net::SocketAddr;

use super::beacons::labels;
use super::problem::Complaint;
use super::reader::{Field, Reader, Section};
use super::tree::Value;
use super::{Outside, locks, scalar, schema};
use crate::model::{Client, ClientFrom, Listen};

const LISTEN: &str =
    "write an address such as `127.0.0.1:5052`, `{address, allow: [cidr]}`, or a list of them";
const CLIENTS: &str = "write a list of `{name, from, labels: {signer: …}}`";
const NETWORKS: &str =
    "write a list of networks such as `[10.0.0.0/8]`; leave `allow` out to let everyone in";

/// `listen`: one door or a list of them.
pub fn listen(reader: &mut Reader, root: &Section<'_>, outside: &dyn Outside) -> Vec<Listen> {
    let Some(field) = reader.required(root, "listen", LISTEN) else { return Vec::new() };
    let fields = match &field.node.value {
        Value::List(_) => reader.items(&field, LISTEN).unwrap_or_default(),
        _ => vec![field],
    };
    let mut doors: Vec<(Listen, usize)> = Vec::new();
    for field in fields {
        let Some(door) = door(reader, &field, outside) else { continue };
        let twin = doors.iter().find(|(other, _)| other.address == door.address && door.address.port() != 0);
        if let Some((_, line)) = twin {
            let complaint =
                Complaint::new("this address is listened at twice", format!("first given at line {line}"));
            reader.complain(&field, complaint);
            continue;
        }
        let locked = door.token.is_some() || door.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if door.address.ip().is_unspecified() && door.allow.is_empty() && !locked {
            let hint =
                "add `allow: [cidr]`, or listen at one address: whoever reaches it may publish and subscribe";
            reader.warn(&field, Complaint::new("listens at every address and lets everyone in", hint));
        }
        doors.push((door, field.at.line));
    }
    doors.into_iter().map(|(door, _)| door).collect()
}

fn door(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<Listen> {
    if matches!(field.node.value, Value::Scalar { .. }) {
        let address = reader.read(field, scalar::address)?;
        return Some(Listen { address, allow: Vec::new(), tls: None, token: None });
    }
    if field.is_null() {
        reader.complain(field, Complaint::new("no value", LISTEN));
        return None;
    }
    let section = reader.section(field, &schema::LISTEN)?;
    let address = reader.required(&section, "address", "write `address: 127.0.0.1:5052`");
    let address = address.and_then(|field| reader.read(&field, scalar::address));
    let mut allow = Vec::new();
    if let Some(field) = section.get("allow") {
        for item in reader.items(field, NETWORKS).unwrap_or_default() {
            allow.extend(reader.read(&item, scalar::network));
        }
    }
    let tls = section.get("tls").and_then(|field| locks::tls(reader, field, outside));
    let token = section.get("token").and_then(|field| locks::token(reader, field, outside));
    if let (Some(field), Some(address), Some(_), false) =
        (section.get("token"), address, &token, section.get("tls").is_some())
        && !address.ip().is_loopback()
    {
        let hint = "add `tls: {certificate: FILE, key: FILE}`: whoever listens on the way learns the token";
        reader.warn_at_key(field, Complaint::new("the token crosses the network in the clear", hint));
    }
    Some(Listen { address: address?, allow, tls, token })
}

/// `metrics`: an address no door has.
pub fn metrics(reader: &mut Reader, root: &Section<'_>, doors: &[Listen]) -> Option<SocketAddr> {
    let field = root.get("metrics")?;
    let address = reader.read(field, scalar::address)?;
    if address.port() != 0 && doors.iter().any(|door| door.address == address) {
        reader.complain(
            field,
            Complaint::new("this address is one of `listen`", "give metrics an address of its own"),
        );
        return None;
    }
    Some(address)
}

/// `clients`, in order of matching.
pub fn clients(reader: &mut Reader, root: &Section<'_>, doors: &[Listen]) -> Vec<Client> {
    let Some(field) = root.get("clients").filter(|field| !field.is_null()) else { return Vec::new() };
    let mut clients: Vec<(Client, usize)> = Vec::new();
    for field in reader.items(field, CLIENTS).unwrap_or_default() {
        let Some(section) = reader.section(&field, &schema::CLIENT) else { continue };
        let name = reader.required(&section, "name", "give the client a unique name");
        let from = reader.required(&section, "from", "write a network, or one of the addresses of `listen`");
        let read = name.as_ref().and_then(|field| reader.read(field, scalar::name));
        if let (Some(field), Some(name)) = (&name, &read)
            && let Some((_, line)) = clients.iter().find(|(other, _)| other.name == *name)
        {
            let hint = format!("first given at line {line}; names are unique");
            reader.complain(field, Complaint::new(format!("`{name}` names two clients"), hint));
        }
        let source = from.as_ref().and_then(|field| source(reader, field, doors));
        if let (Some(field), Some(source)) = (&from, &source)
            && let Some((other, line)) = clients.iter().find(|(other, _)| takes_all(&other.from, source))
        {
            let hint = format!("`{}` at line {line} takes all of its connections", other.name);
            reader.complain(field, Complaint::new("this client is never recognised", hint));
        }
        let labels = section.get("labels").map(|field| labels(reader, field)).unwrap_or_default();
        if let (Some(name), Some(from)) = (read, source) {
            clients.push((Client { name, from, labels }, field.at.line));
        }
    }
    clients.into_iter().map(|(client, _)| client).collect()
}

/// The first that matches is taken, so a later part of an earlier one is never reached.
fn takes_all(earlier: &ClientFrom, later: &ClientFrom) -> bool {
    match (earlier, later) {
        (ClientFrom::Net(earlier), ClientFrom::Net(later)) => earlier.contains(later),
        _ => earlier == later,
    }
}

fn source(reader: &mut Reader, field: &Field<'_>, doors: &[Listen]) -> Option<ClientFrom> {
    let text = reader.text(field, "write a network, or one of the addresses of `listen`")?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        return reader.read(field, scalar::network).map(ClientFrom::Net);
    };
    if doors.iter().any(|door| door.address == address) {
        return Some(ClientFrom::Listen(address));
    }
    let known: Vec<String> = doors.iter().map(|door| format!("`{}`", door.address)).collect();
    let hint = format!("one of {}, or a network such as `10.0.0.0/8`", known.join(", "));
    reader.complain(field, Complaint::new("no door listens at this address", hint));
    None
}
