//! The pieces of a session, moved out and back in batches.
//!
//! A batch is read without a lock, its blobs are made durable, and then the messages are replaced under one guard, unless the file is another
//! by then. Killed anywhere, each message is as it was or moved whole; a blob that no line refers to is collected later. Memory: what a
//! batch replaces, and 64 bytes for each entry. Limit: a program without a lock that overwrites a message in the same file between look and guard is not noticed.

use std::io;
use std::path::PathBuf;

use latchwork_export::Source as _;
use latchwork_format::{Body, EntryId, Kind, Raw, RawEntry};
use latchwork_lock::LockScope;
use latchwork_session::{
    Head, Level, Rewrite, RewriteMode, SessionLocks as _, TranscriptStore as _,
};
use latchwork_sys::{DiskFile, IoDoing as _, OpenHow, PathError, System};
use latchwork_transcript::{BlobHold, BlobId, BlobStore};
use tokio_util::sync::CancellationToken;

use super::reference;
use super::{BlobsFailed, BlobsMoved};
use crate::exporting::reading::{Entries, outline};
use crate::{Session, WriteError};

/// How much is replaced in one batch, in bytes.
const BATCH_BYTES: usize = 64 << 20;

/// Where to.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Out, pieces of so many bytes and more.
    Out(u64),
    In,
}

impl Session {
    /// Moves what tools answered and images, in pieces of `over` bytes and more, out of the transcript; ids stay. With `dry_run` nothing is
    /// locked or written.
    ///
    /// # Errors
    /// See [`BlobsFailed`].
    ///
    /// # Cancel safety
    /// May be dropped at any await: each message is as it was or moved, and the same again goes on.
    pub async fn blobs_out(
        &self,
        scope: &mut LockScope,
        over: u64,
        dry_run: bool,
    ) -> Result<BlobsMoved, BlobsFailed> {
        self.move_blobs(scope, Way::Out(over), dry_run).await
    }

    /// Moves every piece that is out of line back into the transcript, to the byte. The blobs stay, for whoever else refers to them, until
    /// they are collected.
    ///
    /// # Errors
    /// See [`BlobsFailed`].
    ///
    /// # Cancel safety
    /// As for [`Self::blobs_out`].
    pub async fn blobs_in(
        &self,
        scope: &mut LockScope,
        dry_run: bool,
    ) -> Result<BlobsMoved, BlobsFailed> {
        self.move_blobs(scope, Way::In, dry_run).await
    }

    async fn move_blobs(
        &self,
        scope: &mut LockScope,
        way: Way,
        dry_run: bool,
    ) -> Result<BlobsMoved, BlobsFailed> {
        let stop = CancellationToken::new();
        let _stops_when_dropped = stop.clone().drop_guard();
        let mut moved = BlobsMoved::default();
        let mut hold = None;
        loop {
            let look = Look {
                system: self.parts().system.clone(),
                place: self.place(),
                blobs: self.blobs(),
                way,
                dry_run,
                stop: stop.clone(),
            };
            // Whoever adds blobs, or needs them to stay, keeps them from being collected until its lines are written.
            let kept = hold.take();
            let found = tokio::task::spawn_blocking(move || look.batch(kept)).await;
            let (batch, kept) = match found {
                Ok(found) => found?,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_ended) => return Err(BlobsFailed::Stopped),
                },
            };
            hold = kept;
            moved.entries = moved.entries.saturating_add(batch.moved.entries);
            moved.pieces = moved.pieces.saturating_add(batch.moved.pieces);
            moved.bytes = moved.bytes.saturating_add(batch.moved.bytes);
            moved.lost = batch.moved.lost;
            if dry_run || batch.replacements.is_empty() {
                return Ok(moved);
            }
            let whole = batch.whole;
            let grown = self.replace(scope, batch).await?;
            moved.stored_bytes_delta = moved.stored_bytes_delta.saturating_add(grown);
            if whole {
                return Ok(moved);
            }
        }
    }

    /// By how much the file grew.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    async fn replace(&self, scope: &mut LockScope, batch: Batch) -> Result<i64, BlobsFailed> {
        let (store, place) = (self.store(), self.place());
        let disk = &self.parts().system.disk;
        let guard = store.guard(scope, self.side_guard()).await;
        let mut guard = guard.map_err(WriteError::from)?;
        let now = disk.facts_behind(&place).doing("look at", &place)?;
        let seen = batch.file.facts().doing("look at", &place)?;
        if !now.same_inode(&seen) || now.size < batch.size {
            return Err(BlobsFailed::Changed { place });
        }
        let rewrite = Rewrite {
            replacements: batch.replacements,
            mode: RewriteMode::InPlace,
        };
        let done = store.rewrite(&mut guard, &Head::default(), rewrite).await;
        drop(guard);
        let done = done.map_err(WriteError::from)?;
        if let Some(receipt) = &done.receipt {
            let synced = receipt.reached(Level::Synced).await;
            synced.map_err(WriteError::from)?;
        }
        Ok(done.stored_bytes_delta)
    }
}

/// Messages that are to be replaced.
struct Batch {
    replacements: Vec<(EntryId, Body)>,
    moved: BlobsMoved,
    /// Nothing is left for another batch.
    whole: bool,
    /// The file in which they were found, and its size then.
    file: Box<dyn DiskFile>,
    size: u64,
}

/// A look at the transcript.
struct Look {
    system: System,
    place: PathBuf,
    blobs: BlobStore,
    way: Way,
    dry_run: bool,
    stop: CancellationToken,
}

impl Look {
    fn batch(self, hold: Option<BlobHold>) -> Result<(Batch, Option<BlobHold>), BlobsFailed> {
        let opened = self
            .system
            .disk
            .open(&self.place, &OpenHow::reading().following());
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobsFailed::NoSession { place: self.place });
            }
            opened => opened.doing("open", &self.place)?,
        };
        let hold = match hold {
            None if !self.dry_run => Some(self.blobs.hold()?),
            hold => hold,
        };
        let tree = outline(&*file, &self.stop, &mut |_| ()).doing("read", &self.place)?;
        let (mut replacements, mut moved) = (Vec::new(), BlobsMoved::default());
        let (mut room, mut whole) = (BATCH_BYTES, true);
        let mut entries = Entries::new(&*file, &tree);
        for (number, row) in tree.rows(0) {
            if self.stop.is_cancelled() {
                return Err(BlobsFailed::Stopped);
            }
            if !matches!(row.kind(), Kind::Message(_)) {
                continue;
            }
            let entry = entries.entry(number).doing("read", &self.place)?;
            let Some(entry) = entry else { continue };
            let Some(message) = self.another(&entry, hold.as_ref(), &mut moved)? else {
                continue;
            };
            moved.entries += 1;
            if self.dry_run {
                continue;
            }
            room = room.saturating_sub(message.len());
            let raw = Raw::parse(&message).map_err(io::Error::other);
            let raw = raw.doing("make another of a message of", &self.place)?;
            replacements.push((entry.id().clone(), Body::Message(raw.to_raw_value())));
            if room == 0 {
                whole = false;
                break;
            }
        }
        let size = tree.saved_through();
        let batch = Batch {
            replacements,
            moved,
            whole,
            file,
            size,
        };
        Ok((batch, hold))
    }

    /// The entry's message, moved; `None` where nothing of it is to be.
    fn another(
        &self,
        entry: &RawEntry,
        hold: Option<&BlobHold>,
        moved: &mut BlobsMoved,
    ) -> Result<Option<String>, PathError> {
        // What is not text to the byte is left alone.
        let Some(message) = entry.message_json() else {
            return Ok(None);
        };
        if std::str::from_utf8(entry.raw()).is_err() {
            return Ok(None);
        }
        match self.way {
            Way::Out(over) => reference::out(message.text(), over, |bytes| {
                moved.pieces += 1;
                moved.bytes = moved.bytes.saturating_add(bytes.len() as u64);
                match hold {
                    Some(hold) => hold.put(bytes),
                    None => Ok(BlobId::of(bytes)),
                }
            }),
            Way::In => {
                let read = |one: &reference::Reference| self.blobs.read(one.id, one.bytes);
                let (message, back) = reference::back(message.text(), false, read);
                moved.pieces += back.pieces;
                moved.bytes = moved.bytes.saturating_add(back.bytes);
                moved.lost += back.lost;
                Ok(message)
            }
        }
    }
}
