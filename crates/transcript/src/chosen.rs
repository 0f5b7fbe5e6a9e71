//! Entries by their ids, whatever branch they stand on: the rows say where each stands, and no other line is read.
//!
//! Deliberately absent: what only all lines know of an old version, which is read whole.

use latchwork_format::{EntryId, RawEntry};
use latchwork_session::{OpenError, SessionId, View};
use latchwork_sys::PathError;

use crate::by_rows::by_rows;
use crate::entries::Entries;
use crate::reading::{Ask, open, open_file};
use crate::session::Session;
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
    match by_rows(session, &*file, |entries| of_rows(entries, ids))? {
        Some(read) => Ok(read),
        None => of_everything(session, ids),
    }
}

fn of_rows(entries: &Entries<'_>, ids: &[EntryId]) -> Result<Vec<Option<RawEntry>>, PathError> {
    let find = |id: &EntryId| entries.outline.find(id.as_str());
    let numbers: Vec<Option<u32>> = ids.iter().map(find).collect();
    let there: Vec<u32> = numbers.iter().copied().flatten().collect();
    // In the order of the file, which is that of their numbers.
    let read = entries.read_all(&there)?;
    let at = |number: u32| {
        let place = read.binary_search_by_key(&number, |(number, _)| *number);
        Some(read.get(place.ok()?)?.1.clone())
    };
    Ok(numbers
        .into_iter()
        .map(|number| number.and_then(at))
        .collect())
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
