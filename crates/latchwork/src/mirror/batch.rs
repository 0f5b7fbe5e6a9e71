//! What was fed and is not written yet: in order, and cut only where no call waits for its outcome.
//!
//! A call that is written without its outcome would be answered "unknown" by the next turn of the session. So it waits, with everything behind it,
//! until all outcomes have come, the turn is over, or the user speaks; or until it is too much to keep.

use std::collections::HashSet;

use latchwork_format::{Body, MessageView, Role};
use latchwork_import::Item;
use latchwork_session::{Key, KeyError, NewEntry};

use super::Entry;

/// A commit has so many entries, or so many bytes, about.
const ITEMS: usize = 256;
const BYTES: usize = 1 << 20;
/// So much waits for outcomes at most.
const WAITING_ITEMS_MAX: usize = 4_096;
const WAITING_BYTES_MAX: usize = 16 << 20;

/// What was fed and is not written yet.
#[derive(Default)]
pub(super) struct Batch {
    items: Vec<Item>,
    bytes: usize,
    /// So many of them can be written.
    whole: usize,
    /// Calls without their outcome.
    open: HashSet<String>,
}

impl Batch {
    pub(super) fn add(&mut self, item: Item) {
        self.note(&item);
        self.bytes += item.size();
        self.items.push(item);
        let too_much = self.items.len() >= WAITING_ITEMS_MAX || self.bytes >= WAITING_BYTES_MAX;
        if too_much {
            self.open.clear();
        }
        if self.open.is_empty() {
            self.whole = self.items.len();
        }
    }

    fn note(&mut self, item: &Item) {
        let Body::Message(message) = &item.body else {
            return;
        };
        let raw = latchwork_format::Raw::parse(message.get()).ok();
        let Some(view) = raw.and_then(MessageView::new) else {
            return;
        };
        match view.role() {
            Role::User => self.calls_are_over(),
            Role::Assistant => {
                let calls = view.tool_calls().into_iter();
                let ids = calls.filter_map(|call| call.id.map(std::borrow::Cow::into_owned));
                self.open.extend(ids);
            }
            Role::ToolResult => {
                if let Some(id) = view.tool_call_id() {
                    self.open.remove(id.as_ref());
                }
            }
            _ => {}
        }
    }

    /// No outcome comes any more for what was called so far.
    pub(super) fn calls_are_over(&mut self) {
        self.open.clear();
        self.whole = self.items.len();
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn has_whole(&self) -> bool {
        self.whole > 0
    }

    /// Whether what can be written is enough for a commit.
    pub(super) fn is_full(&self) -> bool {
        self.has_whole() && (self.whole >= ITEMS || self.bytes >= BYTES)
    }

    /// What can be written next.
    pub(super) fn whole(&self) -> &[Item] {
        self.items.get(..self.whole).unwrap_or_default()
    }

    /// The first ones were written.
    pub(super) fn is_written(&mut self, count: usize) {
        let written: usize = self.items.drain(..count).map(|item| item.size()).sum();
        self.bytes = self.bytes.saturating_sub(written);
        self.whole = self.whole.saturating_sub(count);
    }
}

/// An item as an entry, under its key.
pub(super) fn entry(item: &Item) -> Result<Entry, KeyError> {
    let key = Key::new(item.key.as_str())?;
    Ok(Entry {
        entry: NewEntry::keyed(item.body.clone(), key),
        is_message: matches!(item.body, Body::Message(_)),
    })
}
