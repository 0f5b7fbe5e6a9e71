//! What a writer can be told to do, by name.

use latchwork_session::{Inbox as _, Intent, TranscriptStore as _};
use serde_json::json;

use super::writer::{Writer, said};

/// One move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A message into the inbox.
    Accept,
    /// A waiting message called off.
    Cancel,
    /// What waits is placed and answered.
    Turn,
    /// An entry beside any turn.
    Beside,
    /// The same, refused where anybody has written.
    Exact,
    /// The same, on a branch of its own.
    Aside,
    /// The same message sent or placed twice.
    Again,
    /// The head moved back.
    Rewind,
    /// A new session of what was said here.
    Fork,
    /// An entry replaced.
    Rewrite,
    /// The end put in order.
    Mend,
    /// The file written anew.
    Repair,
    /// The session read.
    Read,
    /// All sessions listed.
    List,
}

impl Move {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 14] = [
        ("accept", Self::Accept),
        ("cancel", Self::Cancel),
        ("turn", Self::Turn),
        ("beside", Self::Beside),
        ("exact", Self::Exact),
        ("aside", Self::Aside),
        ("again", Self::Again),
        ("rewind", Self::Rewind),
        ("fork", Self::Fork),
        ("rewrite", Self::Rewrite),
        ("mend", Self::Mend),
        ("repair", Self::Repair),
        ("read", Self::Read),
        ("list", Self::List),
    ];

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(own, _)| *own == name);
        found.map(|(_, one)| one)
    }
}

impl Writer {
    /// Makes this move.
    pub async fn make(&mut self, one: Move) {
        match one {
            Move::Accept => self.accept().await,
            Move::Cancel => self.cancel().await,
            Move::Turn => self.turn().await,
            Move::Beside => self.beside(Intent::AtHead).await,
            Move::Exact => self.beside(Intent::Exact).await,
            Move::Aside => self.beside(Intent::Aside).await,
            Move::Again => self.again().await,
            Move::Rewind => self.rewind().await,
            Move::Fork => self.fork().await,
            Move::Rewrite => self.rewrite().await,
            Move::Mend => self.mend().await,
            Move::Repair => self.repair().await,
            Move::Read => self.read().await,
            Move::List => self.list().await,
        }
    }

    /// A move by chance; those that a program makes more often are drawn more often.
    pub(super) async fn any_move(&mut self) {
        let one = match self.numbers.below(22) {
            0..=2 => Move::Accept,
            3..=6 => Move::Turn,
            7..=9 => Move::Beside,
            10 => Move::Exact,
            11 => Move::Aside,
            12 => Move::Again,
            13 => Move::Rewind,
            14 => Move::Fork,
            15 | 16 => Move::Rewrite,
            17 => Move::Mend,
            18 => Move::Repair,
            19 => Move::Cancel,
            20 => Move::List,
            _ => Move::Read,
        };
        self.make(one).await;
    }

    /// The first message that waits is called off. That it was accepted is not taken back.
    async fn cancel(&mut self) {
        let waiting = self.store.waiting(&self.session).await.unwrap_or_default();
        let Some(first) = waiting.first() else {
            return;
        };
        let done = self.store.cancel(&self.session, &first.key, "the campaign");
        if let Err(error) = done.await {
            self.tell(json!({ "uncancelled": first.key.as_str(), "why": said(&error) }));
        }
    }

    async fn list(&mut self) {
        if let Err(error) = self.store.list().await {
            self.tell(json!({ "unlisted": self.name, "why": said(&error) }));
        }
    }
}
