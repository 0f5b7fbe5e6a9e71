//! One session: its transcript, its sidecars, and whether they belong together.

use std::path::Path;

use latchwork_format::Version;
use latchwork_sys::PathError;
use latchwork_transcript::{EndOfFile, Examined, Place, SavedHeadState, Sidecar, examine};

use super::catalogue::{
    FILE_UNREADABLE, HEAD_STALE, LEFT_HEAD, LEFT_INBOX, LEFT_LOCKS, LEFT_UNKNOWN, QUARANTINE_KEPT,
    TRANSCRIPT_DAMAGED, TRANSCRIPT_END, TRANSCRIPT_OLD, TRANSCRIPT_READ_ONLY, TRANSCRIPT_TREE,
};
use super::exam::Exam;
use super::files;
use super::finding::Finding;
use super::open::{Open, Remedy};
use super::survey::Found;

/// Looks at a session.
pub(super) fn session(exam: &Exam, place: &Place, found: &Found, opens: &mut Vec<Open>) {
    if found.transcript
        && let Some(facts) = files::file(exam, place, &place.transcript, opens)
    {
        exam.seen.modified(facts.modified_ms);
        match examine(&exam.system, place, exam.depth) {
            Ok(Some(examined)) => transcript(exam, place, &examined, opens),
            // Gone since it was listed.
            Ok(None) => {}
            Err(error) => unreadable(place, &error, opens),
        }
    }
    let mut left = Vec::new();
    for (sidecar, path) in &found.sidecars {
        match sidecar {
            Sidecar::Removed => {
                files::folder(exam, path, opens);
                let what = format!(
                    "{path:?}: a removal that was interrupted; `latchwork sessions rm {}` ends it",
                    place.stem
                );
                opens.push(Open::told(
                    Finding::new(&LEFT_UNKNOWN, what).at(path).of(&place.stem),
                ));
            }
            Sidecar::Quarantine => {
                files::folder(exam, path, opens);
                quarantine(exam, Some(place), path, opens);
            }
            _ => {
                let facts = files::file(exam, place, path, opens);
                if facts.is_some() && !found.transcript && matches!(sidecar, Sidecar::Lock(_)) {
                    left.push(path.clone());
                }
            }
        }
    }
    if !found.transcript {
        gone(exam, place, found, &left, opens);
    }
}

fn unreadable(place: &Place, error: &PathError, opens: &mut Vec<Open>) {
    let what = format!("{error}: {}", error.source);
    let finding = Finding::new(&FILE_UNREADABLE, what).at(&error.path);
    opens.push(Open::told(finding.of(&place.stem)));
}

/// A session without a transcript.
fn gone(
    exam: &Exam,
    place: &Place,
    found: &Found,
    left: &[std::path::PathBuf],
    opens: &mut Vec<Open>,
) {
    let new = |sort, what: String, path: &Path| Finding::new(sort, what).at(path).of(&place.stem);
    if found.has(|sidecar| sidecar == Sidecar::Inbox) {
        let path = place.sidecar("inbox.jsonl");
        let what = format!("there is an inbox and no transcript {:?}", place.transcript);
        opens.push(Open::told(new(&LEFT_INBOX, what, &path)));
        return;
    }
    if let Some(first) = left.first() {
        let what = format!(
            "{} lock files of a session that is not there any more: {:?}{}",
            left.len(),
            first.file_name().unwrap_or_default(),
            if left.len() > 1 { " and more" } else { "" }
        );
        let names: Vec<String> = left
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        let finding = new(&LEFT_LOCKS, what, first).fact("files", names);
        opens.push(Open::with(finding, Remedy::Leftovers).under(place));
    }
    for (sidecar, path) in &found.sidecars {
        let is_regular = exam.system.disk.facts(path);
        let is_regular =
            is_regular.is_ok_and(|facts| facts.kind == latchwork_sys::FileKind::Regular);
        if *sidecar == Sidecar::Head && is_regular {
            let what = format!("a saved head, and no transcript {:?}", place.transcript);
            opens.push(Open::with(new(&LEFT_HEAD, what, path), Remedy::Head).under(place));
        } else if *sidecar == Sidecar::Index {
            opens.push(Open::told(new(
                &LEFT_UNKNOWN,
                format!("{path:?}: this version keeps no index"),
                path,
            )));
        }
    }
}

fn transcript(exam: &Exam, place: &Place, examined: &Examined, opens: &mut Vec<Open>) {
    exam.seen.transcript(examined);
    let path = &place.transcript;
    let new = |sort, what: String| Finding::new(sort, what).at(path).of(&place.stem);
    if let Some(why) = &examined.read_only {
        opens.push(Open::told(new(
            &TRANSCRIPT_READ_ONLY,
            format!("{path:?} is never written to: {why}"),
        )));
    }
    if let Some(version @ (Version::One | Version::Two)) = &examined.version {
        let number = if *version == Version::One { 1 } else { 2 };
        let what = format!("{path:?} has version {number} of the format");
        opens.push(Open::told(
            new(&TRANSCRIPT_OLD, what).fact("version", number),
        ));
    }
    if let Some((what, bytes)) = end_in_words(examined.end) {
        let finding = new(&TRANSCRIPT_END, format!("{path:?}: {what}")).fact("bytes", bytes);
        // What is none of ours is not mended.
        opens.push(match examined.read_only {
            None => Open::with(finding, Remedy::Mend).under(place),
            Some(_) => Open::told(finding),
        });
    }
    if examined.damaged_lines > 0 {
        let seen = if examined.whole {
            ""
        } else {
            " (only the end was read; --deep reads all)"
        };
        let what = format!(
            "{} lines of {path:?} cannot be read{seen}: {}",
            examined.damaged_lines,
            examined.damage.join("; ")
        );
        opens.push(Open::told(
            new(&TRANSCRIPT_DAMAGED, what).fact("lines", examined.damaged_lines),
        ));
    }
    if !examined.tree_faults.is_empty() {
        let what = format!("{path:?}: {}", examined.tree_faults.join("; "));
        opens.push(Open::told(new(&TRANSCRIPT_TREE, what)));
    }
    let stale = match examined.head {
        SavedHeadState::Unreadable => "it cannot be read as a saved head",
        SavedHeadState::OfAnotherFile => "what it was written for does not stand in the transcript",
        _ => return,
    };
    let head = place.sidecar("head");
    let finding = Finding::new(&HEAD_STALE, format!("{head:?}: {stale}"))
        .at(&head)
        .of(&place.stem);
    opens.push(Open::with(finding, Remedy::Head).under(place));
}

fn end_in_words(end: EndOfFile) -> Option<(String, usize)> {
    match end {
        EndOfFile::Unterminated => Some(("the last line lacks its newline".to_owned(), 0)),
        EndOfFile::Fragment {
            offset,
            len,
            rescues,
        } => {
            let rescued = if rescues {
                "; a whole entry stands behind its beginning"
            } else {
                ""
            };
            Some((
                format!("the last line, {len} bytes at {offset}, cannot be read{rescued}"),
                len,
            ))
        }
        _ => None,
    }
}

/// Tells what was set aside.
pub(super) fn quarantine(exam: &Exam, place: Option<&Place>, path: &Path, opens: &mut Vec<Open>) {
    let names = exam.system.disk.list(path).unwrap_or_default();
    if names.is_empty() {
        return;
    }
    let facts = names
        .iter()
        .map(|name| exam.system.disk.facts(&path.join(name)));
    let bytes: u64 = facts.flatten().map(|facts| facts.size).sum();
    let what = format!("{} files ({bytes} bytes) in quarantine", names.len());
    let finding = Finding::new(&QUARANTINE_KEPT, what)
        .at(path)
        .fact("files", names.len())
        .fact("bytes", bytes);
    opens.push(Open::told(match place {
        Some(place) => finding.of(&place.stem),
        None => finding,
    }));
}
