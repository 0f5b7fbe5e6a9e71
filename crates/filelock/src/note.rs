//! Who holds something, written into the file that is locked: for people, and for messages to them.
//!
//! A note decides nothing; the kernel does. (The one exception: the nonce by which those who inherit a lock are told whether
//! it still stands; see `joined`.) It is written over in place, always at the same length, since nothing is ever truncated;
//! so it may outlive its writer and must be read with the lock in mind.

use latchwork_lock::{Holder, Phase};
use latchwork_sys::{DiskFile, FileFacts, Liveness, ProcessIdentity, System, read_at_most};
use serde::{Deserialize, Serialize};

use crate::locked::OpenFile;
use crate::peer::NOT_SEEN;

/// Length of a written note in bytes, with its newline.
pub(crate) const WIDTH: usize = 512;
/// Most that is read of a file that somebody else may have written.
const READ_LIMIT: usize = 4_096;
/// Longest text taken over from outside (a phase, a host), in characters.
const LONGEST_TEXT: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Note {
    pub(crate) pid: u32,
    pub(crate) host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phase: Option<String>,
    pub(crate) since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starttime: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) boot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid_ns: Option<u64>,
    /// Stands here for as long as a lock that was handed down to a command may be joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
}

/// A note that this process has written, and what the file looked like then.
///
/// Who takes one session again and again need not write the same note each time: as long as nobody has written since and
/// the note is [fresh](NOTE_FRESH_MS), it still says who holds the file, and since when to within that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    phase: Phase,
    at_ms: i64,
    modified: (i64, u32),
}

/// How long a note may be used again, in milliseconds.
const NOTE_FRESH_MS: u64 = 200;

impl Noted {
    /// Whether nobody has written into the file since.
    pub(crate) fn is_last(&self, found: &FileFacts) -> bool {
        self.modified == stamp(found)
    }

    /// Whether the note is still in the file, to judge by `found`, and good enough for `phase`.
    fn serves(&self, found: &FileFacts, phase: &Phase, now_ms: i64) -> bool {
        self.phase == *phase && self.is_last(found) && now_ms.abs_diff(self.at_ms) < NOTE_FRESH_MS
    }
}

fn stamp(facts: &FileFacts) -> (i64, u32) {
    (facts.modified_ms, facts.modified_nanos)
}

/// Says in a latch that is held, and that looks like `found`, who holds it. `true` if that stood there already.
pub(crate) fn note_holder(
    latch: &mut OpenFile,
    found: &FileFacts,
    phase: &Phase,
    system: &System,
) -> bool {
    let now_ms = system.clock.wall_ms();
    if latch
        .noted
        .as_ref()
        .is_some_and(|noted| noted.serves(found, phase, now_ms))
    {
        return true;
    }
    let note = Note::of(system.processes.own(), Some(phase.as_str()), iso(now_ms));
    note.write_to(&**latch.get());
    latch.noted = latch.get().facts().ok().map(|facts| Noted {
        phase: phase.clone(),
        at_ms: now_ms,
        modified: stamp(&facts),
    });
    false
}

/// The process that has written the note has written something else into the file since.
pub(crate) fn still_stands(latch: &mut OpenFile) {
    let facts = latch.get().facts();
    if let (Some(noted), Ok(facts)) = (&mut latch.noted, facts) {
        noted.modified = stamp(&facts);
    }
}

impl Note {
    pub(crate) fn of(own: ProcessIdentity, phase: Option<&str>, since: String) -> Self {
        Self {
            pid: own.pid,
            host: short(&own.host),
            phase: phase.map(short),
            since,
            starttime: own.starttime,
            boot_id: own.boot_id,
            pid_ns: own.pid_namespace,
            nonce: None,
        }
    }

    /// Writes the note over whatever note was there. Best effort: it is for people.
    pub(crate) fn write_to(&self, file: &dyn DiskFile) {
        if let Some(line) = self.line() {
            let _ = file.write_at(&line, 0);
        }
    }

    /// Writes the note where others rely on it. Where it is too long, the words in it are left out.
    pub(crate) fn write_surely_to(&self, file: &dyn DiskFile) -> std::io::Result<()> {
        let plain = || Self {
            host: String::new(),
            phase: None,
            ..self.clone()
        };
        let line = self.line().or_else(|| plain().line());
        let line = line.ok_or(std::io::ErrorKind::InvalidData)?;
        if file.write_at(&line, 0)? < line.len() {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }

    /// One line, padded so that it covers any older note.
    fn line(&self) -> Option<Vec<u8>> {
        let mut line = serde_json::to_vec(self).ok()?;
        if line.len() >= WIDTH {
            return None;
        }
        line.resize(WIDTH - 1, b' ');
        line.push(b'\n');
        Some(line)
    }

    pub(crate) fn read_from(file: &dyn DiskFile) -> Option<Self> {
        let bytes = read_at_most(file, READ_LIMIT).ok()?;
        let line = bytes.split(|byte| *byte == b'\n').next()?;
        serde_json::from_slice(line).ok()
    }

    /// The writer of the note in words, with what can be seen of its process now.
    pub(crate) fn holder(&self, system: &System) -> Holder {
        let mut holder = Holder::process(self.pid);
        holder.host = Some(self.host.clone());
        holder.phase = self.phase.clone();
        holder.since = Some(self.since.clone());
        let own = system.processes.own();
        if self.pid_ns == own.pid_namespace && self.boot_id == own.boot_id {
            add_what_is_seen(&mut holder, system, self.pid, self.starttime);
        } else if self.boot_id == own.boot_id {
            holder.state = Some(NOT_SEEN.to_owned());
        }
        holder
    }

    /// Whether the writer is known to have ended: seen from its own pid namespace, or from a later boot.
    pub(crate) fn is_surely_dead(&self, system: &System) -> bool {
        let own = system.processes.own();
        if self.boot_id.is_some() && own.boot_id.is_some() && self.boot_id != own.boot_id {
            return true;
        }
        if self.pid_ns != own.pid_namespace {
            return false;
        }
        match system.processes.look(self.pid) {
            Liveness::Alive { starttime, .. } => {
                starttime.is_some() && self.starttime.is_some() && starttime != self.starttime
            }
            _ => true,
        }
    }
}

/// Adds state and command, unless the pid was given to another process since.
pub(crate) fn add_what_is_seen(holder: &mut Holder, system: &System, pid: u32, since: Option<u64>) {
    match system.processes.look(pid) {
        Liveness::Alive {
            state,
            starttime,
            command,
        } if since.is_none() || starttime.is_none() || starttime == since => {
            holder.state = Some(state_in_words(state));
            if !command.is_empty() {
                let line = command.join(" ");
                holder.command = Some(line.chars().take(200).collect());
            }
        }
        Liveness::Alive { .. } | Liveness::Dead => holder.state = Some("ended".to_owned()),
        Liveness::Zombie => holder.state = Some("Z (ended)".to_owned()),
        _ => {}
    }
}

fn state_in_words(state: char) -> String {
    match state {
        'T' | 't' => format!("{state} (stopped)"),
        '?' => "alive".to_owned(),
        other => other.to_string(),
    }
}

fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_TEXT)
        .collect()
}

/// A moment of the wall clock as `2026-05-19T08:12:44.102Z`.
pub(crate) fn iso(wall_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(wall_ms).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The moment of the wall clock that a text names, in milliseconds since 1970.
pub(crate) fn from_iso(text: &str) -> Option<i64> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(moment.as_millisecond())
}

#[cfg(test)]
mod tests {
    use latchwork_sys::OpenHow;
    use proptest::prelude::*;

    use super::*;

    fn note() -> Note {
        let system = System::real();
        Note::of(
            system.processes.own(),
            Some("record"),
            iso(system.clock.wall_ms()),
        )
    }

    #[test]
    fn moments_are_written_as_peers_write_them() {
        assert_eq!(iso(1_779_178_364_102), "2026-05-19T08:12:44.102Z");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            from_iso("2026-05-19T08:12:44.102Z"),
            Some(1_779_178_364_102)
        );
        assert_eq!(from_iso("yesterday"), None);
    }

    #[test]
    fn a_short_note_covers_a_longer_one() {
        let dir = tempfile::tempdir().unwrap();
        let system = System::real();
        let how = OpenHow::updating().or_create();
        let file = system.disk.open(&dir.path().join("n"), &how).unwrap();
        let long = Note {
            phase: Some("p".repeat(LONGEST_TEXT)),
            ..note()
        };
        long.write_to(&*file);
        assert_eq!(Note::read_from(&*file), Some(long));
        note().write_to(&*file);
        let read = Note::read_from(&*file).unwrap();
        assert_eq!(read.phase.as_deref(), Some("record"));
        assert_eq!(file.facts().unwrap().size, WIDTH as u64);
    }

    #[test]
    fn a_nonce_is_written_though_the_words_beside_it_are_too_long() {
        let dir = tempfile::tempdir().unwrap();
        let system = System::real();
        let how = OpenHow::updating().or_create();
        let file = system.disk.open(&dir.path().join("n"), &how).unwrap();
        let long = Note {
            phase: Some("\u{1f512}".repeat(LONGEST_TEXT)),
            host: "\u{1f512}".repeat(LONGEST_TEXT),
            nonce: Some("0".repeat(32)),
            ..note()
        };
        assert_eq!(long.line(), None);
        long.write_surely_to(&*file).unwrap();
        let read = Note::read_from(&*file).unwrap();
        assert_eq!((read.nonce, read.pid), (long.nonce, long.pid));
    }

    #[test]
    fn a_note_is_not_written_again_until_it_is_old_or_somebody_has_written_another() {
        let dir = tempfile::tempdir().unwrap();
        let (system, path) = (System::real(), dir.path().join("n"));
        let how = OpenHow::updating().or_create();
        let open = || OpenFile::new(system.disk.open(&path, &how).unwrap().into());
        let (mut ours, other) = (open(), open());
        let say = |file: &mut OpenFile, phase| {
            let found = system.disk.facts(&path).unwrap();
            note_holder(file, &found, &phase, &system);
            Note::read_from(&**file.get()).unwrap()
        };
        let first = say(&mut ours, Phase::RECORD);
        assert_eq!(first.phase.as_deref(), Some("record"));
        let stamped = system.disk.facts(&path).unwrap();
        say(&mut ours, Phase::RECORD);
        assert_eq!(
            system.disk.facts(&path).unwrap(),
            stamped,
            "nothing was written"
        );

        std::thread::sleep(std::time::Duration::from_millis(10));
        Note::default().write_to(&**other.get());
        assert_eq!(say(&mut ours, Phase::RECORD).pid, std::process::id());
        assert_eq!(
            say(&mut ours, Phase::SETTLE).phase.as_deref(),
            Some("settle")
        );

        std::thread::sleep(std::time::Duration::from_millis(NOTE_FRESH_MS + 10));
        let later = say(&mut ours, Phase::SETTLE);
        assert!(later.since > first.since);
    }

    #[test]
    fn only_a_process_that_can_be_judged_is_surely_dead() {
        let system = System::real();
        let alive = note();
        assert!(!alive.is_surely_dead(&system));
        let other_start = Note {
            starttime: Some(1),
            ..note()
        };
        assert!(other_start.is_surely_dead(&system));
        let unseen = Note {
            pid_ns: Some(1),
            ..other_start
        };
        assert!(
            !unseen.is_surely_dead(&system),
            "another pid namespace cannot be judged"
        );
        let earlier = Note {
            boot_id: Some("earlier".to_owned()),
            ..unseen
        };
        assert!(earlier.is_surely_dead(&system));
    }

    proptest! {
        #[test]
        fn no_phase_or_host_makes_a_note_too_long_or_two_lines(phase in any::<String>(), host in any::<String>()) {
            let own = ProcessIdentity { host, ..System::real().processes.own() };
            let line = Note::of(own, Some(&phase), iso(0)).line().unwrap();
            prop_assert_eq!(line.len(), WIDTH);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        }
    }
}
