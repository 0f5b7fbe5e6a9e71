//! What can be set about maintenance: OpenClaw's `session.maintenance`, and an age floor of ours.

use serde_json::Value;

const DAY_MS: i64 = 86_400_000;

/// What maintenance does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaintenanceMode {
    /// It says what would go. OpenClaw's documentation calls this the default; its code enforces.
    #[default]
    Warn,
    /// What is to go goes.
    Enforce,
}

impl MaintenanceMode {
    /// As it is spelled.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

/// What can be set about maintenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceOptions {
    /// What it does.
    pub mode: MaintenanceMode,
    /// Rows that were not changed for so long go; milliseconds.
    pub prune_after_ms: i64,
    /// How many rows stay.
    pub max_entries: usize,
    /// How long the transcripts of sessions that were reset are kept; milliseconds; `None`: for ever.
    pub reset_archive_retention_ms: Option<i64>,
    /// How much room the folder may take, in bytes; `None`: any.
    pub max_disk_bytes: Option<u64>,
    /// Down to where it is brought when it takes more, in bytes.
    pub high_water_bytes: Option<u64>,
    /// Nothing younger goes; milliseconds.
    pub age_floor_ms: i64,
}

impl Default for MaintenanceOptions {
    fn default() -> Self {
        Self {
            mode: MaintenanceMode::default(),
            prune_after_ms: 30 * DAY_MS,
            max_entries: 500,
            reset_archive_retention_ms: Some(30 * DAY_MS),
            max_disk_bytes: None,
            high_water_bytes: None,
            age_floor_ms: 3_600_000,
        }
    }
}

impl MaintenanceOptions {
    /// What OpenClaw's `session.maintenance` says; a value that is not understood is as if it were not there, and is told.
    #[must_use]
    pub fn of_openclaw(section: &Value) -> (Self, Vec<String>) {
        let (mut options, mut told) = (Self::default(), Vec::new());
        let mut bad = |name: &str, must: &str| {
            told.push(format!("session.maintenance.{name} must be {must}"));
        };
        match section.get("mode").map(Value::as_str) {
            None => {}
            Some(Some("enforce")) => options.mode = MaintenanceMode::Enforce,
            Some(Some("warn")) => options.mode = MaintenanceMode::Warn,
            Some(_) => bad("mode", "warn or enforce"),
        }
        let prune = section
            .get("pruneAfter")
            .or_else(|| section.get("pruneDays"));
        match prune.map(duration_ms) {
            None => {}
            Some(Some(ms)) => options.prune_after_ms = ms,
            Some(None) => bad("pruneAfter", "a time such as 30d"),
        }
        match section.get("maxEntries").map(Value::as_u64) {
            None => {}
            Some(Some(max)) if max > 0 => {
                options.max_entries = usize::try_from(max).unwrap_or(usize::MAX);
            }
            Some(_) => bad("maxEntries", "a whole number above 0"),
        }
        options.reset_archive_retention_ms = Some(options.prune_after_ms);
        match section.get("resetArchiveRetention") {
            None => {}
            Some(Value::Bool(false)) => options.reset_archive_retention_ms = None,
            Some(value) => match duration_ms(value) {
                Some(ms) => options.reset_archive_retention_ms = Some(ms),
                None => bad("resetArchiveRetention", "a time such as 30d, or false"),
            },
        }
        for (name, bytes) in [
            ("maxDiskBytes", &mut options.max_disk_bytes),
            ("highWaterBytes", &mut options.high_water_bytes),
        ] {
            match section.get(name).map(size_bytes) {
                None => {}
                Some(Some(size)) => *bytes = Some(size),
                Some(None) => bad(name, "a size such as 500mb"),
            }
        }
        (options, told)
    }

    /// Down to where the folder is brought: what is set, never above the limit; else four fifths of it.
    #[must_use]
    pub fn water(&self) -> Option<(u64, u64)> {
        let max = self.max_disk_bytes?;
        let fifths = max / 5 * 4 + max % 5 * 4 / 5;
        Some((max, self.high_water_bytes.unwrap_or(fifths).min(max)))
    }

    /// From how many rows on they are capped: not for each one too many.
    #[must_use]
    pub fn cap_from(&self) -> usize {
        let max = self.max_entries;
        if max <= 49 {
            return max.saturating_add(1);
        }
        max.saturating_add(max.div_ceil(10).max(25))
    }
}

/// A time in days where no unit is written.
fn duration_ms(value: &Value) -> Option<i64> {
    let units = [
        ("ms", 1.0),
        ("s", 1e3),
        ("m", 6e4),
        ("h", 3.6e6),
        ("d", 8.64e7),
        ("w", 6.048e8),
    ];
    let ms = quantity(value, &units, 8.64e7)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "beyond the range it saturates"
    )]
    Some(ms as i64)
}

/// A size in bytes where no unit is written.
fn size_bytes(value: &Value) -> Option<u64> {
    let units = [
        ("kib", 1_024.0),
        ("mib", 1_048_576.0),
        ("gib", 1_073_741_824.0),
        ("tib", 1_099_511_627_776.0),
        ("kb", 1_024.0),
        ("mb", 1_048_576.0),
        ("gb", 1_073_741_824.0),
        ("tb", 1_099_511_627_776.0),
        ("k", 1_024.0),
        ("m", 1_048_576.0),
        ("g", 1_073_741_824.0),
        ("t", 1_099_511_627_776.0),
        ("b", 1.0),
    ];
    let bytes = quantity(value, &units, 1.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative; beyond the range it saturates"
    )]
    Some(bytes as u64)
}

fn quantity(value: &Value, units: &[(&str, f64)], default: f64) -> Option<f64> {
    let (number, unit) = match value {
        Value::Number(number) => (number.as_f64()?, default),
        Value::String(text) => {
            let text = text.trim().to_lowercase();
            let unit = units
                .iter()
                .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.to_owned(), *factor)));
            let (digits, factor) = unit.unwrap_or((text, default));
            (digits.trim().parse::<f64>().ok()?, factor)
        }
        _ => return None,
    };
    let amount = number * unit;
    (amount.is_finite() && number >= 0.0).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn openclaws_section_is_read_in_its_units() {
        let section = json!({ "mode": "enforce", "pruneAfter": "12h", "maxEntries": 10, "maxDiskBytes": "1mb", "highWaterBytes": 2_000_000 });
        let (options, told) = MaintenanceOptions::of_openclaw(&section);
        assert!(told.is_empty());
        assert_eq!(options.prune_after_ms, 43_200_000);
        assert_eq!(options.reset_archive_retention_ms, Some(43_200_000));
        assert_eq!(options.water(), Some((1_048_576, 1_048_576)));
        assert_eq!(options.cap_from(), 11);
        let (options, told) = MaintenanceOptions::of_openclaw(
            &json!({ "pruneDays": 7, "resetArchiveRetention": false, "maxEntries": "x", "mode": 1 }),
        );
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(
            (options.prune_after_ms, options.reset_archive_retention_ms),
            (7 * DAY_MS, None)
        );
        assert_eq!(
            (options.max_entries, options.cap_from(), options.mode),
            (500, 550, MaintenanceMode::Warn)
        );
    }

    proptest! {
        #[test]
        fn no_section_makes_us_panic(text in "[0-9a-z. -]{0,12}", number in any::<f64>()) {
            let section = json!({ "pruneAfter": text, "maxDiskBytes": text, "highWaterBytes": number, "maxEntries": number });
            let (options, _) = MaintenanceOptions::of_openclaw(&section);
            prop_assert!(options.water().is_none_or(|(max, high)| high <= max));
        }
    }
}
