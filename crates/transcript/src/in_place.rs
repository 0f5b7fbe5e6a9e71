//! Entries replaced where they stand: ids, parents, times, keys and whatever else a line says stay, its body is another.
//!
//! What was there is gone from the file, so this is the way to take a secret or a large output out of a session; whether
//! copies exist elsewhere (forks, quarantine, backups) is not looked at. Numbers are honest: what the active branch saved, and what the file did.

use std::collections::HashMap;

use latchwork_format::{Body, EntryId, RawEntry, RawObject};
use latchwork_session::{AppendError, Head, Key, Outcome, Placed, Position, Receipt, Rewritten};
use latchwork_sys::DiskFile;

use crate::commit::{Target, Work};
use crate::lines;
use crate::plan::PlannedLine;
use crate::rewrite::{on_branch, unchanged};
use crate::splice::Edit;
use crate::state::Known;
use crate::sync::Ticket;

/// Replaces the entries of these ids, on whatever branch.
pub(crate) fn in_place(
    work: &Work,
    base: &Head,
    new: &HashMap<&EntryId, &Body>,
) -> Result<Rewritten, AppendError> {
    work.on_stored(|work, known, file| {
        let head = work.current_head(known, &Target::File(file), Some(base));
        on_branch(work, known, head, base)?;
        let hits = hits(work, known, file, new)?;
        if hits.is_empty() {
            return Ok(unchanged(
                "none of the entries is a message of the session that is not so already",
            ));
        }
        let freed = hits
            .iter()
            .filter(|hit| head.is_some_and(|head| known.outline.is_ancestor(hit.entry, head)))
            .map(|hit| hit.edit.len.saturating_sub(hit.edit.with.len() as u64))
            .sum();
        let leaf = head.and_then(|head| known.outline.id(head));
        let (ids, edits): (Vec<_>, Vec<_>) = hits.into_iter().map(|hit| (hit.id, hit.edit)).unzip();
        let spliced = work.splice(known, file, leaf, &edits)?;
        Ok(Rewritten {
            changed: true,
            branch_bytes_freed: freed,
            stored_bytes_delta: spliced.grown,
            rewritten_entries: ids.len(),
            reason: None,
            receipt: Some(receipt(work, known, spliced.head, &ids)),
        })
    })
}

/// An entry that is to be replaced.
struct Hit {
    entry: u32,
    id: (EntryId, Option<Key>),
    edit: Edit,
}

/// In the order of the file.
fn hits(
    work: &Work,
    known: &mut Known,
    file: &dyn DiskFile,
    new: &HashMap<&EntryId, &Body>,
) -> Result<Vec<Hit>, AppendError> {
    let outline = &known.outline;
    let mut wanted: Vec<u32> = new.keys().filter_map(|id| known.find(id)).collect();
    wanted.retain(|entry| {
        let row = outline.row(*entry);
        row.is_some_and(|row| row.kind().is_conversational())
    });
    let read = match work.entries(known, &Target::File(file)).read_all(&wanted) {
        Ok(read) => read,
        Err(error) => return Err(work.unread(known, error)),
    };
    let mut hits = Vec::with_capacity(read.len());
    for (index, (number, entry)) in read.into_iter().enumerate() {
        let (Some(row), Some(body)) = (known.outline.row(number), new.get(entry.id())) else {
            continue;
        };
        let with = line(&entry, body).map_err(|why| AppendError::BadEntry { index, why })?;
        if with == entry.raw() {
            continue;
        }
        let key = entry.key().and_then(|key| Key::new(key).ok());
        hits.push(Hit {
            entry: number,
            id: (entry.id().clone(), key),
            edit: Edit {
                at: row.offset(),
                len: u64::from(row.len()),
                with,
                fewer: 0,
            },
        });
    }
    Ok(hits)
}

/// The line of an entry with another body, without its newline.
fn line(entry: &RawEntry, body: &Body) -> Result<Vec<u8>, String> {
    let mark = entry.mark();
    let rendered = |body: Body| {
        let planned = PlannedLine {
            id: None,
            body,
            key: entry.key().and_then(|key| Key::new(key).ok()),
            placement: 1,
            aside: false,
            onto: None,
            again: false,
        };
        let (id, parent, at) = (entry.id(), entry.parent(), entry.timestamp());
        let line = lines::rendered(id, parent, at, mark.as_ref(), &planned);
        line.map_err(|error| lines::why(&error))
    };
    let mut line = match body {
        // What else stands beside the message stays to the byte.
        Body::Message(message) => {
            let checked = body.check_message();
            checked.map_err(|error| lines::why(&error))?;
            let message = RawObject::parse(message.get()).map_err(|fault| fault.to_string())?;
            let whole = RawObject::of(entry).with_object("message", &message);
            rendered(Body::Raw(whole))?
        }
        body => rendered(body.clone())?,
    };
    line.pop();
    Ok(line)
}

fn receipt(work: &Work, known: &Known, head: Head, ids: &[(EntryId, Option<Key>)]) -> Receipt {
    let placed = ids.iter().filter_map(|(id, key)| {
        let entry = known.find(id)?;
        let parent = known.outline.hang(entry).parent();
        Some(Placed {
            id: id.clone(),
            parent: parent.and_then(|parent| known.outline.id(parent)),
            key: key.clone(),
            at: Position(known.outline.row(entry)?.offset()),
            duplicate: false,
        })
    });
    let ticket = Ticket {
        group: work.session.sync.clone(),
        end: known.outline.saved_through(),
        found: Vec::new(),
    };
    Receipt::new(
        placed.collect(),
        head,
        Outcome::Clean,
        std::sync::Arc::new(ticket),
    )
}
