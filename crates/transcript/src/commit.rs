//! A commit on a file: checked, put in order, placed, written by one write, read back.
//!
//! It runs on a thread of its own with a permit that keeps the locks, so it ends whole though its future is dropped.
//! Order: is everything held still ours; is the turn still the claim's; the tail in order; catch up; place; check once
//! more; one write and a look at what came of it (`write.rs`); save the head. Deliberately absent: waiting for a disk (see `sync.rs`), except where a
//! file gets its name.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use latchwork_filelock::{ClaimError, ClaimHandle, StageError, WritePermit};
use latchwork_format::{EntryId, Mark, Version};
use latchwork_session::{AppendError, Birth, Commit, Head, Receipt};
use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System, hex_id};

use crate::entries::{Entries, is_changed};
use crate::head_file::{HeadFile, SavedHead, Settings};
use crate::index;
use crate::lines::{self, Written};
use crate::meter;
use crate::missing::Missing;
use crate::plan::{self, Ground, Plan, Refusal};
use crate::receipt::last_own;
use crate::session::Session;
use crate::state::Known;
use crate::tail::{self, Mended, NotMended};
use crate::updates::Updates;

/// A commit under way.
pub(crate) struct Work {
    pub session: Arc<Session>,
    pub permit: WritePermit,
    pub claim: Option<ClaimHandle>,
    pub head: Arc<Mutex<Option<HeadFile>>>,
    pub updates: Updates,
}

impl Work {
    /// Commits entries.
    pub(crate) fn commit(&self, base: &Head, commit: Commit) -> Result<Receipt, AppendError> {
        let (turn, birth) = (commit.turn.clone(), commit.birth.clone());
        let mut commit = Some(commit);
        let done = self.on_file(base, birth.as_ref(), |work, known, file| {
            let commit = commit.take().unwrap_or_else(|| Commit::side(Vec::new()));
            let head = work.current_head(known, file, Some(base));
            let ground = Ground {
                entries: work.entries(known, file),
                head,
            };
            let plan = plan::plan(&ground, base, commit);
            let head = head.and_then(|head| known.outline.id(head));
            let mut plan = plan.map_err(|refusal| match refusal {
                Refusal::Stale => AppendError::Stale {
                    session: work.session.id.clone(),
                    head: Box::new(known.as_head(head.clone())),
                },
                Refusal::Disk(error) => work.unread(known, error),
            })?;
            if let Target::Birth { birth, .. } = file
                && let Some(key) = &birth.session_key
            {
                plan.say_first(plan::session_line(key));
            }
            work.write(
                known,
                file,
                head,
                plan,
                turn.as_ref().map(|turn| turn.0.as_str()),
            )
        });
        done.map_err(|error| match &commit {
            Some(unwritten) => self.keep_unwritten(error, &unwritten.entries),
            None => error,
        })
    }

    /// Runs a step on the transcript in order, or on a transcript that is only being born. `base`: what the caller had seen.
    pub(crate) fn on_file<T>(
        &self,
        base: &Head,
        birth: Option<&Birth>,
        step: impl FnOnce(&Self, &mut Known, &Target<'_>) -> Result<T, AppendError>,
    ) -> Result<T, AppendError> {
        if self.session.sync.is_latched() {
            return Err(AppendError::Latched {
                session: self.session.id.clone(),
            });
        }
        let done = self.on_transcript(base, birth, step);
        match done {
            // What may be written is told as that, whoever has the file by now.
            Ok(_) | Err(AppendError::Unknown { .. }) => {}
            // Of something that is not ours any more, whatever else went wrong is beside the point.
            Err(_) => self.check()?,
        }
        done
    }

    fn on_transcript<T>(
        &self,
        base: &Head,
        birth: Option<&Birth>,
        step: impl FnOnce(&Self, &mut Known, &Target<'_>) -> Result<T, AppendError>,
    ) -> Result<T, AppendError> {
        let mut known = self.session.known();
        self.system().steps.reach("commit:began");
        let Some(file) = self.permit.transcript() else {
            return self.born(&mut known, Missing::File, base, birth, step);
        };
        let facts = file
            .facts()
            .doing("look at", &self.session.place.transcript);
        let facts = facts.map_err(|error| self.failed(error))?;
        if facts.size == 0 {
            return self.born(&mut known, Missing::Content, base, birth, step);
        }
        known
            .catch_up_to(self.system(), &self.session.place, &*file, &facts)
            .map_err(|error| self.failed(error))?;
        let file = self.in_order(&mut known, file)?;
        let done = step(self, &mut known, &Target::File(&*file))?;
        index::save(self.system(), &self.session.place, &mut known, &*file);
        self.session.show(&known);
        Ok(done)
    }

    /// The entries of what a commit goes to.
    pub(crate) fn entries<'k>(&'k self, known: &'k Known, file: &'k Target<'_>) -> Entries<'k> {
        let file = match file {
            Target::File(file) => Some(*file),
            Target::Birth { .. } => None,
        };
        Entries {
            outline: &known.outline,
            file,
            place: &self.session.place,
        }
    }

    /// What is there could not be read. Nothing was written.
    pub(crate) fn unread(&self, known: &mut Known, error: PathError) -> AppendError {
        if is_changed(&error) {
            known.distrust();
        }
        self.failed(error)
    }

    /// Closes the tail, refuses what must not be written, brings an old version up to date.
    pub(crate) fn in_order(
        &self,
        known: &mut Known,
        file: Arc<dyn DiskFile>,
    ) -> Result<Arc<dyn DiskFile>, AppendError> {
        for mended in self.mend_end(known, &*file)? {
            meter::put_in_quarantine();
            tracing::warn!(session = %self.session.id, offset = mended.offset, bytes = mended.len,
                rescued = mended.rescued, copy = ?mended.kept_in, "a fragment in the transcript was put in quarantine");
        }
        let header = known
            .outline
            .writable()
            .map_err(|fault| AppendError::ReadOnly {
                session: self.session.id.clone(),
                why: format!("{fault} ({:?})", self.session.place.transcript),
            })?;
        match header.version {
            Version::One | Version::Two => self
                .migrate(known, &*file)
                .map_err(|error| self.stage_failed(error)),
            _ => Ok(file),
        }
    }

    /// The end of the file put in order, with a look at what is held before each write.
    pub(crate) fn mend_end(
        &self,
        known: &mut Known,
        file: &dyn DiskFile,
    ) -> Result<Vec<Mended>, AppendError> {
        let held = || self.check().map_err(NotMended::NotHeld);
        let mended = tail::put_in_order(self.system(), &self.session.place, known, file, &held);
        mended.map_err(|error| match error {
            NotMended::Disk(error) => self.failed(error),
            NotMended::Unsynced(error) => self.unknown(error),
            NotMended::NotHeld(error) => error,
        })
    }

    /// The end of the active branch. Where nothing is saved, what the writer saw as its base is the best that is known.
    pub(crate) fn current_head(
        &self,
        known: &Known,
        file: &Target<'_>,
        base: Option<&Head>,
    ) -> Option<u32> {
        let Target::File(file) = file else {
            return None;
        };
        let believed = self.with_head_file(|held| {
            let saved = held.head().filter(|saved| known.believes(*file, saved));
            let head = saved.map(|saved| known.head_since(saved))?;
            held.seen(known.inode);
            Some(head)
        });
        if let Some(head) = believed {
            return head;
        }
        let seen = base
            .filter(|base| base.leaf.is_some())
            .map(|base| SavedHead {
                leaf: base.leaf.clone(),
                at: base.seen.0,
                witness: base.witness,
                settings: None,
            });
        known.head(*file, seen.as_ref())
    }

    /// Writes a plan and says where its entries stand.
    pub(crate) fn write(
        &self,
        known: &mut Known,
        file: &Target<'_>,
        head: Option<EntryId>,
        mut plan: Plan,
        turn: Option<&str>,
    ) -> Result<Receipt, AppendError> {
        if plan.lines.is_empty() {
            self.sync_through_own(known);
            return Ok(self.receipt(known, head, plan, &[]));
        }
        let written = self.render(known, &plan, turn)?;
        self.system().steps.reach("commit:rendered");
        self.check()?;
        match file {
            Target::File(file) => {
                plan.outcome = self.append(known, *file, &written, plan.outcome)?;
            }
            Target::Birth { birth, what } => self.create(known, birth, *what, &written)?,
        }
        self.sync_through_own(known);
        let end = written.iter().map(|line| &line.id).next_back();
        self.save_head(known, &plan, head, end);
        let own_end = last_own(&plan, &written);
        let receipt = self.receipt(known, own_end, plan, &written);
        meter::committed(&receipt.outcome);
        Ok(receipt)
    }

    /// Gives the syncs a descriptor of their own: the guard's own would keep its lock alive.
    pub(crate) fn sync_through_own(&self, known: &Known) {
        if self.session.sync.is_of(known.inode) {
            return;
        }
        let path = &self.session.place.transcript;
        // For appending, as a file that may only grow is not opened otherwise.
        let opened = self.system().disk.open(path, &OpenHow::appending());
        if let Ok(opened) = opened
            && let Ok(facts) = opened.facts()
            && (facts.dev, facts.ino) == known.inode
        {
            self.session.sync.use_file(opened.into(), known.inode);
        } else {
            // A sync of the file that was there before would promise what it does not keep.
            self.session.sync.use_nothing();
        }
    }

    fn render(
        &self,
        known: &Known,
        plan: &Plan,
        turn: Option<&str>,
    ) -> Result<Vec<Written>, AppendError> {
        let now = latchwork_format::time::iso_from_millis(self.system().clock.wall_ms());
        let mut taken: HashSet<EntryId> = HashSet::new();
        let mut parent = plan.parent.clone();
        let mut written = Vec::with_capacity(plan.lines.len());
        for (index, line) in plan.lines.iter().enumerate() {
            let id = line
                .id
                .clone()
                .unwrap_or_else(|| self.new_id(known, &taken));
            taken.insert(id.clone());
            let onto = line.onto.clone().unwrap_or(parent);
            let mark = Mark {
                key: line.key.as_ref().map(ToString::to_string),
                placement: line.placement,
                turn: turn.map(str::to_owned),
                other: lines::marks(line),
            };
            let bytes = lines::render(&id, onto.as_ref(), &now, &mark, line).map_err(|error| {
                AppendError::BadEntry {
                    index,
                    why: lines::why(&error),
                }
            })?;
            parent = Some(id.clone());
            written.push(Written {
                id,
                parent: onto,
                bytes,
            });
        }
        Ok(written)
    }

    /// An id that nothing has, not even a line that cannot be read.
    pub(crate) fn new_id(&self, known: &Known, taken: &HashSet<EntryId>) -> EntryId {
        let is_free = |id: &EntryId| {
            let lost = known.outline.has_lost(id.as_str());
            known.find(id).is_none() && !lost && !taken.contains(id)
        };
        let id = EntryId::new(format!("{:08x}", self.session.random()));
        if is_free(&id) {
            return id;
        }
        fresh_id(self.system(), is_free)
    }

    /// The active branch ends with the last line, unless the plan only put something aside torn from it.
    fn save_head(
        &self,
        known: &Known,
        plan: &Plan,
        before: Option<EntryId>,
        end: Option<&EntryId>,
    ) {
        let aside_only = plan.lines.last().is_some_and(|line| line.aside);
        let leaf = if aside_only { before } else { end.cloned() };
        self.note_head(known, leaf);
        self.system().steps.reach("commit:head-saved");
    }

    /// Notes where the active branch ends: saved at once where others would not find it by folding.
    pub(crate) fn note_head(&self, known: &Known, leaf: Option<EntryId>) {
        let (system, place) = (self.system(), &self.session.place);
        let entry = leaf.as_ref().and_then(|leaf| known.find(leaf));
        let head = SavedHead {
            leaf,
            at: known.outline.saved_through(),
            witness: known.witness,
            settings: entry.and_then(|entry| Settings::of(&known.outline, entry)),
        };
        let noted = self.with_head_file(|held| {
            let before = held.head_of(known.inode);
            if before.is_some_and(|before| known.head_since(before) == entry) {
                return held.put_off(system, place, head);
            }
            held.seen(known.inode);
            held.save(system, place, head)
        });
        if let Err(error) = noted {
            // It is found again by folding; only the time to do so is lost.
            tracing::debug!(session = %self.session.id, %error, "the head was not saved");
        }
    }

    /// The saved head, read once for each guard.
    fn with_head_file<T>(&self, step: impl FnOnce(&mut HeadFile) -> T) -> T {
        let mut held = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let (system, place) = (self.system(), &self.session.place);
        step(held.get_or_insert_with(|| HeadFile::open(system, place)))
    }

    /// Is everything that is held still ours, and is the turn still the claim's?
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        let lost = |why: String| AppendError::GuardLost {
            session: self.session.id.clone(),
            why,
        };
        self.permit
            .check()
            .map_err(|error| lost(error.what.to_string()))?;
        if let Some(claim) = &self.claim {
            self.permit
                .check_claim(claim)
                .map_err(|error| match error {
                    ClaimError::Superseded(lost) => AppendError::Superseded(lost),
                    ClaimError::Io(error) => self.failed(error),
                    other => lost(other.to_string()),
                })?;
        }
        self.system().steps.checked(&self.session.place.transcript);
        Ok(())
    }

    pub(crate) fn system(&self) -> &System {
        &self.session.system
    }

    pub(crate) fn stage_failed(&self, error: StageError) -> AppendError {
        match error {
            StageError::Io(error) => self.failed(error),
            other => AppendError::GuardLost {
                session: self.session.id.clone(),
                why: other.to_string(),
            },
        }
    }

    pub(crate) fn failed(&self, error: PathError) -> AppendError {
        let (session, doing) = (self.session.id.clone(), error.to_string());
        let source = Box::new(error.source);
        match source.kind() {
            std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::FileTooLarge => AppendError::NoSpace {
                session,
                doing,
                source,
            },
            _ => AppendError::Backend {
                session,
                doing,
                source,
            },
        }
    }
}

/// Eight hex digits like pi's own, unless they are taken. Where nothing random can be had, the next that is free.
pub(crate) fn fresh_id(system: &System, is_free: impl Fn(&EntryId) -> bool) -> EntryId {
    let random = [4, 4, 4, 4, 8]
        .into_iter()
        .map(|bytes| hex_id(&*system.entropy, bytes));
    let uuid = std::iter::once_with(|| latchwork_sys::uuid_v4(&*system.entropy));
    let counted = (0_u64..).map(|number| format!("{number:08x}"));
    let mut ids = random.chain(uuid).chain(counted).map(EntryId::new);
    // Numbers do not end before the entries do.
    ids.find(is_free).unwrap_or_else(|| EntryId::new(""))
}

/// What a commit goes to.
pub(crate) enum Target<'a> {
    /// The transcript.
    File(&'a dyn DiskFile),
    /// A transcript that is not there yet.
    Birth {
        /// How it begins.
        birth: &'a Birth,
        /// What is not there.
        what: Missing,
    },
}
