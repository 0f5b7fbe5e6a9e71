//! A source of Codex's that is still being written, fed in pieces, into one session.
//!
//! Whoever feeds says when the source is quiet ([`idle`](Following::idle), [`rest`](Following::rest)) and when it has ended
//! ([`end`](Following::end)); nothing here knows files or times. Everything can be fed again from its beginning at any time, in this process or
//! another one: what stands is not written twice.
//!
//! What is written: the messages of the conversation, and what is of a kind that nobody here knows, kept raw. What is not, and is counted: what the
//! source repeats for screens, and what would steer the session (settings, compactions: they are about another program's context).
//!
//! Memory: a line, and a batch ([`batch`](super::batch)).

use latchwork_import::{Item, ItemKind, Live, Report, Rest};
use latchwork_lock::LockScope;

use super::batch::Batch;
use super::known::Known;
use super::{MirrorError, MirrorHow, Mirrored};
use crate::Session;

/// A source that is followed into a session.
pub struct Following {
    session: Session,
    how: MirrorHow,
    known: Known,
    live: Live,
    batch: Batch,
}

impl Session {
    /// Begins to mirror a source of Codex's, a rollout or a stream, from its beginning. What the session holds is read once.
    ///
    /// # Errors
    /// See [`MirrorError`]: of its kinds those of reading.
    pub async fn follow_codex(&self, how: MirrorHow) -> Result<Following, MirrorError> {
        let mut known = Known::default();
        known.look(self).await?;
        Ok(Following {
            session: self.clone(),
            how,
            live: known.live(),
            known,
            batch: Batch::default(),
        })
    }
}

impl Following {
    /// Takes the next bytes of the source. What is whole is written when it is enough; see [`idle`](Self::idle).
    ///
    /// # Errors
    /// See [`MirrorError`]. [`MirrorError::Again`] asks for [`again`](Self::again); after any other error the same call with no bytes goes on.
    ///
    /// # Cancel safety
    /// What was begun is written whole. Feed the source from its beginning then.
    pub async fn feed(
        &mut self,
        scope: &mut LockScope,
        bytes: &[u8],
    ) -> Result<Mirrored, MirrorError> {
        self.live.push(bytes);
        self.collect();
        let mut done = Mirrored::default();
        while self.batch.is_full() {
            done.add(self.write(scope).await?);
        }
        Ok(done)
    }

    /// There is nothing more at the moment: what is whole is written.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    ///
    /// # Cancel safety
    /// As [`feed`](Self::feed).
    pub async fn idle(&mut self, scope: &mut LockScope) -> Result<Mirrored, MirrorError> {
        self.collect();
        let mut done = Mirrored::default();
        while self.batch.has_whole() {
            done.add(self.write(scope).await?);
        }
        Ok(done)
    }

    /// The source has been quiet for a while: a reply that is open is written as far as it has come, unless it calls tools.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    ///
    /// # Cancel safety
    /// As [`feed`](Self::feed).
    pub async fn rest(&mut self, scope: &mut LockScope) -> Result<Mirrored, MirrorError> {
        self.live.rest();
        self.idle(scope).await
    }

    /// The source has ended: a last line is taken if it is whole, and what is open is written as [`rest`](Self::rest) does.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    ///
    /// # Cancel safety
    /// As [`feed`](Self::feed).
    pub async fn end(&mut self, scope: &mut LockScope) -> Result<Mirrored, MirrorError> {
        self.live.end();
        self.idle(scope).await
    }

    /// Begins anew: the source is fed from its beginning next, or another one that took its place.
    ///
    /// # Errors
    /// See [`MirrorError`]: of its kinds those of reading.
    pub async fn again(&mut self) -> Result<(), MirrorError> {
        self.known.look(&self.session).await?;
        self.live = self.known.live();
        self.batch = Batch::default();
        Ok(())
    }

    /// From here on, a turn that is under way is not waited for.
    pub(super) const fn waits_for_nobody(&mut self) {
        self.how.wait = std::time::Duration::ZERO;
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// What came, and what could not be read.
    #[must_use]
    pub const fn report(&self) -> &Report {
        self.live.report()
    }

    /// The source's own name for its conversation, as far as it is known.
    #[must_use]
    pub fn thread(&self) -> Option<&str> {
        self.live.session()
    }

    /// How many lines have come.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.live.lines()
    }

    /// How many entries wait: calls without their outcome, and what was said since. They are written when the outcomes come.
    #[must_use]
    pub fn waiting(&mut self) -> usize {
        let open = matches!(self.live.rest(), Rest::Calling);
        self.collect();
        self.batch.len() + usize::from(open)
    }

    fn collect(&mut self) {
        while let Some(item) = self.live.pop() {
            let ends = ends_a_turn(&item);
            if is_mirrored(&item) {
                self.batch.add(item);
            }
            if ends {
                self.batch.calls_are_over();
            }
        }
    }

    async fn write(&mut self, scope: &mut LockScope) -> Result<Mirrored, MirrorError> {
        let items = self.batch.whole();
        if self.known.cuts_otherwise(items) {
            return Err(MirrorError::Again);
        }
        let count = items.len();
        let mut done = Mirrored::default();
        let mut entries = Vec::with_capacity(count);
        for item in items {
            entries.push(super::batch::entry(item)?);
        }
        let asked = self.session.asked(entries, &self.how, &mut done).await?;
        let mut how = self.how.clone();
        if let Some(cwd) = self.live.cwd() {
            cwd.clone_into(&mut how.cwd);
        }
        let known = Some(&mut self.known);
        let written = self.session.write_between_turns(scope, asked, &how, known);
        done.add(written.await?);
        // Only now: what failed is tried again.
        self.batch.is_written(count);
        Ok(done)
    }
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following")
            .field("session", &self.session)
            .field("lines", &self.lines())
            .finish_non_exhaustive()
    }
}

/// What the source repeats for screens, or says about itself.
fn is_repeated(name: &str) -> bool {
    name.starts_with("event_msg")
        || [
            "session_meta",
            "turn_context",
            "state",
            "message of developer",
            "message of system",
            "compacted (sealed)",
        ]
        .contains(&name)
}

fn is_mirrored(item: &Item) -> bool {
    match item.kind {
        ItemKind::User | ItemKind::Assistant | ItemKind::ToolResult => true,
        ItemKind::Raw => item.raw_name().is_none_or(|name| !is_repeated(&name)),
        _ => false,
    }
}

/// No outcome comes after this for what was called before it.
fn ends_a_turn(item: &Item) -> bool {
    let ends = ["task_complete", "turn_complete", "turn_aborted"];
    item.kind == ItemKind::Raw
        && item
            .raw_name()
            .as_deref()
            .and_then(|name| name.strip_prefix("event_msg "))
            .is_some_and(|name| ends.contains(&name))
}
