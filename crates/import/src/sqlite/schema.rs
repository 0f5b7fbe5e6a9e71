//! Whose tables these are, and the queries that fit them: columns were added over time.

use rusqlite::Connection;

use crate::kind::SourceKind;

/// Whose tables these are, and which columns they have.
pub(super) struct Schema {
    kind: SourceKind,
    /// The columns that later versions added.
    metadata: bool,
    compressed: bool,
    about: bool,
}

impl Schema {
    pub(super) fn of(connection: &Connection) -> Result<Option<Self>, rusqlite::Error> {
        let events = columns(connection, "transcript_events")?;
        let has = |columns: &[String], name: &str| columns.iter().any(|column| column == name);
        if has(&events, "event_json") && has(&events, "seq") && has(&events, "session_id") {
            return Ok(Some(Self {
                kind: SourceKind::OpenClaw,
                metadata: false,
                compressed: has(&events, "event_zstd") && has(&events, "event_utf8_bytes"),
                about: false,
            }));
        }
        let messages = columns(connection, "messages")?;
        if has(&messages, "content_json") && has(&messages, "session_id") {
            return Ok(Some(Self {
                kind: SourceKind::Goose,
                metadata: has(&messages, "metadata_json"),
                compressed: false,
                about: has(&columns(connection, "sessions")?, "id"),
            }));
        }
        Ok(None)
    }

    pub(super) const fn kind(&self) -> SourceKind {
        self.kind
    }

    pub(super) const fn sessions_query(&self) -> &'static str {
        match self.kind {
            SourceKind::OpenClaw => {
                "SELECT session_id FROM transcript_events GROUP BY session_id ORDER BY MIN(rowid)"
            }
            _ => "SELECT session_id FROM messages GROUP BY session_id ORDER BY MIN(id)",
        }
    }

    pub(super) const fn about_query(&self) -> Option<&'static str> {
        match self.about {
            true => Some("SELECT * FROM sessions WHERE id = ?1"),
            false => None,
        }
    }

    /// The next row behind one: its number, its length, its parts. Parts beyond the limit `?3` are not fetched.
    pub(super) fn row_query(&self) -> String {
        match self.kind {
            SourceKind::OpenClaw => {
                let (packed, size) = match self.compressed {
                    true => ("event_zstd", "event_utf8_bytes"),
                    false => ("NULL", "NULL"),
                };
                let length = format!(
                    "max(ifnull(octet_length(event_json), 0), ifnull({size}, 0), ifnull(octet_length({packed}), 0))"
                );
                format!(
                    "SELECT seq, {length}, iif({length} <= ?3, event_json, NULL), iif({length} <= ?3, {packed}, NULL), {size} \
                     FROM transcript_events WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT 1"
                )
            }
            _ => {
                let metadata = match self.metadata {
                    true => "metadata_json",
                    false => "NULL",
                };
                let length = format!(
                    "ifnull(octet_length(content_json), 0) + ifnull(octet_length({metadata}), 0)"
                );
                format!(
                    "SELECT id, {length}, iif({length} <= ?3, content_json, NULL), role, created_timestamp, iif({length} <= ?3, {metadata}, NULL) \
                     FROM messages WHERE session_id = ?1 AND id > ?2 ORDER BY id LIMIT 1"
                )
            }
        }
    }
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    names.collect()
}
