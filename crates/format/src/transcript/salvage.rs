//! What can still be made out of a line that cannot be read.

use memchr::memmem;

use crate::entry::RawLine;
use crate::fault::LineFault;
use crate::id::EntryId;

/// A damaged line's fault, and its names where they can be made out.
pub(crate) struct Lost {
    pub(crate) why: LineFault,
    pub(crate) id: Option<EntryId>,
    pub(crate) parent: Option<EntryId>,
}

impl Lost {
    /// A line that reads, but has no id.
    pub(crate) fn nameless(why: LineFault) -> Self {
        Lost {
            why,
            id: None,
            parent: None,
        }
    }
}

/// Looks for `"id":"…","parentId":…`, which everyone writes side by side and which quotes in a text cannot imitate.
pub(crate) fn names(why: LineFault, line: &[u8]) -> Lost {
    let found = find_names(line);
    let (id, parent) = found.map_or((None, None), |(id, parent)| (Some(id), parent));
    Lost { why, id, parent }
}

/// What stands between an entry's id and its parent.
pub(crate) const BETWEEN_NAMES: &[u8] = b"\",\"parentId\":";
/// The most bytes of a name that is believed.
pub(crate) const MAX_NAME: usize = 200;

pub(crate) fn find_names(line: &[u8]) -> Option<(EntryId, Option<EntryId>)> {
    let at = memmem::find(line, BETWEEN_NAMES)?;
    let id_start = memmem::rfind(&line[..at], b"\"id\":\"")? + 6;
    let id = plain(&line[id_start..at])?;
    let rest = &line[at + BETWEEN_NAMES.len()..];
    if rest.starts_with(b"null") {
        return Some((id, None));
    }
    let rest = rest.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', rest)?;
    Some((id, Some(plain(&rest[..end])?)))
}

/// An id without anything that would need decoding.
fn plain(bytes: &[u8]) -> Option<EntryId> {
    let text = std::str::from_utf8(bytes).ok()?;
    let simple = !text.is_empty()
        && text.len() <= MAX_NAME
        && !text.contains(['"', '\\'])
        && !text.contains(char::is_control);
    simple.then(|| EntryId::new(text))
}

/// Where in a damaged line a whole entry begins that reaches to its end: one that a peer's write glued behind a
/// fragment. Gives up after some beginnings, as every one costs a reading.
#[must_use]
pub fn whole_entry_in(line: &[u8]) -> Option<usize> {
    const BEGINNINGS: usize = 256;
    memmem::find_iter(line, b"{\"")
        .filter(|&at| at > 0)
        .take(BEGINNINGS)
        .find(|&at| matches!(RawLine::parse(&line[at..]), Ok(RawLine::Entry(entry)) if !entry.kind().type_name().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_glued_behind_a_fragment_is_found() {
        let fragment = br#"{"type":"message","id":"a","parentId":null,"message":{"role":"user","content":[{"type":"text","te"#;
        let whole = br#"{"type":"message","id":"b","parentId":"a","message":{"role":"user","content":[{"type":"text","text":"x","id":"no"}]}}"#;
        let glued = [fragment.as_slice(), whole].concat();
        assert_eq!(whole_entry_in(&glued), Some(fragment.len()));
        assert_eq!(whole_entry_in(fragment), None);
        assert_eq!(whole_entry_in(whole), None, "a whole line is not damaged");
    }

    #[test]
    fn names_are_read_from_what_is_left_of_a_line() {
        let torn = br#"{"type":"message","id":"b","parentId":"a","timestamp":"20"#;
        assert_eq!(
            find_names(torn),
            Some((EntryId::new("b"), Some(EntryId::new("a"))))
        );
        let root = br#"{"type":"message","id":"b","parentId":null,"mess"#;
        assert_eq!(find_names(root), Some((EntryId::new("b"), None)));
        assert_eq!(
            find_names(br#"{"message":"\"id\":\"x\",\"parentId\":null"#),
            None
        );
    }
}
