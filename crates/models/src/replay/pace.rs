//! How fast a recording is played, and how that is written: `original`, `4x`, `500ms`, `2s`, `instant`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// The longest that a reply takes at its original pace: nobody wants to wait out a recorded lunch.
pub const ORIGINAL_CAP: Duration = Duration::from_secs(30);

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pace {
    /// As long as each reply took when it was recorded, divided by `speed`, and at most [`ORIGINAL_CAP`].
    Original {
        /// How many times as fast.
        speed: NonZeroU32,
    },
    /// This long for each reply.
    Fixed(Duration),
    /// Without waiting.
    Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self::Original {
            speed: NonZeroU32::MIN,
        }
    }
}

impl Pace {
    /// How long a reply is to take that once took `took`.
    #[must_use]
    pub fn time_for(self, took: Duration) -> Duration {
        match self {
            Self::Original { speed } => (took / speed.get()).min(ORIGINAL_CAP),
            Self::Fixed(time) => time,
            Self::Instant => Duration::ZERO,
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original { speed } if *speed == NonZeroU32::MIN => f.write_str("original"),
            Self::Original { speed } => write!(f, "{speed}x"),
            Self::Fixed(time) => write!(f, "{}ms", time.as_millis()),
            Self::Instant => f.write_str("instant"),
        }
    }
}

/// It is no pace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pace; write original, 4x, 500ms, 2s or instant")]
pub struct BadPace(pub String);

impl FromStr for Pace {
    type Err = BadPace;

    fn from_str(text: &str) -> Result<Self, BadPace> {
        let bad = || BadPace(text.to_owned());
        let number = |digits: &str| -> Result<u64, BadPace> {
            // `parse` would take a sign.
            if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                digits.parse().map_err(|_| bad())
            } else {
                Err(bad())
            }
        };
        match text {
            "original" => return Ok(Self::default()),
            "instant" => return Ok(Self::Instant),
            _ => {}
        }
        if let Some(times) = text.strip_suffix('x') {
            let speed = u32::try_from(number(times)?)
                .ok()
                .and_then(NonZeroU32::new)
                .ok_or_else(bad)?;
            return Ok(Self::Original { speed });
        }
        if let Some(digits) = text.strip_suffix("ms") {
            return Ok(Self::Fixed(Duration::from_millis(number(digits)?)));
        }
        let seconds = number(text.strip_suffix('s').ok_or_else(bad)?)?;
        // Within what milliseconds can say, so that it can be written again.
        let time = seconds.checked_mul(1000).ok_or_else(bad)?;
        Ok(Self::Fixed(Duration::from_millis(time)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_pace() -> impl Strategy<Value = Pace> {
        prop_oneof![
            Just(Pace::Instant),
            any::<NonZeroU32>().prop_map(|speed| Pace::Original { speed }),
            any::<u64>().prop_map(|ms| Pace::Fixed(Duration::from_millis(ms))),
        ]
    }

    #[test]
    fn a_reply_takes_as_long_as_the_pace_says() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert_eq!(Pace::default().time_for(second), second);
        assert_eq!(Pace::default().time_for(hour), ORIGINAL_CAP);
        assert_eq!("4x".parse::<Pace>().unwrap().time_for(second), second / 4);
        assert_eq!("250ms".parse::<Pace>().unwrap().time_for(hour), second / 4);
        assert_eq!("2s".parse::<Pace>().unwrap().time_for(hour), second * 2);
        assert_eq!(Pace::Instant.time_for(hour), Duration::ZERO);
    }

    #[test]
    fn what_is_no_pace_is_refused() {
        for text in [
            "",
            "x",
            "0x",
            "-1x",
            "+2x",
            "s",
            "ms",
            "1.5s",
            "fast",
            "99999999999999999999ms",
            "18446744073709551615s",
        ] {
            assert_eq!(text.parse::<Pace>(), Err(BadPace(text.into())));
        }
    }

    proptest! {
        #[test]
        fn a_pace_is_read_as_it_was_written(pace in any_pace()) {
            prop_assert_eq!(pace.to_string().parse::<Pace>().unwrap(), pace);
        }
    }
}
