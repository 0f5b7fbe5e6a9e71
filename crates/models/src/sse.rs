//! Server-sent events, decoded from bytes as they come.
//!
//! Fed with any pieces of a stream, it gives the same events as for the whole (a property test says so). Lines end in
//! LF, CRLF or CR; comments, ids and retry times are read and dropped; a byte order mark at the start is skipped; bytes
//! that are no UTF-8 become U+FFFD, once a line is whole.
//!
//! Deliberately absent: I/O, reconnecting, and a limit on size, which its user sets on the stream as a whole.
//! One departure from the standard: [`SseDecoder::finish`] hands out an event that the end of the stream cut off before
//! its blank line, because servers forget that line; whether the data is whole is for its reader to find out.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// Its type, if it names one.
    pub(crate) name: Option<String>,
    /// Its data, lines joined by a newline.
    pub(crate) data: String,
}

/// Turns bytes into events.
#[derive(Debug, Default)]
pub(crate) struct SseDecoder {
    /// The line that is not whole yet.
    line: Vec<u8>,
    /// The last byte was a CR that ended a line: an LF right after it belongs to it.
    after_cr: bool,
    /// A line was seen; before the first, a byte order mark may stand.
    begun: bool,
    name: Option<String>,
    data: Option<String>,
}

impl SseDecoder {
    /// Takes the next piece and appends the events that it completes.
    pub(crate) fn push(&mut self, mut bytes: &[u8], events: &mut Vec<SseEvent>) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.after_cr) {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.extend_from_slice(&bytes[..end]);
            let ended_by_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if ended_by_cr {
                self.after_cr = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
            events.extend(self.end_line());
        }
        self.line.extend_from_slice(bytes);
    }

    /// The stream has ended: the event that was not closed by a blank line, if there is one.
    pub(crate) fn finish(mut self) -> Option<SseEvent> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.dispatch()
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.begun, true) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => self.name = Some(value.to_owned()),
            _ => {}
        }
        None
    }

    /// An event without data is none.
    fn dispatch(&mut self) -> Option<SseEvent> {
        let name = self.name.take();
        self.data.take().map(|data| SseEvent { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::{SseDecoder, SseEvent};
    use proptest::prelude::*;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<SseEvent> {
        let mut decoder = SseDecoder::default();
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece, &mut events);
        }
        events.extend(decoder.finish());
        events
    }

    fn data(bytes: &[u8]) -> Vec<String> {
        decode([bytes])
            .into_iter()
            .map(|event| event.data)
            .collect()
    }

    #[test]
    fn every_line_ending_and_every_spelling_of_a_field_is_read() {
        assert_eq!(
            data(b"data: a\n\ndata:b\r\n\r\ndata: c\r\rdata: d\n\n"),
            ["a", "b", "c", "d"]
        );
        assert_eq!(
            data(b"\xef\xbb\xbfdata: first\ndata\ndata:  two spaces\n\n"),
            ["first\n\n two spaces"]
        );
    }

    #[test]
    fn comments_ids_and_keep_alives_are_no_events() {
        assert_eq!(
            data(b": PROCESSING\n\n\n\nid: 7\nretry: 5\nevent: ping\n\ndata: x\n\n"),
            ["x"]
        );
    }

    #[test]
    fn an_empty_piece_between_cr_and_lf_changes_nothing() {
        let events = decode([&b"data: a\r"[..], b"", b"\ndata: b\r\n\r\n"]);
        assert_eq!(events[0].data, "a\nb");
    }

    #[test]
    fn the_type_of_an_event_belongs_to_it_alone() {
        let events = decode([&b"event: error\ndata: 1\n\ndata: 2\n\n"[..]]);
        assert_eq!(events[0].name.as_deref(), Some("error"));
        assert_eq!(events[1].name, None);
    }

    #[test]
    fn an_event_without_its_blank_line_is_handed_out_at_the_end() {
        assert_eq!(data(b"data: a\n\ndata: b\n"), ["a", "b"]);
        assert_eq!(data(b"data: a\n\ndata: b"), ["a", "b"]);
    }

    /// Streams made of the bytes that matter, so that every border is met.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            Just(&b"data: "[..]),
            Just(&b"data"[..]),
            Just(&b"event: e"[..]),
            Just(&b":"[..]),
            Just(&b"\n"[..]),
            Just(&b"\r"[..]),
            Just(&b"\r\n"[..]),
            Just("é\u{feff}{".as_bytes()),
            Just(&b"\xff"[..]),
        ];
        prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn any_cut_of_a_stream_gives_the_same_events(bytes in stream(), cuts in prop::collection::vec(0usize..200, 0..12)) {
            let mut borders: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            borders.extend([0, bytes.len()]);
            borders.sort_unstable();
            let pieces = borders.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(decode(pieces), decode([&bytes[..]]));
            prop_assert_eq!(decode(bytes.chunks(1)), decode([&bytes[..]]));
        }

        #[test]
        fn arbitrary_bytes_are_decoded_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            decode([&bytes[..]]);
        }
    }
}
