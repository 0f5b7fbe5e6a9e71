//! A batch put where it belongs, under one guard.
//!
//! Items that follow one another are one commit. Where such a run goes:
//!
//! | the head | the run |
//! |---|---|
//! | anywhere, and the run says nothing in the conversation | goes to the head |
//! | nothing was said between what the run follows and the head | goes to the head |
//! | is an import's: the source has forked | the head is moved to what the run follows, and the run goes there |
//! | is somebody else's, or the run is a helper's conversation | stands beside the active branch, which stays |
//!
//! Invariant: what was looked at under the guard is what is written to, for nobody else who takes the lock writes meanwhile; and a
//! commit to the head names the head exactly, so a program that takes no lock is noticed.

use latchwork_format::EntryId;
use latchwork_import::{Follows, Item, Summary, receipt};
use latchwork_lock::{LockScope, PhaseGuard};
use latchwork_session::{
    AppendError, Birth, Commit, Head, Intent, Key, Level, NewEntry, Outcome, Receipt, SessionLocks,
    TranscriptStore, View,
};

use super::map::Map;
use super::{ImportError, ImportHow, Imported};
use crate::{Session, WriteError};

/// How often a run is tried anew when somebody without a lock came in between.
const TRIES: usize = 5;
/// Why a head is moved.
const FORKED: &str = "the imported session goes on from here";

/// Puts items into one session.
pub(super) struct Placer<'s> {
    session: &'s Session,
    how: ImportHow,
    map: Map,
    /// By the number of an item: its entry.
    ids: Vec<Option<EntryId>>,
    /// The entry that was placed, or found, last.
    last: Option<EntryId>,
    /// The number of the last item that something may follow.
    last_number: Option<u64>,
    /// The last one that is part of the main conversation.
    leaf: Option<EntryId>,
    /// Something was written that is part of the main conversation.
    spoke: bool,
    cwd: Option<String>,
    written: u64,
    already: u64,
    aside: u64,
}

/// Items that follow one another.
#[derive(Default)]
struct Run<'i> {
    items: Vec<&'i Item>,
    entries: Vec<NewEntry>,
    /// What the first one follows.
    parent: Option<EntryId>,
    side: bool,
    /// The number of the last one that something may follow.
    number: Option<u64>,
    /// Nothing is said up to its end.
    is_silent: bool,
}

/// Where a run goes.
#[derive(PartialEq, Eq)]
enum To {
    Head,
    /// To what it follows, and the head with it.
    Moved,
    Beside,
}

impl<'s> Placer<'s> {
    pub(super) fn new(session: &'s Session, how: ImportHow) -> Self {
        Self {
            session,
            how,
            map: Map::default(),
            ids: Vec::new(),
            last: None,
            last_number: None,
            leaf: None,
            spoke: false,
            cwd: None,
            written: 0,
            already: 0,
            aside: 0,
        }
    }

    /// Takes note of what stands there and was not seen yet.
    pub(super) async fn look(&mut self) -> Result<(), ImportError> {
        loop {
            let page = self.session.page(self.map.read_to).await?;
            for (_, entry) in &page.entries {
                self.map.see(entry);
            }
            self.map.read_to = page.next;
            if !page.more {
                return Ok(());
            }
        }
    }

    /// Puts a batch where it belongs.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub(super) async fn place(
        &mut self,
        scope: &mut LockScope,
        items: &[Item],
        cwd: Option<String>,
    ) -> Result<(), ImportError> {
        self.cwd = cwd.or(self.cwd.take());
        if items
            .iter()
            .all(|item| self.map.entry_of(&item.key).is_some())
        {
            // Nothing to write: no need to keep anybody out.
            items.iter().for_each(|item| self.stands(item));
            return Ok(());
        }
        if self.how.dry_run {
            items.iter().for_each(|item| self.would_write(item));
            return Ok(());
        }
        let (store, ask) = (self.session.store(), self.session.side_guard());
        let mut guard = store.guard(scope, ask).await.map_err(WriteError::from)?;
        let done = self.place_under(&mut guard, items).await;
        drop(guard);
        done
    }

    fn would_write(&mut self, item: &Item) {
        match self.map.entry_of(&item.key).is_some() {
            true => self.already += 1,
            false => self.written += 1,
        }
    }

    /// An item that stands there already.
    fn stands(&mut self, item: &Item) {
        if let Some(id) = self.map.entry_of(&item.key).cloned() {
            self.already += 1;
            self.is_placed(item, id);
        }
    }

    fn is_placed(&mut self, item: &Item, id: EntryId) {
        if let Some(number) = item.number.and_then(|number| usize::try_from(number).ok()) {
            if self.ids.len() <= number {
                self.ids.resize(number + 1, None);
            }
            if let Some(slot) = self.ids.get_mut(number) {
                *slot = Some(id.clone());
            }
            self.last_number = item.number;
            if !item.side {
                self.leaf = Some(id.clone());
            }
        }
        self.last = Some(id);
    }

    fn id_of(&self, number: u64) -> Option<EntryId> {
        let number = usize::try_from(number).ok()?;
        self.ids.get(number)?.clone()
    }

    async fn place_under(
        &mut self,
        guard: &mut PhaseGuard<'_>,
        items: &[Item],
    ) -> Result<(), ImportError> {
        // What has come since, by another import of the same source perhaps.
        self.look().await?;
        let mut run = Run::default();
        for item in items {
            if self.map.entry_of(&item.key).is_some() {
                self.write(guard, std::mem::take(&mut run)).await?;
                self.stands(item);
                continue;
            }
            if !run.takes(item) || item.refers().next().is_some() {
                self.write(guard, std::mem::take(&mut run)).await?;
            }
            if run.items.is_empty() {
                self.begin(&mut run, item);
            }
            let body = item.body_with(|number| self.id_of(number));
            let body = body.ok_or(ImportError::Dangling { line: item.lines.0 })?;
            let key = Key::new(item.key.as_str())?;
            run.entries.push(NewEntry::keyed(body, key));
            run.items.push(item);
            run.number = item.number.or(run.number);
            run.is_silent &= item.number.is_none();
        }
        self.write(guard, run).await
    }

    /// A run begins with this item.
    fn begin(&self, run: &mut Run<'_>, item: &Item) {
        run.side = item.side;
        match item.follows {
            Follows::Nothing => run.parent = None,
            Follows::Item(number) => run.parent = self.id_of(number),
            Follows::Anything => {
                run.parent.clone_from(&self.last);
                run.number = self.last_number;
            }
        }
        run.is_silent = self.map.above(run.parent.as_ref()).entry.is_none();
    }

    /// Writes a run, and takes note of where it stands.
    async fn write(&mut self, guard: &mut PhaseGuard<'_>, run: Run<'_>) -> Result<(), ImportError> {
        if run.entries.is_empty() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let Some((receipt, to)) = self.try_write(guard, &run).await? else {
                self.look().await?;
                continue;
            };
            let count = receipt.placed.len() as u64;
            self.written += count;
            if to == To::Beside {
                self.aside += count;
            }
            for (item, placed) in run.items.iter().zip(&receipt.placed) {
                self.map
                    .wrote(&item.key, &placed.id, placed.parent.as_ref());
                self.is_placed(item, placed.id.clone());
            }
            self.spoke |= !run.side && !run.says_nothing();
            if to == To::Beside {
                // The store noted where the head is, in a line that is the head by now.
                self.look().await?;
            }
            return Ok(());
        }
        Err(ImportError::Disturbed)
    }

    /// `None`: somebody who takes no lock came in between.
    async fn try_write(
        &mut self,
        guard: &mut PhaseGuard<'_>,
        run: &Run<'_>,
    ) -> Result<Option<(Receipt, To)>, ImportError> {
        let store = self.session.store();
        let snapshot = store.open(self.session.id(), View::Last(1)).await?;
        let to = self.where_to(&snapshot.head, run);
        let (base, intent) = match to {
            To::Head => (snapshot.head, Intent::Exact),
            To::Moved => {
                let moved = store.move_head(guard, run.parent.as_ref(), FORKED).await;
                let head = moved.map_err(WriteError::from)?.head;
                self.map.moved(head.leaf.as_ref(), run.parent.as_ref());
                (head, Intent::Exact)
            }
            To::Beside => {
                let leaf = run.parent.clone();
                (
                    Head {
                        leaf,
                        ..snapshot.head
                    },
                    Intent::Aside,
                )
            }
        };
        let commit = Commit {
            intent,
            birth: Some(self.birth()),
            ..Commit::side(run.entries.clone())
        };
        match store.append(guard, &base, commit).await {
            Ok(receipt) => {
                if to != To::Beside && receipt.outcome == Outcome::Clean {
                    // Nothing came but what is known; it need not be read back.
                    self.map.read_to = receipt.head.seen;
                }
                Ok(Some((receipt, to)))
            }
            Err(AppendError::Stale { .. }) => Ok(None),
            Err(error) => Err(WriteError::from(error).into()),
        }
    }

    fn where_to(&self, head: &Head, run: &Run<'_>) -> To {
        let at_head = self.map.above(head.leaf.as_ref());
        let follows = self.map.above(run.parent.as_ref());
        match () {
            () if run.says_nothing() => To::Head,
            () if run.side => To::Beside,
            () if at_head.entry == follows.entry => To::Head,
            () if at_head.imported => To::Moved,
            () => To::Beside,
        }
    }

    fn birth(&self) -> Birth {
        Birth {
            cwd: self.cwd.clone().unwrap_or_else(|| self.how.cwd.clone()),
            session_key: self.session.key().map(|key| key.as_str().to_owned()),
            parent_session: None,
        }
    }

    /// An item may have come in the middle, beside what follows it: the conversation still ends where the source ends.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    async fn rest_at_leaf(&mut self, scope: &mut LockScope) -> Result<(), ImportError> {
        let (store, ask) = (self.session.store(), self.session.side_guard());
        let mut guard = store.guard(scope, ask).await.map_err(WriteError::from)?;
        self.look().await?;
        let snapshot = store.open(self.session.id(), View::Last(1)).await?;
        let at_head = self.map.above(snapshot.head.leaf.as_ref());
        let done = match at_head.imported && at_head.entry != self.leaf {
            true => store
                .move_head(&mut guard, self.leaf.as_ref(), FORKED)
                .await
                .map(drop),
            false => Ok(()),
        };
        drop(guard);
        Ok(done.map_err(WriteError::from)?)
    }

    /// The source has come to its end: its receipt is written, and everything made durable.
    pub(super) async fn end(
        mut self,
        scope: &mut LockScope,
        summary: Summary,
    ) -> Result<Imported, ImportError> {
        let mut receipt_of = None;
        if !self.how.dry_run {
            let (key, body) = receipt(&summary)?;
            // Without this receipt, an import before this one may have been broken off.
            let is_new = self.map.entry_of(&key).is_none();
            if is_new && (self.spoke || self.written == 0) {
                self.rest_at_leaf(scope).await?;
            }
            let entry = NewEntry::keyed(body, Key::new(key)?);
            let commit = Commit {
                birth: Some(self.birth()),
                ..Commit::side(vec![entry])
            };
            let head = Head::default();
            let done = self.session.commit_at(scope, &head, commit, Level::Synced);
            receipt_of = done.await?.placed.pop().map(|placed| placed.id);
        }
        Ok(Imported {
            summary,
            written: self.written,
            already: self.already,
            aside: self.aside,
            receipt: receipt_of,
            leaf: self.leaf,
        })
    }
}

impl Run<'_> {
    fn says_nothing(&self) -> bool {
        self.items.iter().all(|item| item.number.is_none())
    }

    /// Whether an item may be the next one.
    fn takes(&self, item: &Item) -> bool {
        if self.items.is_empty() {
            return true;
        }
        match item.follows {
            // What says nothing goes wherever it is put, with whoever it comes with.
            Follows::Anything => true,
            Follows::Item(number) => item.side == self.side && self.number == Some(number),
            Follows::Nothing => item.side == self.side && self.is_silent,
        }
    }
}
