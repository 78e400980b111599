//! Queueing disciplines of an interface, asked of the kernel by netlink (`RTM_GETQDISC`, rtnetlink(7)), of the network namespace
//! of this thread. As text a line each: `tbf root dropped 12 backlog 3000`, drops in packets since it is there, backlog in bytes.

use std::io;
use std::time::Duration;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{netdevice, recv, sendto, socket_with};

/// Longest datagram the kernel sends a dump in, in bytes.
const DATAGRAM: usize = 32 << 10;
/// Most datagrams of a dump.
const MOST: usize = 64;
/// The kernel answers at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// `linux/netlink.h` and `linux/rtnetlink.h`.
const HEAD: usize = 16;
const TCMSG: usize = 20;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const NEW_QDISC: u16 = 36;
const GET_QDISC: u16 = 38;
const REQUEST_DUMP: u16 = 0x301;
const ROOT: u32 = u32::MAX;
const KIND: u16 = 1;
const STATS: u16 = 7;
const QUEUE: u16 = 3;

/// The disciplines of an interface, as text.
///
/// # Errors
/// There is no such interface: *not found*; the kernel does not answer.
pub fn read(interface: &str) -> io::Result<String> {
    // No protocol is that of routes.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let any = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let index = netdevice::name_to_index(&any, interface).map_err(|_| io::ErrorKind::NotFound)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    sendto(&socket, &question(), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let (mut lines, mut buffer) = (Vec::new(), vec![0; DATAGRAM]);
    for _ in 0..MOST {
        let (len, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let (found, ended) = answer(&buffer[..len.min(DATAGRAM)], index)
            .ok_or_else(|| io::Error::other("the kernel declines RTM_GETQDISC"))?;
        lines.extend(found);
        if ended {
            break;
        }
    }
    Ok(lines.join("\n"))
}

fn question() -> Vec<u8> {
    let len = (HEAD + TCMSG) as u32;
    let mut bytes = len.to_ne_bytes().to_vec();
    bytes.extend(GET_QDISC.to_ne_bytes());
    bytes.extend(REQUEST_DUMP.to_ne_bytes());
    bytes.resize(HEAD + TCMSG, 0);
    bytes
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// Lines of an interface in a datagram, and whether the dump ends with it; none if the kernel declines.
fn answer(mut bytes: &[u8], index: u32) -> Option<(Vec<String>, bool)> {
    let mut lines = Vec::new();
    while let (Some(len), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let len = len as usize;
        let Some(message) = bytes.get(HEAD..len) else { break };
        match kind {
            ERROR => return None,
            DONE => return Some((lines, true)),
            NEW_QDISC if u32_at(message, 4) == Some(index) => lines.extend(line(message)),
            _ => {}
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some((lines, false))
}

fn line(message: &[u8]) -> Option<String> {
    let place = if u32_at(message, 12)? == ROOT { "root" } else { "child" };
    let options = message.get(TCMSG..)?;
    let kind = attribute(options, KIND)?;
    let kind = String::from_utf8_lossy(kind.split(|byte| *byte == 0).next()?).into_owned();
    let queue = attribute(options, STATS).and_then(|stats| attribute(stats, QUEUE));
    let of = |at| queue.and_then(|queue| u32_at(queue, at)).unwrap_or(0);
    // `gnet_stats_queue`: length, backlog, drops, requeues, overlimits.
    Some(format!("{kind} {place} dropped {} backlog {}", of(8), of(4)))
}

/// An attribute's content, by its type.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (len, kind) = (usize::from(u16_at(bytes, 0)?), u16_at(bytes, 2)?);
        let content = bytes.get(4..len)?;
        if kind == wanted {
            return Some(content);
        }
        bytes = bytes.get(len.next_multiple_of(4)..)?;
    }
}

/// The discipline at the root: its kind, and packets it dropped; those of its children, too.
pub fn parse(text: &str) -> Option<(String, u64)> {
    let (mut root, mut dropped) = (None, 0_u64);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, place, "dropped", count, "backlog", _] = words.as_slice() else { return None };
        dropped = dropped.saturating_add(count.parse().ok()?);
        if *place == "root" {
            root = Some((*kind).to_owned());
        }
    }
    Some((root?, dropped))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_loopback_has_its_discipline_and_what_is_no_interface_is_not_there() {
        let (kind, _) = parse(&read("lo").unwrap()).unwrap();
        assert!(!kind.is_empty());
        assert_eq!(read("none0").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(
            parse("mq root dropped 0 backlog 0\nfq_codel child dropped 3 backlog 9"),
            Some(("mq".into(), 3))
        );
        assert_eq!((parse(""), parse("tbf root")), (None, None));
    }

    proptest! {
        #[test]
        fn no_datagram_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..300), index: u32) {
            let _ = answer(&bytes, index);
            let _ = line(&bytes);
            let _ = attribute(&bytes, KIND);
        }

        #[test]
        fn no_nearly_right_datagram_breaks_it(len in 0_u32..80, kind in 30_u16..40, rest in proptest::collection::vec(0_u8..12, 0..90)) {
            let head = [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), &rest].concat();
            let _ = answer(&head, 0);
        }
    }
}
