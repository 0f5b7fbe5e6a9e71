//! Spans of time in settings: `250ms`, `60s`, `5min`, `2h`, `1d`; a plain number counts milliseconds.

use std::time::Duration;

use crate::quantity::{Kind, quantity};

pub(crate) const TIME: Kind = Kind {
    units: &[
        ("ms", 1),
        ("s", 1000),
        ("min", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ],
    also: &[("m", 60_000)],
    example: "60s",
};

quantity! {
    /// A span of time in whole milliseconds, from `MIN` to `MAX` milliseconds.
    ///
    /// Read from `250ms`, `60s`, `5min` (or `5m`), `2h`, `1d`, or a plain number of milliseconds; written by serde as that number
    /// and displayed with the largest unit that fits.
    ///
    /// ```
    /// use latchwork_config::Millis;
    ///
    /// let hold = "5min".parse::<Millis<1, 600_000>>().unwrap();
    /// assert_eq!((hold.get(), hold.to_string().as_str()), (300_000, "5min"));
    /// let error = "1h".parse::<Millis<1, 600_000>>().unwrap_err();
    /// assert_eq!(error.to_string(), "must be from 1ms to 10min");
    /// ```
    Millis, TIME, new, get, "a time such as `60s` or a whole number of milliseconds"
}

impl<const MIN: u64, const MAX: u64> From<Millis<MIN, MAX>> for Duration {
    fn from(millis: Millis<MIN, MAX>) -> Self {
        Self::from_millis(millis.get())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<u64, String> {
        text.parse::<Millis>()
            .map(Millis::get)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn units_are_read_and_a_plain_number_counts_milliseconds() {
        for (text, millis) in [
            ("250ms", 250),
            ("60s", 60_000),
            ("5min", 300_000),
            ("5 M", 300_000),
            ("1d", 86_400_000),
            ("7", 7),
        ] {
            assert_eq!(parse(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_answered_with_what_would_be() {
        assert_eq!(
            parse("60sec").unwrap_err(),
            "unknown unit `sec`; there are: ms, s, min, h, d"
        );
        for text in ["", "s", "1.5s", "five", "--1s", "+1s"] {
            let error = parse(text).unwrap_err();
            assert_eq!(
                error, "an amount is a whole number and a unit (ms, s, min, h, d), such as `60s`",
                "{text}"
            );
        }
        for text in ["1\u{1b}[2J", "1canarycanary", "12ab34"] {
            let error = parse(text).unwrap_err();
            assert!(
                error.starts_with("unknown unit `…`;"),
                "not repeated: {error}"
            );
        }
    }

    #[test]
    fn what_is_out_of_range_is_answered_with_the_range() {
        for text in [
            "0",
            "-5s",
            "61s",
            "99999999999999999999",
            "18446744073709551615d",
        ] {
            let error = text.parse::<Millis<1, 60_000>>().unwrap_err();
            assert_eq!(error.to_string(), "must be from 1ms to 1min", "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            drop(parse(&text));
        }

        #[test]
        fn what_is_displayed_is_read_back(amount in 0..=i64::MAX as u64) {
            let millis = Millis::<0, { i64::MAX as u64 }>::new(amount).unwrap();
            prop_assert_eq!(millis.to_string().parse(), Ok(millis));
        }
    }
}
