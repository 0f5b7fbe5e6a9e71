//! The text of JSON: reading a string's escapes, writing a string, taking the space out of a value.
//!
//! Nothing here judges: the input is text of a value that was scanned before.

use std::borrow::Cow;

use super::lex::{is_space, space_end, string_end};

/// Reads a JSON string with its quotes. A surrogate without its other half reads as U+FFFD.
pub(crate) fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (decoded, used) = escape(&rest[at..]);
        out.push(decoded);
        rest = rest.get(at + used..).unwrap_or_default();
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// Decodes the escape that `text` begins with; gives the character and the bytes it took.
fn escape(text: &str) -> (char, usize) {
    let decoded = match text.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(text),
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (decoded, 2)
}

fn unicode_escape(text: &str) -> (char, usize) {
    let Some(first) = code_unit(text) else {
        return (char::REPLACEMENT_CHARACTER, 1);
    };
    if let Some(plain) = char::from_u32(u32::from(first)) {
        return (plain, 6);
    }
    let second = text.get(6..).and_then(code_unit);
    let pair = char::decode_utf16([Some(first), second].into_iter().flatten()).next();
    match pair {
        Some(Ok(whole)) => (whole, 12),
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The UTF-16 unit of an escape (`\u` and four hexadecimal digits) at the start of `text`.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// Writes `text` as a JSON string onto one line.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

/// Writes `text` as a JSON string behind what `out` holds.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    let plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
    if text.as_bytes().iter().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    // A string has no way to fail to serialise; the fallback keeps this total without a panic.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| String::from("\"\"")));
}

/// The value on one line: as it stands, unless there are line breaks in it; then without space between its tokens.
pub(crate) fn on_one_line(raw: &str) -> Cow<'_, str> {
    match memchr::memchr(b'\n', raw.as_bytes()) {
        None => Cow::Borrowed(raw),
        Some(_) => compact(raw),
    }
}

/// Takes out the space between tokens.
pub(crate) fn compact(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let mut kept: Option<String> = None;
    let (mut from, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at).unwrap_or(bytes.len()),
            _ if is_space(byte) => {
                kept.get_or_insert_with(|| String::with_capacity(raw.len()))
                    .push_str(&raw[from..at]);
                at = space_end(bytes, at);
                from = at;
            }
            _ => at += 1,
        }
    }
    match kept {
        None => Cow::Borrowed(raw),
        Some(mut kept) => {
            kept.push_str(&raw[from..]);
            Cow::Owned(kept)
        }
    }
}

/// Replaces escapes of lone surrogates by U+FFFD's, so that every reader accepts the value.
pub(crate) fn scrub_surrogates(raw: &str) -> Cow<'_, str> {
    if memchr::memmem::find(raw.as_bytes(), b"\\u").is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (decoded, used) = escape(&rest[at..]);
        let written = rest.get(at..at + used).unwrap_or_default();
        out.push_str(if decoded == char::REPLACEMENT_CHARACTER {
            "\\ufffd"
        } else {
            written
        });
        rest = rest.get(at + used..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Trims what JavaScript's `trim` takes for space.
pub(crate) fn js_trim(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lone_surrogates_are_scrubbed_and_pairs_are_kept() {
        let raw = r#"{"a":"\ud83d\ude42 \ud800 \\ud800 \udc00\ud800"}"#;
        assert_eq!(
            scrub_surrogates(raw),
            r#"{"a":"\ud83d\ude42 \ufffd \\ud800 \ufffd\ufffd"}"#
        );
    }

    proptest! {
        #[test]
        fn a_quoted_string_decodes_to_itself(text in any::<String>()) {
            let quoted = quote(&text);
            prop_assert_eq!(decode(&quoted).unwrap(), text.as_str());
            prop_assert!(!quoted.contains('\n'));
        }

        #[test]
        fn decoding_agrees_with_serde_where_serde_reads(raw in r#""([a-z\n ]|\\[bfnrt"/\\]|\\u[0-9a-fA-F]{4}|é|🙂){0,12}""#) {
            if let Ok(strict) = serde_json::from_str::<String>(&raw) {
                prop_assert_eq!(decode(&raw).unwrap(), strict);
            }
        }

        #[test]
        fn scrubbed_text_is_read_by_a_strict_reader(raw in r#""([a-z ]|\\[bfnrt"/\\]|\\u[dD][89a-fA-F][0-9a-f]{2}|\\u[0-9a-f]{4}){0,12}""#) {
            let scrubbed = scrub_surrogates(&raw);
            prop_assert_eq!(serde_json::from_str::<String>(&scrubbed).unwrap(), decode(&raw).unwrap());
        }

        #[test]
        fn compacting_changes_no_value(text in any::<String>(), n in any::<i32>()) {
            let value = serde_json::json!({ "k": [text, n, { "x": null }], "": { } });
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(on_one_line(&pretty).into_owned(), value.to_string());
            prop_assert_eq!(compact(&pretty).into_owned(), value.to_string());
            prop_assert!(matches!(compact(&value.to_string()), Cow::Borrowed(_)), "what is compact is not copied");
        }

        #[test]
        fn a_string_is_quoted_as_serde_does(text in any::<String>()) {
            prop_assert_eq!(quote(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
