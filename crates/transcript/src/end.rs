//! The end of the active branch, read from the end of a file that this process does not know.
//!
//! Costs what the branch's end costs, whatever the size of the file. Invariant: what is found is what all lines would say; wherever
//! that is not sure, nothing is given and all lines are read.

use latchwork_format::backwards::{self, FromEnd, Reach};
use latchwork_format::{EntryId, Limits, Outline, Tail, Transcript};
use latchwork_session::{Head, Position, View};
use latchwork_sys::{DiskFile, IoDoing, PathError, read_exact_at};

use crate::head_file::{SavedHead, end_before, witness};
use crate::session::Session;

/// In so many bytes from its beginning a file must show its header.
const BEGINNING: usize = 64 << 10;

/// What was found.
pub(crate) struct End {
    pub head: Head,
    pub transcript: Transcript,
}

/// The end of the branch, as far as the view needs it; `None` where all lines must be read.
pub(crate) fn read(
    session: &Session,
    file: &dyn DiskFile,
    saved: Option<&SavedHead>,
    view: View,
) -> Result<Option<End>, PathError> {
    let path = &session.place.transcript;
    let reach = match view {
        View::Context => Reach::Context,
        View::Last(count) => Reach::Last(count.max(1)),
        _ => return Ok(None),
    };
    let size = file.facts().doing("look at", path)?.size;
    session.system.steps.reach("read:before");
    let Some(beginning) = beginning(file, size).doing("read", path)? else {
        return Ok(None);
    };
    let leaf = match saved {
        Some(saved) => match believed(file, saved, size) {
            Some(leaf) => Some(leaf),
            None => return Ok(None),
        },
        None => None,
    };
    let read_at = |offset: u64, bytes: &mut [u8]| read_exact_at(file, bytes, offset);
    let found = backwards::read(size, leaf.as_ref(), reach, Limits::default(), read_at);
    let found = match found.doing("read the end of", path)? {
        FromEnd::Found(found) => found,
        FromEnd::NeedAll(why) => {
            tracing::debug!(session = %session.id, %why, "the end of the transcript is not enough");
            return Ok(None);
        }
    };
    // A line without a newline may continue the saved head.
    if saved.is_some() && found.tail != Tail::Clean {
        return Ok(None);
    }
    let through = found.saved_through;
    let end = end_before(file, through).doing("read", path)?;
    let transcript = Transcript::part_of_end(found, &beginning);
    let head = Head {
        leaf: transcript.leaf().cloned(),
        seen: Position(through),
        witness: if through == 0 { 0 } else { witness(&end) },
    };
    Ok(Some(End { head, transcript }))
}

/// The file's beginning, if its header is there.
fn beginning(file: &dyn DiskFile, size: u64) -> std::io::Result<Option<Outline>> {
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(BEGINNING).min(BEGINNING)];
    read_exact_at(file, &mut bytes, 0)?;
    let mut outline = Outline::default();
    // At the beginning everything joins.
    let joined = outline.push(&bytes, 0).is_ok();
    Ok(Some(outline).filter(|outline| joined && outline.header().is_some()))
}

/// The saved leaf, if it was saved of the file as it is: nothing has to be folded on top of it then.
fn believed(file: &dyn DiskFile, saved: &SavedHead, size: u64) -> Option<EntryId> {
    let same =
        saved.at == size && end_before(file, size).is_ok_and(|end| witness(&end) == saved.witness);
    saved.leaf.clone().filter(|_| same)
}
