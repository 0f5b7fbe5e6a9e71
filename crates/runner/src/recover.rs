//! Which tool calls of the active path nobody saw the end of. A pure decision.
//!
//! Only the last reply can be repaired: an outcome goes behind its reply, and what a model said after it would be left
//! beside. For older gaps the projection tells the model that the outcome is unknown. Deliberately absent: writing.

use std::collections::HashSet;

use latchwork_format::{Class, RawEntry, Role};
use latchwork_session::EntryId;

use crate::entries::{is_our_message, is_reply};

/// Calls without an outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Where the outcomes go: behind the reply and the outcomes that are there.
    pub after: EntryId,
    /// The calls: id and tool.
    pub calls: Vec<(String, String)>,
}

/// The calls of the last reply of a path that have no outcome, if outcomes can still be put where they belong.
pub(crate) fn unfinished(path: &[&RawEntry]) -> Option<Unfinished> {
    let at = path.iter().rposition(|entry| is_reply(entry))?;
    let reply = path
        .get(at)?
        .message()
        .filter(|message| !message.broke_off())?;
    let calls: Vec<(String, String)> = reply
        .tool_calls()
        .into_iter()
        .filter_map(|call| Some((call.id?.into_owned(), call.name?.into_owned())))
        .filter(|(id, _)| !id.is_empty())
        .collect();
    let mut open: HashSet<&str> = calls.iter().map(|(id, _)| id.as_str()).collect();
    let mut end = at;
    for (place, entry) in path.iter().enumerate().skip(at + 1) {
        if let Some(id) = result_of(entry)
            && calls.iter().any(|(known, _)| *known == id)
        {
            open.remove(id.as_str());
            end = place;
        }
    }
    let open: HashSet<String> = open.into_iter().map(str::to_owned).collect();
    let calls: Vec<_> = calls
        .into_iter()
        .filter(|(id, _)| open.contains(id))
        .collect();
    let movable = path
        .get(end + 1..)
        .unwrap_or_default()
        .iter()
        .all(|entry| may_follow(entry));
    if calls.is_empty() || !movable {
        return None;
    }
    Some(Unfinished {
        after: path.get(end)?.id().clone(),
        calls,
    })
}

fn result_of(entry: &RawEntry) -> Option<String> {
    if entry.role() != Some(&Role::ToolResult) {
        return None;
    }
    entry
        .message()?
        .tool_call_id()
        .map(std::borrow::Cow::into_owned)
}

/// Whether an outcome may be put before the entry: it is passed over, or placed again behind.
fn may_follow(entry: &RawEntry) -> bool {
    match entry.kind().class() {
        Class::Metadata => true,
        Class::Conversational => is_our_message(entry) || entry.is_mirror(),
        Class::Compaction => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Unfinished, unfinished};
    use crate::entries::tests::{assistant, result, transcript, user};

    fn of(lines: &[String], head: &str) -> Option<Unfinished> {
        let session = transcript(lines);
        unfinished(&session.branch(&head.into()).unwrap())
    }

    #[test]
    fn a_call_without_an_outcome_is_found_behind_the_outcomes_that_are_there() {
        let lines = [
            user("u", "", Some(("k", 1))),
            assistant("a", "u", "toolUse", &["c1", "c2", "c3"]),
            result("r", "a", "c2"),
        ];
        let found = of(&lines, "r").unwrap();
        assert_eq!(found.after.as_str(), "r");
        assert_eq!(
            found
                .calls
                .iter()
                .map(|(id, _)| id.as_str())
                .collect::<Vec<_>>(),
            ["c1", "c3"]
        );
    }

    #[test]
    fn nothing_is_owed_to_a_reply_that_broke_off_or_whose_calls_all_ended() {
        assert_eq!(of(&[assistant("a", "", "aborted", &["c"])], "a"), None);
        assert_eq!(of(&[assistant("a", "", "error", &["c"])], "a"), None);
        assert_eq!(
            of(
                &[assistant("a", "", "toolUse", &["c"]), result("r", "a", "c")],
                "r"
            ),
            None
        );
        assert_eq!(of(&[assistant("a", "", "stop", &[])], "a"), None);
    }

    #[test]
    fn an_outcome_is_put_before_our_own_message_and_not_before_a_peers() {
        let ours = [
            assistant("a", "", "toolUse", &["c"]),
            user("m", "a", Some(("k", 1))),
        ];
        assert_eq!(of(&ours, "m").unwrap().after.as_str(), "a");
        let peers = [assistant("a", "", "toolUse", &["c"]), user("m", "a", None)];
        assert_eq!(of(&peers, "m"), None);
    }

    #[test]
    fn an_older_gap_is_left_to_the_projection() {
        let lines = [
            assistant("a", "", "toolUse", &["c"]),
            user("m", "a", None),
            assistant("b", "m", "stop", &[]),
        ];
        assert_eq!(of(&lines, "b"), None);
    }
}
