//! A transcript written anew from what can be read of it, so that any reader takes it for sound.
//!
//! Whole entries keep their bytes and their order. What cannot be read is left out; who calls keeps the original. Where an entry's
//! parent is lost, a `custom` entry `latchwork.gap` stands in its place, below the nearest entry that can be read: it is
//! seen in the tree, and no model is shown it. Of two entries with one id the earlier, which nobody can refer to, gets an id
//! of its own. Without a header there is a new one. Deliberately absent: files, old versions (see [`migrate`](crate::migrate)).

use std::collections::HashMap;

use serde_json::json;

use crate::id::EntryId;
use crate::json::splice::Object;
use crate::mark::Mark;
use crate::ours::GAP;
use crate::session_id::SessionId;
use crate::transcript::{HeaderFault, Tail, Transcript, TreeFault};
use crate::write::{Body, WriteError, header_line, line};

/// How often what was put right is looked at again.
const ROUNDS: usize = 16;

/// A transcript that was written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// How many damaged lines or parts of lines were left out, what was cut off at the end among them.
    pub left_out: usize,
    /// How many gaps were marked: places where entries are lost.
    pub gaps: usize,
    /// How many entries got another parent or id.
    pub mended: usize,
    /// There was no header that could be read.
    pub new_header: bool,
}

/// Why nothing was written anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// It is of a version that is not written here.
    #[error(transparent)]
    Version(#[from] HeaderFault),
    /// A line of ours cannot be made.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Writes a transcript of version 3 anew. `new_id` gives ids that nothing has; `now` is the time of what is added.
///
/// # Errors
/// [`RepairError::Version`] for a version that is not 3. Everything else is repaired.
pub fn repair(
    transcript: &Transcript,
    session: &SessionId,
    now: &str,
    new_id: &mut dyn FnMut() -> EntryId,
) -> Result<Repaired, RepairError> {
    let mut repaired = once(transcript, session, now, new_id)?;
    // What is put right may show what else is wrong: parents that stand behind their children.
    for _ in 1..ROUNDS {
        let again = Transcript::parse(&repaired.bytes);
        if again.tree_faults().is_empty() {
            break;
        }
        let next = once(&again, session, now, new_id)?;
        repaired.bytes = next.bytes;
        repaired.gaps += next.gaps;
        repaired.mended += next.mended;
    }
    Ok(repaired)
}

fn once(
    transcript: &Transcript,
    session: &SessionId,
    now: &str,
    new_id: &mut dyn FnMut() -> EntryId,
) -> Result<Repaired, RepairError> {
    let header = match transcript.writable() {
        Ok(header) => Some(format!("{}\n", header.raw.trim_start_matches('\u{feff}')).into_bytes()),
        Err(fault @ HeaderFault::UnknownVersion { .. }) => return Err(fault.into()),
        Err(_) => None,
    };
    let new_header = header.is_none();
    let mut repaired = Repaired {
        bytes: match header {
            Some(header) => header,
            None => header_line(session, now, "", None)?,
        },
        left_out: transcript.damage().len()
            + usize::from(matches!(transcript.tail(), Tail::Fragment { .. })),
        gaps: 0,
        mended: 0,
        new_header,
    };
    let wrong = Wrong::of(transcript);
    let mut gaps: HashMap<(EntryId, Option<EntryId>), EntryId> = HashMap::new();
    for entry in transcript.lines() {
        let raw = entry.entry.raw();
        let (mut object, mut changed) = (Object::read(raw), 0);
        let mut set = |name: &str, value: Option<&EntryId>| {
            if let Some(object) = &mut object {
                changed = 1;
                let value = json!(value).to_string();
                object.set(name, value.as_bytes(), object.behind("id"));
            }
        };
        let id = entry.entry.id();
        if wrong.hidden.contains(&entry.number) && transcript.line(id) != Some(entry) {
            set("id", Some(&new_id()));
        } else if let Some((missing, to)) = wrong.bridged.get(id) {
            let key = (missing.clone(), to.clone());
            if !gaps.contains_key(&key) {
                let gap = new_id();
                let body = Body::Custom {
                    custom_type: GAP.to_owned(),
                    data: Some(json!({ "missing": missing })),
                };
                let marker = line(&gap, to.as_ref(), now, Some(&Mark::default()), &body)?;
                repaired.bytes.extend(marker);
                repaired.gaps += 1;
                gaps.insert(key.clone(), gap);
            }
            set("parentId", gaps.get(&key));
        } else if wrong.circles.contains(id) {
            set("parentId", None);
        }
        repaired.mended += changed;
        match &object {
            Some(object) if changed > 0 => repaired.bytes.extend(object.to_bytes()),
            _ => repaired.bytes.extend_from_slice(raw),
        }
        repaired.bytes.push(b'\n');
    }
    Ok(repaired)
}

/// What is wrong with the tree, by entry.
#[derive(Default)]
struct Wrong {
    bridged: HashMap<EntryId, (EntryId, Option<EntryId>)>,
    circles: Vec<EntryId>,
    hidden: Vec<u64>,
}

impl Wrong {
    fn of(transcript: &Transcript) -> Self {
        let mut wrong = Self::default();
        for fault in transcript.tree_faults() {
            match fault {
                TreeFault::Bridged { child, missing, to } => {
                    wrong.bridged.insert(child, (missing, to));
                }
                TreeFault::Circle { at } => wrong.circles.push(at),
                TreeFault::Hidden { line, .. } => wrong.hidden.push(line),
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::{Repaired, repair};
    use crate::flaws::flaws;
    use crate::id::EntryId;
    use crate::session_id::SessionId;
    use crate::transcript::Transcript;
    use proptest::prelude::*;

    const HEADER: &str = r#"{"type":"session","version":3,"id":"s","timestamp":"t","cwd":"/"}"#;

    fn entry(id: &str, parent: Option<&str>) -> String {
        let parent = parent.map_or("null".to_owned(), |parent| format!("\"{parent}\""));
        format!(
            r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z","message":{{"role":"user","content":"said {id}","n":1e999}}}}"#
        )
    }

    fn repaired(text: &str) -> Repaired {
        let session = SessionId::new("s").unwrap();
        let mut number = 0;
        let mut new_id = || {
            number += 1;
            EntryId::new(format!("new{number}"))
        };
        repair(
            &Transcript::parse(text.as_bytes()),
            &session,
            "2026-01-02T00:00:00.000Z",
            &mut new_id,
        )
        .unwrap()
    }

    fn read(repaired: &Repaired) -> Transcript {
        Transcript::parse(&repaired.bytes)
    }

    #[test]
    fn a_sound_transcript_stays_as_it_is() {
        let text = format!(
            "{HEADER}\n{}\n{}\n",
            entry("a", None),
            entry("b", Some("a"))
        );
        let repaired = repaired(&text);
        assert_eq!(repaired.bytes, text.as_bytes());
        assert_eq!(
            (repaired.left_out, repaired.gaps, repaired.mended),
            (0, 0, 0)
        );
    }

    #[test]
    fn where_entries_are_lost_a_gap_is_seen_and_the_conversation_hangs_together() {
        let lost = "\0\0\0\0";
        let text = format!(
            "{HEADER}\n{}\n{lost}\n{}\n{}\n",
            entry("a", None),
            entry("c", Some("b")),
            entry("d", Some("c"))
        );
        let repaired = repaired(&text);
        assert_eq!(
            (repaired.left_out, repaired.gaps, repaired.mended),
            (1, 1, 1)
        );
        let transcript = read(&repaired);
        let branch = transcript.branch(&EntryId::new("d")).unwrap();
        let ids: Vec<_> = branch.iter().map(|entry| entry.id().as_str()).collect();
        assert_eq!(ids, ["a", "new1", "c", "d"]);
    }

    #[test]
    fn without_a_header_there_is_a_new_one_and_a_newer_version_is_left_alone() {
        let repaired = repaired(&format!("{}\n", entry("a", None)));
        assert!(repaired.new_header);
        assert!(flaws(&read(&repaired)).is_empty() && read(&repaired).writable().is_ok());
        let newer = HEADER.replace("3", "9") + "\n";
        let session = SessionId::new("s").unwrap();
        let refused = repair(
            &Transcript::parse(newer.as_bytes()),
            &session,
            "t",
            &mut || EntryId::new("x"),
        );
        assert!(refused.is_err());
    }

    proptest! {
        /// Whatever is wrong with it: afterwards nothing is, every whole entry is still there, and again there is nothing to do.
        #[test]
        fn what_was_repaired_is_sound_and_has_lost_nothing_that_could_be_read(
            lines in prop::collection::vec((0..8_u8, prop::option::of(0..9_u8), 0..6_u8), 0..12), cut in 0..40_usize,
        ) {
            let mut text = format!("{HEADER}\n");
            for (id, parent, kind) in lines {
                let parent = parent.map(|parent| format!("e{parent}"));
                match kind {
                    0 => text.push_str("rubbish\n"),
                    1 => text.push_str(&entry(&format!("e{id}"), parent.as_deref())),
                    _ => text.push_str(&(entry(&format!("e{id}"), parent.as_deref()) + "\n")),
                }
            }
            text.truncate(text.len() - cut.min(text.len() - HEADER.len() - 1));
            let before = Transcript::parse(text.as_bytes());
            let repaired = repaired(&text);
            let after = read(&repaired);
            prop_assert_eq!(flaws(&after), vec![], "{}\n{}", text, String::from_utf8_lossy(&repaired.bytes));
            prop_assert_eq!(after.entry_count(), before.entry_count() + repaired.gaps);
            let said = |transcript: &Transcript| -> Vec<String> {
                transcript.entries().filter_map(crate::entry::RawEntry::message).map(|message| message.text()).collect()
            };
            prop_assert_eq!(said(&after), said(&before));
            let again = super::repair(&after, &SessionId::new("s").unwrap(), "t", &mut || EntryId::new("never")).unwrap();
            prop_assert_eq!(again.bytes, repaired.bytes);
        }
    }
}
