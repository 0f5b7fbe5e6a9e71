//! An outline reads back as it was, and whatever its bytes say, every walk in it ends.

use proptest::prelude::*;

use super::{HEAD_BYTES, KEY_BYTES, MAGIC};
use crate::outline::row::ROW_BYTES;
use crate::{Limits, Outline};

const HEADER: &str =
    "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"t\",\"cwd\":\"/\"}\n";

/// A branch with a compaction, keys, a lost parent and a strange id.
fn file() -> String {
    let mut file = HEADER.to_owned();
    for number in 0..40 {
        let parent = match number {
            0 => "null".to_owned(),
            17 => "\"nowhere\"".to_owned(),
            21 => "\"an id of no known form, and rather long\"".to_owned(),
            _ => format!("\"{:08x}\"", number - 1),
        };
        let id = match number {
            20 => "an id of no known form, and rather long".to_owned(),
            _ => format!("{number:08x}"),
        };
        let rest = match number % 10 {
            3 => format!(
                "\"type\":\"compaction\",\"summary\":\"s\",\"firstKeptEntryId\":\"{:08x}\",\"tokensBefore\":1",
                number - 2
            ),
            5 => format!(
                "\"type\":\"message\",\"message\":{{\"role\":\"user\",\"content\":\"x\",\"idempotencyKey\":\"k{number}\"}}"
            ),
            _ => "\"type\":\"message\",\"message\":{\"role\":\"assistant\",\"content\":[]}"
                .to_owned(),
        };
        file += &format!("{{\"id\":\"{id}\",\"parentId\":{parent},\"timestamp\":\"t\",{rest}}}\n");
        if number == 9 {
            file += "{\"type\":\"message\",\"id\":\"lost\",\"parentId\":\"00000008\"\n";
        }
    }
    file
}

fn kept() -> Vec<u8> {
    Outline::parse(file().as_bytes()).to_bytes().unwrap()
}

fn read(bytes: &[u8]) -> Option<Outline> {
    Outline::from_bytes(bytes, Limits::default())
}

/// Every walk there is, to be seen to end.
fn walk(outline: &Outline) -> usize {
    let count = u32::try_from(outline.len()).unwrap();
    let mut steps = 0;
    for entry in 0..count {
        steps += outline.branch(entry).len() + outline.context(entry).part.len();
        steps += usize::from(outline.is_ancestor(0, entry)) + outline.hops(entry, 0).count();
        assert!(outline.id(entry).is_some());
    }
    steps + outline.keyed("k5").len() + outline.damage().len()
}

#[test]
fn an_outline_reads_back_as_it_was_and_reads_on() {
    let all = Outline::parse(file().as_bytes());
    let kept = all.to_bytes().unwrap();
    let again = read(&kept).unwrap();
    assert_eq!(walk(&again), walk(&all));
    assert_eq!(again.keyed("k15"), all.keyed("k15"));
    assert_eq!(again.damage(), all.damage());
    assert_eq!(
        again.find("an id of no known form, and rather long"),
        Some(20)
    );
    assert_eq!(again.to_bytes().unwrap().len(), kept.len());
}

#[test]
fn an_old_version_and_a_file_without_a_header_are_not_kept() {
    for header in [
        "",
        "{\"type\":\"session\",\"version\":2,\"id\":\"s\"}\n",
        "{\"type\":\"session\",\"version\":4,\"id\":\"s\"}\n",
    ] {
        let text = file().replace(HEADER, header);
        assert!(
            Outline::parse(text.as_bytes()).to_bytes().is_none(),
            "{header}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_change_of_any_bit_is_seen(at in any::<prop::sample::Index>(), bit in 0..8_u8, cut in any::<bool>()) {
        let mut bytes = kept();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        prop_assert!(read(&bytes).is_none());
    }

    /// Even if the sum was made right by whoever changed it: a walk ends, and nothing panics.
    #[test]
    fn whatever_the_bytes_say_every_walk_ends(
        places in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0_u8), Just(1), Just(0xff), any::<u8>()]), 1..6),
        rows_only in any::<bool>(),
    ) {
        let mut bytes = kept();
        let rows = bytes.len() - 40 * ROW_BYTES - 4 * KEY_BYTES;
        for (place, byte) in places {
            let start = if rows_only { rows } else { HEAD_BYTES };
            let at = start + place.index(bytes.len() - start);
            bytes[at] = byte;
        }
        let sum = crc32fast::hash(&bytes[12..]);
        bytes[8..12].copy_from_slice(&sum.to_le_bytes());
        if let Some(outline) = read(&bytes) {
            walk(&outline);
        }
    }

    #[test]
    fn rubbish_is_no_outline(rest in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&[MAGIC.as_slice(), &rest].concat()).is_none());
        prop_assert!(read(&rest).is_none());
    }
}
