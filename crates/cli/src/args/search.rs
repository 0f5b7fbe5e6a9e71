//! What may be typed after `sessions search`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use latchwork::SessionArg;
use latchwork::config::Millis;
use latchwork::format::time::millis_from_iso;
use latchwork::search::Voice;

/// `sessions search`.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Words that must all be there; "words in a row", begin*, this OR that, -without. Quote it for your shell, or write -- first.
    #[arg(value_name = "QUERY", required = true)]
    pub(crate) query: Vec<String>,
    /// At most so many hits.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) limit: u16,
    /// Only this session: a key, or the path of a transcript.
    #[arg(long, value_name = "SESSION|PATH")]
    pub(crate) session: Option<SessionArg>,
    /// Only what this one says.
    #[arg(long, value_name = "ROLE", value_enum)]
    pub(crate) role: Option<Said>,
    /// Only what was said since: a date or time (UTC), or how long ago (90min, 12h, 7d).
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<Since>,
    /// A folder of transcripts, of pi or OpenClaw, in place of the home's sessions; nothing is written there.
    #[arg(long, value_name = "PATH")]
    pub(crate) dir: Option<PathBuf>,
    /// Make the index anew first.
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `--role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Said {
    /// People.
    User,
    /// The model.
    Assistant,
    /// What tools answered.
    Tool,
}

impl From<Said> for Voice {
    fn from(said: Said) -> Self {
        match said {
            Said::User => Voice::User,
            Said::Assistant => Voice::Assistant,
            Said::Tool => Voice::Tool,
        }
    }
}

/// `--since`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// So many milliseconds ago.
    Ago(i64),
    /// At this time, in Unix milliseconds.
    At(i64),
}

impl Since {
    /// In Unix milliseconds.
    pub(crate) const fn at(self, now_ms: i64) -> i64 {
        match self {
            Since::Ago(millis) => now_ms.saturating_sub(millis),
            Since::At(at) => at,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let whole = format!("{text}T00:00:00Z");
        if let Some(at) = millis_from_iso(text).or_else(|| millis_from_iso(&whole)) {
            return Ok(Self::At(at));
        }
        // A plain number could be a year as well as a time: it is neither.
        let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
        match text.parse::<Millis<0, { i64::MAX as u64 }>>() {
            Ok(span) if has_unit => Ok(Self::Ago(i64::try_from(span.get()).unwrap_or(i64::MAX))),
            _ => Err("it must be a date (2026-01-31), a time (2026-01-31T12:00:00Z), or how long ago (12h, 7d)".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Since;

    #[test]
    fn since_is_a_date_a_time_or_how_long_ago() {
        assert_eq!("1970-01-02".parse(), Ok(Since::At(86_400_000)));
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(Since::At(1_000)));
        assert_eq!("7d".parse(), Ok(Since::Ago(604_800_000)));
        assert_eq!(Since::Ago(5).at(20), 15);
        for wrong in ["", "2026", "yesterday", "-1d", "9999999999999999999d"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }
}
