//! Claims as numbered files: `<id>.claim.<epoch>`, each born whole and locked.
//!
//! Invariants: the highest number is the current claim; a number is given out once, since a claim's file
//! gets its name by a rename that never replaces; older files are removed in ascending order and the
//! last but one is kept, so where `N` stands and `N + 1` does not, nothing higher does. A request for a claim
//! (`ask_file.rs`) is removed with it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_sys::{
    DiskFile, IoDoing, OpenHow, PathError, System, make_private_dir, read_at_most, temporary_beside,
};
use serde::{Deserialize, Serialize};

use crate::note::Note;
use crate::place::Place;

/// Longest claim that is read, in bytes.
const READ_LIMIT: usize = 16 * 1_024;
/// Longest reason and turn name that are recorded, in characters.
pub(crate) const LONGEST_TEXT: usize = 1_000;

/// What stands in a claim file: one line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Record {
    pub(crate) epoch: u64,
    pub(crate) nonce: String,
    pub(crate) turn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) supersedes: Option<u64>,
    /// The claim whose holder was asked to give the turn up, and did or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<u64>,
    #[serde(flatten)]
    pub(crate) by: Note,
}

impl Record {
    pub(crate) fn new(epoch: u64, nonce: String, turn: &str, by: Note) -> Self {
        let turn = turn.chars().take(LONGEST_TEXT).collect();
        Self {
            epoch,
            nonce,
            turn,
            reason: None,
            supersedes: None,
            asked: None,
            by,
        }
    }

    pub(crate) fn taking_over(mut self, older: u64, reason: &str) -> Self {
        self.supersedes = Some(older);
        self.reason = Some(reason.chars().take(LONGEST_TEXT).collect());
        self
    }

    pub(crate) fn having_asked(mut self, older: u64, reason: &str) -> Self {
        self.asked = Some(older);
        self.reason = Some(reason.chars().take(LONGEST_TEXT).collect());
        self
    }

    fn line(&self) -> Vec<u8> {
        // A struct of numbers and strings always has a JSON form.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    pub(crate) fn read_from(file: &dyn DiskFile) -> Option<Self> {
        serde_json::from_slice(&read_at_most(file, READ_LIMIT).ok()?).ok()
    }
}

/// The claim files of one session.
#[derive(Debug)]
pub(crate) struct ClaimFiles<'a> {
    pub(crate) system: &'a System,
    pub(crate) place: &'a Place,
}

impl ClaimFiles<'_> {
    pub(crate) fn path(&self, epoch: u64) -> PathBuf {
        self.place
            .sidecars
            .join(format!("{}.claim.{epoch}", self.place.session))
    }

    /// The numbers given out and not yet removed, ascending.
    pub(crate) fn epochs(&self) -> Result<Vec<u64>, PathError> {
        let names = match self.system.disk.list(&self.place.sidecars) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).doing("list", &self.place.sidecars),
        };
        let prefix = format!("{}.claim.", self.place.session);
        let number = |name: &std::ffi::OsString| epoch_of(name.to_str()?.strip_prefix(&prefix)?);
        let mut epochs: Vec<u64> = names.iter().filter_map(number).collect();
        epochs.sort_unstable();
        Ok(epochs)
    }

    /// `None` if there is no such claim any more.
    pub(crate) fn open(&self, epoch: u64) -> Result<Option<Arc<dyn DiskFile>>, PathError> {
        let path = self.path(epoch);
        match self.system.disk.open(&path, &OpenHow::reading()) {
            Ok(file) => Ok(Some(file.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing("open the claim", &path),
        }
    }

    pub(crate) fn exists(&self, epoch: u64) -> Result<bool, PathError> {
        let path = self.path(epoch);
        match self.system.disk.facts(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).doing("look at the claim", &path),
        }
    }

    /// Makes the claim `record.epoch`, whole and locked; `None` if that number was given out already.
    pub(crate) fn create(&self, record: &Record) -> Result<Option<Arc<dyn DiskFile>>, PathError> {
        let file = create_locked(self.system, &self.path(record.epoch), &record.line())?;
        if file.is_some() {
            self.system.steps.reach("claim:linked");
        }
        Ok(file)
    }

    /// Makes the claim `record.epoch` and makes sure that it is the highest; `None` if it is not.
    ///
    /// The number was chosen from a list that may be old by now: meanwhile it may have been given out
    /// and swept again. So the list is read once more, after the claim was made.
    pub(crate) fn create_highest(
        &self,
        record: &Record,
    ) -> Result<Option<Arc<dyn DiskFile>>, PathError> {
        let made = match self.create(record) {
            // The folder was deleted since, and the list with it.
            Err(error) if error.is_missing() => {
                make_private_dir(&*self.system.disk, &self.place.sidecars)?;
                None
            }
            made => made?,
        };
        let Some(file) = made else {
            return Ok(None);
        };
        let epochs = self.epochs()?;
        if epochs.last().is_some_and(|highest| *highest > record.epoch) {
            let _ = self.system.disk.remove(&self.path(record.epoch));
            return Ok(None);
        }
        self.sweep(&epochs, record.epoch);
        Ok(Some(file))
    }

    /// Removes the claims before the one before `epoch`. What cannot be removed stays; it does no harm.
    fn sweep(&self, epochs: &[u64], epoch: u64) {
        for old in epochs.iter().filter(|old| **old < epoch.saturating_sub(1)) {
            // The request goes first: without its claim nobody would look for it again.
            let _ = self.system.disk.remove(&self.ask_path(*old));
            if self.system.disk.remove(&self.path(*old)).is_err() {
                return;
            }
        }
    }
}

/// Makes a file with these bytes, whole and locked, under a name that nothing has; `None` if something has it.
pub(crate) fn create_locked(
    system: &System,
    path: &Path,
    bytes: &[u8],
) -> Result<Option<Arc<dyn DiskFile>>, PathError> {
    let disk = &system.disk;
    let temporary = temporary_beside(&*system.entropy, path);
    let how = OpenHow::updating().only_new();
    let file = disk
        .open(&temporary, &how)
        .doing("create a temporary file for", path)?;
    let made = match file.write_at(bytes, 0) {
        Ok(written) if written == bytes.len() => file.try_lock().and_then(|locked| {
            if locked {
                disk.rename_new(&temporary, path)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }),
        Ok(_) => Err(io::ErrorKind::WriteZero.into()),
        Err(error) => Err(error),
    };
    match made {
        Ok(()) => Ok(Some(file.into())),
        Err(error) => {
            let _ = disk.remove(&temporary);
            if error.kind() == io::ErrorKind::AlreadyExists {
                return Ok(None);
            }
            Err(error).doing("create", path)
        }
    }
}

/// At most 18 digits, so that counting on from any of them cannot overflow.
pub(crate) fn epoch_of(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain && (1..=18).contains(&digits.len()) {
        digits.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_numbers_are_epochs() {
        for bad in [
            "",
            "0",
            "01",
            "1.tmp",
            "+1",
            "-1",
            "1 ",
            "9999999999999999999",
            "x",
        ] {
            assert_eq!(epoch_of(bad), None, "{bad:?}");
        }
        assert_eq!(
            epoch_of("999999999999999999"),
            Some(999_999_999_999_999_999)
        );
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(epoch in 1..u64::MAX, turn in any::<String>(), reason in any::<String>()) {
            let record = Record::new(epoch, "n".to_owned(), &turn, Note::default()).taking_over(epoch - 1, &reason);
            let line = record.line();
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert_eq!(serde_json::from_slice::<Record>(&line).unwrap(), record);
        }
    }
}
