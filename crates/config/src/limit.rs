//! What a number may be: a range, and what it counts. One rule for every layer, before serde looks at a value.
//!
//! A time may be written `60s` and a size `20mb` wherever their settings are numbers of milliseconds and bytes; both become
//! that number here. Deliberately absent: whole tables of limits, which are the program's.

use std::{fmt, ops::RangeInclusive};

use serde_json::Value;

use crate::{Key, Layer, QuantityError, bytes, millis, quantity::Kind};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Things.
    Count,
    /// Milliseconds; `60s` is understood too.
    Millis,
    /// Bytes; `20mb` is understood too.
    Bytes,
}

impl Unit {
    pub(crate) const fn kind(self) -> Option<&'static Kind> {
        match self {
            Self::Count => None,
            Self::Millis => Some(&millis::TIME),
            Self::Bytes => Some(&bytes::SIZE),
        }
    }
}

/// The whole numbers that a setting may be, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    min: u64,
    max: u64,
    unit: Unit,
}

impl Range {
    /// From the start to the end.
    pub const fn new(range: &RangeInclusive<u64>, unit: Unit) -> Self {
        Self {
            min: *range.start(),
            max: *range.end(),
            unit,
        }
    }

    /// The least.
    pub const fn min(&self) -> u64 {
        self.min
    }

    /// The most.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// What is counted.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Whether the number is in it.
    pub const fn contains(&self, number: u64) -> bool {
        self.min <= number && number <= self.max
    }
}

/// `a whole number from 1 to 8`, `milliseconds from 1000 to 60000 (1s to 1min)`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max, unit } = *self;
        f.write_str(match unit {
            Unit::Count => "a whole number",
            Unit::Millis => "milliseconds",
            Unit::Bytes => "bytes",
        })?;
        write!(f, " from {min} to {max}")?;
        let Some(kind) = unit.kind() else {
            return Ok(());
        };
        f.write_str(" (")?;
        kind.write(min, f)?;
        f.write_str(" to ")?;
        kind.write(max, f)?;
        f.write_str(")")
    }
}

/// The setting that a range is for. A segment `*` stands for any name.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) key: Key,
    pub(crate) range: Range,
}

impl Limit {
    pub(crate) fn is_for(&self, key: &Key) -> bool {
        let (pattern, key) = (self.key.segments(), key.segments());
        let same = |(pattern, name): (&String, &String)| pattern == "*" || pattern == name;
        pattern.len() == key.len() && pattern.iter().zip(key).all(same)
    }
}

/// What a value is to its range.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// As it should be, or nothing that a range could say something about.
    Fits,
    /// The same, spelled as the number that it means.
    Means(Value),
    /// Outside; what it is, with no text quoted.
    Outside(String),
    /// No amount at all.
    NoAmount(QuantityError),
}

/// Holds a value against a range. Texts of the environment and of the command line may spell numbers.
pub(crate) fn judge(value: &Value, range: &Range, layer: Layer) -> Verdict {
    match value {
        Value::Null => Verdict::Fits,
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(number), _) if range.contains(number) => Verdict::Fits,
            (None, Some(float)) if float.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&float) =>
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole, not negative, and exact up to here"
                )]
                Verdict::Means(Value::from(float as u64))
            }
            _ => Verdict::Outside(number.to_string()),
        },
        Value::String(text) => {
            let Some(kind) = range.unit.kind() else {
                let textual = matches!(layer, Layer::Environment | Layer::CommandLine);
                let number = text.trim().parse::<i128>().ok().filter(|_| textual);
                return match number.map(u64::try_from) {
                    Some(Ok(number)) => Verdict::Means(Value::from(number)),
                    Some(Err(_)) => Verdict::Outside("out of range".to_owned()),
                    None => Verdict::Outside("a text".to_owned()),
                };
            };
            match kind.parse(text) {
                Ok(Some(number)) => Verdict::Means(Value::from(number)),
                Ok(None) => Verdict::Outside("negative, or too much to count".to_owned()),
                Err(why) => Verdict::NoAmount(why),
            }
        }
        Value::Bool(truth) => Verdict::Outside(truth.to_string()),
        Value::Array(_) => Verdict::Outside("a list".to_owned()),
        Value::Object(_) => Verdict::Outside("a table".to_owned()),
    }
}

/// Beyond this not every whole number has a float of its own.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOLD: Range = Range::new(&(1_000..=60_000), Unit::Millis);
    const ROUNDS: Range = Range::new(&(1..=50), Unit::Count);

    #[test]
    fn a_range_says_its_ends_in_numbers_and_in_units() {
        assert_eq!(
            HOLD.to_string(),
            "milliseconds from 1000 to 60000 (1s to 1min)"
        );
        assert_eq!(ROUNDS.to_string(), "a whole number from 1 to 50");
        let size = Range::new(&(256..=1 << 30), Unit::Bytes);
        assert_eq!(
            size.to_string(),
            "bytes from 256 to 1073741824 (256b to 1gb)"
        );
    }

    #[test]
    fn a_text_with_a_unit_means_its_number_and_everything_else_says_what_it_is() {
        let said = |json: &str, range: &Range| {
            judge(&serde_json::from_str(json).unwrap(), range, Layer::UserFile)
        };
        assert_eq!(said("5000", &HOLD), Verdict::Fits);
        assert_eq!(said("\"5s\"", &HOLD), Verdict::Means(5_000.into()));
        assert_eq!(said("5e3", &HOLD), Verdict::Means(5_000.into()));
        for (json, what) in [
            ("-1", "-1"),
            ("0", "0"),
            ("60001", "60001"),
            ("2000.5", "2000.5"),
            ("1e308", "1e+308"),
            ("true", "true"),
            ("[]", "a list"),
            ("\"-5s\"", "negative, or too much to count"),
            (
                "\"99999999999999999999d\"",
                "negative, or too much to count",
            ),
        ] {
            assert_eq!(said(json, &HOLD), Verdict::Outside(what.into()), "{json}");
        }
        assert!(matches!(said("\"60sec\"", &HOLD), Verdict::NoAmount(_)));
        assert_eq!(said("\"5\"", &ROUNDS), Verdict::Outside("a text".into()));
        let typed = judge(&Value::from(" 5"), &ROUNDS, Layer::Environment);
        assert_eq!(typed, Verdict::Means(5.into()));
    }

    #[test]
    fn a_star_stands_for_one_name() {
        let limit = Limit {
            key: Key::from("models.*.wait"),
            range: ROUNDS,
        };
        assert!(limit.is_for(&Key::from("models.any.wait")));
        for other in ["models.wait", "models.a.b.wait", "models.any.weight"] {
            assert!(!limit.is_for(&Key::from(other)), "{other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_ends_as_a_number_in_the_range_or_is_refused(text in prop_oneof![any::<String>(), "-?[0-9]{1,22} ?(ms|s|min|h|d|kb)?"], typed: bool) {
            let layer = if typed { Layer::Environment } else { Layer::UserFile };
            for range in [HOLD, ROUNDS] {
                if let Verdict::Means(number) = judge(&Value::from(text.as_str()), &range, layer) {
                    let again = judge(&number, &range, layer);
                    prop_assert!(matches!(again, Verdict::Fits | Verdict::Outside(_)), "{:?}", again);
                }
            }
        }
    }
}
