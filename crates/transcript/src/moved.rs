//! Moving the head on purpose: rewind, reset, attaching a branch.

use latchwork_format::EntryId;
use latchwork_session::{AppendError, Head, Outcome, Receipt};

use crate::commit::{Target, Work};
use crate::plan;
use crate::state::Known;

impl Work {
    /// Makes the place of the head durable as an entry whose parent it is.
    pub(crate) fn move_head(&self, to: Option<EntryId>, why: &str) -> Result<Receipt, AppendError> {
        self.on_file(&Head::default(), None, |work, known, file| {
            work.make_head(known, file, to, why)
        })
    }

    fn make_head(
        &self,
        known: &mut Known,
        file: &Target<'_>,
        to: Option<EntryId>,
        why: &str,
    ) -> Result<Receipt, AppendError> {
        if let Some(id) = &to
            && known.find(id).is_none()
        {
            let why = format!("there is no entry {:?} to move the head to", id.as_str());
            return Err(AppendError::BadEntry { index: 0, why });
        }
        let head = self.current_head(known, file, None);
        let head = head.and_then(|head| known.outline.id(head));
        let moved = head != to;
        let kind = if moved { "moved" } else { "kept" };
        let data = serde_json::json!({ "kind": kind, "from": head, "why": why });
        let line = plan::head_line(to, data);
        let plan = plan::Plan {
            parent: None,
            lines: vec![line],
            own: vec![plan::Own::Line(0)],
            outcome: Outcome::Clean,
        };
        self.write(known, file, head, plan, None)
    }
}
