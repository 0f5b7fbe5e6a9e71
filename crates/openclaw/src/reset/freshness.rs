//! Whether a session is over by itself: a day has begun since it did, or nobody spoke for too long; what comes first counts.
//!
//! Pure: the present and the time zone are given. Times that lie in the future, or before 1970, are as if they were not there.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use latchwork_format::time::millis_from_iso;

use crate::reset::policy::{ResetMode, ResetPolicy};
use crate::row::Entry;

/// What came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody spoke.
    Message,
    /// The system itself: a heartbeat, a scheduled job, the end of a command. It goes on with the session, and nobody has spoken.
    System,
}

/// When a session began, and when somebody last spoke; milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// By its row.
    pub started: Option<i64>,
    /// By the header of its transcript, if that is of this session.
    pub header: Option<i64>,
    /// When somebody last spoke.
    pub last_interaction: Option<i64>,
    /// When the row was changed last.
    pub updated: Option<i64>,
}

impl Times {
    /// The times of a row, and of the header of its transcript: the session that it names, and its time.
    #[must_use]
    pub fn of(entry: &Entry, header: Option<(&str, &str)>) -> Self {
        let of_this = header.filter(|(id, _)| *id == entry.session_id);
        Self {
            started: entry.session_started_at,
            header: of_this.and_then(|(_, time)| millis_from_iso(time)),
            last_interaction: entry.last_interaction_at,
            updated: entry.updated_at,
        }
    }
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A day has begun since.
    Day,
    /// Nobody spoke for too long.
    Idle,
}

/// Whether a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Freshness {
    /// Why it is over, if it is.
    pub over: Option<Over>,
    /// When the present day began, if days count; milliseconds since 1970.
    pub day_began: Option<i64>,
    /// When it is over for idleness, if that counts; milliseconds since 1970.
    pub idle_at: Option<i64>,
}

/// Whether a session is over at `now_ms` in this time zone. A session that a provider keeps by itself (`provider_owned`) is over only by what
/// somebody set.
#[must_use]
pub fn freshness(
    times: &Times,
    policy: &ResetPolicy,
    event: Event,
    provider_owned: bool,
    now_ms: i64,
    zone: &TimeZone,
) -> Freshness {
    let past = |time: Option<i64>| time.filter(|time| (0..=now_ms).contains(time));
    let updated = past(times.updated).unwrap_or(0);
    let started = past(times.started)
        .or(past(times.header))
        .unwrap_or(updated);
    let spoken = past(times.last_interaction).unwrap_or(started);
    let daily = policy.mode == ResetMode::Daily;
    let day_began = daily
        .then(|| day_began(now_ms, policy.at_hour, zone))
        .flatten();
    let minutes = policy.idle_minutes.filter(|minutes| *minutes > 0);
    let idle_at = minutes.map(|minutes| {
        let idle_ms = i64::try_from(minutes)
            .unwrap_or(i64::MAX)
            .saturating_mul(60_000);
        spoken.saturating_add(idle_ms)
    });
    let by_day = day_began.filter(|day| started < *day);
    let by_idle = idle_at.filter(|idle| now_ms > *idle);
    let over = match (by_day, by_idle) {
        (Some(day), Some(idle)) if idle < day => Some(Over::Idle),
        (Some(_), _) => Some(Over::Day),
        (None, Some(_)) => Some(Over::Idle),
        (None, None) => None,
    };
    let spared = event == Event::System || (provider_owned && !policy.configured);
    Freshness {
        over: over.filter(|_| !spared),
        day_began,
        idle_at,
    }
}

/// The last time that it was this hour there. Where a clock was put forward over it, the first moment after.
fn day_began(now_ms: i64, hour: i8, zone: &TimeZone) -> Option<i64> {
    let now = Timestamp::from_millisecond(now_ms).ok()?;
    let today = now.to_zoned(zone.clone()).date();
    let begins = |date: jiff::civil::Date| {
        let zoned = date.at(hour, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    };
    let at = begins(today)?;
    if at <= now_ms {
        return Some(at);
    }
    begins(today.checked_sub(1.day()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Central Europe, with its summer time.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn daily(hour: i8, idle_minutes: Option<u64>) -> ResetPolicy {
        ResetPolicy {
            mode: ResetMode::Daily,
            at_hour: hour,
            idle_minutes,
            configured: true,
        }
    }

    fn over(started: &str, now: &str, policy: &ResetPolicy) -> Option<Over> {
        let times = Times {
            started: Some(at(started)),
            ..Times::default()
        };
        freshness(&times, policy, Event::Message, false, at(now), &berlin()).over
    }

    #[test]
    fn a_day_begins_at_its_hour_there() {
        // 4 h in summer is 2 h UTC.
        let policy = daily(4, None);
        assert_eq!(
            over("2026-07-01T01:59:59Z", "2026-07-01T02:00:00Z", &policy),
            Some(Over::Day)
        );
        assert_eq!(
            over("2026-07-01T02:00:00Z", "2026-07-02T01:59:59Z", &policy),
            None
        );
        assert_eq!(
            over("2026-07-01T01:00:00Z", "2026-07-01T01:30:00Z", &policy),
            None
        );
        // The night without 2 h to 3 h, and the one in which that hour comes twice.
        let gap = daily(2, None);
        assert_eq!(
            over("2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z", &gap),
            Some(Over::Day)
        );
        assert_eq!(
            over("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", &gap),
            None
        );
    }

    #[test]
    fn what_comes_first_ends_it_and_idleness_alone_knows_no_day() {
        let both = daily(4, Some(60));
        assert_eq!(
            over("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z", &both),
            None
        );
        assert_eq!(
            over("2026-07-01T10:00:00Z", "2026-07-01T11:00:01Z", &both),
            Some(Over::Idle)
        );
        assert_eq!(
            over("2026-07-01T01:30:00Z", "2026-07-01T02:10:00Z", &both),
            Some(Over::Day)
        );
        let idle = ResetPolicy {
            mode: ResetMode::Idle,
            idle_minutes: Some(0),
            ..both
        };
        assert_eq!(
            over("2020-07-01T10:00:00Z", "2026-07-01T11:00:01Z", &idle),
            None
        );
    }

    #[test]
    fn a_time_in_the_future_and_a_header_of_another_session_count_for_nothing() {
        let now = at("2026-07-01T12:00:00Z");
        let entry = Entry {
            session_id: "a".into(),
            session_started_at: Some(now + 1),
            last_interaction_at: Some(now + 1),
            updated_at: Some(at("2026-06-30T12:00:00Z")),
            ..Entry::default()
        };
        let look = |header, event, owned, policy: &ResetPolicy| {
            let times = Times::of(&entry, header);
            freshness(&times, policy, event, owned, now, &berlin()).over
        };
        let policy = daily(4, None);
        let today = "2026-07-01T09:00:00.000Z";
        assert_eq!(
            look(Some(("a", today)), Event::Message, false, &policy),
            None
        );
        assert_eq!(
            look(Some(("b", today)), Event::Message, false, &policy),
            Some(Over::Day)
        );
        assert_eq!(look(None, Event::System, false, &policy), None);
        assert_eq!(look(None, Event::Message, true, &policy), Some(Over::Day));
        let unset = ResetPolicy {
            configured: false,
            ..policy
        };
        assert_eq!(look(None, Event::Message, true, &unset), None);
    }

    proptest! {
        #[test]
        fn no_times_make_us_panic_and_a_day_began_within_the_last_25_hours(
            now in 0..200_000_000_000_000_i64, started in any::<Option<i64>>(), last in any::<Option<i64>>(),
            hour in 0..24_i8, idle in any::<Option<u64>>(),
        ) {
            let times = Times { started, last_interaction: last, header: last, updated: started };
            let fresh = freshness(&times, &daily(hour, idle), Event::Message, false, now, &berlin());
            if let Some(day) = fresh.day_began {
                prop_assert!(day <= now && now - day <= 25 * 3_600_000, "{day} {now}");
            }
        }
    }
}
