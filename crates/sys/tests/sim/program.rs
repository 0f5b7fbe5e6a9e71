//! Random programs of all operations of a disk and of its files, over a few paths, open files and processes.

use latchwork_sys::OpenHow;
use proptest::prelude::*;

pub(crate) const PATHS: [&str; 10] = [
    "a",
    "b",
    "d",
    "d/x",
    "d/y",
    "d/e",
    "d/e/z",
    "nowhere/q",
    "a/under",
    "d/../b",
];
pub(crate) const MODES: [u32; 3] = [0o600, 0o700, 0o400 | 0o200];

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Open(usize, usize, usize, OpenHow),
    Close(usize),
    Facts(usize),
    FactsBehind(usize),
    CreateDir(usize, usize),
    Rename(usize, usize),
    RenameNew(usize, usize),
    Link(usize, usize),
    Remove(usize),
    List(usize),
    SyncDir(usize),
    Asked(usize),
    Canonicalize(usize),
    Share(usize, usize),
    Adopt(usize, usize, usize),
    DropShared(usize),
    Watch(usize),
    Told,
    Read(usize, usize, u64),
    Append(usize, Vec<u8>),
    WriteAt(usize, Vec<u8>, u64),
    SyncAll(usize),
    FileFacts(usize),
    TryLock(usize),
    Lock(usize),
    Unlock(usize),
    HasWriter(usize),
    SetMode(usize, usize),
    Forget(usize, u64),
    Kill(usize),
}

pub(crate) const FILES: usize = 5;
pub(crate) const SHARED: usize = 2;
pub(crate) const PROCESSES: usize = 2;

fn how() -> impl Strategy<Value = OpenHow> {
    (any::<[bool; 6]>(), 0..MODES.len()).prop_map(
        |([read, write, append, create, create_new, plain], mode)| OpenHow {
            read,
            write,
            append,
            create: create || plain,
            create_new: create_new && !plain,
            mode: MODES[mode],
            ..OpenHow::default()
        },
    )
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => (1u8.., 3000usize..9000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0u64..64, 1 => 0u64..20_000]
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let path = || 0..PATHS.len();
    let file = || 0..FILES;
    let names = prop_oneof![
        (path(), 0..MODES.len()).prop_map(|(p, m)| Op::CreateDir(p, m)),
        (path(), path()).prop_map(|(a, b)| Op::Rename(a, b)),
        (path(), path()).prop_map(|(a, b)| Op::RenameNew(a, b)),
        (path(), path()).prop_map(|(a, b)| Op::Link(a, b)),
        path().prop_map(Op::Remove),
        path().prop_map(Op::List),
        path().prop_map(Op::SyncDir),
        path().prop_map(Op::Facts),
        path().prop_map(Op::FactsBehind),
        path().prop_map(Op::Asked),
        path().prop_map(Op::Canonicalize),
        path().prop_map(Op::Watch),
        Just(Op::Told),
    ];
    let of_file = prop_oneof![
        file().prop_map(Op::Close),
        (file(), 0usize..9000, offset()).prop_map(|(f, n, at)| Op::Read(f, n, at)),
        (file(), bytes()).prop_map(|(f, b)| Op::Append(f, b)),
        (file(), bytes(), offset()).prop_map(|(f, b, at)| Op::WriteAt(f, b, at)),
        file().prop_map(Op::SyncAll),
        file().prop_map(Op::FileFacts),
        file().prop_map(Op::HasWriter),
        (file(), 0..MODES.len()).prop_map(|(f, m)| Op::SetMode(f, m)),
        (file(), offset()).prop_map(|(f, at)| Op::Forget(f, at)),
    ];
    let locks = prop_oneof![
        3 => file().prop_map(Op::TryLock),
        1 => file().prop_map(Op::Lock),
        2 => file().prop_map(Op::Unlock),
        1 => (file(), 0..SHARED).prop_map(|(f, s)| Op::Share(f, s)),
        1 => (0..SHARED, file(), 0..PROCESSES).prop_map(|(s, f, p)| Op::Adopt(s, f, p)),
        1 => (0..SHARED).prop_map(Op::DropShared),
        1 => (0..PROCESSES).prop_map(Op::Kill),
    ];
    let open =
        (file(), 0..PROCESSES, path(), how()).prop_map(|(f, p, at, how)| Op::Open(f, p, at, how));
    prop_oneof![3 => open, 4 => names, 6 => of_file, 3 => locks]
}
