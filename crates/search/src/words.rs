//! A text as it is indexed and looked for: bounded, without what only looks like words, and cut where a script has no spaces.
//!
//! FTS5's `unicode61` takes a run of letters for one word. Scripts that put no space between words (Chinese, Japanese, Thai and others) and
//! Hangul, whose particles stick to the word, are cut into single letters by a [`JOINT`] between each two; a word of them is then letters in a
//! row, which finds it anywhere. Invariant: what is indexed, what is looked for and what is shown pass through here alike.

use std::borrow::Cow;

/// Stands between two letters that are words of their own; never shown.
pub(crate) const JOINT: char = '\u{1f}';
/// Where a match begins and ends in a snippet.
pub(crate) const MARKS: [char; 2] = ['\u{2}', '\u{3}'];
/// How much of the beginning and of the end of one entry's text is indexed, in bytes.
pub(crate) const BEGIN_BYTES: usize = 48 << 10;
pub(crate) const END_BYTES: usize = 16 << 10;
/// What stands where something was left out.
const LEFT_OUT: &str = " \u{2026} ";
/// A run of so many characters of base64 is data, not words.
const DATA_CHARS: usize = 256;

/// The text as FTS5 is given it.
pub(crate) fn prepared(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut before = ' ';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let run = data_run(rest);
        if run >= DATA_CHARS {
            out.push_str(LEFT_OUT);
            rest = rest.get(run..).unwrap_or_default();
            before = ' ';
            continue;
        }
        // A short run is words; it is taken whole, so that no part of it is counted again.
        let (piece, after) = rest.split_at(run.max(c.len_utf8()));
        for c in piece.chars().map(harmless) {
            let within = before.is_alphanumeric() && c.is_alphanumeric();
            if within && (is_alone(before) || is_alone(c)) {
                out.push(JOINT);
            }
            out.push(c);
            before = c;
        }
        rest = after;
    }
    out
}

/// The beginning and the end of a text that is too long.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= BEGIN_BYTES + END_BYTES {
        return Cow::Borrowed(text);
    }
    let begin = text.floor_char_boundary(BEGIN_BYTES);
    let end = text.ceil_char_boundary(text.len() - END_BYTES);
    let part = |range: Option<&str>| range.unwrap_or_default().to_owned();
    Cow::Owned(part(text.get(..begin)) + LEFT_OUT + &part(text.get(end..)))
}

/// How many bytes at the beginning are characters of base64.
fn data_run(text: &str) -> usize {
    let is_data = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-')
    };
    text.bytes().take_while(|byte| is_data(byte)).count()
}

/// Our own signs do not come from a text, and FTS5 would end a snippet at a NUL.
fn harmless(c: char) -> char {
    match c {
        '\0' | JOINT => char::REPLACEMENT_CHARACTER,
        c if MARKS.contains(&c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Whether a letter is a word of its own.
fn is_alone(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff     // Thai, Lao
        | 0x1000..=0x109f   // Myanmar
        | 0x1100..=0x11ff   // Hangul, in parts
        | 0x1780..=0x17ff   // Khmer
        | 0x2e80..=0x312f   // radicals, kana, bopomofo
        | 0x31a0..=0x31bf | 0x31f0..=0x31ff
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff // Han
        | 0xac00..=0xd7a3   // Hangul
        | 0xf900..=0xfaff
        | 0xff66..=0xff9f   // narrow katakana
        | 0x1b000..=0x1b16f
        | 0x20000..=0x323af) // Han, further planes
}

#[cfg(test)]
mod tests {
    use super::{BEGIN_BYTES, DATA_CHARS, END_BYTES, JOINT, bounded, prepared};
    use proptest::prelude::*;

    #[test]
    fn letters_of_scripts_without_spaces_stand_alone_and_data_is_left_out() {
        assert_eq!(
            prepared("ab 日本x 語。"),
            format!("ab 日{JOINT}本{JOINT}x 語。")
        );
        let data = "QUJD".repeat(DATA_CHARS / 4);
        assert_eq!(prepared(&format!("see {data}, ok")), "see  \u{2026} , ok");
        let short = &data[1..];
        assert_eq!(prepared(short), short);
        assert_eq!(prepared("a\0\u{2}b"), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn of_a_long_text_both_ends_stay() {
        let long = format!("begin{}end", "é".repeat(BEGIN_BYTES));
        let kept = bounded(&long);
        assert!(kept.starts_with("begin") && kept.ends_with("end"));
        assert!(kept.len() <= BEGIN_BYTES + END_BYTES + 10, "{}", kept.len());
        assert_eq!(bounded("short"), "short");
    }

    proptest! {
        #[test]
        fn nothing_but_joints_is_added_to_what_is_no_data(text in "[a日\\x00é 本ก\n]{0,60}") {
            let plain: String = prepared(&text).chars().filter(|c| *c != JOINT).collect();
            prop_assert_eq!(plain, text.replace('\0', "\u{fffd}"));
        }
    }
}
