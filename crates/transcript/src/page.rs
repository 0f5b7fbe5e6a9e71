//! Entries in stored order, a page at a time: the rows of all lines, and the texts of those of the page.

use latchwork_format::outline::Row;
use latchwork_session::{OpenError, Page, Position, View};
use latchwork_sys::PathError;

use crate::by_rows::by_rows;
use crate::entries::Entries;
use crate::reading::{Ask, open, open_file};
use crate::session::Session;

/// At most so many entries from a place on.
pub(crate) fn page(session: &Session, from: Position, limit: usize) -> Result<Page, OpenError> {
    let Some(file) = open_file(session)? else {
        let next = from;
        return Ok(Page {
            next,
            ..Page::default()
        });
    };
    match by_rows(session, &*file, |entries| of_rows(entries, from, limit))? {
        Some(page) => Ok(page),
        None => of_everything(session, from, limit),
    }
}

fn of_rows(entries: &Entries<'_>, from: Position, limit: usize) -> Result<Page, PathError> {
    let outline = entries.outline;
    let first = outline.position_at(from.0);
    let taken: Vec<u32> = outline
        .rows(first)
        .take(limit)
        .map(|(number, _)| number)
        .collect();
    let after = taken.last().map_or(first, |last| last + 1);
    let end = taken.last().and_then(|last| outline.row(*last));
    let end = end.map_or(0, |row| row.offset() + u64::from(row.len()));
    let next = outline.row(after).map(Row::offset);
    let read = entries.read_all(&taken)?.into_iter();
    let placed = read.filter_map(|(number, entry)| {
        let row = outline.row(number)?;
        Some((Position(row.offset()), entry))
    });
    Ok(Page {
        entries: placed.collect(),
        next: Position(next.unwrap_or_else(|| outline.saved_through().max(end).max(from.0))),
        more: next.is_some(),
    })
}

fn of_everything(session: &Session, from: Position, limit: usize) -> Result<Page, OpenError> {
    let ask = Ask {
        view: View::Everything,
        keys: None,
    };
    let snapshot = open(session, &ask)?;
    let lines = snapshot.transcript.lines();
    let rest = lines.get(lines.partition_point(|line| line.offset < from.0)..);
    let mut rest = rest.unwrap_or_default().iter();
    let taken = rest.by_ref().take(limit);
    let entries: Vec<_> = taken
        .map(|line| (Position(line.offset), line.entry.clone()))
        .collect();
    let next = rest.next().map(|line| line.offset);
    let end = lines.last().map_or(0, |line| line.offset + line.len as u64);
    Ok(Page {
        entries,
        next: Position(next.unwrap_or_else(|| end.max(from.0))),
        more: next.is_some(),
    })
}
