//! One line of input: a message as it is, or an entry around one.
//!
//! A message has a `role`, an entry has a `type`; an entry's `id`, `parentId` and `timestamp` are the store's business and are
//! left out. `key` at the top names the line; else the message's own `idempotencyKey` does. Everything else keeps the bytes it
//! was written in; only of an entry around a *user's* message the message alone is taken, as it goes through the inbox.
//! Deliberately absent: any judgement of a message's content.

use latchwork_format::json::{Fields, Raw};
use latchwork_format::{Body, MessageView, RawObject, Role};
use latchwork_session::{Key, KeyError};

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
    if fields.get(KEY).is_none() {
        return of_message(raw, fields);
    }
    let bare = object(raw)?.without(KEY);
    of_message(
        Raw::parse(&bare.text()).map_err(LineError::NotJson)?,
        fields,
    )
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
    let line = match entry_type {
        "session" => return Err(LineError::Header),
        "custom" | "custom_message" if custom_type.starts_with(OURS) => {
            return Err(LineError::Reserved);
        }
        "message" => of_message(fields.get("message").ok_or(LineError::NoMessage)?, fields)?,
        _ => NewLine {
            key: fields
                .str(KEY)
                .map(Key::new)
                .transpose()
                .map_err(LineError::Key)?,
            body: Body::Raw(object(raw)?.without(KEY)),
            role: None,
        },
    };
    Ok(match line.role {
        // What a user says goes through the inbox, which holds messages.
        None | Some(Role::User) => line,
        Some(_) => NewLine {
            body: Body::Raw(object(raw)?.without(KEY)),
            ..line
        },
    })
}

fn object(raw: Raw<'_>) -> Result<RawObject, LineError> {
    RawObject::parse(raw.text()).map_err(|_| LineError::Neither)
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
    fn an_entry_keeps_every_byte_that_is_its_own() {
        let odd = r#""n" :1e999 , "big":123456789012345678901234567890,"n":-0.0,"\u006bey":[ 1.50 ],"t":"\ud800\/" "#;
        let rest = odd.replace(r#","\u006bey":[ 1.50 ]"#, "");
        let bytes = |text: &str| {
            let body = parse(text).unwrap().body;
            let line = line(&EntryId::new("i"), None, "t", None, &body).unwrap();
            String::from_utf8(line).unwrap()
        };
        let frame = r#","id":"i","parentId":null,"timestamp":"t","#;
        assert_eq!(
            bytes(&format!(r#"{{"id":"x","key":"k","type":"note",{odd}}}"#)),
            format!("{{\"type\":\"note\"{frame}{rest}}}\n"),
            "a key is one however it is escaped"
        );
        let message = format!(r#""message" : {{"role":"assistant", {rest}}} , {rest}"#);
        assert_eq!(
            bytes(&format!(r#"{{"type":"message",{message}}}"#)),
            format!("{{\"type\":\"message\"{frame}{message}}}\n")
        );
        assert_eq!(
            bytes(&format!(r#"{{"role":"user","key":"k", {odd}}}"#)),
            format!("{{\"type\":\"message\"{frame}\"message\":{{\"role\":\"user\", {rest}}}}}\n")
        );
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
