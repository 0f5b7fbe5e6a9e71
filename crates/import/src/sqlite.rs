//! Rows of two programs' databases, as lines. The one place with a database in it.
//!
//! A database is opened for reading only and read in one transaction, so that what is read is one moment of it even while its
//! program writes. Rows are fetched one by one, and one whose content is beyond the limit is not fetched.
//!
//! Limits: a database in WAL mode needs its `-shm` file, which SQLite may make beside it; rows that OpenClaw has moved to cold
//! archives are not there.

mod schema;
mod text;

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use crate::kind::SourceKind;
use crate::lines::{LINE_BYTES_MAX, Next};
use crate::reader::{Feed, SourceError};
use schema::Schema;

/// A database that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// SQLite refuses.
    #[error("the database {path:?} cannot be read ({doing})")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The cause.
        #[source]
        source: rusqlite::Error,
    },
    /// It has no tables of a program that is known.
    #[error(
        "the database {0:?} is neither goose's (no `messages`) nor OpenClaw's (no `transcript_events`)"
    )]
    Unknown(PathBuf),
    /// It has no session of this name.
    #[error("the database {path:?} has no session {session:?}")]
    NoSession {
        /// The file.
        path: PathBuf,
        /// The name.
        session: String,
    },
}

/// A database of a program that is known.
pub struct Database {
    connection: Connection,
    path: PathBuf,
    schema: Schema,
}

impl Database {
    /// Opens a database for reading.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    ///
    /// # Blocking
    /// Reads from the disk, and waits up to five seconds for its writer.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let failed = |doing| {
            move |source| DatabaseError::Sqlite {
                path: path.to_owned(),
                doing,
                source,
            }
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed("open"))?;
        let wait = std::time::Duration::from_secs(5);
        connection.busy_timeout(wait).map_err(failed("set up"))?;
        let schema = Schema::of(&connection).map_err(failed("look at its tables"))?;
        let schema = schema.ok_or_else(|| DatabaseError::Unknown(path.to_owned()))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            schema,
        })
    }

    /// Whose it is.
    #[must_use]
    pub const fn kind(&self) -> SourceKind {
        self.schema.kind()
    }

    /// The names of its sessions that hold anything.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub fn sessions(&self) -> Result<Vec<String>, DatabaseError> {
        let listed = || -> Result<Vec<String>, rusqlite::Error> {
            let mut statement = self.connection.prepare(self.schema.sessions_query())?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect()
        };
        listed().map_err(|source| self.failed("list its sessions", source))
    }

    /// The rows of a session.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub fn rows(self, session: &str) -> Result<Rows, DatabaseError> {
        self.connection
            .execute_batch("BEGIN")
            .map_err(|source| self.failed("begin to read", source))?;
        if !self.sessions()?.iter().any(|name| name == session) {
            return Err(DatabaseError::NoSession {
                path: self.path,
                session: session.to_owned(),
            });
        }
        Ok(Rows {
            database: self,
            session: session.to_owned(),
            after: i64::MIN,
            begun: false,
            line: Vec::new(),
            bytes: 0,
            hash: blake3::Hasher::new(),
        })
    }

    fn failed(&self, doing: &'static str, source: rusqlite::Error) -> DatabaseError {
        DatabaseError::Sqlite {
            path: self.path.clone(),
            doing,
            source,
        }
    }
}

/// The rows of one session, as lines.
pub struct Rows {
    database: Database,
    session: String,
    after: i64,
    begun: bool,
    line: Vec<u8>,
    bytes: u64,
    hash: blake3::Hasher,
}

/// One row.
enum Fetched {
    Line(Vec<u8>),
    TooLong(u64),
}

impl Rows {
    /// Whose they are.
    #[must_use]
    pub const fn kind(&self) -> SourceKind {
        self.database.kind()
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// What the database says of the session itself, if it says anything.
    fn about(&self) -> Result<Option<Vec<u8>>, rusqlite::Error> {
        let Some(query) = self.database.schema.about_query() else {
            return Ok(None);
        };
        let mut statement = self.database.connection.prepare(query)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        statement
            .query_row(params![self.session], |row| text::about(row, &names))
            .optional()
    }

    fn fetch(&mut self) -> Result<Option<Fetched>, rusqlite::Error> {
        let schema = &self.database.schema;
        let mut statement = self
            .database
            .connection
            .prepare_cached(&schema.row_query())?;
        let limit = i64::try_from(LINE_BYTES_MAX).unwrap_or(i64::MAX);
        let found = statement
            .query_row(params![self.session, self.after, limit], |row| {
                Ok((row.get::<_, i64>(0)?, fetched(schema, row)?))
            })
            .optional()?;
        Ok(found.map(|(after, fetched)| {
            self.after = after;
            fetched
        }))
    }
}

fn fetched(schema: &Schema, row: &Row<'_>) -> Result<Fetched, rusqlite::Error> {
    let length: i64 = row.get(1)?;
    let length = u64::try_from(length).unwrap_or_default();
    if length > LINE_BYTES_MAX as u64 {
        return Ok(Fetched::TooLong(length));
    }
    Ok(Fetched::Line(match schema.kind() {
        SourceKind::OpenClaw => text::event(row)?,
        _ => text::message(row)?,
    }))
}

/// The bytes of a text or a blob.
fn bytes<'a>(row: &'a Row<'_>, column: usize) -> Result<Option<&'a [u8]>, rusqlite::Error> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    })
}

impl Feed for Rows {
    fn advance(&mut self) -> Result<Next, SourceError> {
        let failed = |rows: &Self, source| rows.database.failed("read its rows", source);
        if !self.begun {
            self.begun = true;
            let about = self.about().map_err(|source| failed(self, source))?;
            if let Some(line) = about {
                return Ok(self.take(line));
            }
        }
        match self.fetch().map_err(|source| failed(self, source))? {
            None => Ok(Next::End),
            Some(Fetched::TooLong(length)) => Ok(Next::TooLong(length)),
            Some(Fetched::Line(line)) => Ok(self.take(line)),
        }
    }

    fn line(&self) -> &[u8] {
        &self.line
    }

    fn number(&self) -> u64 {
        u64::try_from(self.after).unwrap_or_default()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn hash(&self) -> blake3::Hash {
        self.hash.finalize()
    }
}

impl Rows {
    fn take(&mut self, line: Vec<u8>) -> Next {
        self.bytes += line.len() as u64 + 1;
        self.hash.update(&line).update(b"\n");
        self.line = line;
        Next::Line { torn: false }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path)
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}
