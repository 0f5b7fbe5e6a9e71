//! Spans of time as they are typed: `250ms`, `60s`, `5min`, `2h`; a plain number counts milliseconds.

use std::str::FromStr;
use std::time::Duration;

use latchwork::config::{Millis, QuantityError};

/// A span of time, of a day at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        text.parse::<Millis<0, 86_400_000>>()
            .map(|millis| Self(millis.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use std::time::Duration;

    #[test]
    fn a_span_is_read_in_units_and_has_an_end() {
        assert_eq!("0".parse(), Ok(Span(Duration::ZERO)));
        assert_eq!("5min".parse(), Ok(Span(Duration::from_secs(300))));
        assert!("2d".parse::<Span>().is_err() && "-1s".parse::<Span>().is_err());
    }
}
