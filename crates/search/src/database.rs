//! The file of the index, opened one way or another: it is a help and never the truth, so nothing about it is a reason to fail.
//!
//! | what stands there | what becomes of it |
//! |---|---|
//! | nothing | it is made, 0600 in a folder of 0700 |
//! | our index | it is used |
//! | no database, another program's, another version's, a broken one | it is put aside (`.aside`, of which there is one) and made anew |
//! | our index, which may not be written | it is read as it is |
//! | nothing that can be used, where nothing can be written | an index is made for this search alone, in a temporary file of SQLite's |
//!
//! Limit: a page that went bad without SQLite seeing it may hide a hit; it cannot make one up, as hits are read back.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork_sys::{FileKind, OpenHow, System, make_private_dir};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::schema;

/// How long SQLite waits for another process's write.
const BUSY: Duration = Duration::from_secs(2);
/// How often, and after which time, it is tried again where SQLite does not wait.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);
/// Set up anew for each connection. What is in memory is bounded; after a power cut the file is whole, if not the newest; what is freed
/// in it is zeroed, so that no word outlives its session.
const SETUP: &str = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -16384;
    PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216;";

/// What an index is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is read and written.
    Kept,
    /// It is read only, because of this.
    ReadOnly(String),
    /// It ends with this process, because of this.
    Temporary(String),
}

/// An open index.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) usage: Use,
}

/// What was put aside, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) path: PathBuf,
    pub(crate) why: String,
}

impl Database {
    /// Opens the index at `path`, or one for this process alone where there is none; what was put aside is told.
    pub(crate) fn open(
        system: &System,
        path: Option<&Path>,
        aside: &mut Option<Aside>,
    ) -> rusqlite::Result<Self> {
        let Some(path) = path else {
            return Self::temporary("there is no home to keep it in".to_owned());
        };
        let path = match prepare(system, path) {
            Ok(path) => path,
            Err(why) => return Self::unwritable(path, why),
        };
        match Self::patiently(&path) {
            Ok(database) => Ok(database),
            Err(Fault::Useless(why)) => {
                if put_aside(system, &path, why, aside) && prepare(system, &path).is_ok() {
                    match Self::patiently(&path) {
                        Ok(database) => return Ok(database),
                        Err(fault) => return Self::unwritable(&path, fault.words()),
                    }
                }
                Self::temporary(format!("{} cannot be used or put aside", path.display()))
            }
            Err(Fault::Refused(why) | Fault::Busy(why)) => Self::unwritable(&path, why),
        }
    }

    /// As [`Self::kept`], where others may be making it at this moment: SQLite does not wait for each of its locks.
    pub(crate) fn patiently(path: &Path) -> Result<Self, Fault> {
        for _ in 0..TRIES {
            match Self::kept(path) {
                Err(Fault::Busy(_)) => std::thread::sleep(PAUSE),
                done => return done,
            }
        }
        Self::kept(path)
    }

    fn kept(path: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(SETUP)?;
        match schema::is_ours(&connection)? {
            Some(true) => {}
            Some(false) => return Err(Fault::Useless("it is not this version's index".to_owned())),
            None => {
                // Readers go on while somebody indexes. Where the filesystem does not bear it, they wait for each other.
                let mode = "PRAGMA journal_mode = WAL";
                connection.query_row(mode, [], |row| row.get::<_, String>(0))?;
                in_one_go(&connection, |connection| {
                    match schema::is_ours(connection)? {
                        None => schema::make(connection),
                        Some(_) => Ok(()),
                    }
                })?;
            }
        }
        // A file that may not be written opens all the same.
        if connection.is_readonly(rusqlite::MAIN_DB)? {
            return Err(Fault::Refused("it may not be written".to_owned()));
        }
        Ok(Self {
            connection,
            usage: Use::Kept,
        })
    }

    /// The index as it stands, read only; else one for this process alone.
    fn unwritable(path: &Path, why: String) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let read = || {
            let connection = Connection::open_with_flags(unchanging(path), flags)?;
            connection.execute_batch(SETUP)?;
            schema::is_ours(&connection).map(|ours| (connection, ours == Some(true)))
        };
        match read() {
            Ok((connection, true)) => Ok(Self {
                connection,
                usage: Use::ReadOnly(why),
            }),
            _ => Self::temporary(why),
        }
    }

    /// An index that SQLite keeps in a file without a name.
    pub(crate) fn temporary(why: String) -> rusqlite::Result<Self> {
        let connection = Connection::open("")?;
        connection.execute_batch(SETUP)?;
        schema::make(&connection)?;
        Ok(Self {
            connection,
            usage: Use::Temporary(why),
        })
    }
}

/// Does something in one transaction that may write.
pub(crate) fn in_one_go<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = work(connection);
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute_batch(end);
    if ended.is_err() && !connection.is_autocommit() {
        let _it_ends_with_the_connection = connection.execute_batch("ROLLBACK");
    }
    done.and_then(|done| ended.map(|()| done))
}

/// Why an index cannot be used.
pub(crate) enum Fault {
    /// What stands there is no index of ours, or a broken one.
    Useless(String),
    /// It cannot be opened or written.
    Refused(String),
    /// Somebody is at it.
    Busy(String),
}

impl Fault {
    fn words(self) -> String {
        match self {
            Fault::Useless(why) | Fault::Refused(why) | Fault::Busy(why) => why,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        if is_broken(&error) {
            Fault::Useless(error.to_string())
        } else if is_busy(&error) {
            Fault::Busy(error.to_string())
        } else {
            Fault::Refused(error.to_string())
        }
    }
}

/// Whether an error says that another process is at it.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Whether an error says that the file is not what it should be, so that another one is worth a try.
pub(crate) fn is_broken(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::OperationInterrupted
            | ErrorCode::OutOfMemory
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::FileLockingProtocolFailed,
        ) => false,
        // Not a database, a page that is wrong, a table that is missing, a column of another type.
        _ => true,
    }
}

/// Makes sure that a file of ours stands there; its path without links in its folders.
fn prepare(system: &System, path: &Path) -> Result<PathBuf, String> {
    let disk = &*system.disk;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(format!("{} names no file", path.display()));
    };
    make_private_dir(disk, folder).map_err(|error| in_words(&error))?;
    let folder = disk
        .canonicalize(folder)
        .map_err(|error| error.to_string())?;
    let path = folder.join(name);
    match disk.facts(&path) {
        // Copied or restored with other permissions, maybe: what words there are is nobody else's business.
        Ok(facts) if facts.kind == FileKind::Regular && facts.mode & 0o077 != 0 => {
            let file = disk.open(&path, &OpenHow::reading());
            let _as_far_as_it_goes = file.and_then(|file| file.set_mode(0o600));
        }
        Ok(facts) if facts.kind == FileKind::Regular => {}
        Ok(facts) => return Err(format!("{} is {}", path.display(), facts.kind.in_words())),
        Err(_) => {
            // SQLite gives its other files the permissions of this one.
            let made = disk.open(&path, &OpenHow::updating().or_create());
            made.map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
        }
    }
    Ok(path)
}

fn in_words(error: &latchwork_sys::PathError) -> String {
    format!("{error}: {}", error.source)
}

/// Puts what stands at `path` out of the way; whether that went well.
pub(crate) fn put_aside(
    system: &System,
    path: &Path,
    why: String,
    aside: &mut Option<Aside>,
) -> bool {
    let to = beside(path, ".aside");
    let moved = system.disk.rename(path, &to);
    if let Err(error) = &moved
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::debug!(?path, %error, "the index cannot be put aside");
        return false;
    }
    // Its journals would be taken for the next one's, if SQLite did not look at an empty file first.
    for ending in ["-wal", "-shm", "-journal"] {
        let _it_may_not_be_there = system.disk.remove(&beside(path, ending));
    }
    if moved.is_ok() {
        *aside = Some(Aside { path: to, why });
    }
    true
}

/// The path of a file beside an index.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The path as SQLite wants it for a file that nobody changes: no lock is taken, no journal is looked for.
fn unchanging(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            uri.push(char::from(*byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri + "?immutable=1"
}
