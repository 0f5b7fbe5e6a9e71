//! Lines as we write them: one compact JSON object and its newline, nothing that could not be read again.
//!
//! Keys come in one order: type, id, parentId, timestamp, our mark, then the payload. Ids, parents and times
//! are values that the caller brings.
//!
//! Not here: files, and the choice of parents.
//!
//! Invariants: a line holds exactly one newline, its last byte; [`RawLine::parse`] reads it back.

mod body;
mod object;

use crate::entry::RawLine;
use crate::fault::{Limits, LineFault};
use crate::header::Version;
use crate::id::EntryId;
use crate::json::{MAX_FIELDS, ObjectBuilder, Raw};
use crate::mark::Mark;
use crate::session_id::SessionId;

pub use body::Body;
use object::Frame;
pub use object::RawObject;

/// Why something cannot become a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A message must be an object with a role.
    #[error("a message is a JSON object with a string `role`; this is not one")]
    NotAMessage,
    /// A verbatim entry must say what it is.
    #[error("an entry has a string `type` that is not `session`; this one has not")]
    NoType,
    /// An entry must be referred to.
    #[error("an entry's id cannot be empty")]
    EmptyId,
    /// The line could not be read again.
    #[error("the line would not be read again")]
    Unreadable(#[source] LineFault),
}

/// Writes an entry's line, its newline included.
///
/// # Errors
/// See [`WriteError`].
pub fn line(
    id: &EntryId,
    parent: Option<&EntryId>,
    timestamp: &str,
    mark: Option<&Mark>,
    body: &Body,
) -> Result<Vec<u8>, WriteError> {
    if id.as_str().is_empty() {
        return Err(WriteError::EmptyId);
    }
    if let Body::Raw(entry) = body {
        let frame = Frame {
            id,
            parent,
            timestamp,
            mark,
        };
        return ended(frame.around(entry)?);
    }
    let mut object = ObjectBuilder::sized(256 + body.size());
    object.str("type", body.type_name()?).str("id", id.as_str());
    match parent {
        Some(parent) => object.str("parentId", parent.as_str()),
        None => object.raw("parentId", Raw::trusted("null")),
    };
    object.str("timestamp", timestamp);
    if let Some(mark) = mark {
        object.raw(Mark::FIELD, Raw::trusted(&mark.to_json()));
    }
    body.write(id, &mut object)?;
    ended(object.finish().into_bytes())
}

/// Writes a header's line, its newline included, in the present version.
///
/// # Errors
/// [`WriteError::Unreadable`] if the paths are beyond all measure.
pub fn header_line(
    id: &SessionId,
    timestamp: &str,
    cwd: &str,
    parent_session: Option<&str>,
) -> Result<Vec<u8>, WriteError> {
    let mut object = ObjectBuilder::new();
    object
        .str("type", "session")
        .u64("version", Version::CURRENT)
        .str("id", id.as_str());
    object
        .str("timestamp", timestamp)
        .str("cwd", cwd)
        .opt_str("parentSession", parent_session);
    ended(object.finish().into_bytes())
}

/// The most keys of an entry that we add a frame to.
const FIELDS_MAX: usize = MAX_FIELDS - 5;

/// As many keys as can be read again with the frame around them.
fn narrow(fields: usize) -> Result<(), WriteError> {
    match fields > FIELDS_MAX {
        true => Err(WriteError::Unreadable(LineFault::TooWide {
            max: FIELDS_MAX,
        })),
        false => Ok(()),
    }
}

/// What we would not read again, we do not write. A line is made of JSON, so only the limits can be passed.
fn ended(mut line: Vec<u8>) -> Result<Vec<u8>, WriteError> {
    Limits::default()
        .allow(&line)
        .map_err(WriteError::Unreadable)?;
    debug_assert!(
        RawLine::parse(&line).is_ok(),
        "{:?}: {}",
        RawLine::parse(&line).err(),
        String::from_utf8_lossy(&line)
    );
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;
    use crate::kind::Kind;

    fn text(parent: Option<&str>, mark: Option<&Mark>, body: &Body) -> String {
        let parent = parent.map(EntryId::from);
        String::from_utf8(line(&"a1".into(), parent.as_ref(), "T", mark, body).unwrap()).unwrap()
    }

    #[test]
    fn keys_come_in_one_order() {
        let body = Body::message(&serde_json::json!({ "role": "user", "content": "hi" })).unwrap();
        assert_eq!(
            text(Some("p"), Some(&Mark::keyed("k")), &body),
            "{\"type\":\"message\",\"id\":\"a1\",\"parentId\":\"p\",\"timestamp\":\"T\",\
             \"latchwork\":{\"key\":\"k\",\"placement\":1},\"message\":{\"role\":\"user\",\"content\":\"hi\"}}\n"
        );
    }

    #[test]
    fn a_pretty_printed_message_becomes_one_line() {
        let pretty = RawValue::from_string(
            "{\n  \"role\": \"user\",\r\n \"content\": \"a \\n b\"\n}".to_owned(),
        )
        .unwrap();
        let written = text(None, None, &Body::Message(pretty));
        assert_eq!(written.matches('\n').count(), 1);
        assert!(written.ends_with("\"message\":{\"role\":\"user\",\"content\":\"a \\n b\"}}\n"));
    }

    #[test]
    fn a_compaction_that_keeps_nothing_names_itself() {
        let body = Body::Compaction {
            summary: "s".into(),
            first_kept: None,
            tokens_before: 7,
            details: None,
            system_message: None,
        };
        assert!(text(None, None, &body).contains("\"firstKeptEntryId\":\"a1\",\"tokensBefore\":7"));
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let no_role = Body::message(&serde_json::json!({ "content": "hi" })).unwrap();
        let id = EntryId::from("a");
        assert_eq!(
            line(&id, None, "T", None, &no_role),
            Err(WriteError::NotAMessage)
        );
        assert_eq!(
            line(&"".into(), None, "T", None, &no_role),
            Err(WriteError::EmptyId)
        );
        let header = serde_json::json!({ "type": "session", "id": "x" });
        let Value::Object(header) = header else {
            unreachable!()
        };
        assert_eq!(
            line(&id, None, "T", None, &Body::Verbatim(header)),
            Err(WriteError::NoType)
        );
        let wide = |count: usize| {
            let fields: Vec<String> = (0..count).map(|n| format!("\"f{n}\":{n}")).collect();
            let text = format!("{{\"type\":\"x\",{}}}", fields.join(","));
            let Value::Object(map) = serde_json::from_str(&text).unwrap() else {
                unreachable!()
            };
            let bodies = [
                Body::Raw(RawObject::parse(&text).unwrap()),
                Body::Verbatim(map),
            ];
            bodies.map(|body| line(&id, Some(&id), "T", Some(&Mark::default()), &body).is_ok())
        };
        let fields = (0..5_000).map(|n| format!("\"f{n}\":{n},"));
        let text = format!("{{{}\"role\":\"user\"}}", fields.collect::<String>());
        let message = Body::Message(RawValue::from_string(text).unwrap());
        assert_eq!(
            line(&id, None, "T", None, &message),
            Err(WriteError::NotAMessage)
        );
        assert_eq!((wide(4_090), wide(4_095)), ([true; 2], [false; 2]));
        let deep = format!(
            "{{\"role\":\"user\",\"content\":{}{}}}",
            "[".repeat(600),
            "]".repeat(600)
        );
        let deep = Body::Message(RawValue::from_string(deep).unwrap());
        assert!(matches!(
            line(&id, None, "T", None, &deep),
            Err(WriteError::Unreadable(_))
        ));
    }

    #[test]
    fn a_verbatim_entry_cannot_forge_its_frame() {
        let map = serde_json::json!({ "type": "message", "id": "x", "parentId": "y", "timestamp": "z", "latchwork": { "key": "k" },
            "message": { "role": "user", "content": "hi" }, "extra": 1 });
        let Value::Object(map) = map else {
            unreachable!()
        };
        let written = text(None, None, &Body::Verbatim(map));
        assert_eq!(
            written,
            "{\"type\":\"message\",\"id\":\"a1\",\"parentId\":null,\"timestamp\":\"T\",\"message\":{\"role\":\"user\",\"content\":\"hi\"},\"extra\":1}\n"
        );
    }

    #[test]
    fn a_session_name_is_one_line() {
        let written = text(
            None,
            None,
            &Body::SessionInfo {
                name: " a\r\n\nb ".into(),
            },
        );
        let Ok(RawLine::Entry(entry)) = RawLine::parse(written.trim_end().as_bytes()) else {
            panic!("{written}")
        };
        assert_eq!(*entry.kind(), Kind::SessionInfo);
        assert_eq!(entry.session_name(), Some(Some("a b".into())));
    }
}
