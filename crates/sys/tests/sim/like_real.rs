//! Programs of all operations, chosen and random, on the real disk and on the one in memory: the same answers, the same names, the same bytes.

use latchwork_sys::OpenHow;
use proptest::prelude::*;

use crate::both::run;
use crate::program::{FILES, Op, PATHS, op};

#[test]
fn every_move_of_a_name_onto_every_other_is_answered_as_the_real_disk_does() {
    let create = |slot, name| Op::Open(slot, 0, path(name), OpenHow::appending().or_create());
    let begin = [
        Op::CreateDir(path("a"), 0),
        Op::CreateDir(path("d"), 0),
        Op::CreateDir(path("d/e"), 0),
        create(0, "b"),
        Op::Append(0, b"b".to_vec()),
        create(1, "d/x"),
        Op::Append(1, b"x".to_vec()),
        Op::Link(path("d/x"), path("d/y")),
    ];
    let moves: [fn(usize, usize) -> Op; 3] = [Op::Rename, Op::RenameNew, Op::Link];
    for (from, to) in (0..PATHS.len()).flat_map(|from| (0..PATHS.len()).map(move |to| (from, to))) {
        for change in moves {
            let mut program = begin.to_vec();
            program.extend([change(from, to), Op::FileFacts(0), Op::FileFacts(1)]);
            run(&program).unwrap();
        }
    }
    for name in 0..PATHS.len() {
        for change in [
            Op::Remove,
            Op::List,
            Op::SyncDir,
            Op::Facts,
            Op::Canonicalize,
        ] {
            run(&[&begin[..], &[change(name)]].concat()).unwrap();
        }
    }
}

#[test]
fn holes_ends_and_what_a_file_is_not_open_for_are_answered_as_the_real_disk_does() {
    let open = |slot, how| Op::Open(slot, 0, path("b"), how);
    let write_only = OpenHow {
        write: true,
        ..OpenHow::default()
    };
    let mut program = vec![
        open(0, OpenHow::appending().or_create()),
        open(1, OpenHow::updating()),
        open(2, OpenHow::reading()),
        open(3, write_only),
        Op::CreateDir(path("d"), 0),
        Op::Open(4, 0, path("d"), OpenHow::reading()),
    ];
    for file in 0..FILES {
        program.extend([
            Op::WriteAt(file, b"far".to_vec(), 10_000),
            Op::Read(file, 9_000, 0),
            Op::WriteAt(file, Vec::new(), 19_000),
            Op::FileFacts(file),
            Op::Append(file, b"end".to_vec()),
            Op::Append(file, Vec::new()),
            Op::WriteAt(file, b"early".to_vec(), 4_094),
            Op::HasWriter(file),
            Op::SyncAll(file),
            Op::Forget(file, 0),
        ]);
        let reads = [(0, 9_000), (4_090, 6_000), (9_999, 50), (20_000, 5), (3, 0)];
        program.extend(reads.map(|(at, length)| Op::Read(file, length, at)));
    }
    run(&program).unwrap();
    // The same when nobody has it open for writing any more.
    program.extend([0, 1, 3].map(Op::Close));
    program.extend([Op::HasWriter(2), Op::HasWriter(4)]);
    run(&program).unwrap();
}

#[test]
fn who_watches_a_file_is_told_when_the_real_disk_tells_and_not_else() {
    let b = path("b");
    let open = |slot, how| Op::Open(slot, 0, b, how);
    run(&[
        open(0, OpenHow::appending().or_create()),
        Op::Watch(b),
        Op::Told,
        Op::Append(0, b"x".to_vec()),
        Op::Told,
        Op::Told,
        Op::Append(0, Vec::new()),
        Op::SyncAll(0),
        Op::SetMode(0, 1),
        Op::Told,
        Op::WriteAt(0, b"y".to_vec(), 0),
        Op::Told,
        open(1, OpenHow::reading()),
        Op::Read(1, 9, 0),
        Op::Close(1),
        Op::Told,
        Op::Close(0),
        Op::Told,
        open(1, OpenHow::reading()),
        Op::Remove(b),
        Op::Told,
        Op::Close(1),
        Op::Told,
    ])
    .unwrap();
}

fn path(name: &str) -> usize {
    PATHS.iter().position(|path| *path == name).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn without_a_crash_the_disk_in_memory_answers_as_the_real_one(program in proptest::collection::vec(op(), 1..80)) {
        run(&program)?;
    }
}
