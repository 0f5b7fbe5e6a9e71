//! One line of input: a message as it is, or an entry around one.
//!
//! A message has a `role`, an entry has a `type`; an entry's `id`, `parentId` and `timestamp` are the store's business and are
//! left out. `key` at the top names the line; else the message's own `idempotencyKey` does. Messages keep the text they were
//! written in. Deliberately absent: any judgement of a message's content.

use std::borrow::Cow;

use latchwork_format::json::{Fields, Raw};
use latchwork_format::{Body, MessageView, Role};
use latchwork_session::{Key, KeyError};
use serde::Serializer;
use serde_json::Value;

/// The field that names a line.
const KEY: &str = "key";
/// Entries that steer a session are written by its methods alone.
const OURS: &str = "latchwork.";

/// What is to be appended.
#[derive(Clone, Debug)]
pub(super) struct NewLine {
    /// Its name, if it has one.
    pub(super) key: Option<Key>,
    /// What it says.
    pub(super) body: Body,
    /// Whose message it is, if it is one.
    pub(super) role: Option<Role>,
}

/// A line that cannot be appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// It is neither a message nor an entry.
    #[error(
        "it is neither a message (an object with a `role`) nor an entry (an object with a `type`)"
    )]
    Neither,
    /// An entry of the type `message` holds none.
    #[error("an entry of the type `message` needs a `message` with a `role`")]
    NoMessage,
    /// A session has one header, and it is written when the session begins.
    #[error("a session header cannot be appended; name another session instead")]
    Header,
    /// It would steer the session.
    #[error("entries of the type `{OURS}*` are written by latchwork alone; use the command for it")]
    Reserved,
    /// Its key cannot be one.
    #[error("its key is none: {0}")]
    Key(#[source] KeyError),
}

/// Reads one line.
pub(super) fn parse(line: &str) -> Result<NewLine, LineError> {
    let raw = Raw::parse(line).map_err(LineError::NotJson)?;
    let fields = raw.fields().ok_or(LineError::Neither)?;
    match (fields.str("type"), fields.str("role")) {
        (Some(entry_type), _) => entry(raw, &fields, &entry_type),
        (None, Some(_)) => message(raw, &fields),
        (None, None) => Err(LineError::Neither),
    }
}

fn message(raw: Raw<'_>, fields: &Fields<'_>) -> Result<NewLine, LineError> {
    let bare = match fields.get(KEY) {
        Some(_) => Cow::Owned(without_key(fields).map_err(LineError::NotJson)?),
        None => Cow::Borrowed(raw.text()),
    };
    of_message(Raw::parse(&bare).map_err(LineError::NotJson)?, fields)
}

fn of_message(message: Raw<'_>, line: &Fields<'_>) -> Result<NewLine, LineError> {
    let view = MessageView::new(message)
        .filter(|view| !view.role().as_str().is_empty())
        .ok_or(LineError::NoMessage)?;
    let key = match line.str(KEY).or_else(|| view.idempotency_key()) {
        Some(key) => Some(Key::new(key).map_err(LineError::Key)?),
        None => None,
    };
    Ok(NewLine {
        key,
        body: Body::Message(message.to_raw_value()),
        role: Some(view.role().clone()),
    })
}

fn entry(raw: Raw<'_>, fields: &Fields<'_>, entry_type: &str) -> Result<NewLine, LineError> {
    let custom_type = fields.str("customType").unwrap_or_default();
    match entry_type {
        "session" => return Err(LineError::Header),
        "message" => return of_message(fields.get("message").ok_or(LineError::NoMessage)?, fields),
        "custom" | "custom_message" if custom_type.starts_with(OURS) => {
            return Err(LineError::Reserved);
        }
        _ => {}
    }
    let key = fields
        .str(KEY)
        .map(Key::new)
        .transpose()
        .map_err(LineError::Key)?;
    let Value::Object(mut object) = raw.to_value() else {
        return Err(LineError::Neither);
    };
    object.remove(KEY);
    Ok(NewLine {
        key,
        body: Body::Verbatim(object),
        role: None,
    })
}

/// The object's text without its key; the other values keep the bytes they were written in.
fn without_key(fields: &Fields<'_>) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let others = fields.iter().filter(|(name, _)| *name != KEY);
    serde_json::Serializer::new(&mut bytes).collect_map(others)?;
    // A serializer of JSON writes nothing but UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{LineError, parse};
    use latchwork_format::{Body, EntryId, Role, line};
    use proptest::prelude::*;

    fn written(text: &str) -> serde_json::Value {
        let body = parse(text).unwrap().body;
        let line = line(&EntryId::new("i"), None, "t", None, &body).unwrap();
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_message_loses_its_key_and_nothing_else() {
        let line = parse(r#"{"role":"user","key":"k1","content":"\ud800 x","n":1e999}"#).unwrap();
        assert_eq!(
            (line.key.unwrap().as_str(), line.role),
            ("k1", Some(Role::User))
        );
        let Body::Message(message) = line.body else {
            panic!("a message")
        };
        assert_eq!(
            message.get(),
            r#"{"role":"user","content":"\ud800 x","n":1e999}"#
        );
        let named = parse(r#"{"role":"user","content":"x","idempotencyKey":"k2"}"#).unwrap();
        assert_eq!(named.key.unwrap().as_str(), "k2");
    }

    #[test]
    fn an_entry_gets_its_id_parent_and_time_from_the_store() {
        let line = written(
            r#"{"type":"label","id":"x","parentId":"y","timestamp":"z","key":"k","targetId":"a","label":"l"}"#,
        );
        assert_eq!(line["targetId"], "a");
        assert_eq!(
            (&line["id"], &line["parentId"], &line["timestamp"]),
            (&"i".into(), &serde_json::Value::Null, &"t".into())
        );
        assert!(line.get("key").is_none());
        let line =
            written(r#"{"type":"message","id":"x","message":{"role":"assistant","content":[]}}"#);
        assert_eq!(line["message"]["role"], "assistant");
    }

    #[test]
    fn what_cannot_be_appended_is_refused_with_a_reason() {
        let refused = |text: &str| parse(text).unwrap_err();
        assert!(matches!(refused("{"), LineError::NotJson(_)));
        for neither in ["{}", "[]", "7", r#"{"role":7}"#] {
            assert!(matches!(refused(neither), LineError::Neither), "{neither}");
        }
        assert!(matches!(
            refused(r#"{"type":"message","message":{}}"#),
            LineError::NoMessage
        ));
        assert!(matches!(
            refused(r#"{"type":"session","id":"s"}"#),
            LineError::Header
        ));
        assert!(matches!(
            refused(r#"{"type":"custom","customType":"latchwork.head"}"#),
            LineError::Reserved
        ));
        assert!(matches!(
            refused(r#"{"role":"user","key":" "}"#),
            LineError::Key(_)
        ));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(text in "\\PC{0,40}", role in "(user|assistant|[a-z]{0,3})", key in "\\PC{0,6}") {
            let _ = parse(&text);
            let message = serde_json::json!({ "role": role, "key": key, "content": text }).to_string();
            if let Ok(line) = parse(&message) {
                prop_assert!(line.key.is_some_and(|found| found.as_str() == key));
            }
        }
    }
}
