//! Each order rule has programs that break it, and the nearest one that does not.
#![cfg(feature = "fault-points")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests, too, stop where something is wrong"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use latchwork_sys::{
    Broken, Disk, DiskFile, Fault, FaultDisk, FaultOutcome, NoSteps, OpenHow, Operation,
    RealEntropy, SimDisk, SimProcess, Trace, TraceDisk, TraceRules, create_whole, write_whole,
};

const EIO: i32 = 5;

struct Bench {
    sim: SimDisk,
    faults: FaultDisk,
    disk: TraceDisk,
    trace: Trace,
}

fn bench(rules: TraceRules) -> Bench {
    let sim = SimDisk::new(0);
    on(&sim, rules)
}

fn on(sim: &SimDisk, rules: TraceRules) -> Bench {
    let below: Arc<SimProcess> = Arc::new(sim.process());
    let faults = FaultDisk::new(below.clone());
    let (disk, trace) = TraceDisk::looking_through(Arc::new(faults.clone()), below, rules);
    Bench {
        sim: sim.clone(),
        faults,
        disk,
        trace,
    }
}

fn at(path: &str) -> &Path {
    Path::new(path)
}

fn open(disk: &dyn Disk, path: &str) -> Box<dyn DiskFile> {
    let how = OpenHow::appending().or_create();
    disk.open(at(path), &how).unwrap()
}

fn not_synced(from: u64, to: u64) -> Broken {
    let path = PathBuf::from("/f");
    Broken::BytesNotSynced { path, from, to }
}

fn in_doubt(from: u64, to: u64) -> Broken {
    let path = PathBuf::from("/f");
    Broken::SyncHadFailed { path, from, to }
}

fn nameless(path: &str, name: &str) -> Broken {
    Broken::NameNotSynced {
        path: path.into(),
        name: name.into(),
    }
}

#[test]
fn who_acknowledges_after_syncs_of_bytes_and_names_breaks_nothing() {
    let bench = bench(TraceRules::default());
    bench.disk.create_dir(at("/d"), 0o700).unwrap();
    bench.disk.sync_dir(at("/")).unwrap();
    let file = open(&bench.disk, "/d/f");
    file.append(b"one").unwrap();
    file.sync_all().unwrap();
    bench.disk.sync_dir(at("/d")).unwrap();
    bench.trace.acknowledged(at("/d/f"), 3);
    file.write_at(b"x", 1).unwrap();
    open(&bench.disk, "/d/f").sync_all().unwrap();
    bench.trace.acknowledged(at("/d/f"), 3);
    for put in [create_whole, write_whole, write_whole] {
        put(&bench.disk, &RealEntropy, at("/d/g"), b"whole", 0o600).unwrap();
        bench.trace.acknowledged(at("/d/g"), 5);
    }
    assert_eq!(bench.trace.broken(), []);
}

#[test]
fn bytes_that_no_sync_covers_must_not_be_acknowledged() {
    let bench = bench(TraceRules::default());
    let file = open(&bench.disk, "/f");
    bench.disk.sync_dir(at("/")).unwrap();
    file.append(b"12345").unwrap();
    file.sync_all().unwrap();
    file.append(b"678").unwrap();
    bench.trace.acknowledged(at("/f"), 5);
    assert_eq!(bench.trace.broken(), [], "what was synced");
    bench.trace.acknowledged(at("/f"), 7);
    assert_eq!(bench.trace.broken(), [not_synced(5, 7)]);
    file.sync_all().unwrap();
    file.write_at(b"x", 2).unwrap();
    bench.trace.acknowledged(at("/f"), 8);
    assert_eq!(bench.trace.broken()[1..], [not_synced(2, 3)]);
}

#[test]
fn a_sync_covers_only_what_was_written_before_it_began() {
    let bench = bench(TraceRules::default());
    let file: Arc<dyn DiskFile> = open(&bench.disk, "/f").into();
    bench.disk.sync_dir(at("/")).unwrap();
    file.append(b"before").unwrap();
    let (late, once) = (Arc::clone(&file), Mutex::new(true));
    bench.faults.watch(move |operation, _| {
        let is_first = operation == Operation::Sync && std::mem::take(&mut *once.lock().unwrap());
        if is_first {
            late.append(b"meanwhile").unwrap();
        }
        None
    });
    file.sync_all().unwrap();
    bench.trace.acknowledged(at("/f"), 6);
    assert_eq!(bench.trace.broken(), []);
    bench.trace.acknowledged(at("/f"), 15);
    assert_eq!(bench.trace.broken(), [not_synced(6, 15)]);
}

#[test]
fn a_part_that_a_failed_write_put_out_is_not_acknowledged_either() {
    let bench = bench(TraceRules::default());
    let file = open(&bench.disk, "/f");
    bench.disk.sync_dir(at("/")).unwrap();
    let torn = FaultOutcome::Torn {
        bytes: 2,
        errno: 28,
    };
    bench.faults.add(Fault::on(Operation::Append, torn));
    file.append(b"12345").unwrap_err();
    bench.trace.acknowledged(at("/f"), 5);
    assert_eq!(bench.trace.broken(), [not_synced(0, 2)]);
}

#[test]
fn a_file_whose_name_or_directory_can_be_lost_must_not_be_acknowledged() {
    let bench = bench(TraceRules::default());
    bench.disk.create_dir(at("/d"), 0o700).unwrap();
    let file = open(&bench.disk, "/d/f");
    file.append(b"x").unwrap();
    file.sync_all().unwrap();
    bench.trace.acknowledged(at("/d/f"), 1);
    let both = [nameless("/d/f", "/d/f"), nameless("/d/f", "/d")];
    assert_eq!(bench.trace.broken(), both);
    bench.disk.sync_dir(at("/d")).unwrap();
    bench.trace.acknowledged(at("/d/f"), 1);
    assert_eq!(bench.trace.broken()[2..], both[1..]);
    // The directory is synced, and then another name is given.
    bench.disk.sync_dir(at("/")).unwrap();
    bench.disk.rename(at("/d/f"), at("/d/g")).unwrap();
    bench.trace.acknowledged(at("/d/g"), 1);
    assert_eq!(bench.trace.broken()[3..], [nameless("/d/g", "/d/g")]);
    // A directory that is moved takes its lost names with it.
    bench.disk.rename(at("/d"), at("/e")).unwrap();
    bench.disk.sync_dir(at("/")).unwrap();
    bench.trace.acknowledged(at("/e/g"), 1);
    assert_eq!(bench.trace.broken()[4..], [nameless("/e/g", "/e/g")]);
}

#[test]
fn a_directory_whose_sync_failed_keeps_its_names_in_doubt() {
    let bench = bench(TraceRules::default());
    open(&bench.disk, "/f");
    let failing = Fault::on(Operation::SyncDir, FaultOutcome::Errno(EIO));
    bench.faults.add(failing);
    bench.disk.sync_dir(at("/")).unwrap_err();
    bench.trace.acknowledged(at("/f"), 0);
    assert_eq!(bench.trace.broken(), [nameless("/f", "/f")]);
    bench.disk.sync_dir(at("/")).unwrap();
    bench.trace.acknowledged(at("/f"), 0);
    assert_eq!(bench.trace.broken().len(), 1);
}

#[test]
fn a_file_must_be_synced_before_it_is_renamed_unless_nothing_is_lost_with_it() {
    let named = |to: &str| Broken::NamedUnsynced {
        from: "/t".into(),
        to: to.into(),
    };
    let bench = bench(TraceRules {
        may_be_unsynced: vec![".head".into()],
        ..TraceRules::default()
    });
    let rename = |to: &str, is_synced: bool, is_new: bool| {
        let file = open(&bench.disk, "/t");
        file.append(b"x").unwrap();
        if is_synced {
            file.sync_all().unwrap();
        }
        match is_new {
            true => bench.disk.rename_new(at("/t"), at(to)).unwrap(),
            false => bench.disk.rename(at("/t"), at(to)).unwrap(),
        }
    };
    rename("/a", true, false);
    rename("/s.head", false, false);
    assert_eq!(bench.trace.broken(), []);
    rename("/a", false, false);
    rename("/b", false, true);
    assert_eq!(bench.trace.broken(), [named("/a"), named("/b")]);
    let file = open(&bench.disk, "/t");
    file.append(b"x").unwrap();
    bench.disk.link(at("/t"), at("/c")).unwrap();
    assert_eq!(bench.trace.broken()[2..], [named("/c")]);
}

#[test]
fn a_descriptor_is_not_written_through_after_a_failed_sync_and_another_one_is() {
    let bench = bench(TraceRules::default());
    let file = open(&bench.disk, "/f");
    file.append(b"x").unwrap();
    bench.sim.fail_next_sync(at("/f"), EIO).unwrap();
    file.sync_all().unwrap_err();
    open(&bench.disk, "/f").append(b"y").unwrap();
    assert_eq!(bench.trace.broken(), []);
    file.append(b"z").unwrap();
    file.write_at(b"z", 0).unwrap();
    let broken = Broken::WrittenAfterFailedSync { path: "/f".into() };
    assert_eq!(bench.trace.broken(), [broken.clone(), broken]);
}

#[test]
fn bytes_whose_sync_failed_are_acknowledged_only_when_the_device_was_looked_at_and_synced() {
    let bench = bench(TraceRules::default());
    let file = open(&bench.disk, "/f");
    bench.disk.sync_dir(at("/")).unwrap();
    file.append(b"12345").unwrap();
    bench.sim.fail_next_sync(at("/f"), EIO).unwrap();
    file.sync_all().unwrap_err();
    // The sync that is tried again says that all is well, on this descriptor and on another.
    file.sync_all().unwrap();
    let other = open(&bench.disk, "/f");
    other.sync_all().unwrap();
    bench.trace.acknowledged(at("/f"), 5);
    assert_eq!(bench.trace.broken(), [in_doubt(0, 5)]);
    other.forget_cached(3).unwrap();
    bench.trace.acknowledged(at("/f"), 5);
    assert_eq!(
        bench.trace.broken()[1..],
        [not_synced(3, 5), in_doubt(0, 3)]
    );
    other.forget_cached(0).unwrap();
    other.sync_all().unwrap();
    bench.trace.acknowledged(at("/f"), 5);
    assert_eq!(bench.trace.broken().len(), 3);
}

#[test]
fn a_guarded_file_is_written_once_for_each_check_by_the_thread_that_made_it() {
    let bench = bench(TraceRules {
        guarded: vec![".jsonl".into()],
        ..TraceRules::default()
    });
    let steps = bench.trace.steps(Arc::new(NoSteps));
    let unchecked = Broken::WrittenUnchecked {
        path: "/s.jsonl".into(),
    };
    open(&bench.disk, "/other").append(b"x").unwrap();
    let file = open(&bench.disk, "/s.jsonl");
    steps.checked(at("/s.jsonl"));
    file.append(b"x").unwrap();
    assert_eq!(bench.trace.broken(), []);
    file.append(b"x").unwrap();
    assert_eq!(
        bench.trace.broken(),
        std::slice::from_ref(&unchecked),
        "the check is used up"
    );
    steps.checked(at("/another.jsonl"));
    file.write_at(b"x", 0).unwrap();
    assert_eq!(
        &bench.trace.broken()[1..],
        std::slice::from_ref(&unchecked),
        "of another file"
    );
    steps.checked(at("/s.jsonl"));
    std::thread::scope(|scope| scope.spawn(|| file.append(b"x").unwrap()).join().unwrap());
    assert_eq!(bench.trace.broken()[2..], [unchecked], "by another thread");
}

#[test]
fn what_another_process_has_left_is_durable_only_if_one_says_so() {
    for trusts_what_it_finds in [true, false] {
        let sim = SimDisk::new(0);
        open(&sim.process(), "/f").append(b"theirs").unwrap();
        let bench = on(
            &sim,
            TraceRules {
                trusts_what_it_finds,
                ..TraceRules::default()
            },
        );
        let file = open(&bench.disk, "/f");
        bench.trace.acknowledged(at("/f"), 6);
        let expected = match trusts_what_it_finds {
            true => Vec::new(),
            false => vec![not_synced(0, 6), nameless("/f", "/f")],
        };
        assert_eq!(bench.trace.broken(), expected);
        file.sync_all().unwrap();
        bench.disk.sync_dir(at("/")).unwrap();
        bench.trace.acknowledged(at("/f"), 6);
        drop((file, open(&bench.disk, "/f")));
        bench.trace.acknowledged(at("/f"), 6);
        assert_eq!(bench.trace.broken(), expected, "it is met once");
    }
}

#[test]
fn a_number_that_is_given_out_again_does_not_bring_back_what_its_old_file_lacked() {
    let bench = bench(TraceRules::default());
    open(&bench.disk, "/old").append(b"never synced").unwrap();
    let number = bench.disk.facts(at("/old")).unwrap().ino;
    bench.disk.remove(at("/old")).unwrap();
    // Made by another process, so that the trace sees no birth.
    let theirs = open(&bench.sim.process(), "/f");
    theirs.append(b"synced by them").unwrap();
    assert_eq!(bench.disk.facts(at("/f")).unwrap().ino, number);
    let _held = open(&bench.disk, "/f");
    bench.trace.acknowledged(at("/f"), 5);
    assert_eq!(bench.trace.broken(), []);
}

#[test]
fn as_long_as_bytes_are_in_doubt_their_number_means_no_other_file() {
    let bench = bench(TraceRules::default());
    let old = open(&bench.disk, "/old");
    bench.disk.sync_dir(at("/")).unwrap();
    old.append(b"never synced").unwrap();
    bench.sim.fail_next_sync(at("/old"), EIO).unwrap();
    old.sync_all().unwrap_err();
    drop(old);
    // The trace sees neither the end of the old file nor the birth of the new ones.
    let theirs = bench.sim.process();
    theirs.remove(at("/old")).unwrap();
    for name in ["/f", "/old"] {
        open(&theirs, name).append(b"synced by them").unwrap();
        let _held = open(&bench.disk, name);
        bench.trace.acknowledged(at(name), 5);
    }
    assert_eq!(bench.trace.broken(), []);
}

#[test]
fn who_listens_is_told_at_once_and_in_words() {
    let bench = bench(TraceRules::default());
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let ear = Arc::clone(&heard);
    bench
        .trace
        .on_broken(move |broken| ear.lock().unwrap().push(broken.to_string()));
    let file = open(&bench.disk, "/f");
    file.append(b"x").unwrap();
    bench
        .trace
        .steps(Arc::new(NoSteps))
        .acknowledged(at("/f"), 1);
    assert_eq!(
        *heard.lock().unwrap(),
        [
            "/f was acknowledged, and its bytes 0 to 1 were not synced since they were written",
            "/f was acknowledged, and the directory of /f was not synced since that name was made",
        ]
    );
}
