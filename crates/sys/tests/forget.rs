//! What the system keeps of a file in memory is dropped when that is asked for.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::IoSliceMut;
use std::path::Path;

use latchwork_sys::{Disk, OpenHow, RealDisk};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// Whether the byte at this place is in memory; `None` where the filesystem does not tell.
fn is_cached(path: &Path, at: u64) -> Option<bool> {
    let file = File::open(path).ok()?;
    let mut room = [0; 1];
    match preadv2(
        &file,
        &mut [IoSliceMut::new(&mut room)],
        at,
        ReadWriteFlags::NOWAIT,
    ) {
        Ok(_) => Some(true),
        Err(Errno::AGAIN) => Some(false),
        Err(_) => None,
    }
}

#[test]
fn what_is_forgotten_is_read_from_the_device_again_also_where_the_place_lies_within_a_large_page() {
    // On the disk that the build is on: `/tmp` is often memory, which nothing can be dropped from.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = dir.path().join("f");
    let file = RealDisk
        .open(&path, &OpenHow::appending().or_create())
        .unwrap();
    for length in [100, 1 << 20] {
        let before = file.facts().unwrap().size;
        let bytes = vec![b'x'; length];
        assert_eq!(file.append(&bytes).unwrap(), length);
        file.sync_all().unwrap();
        let (from, behind) = (before + 50, before + 60);
        let is_told = is_cached(&path, behind).is_some();
        file.forget_cached(from).unwrap();
        if is_told {
            assert_eq!(is_cached(&path, behind), Some(false));
        }
    }
    let all = latchwork_sys::read_at_most(&*file, 2 << 20).unwrap();
    assert_eq!(all, vec![b'x'; 100 + (1 << 20)]);
}
