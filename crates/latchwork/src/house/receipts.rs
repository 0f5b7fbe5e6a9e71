//! What is written down of a removal: that it was, when, how much, and a sum by which the transcript could be recognised. Never a word of it.
//!
//! `removed.jsonl` in the home, readable for its owner alone, one JSON object a line, only ever appended to. A receipt is durable before the first
//! byte is removed, and has the number of its removal, so one that was interrupted is not written down twice.

use std::path::Path;

use latchwork_sys::{IoDoing, OpenHow, PathError, System, read_at_most};
use serde::{Deserialize, Serialize};

/// How much of the file is looked through for an earlier receipt, in bytes.
const READ_MAX: usize = 64 << 20;

/// The receipt of a removal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Receipt {
    /// The number of the removal.
    pub id: String,
    /// When it was, ISO 8601.
    pub at: String,
    /// The session's id.
    pub session: String,
    /// What it was: `session`, or the name of an archived copy.
    pub from: String,
    /// How many files went.
    pub files: usize,
    /// What they took, in bytes.
    pub bytes: u64,
    /// How many blobs went with it, that nothing else named.
    #[serde(default)]
    pub blobs: usize,
    /// What those took, in bytes.
    #[serde(default)]
    pub blob_bytes: u64,
    /// Why blobs that it named are there still; null where only those are that something else names.
    #[serde(default)]
    pub blobs_kept: Option<String>,
    /// The SHA-256 of the transcript, in hexadecimal digits; null where there was none.
    pub sha256: Option<String>,
    /// Why words of it may be in the search index still; null where none is.
    #[serde(default)]
    pub search_index: Option<String>,
}

/// The receipt with this number, if there is one.
pub(super) fn find(system: &System, file: &Path, id: &str) -> Result<Option<Receipt>, PathError> {
    let opened = match system.disk.open(file, &OpenHow::reading()) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).doing("open", file),
    };
    let bytes = read_at_most(&*opened, READ_MAX).doing("read", file)?;
    Ok(read(&bytes).find(|receipt| receipt.id == id))
}

/// What can be read; a line that a killed process left unfinished is none.
fn read(bytes: &[u8]) -> impl Iterator<Item = Receipt> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}

/// Writes a receipt down. Durable when it returns.
pub(super) fn write(system: &System, file: &Path, receipt: &Receipt) -> Result<(), PathError> {
    // One write that begins and ends with a line break: a fragment in front of it swallows nothing.
    let mut line = vec![b'\n'];
    serde_json::to_writer(&mut line, receipt)
        .map_err(std::io::Error::other)
        .doing("write down in", file)?;
    line.push(b'\n');
    let opened = system
        .disk
        .open(file, &OpenHow::appending().or_create())
        .doing("open", file)?;
    let is_new = opened.facts().doing("look at", file)?.size == 0;
    let line = if is_new {
        line.get(1..).unwrap_or_default()
    } else {
        &line
    };
    let written = opened.append(line).doing("write down in", file)?;
    if written != line.len() {
        let short = std::io::Error::from(std::io::ErrorKind::StorageFull);
        return Err(short).doing("write down in", file);
    }
    opened.sync_all().doing("make durable", file)?;
    let folder = file.parent().unwrap_or(file);
    system.disk.sync_dir(folder).doing("make durable", folder)?;
    system.steps.reach("receipt:written");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Receipt, find, read, write};
    use latchwork_sys::System;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn receipt(id: &str) -> Receipt {
        Receipt {
            id: id.to_owned(),
            at: "2026-01-01T00:00:00.000Z".to_owned(),
            session: "s".to_owned(),
            from: "session".to_owned(),
            files: 3,
            bytes: 12,
            blobs: 0,
            blob_bytes: 0,
            blobs_kept: None,
            sha256: None,
            search_index: None,
        }
    }

    #[test]
    fn a_receipt_is_found_by_its_number_behind_a_fragment_and_is_for_the_owner_alone() {
        let (system, dir) = (System::real(), tempfile::tempdir().unwrap());
        let file = dir.path().join("removed.jsonl");
        assert_eq!(find(&system, &file, "a").unwrap(), None);
        write(&system, &file, &receipt("a")).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut text = std::fs::read_to_string(&file).unwrap();
        text.push_str("{\"id\":\"torn");
        std::fs::write(&file, text).unwrap();
        write(&system, &file, &receipt("b")).unwrap();
        assert_eq!(find(&system, &file, "b").unwrap(), Some(receipt("b")));
        assert_eq!(find(&system, &file, "torn").unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes).count();
        }
    }
}
