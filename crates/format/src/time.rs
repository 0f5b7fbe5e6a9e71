//! Times as the format writes them: ISO 8601 in UTC with milliseconds on entries, Unix milliseconds on messages.
//!
//! Not here: the present. Whoever needs it passes it in.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Writes Unix milliseconds as `YYYY-MM-DDTHH:MM:SS.sssZ`. Times beyond the years that this can show are
/// moved to the nearest one it can.
#[must_use]
pub fn iso_from_millis(unix_millis: i64) -> String {
    // 0000-01-01 and 9999-12-30: four digits for the year, and within what jiff can hold.
    let shown = unix_millis.clamp(-62_167_219_200_000, 253_402_127_999_999);
    let time = Timestamp::from_millisecond(shown).unwrap_or(Timestamp::UNIX_EPOCH);
    let civil = time.to_zoned(TimeZone::UTC).datetime();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second(),
        civil.millisecond(),
    )
}

/// Reads an ISO 8601 time as Unix milliseconds. Without a zone it is taken as UTC; a date alone is its midnight.
#[must_use]
pub fn millis_from_iso(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(floor_to_millis(time));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    civil
        .to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| floor_to_millis(zoned.timestamp()))
}

fn floor_to_millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1_000_000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_look_as_javascript_writes_them() {
        assert_eq!(iso_from_millis(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            iso_from_millis(1_795_334_299_066),
            "2026-11-22T07:58:19.066Z"
        );
        assert_eq!(
            millis_from_iso("2026-05-19T08:00:01Z"),
            Some(1_779_177_601_000)
        );
        assert_eq!(
            millis_from_iso("2026-05-19T10:00:01.0009+02:00"),
            Some(1_779_177_601_000)
        );
        assert_eq!(millis_from_iso("yesterday"), None);
        assert_eq!(iso_from_millis(i64::MAX).len(), 24);
        assert_eq!(iso_from_millis(i64::MIN).len(), 24);
    }

    proptest! {
        #[test]
        fn a_written_time_reads_back(millis in -62_167_219_200_000_i64..253_402_128_000_000) {
            prop_assert_eq!(millis_from_iso(&iso_from_millis(millis)), Some(millis));
        }

        #[test]
        fn no_text_makes_reading_a_time_panic(text in ".{0,40}") {
            let _ = millis_from_iso(&text);
        }
    }
}
