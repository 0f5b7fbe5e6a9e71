//! What an entry means to a turn: a reply, a final reply, a copy, a deliberate move of the head. Pure.

use latchwork_format::{RawEntry, Role, Transcript};

/// Something that a model said here.
pub(crate) fn is_reply(entry: &RawEntry) -> bool {
    entry.role() == Some(&Role::Assistant) && !entry.is_mirror()
}

/// A reply after which nothing is owed: it wants no tools, and no provider failed in it. One that the user interrupted
/// counts.
pub(crate) fn is_final_reply(entry: &RawEntry) -> bool {
    let Some(message) = entry.message().filter(|_| is_reply(entry)) else {
        return false;
    };
    match message.stop_reason().as_deref() {
        Some("error") => false,
        Some("aborted") => true,
        _ => message.tool_calls().is_empty(),
    }
}

/// Whether the entry is a keyed message of ours that a commit may place again.
pub(crate) fn is_our_message(entry: &RawEntry) -> bool {
    let ours = entry.mark().is_some_and(|mark| mark.key.is_some());
    ours && !matches!(entry.role(), Some(Role::Assistant | Role::ToolResult))
}

/// Whether a model ever spoke in the session.
pub(crate) fn has_assistant(transcript: &Transcript) -> bool {
    transcript.has_message_from(&Role::Assistant)
}

/// The reason of the newest move of the head.
pub(crate) fn why_moved(transcript: &Transcript) -> String {
    let newest = transcript.entries().rev().find_map(RawEntry::head_move);
    newest.map_or_else(
        || "another branch was continued".to_owned(),
        |moved| moved.why,
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{is_final_reply, is_our_message, is_reply, why_moved};
    use latchwork_format::Transcript;

    /// A transcript of these entries, each `id parent kind` with more fields behind.
    pub(crate) fn transcript(lines: &[String]) -> Transcript {
        let mut text = String::from(
            "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n",
        );
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        Transcript::parse(text.as_bytes())
    }

    pub(crate) fn line(id: &str, parent: &str, rest: &str) -> String {
        let parent = if parent.is_empty() {
            "null".to_owned()
        } else {
            format!("\"{parent}\"")
        };
        format!(
            r#"{{"id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z",{rest}}}"#
        )
    }

    pub(crate) fn user(id: &str, parent: &str, key: Option<(&str, u32)>) -> String {
        let mark = key
            .map(|(key, number)| format!(r#","latchwork":{{"key":"{key}","placement":{number}}}"#));
        let mark = mark.unwrap_or_default();
        line(
            id,
            parent,
            &format!(r#""type":"message","message":{{"role":"user","content":"x"}}{mark}"#),
        )
    }

    pub(crate) fn assistant(id: &str, parent: &str, stop: &str, calls: &[&str]) -> String {
        let calls: Vec<String> = calls
            .iter()
            .map(|call| {
                format!(r#"{{"type":"toolCall","id":"{call}","name":"ls","arguments":{{}}}}"#)
            })
            .collect();
        let content = calls.join(",");
        line(
            id,
            parent,
            &format!(
                r#""type":"message","latchwork":{{}},"message":{{"role":"assistant","content":[{content}],"stopReason":"{stop}"}}"#
            ),
        )
    }

    pub(crate) fn result(id: &str, parent: &str, call: &str) -> String {
        line(
            id,
            parent,
            &format!(
                r#""type":"message","latchwork":{{}},"message":{{"role":"toolResult","toolCallId":"{call}","content":[]}}"#
            ),
        )
    }

    pub(crate) fn moved(id: &str, to: &str, from: &str, why: &str) -> String {
        line(
            id,
            to,
            &format!(
                r#""type":"custom","customType":"latchwork.head","latchwork":{{}},"data":{{"kind":"moved","from":"{from}","why":"{why}"}}"#
            ),
        )
    }

    #[test]
    fn a_reply_is_final_unless_it_wants_tools_or_a_provider_failed_in_it() {
        let session = transcript(&[
            assistant("stop", "", "stop", &[]),
            assistant("tools", "stop", "toolUse", &["c"]),
            assistant("error", "stop", "error", &[]),
            assistant("aborted", "stop", "aborted", &["c"]),
            line(
                "mirror",
                "stop",
                r#""type":"message","message":{"role":"assistant","provider":"openclaw","model":"delivery-mirror"}"#,
            ),
        ]);
        let finals: Vec<_> = session
            .entries()
            .filter(|entry| is_final_reply(entry))
            .map(|entry| entry.id().as_str())
            .collect();
        assert_eq!(finals, ["stop", "aborted"]);
        let mirror = session.entry(&"mirror".into()).unwrap();
        assert!(mirror.is_mirror() && !is_reply(mirror));
    }

    #[test]
    fn only_a_keyed_message_of_ours_may_be_placed_again() {
        let session = transcript(&[
            user("a", "", Some(("k", 1))),
            user("b", "a", None),
            result("c", "b", "x"),
        ]);
        let ours: Vec<_> = session.entries().map(is_our_message).collect();
        assert_eq!(ours, [true, false, false]);
    }

    #[test]
    fn the_reason_of_the_newest_move_is_found() {
        let session = transcript(&[
            user("a", "", None),
            moved("m", "a", "a", "first"),
            moved("n", "a", "m", "second"),
        ]);
        assert_eq!(why_moved(&session), "second");
        assert_eq!(
            why_moved(&transcript(&[user("a", "", None)])),
            "another branch was continued"
        );
    }
}
