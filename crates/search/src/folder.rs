//! The transcripts of a folder, and how their files look: what is compared before each search.
//!
//! Deliberately absent: opening a file.

use std::path::{Path, PathBuf};

use latchwork_sys::{FileFacts, FileKind, IoDoing as _, PathError, System};

/// The ending of a transcript.
const ENDING: &str = ".jsonl";

/// How a file looks: what changes when it is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) inode: i64,
    pub(crate) size: i64,
    pub(crate) changed_ms: i64,
    pub(crate) changed_nanos: i64,
}

impl Stamp {
    pub(crate) fn of(facts: &FileFacts) -> Self {
        Self {
            inode: facts.ino.cast_signed(),
            size: facts.size.cast_signed(),
            changed_ms: facts.modified_ms,
            changed_nanos: facts.modified_nanos.into(),
        }
    }
}

/// The path of a transcript by its stem.
pub(crate) fn path_of(folder: &Path, stem: &str) -> PathBuf {
    folder.join(format!("{stem}{ENDING}"))
}

/// Whether it is one of the files that OpenClaw keeps beside a transcript: a record of a run, or a copy from before a compaction, which
/// would answer for the transcript once more.
fn is_beside(stem: &str) -> bool {
    stem.ends_with(".trajectory") || stem.contains(".checkpoint.")
}

/// The stems of the transcripts, and how they look. A folder that is not there has none.
pub(crate) fn transcripts(
    system: &System,
    folder: &Path,
) -> Result<Vec<(String, Stamp)>, PathError> {
    let names = match system.disk.list(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).doing("list", folder),
    };
    let stems = names.iter().filter_map(|name| {
        let stem = name.to_str()?.strip_suffix(ENDING)?;
        (!stem.is_empty() && !is_beside(stem)).then_some(stem)
    });
    let found = stems.filter_map(|stem| {
        let facts = system.disk.facts(&path_of(folder, stem)).ok()?;
        (facts.kind == FileKind::Regular).then(|| (stem.to_owned(), Stamp::of(&facts)))
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::transcripts;
    use latchwork_sys::System;
    use std::fs;

    #[test]
    fn transcripts_are_found_and_what_lies_beside_them_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.jsonl",
            "b c.jsonl",
            "a.trajectory.jsonl",
            "a.checkpoint.7.jsonl",
            ".jsonl",
            "sessions.json",
            "x.jsonl.lock",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("folder.jsonl")).unwrap();
        std::os::unix::fs::symlink("a.jsonl", folder.path().join("link.jsonl")).unwrap();
        let found = transcripts(&System::real(), folder.path()).unwrap();
        let mut stems: Vec<_> = found.into_iter().map(|(stem, _)| stem).collect();
        stems.sort();
        assert_eq!(stems, ["a", "b c"]);
        let nowhere = folder.path().join("nowhere");
        assert_eq!(transcripts(&System::real(), &nowhere).unwrap(), []);
    }
}
