//! Between two system calls of ours: races that the models (`docs/locks-checked.md`) found, each forced at its one moment.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use latchwork_filelock::{ClaimError, ClaimHandle, Latches, Options};
use latchwork_lock::{TurnClaim, Wait};
use latchwork_sys::{Disk, DiskFile, FileFacts, FsKind, OpenHow, RealDisk, Space, System};

use crate::support::{Room, latches, take};

/// What is asked of the disk when the moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Facts,
    Rename,
    RenameNew,
    Remove,
}

/// What happens, and just before which calls about which path.
struct Deed {
    calls: Vec<Call>,
    path: PathBuf,
    does: Box<dyn FnOnce() + Send>,
}

/// The real disk, on which something happens once.
#[derive(Clone, Default)]
struct Midway(Arc<Mutex<Option<Deed>>>);

impl std::fmt::Debug for Midway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Midway")
    }
}

impl Midway {
    fn latches(&self) -> Latches {
        let system = System {
            disk: Arc::new(self.clone()),
            ..System::real()
        };
        Latches::new(system, Options::default())
    }

    fn just_before(&self, calls: &[Call], path: PathBuf, does: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap() = Some(Deed {
            calls: calls.to_vec(),
            path,
            does: Box::new(does),
        });
    }

    fn has_happened(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }

    fn reach(&self, call: Call, path: &Path) {
        let mut next = self.0.lock().unwrap();
        let now = next.take_if(|deed| deed.calls.contains(&call) && deed.path == path);
        drop(next);
        if let Some(deed) = now {
            (deed.does)();
        }
    }
}

impl Disk for Midway {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        RealDisk.open(path, how)
    }
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.reach(Call::Facts, path);
        RealDisk.facts(path)
    }
    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        RealDisk.create_dir(path, mode)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.reach(Call::Rename, from);
        RealDisk.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.reach(Call::RenameNew, to);
        RealDisk.rename_new(from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.link(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.reach(Call::Remove, path);
        RealDisk.remove(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        RealDisk.space(path)
    }
    fn filesystem(&self, path: &Path) -> io::Result<FsKind> {
        RealDisk.filesystem(path)
    }
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        RealDisk.canonicalize(path)
    }
    fn adopt(&self, descriptor: OwnedFd, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        RealDisk.adopt(descriptor, path)
    }
    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        RealDisk.facts_behind(path)
    }
    fn changes(&self, path: &Path) -> io::Result<OwnedFd> {
        RealDisk.changes(path)
    }
}

#[tokio::test]
async fn a_lock_file_robbed_just_before_it_is_given_back_is_the_robbers_and_stays() {
    let (room, disk) = (Room::new(), Midway::default());
    let latched = take(&disk.latches(), &room).await;
    let (path, robbers) = (room.peer_lock(), b"{\"pid\": 1}");
    let robbed = path.clone();
    disk.just_before(&[Call::Rename, Call::Remove], path.clone(), move || {
        std::fs::remove_file(&robbed).unwrap();
        std::fs::write(&robbed, robbers).unwrap();
    });
    latched.release().await;
    assert!(disk.has_happened());
    assert_eq!(std::fs::read(&path).unwrap(), robbers);
    let names = room.names();
    assert_eq!(
        names,
        [".latchwork", "s.jsonl", "s.jsonl.lock", "s.latch"],
        "nothing is left aside"
    );
}

/// A room in which a claim with the number 3 is held through the disk, and where its files are.
async fn third_claim(room: &Room, disk: &Midway) -> (Latches, TurnClaim) {
    let ours = disk.latches();
    for _ in 0..2 {
        let before = latches().claim(&room.site(), "before", Wait::Forever).await;
        before.unwrap().release().await.unwrap();
    }
    let claim = ours.claim(&room.site(), "ours", Wait::Never).await.unwrap();
    assert_eq!(claim.fence().epoch, 3);
    (ours, claim)
}

async fn check(ours: &Latches, room: &Room, claim: &TurnClaim) -> Result<(), ClaimError> {
    let latched = take(ours, room).await;
    let handle = ClaimHandle::of(claim).unwrap();
    let checked = latched.begin().unwrap().check_claim(&handle);
    latched.release().await;
    checked
}

#[tokio::test]
async fn a_superseded_claim_is_refused_though_its_successor_too_is_superseded_and_swept_midway() {
    let (room, disk) = (Arc::new(Room::new()), Midway::default());
    let (ours, claim) = third_claim(&room, &disk).await;
    let take_over = |reason| {
        latches()
            .take_over(&room.site(), "another", reason)
            .unwrap()
    };
    drop(take_over("the first"));
    let (theirs, next) = (room.clone(), room.sidecars().join("s.claim.4"));
    disk.just_before(&[Call::Facts], next, move || {
        for reason in ["the second", "the third"] {
            drop(
                latches()
                    .take_over(&theirs.site(), "another", reason)
                    .unwrap(),
            );
        }
    });
    let error = check(&ours, &room, &claim).await.unwrap_err();
    assert!(disk.has_happened());
    assert!(error.to_string().contains("the third"), "{error}");
}

#[tokio::test]
async fn of_two_turns_claimed_over_deleted_sidecars_one_goes_on() {
    let (room, disk) = (Arc::new(Room::new()), Midway::default());
    let (ours, claim) = third_claim(&room, &disk).await;
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let (theirs, again) = (room.clone(), room.sidecars().join("s.claim.3"));
    disk.just_before(&[Call::RenameNew], again, move || {
        let new = latches().take_over(&theirs.site(), "another", "nobody was seen");
        sender.send(new.unwrap()).unwrap();
    });
    let checked = check(&ours, &room, &claim).await;
    let another = receiver.recv().unwrap();
    assert_eq!(another.fence().epoch, 1);
    assert!(
        matches!(checked, Err(ClaimError::Superseded(_))),
        "{checked:?}"
    );
    check(&latches(), &room, &another).await.unwrap();
}
