//! Server-sent events, bytes in, events out (WHATWG HTML, "Server-sent events"). No I/O.
//!
//! Owns the wire format, with all its freedoms: any line ending, `event:head` without a space, comments, data over several
//! lines, chunks cut anywhere. Never looks into an event's data.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes an event, or a single line, may have. A stream that exceeds it is ended: nothing of the Beacon API comes near it.
pub const EVENT_MAX: usize = 16 << 20;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// Its `event` field; `message` where it has none.
    pub topic: String,
    /// Its `data` lines, joined by line feeds.
    pub data: Bytes,
}

/// An event longer than [`EVENT_MAX`]; the stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {EVENT_MAX} bytes")]
pub struct TooLong;

/// The parser: push chunks, pop events.
#[derive(Debug, Default)]
pub struct SseParser {
    /// The unfinished line.
    line: Vec<u8>,
    /// The unfinished event.
    topic: String,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_cr: bool,
    /// The first line was seen, before which a byte order mark may stand.
    begun: bool,
    ready: VecDeque<SseEvent>,
}

impl SseParser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// [`TooLong`] when the unfinished event exceeds its bound; events before it can still be popped.
    pub fn push(&mut self, mut chunk: &[u8]) -> Result<(), TooLong> {
        while !chunk.is_empty() {
            if std::mem::take(&mut self.after_cr) && chunk[0] == b'\n' {
                chunk = &chunk[1..];
                continue;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
            if self.line.len() + self.data.len() + part.len() > EVENT_MAX {
                return Err(TooLong);
            }
            self.line.extend_from_slice(part);
            chunk = rest;
            if let Some((&ending, rest)) = rest.split_first() {
                self.after_cr = ending == b'\r';
                self.finish_line();
                chunk = rest;
            }
        }
        Ok(())
    }

    /// The next whole event.
    pub fn pop(&mut self) -> Option<SseEvent> {
        self.ready.pop_front()
    }

    fn finish_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let begins = !std::mem::replace(&mut self.begun, true);
        let text = if begins { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        if text.is_empty() {
            self.finish_event();
        } else {
            let colon = text.iter().position(|&byte| byte == b':');
            let (field, value) = colon.map_or((text, &[][..]), |at| (&text[..at], &text[at + 1..]));
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"event" => self.topic = String::from_utf8_lossy(value).into_owned(),
                b"data" => {
                    if std::mem::replace(&mut self.has_data, true) {
                        self.data.push(b'\n');
                    }
                    self.data.extend_from_slice(value);
                }
                // Comments (an empty field), `id`, `retry` and unknown fields mean nothing here.
                _ => {}
            }
        }
        line.clear();
        self.line = line;
    }

    fn finish_event(&mut self) {
        let topic = std::mem::take(&mut self.topic);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            let topic = if topic.is_empty() { "message".to_owned() } else { topic };
            self.ready.push_back(SseEvent { topic, data: data.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn parse<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
        let mut parser = SseParser::new();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.push(chunk).unwrap();
            while let Some(event) = parser.pop() {
                events.push((event.topic, String::from_utf8(event.data.to_vec()).unwrap()));
            }
        }
        events
    }

    #[rstest]
    #[case::standard("event: head\ndata: {}\n\n", &[("head", "{}")])]
    #[case::lighthouse("event:head\ndata:{}\n\n", &[("head", "{}")])]
    #[case::crlf("event: head\r\ndata: {}\r\n\r\n", &[("head", "{}")])]
    #[case::cr("event: head\rdata: {}\r\r", &[("head", "{}")])]
    #[case::data_first("data: {}\nevent: head\n\n", &[("head", "{}")])]
    #[case::comments(":\n\n: keep-alive\n\nevent: head\n:x\ndata: {}\n\n:\n", &[("head", "{}")])]
    #[case::lines("event: head\ndata: {\ndata: }\n\n", &[("head", "{\n}")])]
    #[case::one_space_only("data:  x \n\n", &[("message", " x ")])]
    #[case::no_colon("event: a\ndata\n\n", &[("a", "")])]
    #[case::no_data_no_event("event: a\n\ndata: x\n\n", &[("message", "x")])]
    #[case::other_fields("id: 7\nretry: 10\nevent: a\nfoo: b\ndata: x\n\n", &[("a", "x")])]
    #[case::byte_order_mark("\u{feff}event: a\ndata: x\n\n", &[("a", "x")])]
    #[case::unfinished("event: a\ndata: x\n", &[])]
    #[case::two("event: a\ndata: x\n\nevent: b\ndata: y\n\n", &[("a", "x"), ("b", "y")])]
    fn streams_as_clients_write_them(#[case] stream: &str, #[case] expected: &[(&str, &str)]) {
        let read = parse([stream.as_bytes()]);
        assert_eq!(read.iter().map(|(t, d)| (t.as_str(), d.as_str())).collect::<Vec<_>>(), expected);
        assert_eq!(parse(stream.as_bytes().chunks(1)), read, "byte by byte");
    }

    #[rstest]
    #[case::data("data: ", "")]
    #[case::comment(":", "")]
    #[case::many_lines("data: x", "\n")]
    fn an_endless_event_is_an_error(#[case] head: &str, #[case] end: &str) {
        let mut parser = SseParser::new();
        let chunk = format!("{head}{}{end}", "y".repeat(1 << 20));
        let pushed = (0..40).take_while(|_| parser.push(chunk.as_bytes()).is_ok()).count();
        assert!((14..=16).contains(&pushed), "accepted {pushed} MiB");
    }

    fn any_stream() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
        let ending = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
        let data = prop::collection::vec("[a-z :{}\"]{0,12}", 1..4);
        let event = ("[a-z_0-9]{1,8}", data, ending, any::<bool>(), any::<bool>());
        prop::collection::vec(event, 0..6).prop_map(|events| {
            let mut stream = String::new();
            let mut expected = Vec::new();
            for (topic, data, end, space, comment) in events {
                let space = if space || data.iter().any(|line| line.starts_with(' ')) { " " } else { "" };
                write!(stream, "event:{space}{topic}{end}").unwrap();
                if comment {
                    write!(stream, ": ping{end}").unwrap();
                }
                for line in &data {
                    write!(stream, "data:{space}{line}{end}").unwrap();
                }
                stream += end;
                expected.push((topic, data.join("\n")));
            }
            (stream, expected)
        })
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            (stream, expected) in any_stream(),
            cuts in prop::collection::vec(0_usize..400, 0..12),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut <= stream.len()).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks = cuts.windows(2).map(|pair| &stream.as_bytes()[pair[0]..pair[1]]);
            prop_assert_eq!(parse(chunks), expected);
        }

        #[test]
        fn no_bytes_can_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut parser = SseParser::new();
            prop_assert_eq!(parser.push(&bytes), Ok(()));
            let mut again = SseParser::new();
            for byte in bytes.chunks(1) {
                prop_assert_eq!(again.push(byte), Ok(()));
            }
            prop_assert_eq!(parser.ready, again.ready);
        }
    }
}
