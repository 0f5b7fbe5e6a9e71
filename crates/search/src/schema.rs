//! The tables of the index, and the words in which they are made.
//!
//! ```text
//! sessions   a transcript by its stem, how its file looked, what it is called
//! outlines   its outline as bytes, so that only what is new of it is read
//! entries    an entry that can be found: of which session, which number in its outline, who speaks, when
//! texts      the words of that entry under the same number; FTS5 keeps where words stand and no text
//! ```
//!
//! Whoever changes a table, or what `words` or `told` make of an entry, raises [`VERSION`].

use rusqlite::Connection;

/// Marks the file as ours ("lwse").
pub(crate) const APPLICATION: i64 = 0x6c77_7365;
/// The version of the tables and of what stands in them.
pub(crate) const VERSION: i64 = 1;
/// How texts become words: letters and digits, without marks on them, whatever their case.
pub(crate) const TOKENS: &str = "tokenize = \"unicode61 remove_diacritics 2\"";

/// Whether the tables are there; `None` for a database that is empty.
pub(crate) fn is_ours(connection: &Connection) -> rusqlite::Result<Option<bool>> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 && number("application_id")? == 0 {
        return Ok(None);
    }
    Ok(Some(
        number("application_id")? == APPLICATION && number("user_version")? == VERSION,
    ))
}

/// Makes the tables; what stood in them is gone.
pub(crate) fn make(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS texts;
         DROP TABLE IF EXISTS entries;
         DROP TABLE IF EXISTS outlines;
         DROP TABLE IF EXISTS sessions;
         CREATE TABLE sessions (
            id INTEGER PRIMARY KEY, stem TEXT NOT NULL UNIQUE,
            inode INTEGER NOT NULL, size INTEGER NOT NULL, changed_ms INTEGER NOT NULL, changed_nanos INTEGER NOT NULL,
            key TEXT, name TEXT, title TEXT) STRICT;
         CREATE TABLE outlines (session INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
         CREATE TABLE entries (
            id INTEGER PRIMARY KEY, session INTEGER NOT NULL, number INTEGER NOT NULL,
            voice INTEGER NOT NULL, time INTEGER) STRICT;
         CREATE UNIQUE INDEX entries_of_session ON entries (session, number);
         CREATE VIRTUAL TABLE texts USING fts5 (said, thought, content = '', contentless_delete = 1, {TOKENS});
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {VERSION};"
    ))
}
