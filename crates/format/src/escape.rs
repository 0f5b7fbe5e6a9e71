//! Text from a file, a model or another process, made harmless for a terminal.
//!
//! Control characters (but line feed and tab), characters that turn the direction of text, and those that end
//! lines for some readers only, are shown as escapes; everything else passes. Not here: width, or colour.

use std::fmt::{self, Write as _};

/// Displays its text with everything that could steer a terminal shown as an escape.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, character) in self
            .0
            .char_indices()
            .filter(|&(_, character)| steers(character))
        {
            f.write_str(&self.0[plain..at])?;
            write_escape(f, character)?;
            plain = at + character.len_utf8();
        }
        f.write_str(&self.0[plain..])
    }
}

fn write_escape(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\r' => f.write_str("\\r"),
        '\0'..='\u{9f}' => write!(f, "\\x{:02x}", u32::from(character)),
        _ => {
            f.write_char('\\')?;
            write!(f, "u{{{:x}}}", u32::from(character))
        }
    }
}

/// Whether a terminal may take the character for more than a sign to show.
#[must_use]
pub fn steers(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => !joins(character),
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => character.is_control(),
    }
}

/// The joiners belong to the spelling of several scripts and of emoji.
fn joins(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_steers_a_terminal_is_shown() {
        assert_eq!(Escaped("a\x1b[2Jb").to_string(), "a\\x1b[2Jb");
        assert_eq!(Escaped("\u{9b}31m\r").to_string(), "\\x9b31m\\r");
        assert_eq!(
            Escaped("x\u{202e}y\u{2028}").to_string(),
            "x\\u{202e}y\\u{2028}"
        );
        assert_eq!(Escaped("é 文件 🙂\n\tok").to_string(), "é 文件 🙂\n\tok");
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_steers(text in any::<String>()) {
            let shown = Escaped(&text).to_string();
            prop_assert!(!shown.chars().any(|c| c != '\n' && c != '\t' && c.is_control()));
            const TURNS: [char; 7] = ['\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{2028}', '\u{2029}', '\u{61c}'];
            prop_assert!(!shown.contains(TURNS));
        }

        #[test]
        fn the_worst_bytes_are_shown_too(bytes in proptest::collection::vec(prop_oneof![0_u8..32, 0x7f_u8..=0x9f], 0..40)) {
            let text: String = bytes.into_iter().map(char::from).collect();
            prop_assert!(Escaped(&text).to_string().chars().all(|c| matches!(c, '\n' | '\t' | ' '..='~')));
        }
    }
}
