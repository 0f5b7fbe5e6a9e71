//! Temporary files of ours whose makers are gone.
//!
//! Whoever makes one has it open until it has its name, and most are locked meanwhile. So a file is left behind if it bears
//! such a name, is older than a bound, its lock is free, and the kernel says that nobody has it open for writing; where the
//! kernel does not say, nothing is proved and the file is left alone.

use std::path::Path;
use std::sync::Arc;

use latchwork_sys::{DiskFile, FileFacts, FileKind, OpenHow, System};
use latchwork_transcript::SetAside;

use super::catalogue::{LEFT_IN_USE, LEFT_TEMPORARY};
use super::exam::Exam;
use super::finding::{Finding, Outcome};
use super::open::{Open, Remedy};

/// A temporary file lives for moments: one that was written less than this ago is not judged, in milliseconds.
const YOUNG_MS: u64 = 10 * 60 * 1_000;

/// A file that is left behind; its lock is ours for as long as the value lives.
struct Left {
    file: Arc<dyn DiskFile>,
    facts: FileFacts,
}

/// Looks at a temporary file in `dir`.
pub(super) fn temporary(exam: &Exam, dir: &Path, path: &Path, opens: &mut Vec<Open>) {
    match look(&exam.system, path) {
        Ok(Some(Ok(left))) => {
            let what = format!(
                "a temporary file of {} bytes was left behind",
                left.facts.size
            );
            let finding = Finding::new(&LEFT_TEMPORARY, what)
                .at(path)
                .fact("bytes", left.facts.size);
            let remedy = Remedy::Temporary(dir.to_path_buf(), path.to_path_buf());
            opens.push(Open::with(finding, remedy));
        }
        Ok(Some(Err(why))) => {
            let finding = Finding::new(
                &LEFT_IN_USE,
                format!("a temporary file is not proved to be left behind: {why}"),
            );
            opens.push(Open::told(finding.at(path)));
        }
        Ok(None) => {}
        Err(error) => {
            let why = format!(
                "a temporary file is not proved to be left behind: it cannot be looked at ({error})"
            );
            opens.push(Open::told(Finding::new(&LEFT_IN_USE, why).at(path)));
        }
    }
}

/// Removes it if it is empty, else sets it aside.
pub(super) fn take_away(system: &System, dir: &Path, path: &Path) -> Outcome {
    let left = match look(system, path) {
        Ok(Some(Ok(left))) => left,
        Ok(Some(Err(why))) => return Outcome::Skipped(why),
        Ok(None) => return Outcome::Fixed("it is gone".to_owned()),
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    system.steps.reach("doctor:temporary");
    let still = system.disk.facts(path);
    if !still.is_ok_and(|still| still.same_inode(&left.facts)) {
        return Outcome::Skipped("another file stands there by now".to_owned());
    }
    // Looked at through the descriptor: what is empty and has no writer stays empty.
    let is_empty = left.file.facts().is_ok_and(|facts| facts.size == 0);
    if is_empty {
        return match system.disk.remove(path) {
            Ok(()) => Outcome::Fixed("removed; it was empty".to_owned()),
            Err(error) => Outcome::Failed(error.to_string()),
        };
    }
    match SetAside::file(system, dir, None, path) {
        Ok(aside) => Outcome::Fixed(format!("set aside as {:?}", aside.to)),
        Err(error) => Outcome::Failed(format!("{error}: {}", error.source)),
    }
}

/// Whether a file is left behind, or why that is not proved; `None` if it is gone.
fn look(system: &System, path: &Path) -> std::io::Result<Option<Result<Left, String>>> {
    let not = |why: &str| Ok(Some(Err(why.to_owned())));
    let facts = match system.disk.facts(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        facts => facts?,
    };
    if facts.kind != FileKind::Regular {
        return not("it is no regular file");
    }
    if facts.nlink > 1 {
        return not("it has another name, which may be in use");
    }
    // Either way: after a jump of the clock a file may lie in the future.
    if system.clock.wall_ms().abs_diff(facts.modified_ms) < YOUNG_MS {
        return not("it is younger than ten minutes");
    }
    let file: Arc<dyn DiskFile> = match system.disk.open(path, &OpenHow::reading()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened?.into(),
    };
    let facts = file.facts()?;
    if !file.try_lock()? {
        return not("somebody has it locked");
    }
    match file.has_writer()? {
        Some(true) => not("somebody has it open for writing"),
        Some(false) => Ok(Some(Ok(Left { file, facts }))),
        None => not("the kernel does not say whether anybody has it open"),
    }
}
