//! One transcript, entry by entry.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use latchwork_export::Source as _;
use latchwork_format::{EntryId, Kind, Outline, Raw, RawEntry, Role, Tail};
use latchwork_session::SessionId;
use latchwork_sys::{DiskFile, IoDoing as _, OpenHow, System};
use tokio_util::sync::CancellationToken;

use super::session::stopped_or;
use super::standing::Standing;
use super::{Largest, Shown, Space, SpaceFailed, SpaceKind};
use crate::exporting::reading::{Entries, outline};

/// After so many bytes it is said how far it has come.
const TOLD_EVERY: u64 = 4 << 20;

/// A transcript to be measured.
pub(super) struct Transcript {
    pub(super) system: System,
    pub(super) session: SessionId,
    pub(super) place: PathBuf,
    pub(super) head: Option<EntryId>,
}

impl Transcript {
    /// How much is to be read.
    pub(super) fn size(&self) -> Result<u64, SpaceFailed> {
        let facts = self.system.disk.facts_behind(&self.place);
        Ok(facts.doing("look at", &self.place)?.size.saturating_mul(2))
    }

    pub(super) fn measure(
        &self,
        stop: &CancellationToken,
        top: &mut Top,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Space, SpaceFailed> {
        let file = self
            .system
            .disk
            .open(&self.place, &OpenHow::reading())
            .doing("open", &self.place)?;
        let outline = outline(&*file, stop, watch);
        let outline = outline.doing("read", &self.place).map_err(stopped_or)?;
        self.entries(&*file, &outline, stop, top, watch)
    }

    fn entries(
        &self,
        file: &dyn DiskFile,
        outline: &Outline,
        stop: &CancellationToken,
        top: &mut Top,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Space, SpaceFailed> {
        let mut entries = Entries::new(file, outline);
        // A head that is not there any more is the last entry of the file.
        let head = self.head.as_ref().map(|head| {
            outline
                .find(head.as_str())
                .or_else(|| outline.leaf())
                .unwrap_or_default()
        });
        let standing = Standing::of(outline, head, &mut entries).doing("read", &self.place)?;
        let mut space = frame(outline);
        let mut told = space.bytes;
        for (number, row) in outline.rows(0) {
            if stop.is_cancelled() {
                return Err(SpaceFailed::Stopped);
            }
            let read = entries.entry(number).doing("read", &self.place)?;
            let shown = standing.shown(number, &row.kind(), read.as_ref());
            let (kind, blocks) = parts(&row.kind(), read.as_ref());
            let bytes = u64::from(row.len());
            let image_bytes = space.note(kind, &blocks, shown, bytes);
            top.offer(bytes, || Largest {
                session: self.session.clone(),
                id: outline.id(number).unwrap_or_else(|| EntryId::new("")),
                line: u64::from(row.number()),
                kind,
                bytes,
                image_bytes,
                shown,
            });
            let done = space.bytes.saturating_add(row.offset());
            if done.saturating_sub(told) >= TOLD_EVERY {
                told = done;
                watch(done);
            }
        }
        Ok(space)
    }
}

/// What is no entry's.
fn frame(outline: &Outline) -> Space {
    let mut space = Space {
        bytes: outline.saved_through().saturating_add(outline.pending()),
        entries: outline.len() as u64,
        ..Space::default()
    };
    if let Tail::Fragment { len, .. } = outline.tail() {
        space.fragment_bytes = len as u64;
    }
    for damage in outline.damage() {
        space.damaged.add(1, damage.len as u64);
    }
    let entries: u64 = outline.rows(0).map(|(_, row)| u64::from(row.len())).sum();
    space.frame_bytes = space
        .bytes
        .saturating_sub(entries)
        .saturating_sub(space.damaged.bytes)
        .saturating_sub(space.fragment_bytes);
    space
}

impl Space {
    /// Counts an entry; how many of its bytes are images.
    fn note(
        &mut self,
        kind: SpaceKind,
        blocks: &[(SpaceKind, u64)],
        shown: Shown,
        bytes: u64,
    ) -> u64 {
        let (mut rest, mut images) = (bytes, 0_u64);
        for (block, size) in blocks {
            // A line that is not UTF-8 reads longer than it is.
            let size = (*size).min(rest);
            rest -= size;
            if *block == SpaceKind::Image {
                images = images.saturating_add(size);
            }
            self.kinds.entry(*block).or_default().add(shown, 1, size);
        }
        self.kinds.entry(kind).or_default().add(shown, 1, rest);
        images
    }
}

/// What the entry is, and those of its blocks that are counted by themselves.
fn parts(kind: &Kind, read: Option<&RawEntry>) -> (SpaceKind, Vec<(SpaceKind, u64)>) {
    let own = match kind {
        Kind::Message(Role::User) => SpaceKind::User,
        Kind::Message(Role::Assistant) => SpaceKind::Assistant,
        Kind::Message(Role::ToolResult) => SpaceKind::ToolResult,
        Kind::Message(Role::System) => SpaceKind::System,
        Kind::Message(Role::BashExecution) => SpaceKind::Command,
        Kind::Compaction | Kind::BranchSummary => SpaceKind::Summary,
        Kind::Custom | Kind::CustomMessage | Kind::Message(Role::Custom) => SpaceKind::Extension,
        Kind::Message(_) | Kind::Unknown(_) => SpaceKind::Other,
        _ => SpaceKind::Note,
    };
    let content = match read {
        Some(entry) if *entry.kind() == Kind::CustomMessage => entry.fields().get("content"),
        Some(entry) => entry
            .message()
            .and_then(|message| message.fields().get("content")),
        None => None,
    };
    let blocks = content.and_then(Raw::items).unwrap_or_default();
    let counted = blocks.into_iter().filter_map(|block| {
        let kind = match block.fields()?.str("type")?.as_ref() {
            "image" => SpaceKind::Image,
            "thinking" | "redacted_thinking" => SpaceKind::Reasoning,
            _ => return None,
        };
        Some((kind, block.text().len() as u64))
    });
    (own, counted.collect())
}

/// The largest of what is offered.
pub(super) struct Top {
    most: usize,
    heap: BinaryHeap<Reverse<Kept>>,
    offered: u64,
}

/// By size; of two of one size, the first that was offered is the larger.
struct Kept(u64, Reverse<u64>, Largest);

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl Top {
    pub(super) fn of(most: usize) -> Self {
        Self {
            most,
            heap: BinaryHeap::new(),
            offered: 0,
        }
    }

    fn offer(&mut self, bytes: u64, make: impl FnOnce() -> Largest) {
        self.offered += 1;
        let full = self.heap.len() >= self.most;
        let least = self.heap.peek().map(|Reverse(kept)| kept.0);
        if self.most == 0 || (full && least.is_some_and(|least| least >= bytes)) {
            return;
        }
        if full {
            self.heap.pop();
        }
        let kept = Kept(bytes, Reverse(self.offered), make());
        self.heap.push(Reverse(kept));
    }

    /// The largest first.
    pub(super) fn sorted(self) -> Vec<Largest> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|Reverse(kept)| kept.2).collect()
    }
}

#[cfg(test)]
mod tests;
