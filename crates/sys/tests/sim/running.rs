//! Processes of a machine in memory: they lock each other out, are killed, and leave what they wrote.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::mpsc;

use latchwork_sys::{Dice, Disk, OpenHow, SimDisk, read_at_most};

const ESRCH: i32 = 3;

fn how() -> OpenHow {
    OpenHow::appending().or_create()
}

#[test]
fn a_killed_process_leaves_its_bytes_and_no_lock_and_does_nothing_more() {
    let sim = SimDisk::new(0);
    let (doomed, other) = (sim.process(), sim.process());
    let file = doomed.open(Path::new("/f"), &how()).unwrap();
    let theirs = other.open(Path::new("/f"), &how()).unwrap();
    file.append(b"written").unwrap();
    assert!(file.try_lock().unwrap() && !theirs.try_lock().unwrap());
    doomed.kill();
    assert!(theirs.try_lock().unwrap());
    let late = file.append(b" too late").unwrap_err();
    assert_eq!(late.raw_os_error(), Some(ESRCH));
    assert!(doomed.remove(Path::new("/f")).is_err() && file.unlock().is_err());
    drop(file);
    assert_eq!(read_at_most(&*theirs, 100).unwrap(), b"written");
    assert!(
        !other
            .open(Path::new("/f"), &how())
            .unwrap()
            .try_lock()
            .unwrap()
    );
}

#[test]
fn who_waits_for_a_lock_gets_it_when_its_holder_lets_go_or_dies() {
    for dies in [false, true] {
        let sim = SimDisk::new(0);
        let (holder, waiter) = (sim.process(), sim.process());
        let held = holder.open(Path::new("/f"), &how()).unwrap();
        held.lock().unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let file = waiter.open(Path::new("/f"), &how()).unwrap();
                assert!(!file.try_lock().unwrap());
                tell.send(()).unwrap();
                file.lock().unwrap();
                tell.send(()).unwrap();
            });
            told.recv().unwrap();
            assert!(told.try_recv().is_err());
            if dies {
                holder.kill();
            } else {
                held.unlock().unwrap();
            }
            told.recv().unwrap();
        });
    }
}

#[test]
fn who_waits_for_a_lock_and_is_killed_waits_no_longer() {
    let sim = SimDisk::new(0);
    let (holder, waiter) = (sim.process(), sim.process());
    let held = holder.open(Path::new("/f"), &how()).unwrap();
    held.lock().unwrap();
    let file = waiter.open(Path::new("/f"), &how()).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || file.lock());
        waiter.kill();
        assert_eq!(
            waiting.join().unwrap().unwrap_err().raw_os_error(),
            Some(ESRCH)
        );
    });
}

#[test]
fn a_lock_lives_as_long_as_a_descriptor_that_was_shared_out_wherever_it_went() {
    let sim = SimDisk::new(0);
    let (owner, heir, other) = (sim.process(), sim.process(), sim.process());
    let file = owner.open(Path::new("/f"), &how()).unwrap();
    let contender = other.open(Path::new("/f"), &how()).unwrap();
    file.lock().unwrap();
    let shared = file.share().unwrap();
    let copy = shared.as_fd().try_clone_to_owned().unwrap();
    owner.kill();
    assert!(!contender.try_lock().unwrap(), "the descriptors live");
    let inherited = heir.adopt(shared, Path::new("/f")).unwrap();
    inherited.append(b"heir").unwrap();
    assert!(!contender.try_lock().unwrap(), "an heir lives");
    heir.kill();
    assert!(!contender.try_lock().unwrap(), "a copy lives");
    drop(copy);
    contender.lock().unwrap();
}

#[test]
fn a_kill_leaves_a_beginning_of_the_last_write_and_all_of_those_before_synced_or_not() {
    let sim = SimDisk::new(0);
    let disk = sim.process();
    let file = disk.open(Path::new("/f"), &how()).unwrap();
    sim.record();
    file.append(b"first\n").unwrap();
    file.append(b"second\n").unwrap();
    let (log, mut dice) = (sim.log(), Dice::new(1));
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let after = log.kill_at(2, &mut dice).process();
        let file = after.open(Path::new("/f"), &OpenHow::reading()).unwrap();
        let found = read_at_most(&*file, 100).unwrap();
        assert!(found.len() >= 6 && b"first\nsecond\n".starts_with(&found));
        lengths.insert(found.len());
    }
    assert_eq!(lengths, (6..=13).collect());
}

#[test]
fn the_number_of_a_file_that_is_gone_is_given_out_again_but_not_while_it_is_open() {
    let sim = SimDisk::new(0);
    let disk = sim.process();
    let number = |path: &str| disk.facts(Path::new(path)).unwrap().ino;
    let file = disk.open(Path::new("/f"), &how()).unwrap();
    let first = number("/f");
    disk.remove(Path::new("/f")).unwrap();
    drop(disk.open(Path::new("/g"), &how()).unwrap());
    assert_ne!(number("/g"), first, "the file is open");
    drop(file);
    drop(disk.open(Path::new("/h"), &how()).unwrap());
    assert_eq!(number("/h"), first);
}

#[test]
fn many_files_that_come_and_go_leave_nothing_behind_but_what_a_cut_could_bring_back() {
    let sim = SimDisk::new(0);
    let disk = sim.process();
    for nth in 0..200 {
        let name = format!("/{nth}");
        let file = disk.open(Path::new(&name), &how()).unwrap();
        file.append(b"x").unwrap();
        file.sync_all().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk.remove(Path::new(&name)).unwrap();
        assert_eq!(read_at_most(&*file, 9).unwrap(), b"x", "open and nameless");
        // The newest one comes back if its removal is lost.
        let after = sim.crash(&mut |_| 0, latchwork_sys::PowerLoss::Strict);
        let there = after.process().list(Path::new("/")).unwrap();
        assert_eq!(there, [name.trim_start_matches('/')]);
    }
}

#[test]
fn files_whose_removal_can_still_be_lost_are_kept_while_other_directories_are_synced() {
    let sim = SimDisk::new(0);
    let disk = sim.process();
    disk.create_dir(Path::new("/d"), 0o700).unwrap();
    let names: Vec<String> = (0..40).map(|nth| format!("/d/{nth}")).collect();
    for name in &names {
        let file = disk.open(Path::new(name), &how()).unwrap();
        file.append(name.as_bytes()).unwrap();
        file.sync_all().unwrap();
    }
    disk.sync_dir(Path::new("/d")).unwrap();
    for name in &names {
        disk.remove(Path::new(name)).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
    }
    let after = sim.crash(&mut |_| 0, latchwork_sys::PowerLoss::Strict);
    let after = after.process();
    for name in &names {
        let file = after.open(Path::new(name), &OpenHow::reading()).unwrap();
        assert_eq!(read_at_most(&*file, 99).unwrap(), name.as_bytes());
    }
}
