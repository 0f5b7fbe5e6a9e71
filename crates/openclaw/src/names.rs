//! What a file beside a store is, by its name.
//!
//! Invariant: what is not known by its name is nobody's here, and is never touched. Deliberately absent: opening anything.

use latchwork_format::time::{iso_from_millis, millis_from_iso};

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileSort {
    /// A session's transcript.
    Transcript,
    /// A copy of a transcript from before a compaction; the id of the checkpoint.
    Checkpoint {
        /// The checkpoint.
        id: String,
    },
    /// What a run did, step by step, or where that is kept.
    Trajectory,
    /// A transcript that was put away.
    Archive {
        /// Why.
        why: ArchiveWhy,
        /// When, in milliseconds since 1970, where the name tells.
        at_ms: Option<i64>,
    },
    /// A copy of the store from before.
    StoreBackup,
    /// A lock file of a transcript.
    Lock,
}

/// Why a transcript was put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveWhy {
    /// Its row was removed.
    Deleted,
    /// Its session was reset.
    Reset,
    /// It is a copy from before a repair.
    Backup,
}

impl ArchiveWhy {
    /// As it is spelled in a name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Reset => "reset",
            Self::Backup => "bak",
        }
    }
}

const ENDING: &str = ".jsonl";

/// The session stem that a file belongs to, and what it is; `None` for any other name. `store` is the name of the store.
#[must_use]
pub fn sort_of<'n>(name: &'n str, store: &str) -> Option<(&'n str, FileSort)> {
    if name.starts_with('.') {
        return None;
    }
    if let Some(rest) = name.strip_prefix(store) {
        let is_backup = rest
            .strip_prefix(".bak")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        return is_backup.then_some((store_stem(name), FileSort::StoreBackup));
    }
    let (stem, sort) = if let Some(stem) = name.strip_suffix(".jsonl.lock") {
        (stem, FileSort::Lock)
    } else if let Some(stem) = name.strip_suffix(".trajectory.jsonl") {
        (stem, FileSort::Trajectory)
    } else if let Some(stem) = name.strip_suffix(".trajectory-path.json") {
        (stem, FileSort::Trajectory)
    } else if let Some(stem) = name.strip_suffix(ENDING) {
        match stem.rsplit_once(".checkpoint.") {
            Some((stem, id)) if !id.is_empty() => (stem, FileSort::Checkpoint { id: id.into() }),
            _ => (stem, FileSort::Transcript),
        }
    } else {
        archive(name)?
    };
    (!stem.is_empty()).then_some((stem, sort))
}

fn store_stem(name: &str) -> &str {
    name.split(".bak").next().unwrap_or(name)
}

fn archive(name: &str) -> Option<(&str, FileSort)> {
    for why in [ArchiveWhy::Deleted, ArchiveWhy::Reset, ArchiveWhy::Backup] {
        let middle = format!("{ENDING}.{}.", why.name());
        if let Some((stem, stamp)) = name.split_once(&middle) {
            let at_ms = stamp_read(stamp);
            return Some((stem, FileSort::Archive { why, at_ms }));
        }
    }
    None
}

/// The name under which a transcript is put away. A number above 0 tells archives of one moment apart.
#[must_use]
pub fn archive_name(transcript: &str, why: ArchiveWhy, at_ms: i64, number: u32) -> String {
    let stamp = iso_from_millis(at_ms.saturating_add(i64::from(number))).replace(':', "-");
    format!("{transcript}.{}.{stamp}", why.name())
}

/// `2026-05-19T08-00-00.000Z`, as OpenClaw writes it: an ISO time whose colons are dashes.
fn stamp_read(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.split_once('T')?;
    millis_from_iso(&format!("{date}T{}", time.replace('-', ":")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_known_and_others_are_nobodys() {
        let sort = |name| sort_of(name, "sessions.json");
        assert_eq!(sort("a.jsonl"), Some(("a", FileSort::Transcript)));
        assert_eq!(
            sort("a-topic-1.jsonl"),
            Some(("a-topic-1", FileSort::Transcript))
        );
        let checkpoint = FileSort::Checkpoint { id: "c".into() };
        assert_eq!(sort("a.checkpoint.c.jsonl"), Some(("a", checkpoint)));
        assert_eq!(
            sort("a.trajectory.jsonl"),
            Some(("a", FileSort::Trajectory))
        );
        assert_eq!(
            sort("a.trajectory-path.json"),
            Some(("a", FileSort::Trajectory))
        );
        assert_eq!(sort("a.jsonl.lock"), Some(("a", FileSort::Lock)));
        let reset = FileSort::Archive {
            why: ArchiveWhy::Reset,
            at_ms: Some(1_779_177_600_000),
        };
        assert_eq!(
            sort("a.jsonl.reset.2026-05-19T08-00-00.000Z"),
            Some(("a", reset))
        );
        assert!(matches!(
            sort("sessions.json.bak.2"),
            Some((_, FileSort::StoreBackup))
        ));
        for other in [
            "sessions.json",
            "sessions.json.lock",
            ".x.jsonl",
            ".latchwork",
            ".jsonl",
            "notes.txt",
            "a.jsonl.tmp",
        ] {
            assert_eq!(sort(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn an_archive_is_known_by_the_name_that_it_gets(stem in "[a-z0-9][a-z0-9._-]{0,30}", at_ms in 0..4_000_000_000_000_i64, number in 0..9_u32) {
            let name = archive_name(&format!("{stem}.jsonl"), ArchiveWhy::Deleted, at_ms, number);
            let sort = FileSort::Archive { why: ArchiveWhy::Deleted, at_ms: Some(at_ms + i64::from(number)) };
            prop_assume!(!stem.contains(".jsonl."));
            prop_assert_eq!(sort_of(&name, "sessions.json"), Some((stem.as_str(), sort)));
        }

        #[test]
        fn no_name_makes_us_panic(name in "\\PC{0,60}") {
            let _ = sort_of(&name, "sessions.json");
        }
    }
}
