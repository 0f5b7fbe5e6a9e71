//! What stands at a path of ours and is no plain file, and files that have two names. (L15, L16, L17 and L30 of the faults.)

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use latchwork_filelock::{ClaimError, LatchError, Obstacle, Refusal, Site};
use latchwork_lock::{Phase, Wait};

use crate::support::{Room, attempt, latches, take};
use crate::world::{Cast, Mounted, World, acted, is_root, skipped};

/// What can stand at a path.
#[derive(Clone, Copy, Debug)]
enum Odd {
    Fifo,
    Socket,
    Folder,
    Device,
    Link,
    Dangling,
}

const ALL: [Odd; 6] = [
    Odd::Fifo,
    Odd::Socket,
    Odd::Folder,
    Odd::Device,
    Odd::Link,
    Odd::Dangling,
];

impl Odd {
    fn refusal(self) -> Refusal {
        match self {
            Self::Fifo => Refusal::Fifo,
            Self::Socket => Refusal::Socket,
            Self::Folder => Refusal::Directory,
            Self::Device => Refusal::Device,
            Self::Link | Self::Dangling => Refusal::Symlink,
        }
    }

    /// Puts it there; false where this user may not make it, and then it is said.
    fn put(self, path: &Path, victim: &Path) -> bool {
        let run = |words: &[&str]| {
            let mut command = Command::new(words[0]);
            let status = command.args(&words[1..]).status();
            assert!(status.unwrap().success(), "{words:?}");
        };
        let text = path.to_str().unwrap();
        match self {
            Self::Fifo => run(&["mkfifo", text]),
            // Nobody listens any more once this is dropped; the socket stays.
            Self::Socket => drop(UnixListener::bind(path).unwrap()),
            Self::Folder => std::fs::create_dir(path).unwrap(),
            Self::Device if !is_root() => {
                skipped("a device at a path of ours: only root makes one");
                return false;
            }
            Self::Device => run(&["mknod", text, "c", "1", "3"]),
            Self::Link => symlink(victim, path).unwrap(),
            Self::Dangling => symlink("/nowhere/at/all", path).unwrap(),
        }
        true
    }
}

/// Everything in a folder and below it, with what each file says.
fn picture(dir: &Path) -> Vec<(PathBuf, u64, Option<Vec<u8>>)> {
    let mut seen = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = std::fs::symlink_metadata(&path).unwrap();
            if facts.is_dir() {
                folders.push(path.clone());
            }
            let text = facts.is_file().then(|| std::fs::read(&path).unwrap());
            seen.push((path, facts.ino(), text));
        }
    }
    seen.sort();
    seen
}

fn why(error: &LatchError) -> Option<Refusal> {
    match error {
        LatchError::Refused { why, .. } => Some(*why),
        _ => None,
    }
}

#[tokio::test]
async fn whatever_else_stands_at_a_path_of_ours_is_refused_by_name_and_left_as_it_is() {
    let paths: [fn(&Room) -> PathBuf; 3] = [Room::transcript, Room::peer_lock, |room| {
        room.sidecars().join("s.latch")
    }];
    for path in paths {
        for odd in ALL {
            let (room, victims) = (Room::empty(), Room::new());
            let path = path(&room);
            let _it_is_there = std::fs::create_dir(path.parent().unwrap());
            if !odd.put(&path, &victims.transcript()) {
                continue;
            }
            let before = picture(victims.path());
            let error = attempt(&latches(), &room).await.unwrap_err();
            assert_eq!(
                why(&error),
                Some(odd.refusal()),
                "{odd:?} at {path:?}: {error}"
            );
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
            assert_eq!(picture(victims.path()), before, "{odd:?} at {path:?}");
            let left = room.names();
            assert!(left.iter().all(|name| !name.ends_with(".tmp")), "{left:?}");
        }
    }
}

#[tokio::test]
async fn whatever_else_stands_where_the_sidecars_belong_is_refused_by_name_and_left_as_it_is() {
    for odd in ALL {
        if matches!(odd, Odd::Folder) {
            continue;
        }
        let (room, victims) = (Room::new(), Room::new());
        let target = match odd {
            Odd::Link => victims.path().to_path_buf(),
            _ => victims.transcript(),
        };
        if !odd.put(&room.sidecars(), &target) {
            continue;
        }
        let before = (picture(victims.path()), picture(room.path()));
        let error = attempt(&latches(), &room).await.unwrap_err();
        assert_eq!(why(&error), Some(Refusal::NotAFolder), "{odd:?}: {error}");
        let claim = latches().claim(&room.site(), "turn", Wait::Never).await;
        let error = claim.map(drop).unwrap_err();
        assert!(
            matches!(&error, ClaimError::Latch(error) if why(error) == Some(Refusal::NotAFolder)),
            "{odd:?}: {error}"
        );
        assert_eq!(
            (picture(victims.path()), picture(room.path())),
            before,
            "{odd:?}"
        );
    }
}

#[tokio::test]
async fn whatever_else_stands_at_a_claims_path_holds_up_no_turn_for_ever_and_is_left_as_it_is() {
    for odd in ALL {
        let (room, victims) = (Room::new(), Room::new());
        let ours = latches();
        drop(
            ours.claim(&room.site(), "first", Wait::Never)
                .await
                .unwrap(),
        );
        let path = room.sidecars().join("s.claim.7");
        if !odd.put(&path, &victims.transcript()) {
            continue;
        }
        let before = picture(victims.path());
        match ours.claim(&room.site(), "second", Wait::Never).await {
            Ok(claim) => assert_eq!(claim.fence().epoch, 8, "{odd:?}"),
            Err(error) => assert!(error.to_string().contains("s.claim.7"), "{odd:?}: {error}"),
        }
        // Taking over needs nobody's consent, and not that of such a thing either.
        let over = ours
            .take_over(&room.site(), "third", "it is no claim")
            .unwrap();
        assert!(over.fence().epoch > 7, "{odd:?}");
        assert_eq!(picture(victims.path()), before, "{odd:?}");
    }
}

#[tokio::test]
async fn a_session_reached_through_a_link_a_bind_mount_or_dots_is_one_session_for_every_process() {
    if acted() {
        return;
    }
    let test = "paths::a_session_reached_through_a_link_a_bind_mount_or_dots_is_one_session_for_every_process";
    let (room, names, cast) = (Room::new(), Room::empty(), Cast::of(test));
    let linked = names.file("linked");
    symlink(room.path(), &linked).unwrap();
    let bound = names.file("bound");
    std::fs::create_dir(&bound).unwrap();
    let mounted = Mounted::with(&["--bind", room.path().to_str().unwrap()], &bound);
    let ours = latches();
    let latched = take(&ours, &room).await;
    let mut paths = vec![linked, room.file(".latchwork/..")];
    paths.extend(mounted.as_ref().map(|mounted| mounted.0.clone()));
    for path in paths {
        let said = cast.attempt(World::THIS, "other", &path).await;
        assert!(said.contains("is busy: its latch"), "{path:?}: {said}");
        let own = ours
            .latch(&crate::support::site(&path), Phase::SIDE, Wait::Never)
            .await;
        let error = own.map(drop).unwrap_err();
        assert!(
            matches!(
                &error,
                LatchError::Busy {
                    obstacle: Obstacle::OwnProcess,
                    ..
                }
            ),
            "{path:?}: {error}"
        );
    }
    drop(latched);
}

#[tokio::test]
async fn a_transcript_that_is_bound_into_another_folder_is_held_by_its_inode() {
    if acted() {
        return;
    }
    let test = "paths::a_transcript_that_is_bound_into_another_folder_is_held_by_its_inode";
    let (room, other, cast) = (Room::new(), Room::new(), Cast::of(test));
    let words = ["--bind", room.transcript().to_str().unwrap()].map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(_mounted) = Mounted::with(&words, &other.transcript()) else {
        return;
    };
    let latched = take(&latches(), &room).await;
    let said = cast.attempt(World::THIS, "through", other.path()).await;
    assert!(said.contains("is busy: its transcript"), "{said}");
    latched.release().await;
    let said = cast.attempt(World::THIS, "after", other.path()).await;
    assert_eq!(said, "granted");
}

#[tokio::test]
async fn the_longest_session_id_has_room_for_every_file_of_ours_and_a_longer_one_is_refused() {
    let room = Room::empty();
    let longest = "x".repeat(200);
    let site = Site::new(room.path(), &longest, &format!("{longest}.jsonl")).unwrap();
    let ours = latches();
    let claim = ours.claim(&site, "turn", Wait::Never).await.unwrap();
    let latched = ours.latch(&site, Phase::RECORD, Wait::Never).await.unwrap();
    let write = latched.begin().unwrap();
    let staged = write.stage().unwrap();
    write.create(staged).unwrap();
    write.check().unwrap();
    assert!(room.names().contains(&format!("{longest}.jsonl.lock")));
    drop((write, latched, claim));
    assert!(room.names().iter().all(|name| !name.ends_with(".tmp")));
    // 246 bytes fit with `.jsonl`, and not with `.jsonl.lock`: refused before anything is made.
    let too_long = "x".repeat(246);
    let error = Site::new(room.path(), &too_long, &format!("{too_long}.jsonl")).unwrap_err();
    assert!(error.to_string().contains("at most 200 bytes"), "{error}");
}
