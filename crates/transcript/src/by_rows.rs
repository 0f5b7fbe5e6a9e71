//! A look at a transcript by the rows of all its lines, brought up to the file as it is now, with a second one where what is known is of other bytes.
//!
//! Deliberately absent: old versions, whose lines do not speak for themselves.

use latchwork_format::Outline;
use latchwork_session::OpenError;
use latchwork_sys::{DiskFile, PathError};

use crate::entries::{Entries, is_changed};
use crate::reading::{backend, is_old};
use crate::session::Session;
use crate::state::Known;

/// Answers from the rows, and from what they say to read; `None` for an old version.
pub(crate) fn by_rows<T>(
    session: &Session,
    file: &dyn DiskFile,
    answer: impl Fn(&Entries<'_>) -> Result<T, PathError>,
) -> Result<Option<T>, OpenError> {
    let mut shown = None;
    let mut guard = session.known_unless_busy();
    let known = match &mut guard {
        Some(known) => &mut **known,
        None => shown.insert(session.shown()),
    };
    let mut done = once(session, known, file, &answer);
    if done.as_ref().is_err_and(is_changed) {
        known.distrust();
        done = once(session, known, file, &answer);
    }
    drop(guard);
    done.map_err(|error| backend(session, error))
}

fn once<T>(
    session: &Session,
    known: &mut Known,
    file: &dyn DiskFile,
    answer: &impl Fn(&Entries<'_>) -> Result<T, PathError>,
) -> Result<Option<T>, PathError> {
    let tail = known.catch_up(&session.system, &session.place, file)?;
    let mut outline: Outline = known.outline.clone();
    if tail > 0 {
        outline.settle();
    }
    if is_old(&outline) {
        return Ok(None);
    }
    let entries = Entries {
        outline: &outline,
        file: Some(file),
        place: &session.place,
    };
    answer(&entries).map(Some)
}
