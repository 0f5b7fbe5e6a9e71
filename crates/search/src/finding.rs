//! What the index says of a query: entries by rank, each a question that its transcript answers.
//!
//! Rank is FTS5's bm25, where what was thought counts half, to two digits; then the newest comes first. Limit: of a query that more than
//! [`RANKED_MAX`] entries answer, those that were indexed last are ranked, so that a word that stands everywhere costs no more.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use crate::told::Voice;
use crate::{Query, Wanted};

/// So many entries are ranked at most.
pub const RANKED_MAX: i64 = 20_000;

/// An entry that may answer the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) session: i64,
    pub(crate) stem: String,
    pub(crate) number: u32,
    pub(crate) voice: Voice,
}

/// The conditions besides the words, and their values.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

/// The best `limit` entries. The index of words is asked first, whatever SQLite would plan (`CROSS JOIN`).
pub(crate) fn candidates(
    connection: &Connection,
    query: &Query,
    wanted: &Wanted,
    limit: usize,
) -> rusqlite::Result<Vec<Candidate>> {
    let mut conditions = Conditions {
        sql: String::new(),
        values: vec![Value::Text(query.expression())],
    };
    if let Some(stem) = &wanted.session {
        let Some((session, first, last)) = session(connection, stem)? else {
            return Ok(Vec::new());
        };
        conditions.and("texts.rowid >= ?", first);
        conditions.and("texts.rowid <= ?", last);
        conditions.and("entries.session = ?", session);
    }
    if let Some(voice) = wanted.voice {
        conditions.and("entries.voice = ?", voice.code());
    }
    if let Some(since) = wanted.since_ms {
        conditions.and("entries.time >= ?", since);
    }
    if let Some(floor) = floor(connection, &conditions)? {
        conditions.and("texts.rowid >= ?", floor);
    }
    let Conditions { sql, mut values } = conditions;
    values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    let best = format!(
        "SELECT entries.session, sessions.stem, entries.number, entries.voice,
            round(bm25(texts, 1.0, 0.5), 2) AS score
         FROM texts CROSS JOIN entries ON entries.id = texts.rowid CROSS JOIN sessions ON sessions.id = entries.session
         WHERE texts MATCH ? {sql}
         ORDER BY score, entries.time DESC, sessions.stem, entries.number DESC LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&best)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok(Candidate {
            session: row.get(0)?,
            stem: row.get(1)?,
            number: row.get(2)?,
            voice: Voice::of_code(row.get(3)?).unwrap_or(Voice::Note),
        })
    })?;
    rows.collect()
}

impl Conditions {
    fn and(&mut self, condition: &str, value: i64) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(Value::Integer(value));
    }
}

/// The session of that stem, and between which numbers its entries stand.
fn session(connection: &Connection, stem: &str) -> rusqlite::Result<Option<(i64, i64, i64)>> {
    let one = "SELECT session, min(entries.id), max(entries.id) FROM entries JOIN sessions ON sessions.id = session
        WHERE stem = ? GROUP BY session";
    let mut statement = connection.prepare_cached(one)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    statement.query_row([stem], read).optional()
}

/// From which number on entries are ranked, if they are too many.
fn floor(connection: &Connection, conditions: &Conditions) -> rusqlite::Result<Option<i64>> {
    let entries = "CROSS JOIN entries ON entries.id = texts.rowid";
    let join = if conditions.sql.is_empty() {
        ""
    } else {
        entries
    };
    let newest = format!(
        "SELECT texts.rowid FROM texts {join} WHERE texts MATCH ? {}
         ORDER BY texts.rowid DESC LIMIT 1 OFFSET {}",
        conditions.sql,
        RANKED_MAX - 1
    );
    let mut statement = connection.prepare_cached(&newest)?;
    let values = params_from_iter(conditions.values.iter());
    statement.query_row(values, |row| row.get(0)).optional()
}
