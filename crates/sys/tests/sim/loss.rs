//! What a cut can leave of a disk: everything that it may, and nothing else. All choices are tried.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use latchwork_sys::{
    Disk, DiskFile, Fault, FaultDisk, FaultOutcome, Odometer, OpenHow, PowerLoss, SimDisk,
    SimProcess, read_at_most, write_whole,
};

const EIO: i32 = 5;
const BOTH: [PowerLoss; 2] = [PowerLoss::Journal, PowerLoss::Strict];

fn open(disk: &dyn Disk, path: &str) -> Box<dyn DiskFile> {
    let how = OpenHow::appending().or_create();
    disk.open(Path::new(path), &how).unwrap()
}

fn bytes(disk: &dyn Disk, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(Path::new(path), &OpenHow::reading()).ok()?;
    Some(read_at_most(&*file, 1 << 20).unwrap())
}

fn synced(disk: &dyn Disk, path: &str, content: &[u8]) -> Box<dyn DiskFile> {
    let file = open(disk, path);
    file.append(content).unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    file
}

/// All that can be found after a cut now.
fn found<T: Ord>(sim: &SimDisk, how: PowerLoss, look: impl Fn(&SimProcess) -> T) -> BTreeSet<T> {
    let mut all = Odometer::default();
    let mut found = BTreeSet::new();
    while all.next_round() {
        found.insert(look(&sim.crash(&mut all, how).process()));
    }
    found
}

fn start() -> (SimDisk, SimProcess) {
    let sim = SimDisk::new(3);
    let process = sim.process();
    (sim, process)
}

#[test]
fn unsynced_bytes_are_kept_lost_torn_or_zero_and_synced_ones_are_kept() {
    let (sim, disk) = start();
    let file = synced(&disk, "/f", b"old\n");
    file.append(&[b'n'; 1100]).unwrap();
    let all = found(&sim, PowerLoss::Journal, |disk| bytes(disk, "/f").unwrap());
    for one in &all {
        assert_eq!(&one[..4], b"old\n");
        assert!(one.len() <= 1104);
        // A sector is whole: all of its new bytes, or none of them.
        for sector in one[4..512.min(one.len())]
            .chunks(508)
            .chain(one.get(512..).into_iter().flat_map(|rest| rest.chunks(512)))
        {
            assert!(sector.iter().all(|b| *b == b'n') || sector.iter().all(|b| *b == 0));
        }
    }
    let of = |new: &[(u8, usize)]| {
        let mut one = b"old\n".to_vec();
        new.iter()
            .for_each(|(byte, count)| one.extend(vec![*byte; *count]));
        one
    };
    for (what, one) in [
        ("lost", of(&[])),
        ("kept", of(&[(b'n', 1100)])),
        ("torn behind its first sector", of(&[(b'n', 508)])),
        ("torn, the size ahead", of(&[(b'n', 508), (0, 592)])),
        (
            "torn in the middle",
            of(&[(b'n', 508), (0, 512), (b'n', 80)]),
        ),
        ("zero", of(&[(0, 1100)])),
        ("torn in its front", of(&[(0, 508), (b'n', 592)])),
    ] {
        assert!(all.contains(&one), "never {what}");
    }
    file.sync_all().unwrap();
    assert_eq!(
        found(&sim, PowerLoss::Strict, |disk| bytes(disk, "/f")).len(),
        1
    );
}

#[test]
fn of_bytes_written_over_others_each_sector_is_from_one_moment_and_never_from_one_before_its_sync()
{
    let (sim, disk) = start();
    let file = synced(&disk, "/f", &[b'0'; 1024]);
    file.write_at(&[b'1'; 1024], 0).unwrap();
    file.write_at(&[b'2'; 100], 500).unwrap();
    let all = found(&sim, PowerLoss::Strict, |disk| bytes(disk, "/f").unwrap());
    let sectors = |nth: usize| -> BTreeSet<Vec<u8>> {
        all.iter()
            .map(|one| one[nth * 512..(nth + 1) * 512].to_vec())
            .collect()
    };
    let one = |parts: [(u8, usize); 2]| {
        parts
            .iter()
            .flat_map(|(byte, count)| vec![*byte; *count])
            .collect::<Vec<u8>>()
    };
    let first = [
        one([(b'0', 512), (b'0', 0)]),
        one([(b'1', 512), (b'1', 0)]),
        one([(b'1', 500), (b'2', 12)]),
    ];
    let second = [
        one([(b'0', 512), (b'0', 0)]),
        one([(b'1', 512), (b'1', 0)]),
        one([(b'2', 88), (b'1', 424)]),
    ];
    assert_eq!(sectors(0), first.into_iter().collect());
    assert_eq!(sectors(1), second.into_iter().collect());
    assert_eq!(all.len(), 9, "sectors are lost each by itself");
}

#[test]
fn a_new_name_can_be_lost_until_its_directory_and_those_above_it_are_synced() {
    for how in BOTH {
        let (sim, disk) = start();
        disk.create_dir(Path::new("/d"), 0o700).unwrap();
        let file = open(&disk, "/d/f");
        file.append(b"x").unwrap();
        file.sync_all().unwrap();
        let look = |disk: &SimProcess| bytes(disk, "/d/f");
        let either: BTreeSet<_> = [None, Some(b"x".to_vec())].into();
        assert_eq!(found(&sim, how, look), either, "nothing synced");
        disk.sync_dir(Path::new("/d")).unwrap();
        assert_eq!(found(&sim, how, look), either, "the directory's own name");
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(found(&sim, how, look), [Some(b"x".to_vec())].into());
    }
}

#[test]
fn a_removed_name_comes_back_until_its_directory_is_synced() {
    for how in BOTH {
        let (sim, disk) = start();
        drop(synced(&disk, "/f", b"x"));
        disk.remove(Path::new("/f")).unwrap();
        let look = |disk: &SimProcess| bytes(disk, "/f");
        assert_eq!(found(&sim, how, look), [None, Some(b"x".to_vec())].into());
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(found(&sim, how, look), [None].into());
    }
}

#[test]
fn names_are_lost_from_the_end_in_a_journal_and_each_by_itself_without_one() {
    for (how, lone_second) in [(PowerLoss::Journal, false), (PowerLoss::Strict, true)] {
        let (sim, disk) = start();
        open(&disk, "/a");
        open(&disk, "/b");
        let look = |disk: &SimProcess| (bytes(disk, "/a").is_some(), bytes(disk, "/b").is_some());
        let all = found(&sim, how, look);
        assert_eq!(all.contains(&(false, true)), lone_second, "{how:?}");
        for other in [(false, false), (true, false), (true, true)] {
            assert!(all.contains(&other), "{how:?}: {other:?}");
        }
    }
}

#[test]
fn what_is_done_to_one_name_is_kept_in_its_order_whatever_else_is_lost() {
    for how in BOTH {
        let (sim, disk) = start();
        drop(synced(&disk, "/f", b"old"));
        disk.rename(Path::new("/f"), Path::new("/g")).unwrap();
        let new = open(&disk, "/f");
        new.append(b"new").unwrap();
        new.sync_all().unwrap();
        let all = found(&sim, how, |disk| (bytes(disk, "/f"), bytes(disk, "/g")));
        let (old, new) = (Some(b"old".to_vec()), Some(b"new".to_vec()));
        let expected = [(old.clone(), None), (None, old.clone()), (new, old)];
        assert_eq!(all, expected.into(), "{how:?}");
    }
}

#[test]
fn a_rename_without_a_sync_before_it_can_leave_an_empty_file_and_one_with_it_cannot() {
    for how in BOTH {
        for is_synced in [false, true] {
            let (sim, disk) = start();
            drop(synced(&disk, "/f", b"old"));
            let new = open(&disk, "/new");
            new.append(b"new").unwrap();
            if is_synced {
                new.sync_all().unwrap();
            }
            disk.rename(Path::new("/new"), Path::new("/f")).unwrap();
            disk.sync_dir(Path::new("/")).unwrap();
            let all = found(&sim, how, |disk| bytes(disk, "/f"));
            assert_eq!(all.contains(&Some(Vec::new())), !is_synced);
            assert_eq!(all.contains(&Some(vec![0; 3])), !is_synced);
            assert!(all.contains(&Some(b"new".to_vec())) && !all.contains(&None));
        }
    }
}

#[test]
fn a_rename_is_seen_whole_or_not_at_all_also_from_one_directory_into_another() {
    for how in BOTH {
        let (sim, disk) = start();
        for dir in ["/1", "/2"] {
            disk.create_dir(Path::new(dir), 0o700).unwrap();
        }
        drop(synced(&disk, "/1/a", b"x"));
        let look =
            |disk: &SimProcess| (bytes(disk, "/1/a").is_some(), bytes(disk, "/2/b").is_some());
        disk.rename(Path::new("/1/a"), Path::new("/2/b")).unwrap();
        // The name `/1/a` was never made durable, and it does not matter: the rename that takes it away is.
        disk.sync_dir(Path::new("/2")).unwrap();
        assert_eq!(found(&sim, how, look), [(false, true)].into());
        disk.sync_dir(Path::new("/1")).unwrap();
        disk.rename(Path::new("/2/b"), Path::new("/1/a")).unwrap();
        assert_eq!(
            found(&sim, how, look),
            [(false, true), (true, false)].into()
        );
    }
}

#[test]
fn garbage_is_found_in_strict_mode_only_and_never_in_what_was_synced() {
    let (sim, disk) = start();
    let file = synced(&disk, "/f", b"old");
    file.append(b"new!").unwrap();
    let strange = |how| {
        let all = found(&sim, how, |disk| bytes(disk, "/f").unwrap());
        assert!(all.iter().all(|one| one.starts_with(b"old")));
        all.iter()
            .any(|one| one.iter().any(|byte| !b"oldnew!\0".contains(byte)))
    };
    assert!(strange(PowerLoss::Strict));
    assert!(!strange(PowerLoss::Journal));
}

#[test]
fn only_a_device_that_lies_loses_what_was_synced() {
    for how in [PowerLoss::Journal, PowerLoss::Strict, PowerLoss::FlushLies] {
        let sim = SimDisk::new(0);
        sim.record();
        drop(synced(&sim.process(), "/f", b"x"));
        let log = sim.log();
        let mut all = Odometer::default();
        let mut lost = false;
        while all.next_round() {
            let after = log.crash_at(log.len(), &mut all, how);
            lost |= bytes(&after.process(), "/f").as_deref() != Some(b"x");
        }
        assert_eq!(lost, how == PowerLoss::FlushLies, "{how:?}");
    }
}

#[test]
fn a_sync_that_is_a_lie_leaves_bytes_and_names_to_be_lost() {
    let (sim, process) = start();
    let disk = FaultDisk::new(Arc::new(process));
    disk.add(Fault::any(FaultOutcome::LyingSync).sticky());
    write_whole(
        &disk,
        &latchwork_sys::RealEntropy,
        Path::new("/f"),
        b"x",
        0o600,
    )
    .unwrap();
    let all = found(&sim, PowerLoss::Strict, |disk| bytes(disk, "/f"));
    assert!(all.contains(&None) && all.contains(&Some(Vec::new())));
    disk.heal();
    disk.open(Path::new("/f"), &OpenHow::reading())
        .unwrap()
        .sync_all()
        .unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let all = found(&sim, PowerLoss::Strict, |disk| bytes(disk, "/f"));
    assert_eq!(all, [Some(b"x".to_vec())].into());
}

#[test]
fn after_a_failed_sync_the_cache_shows_what_the_device_lacks_and_a_later_sync_says_that_all_is_well()
 {
    let (sim, disk) = start();
    let first = "a".repeat(5000);
    let file = synced(&disk, "/f", first.as_bytes());
    let bystander = open(&disk, "/f");
    file.append(&[b'b'; 5000]).unwrap();
    sim.fail_next_sync(Path::new("/f"), EIO).unwrap();
    assert_eq!(file.sync_all().unwrap_err().raw_os_error(), Some(EIO));
    file.sync_all().unwrap();
    assert_eq!(bytes(&disk, "/f").unwrap().len(), 10_000, "it can be read");
    assert_eq!(
        found(&sim, PowerLoss::Strict, |disk| bytes(disk, "/f")),
        [Some(first.clone().into_bytes())].into(),
        "and is not there after a cut"
    );
    // Each descriptor is told once; one that is opened afterwards is not.
    assert!(bystander.sync_all().is_err());
    bystander.sync_all().unwrap();
    open(&disk, "/f").sync_all().unwrap();
    // Later bytes go to the device with their page; the pages between are missing.
    file.append(b"c").unwrap();
    file.sync_all().unwrap();
    let fresh = open(&disk, "/f");
    fresh.forget_cached(0).unwrap();
    let now = bytes(&disk, "/f").unwrap();
    assert_eq!((now.len(), now[10_000]), (10_001, b'c'));
    assert!(
        now[5000..8192].iter().all(|byte| *byte == 0),
        "a run of NUL"
    );
    assert!(now[8192..10_000].iter().all(|byte| *byte == b'b'));
    assert_eq!(&now[..5000], first.as_bytes());
}

#[test]
fn what_waits_for_a_sync_is_not_forgotten_with_the_cache() {
    let (_sim, disk) = start();
    let file = synced(&disk, "/f", b"old");
    file.append(b"new").unwrap();
    file.forget_cached(0).unwrap();
    assert_eq!(bytes(&disk, "/f").unwrap(), b"oldnew");
}

#[test]
fn permission_bits_that_were_not_synced_can_be_lost() {
    let (sim, disk) = start();
    let file = synced(&disk, "/f", b"x");
    file.set_mode(0o644).unwrap();
    let look = |disk: &SimProcess| disk.facts(Path::new("/f")).unwrap().mode;
    assert_eq!(found(&sim, PowerLoss::Journal, look), [0o600, 0o644].into());
    file.sync_all().unwrap();
    assert_eq!(found(&sim, PowerLoss::Journal, look), [0o644].into());
}
