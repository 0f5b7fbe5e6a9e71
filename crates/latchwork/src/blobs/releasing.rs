//! Blobs that go with what names them: a removal takes those that nothing else in the home refers to.
//!
//! Invariants: a blob goes only after all that stays was read and does not name it, while nobody adds any; where that cannot be known,
//! all of them stay and it is said why. Told twice of the same folders, it goes on where it was cut off. Limit: where a removed session
//! names blobs, every other file of the home is read once.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork_sys::{IoDoing as _, PathError, System};
use latchwork_transcript::{BlobHold, BlobId, BlobStore};

use super::FOLDER;
use super::collecting::{DEPTH_MAX, Marking};

/// How often, and how long in between, it is looked whether nobody adds or removes blobs any more.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// What goes with each of several folders.
pub(crate) struct Releasing {
    hold: Option<BlobHold>,
    /// Of each folder, in their order, the blobs that go with it and their sizes. One that several name goes with the first.
    going: Vec<Vec<(BlobId, u64)>>,
    /// Why blobs of them stay, whoever needs them.
    pub(crate) kept: Option<String>,
}

impl Releasing {
    /// Looks what goes with these folders, which lie in the home.
    ///
    /// # Blocking
    /// For reading them, and all of the home where they name blobs; some seconds while somebody else adds blobs.
    pub(crate) fn look(system: &System, home: &Path, folders: &[PathBuf]) -> Self {
        let nothing = |kept| Self {
            hold: None,
            going: folders.iter().map(|_| Vec::new()).collect(),
            kept,
        };
        match look(system, home, folders) {
            Ok(Some((hold, going))) => Self {
                hold: Some(hold),
                going,
                kept: None,
            },
            Ok(None) => nothing(None),
            Err(error) => nothing(Some(format!("{error}: {}", error.source))),
        }
    }

    /// How many blobs go with the folder of this number, and what they take.
    pub(crate) fn count(&self, at: usize) -> (usize, u64) {
        let of = self.going.get(at).map(Vec::as_slice).unwrap_or_default();
        (of.len(), of.iter().map(|(_, bytes)| bytes).sum())
    }

    /// Removes them.
    ///
    /// # Errors
    /// [`PathError`]; the same again goes on.
    pub(crate) fn remove(&self, at: usize) -> Result<(), PathError> {
        let of = self.going.get(at).map(Vec::as_slice).unwrap_or_default();
        match &self.hold {
            Some(hold) => of.iter().try_for_each(|(id, _)| hold.remove(*id)),
            None => Ok(()),
        }
    }
}

type Found = (BlobHold, Vec<Vec<(BlobId, u64)>>);

fn look(system: &System, home: &Path, folders: &[PathBuf]) -> Result<Option<Found>, PathError> {
    let store = BlobStore::at(system.clone(), home.join(FOLDER));
    let blobs = store.all()?;
    if blobs.is_empty() {
        return Ok(None);
    }
    let all: HashSet<BlobId> = blobs.iter().map(|blob| blob.id).collect();
    let mut taken = HashSet::new();
    let mut named = Vec::with_capacity(folders.len());
    for folder in folders {
        let mut marking = Marking::of(system, all.clone());
        marking.folder(folder, DEPTH_MAX)?;
        marking.marked.retain(|id| taken.insert(*id));
        named.push(marking.marked);
    }
    if taken.is_empty() {
        return Ok(None);
    }
    // From here on nobody writes a line that names one of them anew.
    let hold = hold(&store)?;
    let mut marking = Marking::of(system, taken);
    marking.going = folders.iter().cloned().collect();
    marking.home(home)?;
    system.steps.reach("blobs:marked");
    let going = named.into_iter().map(|named| {
        let of = blobs
            .iter()
            .filter(|blob| named.contains(&blob.id) && !marking.marked.contains(&blob.id));
        of.map(|blob| (blob.id, blob.bytes)).collect()
    });
    Ok(Some((hold, going.collect())))
}

fn hold(store: &BlobStore) -> Result<BlobHold, PathError> {
    for _ in 0..TRIES {
        match store.try_hold()? {
            Some(hold) => return Ok(hold),
            None => std::thread::sleep(PAUSE),
        }
    }
    let busy = "somebody else is adding or removing blobs";
    Err(io::Error::new(io::ErrorKind::ResourceBusy, busy)).doing("hold", store.folder())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        _dir: tempfile::TempDir,
        home: PathBuf,
        system: System,
    }

    impl Home {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let home = dir.path().to_path_buf();
            std::fs::create_dir_all(home.join("sessions/.latchwork")).unwrap();
            Self {
                home,
                system: System::real(),
                _dir: dir,
            }
        }

        fn blob(&self, bytes: &[u8]) -> BlobId {
            let store = BlobStore::at(self.system.clone(), self.home.join(FOLDER));
            store.hold().unwrap().put(bytes).unwrap()
        }

        fn removed(&self, name: &str, ids: &[BlobId]) -> PathBuf {
            let folder = self.home.join("sessions/.latchwork").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("s.jsonl"), text(ids)).unwrap();
            folder
        }

        fn look(&self, folders: &[PathBuf]) -> Releasing {
            Releasing::look(&self.system, &self.home, folders)
        }

        fn left(&self) -> usize {
            let store = BlobStore::at(self.system.clone(), self.home.join(FOLDER));
            store.all().unwrap().len()
        }
    }

    fn text(ids: &[BlobId]) -> String {
        ids.iter()
            .map(|id| format!("{{\"hash\":\"{id}\"}}\n"))
            .collect()
    }

    #[test]
    fn what_only_the_removed_ones_name_goes_once_and_what_another_one_names_stays() {
        let home = Home::new();
        let [own, both, shared] =
            [b"own".as_slice(), b"both!", b"shared"].map(|bytes| home.blob(bytes));
        let folders = [
            home.removed("a.removed.0000000000000001", &[own, both, shared]),
            home.removed("b.removed.0000000000000002", &[both]),
        ];
        std::fs::write(home.home.join("sessions/other.jsonl"), text(&[shared])).unwrap();
        let releasing = home.look(&folders);
        assert_eq!((releasing.count(0), releasing.count(1)), ((2, 8), (0, 0)));
        releasing.remove(0).unwrap();
        releasing.remove(0).unwrap();
        assert_eq!((home.left(), releasing.kept.clone()), (1, None));
    }

    #[test]
    fn where_not_all_of_the_home_can_be_read_every_blob_stays_and_it_is_said_why() {
        let home = Home::new();
        let own = home.blob(b"own");
        let folders = [home.removed("a.removed.0000000000000001", &[own])];
        std::os::unix::fs::symlink("nowhere", home.home.join("sessions/lost.jsonl")).unwrap();
        let releasing = home.look(&folders);
        releasing.remove(0).unwrap();
        assert!(
            releasing
                .kept
                .as_ref()
                .is_some_and(|why| why.contains("lost.jsonl"))
        );
        assert_eq!((releasing.count(0), home.left()), ((0, 0), 1));
    }

    #[test]
    fn without_blobs_or_names_of_them_nothing_is_held_or_made() {
        let home = Home::new();
        let folders = [home.removed("a.removed.0000000000000001", &[])];
        assert!(home.look(&folders).hold.is_none());
        assert!(!home.home.join(FOLDER).exists());
        home.blob(b"another one's");
        assert!(home.look(&folders).hold.is_none());
    }
}
