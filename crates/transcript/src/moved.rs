//! Moving the head on purpose: rewind, reset, attaching a branch, beginning one with what it is to know of the one that was left.

use latchwork_format::EntryId;
use latchwork_session::{AppendError, Head, NewEntry, Outcome, Receipt};

use crate::commit::{Target, Work};
use crate::plan;
use crate::state::Known;

impl Work {
    /// Makes the place of the head durable as an entry whose parent it is, and the entries below that.
    pub(crate) fn branch(
        &self,
        to: Option<EntryId>,
        why: &str,
        entries: Vec<NewEntry>,
    ) -> Result<Receipt, AppendError> {
        self.on_file(&Head::default(), None, |work, known, file| {
            work.make_head(known, file, to, why, entries)
        })
    }

    fn make_head(
        &self,
        known: &mut Known,
        file: &Target<'_>,
        to: Option<EntryId>,
        why: &str,
        entries: Vec<NewEntry>,
    ) -> Result<Receipt, AppendError> {
        if let Some(id) = &to
            && known.find(id).is_none()
        {
            let why = format!("there is no entry {:?} to move the head to", id.as_str());
            return Err(AppendError::BadEntry { index: 0, why });
        }
        if let Some(index) = entries.iter().position(|entry| entry.key.is_some()) {
            let why = "what a branch begins with has no key".to_owned();
            return Err(AppendError::BadEntry { index, why });
        }
        let head = self.current_head(known, file, None);
        let head = head.and_then(|head| known.outline.id(head));
        let moved = head != to;
        let kind = if moved { "moved" } else { "kept" };
        let data = serde_json::json!({ "kind": kind, "from": head, "why": why });
        let mut lines = vec![plan::head_line(to, data)];
        lines.extend(entries.into_iter().map(plan::PlannedLine::of));
        let plan = plan::Plan {
            parent: None,
            own: (0..lines.len()).map(plan::Own::Line).collect(),
            lines,
            outcome: Outcome::Clean,
        };
        self.write(known, file, head, plan, None)
    }
}
