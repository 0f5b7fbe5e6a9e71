//! Which programs have been here, and in which version, as far as they wrote it down.
//!
//! From what is read anyway (headers, marks, payloads of lock files), and from one small file of each peer beside its sessions:
//! OpenClaw writes the version that last touched its settings, pi the version whose changes it last showed. Nothing is looked
//! for anywhere else. Limit: a peer that wrote neither is seen by its lines alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use latchwork_format::Version;
use latchwork_sys::{FileKind, OpenHow, System, read_at_most};
use latchwork_transcript::Examined;
use serde_json::{Map, Value, json};

use super::catalogue::PEERS_SEEN;
use super::finding::Finding;
use super::open::Open;

/// How much of a peer's settings is read, in bytes.
const SETTINGS_BYTES_MAX: usize = 64 << 10;
/// The longest version that is shown, in characters.
const VERSION_CHARS_MAX: usize = 40;
/// Whose file, what it is called, how many folders above the sessions it lies at most, and the field.
const WRITTEN: [(&str, &str, usize, &str); 2] = [
    ("OpenClaw", "openclaw.json", 3, "lastTouchedVersion"),
    ("pi", "settings.json", 2, "lastChangelogVersion"),
];

/// What was seen so far, in one folder and in all.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    newest_ms: i64,
    here: Here,
}

#[derive(Debug, Default)]
struct Here {
    versions: BTreeMap<String, u64>,
    /// Transcripts with lines of ours, and with lines of others.
    writers: (u64, u64),
    /// Lock files of ours, and of peers.
    locks: (u64, u64),
}

impl Seen {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new folder begins.
    pub(super) fn begins(&self) {
        self.facts().here = Here::default();
    }

    /// A transcript was written at this moment.
    pub(super) fn modified(&self, ms: i64) {
        let mut facts = self.facts();
        facts.newest_ms = facts.newest_ms.max(ms);
    }

    pub(super) fn newest_ms(&self) -> i64 {
        self.facts().newest_ms
    }

    /// A lock file was seen.
    pub(super) fn lock_of(&self, is_ours: bool) {
        let locks = &mut self.facts().here.locks;
        if is_ours {
            locks.0 += 1;
        } else {
            locks.1 += 1;
        }
    }

    /// A transcript was looked at.
    pub(super) fn transcript(&self, examined: &Examined) {
        let here = &mut self.facts().here;
        let version = match &examined.version {
            Some(Version::One) => "1".to_owned(),
            Some(Version::Two) => "2".to_owned(),
            Some(Version::Three) => "3".to_owned(),
            Some(Version::Unknown(written)) => short(written),
            None => "none".to_owned(),
        };
        *here.versions.entry(version).or_default() += 1;
        here.writers.0 += u64::from(examined.writers.0);
        here.writers.1 += u64::from(examined.writers.1);
    }

    /// Tells of the folder's peers, if it shows any.
    pub(super) fn tell(&self, system: &System, dir: &Path, opens: &mut Vec<Open>) {
        let found: Vec<_> = WRITTEN
            .iter()
            .filter_map(|peer| written(system, dir, peer))
            .collect();
        let facts = self.facts();
        let here = &facts.here;
        if here.versions.is_empty() && found.is_empty() && here.locks == (0, 0) {
            return;
        }
        let mut words: Vec<String> = found
            .iter()
            .map(|(peer, version, path)| format!("{peer} {version:?} (by {path:?})"))
            .collect();
        let formats: Vec<String> = here
            .versions
            .iter()
            .map(|(version, count)| format!("{version:?} in {count}"))
            .collect();
        words.push(format!("versions of the format: {}", formats.join(", ")));
        words.push(format!(
            "{} transcripts with lines of ours, {} with lines of others",
            here.writers.0, here.writers.1
        ));
        let peers: Map<String, Value> = found
            .iter()
            .map(|(peer, version, path)| {
                (
                    (*peer).to_owned(),
                    json!({ "version": version, "path": path.to_string_lossy() }),
                )
            })
            .collect();
        let formats: Map<String, Value> = here
            .versions
            .iter()
            .map(|(version, count)| (version.clone(), (*count).into()))
            .collect();
        let finding = Finding::new(&PEERS_SEEN, words.join("; "))
            .at(dir)
            .fact("peers", peers)
            .fact("formatVersions", formats)
            .fact("transcriptsWithLinesOfOurs", here.writers.0)
            .fact("transcriptsWithLinesOfOthers", here.writers.1)
            .fact("lockFilesOfOurs", here.locks.0)
            .fact("lockFilesOfPeers", here.locks.1);
        opens.push(Open::told(finding));
    }
}

type Written = (&'static str, String, PathBuf);

fn written(
    system: &System,
    dir: &Path,
    peer: &(&'static str, &str, usize, &str),
) -> Option<Written> {
    let (peer, name, above, field) = *peer;
    let path = dir
        .ancestors()
        .skip(1)
        .take(above)
        .map(|above| above.join(name))
        .find(|path| {
            system
                .disk
                .facts(path)
                .is_ok_and(|facts| facts.kind == FileKind::Regular)
        })?;
    let file = system.disk.open(&path, &OpenHow::reading()).ok()?;
    let bytes = read_at_most(&*file, SETTINGS_BYTES_MAX).ok()?;
    let version = field_of(&String::from_utf8_lossy(&bytes), field)?;
    Some((peer, version, path))
}

/// The text behind a field's name, whatever else stands in the file: it is JSON5, and may be cut.
fn field_of(text: &str, field: &str) -> Option<String> {
    let (_, rest) = text.split_once(field)?;
    let rest = rest
        .trim_start_matches(['"', '\''])
        .trim_start()
        .strip_prefix(':')?
        .trim_start();
    let quote = rest
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let (value, _) = rest.get(1..)?.split_once(quote)?;
    Some(short(value)).filter(|value| !value.is_empty())
}

fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(VERSION_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::field_of;
    use proptest::prelude::*;

    #[test]
    fn a_version_is_found_in_json_and_in_json5_and_nowhere_else() {
        let of = |text: &str| field_of(text, "lastTouchedVersion");
        assert_eq!(
            of(r#"{"meta": {"lastTouchedVersion": "2026.5.18"}}"#),
            Some("2026.5.18".to_owned())
        );
        assert_eq!(
            of("{meta: {lastTouchedVersion: '2026.5.18', // cut"),
            Some("2026.5.18".to_owned())
        );
        for none in [
            "{}",
            "lastTouchedVersion",
            "lastTouchedVersion: 7",
            "lastTouchedVersion: \"x",
            "lastTouchedVersion:\"\"",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}f\\PC{0,20}") {
            let _ = field_of(&text, "f");
        }
    }
}
