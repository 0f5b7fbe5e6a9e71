//! The doctor as a library: on disks that fail or are not to be trusted, and on rubbish.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "each test is a task of its own, and a test that fails says so"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use latchwork::doctor::{Doctor, Outcome, Report, Target};
use latchwork::lock::LockScope;
use latchwork::sys::{FsKind, RealDisk, System};
use latchwork::transcript::Options;
use latchwork_sys::{Fault, FaultDisk, FaultOutcome, Operation};
use proptest::prelude::*;

fn examined(system: &System, dir: &Path, options: &Options, fix: bool, deep: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let target = Target {
        dir: dir.to_path_buf(),
        only: None,
        is_ours: true,
    };
    runtime.block_on(async {
        let mut scope = LockScope::open();
        let doctor = Doctor::new(system.clone(), options).fix(fix).deep(deep);
        doctor.examine(&[target], &mut scope).await
    })
}

/// What is wrong with a folder of one sound transcript on a disk with this fault.
fn with_fault(fault: Fault, options: &Options) -> Vec<&'static str> {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let header = r#"{"type":"session","version":3,"id":"s","timestamp":"t","cwd":"/"}"#;
    let path = dir.path().join("s.jsonl");
    fs::write(&path, format!("{header}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    disk.add(fault.sticky());
    let system = System {
        disk: Arc::new(disk),
        ..System::real()
    };
    let report = examined(&system, dir.path(), options, false, false);
    report
        .findings
        .iter()
        .map(|finding| finding.sort.id)
        .collect()
}

#[test]
fn what_a_disk_refuses_or_cannot_promise_is_told_by_name() {
    let (eio, eacces, enolck) = (5, 13, 37);
    let none = Options::default();
    let nfs = || Fault::on(Operation::Filesystem, FaultOutcome::Filesystem(FsKind::Nfs));
    let found = with_fault(nfs(), &none);
    assert!(
        found.contains(&"fs.untrusted") && found.contains(&"fs.sync-unknown"),
        "{found:?}"
    );
    let mut allowed = Options::default();
    allowed.locks.allow_network_fs = true;
    let found = with_fault(nfs(), &allowed);
    assert!(
        found.contains(&"fs.kind") && !found.contains(&"fs.untrusted"),
        "{found:?}"
    );
    for (operation, outcome, id) in [
        (Operation::Lock, FaultOutcome::PretendLocked, "fs.locks"),
        (
            Operation::Lock,
            FaultOutcome::Errno(enolck),
            "fs.locks-unknown",
        ),
        (Operation::SyncDir, FaultOutcome::Errno(eio), "fs.sync"),
        (
            Operation::List,
            FaultOutcome::Errno(eio),
            "folder.unreadable",
        ),
    ] {
        let found = with_fault(Fault::on(operation, outcome), &none);
        assert!(found.contains(&id), "{id} in {found:?}");
    }
    let unreadable = Fault::on(Operation::Open, FaultOutcome::Errno(eacces)).at("s.jsonl");
    let found = with_fault(unreadable, &none);
    assert!(found.contains(&"file.unreadable"), "{found:?}");
    let sound = with_fault(
        Fault::on(Operation::Rename, FaultOutcome::Errno(eio)),
        &none,
    );
    let wrong = [
        "fs.untrusted",
        "fs.locks",
        "fs.locks-unknown",
        "folder.unreadable",
        "file.unreadable",
    ];
    assert!(!sound.iter().any(|id| wrong.contains(id)), "{sound:?}");
}

#[test]
fn the_locks_of_a_session_store_are_no_leftovers_of_a_session() {
    use latchwork::filelock::Latches;
    use latchwork::openclaw_home::{SessionIndex, StoreOptions};
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let latches = Latches::new(System::real(), latchwork::filelock::Options::default());
    let store = dir.path().join("sessions.json");
    let index = SessionIndex::new(latches, store, StoreOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let row = serde_json::json!({ "sessionId": "s" });
    let put = |rows: &mut latchwork::openclaw_home::SessionsJson| rows.put("a", &row).unwrap();
    let written = runtime
        .unwrap()
        .block_on(index.update(latchwork::lock::Wait::Forever, put));
    assert!(written.unwrap().written);
    let none = Options::default();
    let report = examined(&System::real(), dir.path(), &none, true, true);
    let sorts: Vec<_> = report.findings.iter().map(|one| one.sort.id).collect();
    assert!(
        !sorts
            .iter()
            .any(|sort| sort.starts_with("left.") || sort.starts_with("folder.")),
        "{sorts:?}"
    );
    let kept = dir.path().join(".latchwork/sessions.json.latch");
    assert!(kept.exists());
}

#[test]
fn options_that_cannot_be_used_are_told_and_the_rest_is_examined_with_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.locks.max_hold_ms = 0;
    let report = examined(&System::real(), dir.path(), &options, false, false);
    assert_eq!(report.findings[0].sort.id, "settings.fault");
    assert!(report.remains() && report.folders.len() == 1);
}

#[test]
fn a_latch_that_is_another_name_of_a_file_is_refused_and_the_file_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    let sidecars = dir.path().join("sessions/.latchwork");
    fs::create_dir_all(&sidecars).unwrap();
    fs::write(&outside, "not yours").unwrap();
    fs::hard_link(&outside, sidecars.join("a.latch")).unwrap();
    let head = sidecars.join("a.head");
    fs::write(&head, "left").unwrap();
    let report = examined(
        &System::real(),
        &dir.path().join("sessions"),
        &Options::default(),
        true,
        false,
    );
    assert_eq!(fs::read(&outside).unwrap(), b"not yours");
    assert!(head.exists());
    let left = report
        .findings
        .iter()
        .find(|finding| finding.sort.id == "left.head");
    assert!(
        matches!(left.unwrap().outcome, Outcome::Failed(_)),
        "{left:?}"
    );
}

/// One piece of rubbish.
#[derive(Clone, Debug)]
struct Piece {
    folder: &'static str,
    name: Vec<u8>,
    kind: u8,
    content: Vec<u8>,
    mode: u32,
    hours: u64,
}

const FOLDERS: [&str; 4] = ["", ".latchwork", ".latchwork/a.quarantine", "sub"];

fn name() -> impl Strategy<Value = Vec<u8>> {
    let stem = prop_oneof![
        Just(b"a".to_vec()),
        Just(b"b.c".to_vec()),
        Just(b"we ird".to_vec()),
        Just(b"\xff\x1b".to_vec()),
        Just(b"0123456789abcdef01234567".to_vec()),
        proptest::collection::vec(any::<u8>(), 1..6),
    ];
    let ending = prop_oneof![
        Just(".jsonl"),
        Just(".jsonl.lock"),
        Just(".latch"),
        Just(".claim.1"),
        Just(".claim.7"),
        Just(".claim.7.ask"),
        Just(".joined"),
        Just(".head"),
        Just(".index"),
        Just(".inbox.jsonl"),
        Just(".quarantine"),
        Just(".tmp"),
        Just(""),
    ];
    (any::<bool>(), stem, ending).prop_map(|(dot, stem, ending)| {
        let mut name = if dot { vec![b'.'] } else { Vec::new() };
        name.extend(stem.into_iter().filter(|byte| !matches!(byte, 0 | b'/')));
        name.extend_from_slice(ending.as_bytes());
        name
    })
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(r#"{"type":"session","version":3,"id":"s","timestamp":"t","cwd":"/"}"#.to_owned()),
        Just(r#"{"type":"message","id":"a","parentId":null,"timestamp":"t","message":{"role":"user","content":"x"}}"#.to_owned()),
        Just(r#"{"type":"message","id":"b","par"#.to_owned()),
        Just(r#"{"pid":4194999,"createdAt":"2026-01-01T00:00:00.000Z"}"#.to_owned()),
        Just(r#"{"pid":1,"createdAt":"\u001b","starttime":1,"nonce":"n"}"#.to_owned()),
        Just(r#"{"leaf":"a","at":99999999999,"witness":1}"#.to_owned()),
        "\\PC{0,30}",
    ];
    let lines = proptest::collection::vec(line, 0..4);
    let text = (lines, any::<bool>()).prop_map(|(lines, closed)| {
        let mut text = lines.join("\n");
        if closed {
            text.push('\n');
        }
        text.into_bytes()
    });
    prop_oneof![4 => text, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
}

fn piece() -> impl Strategy<Value = Piece> {
    let folder = prop_oneof![
        Just(FOLDERS[0]),
        Just(FOLDERS[1]),
        Just(FOLDERS[1]),
        Just(FOLDERS[2]),
        Just(FOLDERS[3])
    ];
    let mode = prop_oneof![Just(0o600), Just(0o644), Just(0o000), Just(0o777)];
    (folder, name(), 0..9_u8, content(), mode, 0..3_u64).prop_map(
        |(folder, name, kind, content, mode, hours)| Piece {
            folder,
            name,
            kind,
            content,
            mode,
            hours,
        },
    )
}

/// Puts the rubbish into a folder; beside it lies a file that links may lead to.
fn put(dir: &Path, pieces: &[Piece]) {
    let sessions = dir.join("sessions");
    for folder in FOLDERS {
        fs::create_dir_all(sessions.join(folder)).unwrap();
    }
    fs::write(dir.join("outside"), "not yours").unwrap();
    for piece in pieces {
        let name = std::ffi::OsStr::from_bytes(&piece.name);
        let path = sessions.join(piece.folder).join(name);
        if name.is_empty() || path.symlink_metadata().is_ok() {
            continue;
        }
        // A name may be too long, or mean the folder itself: then it is none.
        let made = match piece.kind {
            0 => fs::create_dir(&path),
            1 => symlink(dir.join("outside"), &path),
            2 => fs::hard_link(dir.join("outside"), &path),
            3 => symlink(&path, &path),
            _ => fs::write(&path, &piece.content),
        };
        if made.is_ok() && piece.kind > 3 {
            fs::set_permissions(&path, fs::Permissions::from_mode(piece.mode)).unwrap();
            let when = SystemTime::now() - Duration::from_secs(piece.hours * 3_600);
            // As root any file may be opened; else the mode decides, and the time stays.
            if let Ok(file) = fs::File::open(&path) {
                file.set_modified(when).unwrap();
            }
        }
    }
}

type Picture = BTreeMap<PathBuf, (u32, u64, i64, i64, Vec<u8>)>;

fn picture(dir: &Path) -> Picture {
    let mut picture = Picture::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(path) = todo.pop() {
        let facts = fs::symlink_metadata(&path).unwrap();
        let content = if facts.is_file() {
            fs::read(&path).unwrap_or_default()
        } else {
            Vec::new()
        };
        if facts.is_dir() {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        picture.insert(
            path,
            (
                facts.mode(),
                facts.ino(),
                facts.mtime(),
                facts.mtime_nsec(),
                content,
            ),
        );
    }
    picture
}

/// Lock files, and what the locks of a session that is gone left, hold nothing.
fn holds_nothing(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    name.ends_with(".jsonl.lock") || latchwork::filelock::LockFile::named(&name).is_some()
}

/// The bytes of a file stand where they stood, but for one stretch that was overwritten with spaces and is kept elsewhere.
fn is_kept(before: &[u8], after: &[u8], all: &[Vec<u8>]) -> bool {
    let Some(stand) = after.get(..before.len()) else {
        return false;
    };
    let differs = |at: &usize| before[*at] != stand[*at];
    let (Some(first), Some(last)) = (
        (0..before.len()).find(differs),
        (0..before.len()).rev().find(differs),
    ) else {
        return true;
    };
    let lost = &before[first..=last];
    stand[first..=last].iter().all(|byte| *byte == b' ')
        && all
            .iter()
            .any(|kept| kept.windows(lost.len()).any(|window| window == lost))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rubbish_makes_no_doctor_panic_and_a_look_changes_nothing(
        pieces in proptest::collection::vec(piece(), 0..14), deep in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &pieces);
        let before = picture(dir.path());
        let report = examined(&System::real(), &dir.path().join("sessions"), &Options::default(), false, deep);
        prop_assert_eq!(report.fixed(), 0);
        prop_assert_eq!(before, picture(dir.path()));
    }

    #[test]
    fn a_repair_of_rubbish_loses_no_byte_and_the_second_one_has_nothing_to_do(
        pieces in proptest::collection::vec(piece(), 0..14), deep in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &pieces);
        let sessions = dir.path().join("sessions");
        let before = picture(dir.path());
        examined(&System::real(), &sessions, &Options::default(), true, deep);
        let after = picture(dir.path());
        let all: Vec<Vec<u8>> = after.values().map(|(.., content)| content.clone()).collect();
        prop_assert_eq!(&after[&dir.path().join("outside")], &before[&dir.path().join("outside")]);
        for (path, (.., content)) in &before {
            let stands = after.get(path).is_some_and(|(.., now)| is_kept(content, now, &all));
            let kept = content.is_empty() || stands || all.contains(content) || holds_nothing(path);
            prop_assert!(kept, "{path:?}: {content:?}");
        }
        let second = examined(&System::real(), &sessions, &Options::default(), true, deep);
        let fixed = second.findings.iter().find(|finding| matches!(finding.outcome, Outcome::Fixed(_)));
        prop_assert!(fixed.is_none(), "{fixed:?}");
        let now: Vec<_> = picture(dir.path()).into_iter().map(|(path, (.., content))| (path, content)).collect();
        let then: Vec<_> = after.into_iter().map(|(path, (.., content))| (path, content)).collect();
        // A session whose repair is refused each time may have its latch noted anew.
        let steady = |list: Vec<(PathBuf, Vec<u8>)>| {
            list.into_iter().filter(|(path, _)| !holds_nothing(path)).collect::<Vec<_>>()
        };
        prop_assert_eq!(steady(now), steady(then));
    }
}
