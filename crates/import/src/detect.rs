//! What a source is, by its content: the first lines, or the first bytes of a database.

use latchwork_format::json::{Fields, Raw};

use crate::kind::SourceKind;

/// As much of a source's beginning tells what it is.
pub const HEAD_BYTES: usize = 1 << 20;
/// How many lines are looked at.
const LINES_MAX: usize = 20;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recognised {
    /// Lines of this program's.
    Lines(SourceKind),
    /// A SQLite database; its tables tell whose.
    Database,
    /// A transcript in the format that imports end in: there is nothing to convert.
    Transcript,
}

/// Recognises a source by its beginning (up to [`HEAD_BYTES`]). `None`: nothing that is known.
#[must_use]
pub fn recognise(head: &[u8]) -> Option<Recognised> {
    if head.starts_with(b"SQLite format 3\0") {
        return Some(Recognised::Database);
    }
    let text = String::from_utf8_lossy(head);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let looked_at = lines.take(LINES_MAX);
    looked_at
        .filter_map(|line| Raw::parse(line.trim_start_matches('\u{feff}')).ok())
        .filter_map(Raw::fields)
        .find_map(|fields| of_line(&fields))
}

fn of_line(fields: &Fields<'_>) -> Option<Recognised> {
    let name = fields.str("type");
    let has = |key: &str| fields.get(key).is_some();
    let lines = |kind| Some(Recognised::Lines(kind));
    match name.as_deref() {
        Some("session") if has("id") && has("version") => Some(Recognised::Transcript),
        Some("session_meta" | "response_item" | "turn_context" | "compacted" | "event_msg")
            if has("payload") =>
        {
            lines(SourceKind::Codex)
        }
        _ if has("sessionId") && (has("uuid") || has("message")) => lines(SourceKind::ClaudeCode),
        Some("summary") if has("leafUuid") => lines(SourceKind::ClaudeCode),
        Some("file-history-snapshot" | "queue-operation" | "custom-title" | "ai-title") => {
            lines(SourceKind::ClaudeCode)
        }
        None if has("record_type") || (has("id") && has("timestamp") && has("instructions")) => {
            lines(SourceKind::Codex)
        }
        None if has("working_dir") || (has("role") && has("content") && has("created")) => {
            lines(SourceKind::Goose)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Recognised, recognise};
    use crate::kind::SourceKind;

    #[test]
    fn each_program_is_known_by_its_first_lines() {
        let lines = |text: &str| match recognise(text.as_bytes()) {
            Some(Recognised::Lines(kind)) => Some(kind),
            _ => None,
        };
        let codex = r#"{"timestamp":"T","type":"session_meta","payload":{"id":"x"}}"#;
        let claude = "not json\n{\"type\":\"summary\",\"summary\":\"s\",\"leafUuid\":\"u\"}";
        assert_eq!(lines(codex), Some(SourceKind::Codex));
        assert_eq!(lines(claude), Some(SourceKind::ClaudeCode));
        assert_eq!(lines(r#"{"working_dir":"/x"}"#), Some(SourceKind::Goose));
        assert_eq!(lines(r#"{"type":"payload"}"#), None);
        let pi = br#"{"type":"session","version":3,"id":"x"}"#;
        assert_eq!(recognise(pi), Some(Recognised::Transcript));
        assert_eq!(
            recognise(b"SQLite format 3\0..."),
            Some(Recognised::Database)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_recognising_panic(head in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any = recognise(&head);
        }
    }
}
