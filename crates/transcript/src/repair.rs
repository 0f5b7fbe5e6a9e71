//! A transcript looked through whole, and written anew from what can be read of it, on request alone.
//!
//! Looking takes no lock and writes nothing. A repair is one new file under the guard, put in the place of the old one whole,
//! which is kept in quarantine; where a peer that takes no lock writes meanwhile, it begins again with what is there. Of a
//! sound transcript nothing is changed.

use std::path::PathBuf;

use latchwork_filelock::StageError;
use latchwork_format::transcript::pieces;
use latchwork_format::{EntryId, Flaw, MigrateError, SessionId, Tail, Transcript, Version, flaws};
use latchwork_lock::PhaseGuard;
use latchwork_session::{AppendError, OpenError, View};
use latchwork_sys::IoDoing;

use crate::commit::{Target, Work, fresh_id};
use crate::reading::{Ask, open};
use crate::session::Session;
use crate::state::{Known, read_from};
use crate::store::{FileStore, run};
use crate::updates::UpdateKind;

/// What is in a transcript, and what is wrong with it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// Its size in bytes.
    pub bytes: u64,
    /// The version of its format; `None` without a header that can be read.
    pub version: Option<Version>,
    /// Entries that can be read.
    pub entries: usize,
    /// Entries that nothing hangs below: the ends of its branches.
    pub branches: usize,
    /// Why nothing is written to it.
    pub read_only: Option<String>,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
}

impl Verified {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.flaws.is_empty() && self.read_only.is_none()
    }
}

/// A transcript that was repaired.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Repair {
    /// Where the transcript is kept as it was.
    pub kept_in: PathBuf,
    /// Damaged lines, or parts of lines, that were left out.
    pub left_out: usize,
    /// Places where entries are lost, marked as gaps.
    pub gaps: usize,
    /// Entries that got another parent or id.
    pub mended: usize,
    /// There was no header that could be read.
    pub new_header: bool,
}

impl FileStore {
    /// Looks through the transcript; `None` if there is none. No lock is taken and nothing is written.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be read.
    pub async fn verify(&self, session: &SessionId) -> Result<Option<Verified>, OpenError> {
        self.reading(session, |session| verify(&session)).await
    }

    /// Writes the transcript anew from what can be read of it, durable when it returns; `None` if nothing is wrong with it.
    ///
    /// # Errors
    /// [`AppendError`]: there is none, it is of a newer version, the guard is another session's or was lost, the disk failed.
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn repair(&self, guard: &mut PhaseGuard<'_>) -> Result<Option<Repair>, AppendError> {
        let repaired = |work: &Work| {
            let done = repair(work)?;
            if done.is_some() {
                work.tell_of(UpdateKind::Repaired, Vec::new());
            }
            Ok(done)
        };
        run(self.work(guard)?, repaired).await
    }
}

fn verify(session: &Session) -> Result<Option<Verified>, OpenError> {
    let ask = Ask {
        view: View::Everything,
        keys: None,
    };
    let snapshot = open(session, &ask)?;
    if !snapshot.exists {
        return Ok(None);
    }
    let transcript = &*snapshot.transcript;
    let behind = match transcript.tail() {
        Tail::Clean => 0,
        Tail::Unterminated { len, .. } | Tail::Fragment { len, .. } => len as u64,
    };
    let bytes = transcript.saved_through() + behind;
    let fault = transcript.writable().err().filter(|_| bytes > 0);
    let parents: std::collections::HashSet<_> = transcript
        .entries()
        .filter_map(|entry| transcript.parent_of(entry.id()))
        .map(|parent| parent.id().clone())
        .collect();
    let ends = transcript
        .entries()
        .filter(|entry| !parents.contains(entry.id()));
    Ok(Some(Verified {
        bytes,
        version: transcript.header().map(|header| header.version.clone()),
        entries: transcript.entry_count(),
        branches: ends.count(),
        read_only: fault.map(|fault| fault.to_string()),
        flaws: flaws(transcript),
    }))
}

fn repair(work: &Work) -> Result<Option<Repair>, AppendError> {
    work.check()?;
    let no_session = || AppendError::NoSession {
        session: work.session.id.clone(),
    };
    let file = work.permit.transcript().ok_or_else(no_session)?;
    let mut known = work.session.known();
    let (system, place) = (work.system(), &work.session.place);
    known
        .catch_up(system, place, &*file)
        .map_err(|error| work.failed(error))?;
    let bytes = read_from(&*file, 0).doing("read", &place.transcript);
    let bytes = bytes.map_err(|error| work.failed(error))?;
    let transcript = Transcript::parse(&bytes);
    if bytes.is_empty() || flaws(&transcript).is_empty() && transcript.writable().is_ok() {
        return Ok(None);
    }
    drop(bytes);
    let head = work.current_head(&known, &Target::File(&*file), None);
    let head = head.and_then(|head| known.outline.id(head));
    let mut done = None;
    let (kept_in, new) = work
        .swap(&*file, &mut |bytes| {
            let repaired = anew(work, bytes)?;
            let bytes = repaired.bytes.clone();
            done = Some(repaired);
            Ok(bytes)
        })
        .map_err(|error| work.stage_failed(error))?;
    known.forget();
    known
        .catch_up(system, place, &*new)
        .map_err(|error| work.failed(error))?;
    keep_head(work, &known, head);
    Ok(done.map(|done| Repair {
        kept_in,
        left_out: done.left_out,
        gaps: done.gaps,
        mended: done.mended,
        new_header: done.new_header,
    }))
}

/// The bytes written anew; an old version is brought up to date first.
fn anew(work: &Work, bytes: &[u8]) -> Result<latchwork_format::Repaired, StageError> {
    let path = &work.session.place.transcript;
    let migrated = match latchwork_format::migrate(bytes) {
        Err(MigrateError::Torn { offset, .. }) => {
            let whole = usize::try_from(offset)
                .ok()
                .and_then(|end| bytes.get(..end));
            latchwork_format::migrate(whole.unwrap_or_default()).ok()
        }
        migrated => migrated.ok(),
    };
    let (bytes, cut_out) = told_apart(migrated.as_deref().unwrap_or(bytes));
    let transcript = Transcript::parse(&bytes);
    let system = work.system();
    let now = latchwork_format::time::iso_from_millis(system.clock.wall_ms());
    let mut taken = std::collections::HashSet::<EntryId>::new();
    let mut new_id = || {
        let id = fresh_id(system, |id| {
            transcript.entry(id).is_none() && !taken.contains(id)
        });
        taken.insert(id.clone());
        id
    };
    let repaired = latchwork_format::repair(&transcript, &work.session.id, &now, &mut new_id);
    let refused = |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
    let mut repaired = repaired.map_err(refused).doing("repair", path)?;
    repaired.left_out += cut_out;
    Ok(repaired)
}

/// The same with the fragments blank that share a line with whole entries, as a mended end has them; and how many those are. So a
/// peer's entry that was glued to a dead writer's fragment is not left out with it.
fn told_apart(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = bytes.to_vec();
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    let mut cut_out = 0;
    for damage in Transcript::parse(&bytes).damage() {
        let from = usize::try_from(damage.offset).unwrap_or(usize::MAX);
        let Some(line) = bytes.get_mut(from..from.saturating_add(damage.len)) else {
            continue;
        };
        let pieces = pieces(line);
        if pieces.doubtful || pieces.whole.is_empty() {
            continue;
        }
        for part in pieces.fragments {
            cut_out += 1;
            if let Some(fragment) = line.get_mut(part) {
                fragment.fill(b' ');
            }
        }
    }
    (bytes, cut_out)
}

/// The active branch ends where it ended.
fn keep_head(work: &Work, known: &Known, head: Option<latchwork_format::EntryId>) {
    if let Some(leaf) = head.filter(|leaf| known.find(leaf).is_some()) {
        work.note_head(known, Some(leaf));
    }
}
