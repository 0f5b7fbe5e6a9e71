//! The index brought up to the transcripts: what is new of a grown file is read, a replaced one anew, and what is gone is taken out.
//!
//! Work is committed in batches, so an interruption keeps what is done, and a session is indexed whole or as it was before. The oldest
//! come first: what stands last in the index is the newest. One process at a time indexes (a lock on `<index>.lock`, which goes with its
//! process); SQLite's own lock keeps the index whole even without it.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use latchwork_format::{RawEntry, Role};
use latchwork_sys::{DiskFile, OpenHow, System};
use rusqlite::Connection;

use crate::database::{Database, Use, beside, in_one_go, is_broken, is_busy};
use crate::folder::{Stamp, path_of, transcripts};
use crate::reading::Reading;
use crate::sessions::{self, Called};
use crate::told::told;
use crate::{Note, Progress, SearchError, schema};

/// A batch ends after so many bytes of transcripts, so many sessions, or so much time.
const BATCH_BYTES: u64 = 64 << 20;
const BATCH_SESSIONS: usize = 2_000;
const BATCH_TIME: Duration = Duration::from_secs(2);
/// How long another process that indexes is waited for: most have little to do.
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_millis(10);
/// The longest title, in characters.
const TITLE_CHARS: usize = 80;

/// What is to be done, and who is told.
pub(crate) struct Work<'a> {
    pub(crate) system: &'a System,
    pub(crate) folder: &'a Path,
    /// The index's own path, if it has one.
    pub(crate) index: Option<&'a Path>,
    /// Sessions that are read anew, however their files look.
    pub(crate) doubted: &'a HashSet<String>,
    /// Whether everything is.
    pub(crate) rebuild: bool,
    pub(crate) stop: &'a dyn Fn() -> bool,
    pub(crate) watch: &'a mut dyn FnMut(Progress),
}

/// A session to be indexed, or to be taken out.
enum Due {
    Read { stem: String, bytes: u64 },
    Forget { stem: String },
}

impl Work<'_> {
    /// Brings the index up to date, as far as it goes.
    ///
    /// # Errors
    /// [`SearchError::Folder`], [`SearchError::Stopped`], and what SQLite says.
    pub(crate) fn run(
        mut self,
        database: &Database,
        notes: &mut Vec<Note>,
    ) -> Result<(), SearchError> {
        let connection = &database.connection;
        let due = self.due(connection)?;
        if due.is_empty() && !self.rebuild {
            return Ok(());
        }
        if let Use::ReadOnly(_) = database.usage {
            notes.push(Note::Behind {
                sessions: due.len(),
            });
            return Ok(());
        }
        let Some(_lock) = self.lock(database) else {
            notes.push(Note::IndexedElsewhere {
                sessions: due.len(),
            });
            return Ok(());
        };
        let mut left = due.len();
        let mut unread = Vec::new();
        let ended = self.everything(connection, &mut left, &mut unread);
        if !unread.is_empty() {
            notes.push(Note::Unread(unread));
        }
        match ended {
            Err(SearchError::Index(error)) if is_busy(&error) => {
                notes.push(Note::IndexedElsewhere { sessions: left });
            }
            Err(SearchError::Index(error)) if !is_broken(&error) => {
                let why = error.to_string();
                notes.push(Note::NotIndexed {
                    sessions: left,
                    why,
                });
            }
            ended => ended?,
        }
        Ok(())
    }

    /// Does all that is due; `left` is what is not done yet.
    fn everything(
        &mut self,
        connection: &Connection,
        left: &mut usize,
        unread: &mut Vec<(String, String)>,
    ) -> Result<(), SearchError> {
        if self.rebuild {
            in_one_go(connection, schema::make)?;
        }
        // Whoever had the lock may have done it.
        let due = self.due(connection)?;
        let mut done = 0;
        while done < due.len() {
            *left = due.len() - done;
            done = self.batch(connection, &due, done, unread)?;
        }
        Ok(())
    }

    fn due(&self, connection: &Connection) -> Result<Vec<Due>, SearchError> {
        let found = transcripts(self.system, self.folder)?;
        let mut known = sessions::stamps(connection)?;
        let mut changed: Vec<(String, Stamp)> = Vec::new();
        for (stem, stamp) in found {
            match known.remove(&stem) {
                Some((_, before)) if before == stamp && !self.doubted.contains(&stem) => {}
                _ => changed.push((stem, stamp)),
            }
        }
        let age = |stamp: &Stamp| (stamp.changed_ms, stamp.changed_nanos);
        changed.sort_by(|(a, a_stamp), (b, b_stamp)| {
            age(a_stamp).cmp(&age(b_stamp)).then_with(|| a.cmp(b))
        });
        let gone = known.into_keys().map(|stem| Due::Forget { stem });
        let read = changed.into_iter().map(|(stem, stamp)| Due::Read {
            stem,
            bytes: stamp.size.cast_unsigned(),
        });
        Ok(gone.chain(read).collect())
    }

    /// The right to index; `None` while another process does. Where no lock can be had, SQLite's own has to do.
    fn lock(&self, database: &Database) -> Option<Option<Box<dyn DiskFile>>> {
        let Some(path) = self.index.filter(|_| database.usage == Use::Kept) else {
            return Some(None);
        };
        let how = OpenHow::updating().or_create();
        let Ok(file) = self.system.disk.open(&beside(path, ".lock"), &how) else {
            return Some(None);
        };
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(true) => return Some(Some(file)),
                Ok(false) => std::thread::sleep(PAUSE),
                Err(_) => return Some(None),
            }
        }
        None
    }

    /// One transaction; how many are done now.
    fn batch(
        &mut self,
        connection: &Connection,
        due: &[Due],
        mut done: usize,
        unread: &mut Vec<(String, String)>,
    ) -> Result<usize, SearchError> {
        let begun = self.system.clock.monotonic();
        let (first, mut bytes) = (done, 0);
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let open = Transaction(connection);
        let mut stopped = (self.stop)();
        while let Some(next) = due.get(done).filter(|_| !stopped) {
            connection.execute_batch("SAVEPOINT one")?;
            match self.one(connection, next, unread)? {
                Some(read) => bytes += read,
                None => {
                    connection.execute_batch("ROLLBACK TO one")?;
                    stopped = true;
                }
            }
            connection.execute_batch("RELEASE one")?;
            done += usize::from(!stopped);
            (self.watch)(Progress {
                done,
                of: due.len(),
            });
            let spent = self.system.clock.monotonic().saturating_sub(begun);
            if bytes > BATCH_BYTES || done - first >= BATCH_SESSIONS || spent > BATCH_TIME {
                break;
            }
        }
        self.system.steps.reach("search:before-commit");
        connection.execute_batch("COMMIT")?;
        drop(open);
        self.system.steps.reach("search:batch");
        if stopped {
            return Err(SearchError::Stopped);
        }
        Ok(done)
    }

    /// Indexes one session, or takes it out; how many bytes were read, `None` if it was stopped midway.
    fn one(
        &self,
        connection: &Connection,
        due: &Due,
        unread: &mut Vec<(String, String)>,
    ) -> Result<Option<u64>, SearchError> {
        match due {
            Due::Forget { stem } => {
                if let Some(known) = sessions::known(connection, stem)? {
                    sessions::forget(connection, known.id)?;
                }
                Ok(Some(0))
            }
            Due::Read { stem, bytes } => {
                let read = self.session(connection, stem)?;
                let done = match read {
                    Ok(finished) => finished,
                    Err(error) => {
                        if error.kind() != io::ErrorKind::NotFound {
                            unread.push((stem.clone(), error.to_string()));
                        }
                        if let Some(known) = sessions::known(connection, stem)? {
                            sessions::forget(connection, known.id)?;
                        }
                        true
                    }
                };
                Ok(done.then_some(*bytes))
            }
        }
    }

    /// Reads what is new of a session, or all of it. Whether it was read to its end.
    fn session(
        &self,
        connection: &Connection,
        stem: &str,
    ) -> Result<io::Result<bool>, SearchError> {
        let known = sessions::known(connection, stem)?;
        let mut reading = match Reading::open(self.system, &path_of(self.folder, stem)) {
            Ok(reading) => reading,
            Err(error) => return Ok(Err(error)),
        };
        let mut called = Called::default();
        if let Some(known) = &known
            && !self.doubted.contains(stem)
        {
            if known.stamp == reading.stamp {
                return Ok(Ok(true));
            }
            if known.stamp.inode == reading.stamp.inode
                && let Some(outline) = sessions::outline(connection, known.id)?
            {
                match reading.take_up(&outline) {
                    Ok(true) => called = known.called.clone(),
                    Ok(false) => {}
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        let first = u32::try_from(reading.outline.len()).unwrap_or(u32::MAX);
        match reading.catch_up(self.stop) {
            Ok(true) => {}
            stopped_or_failed => return Ok(stopped_or_failed),
        }
        let id = match known {
            Some(known) => known.id,
            None => sessions::put(connection, stem, &reading.stamp, &called, None)?,
        };
        sessions::forget_from(connection, id, first)?;
        match self.entries(connection, id, first, &mut reading, &mut called)? {
            Ok(true) => {}
            stopped_or_failed => return Ok(stopped_or_failed),
        }
        let outline = reading.outline.to_bytes();
        sessions::put(
            connection,
            stem,
            &reading.stamp,
            &called,
            outline.as_deref(),
        )?;
        Ok(Ok(true))
    }

    fn entries(
        &self,
        connection: &Connection,
        session: i64,
        first: u32,
        reading: &mut Reading,
        called: &mut Called,
    ) -> Result<io::Result<bool>, SearchError> {
        let end = u32::try_from(reading.outline.len()).unwrap_or(u32::MAX);
        for number in first..end {
            if (self.stop)() {
                return Ok(Ok(false));
            }
            let entry = match reading.entry(number) {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            // A line that was changed since the outline was made: the file then looks otherwise, and is read again.
            let Some(entry) = entry else { continue };
            note_names(&entry, called);
            if let Some(told) = told(&entry) {
                sessions::put_entry(connection, session, number, &told)?;
            }
        }
        Ok(Ok(true))
    }
}

/// What the session is called, as far as this entry says it.
fn note_names(entry: &RawEntry, called: &mut Called) {
    if let Some(name) = entry.session_name() {
        called.name = name;
    }
    if called.key.is_none() {
        called.key = entry.kept_session_key();
    }
    if called.title.is_none()
        && entry.role() == Some(&Role::User)
        && let Some(message) = entry.message()
    {
        let text = message.text();
        let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
        called.title = Some(words.flat_map(str::chars).take(TITLE_CHARS).collect());
    }
}

/// An open transaction is rolled back if nobody ended it.
struct Transaction<'c>(&'c Connection);

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            let _it_ends_with_the_connection = self.0.execute_batch("ROLLBACK");
        }
    }
}
