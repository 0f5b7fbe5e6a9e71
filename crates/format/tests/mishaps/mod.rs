//! Files to be read by tests: real ones, real ones to which something happened, and random trees.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

pub(crate) fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let names = [
        "golden/pi-0.87.1-107.jsonl",
        "golden/pi-0.75.1-3.jsonl",
        "legacy/v1-1.jsonl",
        "legacy/v2-1.jsonl",
    ];
    names
        .into_iter()
        .map(|name| shortened(&fs::read(root.join(name)).unwrap()))
        .collect()
}

/// The first forty lines: enough for every rule, and quick.
fn shortened(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .take(40)
        .collect();
    lines.concat()
}

/// Something that happens to a file.
#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    Set(Index, u8),
    Cut(Index, usize),
    Insert(Index, Vec<u8>),
    Swap(Index, Index),
}

pub(crate) fn mishap() -> impl Strategy<Value = Mishap> {
    let telling = prop_oneof![
        Just(b'\n'),
        Just(0),
        Just(b'"'),
        Just(b'{'),
        Just(b'\\'),
        Just(b' '),
        any::<u8>()
    ];
    prop_oneof![
        (any::<Index>(), telling).prop_map(|(at, byte)| Mishap::Set(at, byte)),
        (any::<Index>(), 0_usize..400).prop_map(|(at, len)| Mishap::Cut(at, len)),
        (any::<Index>(), proptest::collection::vec(any::<u8>(), 0..8))
            .prop_map(|(at, bytes)| Mishap::Insert(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Mishap::Swap(a, b)),
    ]
}

pub(crate) fn befall(bytes: &mut Vec<u8>, mishap: &Mishap) {
    if bytes.is_empty() {
        return;
    }
    match mishap {
        Mishap::Set(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Mishap::Cut(at, len) => {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + len).min(bytes.len()));
        }
        Mishap::Insert(at, new) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, new.iter().copied());
        }
        Mishap::Swap(a, b) => {
            let mut lines: Vec<Vec<u8>> = bytes
                .split_inclusive(|&byte| byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect();
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
            *bytes = lines.concat();
        }
    }
}

/// A file of entries with any parents, among lines that cannot be read.
pub(crate) fn graph() -> impl Strategy<Value = String> {
    let id = || 0_u8..12;
    let parent = prop_oneof![3 => id().prop_map(Some), 1 => Just(None)];
    let line = (id(), parent, 0_u8..14).prop_map(|(id, parent, shape)| {
        let parent = parent.map_or("null".to_owned(), |parent| format!("\"e{parent}\""));
        let frame = format!("\"id\":\"e{id}\",\"parentId\":{parent},\"timestamp\":\"2026-01-01T00:00:00.000Z\"");
        match shape {
            0 => format!("{{\"type\":\"message\",{frame},\"mess"),
            1 => "rubbish".to_owned(),
            2 => format!("{{\"type\":\"compaction\",{frame},\"summary\":\"s\",\"firstKeptEntryId\":\"e3\"}}"),
            3 => format!("{{\"type\":\"context_edit\",{frame},\"targetId\":\"e4\",\"replacement\":{{\"content\":\"x\"}}}}"),
            4 => format!("{{\"type\":\"label\",{frame},\"targetId\":\"e5\",\"label\":\"x\"}}"),
            5 => "   ".to_owned(),
            _ => format!("{{\"type\":\"message\",{frame},\"message\":{{\"role\":\"user\",\"content\":\"e{id}\"}}}}"),
        }
    });
    proptest::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}
