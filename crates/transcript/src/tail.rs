//! The end of a transcript, put in order before anything is appended.
//!
//! Nothing is ever truncated: a peer's line may already follow. A tail without a newline is first closed by appending
//! one, then read again. What was cut off is copied to quarantine and its bytes are overwritten with spaces, which every
//! reader skips. Whole objects are never blanked: of a line that they share with a fragment only the fragment is, so that a
//! peer's entry is rescued; where nobody can tell whether an object is a part of the fragment, the line is left as it is.
//! Only the last line and what stands behind the saved head are mended: whoever saved it had looked at everything before. Damage
//! anywhere else is left in place. Runs under the guard only.

use std::path::PathBuf;

use latchwork_format::LineFault;
use latchwork_format::transcript::pieces;
use latchwork_sys::{DiskFile, IoDoing, PathError, System, create_whole, hex_id, make_private_dir};

use crate::head_file;
use crate::layout::Place;
use crate::state::Known;

/// How often a copy is made.
const COPIES_MAX: usize = 8;

/// What was put in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mended {
    /// Where the fragment stood, in bytes from the start of the transcript.
    pub offset: u64,
    /// Its length in bytes.
    pub len: usize,
    /// A copy of its bytes.
    pub kept_in: PathBuf,
    /// A whole entry that was glued to it is readable now.
    pub rescued: bool,
}

/// Why the end was not put in order.
#[derive(Debug)]
pub(crate) enum NotMended<E> {
    /// The disk failed.
    Disk(PathError),
    /// It could not say that what was mended is durable.
    Unsynced(PathError),
    /// What was held is not ours any more.
    NotHeld(E),
}

impl<E> From<PathError> for NotMended<E> {
    fn from(error: PathError) -> Self {
        Self::Disk(error)
    }
}

/// Closes the tail and mends the last lines of what is known to the end. `file` must be opened for appending.
///
/// `held` looks whether what the guard holds is still ours; it is asked before each write.
///
/// # Errors
/// That of the disk, or of `held`; a tail that could not be closed or blanked is found again by the next writer.
pub(crate) fn put_in_order<E>(
    system: &System,
    place: &Place,
    known: &mut Known,
    file: &dyn DiskFile,
    held: &dyn Fn() -> Result<(), NotMended<E>>,
) -> Result<Vec<Mended>, NotMended<E>> {
    if known.outline.pending() > 0 {
        held()?;
        close(file).doing("close the last line of", &place.transcript)?;
        system.steps.reach("tail:closed");
        known.catch_up(system, place, file)?;
    }
    if known.outline.damage().is_empty() {
        return Ok(Vec::new());
    }
    let saved = head_file::load(system, place).filter(|saved| known.believes(file, saved));
    let outline = known.outline.clone();
    let mut mended = Vec::new();
    for (number, damage) in outline.damage().iter().enumerate() {
        let is_last = damage.offset + damage.len as u64 + 1 >= outline.saved_through();
        let is_new = number >= known.damage_seen
            && saved
                .as_ref()
                .is_some_and(|saved| damage.offset >= saved.at);
        // What is beyond the limits of a line is left, so that nothing is held that is.
        if !is_new && !is_last || matches!(damage.why, LineFault::TooLong { .. }) {
            continue;
        }
        let mut line = vec![0; damage.len];
        latchwork_sys::read_exact_at(file, &mut line, damage.offset)
            .doing("read", &place.transcript)?;
        let pieces = pieces(&line);
        if pieces.doubtful {
            continue;
        }
        for part in pieces.fragments {
            let offset = damage.offset + part.start as u64;
            let fragment = line.get(part).unwrap_or_default();
            let kept_in = quarantine(system, place, offset, fragment)?;
            system.steps.reach("tail:quarantined");
            let path = &place.transcript;
            let write = |at: u64, bytes: &[u8]| {
                held()?;
                let written = write_all(file, offset + at, bytes);
                Ok(written.doing("blank a fragment in", path)?)
            };
            let sync = || {
                file.sync_all()
                    .doing("make durable", path)
                    .map_err(NotMended::Unsynced)
            };
            match blank(fragment.len(), write, sync) {
                // A file that may only grow: the fragment stays, on a line of its own, and is told of as damage.
                Err(NotMended::Disk(error)) if is_append_only(&error) => continue,
                blanked => blanked?,
            }
            system.steps.reach("tail:blanked");
            mended.push(Mended {
                offset,
                len: fragment.len(),
                kept_in,
                rescued: !pieces.whole.is_empty(),
            });
        }
    }
    known.damage_seen = outline.damage().len();
    if !mended.is_empty() {
        let synced = file.sync_all().doing("make durable", &place.transcript);
        synced.map_err(NotMended::Unsynced)?;
        known.forget();
        known.catch_up(system, place, file)?;
    }
    Ok(mended)
}

fn is_append_only(error: &PathError) -> bool {
    error.source.kind() == std::io::ErrorKind::PermissionDenied
}

fn close(file: &dyn DiskFile) -> std::io::Result<()> {
    match file.append(b"\n")? {
        1 => Ok(()),
        _ => Err(std::io::ErrorKind::StorageFull.into()),
    }
}

/// Keeps a copy of bytes that are about to be blanked, again where the sidecars are deleted just then.
fn quarantine(
    system: &System,
    place: &Place,
    offset: u64,
    bytes: &[u8],
) -> Result<PathBuf, PathError> {
    for _ in 1..COPIES_MAX {
        match keep_copy(system, place, offset, bytes) {
            Err(error) if error.is_missing() => {}
            kept => return kept,
        }
    }
    keep_copy(system, place, offset, bytes)
}

fn keep_copy(
    system: &System,
    place: &Place,
    offset: u64,
    bytes: &[u8],
) -> Result<PathBuf, PathError> {
    let dir = quarantine_folder(system, place)?;
    let sum = head_file::checksum(&[bytes]);
    // What it is, by its place and its checksum; and a number, for the same may happen twice.
    let name = format!("at-{offset}-{sum:016x}-{}.bin", hex_id(&*system.entropy, 6));
    let path = dir.join(name);
    create_whole(&*system.disk, &*system.entropy, &path, bytes, 0o600)?;
    Ok(path)
}

/// The folder of what was damaged or could not be written, made where it is not there; its name is durable.
pub(crate) fn quarantine_folder(system: &System, place: &Place) -> Result<PathBuf, PathError> {
    let dir = place.sidecar("quarantine");
    make_private_dir(&*system.disk, &place.sidecars())?;
    make_private_dir(&*system.disk, &dir)?;
    for above in [place.sidecars(), place.dir.clone()] {
        system.disk.sync_dir(&above).doing("make durable", &above)?;
    }
    Ok(dir)
}

/// Overwrites `len` bytes with spaces, by `write` (from where, what) and `sync`. A torn line may well have a whole object within it (a
/// tool call), which must not stand at the beginning of a line when somebody dies in between: so until all of the rest is
/// blank, the line begins with what no reader takes for anything.
pub(crate) fn blank<E>(
    len: usize,
    write: impl Fn(u64, &[u8]) -> Result<(), E>,
    sync: impl Fn() -> Result<(), E>,
) -> Result<(), E> {
    if len > 1 {
        write(0, b"\0")?;
        sync()?;
        write(1, &vec![b' '; len - 1])?;
        sync()?;
    }
    write(0, &vec![b' '; len.min(1)])
}

pub(crate) fn write_all(file: &dyn DiskFile, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let left = bytes.get(done..).unwrap_or_default();
        match file.write_at(left, offset + done as u64)? {
            0 => return Err(std::io::ErrorKind::WriteZero.into()),
            written => done += written,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{NotMended, put_in_order};
    use crate::layout::{Layout, Place};
    use crate::state::Known;
    use latchwork_session::SessionId;
    use latchwork_sys::{Disk as _, DiskFile, OpenHow, System};
    use proptest::prelude::*;

    const HEADER: &str = r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;

    fn entry(id: &str) -> String {
        format!(
            r#"{{"type":"message","id":"{id}","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z","message":{{"role":"user","content":"hello {id}"}}}}"#
        )
    }

    fn blanked(file: &dyn DiskFile, offset: u64, len: usize) -> std::io::Result<()> {
        let write = |at: u64, bytes: &[u8]| super::write_all(file, offset + at, bytes);
        super::blank(len, write, || file.sync_all())
    }

    fn with_file(text: &[u8]) -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        let place = Layout::folder(dir.path())
            .place(&SessionId::new("s").unwrap())
            .unwrap();
        std::fs::write(&place.transcript, text).unwrap();
        (dir, place)
    }

    fn mend(place: &Place) -> (Vec<super::Mended>, Vec<String>) {
        let system = System::real();
        let file = system
            .disk
            .open(&place.transcript, &OpenHow::appending())
            .unwrap();
        let mut known = Known::default();
        let held = || Ok::<_, NotMended<()>>(());
        known.catch_up(&system, place, &*file).unwrap();
        let mended = put_in_order(&system, place, &mut known, &*file, &held).unwrap();
        let rows = known.outline.rows(0);
        let ids = rows.map(|(entry, _)| known.outline.id(entry).unwrap().to_string());
        (mended, ids.collect())
    }

    #[test]
    fn a_fragment_at_the_end_is_copied_blanked_and_never_cut_off() {
        let text = format!("{HEADER}\n{}\n{{\"type\":\"mess", entry("a"));
        let (_dir, place) = with_file(text.as_bytes());
        let (mended, ids) = mend(&place);
        assert_eq!(ids, ["a"]);
        assert_eq!(mended.len(), 1);
        assert_eq!(
            std::fs::read(&mended[0].kept_in).unwrap(),
            b"{\"type\":\"mess"
        );
        let after = std::fs::read(&place.transcript).unwrap();
        assert_eq!(after.len(), text.len() + 1);
        assert!(after.ends_with(b"             \n"));
        assert_eq!(mend(&place).0, []);
    }

    #[test]
    fn who_dies_while_a_fragment_is_blanked_leaves_nothing_that_reads_as_an_entry() {
        use latchwork_sys::{Fault, FaultDisk, FaultOutcome, Operation};
        let torn = r#"{"type":"message","id":"b","parentId":"a","message":{"role":"assistant","content":[{"type":"toolCall","id":"c1","name":"ls","arguments":{}}],"api":"t"#;
        let head = format!("{HEADER}\n{}\n", entry("a"));
        let (_dir, place) = with_file(head.as_bytes());
        for nth in 1..=3 {
            for bytes in 0..torn.len() {
                std::fs::write(&place.transcript, format!("{head}{torn}\n")).unwrap();
                let disk = FaultDisk::new(System::real().disk);
                let outcome = FaultOutcome::Torn { bytes, errno: 5 };
                disk.add(Fault::on(Operation::WriteAt, outcome).nth(nth));
                let file = disk.open(&place.transcript, &OpenHow::appending()).unwrap();
                assert!(blanked(&*file, head.len() as u64, torn.len()).is_err());
                let left = std::fs::read_to_string(&place.transcript).unwrap();
                assert_eq!(mend(&place).1, ["a"], "write {nth}, {bytes} bytes: {left}");
            }
        }
    }

    #[test]
    fn a_whole_last_line_only_lacks_its_newline() {
        let text = format!("{HEADER}\n{}", entry("a"));
        let (_dir, place) = with_file(text.as_bytes());
        assert_eq!(mend(&place), (vec![], vec!["a".to_owned()]));
        assert_eq!(
            std::fs::read(&place.transcript).unwrap(),
            format!("{text}\n").as_bytes()
        );
    }

    #[test]
    fn an_entry_glued_to_a_fragment_is_rescued() {
        let text = format!(
            "{HEADER}\n{}\n{{\"type\":\"mess{}\n",
            entry("a"),
            entry("b")
        );
        let (_dir, place) = with_file(text.as_bytes());
        let (mended, ids) = mend(&place);
        assert_eq!(ids, ["a", "b"]);
        assert!(mended[0].rescued);
        assert_eq!(
            std::fs::read(&mended[0].kept_in).unwrap(),
            b"{\"type\":\"mess"
        );
    }

    #[test]
    fn damage_in_the_middle_is_left_as_it_is() {
        let text = format!("{HEADER}\nrubbish\n{}\n", entry("a"));
        let (_dir, place) = with_file(text.as_bytes());
        assert_eq!(mend(&place), (vec![], vec!["a".to_owned()]));
        assert_eq!(std::fs::read(&place.transcript).unwrap(), text.as_bytes());
    }

    /// A last line with objects in it: a call in a message.
    const CALL: &str = r#"{"type":"message","id":"b","parentId":"a","timestamp":"2026-01-01T00:00:00.000Z","message":{"role":"assistant","content":[{"type":"toolCall","id":"c1","name":"ls","arguments":{"type":"x","id":"y"}}],"stopReason":"toolUse"}}"#;

    /// Whether the torn call may go on with any object: behind a key of the message, or where its blocks begin.
    fn may_go_on(torn: &str) -> bool {
        torn.contains("\"message\":") && (torn.ends_with("\":") || torn.ends_with('['))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        /// Wherever a last line was cut off, whatever stands before or behind it: what was written whole is untouched, nothing
        /// that was not is read, and every byte is kept somewhere.
        #[test]
        fn a_cut_anywhere_loses_no_byte_and_makes_nothing_up(cut in 0..=CALL.len(), before in any::<bool>(), glued in any::<bool>()) {
            let whole = format!("{HEADER}\n{}\n", entry("a"));
            let torn = &CALL[..cut];
            let mut expected = vec!["a"];
            let mut text = whole.clone();
            if before {
                text.push_str(&entry("before"));
                expected.push("before");
            }
            text.push_str(torn);
            if cut == CALL.len() {
                expected.push("b");
            }
            if glued {
                text.push_str(&entry("c"));
                text.push('\n');
            }
            let left = glued && may_go_on(torn);
            if left {
                expected.retain(|id| *id != "before");
            } else if glued {
                expected.push("c");
            }
            let (_dir, place) = with_file(text.as_bytes());
            let (mended, ids) = mend(&place);
            prop_assert_eq!(ids, expected);
            let after = std::fs::read(&place.transcript).unwrap();
            prop_assert!(after.starts_with(whole.as_bytes()));
            prop_assert!(text.len() == whole.len() || after.ends_with(b"\n"));
            prop_assert!(!left || mended.is_empty(), "where nobody can tell, nothing is blanked");
            let mut restored = after[..text.len()].to_vec();
            for part in mended {
                let start = usize::try_from(part.offset).unwrap();
                prop_assert!(restored[start..start + part.len].iter().all(|byte| *byte == b' '));
                restored[start..start + part.len].copy_from_slice(&std::fs::read(part.kept_in).unwrap());
            }
            prop_assert_eq!(restored, text.as_bytes());
        }
    }
}
