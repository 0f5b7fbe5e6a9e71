//! A source read on a thread of its own, in batches: nothing is held while it is read, and no more than a few batches wait.

use latchwork_import::{Item, Summary};
use latchwork_sys::System;
use tokio::sync::mpsc;

use super::{ImportError, ImportSource};
use crate::progress::Told;

/// The most items of a batch, which is a commit.
const BATCH_ITEMS: usize = 256;
/// A batch ends when it has so many bytes.
const BATCH_BYTES: usize = 1 << 20;
/// How many batches wait.
const WAITING: usize = 2;

/// What comes of a source.
pub(super) enum Fed {
    /// Items in order.
    Batch {
        items: Vec<Item>,
        /// Where the conversation took place, as far as that is known.
        cwd: Option<String>,
    },
    /// That was all.
    End(Box<Summary>),
    /// There is no reading on.
    Failed(ImportError),
}

/// Begins to read.
pub(super) fn feed(system: System, source: ImportSource, told: Told) -> mpsc::Receiver<Fed> {
    let (to, from) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let last = match read(&system, &source, &told, &to) {
            Ok(None) => return,
            Ok(Some(summary)) => Fed::End(Box::new(summary)),
            Err(error) => Fed::Failed(error),
        };
        // Whoever asked may have gone away.
        let _gone = to.blocking_send(last);
    });
    from
}

/// `None`: nobody listens any more.
fn read(
    system: &System,
    source: &ImportSource,
    told: &Told,
    to: &mpsc::Sender<Fed>,
) -> Result<Option<Summary>, ImportError> {
    let mut reader = source.reader(system)?;
    // A database holds other sessions, too.
    let alone = source.row().is_none();
    let facts = system.disk.facts_behind(source.path());
    let size = facts.map_or(0, |facts| if alone { facts.size } else { 0 });
    let (mut items, mut bytes) = (Vec::new(), 0);
    loop {
        // What was read before a failure is given first: it stands.
        let next = reader.advance();
        let ended = !matches!(next, Ok(Some(_)));
        if let Ok(Some(item)) = &next {
            bytes += item.size();
        }
        let failed = match next {
            Ok(item) => {
                items.extend(item);
                None
            }
            Err(error) => Some(source.failed(error)),
        };
        if ended || items.len() >= BATCH_ITEMS || bytes >= BATCH_BYTES {
            bytes = 0;
            told.tell(reader.bytes(), size);
            let batch = Fed::Batch {
                items: std::mem::take(&mut items),
                cwd: reader.cwd().map(str::to_owned),
            };
            if to.blocking_send(batch).is_err() {
                return Ok(None);
            }
        }
        match failed {
            Some(error) => return Err(error),
            None if ended => return Ok(Some(reader.summary())),
            None => {}
        }
    }
}
