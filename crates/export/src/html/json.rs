//! JSON that can stand in an HTML page and be shown by any program: data, whatever it says.
//!
//! Invariant: the text has no `<`, so that nothing in it ends a script element or begins a comment, and no character that
//! steers a terminal or turns the direction of text. Reading it gives back each string as it was.

use std::io::Write as _;

use latchwork_format::escape::steers;

/// Bytes that may not stand as they are, or that begin a character that may not.
const LOOK: [bool; 256] = {
    let mut look = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        look[byte] = byte < 0x20
            || matches!(
                byte as u8,
                b'"' | b'\\' | b'<' | 0x7f | 0xc2 | 0xd8 | 0xe2 | 0xef | 0xf3
            );
        byte += 1;
    }
    look
};

/// Writes a string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(first_to_look_at) {
        at += found;
        let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            break;
        };
        let width = character.len_utf8();
        if must_escape(character) {
            out.extend_from_slice(bytes.get(plain..at).unwrap_or_default());
            push_escape(out, character);
            plain = at + width;
        }
        at += width;
    }
    out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
    out.push(b'"');
}

fn first_to_look_at(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| LOOK[usize::from(*byte)])
}

fn must_escape(character: char) -> bool {
    match character {
        '\0'..='\u{1f}' | '"' | '\\' | '<' => true,
        _ => steers(character),
    }
}

fn push_escape(out: &mut Vec<u8>, character: char) {
    let short: &[u8] = match character {
        '\n' => b"\\n",
        '\t' => b"\\t",
        '"' => b"\\\"",
        '\\' => b"\\\\",
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // A vector takes whatever is written.
                let _ = write!(out, "\\u{unit:04x}");
            }
            return;
        }
    };
    out.extend_from_slice(short);
}

/// Writes an object, field by field; what is absent is not written.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, first: true }
    }

    /// The name of a field that is ours, and the place for its value.
    pub(crate) fn field(&mut self, name: &'static str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        push_string(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        push_string(self.field(name), text);
    }

    pub(crate) fn text_if(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(crate) fn number(&mut self, name: &'static str, number: impl std::fmt::Display) {
        let _ = write!(self.field(name), "{number}");
    }

    pub(crate) fn flag(&mut self, name: &'static str, is: bool) {
        if is {
            self.field(name).extend_from_slice(b"true");
        }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes a list.
pub(crate) fn push_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_would_end_the_data_or_steer_a_reader_is_escaped() {
        assert_eq!(
            written("</script>\u{202e}\0é\u{2028}🙂\u{e0041}"),
            "\"\\u003c/script>\\u202e\\u0000é\\u2028🙂\\udb40\\udc41\""
        );
    }

    proptest! {
        #[test]
        fn every_string_reads_back_and_holds_nothing_that_steers(text in any::<String>(), odd in "[<\u{80}-\u{9f}\u{7f}\u{61c}\u{202e}\u{feff}\u{fff9}\u{e0041}\"\\\\\n]{0,9}") {
            let text = format!("{odd}{text}{odd}");
            let json = written(&text);
            prop_assert!(!json.contains('<') && !json.chars().any(|c| c == '\n' || steers(c)));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
