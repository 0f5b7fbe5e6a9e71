//! What a write that failed has left of a commit, taken back at once: nothing of it stands, or nobody can say.
//!
//! Our bytes are looked for behind what was known before the write, since others may have written in the same moment, and are
//! overwritten with spaces, which every reader skips; they are not copied, for whoever wrote them still has them. Nothing
//! is truncated, and nothing of anybody else's is touched: what cannot be told from a fragment of another writer is left for the
//! next writer to quarantine.

use latchwork_sys::DiskFile;

use crate::state::read_from;
use crate::tail::{blank, write_all};

/// What a failed write has left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing, or it is blanked, and that is durable.
    Nothing,
    /// Something that may be ours.
    Unclear,
}

/// Takes back what went out of `bytes`: `written` of them if that is known, none of them before the place `from`. `held` looks
/// whether what the guard holds is still ours; it is asked before each write.
///
/// # Errors
/// The disk's; what is left is not known then.
pub(crate) fn undo(
    file: &dyn DiskFile,
    from: u64,
    bytes: &[u8],
    written: Option<usize>,
    held: &dyn Fn() -> std::io::Result<()>,
) -> std::io::Result<Left> {
    let there = read_from(file, from)?;
    let (at, len, rest) = match written {
        Some(0) => return Ok(Left::Nothing),
        Some(len) => {
            let part = bytes.get(..len).unwrap_or(bytes);
            // Before its id has been said, a fragment may be anybody's, unless it is all that there is.
            let is_ours = there == part || own_beginning(bytes).is_some_and(|own| own <= len);
            match memchr::memmem::find(&there, part).filter(|_| is_ours) {
                Some(at) => (at, len, Left::Nothing),
                None => return Ok(Left::Unclear),
            }
        }
        None => match longest(&there, bytes) {
            Some(found) => found,
            None if there.is_empty() => return Ok(Left::Nothing),
            None => return Ok(Left::Unclear),
        },
    };
    let start = from + at as u64;
    let write = |at: u64, bytes: &[u8]| {
        held()?;
        write_all(file, start + at, bytes)
    };
    blank(len, write, || file.sync_all())?;
    if at + len == there.len() {
        held()?;
        // So that nothing is glued to it. Without room for it the next writer does that.
        let _no_room = file.append(b"\n");
    }
    file.sync_all()?;
    Ok(rest)
}

/// Where the beginning of `bytes` stands, how much of it is ours for certain, and whether that is all: a line is ours when its id
/// has been said. What goes on like the next line of ours may be the beginning of another's.
fn longest(there: &[u8], bytes: &[u8]) -> Option<(usize, usize, Left)> {
    let head = bytes.get(..own_beginning(bytes)?)?;
    let at = memchr::memmem::find(there, head)?;
    let rest = there.get(at..)?;
    let same = rest.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    let line = memchr::memrchr(b'\n', bytes.get(..same)?).map_or(0, |end| end + 1);
    let begun = same - line;
    let is_ours = begun == 0 || own_beginning(bytes.get(line..)?).is_some_and(|own| own <= begun);
    Some(if is_ours {
        (at, same, Left::Nothing)
    } else {
        (at, line, Left::Unclear)
    })
}

/// How far a line goes until its id has been said, which no other line says.
fn own_beginning(bytes: &[u8]) -> Option<usize> {
    const ID: &[u8] = br#""id":""#;
    let at = memchr::memmem::find(bytes, ID)? + ID.len();
    let end = memchr::memchr(b'"', bytes.get(at..)?)?;
    Some(at + end)
}

#[cfg(test)]
mod tests {
    use latchwork_sys::{Disk, OpenHow, RealDisk};
    use proptest::prelude::*;

    use super::{Left, undo};

    const BEFORE: &str = "{\"type\":\"session\"}\n";
    const OURS: &str = "{\"type\":\"custom\",\"id\":\"0a0b0c0d\",\"data\":1}\n{\"type\":\"custom\",\"id\":\"0a0b0c0e\",\"data\":2}\n";

    fn after(there: &str, written: Option<usize>) -> (Left, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.jsonl");
        std::fs::write(&path, there).unwrap();
        let file = RealDisk.open(&path, &OpenHow::updating()).unwrap();
        let left = undo(
            &*file,
            BEFORE.len() as u64,
            OURS.as_bytes(),
            written,
            &|| Ok(()),
        )
        .unwrap();
        (left, std::fs::read_to_string(&path).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        /// Whatever went out of ours, and whatever others wrote before and behind it: nothing of ours stands, or that is said;
        /// everything of theirs does.
        #[test]
        fn nothing_of_ours_stands_and_everything_of_theirs(
            out in 0..=OURS.len(), known in any::<bool>(),
            before in "(\\{\"a\":1\\}\n){0,2}", behind in "(\\{\"b\":2\\}\n){0,2}",
        ) {
            let there = format!("{BEFORE}{before}{}{behind}", &OURS[..out]);
            let (left, text) = after(&there, known.then_some(out));
            let kept = format!("{BEFORE}{before}");
            prop_assert!(text.starts_with(&kept));
            prop_assert!(text.contains(&behind));
            match left {
                Left::Nothing => prop_assert!(!text.contains("0a0b0c0"), "{}", text),
                // At most the beginning of a line that may be anybody's.
                Left::Unclear => prop_assert!(text.len() >= there.len() && !text.contains("\"data\":2")),
            }
            if known && (out == 0 || out > 40 || before.is_empty() && behind.is_empty()) {
                prop_assert_eq!(left, Left::Nothing);
            }
        }
    }

    #[test]
    fn a_fragment_that_may_be_anybodys_is_left() {
        let there = format!("{BEFORE}{{\"type\":\"cus");
        assert_eq!(after(&there, None), (Left::Unclear, there));
    }
}
