//! Filesystems that are full, kept in memory or read-only: mounted for the purpose, where that is permitted.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::{Bench, picture};

const SKIPPED: &str = "SKIPPED(mounts): a small filesystem cannot be mounted here";

/// A small filesystem in memory, gone when dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn with(bench: &Bench, options: &str) -> Option<Self> {
        let point = bench.home.path("disk");
        std::fs::create_dir(&point).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&point)
            .output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then(|| Self(point))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn wrong(bench: &Bench, dir: &Path) -> Vec<String> {
    let before = picture(dir);
    let found = bench.findings(&[dir.to_str().unwrap()]);
    assert_eq!(before, picture(dir));
    found.wrong().into_iter().map(str::to_owned).collect()
}

#[test]
fn memory_little_room_and_few_files_are_told() {
    let bench = Bench::healthy();
    let Some(disk) = Mounted::with(&bench, "size=1m,nr_inodes=64,mode=700") else {
        println!("{SKIPPED}");
        return;
    };
    assert_eq!(
        wrong(&bench, disk.path()),
        ["fs.sync", "fs.space", "fs.inodes"]
    );
}

#[test]
fn room_enough_in_memory_is_told_for_its_memory_alone_and_a_read_only_one_for_that_too() {
    let bench = Bench::healthy();
    let Some(disk) = Mounted::with(&bench, "size=256m,nr_inodes=4096,mode=700") else {
        println!("{SKIPPED}");
        return;
    };
    assert_eq!(wrong(&bench, disk.path()), ["fs.sync"]);
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(disk.path())
        .status();
    if remounted.is_ok_and(|status| status.success()) {
        assert_eq!(wrong(&bench, disk.path()), ["fs.sync", "fs.read-only"]);
    }
}
