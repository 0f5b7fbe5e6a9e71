//! What is answered for one line: where its entry stands now, as one JSON object.

use latchwork_format::EntryId;
use latchwork_session::{Key, Level, Outcome};
use serde::Serialize;

/// One line was taken, and this is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Appended {
    /// The name of the message or entry: sent again with it, it is not appended twice.
    pub key: Key,
    /// Where it stands.
    #[serde(flatten)]
    pub stands: Stands,
    /// What it survives.
    pub level: Level,
    /// What had come in between; left out where nothing had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// It was there before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
}

/// Where an appended line stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum Stands {
    /// In the transcript.
    Placed {
        /// Its id.
        id: EntryId,
        /// Its parent.
        parent_id: Option<EntryId>,
    },
    /// In the inbox: the next turn places it.
    Pending {
        /// Why it is not in the transcript yet, where that is out of the ordinary.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// It was accepted before and cancelled since: it is not to be answered.
    Cancelled,
}

impl Appended {
    const fn new(key: Key, stands: Stands, duplicate: bool) -> Self {
        Self {
            key,
            stands,
            level: Level::Synced,
            outcome: None,
            duplicate,
        }
    }

    pub(super) const fn placed(
        key: Key,
        id: EntryId,
        parent_id: Option<EntryId>,
        duplicate: bool,
    ) -> Self {
        Self::new(key, Stands::Placed { id, parent_id }, duplicate)
    }

    /// With what it survives, and what had come in between.
    pub(super) fn at(self, level: Level, outcome: &Outcome) -> Self {
        let outcome = match outcome {
            Outcome::Rebased { .. } => Some("rebased"),
            Outcome::Diverged { .. } => Some("diverged"),
            Outcome::Aside { .. } => Some("aside"),
            _ => None,
        };
        Self {
            level,
            outcome,
            ..self
        }
    }

    pub(super) const fn pending(key: Key, duplicate: bool, why: Option<String>) -> Self {
        Self::new(key, Stands::Pending { why }, duplicate)
    }

    pub(super) const fn cancelled(key: Key) -> Self {
        Self::new(key, Stands::Cancelled, true)
    }
}

#[cfg(test)]
mod tests {
    use super::Appended;
    use latchwork_format::EntryId;
    use latchwork_session::Key;

    #[test]
    fn a_receipt_is_one_flat_json_object() {
        let key = || Key::new("k").unwrap();
        let json = |receipt: &Appended| serde_json::to_string(receipt).unwrap();
        assert_eq!(
            json(&Appended::placed(key(), EntryId::new("a"), None, false)),
            r#"{"key":"k","state":"placed","id":"a","parentId":null,"level":"synced"}"#
        );
        assert_eq!(
            json(&Appended::pending(key(), true, None)),
            r#"{"key":"k","state":"pending","level":"synced","duplicate":true}"#
        );
    }
}
