//! A file that another program appends to, read as far as it goes, and on when it has grown.
//!
//! It may be replaced (another file under its name), made shorter, or removed: what is left of the old one is read first, then it is said, and the new
//! one is read from its beginning. Limit: a file whose beginning is overwritten in place, and that is not shorter then, is taken for one that grew.

use std::path::{Path, PathBuf};

use latchwork_sys::{DiskFile, FileFacts, IoDoing as _, OpenHow, PathError, System};

/// How much is read at once.
const PIECE: usize = 64 << 10;

/// What a look at a file found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More of it.
    Bytes(Vec<u8>),
    /// Nothing new.
    Idle,
    /// It is another file, or the same from its beginning; that is read next.
    Replaced,
}

/// A file that grows.
pub(super) struct GrowingFile {
    system: System,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    id: (u64, u64),
    at: u64,
}

impl GrowingFile {
    pub(super) fn open(system: &System, path: &Path) -> Result<Self, PathError> {
        let file = system.disk.open(path, &OpenHow::reading().following());
        let file = file.doing("open", path)?;
        let facts = file.facts().doing("look at", path)?;
        Ok(Self {
            system: system.clone(),
            path: path.to_owned(),
            id: id_of(&facts),
            file,
            at: 0,
        })
    }

    /// Reads on.
    ///
    /// # Blocking
    /// As the disk does.
    pub(super) fn step(&mut self) -> Result<Step, PathError> {
        let mut bytes = vec![0; PIECE];
        let read = self.file.read_at(&mut bytes, self.at);
        let count = read.doing("read", &self.path)?;
        if count > 0 {
            bytes.truncate(count);
            self.at += count as u64;
            return Ok(Step::Bytes(bytes));
        }
        let size = self.file.facts().doing("look at", &self.path)?.size;
        if size < self.at {
            self.at = 0;
            return Ok(Step::Replaced);
        }
        // A name that leads nowhere may come back; the file that is open may still grow.
        let there = self.system.disk.facts_behind(&self.path);
        if there.is_ok_and(|facts| id_of(&facts) != self.id) {
            let (system, path) = (self.system.clone(), self.path.clone());
            *self = Self::open(&system, &path)?;
            return Ok(Step::Replaced);
        }
        Ok(Step::Idle)
    }

    /// Reads from the beginning next.
    pub(super) const fn rewind(&mut self) {
        self.at = 0;
    }
}

fn id_of(facts: &FileFacts) -> (u64, u64) {
    (facts.dev, facts.ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(file: &mut GrowingFile) -> Vec<u8> {
        let mut all = Vec::new();
        while let Step::Bytes(bytes) = file.step().unwrap() {
            all.extend(bytes);
        }
        all
    }

    #[test]
    fn what_is_appended_to_put_in_its_place_or_left_of_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "a").unwrap();
        let mut file = GrowingFile::open(&System::real(), &path).unwrap();
        assert_eq!(all(&mut file), b"a");
        std::fs::write(&path, "ab").unwrap();
        assert_eq!(all(&mut file), b"b");
        assert_eq!(file.step().unwrap(), Step::Idle);

        let other = dir.path().join("g");
        std::fs::write(&other, "xyz").unwrap();
        // The last of the old one comes first, though its name is gone.
        std::fs::rename(&path, dir.path().join("old")).unwrap();
        std::fs::write(dir.path().join("old"), "abc").unwrap();
        assert_eq!(file.step().unwrap(), Step::Bytes(b"c".to_vec()));
        assert_eq!(file.step().unwrap(), Step::Idle, "no name is no other file");
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(file.step().unwrap(), Step::Replaced);
        assert_eq!(all(&mut file), b"xyz");

        std::fs::write(&path, "q").unwrap();
        assert_eq!(file.step().unwrap(), Step::Replaced, "it is shorter");
        assert_eq!(all(&mut file), b"q");
    }
}
