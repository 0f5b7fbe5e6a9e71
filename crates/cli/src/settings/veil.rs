//! A line of a settings file without what may be a secret in it.
//!
//! Invariant: of the words of a line only those are shown that are names or words of settings, so a key that was pasted at
//! whatever place is never quoted. Numbers are shown only where the caller says that they are harmless. Signs are shown.

use latchwork::{Kind, names};

/// What stands for a word that is not shown.
const VEIL: &str = "•••";

/// The most digits of a number, and letters of a unit, that are shown.
const DIGITS_MAX: usize = 20;
const UNIT_MAX: usize = 4;

/// The line, veiled.
pub(crate) fn veiled(line: &str, numbers: bool) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_word = in_word(first);
        let end = rest.find(|c| in_word(c) != is_word).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if !is_word || is_known(run) || (numbers && is_amount(run)) {
            shown.push_str(run);
        } else if !shown.ends_with(VEIL) {
            shown.push_str(VEIL);
        }
        rest = after;
    }
    shown
}

/// Anything but the signs of ASCII and white space: also what steers a terminal is of a word, and veiled.
fn in_word(c: char) -> bool {
    !(c == ' ' || c == '\t' || c.is_ascii_punctuation()) || c == '_' || c == '-'
}

fn is_known(word: &str) -> bool {
    let of_kind = |kind: Kind| match kind {
        Kind::Word(words) | Kind::Words(words) => words.contains(&word),
        _ => false,
    };
    matches!(
        word,
        "true" | "false" | "null" | "nan" | "inf" | "NaN" | "Infinity" | "-" | "---"
    ) || names().any(|name| name.key.split('.').any(|part| part == word) || of_kind(name.kind))
}

/// A number, perhaps with a unit.
fn is_amount(word: &str) -> bool {
    let word = word.trim_start_matches('-');
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let digits = word.len() - unit.len();
    (1..=DIGITS_MAX).contains(&digits)
        && unit.len() <= UNIT_MAX
        && unit.chars().all(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::veiled;
    use proptest::prelude::*;

    #[test]
    fn names_and_words_of_settings_are_shown_and_whatever_else_is_said_is_not() {
        for (line, shown) in [
            (
                "max_hold_ms = '60sec' # soon",
                "max_hold_ms = '60sec' # •••",
            ),
            ("[store.locks]", "[store.locks]"),
            ("key = \"sk-canary.0123\"", "key = \"•••.0123\""),
            ("  sandbox: off", "  sandbox: off"),
            ("modle = 5", "••• = 5"),
            ("peer_lock = 1234567890abcdef", "peer_lock = •••"),
            ("a\u{1b}[2J = é", "•••[2J = •••"),
        ] {
            assert_eq!(veiled(line, true), shown, "{line}");
        }
        assert_eq!(veiled("rounds_max = -5", false), "rounds_max = •••");
    }

    proptest! {
        #[test]
        fn no_word_that_is_not_known_is_shown_and_nothing_steers_a_terminal(before in "[ -~]{0,12}", after in any::<String>()) {
            let shown = veiled(&format!("{before} qcanaryq {after}"), true);
            prop_assert!(!shown.contains("canary"));
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\t'), "{:?}", shown);
        }
    }
}
