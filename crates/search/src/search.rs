//! One search: the index is brought up to date, asked, and each answer read back from its transcript before it is shown.
//!
//! Invariant: what is shown stands in the transcript at that moment and answers the query; an answer that does not sends its session to be
//! read anew. Whatever is wrong with the index is told and worked around.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use latchwork_format::EntryId;
use latchwork_format::outline::Row;
use latchwork_sys::{PathError, System};

use crate::Query;
use crate::database::{Aside, Database, Use, is_broken, put_aside};
use crate::finding::{Candidate, candidates};
use crate::folder::path_of;
use crate::indexing::Work;
use crate::reading::Reading;
use crate::sessions;
use crate::snippet::{Snippet, Snippets};
use crate::standing::{Standing, Tree};
use crate::told::{Voice, told};

/// How often it is begun again because of an index that turns out to be broken, or of entries that are gone.
const ROUNDS: usize = 3;

/// Which entries are wanted besides the words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only of the session of this stem.
    pub session: Option<String>,
    /// Only what this one says.
    pub voice: Option<Voice>,
    /// Only what was said at this time or later, in Unix milliseconds.
    pub since_ms: Option<i64>,
}

/// Knows the heads of sessions.
pub trait Heads {
    /// The entry that the active branch of the session of this stem ends with: `Some(None)` for none, `None` where it is not known.
    fn head(&mut self, stem: &str) -> Option<Option<EntryId>>;
}

/// How far indexing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Sessions that are done.
    pub done: usize,
    /// Sessions that were to be done.
    pub of: usize,
}

/// Something that a search had to work around.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// What stood in the index's place was no index that can be used; it was put aside and made anew.
    PutAside {
        /// Where it is now.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The index could not be kept; it was made for this search alone.
    NotKept {
        /// Why.
        why: String,
    },
    /// The index may not be written, and so many sessions are not in it as they are now.
    Behind {
        /// How many.
        sessions: usize,
    },
    /// Another process is indexing; so many sessions are not in the index yet as they are now.
    IndexedElsewhere {
        /// How many.
        sessions: usize,
    },
    /// Indexing ended early, and so many sessions are not in the index as they are now.
    NotIndexed {
        /// How many.
        sessions: usize,
        /// Why.
        why: String,
    },
    /// These sessions cannot be read, for these reasons.
    Unread(Vec<(String, String)>),
}

/// An entry that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit {
    /// The stem of its transcript.
    pub stem: String,
    /// The key that the session keeps.
    pub key: Option<String>,
    /// The session's name.
    pub name: Option<String>,
    /// The first words of the user.
    pub title: Option<String>,
    /// The entry.
    pub entry: EntryId,
    /// Its line, counted from 1.
    pub line: u32,
    /// When it was said, in Unix milliseconds.
    pub time: Option<i64>,
    /// Who speaks.
    pub voice: Voice,
    /// Where it stands.
    pub standing: Standing,
    /// The part that answers.
    pub snippet: Snippet,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The best answers, best first.
    pub hits: Vec<Hit>,
    /// Whether there are more.
    pub more: bool,
    /// What had to be worked around.
    pub notes: Vec<Note>,
}

/// A search that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] PathError),
    /// It was stopped. What was indexed until then is kept.
    #[error("the search was stopped; what was indexed until then is kept")]
    Stopped,
    /// SQLite cannot work at all, not even in memory and temporary files.
    #[error("the index cannot be made or asked")]
    Index(#[from] rusqlite::Error),
}

/// A search over the transcripts of a folder.
pub struct Search<'a> {
    /// The machine.
    pub system: &'a System,
    /// The folder.
    pub folder: &'a Path,
    /// The file of the index; none if it cannot be kept.
    pub index: Option<&'a Path>,
    /// What is looked for.
    pub query: &'a Query,
    /// Where.
    pub wanted: &'a Wanted,
    /// The most hits.
    pub limit: usize,
    /// Whether the index is made anew first.
    pub rebuild: bool,
    /// Says that nobody waits for it any more.
    pub stop: &'a dyn Fn() -> bool,
    /// Is told how far indexing has come.
    pub watch: &'a mut dyn FnMut(Progress),
}

impl Search<'_> {
    /// Searches.
    ///
    /// # Errors
    /// See [`SearchError`].
    ///
    /// # Blocking
    /// Reads what is new since the last search, which is everything the first time.
    pub fn run(mut self, heads: &mut dyn Heads) -> Result<Found, SearchError> {
        let mut aside = None;
        let mut found = self.by_any_index(heads, &mut aside)?;
        let aside = aside.map(|Aside { path, why }| Note::PutAside { path, why });
        found.notes.splice(0..0, aside);
        Ok(found)
    }

    /// Searches by the index that there is, by one made anew where that is broken, else by one for this search alone.
    fn by_any_index(
        &mut self,
        heads: &mut dyn Heads,
        aside: &mut Option<Aside>,
    ) -> Result<Found, SearchError> {
        let mut why = String::new();
        for _ in 0..ROUNDS {
            let database = Database::open(self.system, self.index, aside)?;
            let error = match self.with(&database, heads) {
                Err(SearchError::Index(error)) => error,
                finished => return finished,
            };
            why = error.to_string();
            drop(database);
            let path = self.index.unwrap_or(Path::new(""));
            if !is_broken(&error) || !put_aside(self.system, path, why.clone(), aside) {
                break;
            }
        }
        self.with(&Database::temporary(why)?, heads)
    }

    /// Searches by this index. Answers that are gone send their sessions to be read anew, and the index is asked again.
    fn with(&mut self, database: &Database, heads: &mut dyn Heads) -> Result<Found, SearchError> {
        let mut doubted = HashSet::new();
        let mut found = Found::default();
        for _ in 0..ROUNDS {
            found = Found::default();
            if let Use::Temporary(why) = &database.usage {
                found.notes.push(Note::NotKept { why: why.clone() });
            }
            let work = Work {
                system: self.system,
                folder: self.folder,
                index: self.index,
                doubted: &doubted,
                rebuild: std::mem::take(&mut self.rebuild),
                stop: self.stop,
                watch: self.watch,
            };
            work.run(database, &mut found.notes)?;
            let gone = self.answers(database, heads, &mut found)?;
            let known = doubted.len();
            doubted.extend(gone);
            if doubted.len() == known {
                break;
            }
        }
        Ok(found)
    }

    /// Asks the index and reads the answers back; the stems of those sessions of which an answer is gone.
    fn answers(
        &self,
        database: &Database,
        heads: &mut dyn Heads,
        found: &mut Found,
    ) -> Result<Vec<String>, SearchError> {
        let connection = &database.connection;
        // One moment of the index, whoever writes meanwhile.
        let moment = connection.unchecked_transaction()?;
        let asked = self.limit.saturating_add(1);
        let all = candidates(connection, self.query, self.wanted, asked)?;
        found.more = all.len() > self.limit;
        let mut by_session: BTreeMap<i64, Vec<(usize, Candidate)>> = BTreeMap::new();
        for (rank, candidate) in all.into_iter().take(self.limit).enumerate() {
            let of_session = by_session.entry(candidate.session).or_default();
            of_session.push((rank, candidate));
        }
        let snippets = Snippets::new(connection, self.query)?;
        let mut gone = Vec::new();
        let mut hits = Vec::new();
        // One session in memory at a time.
        for (session, candidates) in by_session {
            if (self.stop)() {
                return Err(SearchError::Stopped);
            }
            let stem = candidates.first().map(|(_, first)| first.stem.clone());
            let stem = stem.unwrap_or_default();
            let Some(mut open) = self.open(database, session, &stem, heads)? else {
                gone.push(stem);
                continue;
            };
            for (rank, candidate) in candidates {
                match open.hit(&candidate, &snippets)? {
                    Some(hit) => hits.push((rank, hit)),
                    None => gone.push(candidate.stem),
                }
            }
        }
        drop(moment);
        hits.sort_by_key(|(rank, _)| *rank);
        found.hits = hits.into_iter().map(|(_, hit)| hit).collect();
        Ok(gone)
    }

    /// Opens a session of which something may answer; `None` if it cannot be read.
    fn open(
        &self,
        database: &Database,
        session: i64,
        stem: &str,
        heads: &mut dyn Heads,
    ) -> Result<Option<Session>, SearchError> {
        // The head first: the file, which is read later, then has its entry.
        let head = heads.head(stem);
        let called = sessions::known(&database.connection, stem)?.map(|known| known.called);
        let outline = sessions::outline(&database.connection, session)?;
        let read = || -> io::Result<Option<Session>> {
            let mut reading = Reading::open(self.system, &path_of(self.folder, stem))?;
            if let Some(outline) = &outline {
                // What does not fit is read from the beginning.
                reading.take_up(outline)?;
            }
            if !reading.catch_up(self.stop)? {
                return Ok(None);
            }
            let head = head.as_ref().map(Option::as_ref);
            let tree = Tree::of(&mut reading, head)?;
            Ok(Some(Session {
                reading,
                tree,
                called: called.unwrap_or_default(),
            }))
        };
        Ok(read().unwrap_or_default())
    }
}

/// A session of which something answers.
struct Session {
    reading: Reading,
    tree: Tree,
    called: sessions::Called,
}

impl Session {
    /// The entry of a candidate as it stands in the transcript; `None` if it is not there any more, or answers no more.
    fn hit(
        &mut self,
        candidate: &Candidate,
        snippets: &Snippets<'_>,
    ) -> rusqlite::Result<Option<Hit>> {
        let number = candidate.number;
        let Some(entry) = self.reading.entry(number).ok().flatten() else {
            return Ok(None);
        };
        let Some(told) = told(&entry).filter(|told| told.voice == candidate.voice) else {
            return Ok(None);
        };
        let Some(snippet) = snippets.of(&told)? else {
            return Ok(None);
        };
        let outline = &self.reading.outline;
        let line = outline.row(number).map(Row::number);
        let standing = self.tree.standing(outline, number, told.never);
        Ok(standing.map(|standing| Hit {
            stem: candidate.stem.clone(),
            key: self.called.key.clone(),
            name: self.called.name.clone(),
            title: self.called.title.clone(),
            entry: entry.id().clone(),
            line: line.unwrap_or_default(),
            time: told.time,
            voice: told.voice,
            standing,
            snippet,
        }))
    }
}
