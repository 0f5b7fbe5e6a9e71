//! The variables by which OpenClaw tunes its session lock: obeyed here too, so that both programs beside one another wait alike.
//!
//! A value is read as OpenClaw reads it, by the rules of JavaScript's `Number()`: `1e4` and `0x10` are numbers. What is no
//! number above zero is ignored there without a word, and so it is here. A variable of our own for the same setting wins.

use std::collections::BTreeMap;

/// Each variable with the setting that it stands for, and whether it may be without end.
const VARIABLES: [(&str, &str, bool); 3] = [
    (
        "OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS",
        "store.locks.acquire_timeout_ms",
        true,
    ),
    (
        "OPENCLAW_SESSION_WRITE_LOCK_STALE_MS",
        "store.locks.stale_ms",
        false,
    ),
    (
        "OPENCLAW_SESSION_WRITE_LOCK_MAX_HOLD_MS",
        "store.locks.max_hold_ms",
        false,
    ),
];

/// What stands for "without end": the greatest integer that every reader of numbers agrees on.
const ENDLESS: &str = "9007199254740991";

/// The variables, each with its setting.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    VARIABLES.iter().map(|(variable, key, _)| (*variable, *key))
}

/// Spells the values as whole milliseconds, and takes out those that OpenClaw would ignore.
pub(super) fn spell(environment: &mut BTreeMap<String, String>) {
    for (variable, _, endless) in VARIABLES {
        let Some(text) = environment.remove(variable) else {
            continue;
        };
        if let Some(text) = millis(&text, endless) {
            environment.insert(variable.to_owned(), text);
        }
    }
}

fn millis(text: &str, endless: bool) -> Option<String> {
    let number = number(text)?;
    if number.is_infinite() {
        return (endless && number > 0.0).then(|| ENDLESS.to_owned());
    }
    (number > 0.0).then(|| format!("{:.0}", number.ceil().min(9_007_199_254_740_991.0)))
}

/// JavaScript's `Number()` of a string.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0.0);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        let digits = text
            .get(..2)
            .filter(|start| start.eq_ignore_ascii_case(prefix));
        if digits.is_some() {
            let digits = text.get(2..)?;
            // Beyond 64 bits a time is longer than anybody waits; Rust would take a sign here, JavaScript takes none.
            let plain = digits.chars().all(|digit| digit.is_digit(radix));
            let value = u64::from_str_radix(digits, radix).ok().filter(|_| plain)?;
            #[expect(
                clippy::cast_precision_loss,
                reason = "a number of JavaScript is a double"
            )]
            return Some(value as f64);
        }
    }
    match text {
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust reads "inf" and "nan" too; a decimal of JavaScript has digits, signs, a point and an exponent only.
        _ if text
            .chars()
            .all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) =>
        {
            text.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_javascript_reads_them() {
        for (text, value) in [
            ("5000", 5000.0),
            (" 1e4\n", 10_000.0),
            ("0x10", 16.0),
            ("0B11", 3.0),
            ("0o17", 15.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+7", 7.0),
            ("", 0.0),
            ("-1", -1.0),
            ("Infinity", f64::INFINITY),
        ] {
            assert_eq!(number(text), Some(value), "{text:?}");
        }
        for text in [
            "inf", "nan", "NaN", "infinity", "1_000", "10ms", "0x", "0x+1", "1e", "-0x1",
        ] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_taken_out_and_only_a_wait_may_be_endless() {
        let [acquire, stale, hold] = VARIABLES.map(|(variable, _, _)| variable.to_owned());
        let spelled = |values: [&str; 3]| {
            let names = [acquire.clone(), stale.clone(), hold.clone()];
            let mut environment: BTreeMap<String, String> =
                names.into_iter().zip(values.map(str::to_owned)).collect();
            spell(&mut environment);
            environment.into_values().collect::<Vec<_>>()
        };
        assert_eq!(spelled(["1e3", "0x10", "1.2"]), ["1000", "2", "16"]);
        assert_eq!(spelled(["Infinity", "Infinity", "0"]), [ENDLESS]);
        assert_eq!(spelled(["-5", "soon", ""]), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn whatever_is_said_becomes_whole_milliseconds_or_nothing(text in ".{0,24}", endless: bool) {
            if let Some(spelled) = millis(&text, endless) {
                prop_assert!(spelled.parse::<u64>().unwrap() > 0);
            }
        }
    }
}
