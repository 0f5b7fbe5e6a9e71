//! The bytes of planned lines.
//!
//! Every line of ours carries our mark; a keyed message carries its key also where OpenClaw looks for it, in
//! `message.idempotencyKey`. Messages and entries are spliced as text, so that what JavaScript wrote stays as it is.

use latchwork_format::json::Raw;
use latchwork_format::ours::ASIDE;
use latchwork_format::{Body, EntryId, Mark, RawObject, WriteError};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::plan::PlannedLine;

/// Where OpenClaw looks for a message's key.
const KEY: &str = "idempotencyKey";

/// A line that is about to be written.
#[derive(Debug)]
pub(crate) struct Written {
    pub id: EntryId,
    pub parent: Option<EntryId>,
    pub bytes: Vec<u8>,
}

/// What else our mark says of a line.
pub(crate) fn marks(line: &PlannedLine) -> Map<String, Value> {
    let mut other = Map::new();
    if line.aside {
        other.insert(ASIDE.to_owned(), Value::Bool(true));
    }
    other
}

/// The bytes of a line.
pub(crate) fn render(
    id: &EntryId,
    parent: Option<&EntryId>,
    timestamp: &str,
    mark: &Mark,
    line: &PlannedLine,
) -> Result<Vec<u8>, WriteError> {
    rendered(id, parent, timestamp, Some(mark), line)
}

/// The same for a line that need not be ours.
pub(crate) fn rendered(
    id: &EntryId,
    parent: Option<&EntryId>,
    timestamp: &str,
    mark: Option<&Mark>,
    line: &PlannedLine,
) -> Result<Vec<u8>, WriteError> {
    match (&line.body, &line.key) {
        (Body::Message(message), Some(key)) => {
            let body = Body::Message(with_key(message, key.as_str()));
            latchwork_format::line(id, parent, timestamp, mark, &body)
        }
        (Body::Raw(entry), Some(key)) => {
            let body = Body::Raw(with_key_within(entry, key.as_str()));
            latchwork_format::line(id, parent, timestamp, mark, &body)
        }
        (body, _) => latchwork_format::line(id, parent, timestamp, mark, body),
    }
}

/// The message with its key, unless it has one.
fn with_key(message: &RawValue, key: &str) -> Box<RawValue> {
    let has_one = Raw::parse(message.get())
        .ok()
        .and_then(Raw::fields)
        .is_none_or(|fields| fields.get(KEY).is_some());
    let rest = message.get().trim_start().strip_prefix('{');
    let (false, Some(rest), Ok(key)) = (has_one, rest, serde_json::to_string(key)) else {
        return message.to_owned();
    };
    let comma = if rest.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    // The role stays in front: readers that look at the first bytes of a message look for it.
    let spliced = match rest.trim_end().strip_suffix('}') {
        Some(fields) => format!("{{{fields}{comma}\"{KEY}\":{key}}}"),
        None => return message.to_owned(),
    };
    RawValue::from_string(spliced).unwrap_or_else(|_| message.to_owned())
}

/// The entry with the key on its message, if it is one that has none.
fn with_key_within(entry: &RawObject, key: &str) -> RawObject {
    match entry.object("message") {
        Some(message) if entry.str("type").as_deref() == Some("message") && !message.has(KEY) => {
            entry.with_object("message", &message.with_str(KEY, key))
        }
        _ => entry.clone(),
    }
}

/// Why a line cannot be written, with the cause below it.
pub(crate) fn why(error: &WriteError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::with_key;
    use serde_json::value::RawValue;

    #[test]
    fn a_key_is_added_where_peers_look_for_it_and_the_rest_stays_as_it_was() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let odd = r#"{"role":"user","content":"\ud800","n":1e999}"#;
        assert_eq!(
            with_key(&raw(odd), "k\"").get(),
            r#"{"role":"user","content":"\ud800","n":1e999,"idempotencyKey":"k\""}"#
        );
        let has = r#"{"role":"user","idempotencyKey":"own"}"#;
        assert_eq!(with_key(&raw(has), "k").get(), has);
        assert_eq!(with_key(&raw("{}"), "k").get(), r#"{"idempotencyKey":"k"}"#);
    }
}
