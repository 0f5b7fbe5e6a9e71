//! What OpenClaw is set by and we obey too, so that both programs beside one another wait alike: its three variables, and what
//! its `openclaw.json` says of the session lock and of compaction.
//!
//! A variable is read as OpenClaw reads it, by the rules of JavaScript's `Number()`: `1e4` and `0x10` are numbers. What cannot
//! be obeyed is ignored, as there, but with a warning. A setting of our own wins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchwork_config::{Key, Layer, Origin, PeerKey, Place, Range, Warning};
use latchwork_filelock::ENDLESS_MS;

use super::names::name_of;

const ACQUIRE: &str = "store.locks.acquire_timeout_ms";
const STALE: &str = "store.locks.stale_ms";
const HOLD: &str = "store.locks.max_hold_ms";

/// The name of OpenClaw's settings file in its home.
const FILE: &str = "openclaw.json";

/// Each variable with the setting that it stands for.
const VARIABLES: [(&str, &str); 3] = [
    ("OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS", ACQUIRE),
    ("OPENCLAW_SESSION_WRITE_LOCK_STALE_MS", STALE),
    ("OPENCLAW_SESSION_WRITE_LOCK_MAX_HOLD_MS", HOLD),
];

/// What is read of `openclaw.json`, each with the setting that it stands for.
const KEYS: [(&str, &str); 4] = [
    ("session.writeLock.acquireTimeoutMs", ACQUIRE),
    ("session.writeLock.staleMs", STALE),
    ("session.writeLock.maxHoldMs", HOLD),
    (
        "agents.defaults.compaction.keepRecentTokens",
        "context.keep_recent_tokens",
    ),
];

/// The variables, each with its setting.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    VARIABLES.into_iter()
}

/// What is read of `openclaw.json`.
pub(super) fn keys() -> Vec<PeerKey> {
    let known = KEYS.into_iter().filter_map(|(theirs, ours)| {
        Some(PeerKey {
            theirs: Key::from(theirs),
            ours: Key::from(ours),
            range: range(ours)?,
        })
    });
    known.collect()
}

/// The settings file of OpenClaw that belongs to these settings: that of the home that is named, or of the one whose agent's
/// folder (`agents/ID`) is our home.
pub(super) fn file(openclaw_home: Option<&Path>, home: Option<&Path>) -> Option<PathBuf> {
    let named = openclaw_home.map(Path::to_owned);
    let around = || {
        let agents = home?.parent()?;
        let named_so = agents.file_name()? == "agents";
        named_so.then(|| agents.parent().map(Path::to_owned))?
    };
    named.or_else(around).map(|home| home.join(FILE))
}

fn range(key: &str) -> Option<Range> {
    name_of(&Key::from(key))?.range()
}

/// Spells the values as whole milliseconds, and takes out those that cannot be obeyed. An empty one is not set.
pub(super) fn spell(environment: &mut BTreeMap<String, String>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (variable, key) in VARIABLES {
        let Some(text) = environment
            .remove(variable)
            .filter(|text| !text.trim().is_empty())
        else {
            continue;
        };
        let Some(range) = range(key) else { continue };
        match millis(&text, key == ACQUIRE).filter(|number| range.contains(*number)) {
            Some(number) => drop(environment.insert(variable.to_owned(), number.to_string())),
            None => warnings.push(Warning::Ignored {
                origin: Origin {
                    layer: Layer::Environment,
                    place: Place::Variable(variable.to_owned()),
                },
                key: Key::from(key),
                why: format!("it must be {range}, as JavaScript spells a number"),
            }),
        }
    }
    warnings
}

fn millis(text: &str, endless: bool) -> Option<u64> {
    let number = number(text)?;
    if number.is_infinite() {
        return (endless && number > 0.0).then_some(ENDLESS_MS);
    }
    if number <= 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "above zero and exact up to the greatest"
    )]
    Some(number.ceil().min(ENDLESS_MS as f64) as u64)
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

    fn spelled(values: [&str; 3]) -> (Vec<String>, Vec<String>) {
        let names = VARIABLES.map(|(variable, _)| variable.to_owned());
        let mut environment: BTreeMap<String, String> =
            names.into_iter().zip(values.map(str::to_owned)).collect();
        let warnings = spell(&mut environment);
        let warnings = warnings.iter().map(ToString::to_string).collect();
        (environment.into_values().collect(), warnings)
    }

    #[test]
    fn what_cannot_be_obeyed_is_taken_out_with_a_warning_and_only_a_wait_may_be_endless() {
        let [acquire, stale, hold] = VARIABLES.map(|(variable, _)| variable);
        assert_eq!(
            spelled(["1e3", "0x10", "1e4"]),
            (vec!["1000".into(), "10000".into(), "16".into()], vec![])
        );
        let (kept, warnings) = spelled(["Infinity", "Infinity", "16"]);
        assert_eq!(kept, [ENDLESS_MS.to_string()]);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains(stale) && warnings[1].contains("from 1000 to 2147000000"));
        let (kept, warnings) = spelled(["-5", "60s", " "]);
        assert!(kept.is_empty() && !warnings.iter().any(|told| told.contains(hold)));
        assert!(warnings[0].contains(acquire) && warnings[1].contains("is ignored: it must be"));
    }

    #[test]
    fn an_openclaw_home_is_the_one_that_is_named_or_the_one_that_our_home_lies_in() {
        let of = |named: Option<&str>, home: Option<&str>| {
            file(named.map(Path::new), home.map(Path::new))
        };
        let agent = Some("/u/.openclaw/agents/main");
        assert_eq!(of(None, agent), Some("/u/.openclaw/openclaw.json".into()));
        assert_eq!(of(Some("/o"), agent), Some("/o/openclaw.json".into()));
        assert_eq!(of(None, Some("/u/.local/share/latchwork")), None);
        assert_eq!(of(None, None), None);
    }

    #[test]
    fn every_key_of_openclaws_that_is_read_is_a_number_of_ours() {
        assert_eq!(keys().len(), KEYS.len());
    }

    proptest! {
        #[test]
        fn whatever_is_said_becomes_whole_milliseconds_in_the_range_or_a_warning(text in prop_oneof![".{0,24}", "[+-]?(0x)?[0-9]{1,20}(\\.[0-9]+)?(e[0-9]{1,3})?"], which in 0..3_usize) {
            let (variable, key) = VARIABLES[which];
            let mut environment = BTreeMap::from([(variable.to_owned(), text.clone())]);
            let warnings = spell(&mut environment);
            match environment.get(variable) {
                Some(number) => prop_assert!(range(key).unwrap().contains(number.parse().unwrap())),
                None => prop_assert!(text.trim().is_empty() || warnings.len() == 1),
            }
        }
    }
}
