//! The rows of sessions and entries in the index. Every statement that writes stands here.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::folder::Stamp;
use crate::told::Told;
use crate::words::prepared;

/// What a session is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) key: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) title: Option<String>,
}

/// A session as it was indexed.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: i64,
    pub(crate) stamp: Stamp,
    pub(crate) called: Called,
}

/// All sessions by their stems.
pub(crate) fn stamps(connection: &Connection) -> rusqlite::Result<HashMap<String, (i64, Stamp)>> {
    let all = "SELECT stem, id, inode, size, changed_ms, changed_nanos FROM sessions";
    let mut statement = connection.prepare_cached(all)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, stamp(row, 2)?))))?;
    rows.collect()
}

/// One session.
pub(crate) fn known(connection: &Connection, stem: &str) -> rusqlite::Result<Option<Known>> {
    let one = "SELECT id, inode, size, changed_ms, changed_nanos, key, name, title FROM sessions WHERE stem = ?";
    let mut statement = connection.prepare_cached(one)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Known {
            id: row.get(0)?,
            stamp: stamp(row, 1)?,
            called: Called {
                key: row.get(5)?,
                name: row.get(6)?,
                title: row.get(7)?,
            },
        })
    };
    statement.query_row([stem], read).optional()
}

fn stamp(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Stamp> {
    Ok(Stamp {
        inode: row.get(at)?,
        size: row.get(at + 1)?,
        changed_ms: row.get(at + 2)?,
        changed_nanos: row.get(at + 3)?,
    })
}

/// The outline of a session as it was indexed, as bytes.
pub(crate) fn outline(connection: &Connection, session: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement =
        connection.prepare_cached("SELECT bytes FROM outlines WHERE session = ?")?;
    statement.query_row([session], |row| row.get(0)).optional()
}

/// Puts a session; its id.
pub(crate) fn put(
    connection: &Connection,
    stem: &str,
    stamp: &Stamp,
    called: &Called,
    outline: Option<&[u8]>,
) -> rusqlite::Result<i64> {
    let put = "INSERT INTO sessions (stem, inode, size, changed_ms, changed_nanos, key, name, title)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (stem) DO UPDATE SET inode = ?2, size = ?3, changed_ms = ?4, changed_nanos = ?5, key = ?6, name = ?7, title = ?8
        RETURNING id";
    let mut statement = connection.prepare_cached(put)?;
    let Called { key, name, title } = called;
    let Stamp {
        inode,
        size,
        changed_ms,
        changed_nanos,
    } = stamp;
    let id = statement.query_row(
        params![
            stem,
            inode,
            size,
            changed_ms,
            changed_nanos,
            key,
            name,
            title
        ],
        |row| row.get(0),
    )?;
    match outline {
        Some(bytes) => connection
            .prepare_cached("INSERT OR REPLACE INTO outlines (session, bytes) VALUES (?, ?)")?
            .execute(params![id, bytes])?,
        None => connection
            .prepare_cached("DELETE FROM outlines WHERE session = ?")?
            .execute([id])?,
    };
    Ok(id)
}

/// Takes out the entries of a session from this number on.
pub(crate) fn forget_from(
    connection: &Connection,
    session: i64,
    number: u32,
) -> rusqlite::Result<()> {
    let texts = "DELETE FROM texts WHERE rowid IN (SELECT id FROM entries WHERE session = ? AND number >= ?)";
    connection
        .prepare_cached(texts)?
        .execute(params![session, number])?;
    let entries = "DELETE FROM entries WHERE session = ? AND number >= ?";
    connection
        .prepare_cached(entries)?
        .execute(params![session, number])?;
    Ok(())
}

/// Takes out a session.
pub(crate) fn forget(connection: &Connection, session: i64) -> rusqlite::Result<()> {
    forget_from(connection, session, 0)?;
    for table in [
        "DELETE FROM outlines WHERE session = ?",
        "DELETE FROM sessions WHERE id = ?",
    ] {
        connection.prepare_cached(table)?.execute([session])?;
    }
    Ok(())
}

/// Whether words of entries that were taken out stand in the segments of FTS5 still. It keeps what it notes of those under
/// numbers of their own in its table of segments, from this one on.
pub(crate) fn has_tombstones(connection: &Connection) -> rusqlite::Result<bool> {
    const FIRST: i64 = 1 << (16 + 37);
    let any = "SELECT EXISTS (SELECT 1 FROM texts_data WHERE id >= ?)";
    connection.query_row(any, [FIRST], |row| row.get(0))
}

/// Merges all segments of FTS5 into one, which has no word of what was taken out.
pub(crate) fn merge_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("INSERT INTO texts (texts) VALUES ('optimize')")
}

/// Puts an entry.
pub(crate) fn put_entry(
    connection: &Connection,
    session: i64,
    number: u32,
    told: &Told,
) -> rusqlite::Result<()> {
    let entry = "INSERT INTO entries (session, number, voice, time) VALUES (?, ?, ?, ?)";
    let id = connection.prepare_cached(entry)?.insert(params![
        session,
        number,
        told.voice.code(),
        told.time
    ])?;
    let text = "INSERT INTO texts (rowid, said, thought) VALUES (?, ?, ?)";
    connection.prepare_cached(text)?.execute(params![
        id,
        prepared(&told.said),
        prepared(&told.thought)
    ])?;
    Ok(())
}
