//! The setting `log`: what is logged on standard error, in the words of `tracing`.
//!
//! What was written is not repeated, as it may be a secret at the wrong place.

use latchwork::Settings;
use latchwork::config::{ConfigError, Fault, Key, Resolved, nearest};
use tracing_subscriber::EnvFilter;

const LOG: &str = "log";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The filter that is set; `None` where nothing is to be logged.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(crate) fn filter(settings: &Settings) -> Result<Option<EnvFilter>, String> {
    let Some(wanted) = settings
        .log
        .as_deref()
        .filter(|wanted| !wanted.trim().is_empty())
    else {
        return Ok(None);
    };
    let parsed = EnvFilter::try_new(wanted);
    let parts: Vec<&str> = wanted.split(',').map(str::trim).collect();
    // A level that is mistyped reads as the name of a part of the program, and nothing would be logged.
    let mut slips = parts.iter().enumerate().filter_map(|(place, part)| {
        let level = part.rsplit_once('=').map_or(*part, |(_, level)| level);
        let is_level = LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level));
        let near = nearest(&level.to_lowercase(), LEVELS).filter(|_| !is_level)?;
        Some((place, near))
    });
    match (parsed, slips.next()) {
        (Ok(filter), None) => Ok(Some(filter)),
        (_, Some((place, near))) => Err(wrong(place, &format!("; did you mean `{near}`?"))),
        (Err(_), None) => {
            let bad = parts
                .iter()
                .position(|part| EnvFilter::try_new(part).is_err());
            Err(wrong(bad.unwrap_or(0), ""))
        }
    }
}

fn wrong(place: usize, meant: &str) -> String {
    format!(
        "number {} of its parts is no filter of logs{meant}; write a level ({}) or TARGET=LEVEL, several with commas between",
        place + 1,
        LEVELS.join(", ")
    )
}

/// The settings, if what is to be logged is understood.
///
/// # Errors
/// What is wrong with the setting, with its place.
pub(crate) fn understood(resolved: Resolved<Settings>) -> Result<Resolved<Settings>, ConfigError> {
    match (filter(&resolved.value), resolved.origin(LOG)) {
        (Err(why), Some(origin)) => Err(ConfigError {
            faults: vec![Fault::Invalid {
                origin: origin.clone(),
                key: Key::from(LOG),
                why,
            }],
        }),
        _ => Ok(resolved),
    }
}

#[cfg(test)]
mod tests {
    use super::filter;
    use latchwork::Settings;

    fn told(log: &str) -> Option<String> {
        let settings = Settings {
            log: Some(log.to_owned()),
            ..Settings::default()
        };
        filter(&settings).err()
    }

    #[test]
    fn a_level_that_is_mistyped_is_answered_with_the_level_and_a_part_of_the_program_is_none() {
        for (log, words) in [
            (
                "debgu",
                "number 1 of its parts is no filter of logs; did you mean `debug`?",
            ),
            (
                "info,latchwork=trcae",
                "number 2 of its parts is no filter of logs; did you mean `trace`?",
            ),
            ("info,sk-canary=", ""),
            (
                "latchwork=sk-canary",
                "number 1 of its parts is no filter of logs; write a level (off, error, warn, info, debug, trace)",
            ),
        ] {
            let told = told(log);
            assert!(
                words.is_empty() || told.as_deref().is_some_and(|told| told.starts_with(words)),
                "{log}: {told:?}"
            );
            assert!(!told.unwrap_or_default().contains("canary"), "{log}");
        }
        for log in [
            "",
            " ",
            "DEBUG",
            "latchwork=trace",
            "warn,latchwork_sys=off",
            "latchwork",
            "[turn{session=a}]=debug",
        ] {
            assert_eq!(told(log), None, "{log}");
        }
    }
}
