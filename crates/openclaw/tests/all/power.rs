//! The power goes at any moment: the store is the old one or the new one, whole, and what was acknowledged is there.

use std::path::Path;
use std::sync::Arc;

use latchwork_filelock::{Latches, Options, PeerLock};
use latchwork_openclaw::{SessionIndex, SessionsJson, StoreOptions};
use latchwork_sys::{
    Dice, Disk, OpenHow, PowerLoss, RealEntropy, SimDisk, read_at_most, write_whole,
};

use crate::bench::*;

const STORE: &str = "/s/sessions.json";
const SEEDS: u64 = 6;

fn text(disk: &dyn Disk) -> String {
    let file = disk.open(Path::new(STORE), &OpenHow::reading()).unwrap();
    String::from_utf8(read_at_most(&*file, 1 << 20).unwrap()).unwrap()
}

/// As many sectors as make it worth something to lose one.
fn old() -> String {
    let mut rows = SessionsJson::default();
    for n in 0..60 {
        put(&mut rows, &format!("agent:main:{n}"), "s", n);
    }
    rows.to_text()
}

fn index(disk: &SimDisk) -> SessionIndex {
    let options = Options {
        peer_lock: PeerLock::Never,
        ..Options::default()
    };
    let latches = Latches::new(system_on(Arc::new(disk.process())), options);
    SessionIndex::new(latches, STORE, StoreOptions::default()).unwrap()
}

#[test]
fn whenever_the_power_goes_the_store_is_the_old_one_or_the_new_one_and_stays_the_new_one_once_told()
{
    let disk = SimDisk::new(7);
    let process = disk.process();
    process.create_dir(Path::new("/s"), 0o700).unwrap();
    process.sync_dir(Path::new("/")).unwrap();
    let old = old();
    write_whole(
        &process,
        &RealEntropy,
        Path::new(STORE),
        old.as_bytes(),
        0o600,
    )
    .unwrap();
    disk.record();
    let first = block_on(index(&disk).update(WAIT, |rows| put(rows, "agent:main:7", "x", 1)));
    let (told, new) = (disk.log().len(), first.unwrap().rows.to_text());
    let removed = block_on(index(&disk).update(WAIT, |rows| rows.remove("agent:main:8")));
    let (end, newest) = (disk.log().len(), removed.unwrap().rows.to_text());
    let log = disk.log();
    let mut seen = [0; 3];
    for ops in 0..=end {
        for how in [PowerLoss::Journal, PowerLoss::Strict] {
            for seed in 0..SEEDS {
                let after = log.crash_at(ops, &mut Dice::new(seed), how);
                let found = text(&after.process());
                let which = [&old, &new, &newest]
                    .iter()
                    .position(|text| **text == found);
                let which = which.unwrap_or_else(|| {
                    panic!("a mixture after change {ops}, {how:?}, seed {seed}: {found}")
                });
                assert!(
                    ops < told || which >= 1,
                    "lost after change {ops}, {how:?}, seed {seed}"
                );
                assert!(
                    ops < end || which == 2,
                    "lost at the end, {how:?}, seed {seed}"
                );
                seen[which] += 1;
                // Whoever comes then works on.
                if seed == 0 {
                    block_on(index(&after).update(WAIT, |rows| put(rows, "then", "t", 1))).unwrap();
                    let rows = SessionsJson::parse(&text(&after.process())).unwrap();
                    assert!(rows.get("then").is_some() && rows.len() >= 60);
                }
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}
