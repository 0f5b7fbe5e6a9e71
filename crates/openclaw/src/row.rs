//! One row of the store: its text, and what is read of it when somebody asks.
//!
//! Invariant: the text is what the file holds, to the byte. A row that is no object, or that names no session, is *malformed*: it
//! is kept and reported, never changed and never deleted. Deliberately absent: fields that nobody here decides by.

use latchwork_format::Raw;
use serde_json::value::RawValue;

use crate::key::normalized;
use crate::raw_map::decoded;

/// A row of a store.
#[derive(Clone, Debug)]
pub struct Row {
    key_text: Box<RawValue>,
    key: String,
    normalized: String,
    value: Box<RawValue>,
}

impl Row {
    pub(crate) fn new(key_text: Box<RawValue>, value: Box<RawValue>) -> Self {
        let key = decoded(&key_text);
        Self {
            normalized: normalized(&key),
            key_text,
            key,
            value,
        }
    }

    /// The key as it is written in the store.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key as it is compared.
    #[must_use]
    pub fn normalized_key(&self) -> &str {
        &self.normalized
    }

    /// The text of the key, with its quotes and escapes.
    pub(crate) fn key_text(&self) -> &str {
        self.key_text.get()
    }

    /// The row's text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.value.get()
    }

    /// What the row says; `None` for a malformed one.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        Entry::read(self.text())
    }

    /// Why the row is malformed, if it is.
    #[must_use]
    pub fn malformed(&self) -> Option<&'static str> {
        let fields = Raw::parse(self.text()).ok().and_then(Raw::fields);
        let Some(fields) = fields else {
            return Some("it is no object, or one with too many fields");
        };
        match fields.str("sessionId") {
            Some(id) if is_session_id(&id) => None,
            Some(_) => Some("its sessionId cannot name a session"),
            None => Some("it has no sessionId"),
        }
    }

    /// When it was changed last, in milliseconds since 1970; also of a row that names no session.
    #[must_use]
    pub fn updated_at(&self) -> Option<i64> {
        let fields = Raw::parse(self.text()).ok().and_then(Raw::fields)?;
        fields.get("updatedAt").and_then(millis)
    }
}

/// What a row says, as far as anything here is decided by it. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The session.
    pub session_id: String,
    /// Where its transcript is said to be.
    pub session_file: Option<String>,
    /// When the row was changed last.
    pub updated_at: Option<i64>,
    /// When the session began.
    pub session_started_at: Option<i64>,
    /// When somebody last spoke.
    pub last_interaction_at: Option<i64>,
    /// `direct`, `group`, `channel`, `thread`.
    pub chat_type: Option<String>,
    /// Keys of the rows that this one came from.
    pub parents: Vec<String>,
    /// Sessions that count as one with this for usage.
    pub family: Vec<String>,
    /// Sessions that checkpoints of this row name.
    pub checkpoint_sessions: Vec<String>,
    /// File names, and ids in file names, that checkpoints of this row name.
    pub checkpoint_names: Vec<String>,
    /// Whether a reply still waits to be delivered, or a run is said to go on.
    pub in_use: bool,
}

impl Entry {
    fn read(text: &str) -> Option<Self> {
        let fields = Raw::parse(text).ok()?.fields()?;
        let str = |name: &str| fields.str(name).map(std::borrow::Cow::into_owned);
        let session_id = str("sessionId").filter(|id| is_session_id(id))?;
        let origin = fields.get("origin").and_then(Raw::fields);
        let of_origin = origin
            .as_ref()
            .and_then(|origin| origin.str("chatType"))
            .map(std::borrow::Cow::into_owned);
        let time = |name: &str| fields.get(name).and_then(millis);
        let mut entry = Self {
            session_id,
            session_file: str("sessionFile").filter(|file| !file.trim().is_empty()),
            updated_at: time("updatedAt"),
            session_started_at: time("sessionStartedAt"),
            last_interaction_at: time("lastInteractionAt"),
            chat_type: str("chatType").or(of_origin).map(|kind| normalized(&kind)),
            parents: ["spawnedBy", "parentSessionKey"]
                .into_iter()
                .filter_map(str)
                .map(|key| normalized(&key))
                .collect(),
            family: strings(fields.get("usageFamilySessionIds")),
            in_use: str("status").as_deref() == Some("running")
                || fields.get("pendingFinalDelivery").is_some_and(Raw::truthy),
            ..Self::default()
        };
        let checkpoints = fields.get("compactionCheckpoints").and_then(Raw::items);
        for checkpoint in checkpoints.unwrap_or_default() {
            entry.add_checkpoint(checkpoint);
        }
        Some(entry)
    }

    fn add_checkpoint(&mut self, checkpoint: Raw<'_>) {
        let Some(fields) = checkpoint.fields() else {
            return;
        };
        let own = fields.str("checkpointId").map(std::borrow::Cow::into_owned);
        self.checkpoint_names.extend(own);
        for side in ["preCompaction", "postCompaction"] {
            let Some(side) = fields.get(side).and_then(Raw::fields) else {
                continue;
            };
            let session = side.str("sessionId").map(std::borrow::Cow::into_owned);
            self.checkpoint_sessions.extend(session);
            let file = side.str("sessionFile");
            let name = file.and_then(|file| file.rsplit('/').next().map(str::to_owned));
            self.checkpoint_names
                .extend(name.filter(|name| !name.is_empty()));
        }
    }
}

fn strings(list: Option<Raw<'_>>) -> Vec<String> {
    let items = list.and_then(Raw::items).unwrap_or_default();
    items
        .into_iter()
        .filter_map(|item| item.as_str().map(std::borrow::Cow::into_owned))
        .collect()
}

/// A time of JavaScript: a finite number, cut to whole milliseconds.
pub(crate) fn millis(raw: Raw<'_>) -> Option<i64> {
    let number = raw.as_f64().filter(|number| number.is_finite())?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "beyond the range it saturates"
    )]
    Some(number as i64)
}

/// Whether OpenClaw takes this for a session id: a letter or digit, then up to 127 of letters, digits, `.`, `_`, `-`.
#[must_use]
pub fn is_session_id(id: &str) -> bool {
    let mut bytes = id.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    first && id.len() <= 128 && bytes.all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(text: &str) -> Row {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        Row::new(raw("\" Main \""), raw(text))
    }

    #[test]
    fn a_row_says_what_it_refers_to() {
        let entry = row(
            r#"{"sessionId":"a","updatedAt":1.5e3,"origin":{"chatType":"Group"},"spawnedBy":"Agent:X:Y","usageFamilySessionIds":["b",1],
               "compactionCheckpoints":[{"checkpointId":"c","preCompaction":{"sessionId":"d","sessionFile":"/x/d.checkpoint.c.jsonl"}},7],"status":"running"}"#,
        )
        .entry()
        .unwrap();
        assert_eq!(entry.updated_at, Some(1_500));
        assert_eq!(entry.chat_type.as_deref(), Some("group"));
        assert_eq!(
            (entry.parents, entry.family),
            (vec!["agent:x:y".to_owned()], vec!["b".to_owned()])
        );
        assert_eq!(entry.checkpoint_names, ["c", "d.checkpoint.c.jsonl"]);
        assert_eq!(entry.checkpoint_sessions, ["d"]);
        assert!(entry.in_use);
    }

    #[test]
    fn a_malformed_row_says_why() {
        for (text, is_malformed) in [
            ("7", true),
            ("{}", true),
            (r#"{"sessionId":"../x"}"#, true),
            (r#"{"sessionId":"-rf"}"#, true),
            (r#"{"sessionId":""}"#, true),
            (r#"{"sessionId":"ok.1"}"#, false),
        ] {
            assert_eq!(row(text).malformed().is_some(), is_malformed, "{text}");
            assert_eq!(row(text).entry().is_none(), is_malformed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_id_that_is_accepted_leaves_its_folder(id in "\\PC{0,140}") {
            if is_session_id(&id) {
                let path = std::path::Path::new("/d").join(format!("{id}.jsonl"));
                prop_assert_eq!(path.parent(), Some(std::path::Path::new("/d")));
            }
        }
    }
}
