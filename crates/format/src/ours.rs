//! What we ourselves write into pi's format, by name: custom entries about the session, and the mark on our lines.
//!
//! All of it is `custom` entries or an extra field, so that pi and OpenClaw pass it over. Deliberately absent: what
//! follows from these words; that is the store's and the turn's business.

use crate::entry::RawEntry;
use crate::id::EntryId;
use crate::json::{Fields, Raw};

/// The custom type of an entry whose parent is the active head.
pub const HEAD: &str = "latchwork.head";
/// The custom type of an entry that keeps the name a session is called by, in `data.key`.
pub const SESSION: &str = "latchwork.session";
/// The custom type of an entry that says what a turn cost.
pub const TURN: &str = "latchwork.turn";
/// The custom type of an entry that stands where entries are lost, in `data.missing` the id of the last of them; a repair makes it.
pub const GAP: &str = "latchwork.gap";
/// The field of our mark that says: written beside the active branch.
pub const ASIDE: &str = "aside";

/// The head was moved on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadMove {
    /// Where it was before.
    pub from: Option<EntryId>,
    /// Why it was moved.
    pub why: String,
}

impl RawEntry {
    /// Whether we wrote it: it carries our mark.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.mark().is_some()
    }

    /// Whether we wrote it beside the active branch, so that it moves no head.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.mark()
            .is_some_and(|mark| mark.other.contains_key(ASIDE))
    }

    /// A copy of something that was delivered elsewhere: an assistant entry that no model said here.
    #[must_use]
    pub fn is_mirror(&self) -> bool {
        self.message().is_some_and(|message| message.is_mirror())
    }

    /// The move of the head that this entry records, if it does; its parent is the new place.
    #[must_use]
    pub fn head_move(&self) -> Option<HeadMove> {
        let data = self.own_data(HEAD)?;
        (data.str("kind").as_deref() == Some("moved")).then(|| HeadMove {
            from: data.str("from").map(EntryId::new),
            why: data.str("why").map_or_else(
                || "the head was moved".to_owned(),
                std::borrow::Cow::into_owned,
            ),
        })
    }

    /// The name that the session is called by, if this entry keeps it.
    #[must_use]
    pub fn kept_session_key(&self) -> Option<String> {
        self.own_data(SESSION)?
            .str("key")
            .map(std::borrow::Cow::into_owned)
    }

    fn own_data(&self, custom_type: &str) -> Option<Fields<'_>> {
        let custom = self
            .custom()
            .filter(|custom| custom.custom_type == custom_type)?;
        custom.data.and_then(Raw::fields)
    }
}

#[cfg(test)]
mod tests {
    use crate::entry::{RawEntry, RawLine};

    fn entry(fields: &str) -> RawEntry {
        let line = format!(
            r#"{{"id":"a","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z",{fields}}}"#
        );
        match RawLine::parse(line.as_bytes()).unwrap() {
            RawLine::Entry(entry) => entry,
            RawLine::Header(_) => panic!("an entry"),
        }
    }

    #[test]
    fn a_move_says_where_the_head_was_and_a_kept_head_is_no_move() {
        let moved = entry(
            r#""type":"custom","customType":"latchwork.head","data":{"kind":"moved","from":"x","why":"w"}"#,
        );
        let found = moved.head_move().unwrap();
        assert_eq!(
            (found.from.unwrap().as_str(), found.why.as_str()),
            ("x", "w")
        );
        let kept = entry(r#""type":"custom","customType":"latchwork.head","data":{"kind":"kept"}"#);
        assert_eq!(kept.head_move(), None);
    }

    #[test]
    fn only_a_delivery_of_openclaws_is_a_mirror() {
        let said = |provider: &str, model: &str| {
            entry(&format!(
                r#""type":"message","message":{{"role":"assistant","content":[],"provider":"{provider}","model":"{model}"}}"#
            ))
        };
        assert!(said("openclaw", "delivery-mirror").is_mirror());
        assert!(
            !said("openclaw", "gpt").is_mirror() && !said("openai", "delivery-mirror").is_mirror()
        );
    }

    #[test]
    fn our_mark_tells_our_lines_and_those_put_aside() {
        assert!(!entry(r#""type":"custom""#).is_ours());
        let plain = entry(r#""type":"custom","latchwork":{}"#);
        assert!(plain.is_ours() && !plain.is_aside());
        assert!(entry(r#""type":"custom","latchwork":{"aside":true}"#).is_aside());
        let named = entry(r#""type":"custom","customType":"latchwork.session","data":{"key":"k"}"#);
        assert_eq!(named.kept_session_key().as_deref(), Some("k"));
    }
}
