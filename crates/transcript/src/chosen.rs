//! Entries by their ids, whatever branch they stand on: the rows say where each stands, and no other line is read.
//!
//! Deliberately absent: what only all lines know of an old version, which is read whole.

use latchwork_format::{EntryId, RawEntry};
use latchwork_session::{OpenError, SessionId, View};
use latchwork_sys::{DiskFile, PathError};

use crate::entries::{Entries, is_changed};
use crate::reading::{Ask, backend, is_old, open, open_file};
use crate::session::Session;
use crate::state::Known;
use crate::store::FileStore;

impl FileStore {
    /// The entries of these ids, each at its place; `None` where there is none. Of several of one id it is the last. Nothing is locked
    /// or written.
    ///
    /// # Errors
    /// [`OpenError`] when the transcript cannot be read.
    pub async fn chosen(
        &self,
        session: &SessionId,
        ids: Vec<EntryId>,
    ) -> Result<Vec<Option<RawEntry>>, OpenError> {
        self.reading(session, move |session| chosen(&session, &ids))
            .await
    }
}

fn chosen(session: &Session, ids: &[EntryId]) -> Result<Vec<Option<RawEntry>>, OpenError> {
    let Some(file) = open_file(session)? else {
        return Ok(vec![None; ids.len()]);
    };
    let mut shown = None;
    let mut guard = session.known_unless_busy();
    let known = match &mut guard {
        Some(known) => &mut **known,
        None => shown.insert(session.shown()),
    };
    let mut read = of_rows(session, known, &*file, ids);
    if read.as_ref().is_err_and(is_changed) {
        known.distrust();
        read = of_rows(session, known, &*file, ids);
    }
    drop(guard);
    match read.map_err(|error| backend(session, error))? {
        Some(read) => Ok(read),
        None => of_everything(session, ids),
    }
}

/// None for an old version.
fn of_rows(
    session: &Session,
    known: &mut Known,
    file: &dyn DiskFile,
    ids: &[EntryId],
) -> Result<Option<Vec<Option<RawEntry>>>, PathError> {
    let tail = known.catch_up(&session.system, &session.place, file)?;
    let mut outline = known.outline.clone();
    if tail > 0 {
        outline.settle();
    }
    if is_old(&outline) {
        return Ok(None);
    }
    let numbers: Vec<Option<u32>> = ids.iter().map(|id| outline.find(id.as_str())).collect();
    let entries = Entries {
        outline: &outline,
        file: Some(file),
        place: &session.place,
    };
    let there: Vec<u32> = numbers.iter().copied().flatten().collect();
    // In the order of the file, which is that of their numbers.
    let read = entries.read_all(&there)?;
    let at = |number: u32| {
        let place = read.binary_search_by_key(&number, |(number, _)| *number);
        Some(read.get(place.ok()?)?.1.clone())
    };
    Ok(Some(
        numbers
            .into_iter()
            .map(|number| number.and_then(at))
            .collect(),
    ))
}

fn of_everything(session: &Session, ids: &[EntryId]) -> Result<Vec<Option<RawEntry>>, OpenError> {
    let ask = Ask {
        view: View::Everything,
        keys: None,
    };
    let snapshot = open(session, &ask)?;
    let entry = |id| snapshot.transcript.entry(id).cloned();
    Ok(ids.iter().map(entry).collect())
}
