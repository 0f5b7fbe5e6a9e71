//! What can still be made out of a line that cannot be read.

use memchr::memmem;

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

#[cfg(test)]
mod tests {
    use super::*;

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
